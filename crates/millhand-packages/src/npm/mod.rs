//! npm packages: what they are called.

mod id;

pub use id::{NpmId, NpmIdError, NpmName};
