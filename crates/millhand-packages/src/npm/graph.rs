//! A resolved set of npm packages: exact versions, and who imports whom.

use std::collections::BTreeMap;

use super::NpmId;
use crate::digest::Integrity;

/// Packages that have been chosen for a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NpmGraph {
    /// What each specifier of the request, without its alias, came to.
    pub roots: BTreeMap<String, NpmId>,
    /// The roots and all that they need.
    pub packages: BTreeMap<NpmId, NpmNode>,
}

/// A package of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpmNode {
    /// What its tarball must hash to.
    pub integrity: Integrity,
    /// What it may import, by the name in its imports.
    pub dependencies: BTreeMap<String, NpmId>,
}
