//! Packages as authors write them, built and run.

mod assets;
mod common_js;
mod entries;
mod node;
mod outputs;
mod support;
