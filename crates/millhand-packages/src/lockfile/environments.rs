//! One environment of a lockfile: a request, and what it came to.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::npm::LockedNpm;
use super::python::LockedPython;
use crate::digest::Integrity;
use crate::manifest::RequestJson;
use crate::npm::{NpmGraph, NpmId};
use crate::specifier::{NpmRange, NpmSpecifier};

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
    /// Which of the `wanted` specifiers of `request` it has. Modules and scripts are another thing with other versions
    /// of their dependencies; of stylesheets nothing is used but their own package.
    pub(super) fn roots_for(&self, request: &RequestJson, wanted: &BTreeSet<String>) -> BTreeSet<String> {
        let using = |request: &RequestJson| request.esm.clone().unwrap_or_default().using_dependencies;
        let same_versions = using(&self.request) == using(request);
        let own = self.request.npm_roots();
        let has = |root: &&String| own.contains(*root) && (same_versions || request.css.contains(*root));
        wanted.iter().filter(has).cloned().collect()
    }

    /// The packages, or the name of what is missing.
    pub(super) fn graph(&self, integrities: &BTreeMap<NpmId, Integrity>) -> Result<NpmGraph, String> {
        let Some(npm) = &self.npm else { return Ok(NpmGraph::default()) };
        if let Some(root) = self.request.npm_roots().iter().find(|root| !npm.roots.contains_key(*root)) {
            return Err(format!("root `{root}`"));
        }
        if let Some((root, id)) = npm.roots.iter().find(|(root, id)| !fits(root, id)) {
            return Err(format!("version that fits `{root}`: it has `{id}`"));
        }
        npm.graph(integrities)
    }
}

/// Whether a version is in the range that a specifier names, if it names one.
fn fits(root: &str, id: &NpmId) -> bool {
    let specifier: Option<NpmSpecifier> = root.parse().ok();
    let range = specifier.as_ref().and_then(NpmSpecifier::range);
    range.and_then(NpmRange::versions).is_none_or(|range| range.satisfies(&id.version))
}
