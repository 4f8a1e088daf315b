//! One module per route.

pub mod files;
pub mod gateway;
pub mod manifest;
pub mod notebook;
pub mod npm;
pub mod package;
pub mod pages;
