//! The urls in a stylesheet.

use std::ops::Range;

/// Where the stylesheet refers to other files: `url(…)`, and `@import '…'`.
pub(crate) fn urls(css: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = css.get(at..) {
        if rest.starts_with("/*") {
            at += rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if starts_with(rest, "url(") {
            let inner = at + 4 + white(&rest[4..]);
            let range = argument(css, inner);
            at = range.end.max(inner);
            found.push(range);
        } else if starts_with(rest, "@import") {
            let inner = at + 7 + white(&rest[7..]);
            at = inner;
            if css[inner..].starts_with(['"', '\'']) {
                let range = argument(css, inner);
                at = range.end;
                found.push(range);
            }
        } else {
            match rest.chars().next() {
                Some(letter) => at += letter.len_utf8(),
                None => break,
            }
        }
    }
    found.retain(|range| !range.is_empty());
    found
}

fn starts_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn white(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// The text in quotes, or up to the closing parenthesis.
fn argument(css: &str, from: usize) -> Range<usize> {
    let rest = &css[from..];
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let end = rest[1..].find([quote, '\n']).map_or(rest.len(), |end| end + 1);
            from + 1..from + end
        }
        _ => {
            let end = rest.find(')').unwrap_or(rest.len());
            from..from + rest[..end].trim_end().len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_all_notations_are_found() {
        let css = "@import 'a.css'; /* url(no) */ @font-face { src: url( b.woff ), URL(\"c d.woff\") } @import url(e.css);é";
        let found: Vec<&str> = urls(css).into_iter().map(|range| &css[range]).collect();
        assert_eq!(found, ["a.css", "b.woff", "c d.woff", "e.css"]);
    }

    #[test]
    fn a_stylesheet_that_ends_early_is_no_problem() {
        for css in ["url(", "url('", "@import", "@import '", "/*", "url("] {
            urls(css);
        }
    }
}
