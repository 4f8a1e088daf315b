//! The stable codes of failures, in the sources and in the documentation: each has its line, and each line its code.

use std::collections::BTreeMap;

use super::rules::Finding;

/// Where errors have codes that reach a page.
const SOURCES: [&str; 3] =
    ["crates/millhand-packages/src/", "crates/millhand-notebook/src/", "crates/millhand/src/"];
const DOCUMENT: &str = "docs/errors/details.md";

/// What only one side has. `texts` are files by their path in the repository.
pub(super) fn compare(texts: &[(&str, String)]) -> Vec<Finding> {
    let in_sources = texts
        .iter()
        .filter(|(path, _)| SOURCES.iter().any(|folder| path.starts_with(folder)))
        .flat_map(|(path, text)| codes_of(text).into_iter().map(|(line, code)| (code, (*path, line))));
    let in_sources: BTreeMap<&str, (&str, usize)> = in_sources.collect();
    let document = texts.iter().find(|(path, _)| *path == DOCUMENT);
    let documented: BTreeMap<&str, usize> =
        document.map(|(_, text)| lines_of(text).collect()).unwrap_or_default();

    let undocumented = in_sources.iter().filter(|(code, _)| !documented.contains_key(*code));
    let undocumented = undocumented.map(|(code, (path, line))| Finding {
        path: (*path).to_owned(),
        line: *line,
        what: format!("the code `{code}` is not in `{DOCUMENT}`"),
        remedy: "say there what happened and what to do about it",
    });
    let gone = documented.iter().filter(|(code, _)| !in_sources.contains_key(*code));
    let gone = gone.map(|(code, line)| Finding {
        path: DOCUMENT.to_owned(),
        line: *line,
        what: format!("nothing has the code `{code}`"),
        remedy: "remove the line, or name the code that there is",
    });
    undocumented.chain(gone).collect()
}

/// Each text in the body of a `code()`, with its line.
fn codes_of(source: &str) -> Vec<(usize, &str)> {
    let mut codes = Vec::new();
    let mut end_of_body = None;
    for (number, line) in (1..).zip(source.lines()) {
        match &end_of_body {
            Some(end) if line == end => end_of_body = None,
            Some(_) => codes.extend(line.split('"').skip(1).step_by(2).map(|code| (number, code))),
            None if line.contains("fn code(&self)") => {
                let indent = &line[..line.len() - line.trim_start().len()];
                end_of_body = Some(format!("{indent}}}"));
            }
            None => {}
        }
    }
    codes
}

/// The codes in the first cells of tables, with their lines.
fn lines_of(document: &str) -> impl Iterator<Item = (&str, usize)> {
    let cells = (1..).zip(document.lines()).filter_map(|(number, line)| {
        let (cell, _) = line.strip_prefix('|')?.split_once('|')?;
        Some((number, cell))
    });
    cells.flat_map(|(number, cell)| cell.split('`').skip(1).step_by(2).map(move |code| (code, number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
impl Error {
    pub const fn code(&self) -> &'static str {
        match self {
            Self::One => \"one-failure\",
            Self::Other(error) => error.code(),
            Self::Two => \"two-failures\",
        }
    }

    fn hint(&self) -> &'static str {
        \"no code\"
    }
}
";

    fn shown(document: &str) -> Vec<String> {
        let source = format!("{}error.rs", SOURCES[0]);
        let texts = [(source.as_str(), SOURCE.to_owned()), (DOCUMENT, document.to_owned())];
        compare(&texts).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn codes_that_both_sides_have_are_in_order() {
        assert_eq!(shown("| code |\n| --- |\n| `one-failure`, `two-failures` | `what` |\n"), [""; 0]);
    }

    #[test]
    fn codes_that_one_side_lacks_are_found() {
        let expected = [
            "crates/millhand-packages/src/error.rs:6: the code `two-failures` is not in `docs/errors/details.md`; \
             do: say there what happened and what to do about it",
            "docs/errors/details.md:2: nothing has the code `three`; do: remove the line, or name the code that there is",
        ];
        assert_eq!(shown("| `one-failure` | text |\n| `three` | text |\nNo table: `four`.\n"), expected);
    }
}
