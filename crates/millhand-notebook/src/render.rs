//! From the divided page to HTML: CommonMark with tables, and the notebook's tags in it.

use std::collections::BTreeMap;

use pulldown_cmark::{
    CowStr, Event, HeadingLevel, Options, Parser, Tag as MarkdownTag, TagEnd, html as markdown_html,
};

use crate::blocks::{Blocks, Piece};
use crate::cell::Cell;
use crate::html::{escaped, is_known_element};
use crate::links::{Destination, Links};
use crate::page::{Heading, Warning};
use crate::tags::{BLOCK_TAGS, INLINE_TAGS, Reading, Tag};

/// What comes of a page.
pub(crate) struct Rendered {
    pub(crate) html: String,
    pub(crate) headings: Vec<Heading>,
    pub(crate) warnings: Vec<Warning>,
}

/// Renders a page.
pub(crate) fn render(blocks: &Blocks, cells: &[Cell], links: &Links) -> Rendered {
    let mut renderer = Renderer {
        blocks,
        links,
        cells: cells.iter(),
        events: Vec::new(),
        headings: Vec::new(),
        warnings: Vec::new(),
        ids: BTreeMap::new(),
        open_notes: Vec::new(),
        open_links: Vec::new(),
        heading_start: None,
        in_html: HtmlBlock::None,
    };
    for (event, range) in Parser::new_ext(&blocks.markdown, options()).into_offset_iter() {
        renderer.take(event, range.start);
    }
    let mut html = String::with_capacity(blocks.markdown.len() * 2);
    markdown_html::push_html(&mut html, renderer.events.into_iter());
    Rendered { html, headings: renderer.headings, warnings: renderer.warnings }
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
}

struct Renderer<'a> {
    blocks: &'a Blocks,
    links: &'a Links,
    cells: std::slice::Iter<'a, Cell>,
    events: Vec<Event<'a>>,
    headings: Vec<Heading>,
    warnings: Vec<Warning>,
    /// How often each id was given.
    ids: BTreeMap<String, usize>,
    /// Whether they are `details`.
    open_notes: Vec<bool>,
    open_links: Vec<OpenLink>,
    /// Where the current heading began.
    heading_start: Option<usize>,
    /// The block of HTML that has begun.
    in_html: HtmlBlock,
}

/// A block of HTML, by how it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HtmlBlock {
    None,
    Begins,
    Known,
    /// With a tag that nobody knows: it is text.
    Unknown,
}

/// A link by name whose end was not seen yet.
struct OpenLink {
    name: String,
    target: String,
    destination: Destination,
    /// Where its text begins.
    start: usize,
}

impl<'a> Renderer<'a> {
    fn take(&mut self, event: Event<'a>, offset: usize) {
        match event {
            Event::Start(MarkdownTag::HtmlBlock) => {
                self.in_html = HtmlBlock::Begins;
                self.events.push(event);
            }
            Event::End(TagEnd::HtmlBlock) => {
                self.in_html = HtmlBlock::None;
                self.events.push(event);
            }
            Event::Html(html) => self.take_html(html, offset),
            Event::InlineHtml(html) => self.take_inline(html, offset),
            Event::Start(MarkdownTag::Heading { .. }) => {
                self.heading_start = Some(self.events.len());
                self.events.push(event);
            }
            Event::End(TagEnd::Heading(level)) => {
                self.end_heading(level);
                self.events.push(event);
            }
            other => self.events.push(other),
        }
    }

    fn take_html(&mut self, html: CowStr<'a>, offset: usize) {
        if let Some(piece) = self.blocks.piece_of(&html) {
            let html = self.piece(piece);
            self.events.push(Event::Html(html.into()));
            return;
        }
        // Of a block, its beginning is looked at; the rest is its author's.
        if self.in_html == HtmlBlock::Begins {
            self.in_html = HtmlBlock::Known;
            if let Reading::Tag(tag) = Tag::read(html.trim_start())
                && !is_known_element(&tag.name)
            {
                self.warn_of_tag(&tag, offset);
                self.in_html = HtmlBlock::Unknown;
            }
        }
        if self.in_html == HtmlBlock::Unknown {
            let text = format!("<p>{}</p>\n", escaped(html.trim_end_matches('\n')));
            self.events.push(Event::Html(text.into()));
        } else {
            self.events.push(Event::Html(html));
        }
    }

