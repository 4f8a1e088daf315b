//! The grammar of specifiers, case by case. The page reads the same file: what it lets through, the server takes.

use std::collections::BTreeMap;

use millhand_packages::{NpmRange, NpmSpecifier, PythonRequirement};

#[derive(serde::Deserialize)]
struct Cases {
    good: Vec<String>,
    /// What is written, and the one way to write it.
    normal: BTreeMap<String, String>,
    bad: Vec<String>,
}

#[test]
fn every_case_is_taken_for_what_it_is() {
    let cases: Cases = serde_json::from_str(include_str!("specifiers.json")).unwrap();
    for text in cases.good {
        assert!(text.parse::<PythonRequirement>().is_ok(), "`{text}` is a specifier");
    }
    for (written, normal) in cases.normal {
        assert_eq!(written.parse::<PythonRequirement>().map(|read| read.to_string()), Ok(normal));
    }
    for text in cases.bad {
        assert!(text.parse::<PythonRequirement>().is_err(), "`{text}` is no specifier");
    }
}

#[derive(serde::Deserialize)]
struct NpmCases {
    good: Vec<NpmCase>,
    bad: Vec<String>,
}

/// What is read out of a specifier.
#[derive(serde::Deserialize, Debug, PartialEq)]
struct NpmCase {
    specifier: String,
    name: String,
    subpath: Option<String>,
    range: Option<String>,
    file: Option<String>,
    alias: Option<String>,
}

impl NpmCase {
    fn read(text: &str) -> Self {
        let read: NpmSpecifier =
            text.parse().unwrap_or_else(|error| panic!("`{text}` is a specifier: {error}"));
        Self {
            specifier: text.to_owned(),
            name: read.name().to_string(),
            subpath: read.subpath().map(str::to_owned),
            range: read.range().map(NpmRange::to_string),
            file: read.file().map(str::to_owned),
            alias: read.alias().map(str::to_owned),
        }
    }
}

#[test]
fn every_case_of_npm_is_taken_for_what_it_is() {
    let cases: NpmCases = serde_json::from_str(include_str!("npm-specifiers.json")).unwrap();
    for case in cases.good {
        assert_eq!(NpmCase::read(&case.specifier), case);
    }
    for text in cases.bad {
        assert!(text.parse::<NpmSpecifier>().is_err(), "`{text}` is no specifier");
    }
}
