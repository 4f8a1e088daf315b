//! The grammar of specifiers, case by case. The page reads the same file: what it lets through, the server takes.

use millhand_packages::PythonRequirement;

#[derive(serde::Deserialize)]
struct Cases {
    good: Vec<String>,
    bad: Vec<String>,
}

#[test]
fn every_case_is_taken_for_what_it_is() {
    let cases: Cases = serde_json::from_str(include_str!("specifiers.json")).unwrap();
    for text in cases.good {
        assert!(text.parse::<PythonRequirement>().is_ok(), "`{text}` is a specifier");
    }
    for text in cases.bad {
        assert!(text.parse::<PythonRequirement>().is_err(), "`{text}` is no specifier");
    }
}
