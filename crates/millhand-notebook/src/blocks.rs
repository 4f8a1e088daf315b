//! The first look at a page: which lines are Markdown, and which belong to the notebook's own tags.
//!
//! A tag counts if it begins a line, where Markdown would read HTML: not in fenced or indented code, in comments, or in
//! `pre`, `script`, `style` and `textarea`. A cell ends at the first line that ends in its closing tag, blank lines or not.
//! What is found is replaced by a placeholder, a line of HTML for the Markdown parser; notes keep what they hold, between
//! two placeholders. So lists, links and footnotes of the whole page are read together.

use crate::error::{PageError, Problem};
use crate::tags::{BLOCK_TAGS, Reading, Tag};

const MAX_NOTES: usize = 32;

/// A page, divided.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// For the Markdown parser.
    pub(crate) markdown: String,
    /// What the placeholders stand for.
    pub(crate) pieces: Vec<Piece>,
    /// The name of the placeholders' tag.
    pub(crate) marker: String,
    /// Where in `markdown` lines begin, and which lines of the file they are.
    lines: Vec<(usize, u32)>,
}

/// What a placeholder stands for.
#[derive(Debug)]
pub(crate) enum Piece {
    NoteStart {
        tag: Tag,
    },
    NoteEnd,
    /// A cell or a snippet.
    Source {
        tag: Tag,
        source: String,
        line: u32,
        first_line: u32,
        first_column: u32,
    },
}

impl Blocks {
    /// The line of the file that is at `offset` of the Markdown.
    pub(crate) fn line_at(&self, offset: usize) -> u32 {
        let index = self.lines.partition_point(|(start, _)| *start <= offset);
        self.lines.get(index.saturating_sub(1)).map_or(1, |(_, line)| *line)
    }

    /// The piece that a line of HTML stands for.
    pub(crate) fn piece_of(&self, html: &str) -> Option<&Piece> {
        let rest = html.trim().strip_prefix('<')?.strip_prefix(self.marker.as_str())?;
        self.pieces.get(rest.strip_prefix(" n=")?.strip_suffix('>')?.parse::<usize>().ok()?)
    }
}

/// Divides the text of a page. Its lines end in `\n`.
pub(crate) fn divide(file: &str, text: &str) -> Result<Blocks, PageError> {
    let mut marker = "mhpiece".to_owned();
    while text.contains(&marker) {
        marker.push('x');
    }
    let mut scanner = Scanner {
        file,
        text,
        at: 0,
        line: 1,
        blocks: Blocks {
            markdown: String::with_capacity(text.len()),
            pieces: Vec::new(),
            marker,
            lines: Vec::new(),
        },
        notes: Vec::new(),
        lists: Vec::new(),
        after_blank: true,
    };
    scanner.run()?;
    Ok(scanner.blocks)
}

