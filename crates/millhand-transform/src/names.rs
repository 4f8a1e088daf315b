//! The names that a CommonJS module exports.

use std::collections::BTreeSet;

use crate::package::{Alias, Package};

/// What can be told of the exports of a module without running it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// The names, sorted.
    pub(crate) own: BTreeSet<String>,
    /// Other packages whose exports it passes on: the file that does so, and what it requires.
    pub(crate) passed_on: Vec<(String, String)>,
}

/// Collects the names of a module, and of those of the same package that it passes on.
pub(crate) fn collect(package: &Package, file: &str) -> Names {
    let mut names = Names::default();
    let mut seen = BTreeSet::from([file.to_owned()]);
    let mut rest = vec![file.to_owned()];
    while let Some(file) = rest.pop() {
        let Ok(source) = &*package.source(&file) else { continue };
        names.own.extend(source.scan.exports.names.iter().filter(|name| is_name(name)).cloned());
        for specifier in &source.scan.exports.passed_on {
            if !specifier.starts_with('.') {
                names.passed_on.push((file.clone(), specifier.clone()));
                continue;
            }
            let Some(found) = package.relative(&file, specifier) else { continue };
            let found = match package.browser_alias_of_file(&found) {
                Some(Alias::Other(other)) => package.relative("", &other),
                Some(Alias::Empty) => None,
                None => Some(found),
            };
            rest.extend(found.filter(|found| seen.insert(found.clone())));
        }
    }
    names
}

/// Whether a user would write it as a name in an import.
fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    let starts = letters.next().is_some_and(|letter| letter.is_alphabetic() || matches!(letter, '_' | '$'));
    starts
        && letters.all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '$'))
        && !matches!(name, "default" | "__esModule")
}
