//! The npm part of an environment in a lockfile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Integrity;
use crate::npm::{NpmGraph, NpmId, NpmNode};

/// Packages and edges. Hashes are elsewhere in the file, once for all environments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LockedNpm {
    pub(super) roots: BTreeMap<String, NpmId>,
    /// Of those that have any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) dependencies: BTreeMap<NpmId, Vec<Edge>>,
}

/// `name@version`, or `other=name@version` for a package that is imported by another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Edge {
    import: String,
    to: NpmId,
}

impl TryFrom<String> for Edge {
    type Error = crate::npm::NpmIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once('=') {
            Some((import, to)) => Ok(Self { import: import.to_owned(), to: to.parse()? }),
            None => {
                let to: NpmId = text.parse()?;
                Ok(Self { import: to.name.to_string(), to })
            }
        }
    }
}

impl From<Edge> for String {
    fn from(edge: Edge) -> Self {
        match edge.import == edge.to.name.as_str() {
            true => edge.to.to_string(),
            false => format!("{}={}", edge.import, edge.to),
        }
    }
}

impl LockedNpm {
    pub(super) fn of(graph: &NpmGraph) -> Self {
        let edges = |node: &NpmNode| {
            let edge = |(import, to): (&String, &NpmId)| Edge { import: import.clone(), to: to.clone() };
            node.dependencies.iter().map(edge).collect::<Vec<_>>()
        };
        let dependencies = graph.packages.iter().map(|(id, node)| (id.clone(), edges(node)));
        Self {
            roots: graph.roots.clone(),
            dependencies: dependencies.filter(|(_, edges)| !edges.is_empty()).collect(),
        }
    }

    /// Every package that it names.
    pub(super) fn ids(&self) -> impl Iterator<Item = NpmId> {
        let edges = self.dependencies.values().flatten().map(|edge| &edge.to);
        self.roots.values().chain(self.dependencies.keys()).chain(edges).cloned()
    }

    /// The packages, or the name of what is missing.
    pub(super) fn graph(&self, integrities: &BTreeMap<NpmId, Integrity>) -> Result<NpmGraph, String> {
        let mut packages = BTreeMap::new();
        for id in self.ids() {
            let Some(integrity) = integrities.get(&id) else { return Err(format!("hash of `{id}`")) };
            let edges = self.dependencies.get(&id).map(Vec::as_slice).unwrap_or_default();
            let dependencies = edges.iter().map(|edge| (edge.import.clone(), edge.to.clone())).collect();
            packages.insert(id, NpmNode { integrity: *integrity, dependencies });
        }
        Ok(NpmGraph { roots: self.roots.clone(), packages })
    }
}
