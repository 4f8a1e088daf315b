//! One cell's source, made ready to run: code, and the names by which cells depend on each other.

use std::thread;

use serde::{Deserialize, Serialize};

use crate::cell::Language;
use crate::error::CellError;
use crate::javascript::Script;
use crate::python;

/// The most that a cell may say. It bounds how deep its code can be nested, with [`STACK_BYTES`].
pub(crate) const MAX_CELL_BYTES: usize = 128 * 1024;
/// The parser descends into nested code: a cell that is nothing but brackets must not end the process. Only what is used
/// of it takes memory.
const STACK_BYTES: usize = 1 << 30;

/// A source, and where it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CellSource {
    /// The file's name, for errors.
    pub file: String,
    /// What it is written in.
    pub language: Language,
    /// What it says.
    pub source: String,
    /// The line of the file in which it begins, from 1.
    pub first_line: u32,
    /// The column at which its first line begins, from 1.
    pub first_column: u32,
    /// Names of other cells that are assigned to after their declaration: they are read where they are kept, at each use.
    #[serde(default)]
    pub live: Vec<String>,
}

/// What can be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compiled {
    /// The body of an async function. It has the lines of the source.
    pub code: String,
    /// What later cells see of it.
    pub declares: Vec<Declaration>,
    /// Names that it uses and does not declare.
    pub uses: Vec<String>,
    /// Those of them that it assigns to.
    pub assigns: Vec<String>,
    /// The name by which `code` calls what the notebook gives it.
    pub helper: String,
}

/// A name at the top of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Declaration {
    /// The name.
    pub name: String,
    /// Whether it can be assigned to.
    pub mutable: bool,
    /// Whether the cell assigns to it after its declaration.
    pub assigned: bool,
}

/// Makes one cell ready.
///
/// # Errors
///
/// For a source with a mistake in its syntax, and one that is too large.
pub fn compile(cell: &CellSource) -> Result<Compiled, CellError> {
    deep(|| compile_here(cell))
}

/// Makes the cells of a page ready, on one thread.
pub(crate) fn compile_all(cells: &[CellSource]) -> Vec<Result<Compiled, CellError>> {
    if cells.is_empty() {
        return Vec::new();
    }
    deep(|| cells.iter().map(compile_here).collect())
}

fn deep<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("cells".to_owned()).stack_size(STACK_BYTES);
        let running = thread.spawn_scoped(scope, work).expect("a thread can be started");
        running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn compile_here(cell: &CellSource) -> Result<Compiled, CellError> {
    if cell.source.len() > MAX_CELL_BYTES {
        return Err(CellError {
            file: cell.file.clone(),
            line: cell.first_line,
            column: cell.first_column,
            message: format!(
                "the cell has more than {MAX_CELL_BYTES} bytes: put what is large into a file, and load it"
            ),
        });
    }
    match cell.language {
        Language::JavaScript => Script::parse(&cell.source)
            .map(|script| script.compiled(&cell.live))
            .map_err(|(offset, message)| error_at(cell, offset, message)),
        Language::Python => Ok(python::compile(&cell.source)),
    }
}

fn error_at(cell: &CellSource, offset: usize, message: String) -> CellError {
    let before = cell.source.get(..offset).unwrap_or(&cell.source);
    let lines = before.matches('\n').count();
    let in_line = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count();
    let base = if lines == 0 { cell.first_column } else { 1 };
    CellError {
        file: cell.file.clone(),
        line: cell.first_line + u32::try_from(lines).unwrap_or(u32::MAX),
        column: base + u32::try_from(in_line).unwrap_or(u32::MAX),
        message,
    }
}
