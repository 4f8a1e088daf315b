//! The names that a CommonJS module exports.

use std::collections::BTreeSet;

use crate::package::{Alias, Package};

/// Names that can be exported, sorted.
pub(crate) type Names = BTreeSet<String>;

/// Collects the names of a module, and of those of the same package that it passes on.
pub(crate) fn collect(package: &Package, file: &str) -> Names {
    let mut names = Names::new();
    let mut seen = BTreeSet::from([file.to_owned()]);
    let mut rest = vec![file.to_owned()];
    while let Some(file) = rest.pop() {
        let Ok(source) = &*package.source(&file) else { continue };
        names.extend(source.scan.exports.names.iter().filter(|name| is_name(name)).cloned());
        for specifier in source.scan.exports.passed_on.iter().filter(|name| name.starts_with('.')) {
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
