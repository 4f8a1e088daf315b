//! One tag: its name and attributes, as HTML reads them.

/// The names of a notebook's own tags that stand on lines of their own.
pub(crate) const BLOCK_TAGS: [&str; 5] = ["note", "js-cell", "py-cell", "worker-cell", "code-snippet"];
/// The names of those that stand in prose.
pub(crate) const INLINE_TAGS: [&str; 3] = ["api-link", "ext-link", "cross-link"];

/// A tag as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// In lower case.
    pub(crate) name: String,
    pub(crate) is_closing: bool,
    /// In the order in which they were given; of the same name, the first counts.
    pub(crate) attributes: Vec<(String, String)>,
    /// How much text it takes.
    pub(crate) len: usize,
}

impl Tag {
    /// The tag at the beginning of `text`.
    pub(crate) fn read(text: &str) -> Reading {
        let Some(rest) = text.strip_prefix('<') else { return Reading::None };
        let (is_closing, rest) = match rest.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let name_len = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        let (name, rest) = rest.split_at(name_len);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Reading::None;
        }
        // Else it is the beginning of something else, such as `<https://…>`.
        if !(rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || c == '>' || c == '/')) {
            return Reading::None;
        }
        let name = name.to_ascii_lowercase();
        let mut attributes = Vec::new();
        match read_attributes(rest, &mut attributes) {
            Some(rest) => Reading::Tag(Self { name, is_closing, attributes, len: text.len() - rest.len() }),
            None => Reading::Unended { name },
        }
    }

    /// The value of an attribute; empty if it has none.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether an attribute is there, and not `false`.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.attribute(name).is_some_and(|value| !value.eq_ignore_ascii_case("false"))
    }
}

/// What is at the beginning of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Something else.
    None,
    /// A tag that goes on beyond the text.
    Unended {
        name: String,
    },
    Tag(Tag),
}

/// Reads up to the `>`, and gives what is behind it; `None` if there is none.
fn read_attributes<'a>(mut rest: &'a str, attributes: &mut Vec<(String, String)>) -> Option<&'a str> {
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if let Some(behind) = rest.strip_prefix('>') {
            return Some(behind);
        }
        let name_len = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '='))?;
        // As in HTML, a `=` at the beginning belongs to the name.
        let name_len = if name_len == 0 { 1 } else { name_len };
        let name = rest[..name_len].to_ascii_lowercase();
        rest = rest[name_len..].trim_start();
        let mut value = String::new();
        if let Some(behind) = rest.strip_prefix('=') {
            (value, rest) = read_value(behind.trim_start())?;
        }
        if !attributes.iter().any(|(known, _)| *known == name) {
            attributes.push((name, value));
        }
    }
}

fn read_value(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next()?;
    let (value, rest) = if quote == '"' || quote == '\'' {
        text[1..].split_once(quote)?
    } else {
        text.split_at(text.find(|c: char| c.is_whitespace() || c == '>')?)
    };
    Some((unescaped(value), rest))
}

/// The few entities that a value needs.
fn unescaped(value: &str) -> String {
    if !value.contains('&') {
        return value.to_owned();
    }
    value
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Tag {
        let Reading::Tag(tag) = Tag::read(text) else { panic!("{text:?} is no tag") };
        tag
    }

    #[test]
    fn attributes_may_be_quoted_or_not_and_have_no_value() {
        let tag = tag("<note level=\"hint\" title='a > \"b\"' x=1 expandable>rest");
        assert_eq!(tag.name, "note");
        assert_eq!(tag.attribute("level"), Some("hint"));
        assert_eq!(tag.attribute("title"), Some("a > \"b\""));
        assert_eq!(tag.attribute("x"), Some("1"));
        assert!(tag.is_set("expandable"));
        assert_eq!(tag.len, "<note level=\"hint\" title='a > \"b\"' x=1 expandable>".len());
    }

    #[test]
    fn a_tag_may_go_over_several_lines() {
        let tag = tag("<worker-cell\n  workers-pool=\"pool\"\n  captured-in=\"a b\"\n>");
        assert_eq!(tag.attribute("workers-pool"), Some("pool"));
        assert_eq!(tag.attribute("captured-in"), Some("a b"));
    }

    #[test]
    fn of_two_attributes_with_one_name_the_first_counts() {
        assert_eq!(tag("<a X=1 x=2>").attributes, [("x".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn odd_text_is_no_tag_and_an_open_one_is_unended() {
        for text in ["", "a", "<", "< a>", "<1>", "<https://a>", "</>", "<a@b.c>"] {
            assert_eq!(Tag::read(text), Reading::None, "{text}");
        }
        for text in ["<note", "<note a", "<note a=", "<note a=\"", "<note a='b\">", "<note ="] {
            assert_eq!(Tag::read(text), Reading::Unended { name: "note".to_owned() }, "{text}");
        }
    }

    #[test]
    fn closing_tags_are_read_too() {
        let tag = tag("</note >");
        assert!(tag.is_closing && tag.name == "note");
    }
}
