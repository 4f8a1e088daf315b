//! The text of a lockfile. It is written by hand, because the form is fixed to the byte.

use std::fmt::Write as _;

use super::{LockedRequest, Lockfile, VERSION, npm};

const HEADER: &str =
    "# What the pages of this folder use, to the byte. Written by millhand; keep it with them.\n";

impl Lockfile {
    /// The text that [`Lockfile::parse`] reads.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}version = {VERSION}\n");
        for (request, environment) in &self.environments {
            text.push_str("\n[[environment]]\n");
            write_request(request, &mut text);
            if let Some(graph) = &environment.npm {
                npm::write_graph(graph, &mut text);
            }
        }
        npm::write_integrities(self.environments.values().filter_map(|one| one.npm.as_ref()), &mut text);
        text
    }
}

fn write_request(request: &LockedRequest, to: &mut String) {
    for (key, specifiers) in [
        ("esm", &request.esm),
        ("scripts", &request.scripts),
        ("using-dependencies", &request.using_dependencies),
        ("css", &request.css),
    ] {
        if !specifiers.is_empty() {
            _ = writeln!(to, "{key} = {}", list(specifiers.iter().cloned()));
        }
    }
    if let Some(pyodide) = &request.pyodide {
        let modules = list(pyodide.modules.iter().cloned());
        _ = writeln!(to, "pyodide = {{ version = {}, modules = {modules} }}", quoted(&pyodide.version));
    }
}

/// A table, a line per entry.
pub(super) struct Table {
    name: &'static str,
    lines: String,
}

impl Table {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, lines: String::new() }
    }

    /// `value` is TOML.
    pub(super) fn line(&mut self, key: &str, value: &str) {
        _ = writeln!(self.lines, "{} = {value}", quoted(key));
    }

    pub(super) fn write(self, to: &mut String) {
        _ = write!(to, "\n[{}]\n{}", self.name, self.lines);
    }

    pub(super) fn write_unless_empty(self, to: &mut String) {
        if !self.lines.is_empty() {
            self.write(to);
        }
    }
}

pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.map(|item| quoted(&item)).collect::<Vec<_>>().join(", "))
}

/// A basic string of TOML.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => _ = write!(quoted, "\\u{:04X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