    fn take_inline(&mut self, html: CowStr<'a>, offset: usize) {
        let Reading::Tag(tag) = Tag::read(&html) else {
            self.events.push(Event::InlineHtml(html));
            return;
        };
        if INLINE_TAGS.contains(&tag.name.as_str()) {
            if tag.is_closing { self.close_link(&tag, offset) } else { self.open_link(&tag, offset) }
        } else if is_known_element(&tag.name) {
            self.events.push(Event::InlineHtml(html));
        } else {
            self.warn_of_tag(&tag, offset);
            self.events.push(Event::Text(html));
        }
    }

    fn warn_of_tag(&mut self, tag: &Tag, offset: usize) {
        // Its closing tag is as unknown, and was warned of.
        if tag.is_closing {
            return;
        }
        let name = &tag.name;
        let message = if BLOCK_TAGS.contains(&name.as_str()) {
            format!("`<{name}>` counts only at the beginning of a line: it is shown as text")
        } else {
            format!("`<{name}>` is no known tag: it is shown as text")
        };
        self.warn(offset, message);
    }

    fn warn(&mut self, offset: usize, message: String) {
        self.warnings.push(Warning { line: self.blocks.line_at(offset), message });
    }

    fn piece(&mut self, piece: &Piece) -> String {
        match piece {
            Piece::NoteStart { tag } => self.start_note(tag),
            Piece::NoteEnd => match self.open_notes.pop() {
                Some(true) => "</div></details>\n".to_owned(),
                _ => "</div></div>\n".to_owned(),
            },
            Piece::Source { tag, source, .. } if tag.name == "code-snippet" => snippet(tag, source),
            Piece::Source { .. } => self.cells.next().map(cell).unwrap_or_default(),
        }
    }

    fn start_note(&mut self, tag: &Tag) -> String {
        let level = tag.attribute("level").filter(|level| !level.is_empty()).unwrap_or("info");
        let expandable = tag.is_set("expandable");
        self.open_notes.push(expandable);
        let title = match tag.attribute("title") {
            Some(title) if !title.is_empty() => self.inline(title),
            _ => escaped(&capitalised(level)),
        };
        let level = escaped(level);
        if expandable {
            let open = if tag.is_set("open") { " open" } else { "" };
            format!(
                "<details class=\"mh-note\" data-level=\"{level}\"{open}><summary class=\"mh-note-title\">{title}</summary><div \
                 class=\"mh-note-body\">\n"
            )
        } else {
            format!(
                "<div class=\"mh-note\" role=\"note\" data-level=\"{level}\"><div class=\"mh-note-title\">{title}</div><div \
                 class=\"mh-note-body\">\n"
            )
        }
    }

