//! The repository's own rules, each a small function from text to findings.

use std::collections::BTreeSet;
use std::fmt;

const LONGEST_SOURCE_LINES: usize = 700;

/// Written in two halves, so that this file keeps its own rule.
const UNFINISHED: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// A rule that a file breaks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) what: String,
    pub(super) remedy: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what, remedy } = self;
        write!(formatter, "{path}:{line}: {what}; do: {remedy}")
    }
}

/// All rules about the text of one file. `path` is relative to the repository, with `/`.
pub(super) fn check_text(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add =
        |line, what: String, remedy| findings.push(Finding { path: path.to_owned(), line, what, remedy });
    for (number, line) in (1..).zip(text.lines()) {
        if line.ends_with(char::is_whitespace) {
            add(number, "trailing whitespace".to_owned(), "remove it");
        }
        if let Some(word) = unfinished_word(path, line) {
            add(
                number,
                format!("`{word}` marks unfinished work"),
                "finish it, or open an issue and remove the mark",
            );
        }
        if path.ends_with("package-lock.json") && line.contains("\"resolved\": \"http") {
            add(
                number,
                "a registry's address".to_owned(),
                "remove the `resolved` line: each user has a registry",
            );
        }
    }
    let lines = text.lines().count();
    if !text.is_empty() && !text.ends_with('\n') {
        add(lines, "no newline at the end".to_owned(), "add one");
    }
    if is_source(path) && lines > LONGEST_SOURCE_LINES {
        let what = format!("{lines} lines, more than {LONGEST_SOURCE_LINES}");
        add(LONGEST_SOURCE_LINES + 1, what, "split the file by idea");
    }
    findings
}

/// Each folder of the examples tells what it shows.
pub(super) fn missing_readmes(paths: &[&str]) -> Vec<Finding> {
    let folders: BTreeSet<&str> = paths
        .iter()
        .filter_map(|path| path.strip_prefix("examples/")?.split_once('/'))
        .map(|(folder, _)| folder)
        .collect();
    folders
        .into_iter()
        .map(|folder| format!("examples/{folder}/README.md"))
        .filter(|readme| !paths.contains(&readme.as_str()))
        .map(|path| Finding {
            path,
            line: 1,
            what: "an example without a README".to_owned(),
            remedy: "write what it shows and how to run it",
        })
        .collect()
}

fn is_source(path: &str) -> bool {
    [".rs", ".ts", ".tsx", ".mts", ".js", ".mjs"].iter().any(|ending| path.ends_with(ending))
}

fn unfinished_word(path: &str, line: &str) -> Option<&'static str> {
    // Hashes in a lockfile may spell anything.
    let lockfile = path.ends_with("package-lock.json") || path.ends_with(".lock");
    UNFINISHED.into_iter().find(|word| !lockfile && has_word(line, word))
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let is_part = |neighbour: Option<char>| neighbour.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_part(line[..start].chars().next_back()) && !is_part(line[start + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str, text: &str) -> Vec<String> {
        check_text(path, text).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn clean_files_have_no_findings() {
        assert_eq!(shown("src/lib.rs", "//! Fine.\n"), [""; 0]);
        assert_eq!(shown("empty", ""), [""; 0]);
    }

    #[test]
    fn ends_of_lines_and_files_are_checked() {
        let expected = [
            "a.md:1: trailing whitespace; do: remove it",
            "a.md:3: trailing whitespace; do: remove it",
            "a.md:3: no newline at the end; do: add one",
        ];
        assert_eq!(shown("a.md", "one \ntwo\nthree\t"), expected);
    }

    #[test]
    fn marks_of_unfinished_work_are_found_as_words() {
        let [first, second] = UNFINISHED;
        let found = shown("a.rs", &format!("fine\n// {first}: later\n//{second}\n"));
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with(&format!("a.rs:2: `{first}`")), "{found:?}");
        assert!(found[1].starts_with(&format!("a.rs:3: `{second}`")), "{found:?}");
        assert_eq!(shown("a.rs", &format!("MAS{first}NS {first}S _{second}\n")), [""; 0]);
        assert_eq!(shown("package-lock.json", &format!("\"sha512-{first}=\"\n")), [""; 0]);
    }

    #[test]
    fn registries_do_not_enter_the_lockfile() {
        let lock = "\"resolved\": \"js\"\n\"resolved\": \"https://registry/a.tgz\"\n";
        let expected = [
            "package-lock.json:2: a registry's address; do: remove the `resolved` line: each user has a registry",
        ];
        assert_eq!(shown("package-lock.json", lock), expected);
        assert_eq!(shown("notes.md", lock), [""; 0]);
    }

    #[test]
    fn sources_are_short() {
        let longest = "x\n".repeat(LONGEST_SOURCE_LINES);
        assert_eq!(shown("a.rs", &longest), [""; 0]);
        let longer = longest + "x\n";
        assert_eq!(
            shown("a.ts", &longer),
            ["a.ts:701: 701 lines, more than 700; do: split the file by idea"]
        );
        assert_eq!(shown("a.json", &longer), [""; 0]);
    }

    #[test]
    fn every_example_has_a_readme() {
        let paths = [
            "examples/index.html",
            "examples/pi/README.md",
            "examples/pi/a.js",
            "examples/new/a/b.js",
            "x/y",
        ];
        let found: Vec<_> = missing_readmes(&paths).iter().map(Finding::to_string).collect();
        let expected = [
            "examples/new/README.md:1: an example without a README; do: write what it shows and how to run it",
        ];
        assert_eq!(found, expected);
    }
}
