//! npm packages: what they are called, how they depend on each other, and what is built from them.

pub(crate) mod builds;
mod graph;
mod id;
pub(crate) mod keys;
pub(crate) mod styles;

pub use graph::{NpmGraph, NpmNode};
pub use id::{NpmId, NpmIdError, NpmName};
