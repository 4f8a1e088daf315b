//! Specifiers: what a user asks for, as text. Python's are in `python`.

mod python;

pub use python::{PackageName, PythonRequirement, SpecifierError, VersionRange};
