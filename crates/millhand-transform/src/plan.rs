//! Decides what is built: which entries there are, and whether a browser can run them.

use std::collections::{BTreeMap, VecDeque};

use millhand_packages::transform::{Entries, TransformError};

use crate::package::{Asks, extension};
use crate::scan::{Request, RequestKind};
use crate::scope::{External, Scope, Target};

/// How many names an error offers instead of a wrong one.
const MAX_NEAREST: usize = 5;

/// An entry that is built.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) subpath: Option<String>,
    pub(crate) content: Content,
}

/// What an entry consists of.
#[derive(Debug)]
pub(crate) enum Content {
    /// A file of the package.
    File(String),
    /// What another entry offers.
    Same(External),
}

/// Finds the entries that can be built.
///
/// One that a browser cannot run does not keep the others from being built. It is told why when it is asked for.
pub(crate) fn entries(scope: Scope, asked: &Entries) -> Result<(Scope, Vec<Entry>), TransformError> {
    let declared = scope.package.declared();
    let subpath = match asked {
        Entries::Declared => return declared_entries(scope, declared),
        Entries::Deep(subpath) => match subpath.trim_start_matches("./") {
            "" | "." => None,
            subpath => Some(subpath.to_owned()),
        },
    };
    if let Some((_, file)) = declared.iter().find(|(declared, _)| *declared == subpath) {
        judge(&scope, file)?;
        return declared_entries(scope, declared);
    }
    let Some(file) = scope.package.entry(subpath.as_deref()) else {
        return Err(unknown(&scope, subpath.unwrap_or_default(), &declared));
    };
    let scope = scope.without(&declared);
    let content = match scope.entry_elsewhere(&file) {
        Some(external) => Content::Same(external),
        None => {
            judge(&scope, &file)?;
            Content::File(file)
        }
    };
    Ok((scope, vec![Entry { subpath, content }]))
}

fn declared_entries(
    scope: Scope,
    declared: Vec<(Option<String>, String)>,
) -> Result<(Scope, Vec<Entry>), TransformError> {
    let mut entries = Vec::new();
    let mut first_refusal = None;
    for (subpath, file) in declared {
        match judge(&scope, &file) {
            Ok(()) => entries.push(Entry { subpath, content: Content::File(file) }),
            Err(refusal) => drop(first_refusal.get_or_insert(refusal)),
        }
    }
    match entries.is_empty() {
        true => Err(first_refusal.unwrap_or_else(|| TransformError::NoEntry { id: scope.id.clone() })),
        false => Ok((scope, entries)),
    }
}

fn unknown(scope: &Scope, subpath: String, declared: &[(Option<String>, String)]) -> TransformError {
    let mut nearest: Vec<(usize, String)> = declared
        .iter()
        .filter_map(|(declared, _)| declared.clone())
        .map(|declared| (strsim::damerau_levenshtein(&declared, &subpath), declared))
        .collect();
    nearest.sort();
    let nearest = nearest.into_iter().map(|(_, declared)| declared).take(MAX_NEAREST).collect();
    TransformError::UnknownEntry { id: scope.id.clone(), subpath, nearest }
}

/// Whether what runs when the entry is loaded can run in a browser.
pub(crate) fn judge(scope: &Scope, entry: &str) -> Result<(), TransformError> {
    let mut importers: BTreeMap<String, Option<String>> = BTreeMap::from([(entry.to_owned(), None)]);
    let mut rest = VecDeque::from([entry.to_owned()]);
    while let Some(file) = rest.pop_front() {
        if extension(&file) == "node" {
            let id = scope.id.clone();
            return Err(TransformError::NeedsNode {
                id,
                builtin: file.clone(),
                chain: chain(&importers, &file),
            });
        }
        if !is_script(&file) {
            continue;
        }
        let source = scope.package.source(&file);
        let source = (*source).as_ref().map_err(|problem| TransformError::Broken {
            id: scope.id.clone(),
            messages: vec![format!("{problem} ({})", chain(&importers, &file).join(" → "))],
        })?;
        for request in source.scan.requests.iter().filter(|request| request.is_needed) {
            match scope.resolve(&file, &request.specifier, request.asks()) {
                Target::File(needed) if !importers.contains_key(&needed) => {
                    importers.insert(needed.clone(), Some(file.clone()));
                    rest.push_back(needed);
                }
                Target::Builtin(builtin) => {
                    let id = scope.id.clone();
                    return Err(TransformError::NeedsNode { id, builtin, chain: chain(&importers, &file) });
                }
                Target::Missing if !scope.may_be_missing(&request.specifier) => {
                    let (id, import) = (scope.id.clone(), request.specifier.clone());
                    return Err(TransformError::Unresolved { id, import, chain: chain(&importers, &file) });
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn chain(importers: &BTreeMap<String, Option<String>>, file: &str) -> Vec<String> {
    let mut chain = vec![file.to_owned()];
    let mut current = file;
    while let Some(Some(importer)) = importers.get(current) {
        chain.push(importer.clone());
        current = importer;
    }
    chain.reverse();
    chain
}

/// Whether a file is read as a module with imports.
pub(crate) fn is_script(file: &str) -> bool {
    matches!(extension(file), "js" | "mjs" | "cjs" | "jsx" | "ts" | "tsx" | "mts" | "cts" | "json")
}

impl Request {
    /// By which conditions its name is looked up.
    pub(crate) fn asks(&self) -> Asks {
        match self.kind {
            RequestKind::Require => Asks::Require,
            RequestKind::Import | RequestKind::PassOn | RequestKind::Dynamic => Asks::Import,
        }
    }
}
