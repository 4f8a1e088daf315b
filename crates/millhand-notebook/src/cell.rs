//! A cell, as the page gets it.

use serde::Serialize;

use crate::compile::Compiled;
use crate::error::CellError;
use crate::tags::Tag;

/// A piece of a page that can be run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// Of its element in the page: `cell-1` and so on.
    pub id: String,
    /// Where it runs.
    pub kind: CellKind,
    /// What it is written in.
    pub language: Language,
    /// What it says, without its tags.
    pub source: String,
    /// The line of the file in which the source begins, from 1.
    pub first_line: u32,
    /// The column at which the first line of the source begins, from 1.
    pub first_column: u32,
    /// Whether it runs again when what it uses changes.
    pub reactive: bool,
    /// Of a worker cell: the name of its pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers_pool: Option<String>,
    /// Of a worker cell: names whose values go to the worker.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub captured_in: Vec<String>,
    /// Of a worker cell: names whose values come back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub captured_out: Vec<String>,
    /// What runs, or why nothing can.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What was made of a source.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It can be run.
    Compiled(Compiled),
    /// It cannot.
    Error(CellError),
}

/// Where a cell runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CellKind {
    /// In the page.
    Js,
    /// In the page's Python.
    Py,
    /// In a worker of a pool.
    Worker,
}

impl CellKind {
    /// As the page names it in `data-kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Js => "js",
            Self::Py => "py",
            Self::Worker => "worker",
        }
    }
}

/// What a cell is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// JavaScript, as in a module.
    JavaScript,
    /// Python.
    Python,
}

impl Language {
    /// As in `class="language-…"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::JavaScript => "javascript",
            Self::Python => "python",
        }
    }
}

/// Kind and language of the cell that a tag opens; an unknown `mode` is given back.
pub(crate) fn kind_of(tag: &Tag) -> Option<(CellKind, Language, Option<&str>)> {
    match tag.name.as_str() {
        "js-cell" => Some((CellKind::Js, Language::JavaScript, None)),
        "py-cell" => Some((CellKind::Py, Language::Python, None)),
        "worker-cell" => Some(match tag.attribute("mode") {
            Some("python") => (CellKind::Worker, Language::Python, None),
            None | Some("javascript" | "") => (CellKind::Worker, Language::JavaScript, None),
            unknown => (CellKind::Worker, Language::JavaScript, unknown),
        }),
        _ => None,
    }
}

/// Names in an attribute, divided by spaces or commas.
pub(crate) fn names_in(value: Option<&str>) -> Vec<String> {
    let names = value.unwrap_or_default().split(|c: char| c.is_whitespace() || c == ',');
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
