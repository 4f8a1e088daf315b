//! Pure wheels from PyPI, or from whichever index the user's own tools are set up for.
//!
//! `resolver` asks `uv` or `pip`, which know the user's indexes and proxies, for one version of
//! a package at a time. Which packages are needed is decided here, by `solve`: packages of Pyodide's lock and of
//! overlays are used as they are, and conditions are judged for Python in a browser, which neither tool does for all
//! versions. `contents` reads what a wheel needs. Downloads and the order of steps are the installer's.

pub(crate) mod contents;
mod error;
mod markers;
pub(crate) mod resolver;
pub(crate) mod solve;

pub use contents::WheelError;
pub use error::PypiError;
pub use resolver::{PythonIndex, ResolverError};