    /// A line of Markdown without its paragraph.
    fn inline(&self, text: &str) -> String {
        let mut html = String::new();
        markdown_html::push_html(&mut html, Parser::new_ext(text, options()));
        let html = html.trim();
        match html.strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>")) {
            Some(inner) if !inner.contains("<p>") => inner.to_owned(),
            _ => html.to_owned(),
        }
    }

    fn open_link(&mut self, tag: &Tag, offset: usize) {
        let target = tag.attribute("target").unwrap_or_default().to_owned();
        let destination = self.links.find(&tag.name, &target);
        let name = tag.name.clone();
        if target.is_empty() {
            self.warn(offset, format!("`<{name}>` has no `target`"));
        } else if destination == Destination::Unknown && name != "api-link" {
            let place = if name == "cross-link" {
                "no page of that name is here"
            } else {
                "`links.json` has no such name"
            };
            self.warn(offset, format!("the {name} to `{target}` leads nowhere: {place}"));
        }
        self.open_links.push(OpenLink { name, target, destination, start: self.events.len() });
    }

    fn close_link(&mut self, tag: &Tag, offset: usize) {
        match self.open_links.pop() {
            Some(link) if link.name == tag.name => {
                let is_empty = link.start == self.events.len();
                let (open, close) = link_html(&link, is_empty);
                self.events.insert(link.start, Event::InlineHtml(open.into()));
                self.events.push(Event::InlineHtml(close.into()));
            }
            other => {
                self.open_links.extend(other);
                self.warn(offset, format!("`</{}>` closes nothing", tag.name));
            }
        }
    }

    fn end_heading(&mut self, level: HeadingLevel) {
        let Some(start) = self.heading_start.take() else { return };
        let text: String = self.events[start..].iter().filter_map(plain_text).collect();
        let Event::Start(MarkdownTag::Heading { id, .. }) = &self.events[start] else { return };
        let wanted = id.as_ref().map_or_else(|| slug(&text), |id| id.to_string());
        let count = self.ids.entry(wanted.clone()).or_default();
        *count += 1;
        let unique = if *count == 1 { wanted } else { format!("{wanted}-{count}") };
        if let Event::Start(MarkdownTag::Heading { id, .. }) = &mut self.events[start] {
            *id = Some(unique.clone().into());
        }
        self.headings.push(Heading { level: level as u8, id: unique, text: text.trim().to_owned() });
    }
}

fn plain_text<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    match event {
        Event::Text(text) | Event::Code(text) => Some(text),
        Event::SoftBreak | Event::HardBreak => Some(" "),
        _ => None,
    }
}

fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.trim().to_lowercase().chars() {
        if c.is_alphanumeric() || c == '_' {
            slug.push(c);
        } else if (c == ' ' || c == '-') && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    if slug.is_empty() { "section".to_owned() } else { slug }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn link_html(link: &OpenLink, is_empty: bool) -> (String, String) {
    let (name, target) = (&link.name, escaped(&link.target));
    // A link without text shows its target.
    let (inner_open, inner_close) = if name == "api-link" { ("<code>", "</code>") } else { ("", "") };
    let text = if is_empty { target.as_str() } else { "" };
    match &link.destination {
        Destination::Url(url) => {
            let elsewhere = if url.starts_with("http") { " target=\"_blank\" rel=\"noopener\"" } else { "" };
            let open =
                format!("<a class=\"mh-{name}\" href=\"{}\"{elsewhere}>{inner_open}{text}", escaped(url));
            (open, format!("{inner_close}</a>"))
        }
        Destination::Unknown => (
            format!("<span class=\"mh-{name}\" data-target=\"{target}\">{inner_open}{text}"),
            format!("{inner_close}</span>"),
        ),
    }
}

fn snippet(tag: &Tag, source: &str) -> String {
    let language = tag.attribute("language").filter(|language| !language.is_empty()).unwrap_or("javascript");
    let highlighted = tag.attribute("highlightedlines").or_else(|| tag.attribute("highlighted-lines"));
    let lines = highlighted.map_or_else(String::new, |lines| format!(" data-lines=\"{}\"", escaped(lines)));
    format!(
        "<pre class=\"mh-snippet\"{lines}><code class=\"language-{}\">{}\n</code></pre>\n",
        escaped(language),
        escaped(source)
    )
}

/// The cell as it is before the page's script runs, and without one.
fn cell(cell: &Cell) -> String {
    format!(
        "<mh-cell id=\"{}\" data-kind=\"{}\" data-state=\"idle\"><pre class=\"mh-source\"><code \
         class=\"language-{}\">{}\n</code></pre><div data-role=\"output\" class=\"mh-output\"></div></mh-cell>\n",
        cell.id,
        cell.kind.name(),
        cell.language.name(),
        escaped(&cell.source)
    )
}