struct Scanner<'a> {
    file: &'a str,
    text: &'a str,
    /// The next line's offset and number.
    at: usize,
    line: u32,
    blocks: Blocks,
    /// Lines of open notes.
    notes: Vec<u32>,
    /// How far the contents of open list items are indented.
    lists: Vec<usize>,
    after_blank: bool,
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Result<(), PageError> {
        while let Some(line) = self.peek() {
            let content = line.trim_start_matches(' ');
            let indent = line.len() - content.len();
            if content.trim().is_empty() {
                self.copy_line();
                self.after_blank = true;
                continue;
            }
            self.update_lists(content, indent);
            // Deeper than this, Markdown reads code; within a paragraph it does not, but no tag is set there either.
            let base = self.lists.last().copied().unwrap_or(0);
            let is_code = indent >= base + 4;
            if is_code || !self.special(content, indent)? {
                self.copy_prose(line, content)?;
            }
            self.after_blank = false;
        }
        match self.notes.last() {
            Some(&line) => Err(self.error(line, Problem::Unclosed { tag: "note".to_owned() })),
            None => Ok(()),
        }
    }

    /// The rest of the current line, without its end.
    fn peek(&self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        Some(rest.split('\n').next().unwrap_or(rest))
    }

    /// Goes on behind `len` bytes, which may hold ends of lines.
    fn skip(&mut self, len: usize) {
        let skipped = &self.text[self.at..self.at + len];
        self.line += u32::try_from(skipped.matches('\n').count()).unwrap_or(u32::MAX);
        self.at += len;
    }

    fn skip_line_end(&mut self) {
        if self.text[self.at..].starts_with('\n') {
            self.skip(1);
        }
    }

    fn copy_line(&mut self) {
        let Some(line) = self.peek() else { return };
        self.push(line, self.line);
        self.skip(line.len());
        self.skip_line_end();
    }

    fn push(&mut self, text: &str, line: u32) {
        self.blocks.lines.push((self.blocks.markdown.len(), line));
        self.blocks.markdown.push_str(text);
        self.blocks.markdown.push('\n');
    }

    fn push_piece(&mut self, indent: usize, line: u32, piece: Piece) {
        let placeholder =
            format!("{}<{} n={}>", " ".repeat(indent), self.blocks.marker, self.blocks.pieces.len());
        self.blocks.pieces.push(piece);
        // Between blank lines, so that it is a block of its own.
        self.push("", line);
        self.push(&placeholder, line);
        self.push("", line);
    }

    fn update_lists(&mut self, content: &str, indent: usize) {
        if self.after_blank {
            while self.lists.last().is_some_and(|&base| indent < base) {
                self.lists.pop();
            }
        }
        let mut rest = content;
        let mut at = indent;
        while let Some(width) = list_marker(rest) {
            while self.lists.last().is_some_and(|&base| at < base) {
                self.lists.pop();
            }
            self.lists.push(at + width);
            at += width;
            rest = rest.get(width..).unwrap_or_default();
        }
    }

    /// Takes what is no Markdown; `false` if the line is some.
    fn special(&mut self, content: &str, indent: usize) -> Result<bool, PageError> {
        if let Some(fence) = fence(content) {
            self.copy_fenced(fence);
            return Ok(true);
        }
        if let Some(end) = raw_end(content) {
            self.copy_until(end);
            return Ok(true);
        }
        let name_end = content
            .find(|c: char| !(c.is_ascii_alphanumeric() || "</-".contains(c)))
            .unwrap_or(content.len());
        let name = content[..name_end].trim_start_matches(['<', '/']).to_ascii_lowercase();
        if !content.starts_with('<') || !BLOCK_TAGS.contains(&name.as_str()) {
            return Ok(false);
        }
        let line = self.line;
        self.skip(indent);
        match Tag::read(&self.text[self.at..]) {
            Reading::None => {
                self.at -= indent;
                Ok(false)
            }
            Reading::Unended { name } => Err(self.error(line, Problem::Unended { tag: name })),
            Reading::Tag(tag) => {
                self.skip(tag.len);
                self.take(tag, indent, line)?;
                Ok(true)
            }
        }
    }

    fn take(&mut self, tag: Tag, indent: usize, line: u32) -> Result<(), PageError> {
        match (tag.name.as_str(), tag.is_closing) {
            ("note", false) => {
                if self.notes.len() >= MAX_NOTES {
                    return Err(self.error(line, Problem::TooDeep { limit: MAX_NOTES }));
                }
                self.notes.push(line);
                self.push_piece(indent, line, Piece::NoteStart { tag });
            }
            ("note", true) => {
                if self.notes.pop().is_none() {
                    return Err(self.error(line, Problem::Unopened { tag: tag.name }));
                }
                self.push_piece(indent, line, Piece::NoteEnd);
            }
            (_, true) => return Err(self.error(line, Problem::Unopened { tag: tag.name })),
            (_, false) => return self.take_source(tag, indent, line),
        }
        if self.peek().is_some_and(|rest| rest.trim().is_empty()) {
            let rest = self.peek().map_or(0, str::len);
            self.skip(rest);
            self.skip_line_end();
        }
        Ok(())
    }

    fn take_source(&mut self, tag: Tag, indent: usize, line: u32) -> Result<(), PageError> {
        let closing = format!("</{}>", tag.name);
        // What is behind the tag belongs to the source only if something is there.
        if self.peek().is_some_and(|rest| rest.trim().is_empty()) {
            let rest = self.peek().map_or(0, str::len);
            self.skip(rest);
            self.skip_line_end();
        }
        let (start, first_line) = (self.at, self.line);
        let line_start = self.text[..start].rfind('\n').map_or(0, |end| end + 1);
        let first_column =
            u32::try_from(self.text[line_start..start].encode_utf16().count() + 1).unwrap_or(u32::MAX);
        loop {
            let Some(rest) = self.peek() else {
                return Err(self.error(line, Problem::Unclosed { tag: tag.name }));
            };
            let trimmed = rest.trim_end();
            let is_end = trimmed.len() >= closing.len()
                && trimmed.is_char_boundary(trimmed.len() - closing.len())
                && trimmed[trimmed.len() - closing.len()..].eq_ignore_ascii_case(&closing);
            if is_end {
                let end = self.at + trimmed.len() - closing.len();
                let source = self.text[start..end].trim_end();
                // Where indentation has a meaning, that of the tag has none. Elsewhere the text keeps its columns.
                let source = if tag.name == "js-cell" { source.to_owned() } else { dedented(source) };
                self.skip(rest.len());
                self.skip_line_end();
                self.push_piece(indent, line, Piece::Source { tag, source, line, first_line, first_column });
                return Ok(());
            }
            self.skip(rest.len());
            self.skip_line_end();
        }
    }

    /// Markdown, whose last word may close a note.
    fn copy_prose(&mut self, line: &str, content: &str) -> Result<(), PageError> {
        let closing = "</note>";
        let trimmed = content.trim_end();
        if self.notes.is_empty() || !trimmed.ends_with(closing) {
            self.copy_line();
            return Ok(());
        }
        let number = self.line;
        let before = line.trim_end();
        self.push(&before[..before.len() - closing.len()], number);
        self.skip(line.len());
        self.skip_line_end();
        self.notes.pop();
        self.push_piece(0, number, Piece::NoteEnd);
        Ok(())
    }

    fn copy_fenced(&mut self, (mark, width): (char, usize)) {
        self.copy_line();
        while let Some(line) = self.peek() {
            let content = line.trim();
            let closes = content.len() >= width && content.chars().all(|c| c == mark);
            self.copy_line();
            if closes {
                return;
            }
        }
    }

    fn copy_until(&mut self, end: &str) {
        while let Some(line) = self.peek() {
            let ends = line.to_ascii_lowercase().contains(end);
            self.copy_line();
            if ends {
                return;
            }
        }
    }

    fn error(&self, line: u32, problem: Problem) -> PageError {
        PageError { file: self.file.to_owned(), line, problem }
    }
}

