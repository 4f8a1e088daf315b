//! Pages in `input`, and what is made of them in `output`. `UPDATE_EXPECT=1 cargo test` writes the latter anew.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::path::{Path, PathBuf};

use expect_test::expect_file;
use millhand_notebook::{Links, Page, parse};

fn links() -> Links {
    Links {
        api: [("WorkersPool".to_owned(), "/api#WorkersPool".to_owned())].into(),
        pages: Some(vec!["cells".to_owned()]),
        ..Links::default()
    }
}

fn described(page: &Page) -> String {
    let mut text = format!("title: {}\n", page.title);
    for warning in &page.warnings {
        text += &format!("warning, line {}: {}\n", warning.line, warning.message);
    }
    text += &format!("{}\n", page.html);
    for cell in &page.cells {
        text += &format!("{}\n", serde_json::to_string_pretty(cell).unwrap());
    }
    text
}

#[test]
fn pages_become_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut inputs: Vec<PathBuf> =
        std::fs::read_dir(folder.join("input")).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty());
    for input in inputs {
        let text = std::fs::read_to_string(&input).unwrap();
        let name = input.file_name().unwrap().to_str().unwrap();
        let page = parse(name, &text, &links()).unwrap_or_else(|error| panic!("{error}"));
        expect_file![folder.join("output").join(name.replace(".md", ".txt"))].assert_eq(&described(&page));
    }
}
