//! The key of a built package: which folder of urls is its own.
//!
//! A build depends on the package's content, on the transformer, and on the urls of what it imports, so its key is
//! a hash over all of that. Whatever changes in it gives other urls, and what is at a url never changes. Packages
//! that import each other in a circle get their keys together.

use std::collections::BTreeMap;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::{NpmGraph, NpmId, NpmNode};
use crate::digest::Sha256;

const KEY_CHARS: usize = 16;

/// The key of each package of `graph`, for builds by the transformer `identity`.
pub(crate) fn build_keys(graph: &NpmGraph, identity: &str) -> BTreeMap<NpmId, String> {
    let mut keys = BTreeMap::new();
    for component in components(graph) {
        let shared = hash_of_component(&component, &keys, identity);
        for (id, _) in component {
            keys.insert(id.clone(), shortened(Sha256::of(format!("{shared}\n{id}").as_bytes())));
        }
    }
    keys
}

/// The key of a package's files as they were published.
pub(crate) fn raw_key(id: &NpmId, node: &NpmNode) -> String {
    shortened(Sha256::of(format!("raw\n{id}\n{}", node.integrity).as_bytes()))
}

/// Whether `text` can be a key.
pub(crate) fn is_key(text: &str) -> bool {
    text.len() == KEY_CHARS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Packages that depend on each other in a circle, dependencies before dependents.
fn components(graph: &NpmGraph) -> Vec<Vec<(&NpmId, &NpmNode)>> {
    let ids: Vec<(&NpmId, &NpmNode)> = graph.packages.iter().collect();
    let index_of: BTreeMap<&NpmId, usize> =
        ids.iter().enumerate().map(|(index, (id, _))| (*id, index)).collect();
    let mut edges = DiGraphMap::<usize, ()>::new();
    for (index, (_, node)) in ids.iter().enumerate() {
        edges.add_node(index);
        for dependency in node.dependencies.values() {
            if let Some(&to) = index_of.get(dependency) {
                edges.add_edge(index, to, ());
            }
        }
    }
    let sorted = |mut component: Vec<usize>| {
        component.sort_unstable();
        component.into_iter().map(|index| ids[index]).collect()
    };
    tarjan_scc(&edges).into_iter().map(sorted).collect()
}

fn hash_of_component(
    component: &[(&NpmId, &NpmNode)],
    keys: &BTreeMap<NpmId, String>,
    identity: &str,
) -> Sha256 {
    let mut text = format!("{identity}\n");
    for (id, node) in component {
        text.push_str(&format!("{id} {}\n", node.integrity));
        for (name, dependency) in &node.dependencies {
            // One of the circle has no key yet: it is hashed with the others.
            let key = keys.get(dependency).map_or("", String::as_str);
            text.push_str(&format!("  {name} {dependency} {key}\n"));
        }
    }
    Sha256::of(text.as_bytes())
}

fn shortened(sha256: Sha256) -> String {
    sha256.to_string()[..KEY_CHARS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Integrity;

    fn graph(edges: &[(&str, &[&str])]) -> NpmGraph {
        let id = |name: &str| format!("{name}@1.0.0").parse::<NpmId>().unwrap();
        let node = |name: &str, dependencies: &[&str]| NpmNode {
            integrity: Integrity::of(name.as_bytes()),
            dependencies: dependencies.iter().map(|name| ((*name).to_owned(), id(name))).collect(),
        };
        let packages = edges.iter().map(|(name, needs)| (id(name), node(name, needs))).collect();
        NpmGraph { packages, ..NpmGraph::default() }
    }

    fn key<'a>(keys: &'a BTreeMap<NpmId, String>, name: &str) -> &'a str {
        &keys[&format!("{name}@1.0.0").parse::<NpmId>().unwrap()]
    }

    #[test]
    fn a_change_reaches_all_dependents_and_nobody_else() {
        let mut changed = graph(&[("app", &["lib"]), ("lib", &[]), ("other", &[])]);
        let before = build_keys(&changed, "t");
        let lib = "lib@1.0.0".parse().unwrap();
        changed.packages.get_mut(&lib).unwrap().integrity = Integrity::of(b"patched");
        let after = build_keys(&changed, "t");
        assert_ne!(key(&before, "lib"), key(&after, "lib"));
        assert_ne!(key(&before, "app"), key(&after, "app"));
        assert_eq!(key(&before, "other"), key(&after, "other"));
    }

    #[test]
    fn what_stands_elsewhere_in_the_graph_does_not_matter() {
        let alone = build_keys(&graph(&[("lib", &[])]), "t");
        let together = build_keys(&graph(&[("app", &["lib"]), ("lib", &[])]), "t");
        assert_eq!(key(&alone, "lib"), key(&together, "lib"));
    }

    #[test]
    fn a_circle_gets_its_keys_together() {
        let circle = graph(&[("a", &["b"]), ("b", &["a", "c"]), ("c", &[])]);
        let keys = build_keys(&circle, "t");
        assert_ne!(key(&keys, "a"), key(&keys, "b"));
        let mut changed = circle;
        changed.packages.get_mut(&"a@1.0.0".parse().unwrap()).unwrap().integrity = Integrity::of(b"patched");
        let after = build_keys(&changed, "t");
        assert_ne!(key(&keys, "b"), key(&after, "b"));
        assert_eq!(key(&keys, "c"), key(&after, "c"));
    }

    #[test]
    fn another_transformer_gives_other_keys() {
        let graph = graph(&[("lib", &[])]);
        assert_ne!(build_keys(&graph, "one"), build_keys(&graph, "two"));
    }
}
