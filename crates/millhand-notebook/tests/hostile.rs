//! Pages that nobody means well with: none may end the process, hang, or be lost without a word.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use millhand_notebook::{CellSource, Language, Links, Outcome, Page, PageError, compile, parse};

fn page(text: &str) -> Page {
    parse("page.md", text, &Links::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn error(text: &str) -> PageError {
    parse("page.md", text, &Links::default()).unwrap_err()
}

#[test]
fn what_is_not_closed_is_named_with_its_line() {
    for (text, expected) in [
        ("\n<js-cell>\nconst a = 1\n", "page.md:2: `<js-cell>` is not closed"),
        ("<note>\n\n<note>\n</note>\n", "page.md:1: `<note>` is not closed"),
        ("a\n\n<worker-cell mode=\"", "page.md:3: the tag `<worker-cell` has no end"),
        ("a\n</note>", "page.md:2: `</note>` closes nothing"),
        ("</py-cell>", "page.md:1: `</py-cell>` closes nothing"),
        ("<js-cell>\n</py-cell>\n", "page.md:1: `<js-cell>` is not closed"),
    ] {
        let error = error(text);
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().is_some(), "{error}");
    }
}

#[test]
fn notes_in_notes_have_an_end() {
    let deep = |depth| format!("{}\n{}", "<note>\n".repeat(depth), "</note>\n".repeat(depth));
    page(&deep(32));
    assert_eq!(error(&deep(100_000)).code(), "notes-too-deep");
}

#[test]
fn huge_pages_are_read_and_larger_ones_refused() {
    let many = "<js-cell>\ndisplay(1)\n</js-cell>\n\ntext <b>a</b>\n\n".repeat(10_000);
    assert_eq!(page(&many).cells.len(), 10_000);
    assert_eq!(error(&"a".repeat(9 << 20)).code(), "page-too-large");
}

#[test]
fn deep_markdown_is_read() {
    for text in [
        ">".repeat(50_000),
        "* ".repeat(50_000),
        "[".repeat(50_000),
        "<b>".repeat(50_000),
        "_a".repeat(50_000),
    ] {
        page(&text);
    }
}

#[test]
fn deep_code_is_an_error_or_is_read_and_never_ends_the_process() {
    for text in [
        "(",
        "[",
        "{",
        "!",
        "a=>",
        "a?",
        "-",
        "if(a)",
        "`${",
        "a(",
        "new ",
        "async()=>",
        "a.b(",
        "[[a]=",
        "x:{",
    ] {
        let source = text.repeat(131_072 / text.len());
        let cell = CellSource {
            file: "page.md".to_owned(),
            language: Language::JavaScript,
            source,
            first_line: 1,
            first_column: 1,
            live: Vec::new(),
        };
        assert!(compile(&cell).is_err(), "{text}");
    }
    let nested = format!("<js-cell>\n{}1{}\n</js-cell>\n", "(".repeat(60_000), ")".repeat(60_000));
    assert!(matches!(page(&nested).cells[0].outcome, Outcome::Compiled(_)));
}

#[test]
fn a_cell_that_is_too_large_says_so() {
    let page = page(&format!("<js-cell>\n'{}'\n</js-cell>\n", "a".repeat(200_000)));
    let Outcome::Error(error) = &page.cells[0].outcome else { panic!("a cell that is too large") };
    assert!(error.message.contains("more than 131072 bytes"), "{error}");
}

#[test]
fn odd_attributes_do_no_harm() {
    let html =
        page("<note level='\"><script>' title=\"</summary>\" = == a=b/ expandable>\ntext\n</note>\n").html;
    assert!(html.contains("data-level=\"&quot;&gt;&lt;script&gt;\""), "{html}");
    page("<note \u{0} é='ü' \n\n\t x>\na\n</note>");
}

#[test]
fn a_syntax_error_names_line_and_column_of_the_file() {
    let page =
        page("# a\n\n<js-cell>\nconst a = 1\nconst ü = 'ü' +* 2\n</js-cell>\n<js-cell>a b</js-cell>\n");
    let errors: Vec<String> = page
        .cells
        .iter()
        .map(|cell| match &cell.outcome {
            Outcome::Error(error) => error.to_string().split(": ").next().unwrap().to_owned(),
            Outcome::Compiled(_) => panic!("a cell with a mistake"),
        })
        .collect();
    assert_eq!(errors, ["page.md:5:16", "page.md:7:11"]);
}

#[test]
fn any_line_end_and_any_cut_is_read() {
    let text = include_str!("input/cells.md").replace('\n', "\r\n");
    for (end, _) in text.char_indices() {
        _ = parse("page.md", &text[..end], &Links::default());
    }
}
