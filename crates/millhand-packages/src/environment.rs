//! What a page asks for, and what it comes to: npm packages, Python packages, or both.

use std::collections::BTreeMap;

use crate::installer::{NpmEnvironment, NpmInputs, PythonEnvironment, PythonRequest};
use crate::store::StoredFile;

/// The environment that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentRequest {
    /// What of npm; may be empty.
    pub npm: NpmInputs,
    /// Python, if it is wanted.
    pub python: Option<PythonRequest>,
}

/// An environment with every file in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// What came of npm.
    pub npm: NpmEnvironment,
    /// Python, if it was wanted.
    pub python: Option<PythonEnvironment>,
}

impl Environment {
    /// All of its files, by their path beside a manifest.
    #[must_use]
    pub fn paths(&self) -> BTreeMap<String, StoredFile> {
        let npm = self.npm.all.iter().map(|file| (format!("npm/{}", file.path), file.stored));
        let python = self.python.iter().flat_map(|python| &python.files);
        npm.chain(python.map(|file| (file.path(), file.stored))).collect()
    }
}
