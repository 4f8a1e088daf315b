//! From Markdown to the parts of a live page: its HTML, and the cells that run in it.
//!
//! This crate reads text and gives data. It knows no file system and no server, and runs nothing: cells are run by the
//! npm package's notebook script, with the code that [`Script`] makes of them. [`parse`] is for a page, [`compile`] for
//! one cell of it, when its user has edited it.

mod blocks;
mod cell;
mod compile;
mod error;
mod html;
mod javascript;
mod links;
mod page;
mod python;
mod render;
mod tags;

pub use cell::{Cell, CellKind, Language, Outcome};
pub use compile::{CellSource, Compiled, Declaration, compile};
pub use error::{CellError, PageError, Problem};
pub use javascript::Script;
pub use links::{Links, LinksError};
pub use page::{Heading, Page, Warning, parse};
