//! What a stylesheet refers to: the fonts, images and further stylesheets that must be served beside it.

use cssparser::{ParseError, Parser, Token};

/// The relative urls in `css`, in the order of their first use, without query or fragment.
///
/// What cannot be read as CSS is skipped, as a browser does.
pub(crate) fn references(css: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&mut Parser::new(css), &mut found);
    let mut seen = std::collections::HashSet::new();
    found.retain(|url| seen.insert(url.clone()));
    found
}

fn collect(parser: &mut Parser<'_>, found: &mut Vec<String>) {
    let mut imports = false;
    while let Ok(token) = parser.next_including_whitespace_and_comments().cloned() {
        let is_import = matches!(&token, Token::AtKeyword(name) if name.eq_ignore_ascii_case("import"));
        match &token {
            Token::UnquotedUrl(url) => found.extend(relative(url)),
            Token::QuotedString(url) if imports => found.extend(relative(url)),
            Token::Function(name) if name.eq_ignore_ascii_case("url") || name.eq_ignore_ascii_case("src") => {
                nested(parser, |parser| {
                    found.extend(parser.expect_string().ok().and_then(|url| relative(url)))
                });
            }
            Token::Function(_)
            | Token::ParenthesisBlock
            | Token::CurlyBracketBlock
            | Token::SquareBracketBlock => {
                nested(parser, |parser| collect(parser, found));
            }
            _ => {}
        }
        let is_space = matches!(token, Token::WhiteSpace(_) | Token::Comment(_));
        imports = is_import || (imports && is_space);
    }
}

fn nested(parser: &mut Parser<'_>, mut read: impl FnMut(&mut Parser<'_>)) {
    _ = parser.parse_nested_block(|parser| -> Result<(), ParseError<()>> {
        read(parser);
        while parser.next().is_ok() {}
        Ok(())
    });
}

/// The path of a url that is relative to the stylesheet's own.
fn relative(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next().unwrap_or_default().trim();
    let has_scheme = path.split_once(':').is_some_and(|(scheme, _)| !scheme.contains('/'));
    (!path.is_empty() && !path.starts_with('/') && !has_scheme).then(|| path.to_owned())
}

/// The path that `reference` means in the file at `from`, both within a package; `None` if it leads out of it.
pub(crate) fn resolve(from: &str, reference: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in reference.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_wherever_they_are() {
        let css = r#"
            @charset "utf-8";
            @import "base.css"; @import url(theme.css) screen;
            /* url(comment.png) */
            @font-face { src: url("../fonts/a.woff2?v=1") format("woff2"), url(../fonts/a.svg#icons) }
            @media print { a::after { content: "url(text.png)"; background: image-set(url('x.png') 1x) } }
            b { background: url(data:image/png;base64,AA==), url(https://localhost/y.png), url(/z.png), url(#id) }
            b { background: URL( x.png ) }
        "#;
        assert_eq!(references(css), ["base.css", "theme.css", "../fonts/a.woff2", "../fonts/a.svg", "x.png"]);
    }

    #[test]
    fn broken_styles_are_read_as_far_as_they_go() {
        for css in ["", "}", "a {", "url(", "@import", "\u{0}", "a { b: url('x.png' }"] {
            references(css);
        }
        assert_eq!(references("a { b: url('x.png')"), ["x.png"]);
    }

    #[test]
    fn references_resolve_within_the_package() {
        assert_eq!(resolve("dist/css/a.css", "../fonts/a.woff").as_deref(), Some("dist/fonts/a.woff"));
        assert_eq!(resolve("a.css", "./b.css").as_deref(), Some("b.css"));
        assert_eq!(resolve("a.css", "../b.css"), None);
    }
}