/// The text without the spaces that all its lines begin with.
fn dedented(text: &str) -> String {
    let indents = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len());
    let common = indents.min().unwrap_or(0);
    let lines = text.split('\n').map(|line| line.get(common..).unwrap_or_else(|| line.trim_start()));
    lines.collect::<Vec<_>>().join("\n")
}

/// A fence's character and width.
fn fence(content: &str) -> Option<(char, usize)> {
    let mark = content.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let width = content.len() - content.trim_start_matches(mark).len();
    let is_fence = width >= 3 && !(mark == '`' && content[width..].contains('`'));
    is_fence.then_some((mark, width))
}

/// What ends the HTML that begins here, if its lines are not looked at.
fn raw_end(content: &str) -> Option<&'static str> {
    if content.starts_with("<!--") {
        return Some("-->");
    }
    let names =
        [("pre", "</pre>"), ("script", "</script>"), ("style", "</style>"), ("textarea", "</textarea>")];
    let rest = content.strip_prefix('<')?;
    names.into_iter().find_map(|(name, end)| {
        let is_it = rest.get(..name.len())?.eq_ignore_ascii_case(name)
            && rest[name.len()..].starts_with(|c: char| c.is_whitespace() || c == '>');
        is_it.then_some(end)
    })
}

/// How wide a list item's marker is, with the space behind it.
fn list_marker(content: &str) -> Option<usize> {
    let digits = content.len() - content.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mark = content[digits..].chars().next()?;
    let is_marker =
        if digits == 0 { matches!(mark, '-' | '*' | '+') } else { digits <= 9 && matches!(mark, '.' | ')') };
    if !is_marker {
        return None;
    }
    let behind = &content[digits + 1..];
    let spaces = behind.len() - behind.trim_start_matches(' ').len();
    match spaces {
        0 if !behind.is_empty() => None,
        0 => Some(digits + 2),
        1..=4 => Some(digits + 1 + spaces),
        _ => Some(digits + 2),
    }
}
