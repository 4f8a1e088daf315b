//! The npm part of a lockfile: who depends on whom, and what each tarball hashes to.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::write::{Table, list, quoted};
use super::{LockfileError, Source};
use crate::digest::Integrity;
use crate::npm::{NpmGraph, NpmId, NpmName, NpmNode};

/// The npm part of an environment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NpmToml {
    roots: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    dependencies: BTreeMap<String, Spanned<Vec<Spanned<String>>>>,
}

pub(super) fn integrities(
    source: &Source<'_>,
    table: BTreeMap<String, Spanned<String>>,
) -> Result<BTreeMap<NpmId, Integrity>, LockfileError> {
    let mut integrities = BTreeMap::new();
    for (id, integrity) in table {
        let id: NpmId = id.parse().map_err(|error| source.wrong(&integrity, format!("{error}")))?;
        let parsed =
            integrity.get_ref().parse().map_err(|error| source.wrong(&integrity, format!("{error}")))?;
        integrities.insert(id, parsed);
    }
    Ok(integrities)
}

/// The graph of an environment, each package of which has an integrity.
pub(super) fn graph(
    source: &Source<'_>,
    npm: NpmToml,
    integrities: &BTreeMap<NpmId, Integrity>,
) -> Result<NpmGraph, LockfileError> {
    let reader = Reader { source, integrities };
    let mut graph = NpmGraph::default();
    for (specifier, id) in npm.roots {
        let id = reader.package(&id, id.get_ref(), &mut graph)?;
        graph.roots.insert(specifier, id);
    }
    for (id, list) in npm.dependencies {
        let id = reader.package(&list, &id, &mut graph)?;
        let mut dependencies = BTreeMap::new();
        for text in list.get_ref() {
            let (import, dependency) = reader.dependency(text, &mut graph)?;
            dependencies.insert(import, dependency);
        }
        if let Some(node) = graph.packages.get_mut(&id) {
            node.dependencies = dependencies;
        }
    }
    Ok(graph)
}

struct Reader<'a> {
    source: &'a Source<'a>,
    integrities: &'a BTreeMap<NpmId, Integrity>,
}

impl Reader<'_> {
    /// The package `id`, which is in the graph then.
    fn package<T>(&self, at: &Spanned<T>, id: &str, graph: &mut NpmGraph) -> Result<NpmId, LockfileError> {
        let id: NpmId = id.parse().map_err(|error| self.source.wrong(at, format!("{error}")))?;
        let Some(&integrity) = self.integrities.get(&id) else {
            return Err(LockfileError::MissingPackage {
                path: self.source.path.to_owned(),
                line: self.source.line_of(at),
                id,
            });
        };
        graph.packages.entry(id.clone()).or_insert(NpmNode { integrity, dependencies: BTreeMap::new() });
        Ok(id)
    }

    /// `name@version`, or `import=name@version`.
    fn dependency(
        &self,
        text: &Spanned<String>,
        graph: &mut NpmGraph,
    ) -> Result<(String, NpmId), LockfileError> {
        let Some((import, id)) = text.get_ref().split_once('=') else {
            let id = self.package(text, text.get_ref(), graph)?;
            return Ok((id.name.to_string(), id));
        };
        let import: NpmName = import.parse().map_err(|error| self.source.wrong(text, format!("{error}")))?;
        Ok((import.to_string(), self.package(text, id, graph)?))
    }
}

/// Writes the tables of one environment.
pub(super) fn write_graph(graph: &NpmGraph, to: &mut String) {
    let mut roots = Table::new("environment.npm.roots");
    for (specifier, id) in &graph.roots {
        roots.line(specifier, &quoted(&id.to_string()));
    }
    roots.write(to);
    let mut dependencies = Table::new("environment.npm.dependencies");
    for (id, node) in &graph.packages {
        let shown = |(import, id): (&String, &NpmId)| match *import == id.name.as_str() {
            true => id.to_string(),
            false => format!("{import}={id}"),
        };
        if !node.dependencies.is_empty() {
            dependencies.line(&id.to_string(), &list(node.dependencies.iter().map(shown)));
        }
    }
    dependencies.write_unless_empty(to);
}

/// Writes what the tarballs hash to.
pub(super) fn write_integrities<'a>(graphs: impl Iterator<Item = &'a NpmGraph>, to: &mut String) {
    let packages: BTreeMap<&NpmId, &NpmNode> = graphs.flat_map(|graph| &graph.packages).collect();
    let mut table = Table::new("npm");
    for (id, node) in packages {
        table.line(&id.to_string(), &quoted(&node.integrity.to_string()));
    }
    table.write_unless_empty(to);
}

/// One package has one integrity.
pub(super) fn check_agreement<'a>(
    others: impl Iterator<Item = &'a NpmGraph>,
    graph: Option<&NpmGraph>,
) -> Result<(), LockfileError> {
    let Some(graph) = graph else { return Ok(()) };
    for (id, other) in others.flat_map(|other| &other.packages) {
        match graph.packages.get(id) {
            Some(node) if node.integrity != other.integrity => {
                return Err(LockfileError::Changed {
                    id: id.clone(),
                    locked: other.integrity.to_string(),
                    found: node.integrity.to_string(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}
