//! Python cells: which names they declare and use, as far as their tokens tell.
//!
//! This reads no grammar: it serves to say which cells are out of date, not to run anything. Python itself finds the
//! mistakes in a cell.

use std::collections::BTreeSet;

use crate::compile::{Compiled, Declaration};

/// The cell as it is, with its names.
pub(crate) fn compile(source: &str) -> Compiled {
    let mut declared = BTreeSet::new();
    let mut mentioned = BTreeSet::new();
    for line in logical_lines(source) {
        let names = identifiers(&line.text);
        if line.is_top_level {
            declared.extend(declarations(&line.text, &names));
        }
        mentioned.extend(names);
    }
    let uses = mentioned.into_iter().filter(|name| !KEYWORDS.contains(&name.as_str()));
    Compiled {
        code: source.to_owned(),
        uses: uses.filter(|name| !declared.contains(name)).collect(),
        declares: declared
            .into_iter()
            .map(|name| Declaration { name, mutable: true, assigned: false })
            .collect(),
        assigns: Vec::new(),
        helper: String::new(),
    }
}

struct Line {
    text: String,
    is_top_level: bool,
}

/// Lines without comments and what plain strings say.
fn logical_lines(source: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut text = String::new();
    let mut depth = 0_usize;
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        if let Some((prefix_len, quote)) = string_start(rest) {
            // Names in an f-string are used.
            let is_formatted = rest[..prefix_len].contains(['f', 'F', 't', 'T']);
            let body = &rest[prefix_len + quote.len()..];
            let len = string_len(body, quote);
            if is_formatted {
                text.push(' ');
                text.push_str(&body[..len].replace('\n', " "));
            }
            text.push_str(" \"\" ");
            rest = body.get(len + quote.len()..).unwrap_or_default();
            continue;
        }
        if c == '#' {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '\\' if rest.starts_with('\n') => {
                rest = &rest[1..];
                continue;
            }
            '\n' | ';' if depth == 0 => {
                push_line(&mut lines, &mut text);
                continue;
            }
            _ => {}
        }
        // A prefix of a string is no name of its own, so an identifier is taken as a whole.
        text.push(c);
        if c.is_alphabetic() || c == '_' {
            let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            text.push_str(&rest[..len]);
            rest = &rest[len..];
        }
    }
    push_line(&mut lines, &mut text);
    lines
}

fn push_line(lines: &mut Vec<Line>, text: &mut String) {
    let text = std::mem::take(text);
    let is_top_level = !text.starts_with([' ', '\t']);
    if !text.trim().is_empty() {
        lines.push(Line { text, is_top_level });
    }
}

/// The length of a string's prefix, and its quote.
fn string_start(text: &str) -> Option<(usize, &'static str)> {
    let prefix_len = text.find(|c: char| !c.is_ascii_alphabetic())?;
    if prefix_len > 2 || !text[..prefix_len].chars().all(|c| "rbfutRBFUT".contains(c)) {
        return None;
    }
    let quotes = ["\"\"\"", "'''", "\"", "'"];
    let quote = quotes.into_iter().find(|quote| text[prefix_len..].starts_with(quote))?;
    Some((prefix_len, quote))
}

fn string_len(body: &str, quote: &str) -> usize {
    let mut escaped = false;
    for (index, c) in body.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if body[index..].starts_with(quote) || (quote.len() == 1 && c == '\n') {
            return index;
        }
    }
    body.len()
}

/// Names that are not attributes.
fn identifiers(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut before = ' ';
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let len = if c.is_alphanumeric() || c == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else {
            c.len_utf8()
        };
        if (c.is_alphabetic() || c == '_') && before != '.' {
            names.push(rest[..len].to_owned());
        }
        if !c.is_whitespace() {
            before = c;
        }
        rest = &rest[len..];
    }
    names
}

/// What a line at the top declares.
fn declarations(line: &str, names: &[String]) -> Vec<String> {
    let first = names.first().map(String::as_str).unwrap_or_default();
    match first {
        "def" | "class" => names.get(1).cloned().into_iter().collect(),
        "async" if names.get(1).is_some_and(|name| name == "def") => {
            names.get(2).cloned().into_iter().collect()
        }
        "import" | "from" => imported(line),
        "for" | "with" => {
            let from = if first == "for" { "for" } else { "as" };
            let to = if first == "for" { "in" } else { ":" };
            between(line, from, to)
        }
        _ => assigned(line),
    }
}

fn imported(line: &str) -> Vec<String> {
    let list = match line.split_once("import") {
        Some((_, list)) => list.trim().trim_start_matches('(').trim_end_matches(')'),
        None => return Vec::new(),
    };
    let names = list.split(',').filter_map(|item| match item.split_once(" as ") {
        Some((_, alias)) => Some(alias.trim()),
        None => item.trim().split('.').next(),
    });
    names.filter(|name| is_name(name)).map(str::to_owned).collect()
}

fn between(line: &str, from: &str, to: &str) -> Vec<String> {
    let Some((_, rest)) = line.split_once(from) else { return Vec::new() };
    let targets = rest.split(to).next().unwrap_or_default();
    identifiers(targets).into_iter().filter(|name| name != to).collect()
}

/// The plain names on the left of `=`.
fn assigned(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0_i32;
    let mut start = 0;
    let bytes = line.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            b'=' if depth == 0 => {
                let is_comparison = bytes.get(index + 1) == Some(&b'=')
                    || (index > 0 && b"=!<>:".contains(&bytes[index - 1]));
                if is_comparison {
                    return names;
                }
                names.extend(targets(&line[start..index]));
                start = index + 1;
            }
            _ => {}
        }
    }
    names
}

fn targets(text: &str) -> Vec<String> {
    // `name: type` and `name +`, of `name += 1`, declare the name too.
    let text = text.split(':').next().unwrap_or_default();
    let parts = text.split(',').map(|part| {
        part.trim().trim_matches(['(', ')', '[', ']', '*', '+', '-', '/', '%', '&', '|', '^', '@']).trim()
    });
    parts.filter(|part| is_name(part)).map(str::to_owned).collect()
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(source: &str) -> Vec<String> {
        compile(source).declares.into_iter().map(|declaration| declaration.name).collect()
    }

    #[test]
    fn top_level_names_are_declared() {
        let source = "import numpy as np, os.path\nfrom math import (pi,\n  tau as t)\nx: int = 1\na, *b = 1, 2\nc = d = 3\n\
            def f(y):\n    z = 1\nasync def g(): pass\nclass C: pass\nfor i in x: pass\nwith open(x) as h: pass\n";
        assert_eq!(
            declared(source),
            ["C", "a", "b", "c", "d", "f", "g", "h", "i", "np", "os", "pi", "t", "x"]
        );
    }

    #[test]
    fn what_is_no_assignment_declares_nothing() {
        assert!(declared("f(x=1)\nx == 1\nx.y = 2\nx[0] = 3\n'a = 1'\n# b = 2\n").is_empty());
    }

    #[test]
    fn uses_are_names_and_not_attributes_keywords_or_text() {
        let uses = compile("y = a.b + f'{c} d' + 'e' # g\nif True: print(y)").uses;
        assert_eq!(uses, ["a", "c", "d", "print"]);
    }

    #[test]
    fn broken_python_is_read_to_its_end() {
        for source in ["'''", "f(", "\"\\", "a = (", ")))", "\\", "é = 'ü", "b'"] {
            compile(source);
        }
    }
}
