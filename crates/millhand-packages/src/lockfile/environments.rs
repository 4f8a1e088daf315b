//! One environment of a lockfile: a request, and what it came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::npm::LockedNpm;
use super::python::LockedPython;
use crate::digest::Integrity;
use crate::manifest::RequestJson;
use crate::npm::{NpmGraph, NpmId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockedEnvironment {
    /// In its normal form.
    pub(crate) request: RequestJson,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) npm: Option<LockedNpm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) python: Option<LockedPython>,
}

impl LockedEnvironment {
    /// Whether all that `request` wants of npm was wanted here too, in the same way.
    pub(super) fn covers_npm_of(&self, request: &RequestJson) -> bool {
        let own = self.request.npm_roots();
        let using = |request: &RequestJson| request.esm.clone().unwrap_or_default().using_dependencies;
        using(&self.request) == using(request) && request.npm_roots().iter().all(|root| own.contains(root))
    }

    /// The packages, or the name of what is missing.
    pub(super) fn graph(&self, integrities: &BTreeMap<NpmId, Integrity>) -> Result<NpmGraph, String> {
        let Some(npm) = &self.npm else { return Ok(NpmGraph::default()) };
        if let Some(root) = self.request.npm_roots().iter().find(|root| !npm.roots.contains_key(*root)) {
            return Err(format!("root `{root}`"));
        }
        npm.graph(integrities)
    }
}
