//! A resolved set of npm packages: exact versions, and who imports whom.

use std::collections::{BTreeMap, BTreeSet};

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

impl NpmGraph {
    /// Takes in what `other` has; `None` if the two do not agree about a package.
    pub(crate) fn join(&mut self, other: Self) -> Option<()> {
        for (id, node) in other.packages {
            if self.packages.get(&id).is_some_and(|present| *present != node) {
                return None;
            }
            self.packages.insert(id, node);
        }
        self.roots.extend(other.roots);
        Some(())
    }

    /// These roots, and what they need.
    pub(crate) fn restricted_to(&self, roots: &BTreeSet<String>) -> Self {
        let roots: BTreeMap<String, NpmId> = self
            .roots
            .iter()
            .filter(|(root, _)| roots.contains(*root))
            .map(|(root, id)| (root.clone(), id.clone()))
            .collect();
        let mut packages = BTreeMap::new();
        let mut open: Vec<&NpmId> = roots.values().collect();
        while let Some(id) = open.pop() {
            let Some(node) = self.packages.get(id).filter(|_| !packages.contains_key(id)) else { continue };
            open.extend(node.dependencies.values());
            packages.insert(id.clone(), node.clone());
        }
        Self { roots, packages }
    }
}
