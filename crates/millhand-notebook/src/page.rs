//! A page: read once, from its text to its parts.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::blocks::{self, Piece};
use crate::cell::{Cell, CellKind, Outcome, kind_of, names_in};
use crate::compile::{CellSource, Compiled, compile_all};
use crate::error::{CellError, PageError, Problem};
use crate::links::Links;
use crate::render;

/// The most that a page may say.
pub(crate) const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// What a page is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The file's name.
    pub file: String,
    /// The text of the first heading, else the file's name without `.md`.
    pub title: String,
    /// The body.
    pub html: String,
    /// In their order.
    pub cells: Vec<Cell>,
    /// In their order.
    pub headings: Vec<Heading>,
    /// What its author may not have meant.
    pub warnings: Vec<Warning>,
}

/// A heading, as a table of contents has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heading {
    /// From 1 to 6.
    pub level: u8,
    /// Its element's id.
    pub id: String,
    /// Without markup.
    pub text: String,
}

/// Something that was shown otherwise than it may have been meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The line in the file.
    pub line: u32,
    /// What it is.
    pub message: String,
}

/// Reads a page.
///
/// A cell with a mistake does not keep the page from being shown: the cell has the error.
///
/// # Errors
///
/// For a tag that is not closed, and a page that is too large.
pub fn parse(file: &str, text: &str, links: &Links) -> Result<Page, PageError> {
    if text.len() > MAX_PAGE_BYTES {
        let problem = Problem::TooLarge { limit_bytes: MAX_PAGE_BYTES };
        return Err(PageError { file: file.to_owned(), line: 1, problem });
    }
    let text = plain_lines(text);
    let blocks = blocks::divide(file, &text)?;
    let mut warnings = Vec::new();
    let cells = cells(file, &blocks.pieces, &mut warnings);
    let rendered = render::render(&blocks, &cells, links);
    warnings.extend(rendered.warnings);
    warnings.sort_by_key(|warning| warning.line);
    let own_title =
        rendered.headings.iter().find(|heading| heading.level == 1).map(|heading| heading.text.clone());
    Ok(Page {
        file: file.to_owned(),
        title: own_title.unwrap_or_else(|| file.trim_end_matches(".md").to_owned()),
        html: rendered.html,
        cells,
        headings: rendered.headings,
        warnings,
    })
}

/// The text with `\n` at the ends of lines, and without a mark of its encoding.
fn plain_lines(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}")
}

fn cells(file: &str, pieces: &[Piece], warnings: &mut Vec<Warning>) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut sources = Vec::new();
    for piece in pieces {
        let Piece::Source { tag, source, line, first_line, first_column } = piece else { continue };
        let Some((kind, language, unknown_mode)) = kind_of(tag) else { continue };
        if let Some(mode) = unknown_mode {
            let message = format!("`{mode}` is no mode of a worker cell: it is `javascript` or `python`");
            warnings.push(Warning { line: *line, message });
        }
        let is_worker = tag.name == "worker-cell";
        if is_worker && tag.attribute("workers-pool").is_none_or(str::is_empty) {
            let message = "the worker cell names no pool: give it `workers-pool=\"name\"`".to_owned();
            warnings.push(Warning { line: *line, message });
        }
        sources.push(CellSource {
            file: file.to_owned(),
            language,
            source: source.clone(),
            first_line: *first_line,
            first_column: *first_column,
            live: Vec::new(),
        });
        cells.push((tag, kind));
    }
    let kinds: Vec<CellKind> = cells.iter().map(|(_, kind)| *kind).collect();
    let outcomes = compile_page(&mut sources, &kinds);
    let parts = cells.into_iter().zip(sources).zip(outcomes).enumerate();
    parts
        .map(|(index, (((tag, kind), source), outcome))| Cell {
            id: format!("cell-{}", index + 1),
            kind,
            language: source.language,
            source: source.source,
            first_line: source.first_line,
            first_column: source.first_column,
            reactive: tag.is_set("reactive"),
            workers_pool: tag.attribute("workers-pool").filter(|name| !name.is_empty()).map(str::to_owned),
            captured_in: names_in(tag.attribute("captured-in")),
            captured_out: names_in(tag.attribute("captured-out")),
            outcome: outcome.map_or_else(Outcome::Error, Outcome::Compiled),
        })
        .collect()
}

/// Compiles all cells, each with the names of the page that are assigned to.
fn compile_page(sources: &mut [CellSource], kinds: &[CellKind]) -> Vec<Result<Compiled, CellError>> {
    let first = compile_all(sources);
    let live = live_names(&first);
    if live.is_empty() {
        return first;
    }
    for (source, kind) in sources.iter_mut().zip(kinds) {
        // A worker has its own copies of what it captures.
        if *kind != CellKind::Worker {
            source.live.clone_from(&live);
        }
    }
    compile_all(sources)
}

fn live_names(cells: &[Result<Compiled, CellError>]) -> Vec<String> {
    let cells = || cells.iter().flatten();
    let declared = cells().flat_map(|cell| &cell.declares);
    let live = declared.filter(|it| it.assigned || cells().any(|cell| cell.assigns.contains(&it.name)));
    live.map(|it| it.name.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}
