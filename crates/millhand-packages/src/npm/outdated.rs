//! What is locked, against what there is now.

use nodejs_semver::Version;

use super::Packument;
use crate::specifier::NpmSpecifier;

/// A specifier that could have a newer version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outdated {
    /// The specifier, without its alias.
    pub specifier: String,
    /// What it is locked to.
    pub locked: Version,
    /// The newest version in its range.
    pub in_range: Version,
    /// The newest version of all, as the registry calls it.
    pub newest: Version,
}

impl Outdated {
    /// How `locked` compares with what `packument` has. `None` when there is nothing newer.
    #[must_use]
    pub fn of(specifier: &NpmSpecifier, locked: &Version, packument: &Packument) -> Option<Self> {
        let newest = packument.newest()?;
        let suits = |version: &&Version| match specifier.range() {
            None => *version == newest,
            Some(range) => match range.tag() {
                Some(tag) => packument.tagged(tag) == Some(*version),
                None => range.contains(version),
            },
        };
        let recommended =
            || packument.versions().find(|version| suits(version) && packument.is_recommended(version));
        let latest = Some(newest).filter(|newest| suits(newest) && packument.is_recommended(newest));
        let in_range = latest.or_else(recommended).unwrap_or(locked).max(locked);
        (in_range > locked || newest > locked).then(|| Self {
            specifier: specifier.normalised(),
            locked: locked.clone(),
            in_range: in_range.clone(),
            newest: newest.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::digest::Integrity;

    fn compared(specifier: &str, locked: &str) -> Option<(String, String)> {
        let release = |deprecated: bool| {
            let dist =
                json!({"tarball": "http://localhost:1/a.tgz", "integrity": Integrity::of(b"").to_string()});
            json!({"dist": dist, "deprecated": if deprecated { "no" } else { "" }})
        };
        let document = json!({
            "dist-tags": {"latest": "2.1.0", "next": "3.0.0-rc.1"},
            "versions": {
                "1.0.0": release(false), "1.2.0": release(false), "1.3.0": release(true),
                "2.0.0": release(false), "2.1.0": release(false), "3.0.0-rc.1": release(false),
            },
        });
        let packument = Packument::read("a".parse().unwrap(), document.to_string().as_bytes()).unwrap();
        let found = Outdated::of(&specifier.parse().unwrap(), &locked.parse().unwrap(), &packument)?;
        Some((found.in_range.to_string(), found.newest.to_string()))
    }

    #[test]
    fn the_newest_in_range_and_the_newest_of_all_are_told() {
        for (specifier, locked, expected) in [
            ("a#^1", "1.0.0", Some(("1.2.0", "2.1.0"))),
            ("a#^1", "1.2.0", Some(("1.2.0", "2.1.0"))),
            ("a#^1", "1.3.0", Some(("1.3.0", "2.1.0"))),
            ("a as b", "2.0.0", Some(("2.1.0", "2.1.0"))),
            ("a", "2.1.0", None),
            ("a#next", "3.0.0-rc.1", None),
            ("a#next", "2.0.0", Some(("3.0.0-rc.1", "2.1.0"))),
        ] {
            let expected = expected.map(|(in_range, newest)| (in_range.to_owned(), newest.to_owned()));
            assert_eq!(compared(specifier, locked), expected, "{specifier} {locked}");
        }
    }
}
