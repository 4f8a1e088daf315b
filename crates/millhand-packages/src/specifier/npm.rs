//! An npm package, or a part of one: `name[/subpath][#range][~file/path][ as alias]`.
//!
//! `name@range` is read as `name#range`, because it is what npm's users type; it is written with `#`. There is one
//! place for it, after the subpath, so the two never compete.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use nodejs_semver::{Range, Version};

use super::{Reader, SyntaxError, check_length, is_space};
use crate::npm::{NpmIdError, NpmName};

/// The longest specifier that is read: the longest name, and a long path.
const MAX_CHARS: usize = 500;
/// So many digits are always a whole number in JavaScript, too.
const MAX_DIGITS: usize = 14;
/// What cannot name a variable in a module, or would change the object that holds it.
const RESERVED: [&str; 50] = [
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "__proto__",
];
/// Names under which packages were known, and the ones they have.
const RENAMED: [(&str, &str); 1] = [("fontawesome", "@fortawesome/fontawesome-free")];

/// `rxjs#^7.8.1 as rxjs`, `@scope/name/sub/path`, `bootstrap#5~dist/css/bootstrap.min.css`.
///
/// ```
/// use millhand_packages::NpmSpecifier;
///
/// let specifier: NpmSpecifier = "bootstrap@^5.3~bootstrap.min.css as css".parse()?;
/// assert_eq!(specifier.name().as_str(), "bootstrap");
/// assert_eq!(specifier.file(), Some("bootstrap.min.css"));
/// assert_eq!(specifier.normalised(), "bootstrap#^5.3~bootstrap.min.css");
/// # Ok::<(), millhand_packages::NpmSpecifierError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NpmSpecifier {
    name: NpmName,
    subpath: Option<String>,
    range: Option<NpmRange>,
    file: Option<String>,
    alias: Option<String>,
}

impl NpmSpecifier {
    /// The package.
    #[must_use]
    pub const fn name(&self) -> &NpmName {
        &self.name
    }

    /// The module in it, such as `operators` of `rxjs/operators`.
    #[must_use]
    pub fn subpath(&self) -> Option<&str> {
        self.subpath.as_deref()
    }

    /// The versions that will do. Without it, the one that the registry calls the latest is meant.
    #[must_use]
    pub const fn range(&self) -> Option<&NpmRange> {
        self.range.as_ref()
    }

    /// The file in it: its path, or the end of it.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The variable that is to hold it.
    #[must_use]
    pub fn alias(&self) -> Option<&str> {
        self.alias.as_deref()
    }

    /// The one way to write what is asked for, whatever it is to be called.
    #[must_use]
    pub fn normalised(&self) -> String {
        Self { alias: None, ..self.clone() }.to_string()
    }
}

impl fmt::Display for NpmSpecifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.name)?;
        let parts = [
            ("/", self.subpath()),
            ("#", self.range.as_ref().map(NpmRange::as_str)),
            ("~", self.file()),
            (" as ", self.alias()),
        ];
        for (mark, part) in parts {
            if let Some(part) = part {
                write!(formatter, "{mark}{part}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for NpmSpecifier {
    type Err = NpmSpecifierError;

    fn from_str(specifier: &str) -> Result<Self, NpmSpecifierError> {
        check_length(specifier, MAX_CHARS)?;
        let mut reader = Reader::new(specifier);
        reader.skip_space();
        if reader.peek().is_none() {
            return Err(SyntaxError::Empty.into());
        }
        let name = name(&mut reader)?.parse()?;
        let subpath = match reader.eat("/") {
            true => Some(subpath(&mut reader)?.to_owned()),
            false => None,
        };
        let range = match reader.eat("#") || reader.eat("@") {
            true => Some(range(&mut reader)?),
            false => None,
        };
        let file = match reader.eat("~") {
            true => Some(file(&mut reader)?.to_owned()),
            false => None,
        };
        let alias = match reader.peek() {
            None => None,
            Some(c) if is_space(c) => alias(&mut reader)?,
            Some(_) if range.is_some() => return Err(reader.unexpected("`~`, ` as ` or the end").into()),
            Some(_) => return Err(reader.unexpected("`/`, `#`, `~`, ` as ` or the end").into()),
        };
        let specifier = Self { name, subpath, range, file, alias };
        // A lockfile keeps the normal form, which can be longer: `1||2` is `1 || 2`.
        check_length(&specifier.to_string(), MAX_CHARS)?;
        Ok(specifier)
    }
}

/// Which versions will do: a range as npm understands it, or a tag such as `latest`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NpmRange {
    text: String,
    /// `None` for a tag.
    versions: Option<Range>,
}

impl NpmRange {
    /// A range as package authors write it: whatever npm makes sense of. `None` for what is no range and no tag.
    pub(crate) fn of_dependency(text: &str) -> Option<Self> {
        let versions = text.parse().ok();
        let is_tag = || text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        let is_foreign = text.contains([':', '/'])
            || text.chars().count() > MAX_CHARS
            || (versions.is_none() && !is_tag());
        (!is_foreign).then(|| Self { text: text.to_owned(), versions })
    }

    /// How it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The tag, if it is one. Only the registry knows which version that is.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.versions.is_none().then_some(&self.text)
    }

    /// The range of versions, if it is no tag.
    #[must_use]
    pub const fn versions(&self) -> Option<&Range> {
        self.versions.as_ref()
    }

    /// Whether `version` is in the range. A tag has no version of its own.
    #[must_use]
    pub fn contains(&self, version: &Version) -> bool {
        self.versions.as_ref().is_some_and(|range| range.satisfies(version))
    }
}

impl fmt::Display for NpmRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Packages that are asked for under a name that is not theirs any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renames(BTreeMap<String, NpmName>);

impl Default for Renames {
    fn default() -> Self {
        let known = RENAMED.iter().filter_map(|(old, new)| Some(((*old).to_owned(), new.parse().ok()?)));
        Self(known.collect())
    }
}

impl Renames {
    /// Has `old` mean `new` from now on.
    pub fn insert(&mut self, old: impl Into<String>, new: NpmName) {
        self.0.insert(old.into(), new);
    }

    /// What `name` is called now.
    #[must_use]
    pub fn current<'a>(&'a self, name: &'a NpmName) -> &'a NpmName {
        self.0.get(name.as_str()).unwrap_or(name)
    }
}

/// Why a text is no specifier of an npm package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NpmSpecifierError {
    /// It does not have the form.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// Its name is none that npm takes.
    #[error(transparent)]
    Name(#[from] NpmIdError),
    /// No version can be in its range.
    #[error("no version is in the range `{range}`")]
    EmptyRange {
        /// The range.
        range: String,
    },
    /// Its alias has a meaning of its own.
    #[error("the alias `{alias}` of `{specifier}` cannot name a variable")]
    ReservedAlias {
        /// What was read.
        specifier: String,
        /// The word.
        alias: String,
    },
}

impl NpmSpecifierError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "bad-npm-specifier"
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Syntax(_) | Self::Name(_) => {
                "write `name[/subpath][#range][~file][ as alias]`, such as `rxjs#^7.8.1 as rxjs` or `lodash/debounce#4`"
            }
            Self::EmptyRange { .. } => "write a range as npm does, such as `^7.8.1`, `7.x` or `>=1 <3`",
            Self::ReservedAlias { .. } => "choose another alias",
        };
        Some(hint.to_owned())
    }
}

/// `name`, or `@scope/name`.
fn name<'a>(reader: &mut Reader<'a>) -> Result<&'a str, SyntaxError> {
    let start = reader.at;
    if reader.eat("@") {
        name_part(reader, "a scope")?;
        reader.expect(|c| c == '/', "`/` after the scope")?;
        reader.step();
        name_part(reader, "a name")?;
    } else {
        name_part(reader, "the name of a package")?;
    }
    Ok(&reader.specifier[start..reader.at])
}

fn name_part(reader: &mut Reader<'_>, expected: &'static str) -> Result<(), SyntaxError> {
    reader.expect(|c| c.is_ascii_alphanumeric() || c == '_', expected)?;
    reader.take_while(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    Ok(())
}

fn subpath<'a>(reader: &mut Reader<'a>) -> Result<&'a str, SyntaxError> {
    let start = reader.at;
    loop {
        segment(reader, |c| c.is_ascii_alphanumeric() || "._-+$".contains(c), "a part of the subpath")?;
        if !reader.eat("/") {
            return Ok(&reader.specifier[start..reader.at]);
        }
    }
}

/// Takes all there is, up to the alias.
fn file<'a>(reader: &mut Reader<'a>) -> Result<&'a str, SyntaxError> {
    let rest = reader.rest();
    let path = rest[..alias_mark(rest).unwrap_or(rest.len())].trim_end_matches(is_space);
    for part in path.split('/') {
        if matches!(part, "" | "." | "..") {
            return Err(reader.unexpected("the name of a file or folder"));
        }
        let wrong = part.find(|c: char| c.is_control() || c == '\\');
        reader.at += wrong.unwrap_or(part.len());
        if wrong.is_some() {
            return Err(reader.unexpected("a character that paths have"));
        }
        reader.eat("/");
    }
    Ok(path)
}

/// Where ` as ` begins. No path can have it: without its alias, a specifier must not seem to have another one.
fn alias_mark(text: &str) -> Option<usize> {
    text.match_indices("as").map(|(at, _)| at).find_map(|at| {
        let before = &text[..at];
        let start = before.trim_end_matches(is_space).len();
        (start < before.len() && text[at + 2..].starts_with(is_space)).then_some(start)
    })
}

/// A part of a path that leads down, never up.
fn segment(
    reader: &mut Reader<'_>,
    wanted: impl Fn(char) -> bool,
    expected: &'static str,
) -> Result<(), SyntaxError> {
    let start = *reader;
    match reader.take_while(wanted) {
        "" | "." | ".." => Err(start.unexpected(expected)),
        _ => Ok(()),
    }
}

fn alias(reader: &mut Reader<'_>) -> Result<Option<String>, NpmSpecifierError> {
    reader.skip_space();
    if reader.peek().is_none() {
        return Ok(None);
    }
    let word = *reader;
    let is_word = reader.eat("as") && (reader.skip_space() || reader.peek().is_none());
    if !is_word {
        return Err(word.unexpected("`as` or the end").into());
    }
    reader.expect(starts_identifier, "the name of a variable")?;
    let alias = reader.take_while(continues_identifier);
    reader.skip_space();
    if reader.peek().is_some() {
        return Err(reader.unexpected("a character of a variable's name, or the end").into());
    }
    match RESERVED.contains(&alias) {
        true => Err(NpmSpecifierError::ReservedAlias {
            specifier: reader.specifier.to_owned(),
            alias: alias.to_owned(),
        }),
        false => Ok(Some(alias.to_owned())),
    }
}

fn starts_identifier(c: char) -> bool {
    c == '$' || c == '_' || unicode_ident::is_xid_start(c)
}

fn continues_identifier(c: char) -> bool {
    c == '$' || unicode_ident::is_xid_continue(c)
}

fn range(reader: &mut Reader<'_>) -> Result<NpmRange, NpmSpecifierError> {
    if let Some(tag) = tag(reader) {
        return Ok(NpmRange { text: tag.to_owned(), versions: None });
    }
    let mut text = String::new();
    loop {
        reader.skip_space();
        comparators(reader, &mut text)?;
        let end = *reader;
        reader.skip_space();
        if !reader.eat("||") {
            *reader = end;
            break;
        }
        text.push_str(" || ");
    }
    match text.parse() {
        Ok(range) => Ok(NpmRange { text, versions: Some(range) }),
        Err(_) => Err(NpmSpecifierError::EmptyRange { range: text }),
    }
}

/// A word that is no version: `latest`, but neither `x` nor `v1`.
fn tag<'a>(reader: &mut Reader<'a>) -> Option<&'a str> {
    let mut ahead = *reader;
    let word = ahead.take_while(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let mut chars = word.chars();
    let is_tag = match (chars.next()?, chars.next()) {
        ('x' | 'X', None | Some('.')) => false,
        ('v', Some(second)) if second.is_ascii_digit() => false,
        (first, _) => first.is_ascii_alphabetic(),
    };
    is_tag.then(|| {
        *reader = ahead;
        word
    })
}

/// `^1.2`, `>=1 <3`, `1.2 - 2`: all of them have to hold.
fn comparators(reader: &mut Reader<'_>, text: &mut String) -> Result<(), SyntaxError> {
    let has_operator = comparator(reader, text)?;
    let mut ahead = *reader;
    if !has_operator && ahead.skip_space() && ahead.eat("-") && ahead.skip_space() {
        *reader = ahead;
        text.push_str(" - ");
        return partial(reader, text);
    }
    loop {
        let mut ahead = *reader;
        if !(ahead.skip_space() && ahead.peek().is_some_and(starts_comparator)) {
            return Ok(());
        }
        *reader = ahead;
        text.push(' ');
        comparator(reader, text)?;
    }
}

fn starts_comparator(c: char) -> bool {
    c.is_ascii_digit() || "^~<>=*xXv".contains(c)
}

/// Says whether it began with an operator.
fn comparator(reader: &mut Reader<'_>, text: &mut String) -> Result<bool, SyntaxError> {
    let operator = ["^", "~>", "~", ">=", "<=", ">", "<", "="].into_iter().find(|mark| reader.eat(mark));
    if let Some(operator) = operator {
        text.push_str(operator);
        reader.skip_space();
    }
    partial(reader, text)?;
    Ok(operator.is_some())
}

/// `1`, `1.2`, `1.x`, `1.2.3`, `1.2.3-beta.1`.
fn partial(reader: &mut Reader<'_>, text: &mut String) -> Result<(), SyntaxError> {
    reader.eat("v");
    let mut whole = number(reader, text)?;
    let mut parts = 1;
    while parts < 3 && reader.eat(".") {
        text.push('.');
        whole &= number(reader, text)?;
        parts += 1;
    }
    for mark in ["-", "+"] {
        if parts == 3 && whole && reader.eat(mark) {
            text.push_str(mark);
            identifiers(reader, text)?;
        }
    }
    match reader.peek() {
        None | Some('~' | '|') => Ok(()),
        Some(c) if is_space(c) => Ok(()),
        Some(_) => Err(reader.unexpected("the end of the version")),
    }
}

/// Says whether it is a number, and not a wildcard.
fn number(reader: &mut Reader<'_>, text: &mut String) -> Result<bool, SyntaxError> {
    const EXPECTED: &str = "a number, `x` or `*`";
    if let Some(wildcard) = ["x", "X", "*"].into_iter().find(|wildcard| reader.eat(wildcard)) {
        text.push_str(wildcard);
        return Ok(false);
    }
    reader.expect(|c| c.is_ascii_digit(), EXPECTED)?;
    let start = *reader;
    let digits = reader.take_while(|c| c.is_ascii_digit());
    if digits.len() > MAX_DIGITS || (digits.len() > 1 && digits.starts_with('0')) {
        return Err(start.unexpected("a number of at most 14 digits that does not begin with 0"));
    }
    text.push_str(digits);
    Ok(true)
}

fn identifiers(reader: &mut Reader<'_>, text: &mut String) -> Result<(), SyntaxError> {
    loop {
        let start = *reader;
        let identifier = reader.take_while(|c| c.is_ascii_alphanumeric() || c == '-');
        let is_number = identifier.chars().all(|c| c.is_ascii_digit());
        if identifier.is_empty() || (is_number && identifier.len() > MAX_DIGITS) {
            return Err(start.unexpected("letters, digits or hyphens"));
        }
        text.push_str(identifier);
        if !reader.eat(".") {
            return Ok(());
        }
        text.push('.');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(specifier: &str) -> Result<NpmSpecifier, NpmSpecifierError> {
        specifier.parse()
    }

    fn range(text: &str) -> NpmRange {
        parse(&format!("a#{text}")).unwrap().range().unwrap().clone()
    }

    #[test]
    fn ranges_are_those_of_npm() {
        for (text, inside, outside) in [
            ("^7.8.1", "7.9.0", "8.0.0"),
            ("~7.8.1", "7.8.4", "7.9.0"),
            ("7.x", "7.0.1", "8.0.0"),
            (">=1 <3", "2.9.9", "3.0.0"),
            ("1 || 3", "3.1.0", "2.0.0"),
            ("1.2 - 2", "2.9.9", "3.0.0"),
            ("^0.2.3", "0.2.9", "0.3.0"),
            ("=1.2.3", "1.2.3", "1.2.4"),
            ("^2.0.0-beta.1", "2.0.0-beta.2", "2.1.0-beta.1"),
            ("*", "9.9.9", "1.0.0-rc.1"),
        ] {
            let range = range(text);
            assert!(range.contains(&inside.parse().unwrap()), "{inside} is in {text}");
            assert!(!range.contains(&outside.parse().unwrap()), "{outside} is not in {text}");
            assert_eq!(range.tag(), None);
        }
    }

    #[test]
    fn words_are_tags() {
        for tag in ["latest", "next", "v-next", "xyz", "beta.1"] {
            assert_eq!(range(tag).tag(), Some(tag));
        }
        for versions in ["x", "X.x", "v1", "*"] {
            assert_eq!(range(versions).tag(), None, "{versions}");
        }
    }

    #[test]
    fn an_error_points_at_the_offending_character() {
        let version_end = "unexpected `b` at character 5 of `a#1.b`: a number, `x` or `*` is expected";
        for (specifier, message) in [
            (" ", "an empty specifier names no package"),
            ("#1", "unexpected `#` at character 1 of `#1`: the name of a package is expected"),
            ("@scope", "`@scope` ends too early: `/` after the scope is expected"),
            ("@scope/", "`@scope/` ends too early: a name is expected"),
            ("a/", "`a/` ends too early: a part of the subpath is expected"),
            ("a/b/../c", "unexpected `.` at character 5 of `a/b/../c`: a part of the subpath is expected"),
            ("a#", "`a#` ends too early: a number, `x` or `*` is expected"),
            ("a#1.b", version_end),
            ("a#^", "`a#^` ends too early: a number, `x` or `*` is expected"),
            ("a#1.2.3.4", "unexpected `.` at character 8 of `a#1.2.3.4`: the end of the version is expected"),
            (
                "a#latest@1",
                "unexpected `@` at character 9 of `a#latest@1`: `~`, ` as ` or the end is expected",
            ),
            ("a@1/b", "unexpected `/` at character 4 of `a@1/b`: the end of the version is expected"),
            ("a~/b", "unexpected `/` at character 3 of `a~/b`: the name of a file or folder is expected"),
            ("a~b\\c", "unexpected `\\` at character 4 of `a~b\\c`: a character that paths have is expected"),
            ("a as", "`a as` ends too early: the name of a variable is expected"),
            ("a as 1b", "unexpected `1` at character 6 of `a as 1b`: the name of a variable is expected"),
            (
                "a as b-c",
                "unexpected `-` at character 7 of `a as b-c`: a character of a variable's name, or the end is expected",
            ),
            ("a b", "unexpected `b` at character 3 of `a b`: `as` or the end is expected"),
            ("a!", "unexpected `!` at character 2 of `a!`: `/`, `#`, `~`, ` as ` or the end is expected"),
        ] {
            assert_eq!(parse(specifier).unwrap_err().to_string(), message);
        }
        let error = parse("rxjs as class").unwrap_err();
        assert_eq!(error.to_string(), "the alias `class` of `rxjs as class` cannot name a variable");
    }

    #[test]
    fn an_overlong_specifier_is_refused() {
        assert!(parse(&format!("a~{}", "b".repeat(498))).is_ok());
        assert!(parse(&format!("a~{}", "b".repeat(499))).is_err());
        assert!(parse(&"a".repeat(215)).is_err());
    }

    #[test]
    fn renamed_packages_keep_their_old_name_and_users_add_to_them() {
        let mut renames = Renames::default();
        let old = |name: &str| name.parse::<NpmName>().unwrap();
        assert_eq!(renames.current(&old("fontawesome")).as_str(), "@fortawesome/fontawesome-free");
        assert_eq!(renames.current(&old("rxjs")).as_str(), "rxjs");
        renames.insert("rx", old("rxjs"));
        assert_eq!(renames.current(&old("rx")).as_str(), "rxjs");
        assert!(RENAMED.iter().all(|(_, new)| new.parse::<NpmName>().is_ok()));
    }

    /// Random texts over the characters that matter: never a panic, and what is read round trips.
    #[test]
    fn any_text_is_refused_or_round_trips() {
        const PIECES: [&str; 30] = [
            "a", "b_c", "@", "/", "#", "~", " as ", " ", "1", "2.3", ".", "x", "*", "^", ">=", "<", "||",
            " - ", "-", "+", "latest", "as", "é", "$", "\t", "\\", "v", "\u{0}", "0", "..",
        ];
        let mut random = fastrand::Rng::with_seed(7);
        let mut accepted = 0;
        for _ in 0..100_000 {
            let specifier: String =
                (0..random.usize(0..10)).map(|_| PIECES[random.usize(0..PIECES.len())]).collect();
            for specifier in [specifier.clone(), format!("a#1{specifier}"), format!("a~b{specifier}")] {
                if let Ok(read) = parse(&specifier) {
                    assert_eq!(parse(&read.to_string()), Ok(read.clone()), "{specifier:?}");
                    assert_eq!(parse(&read.normalised()).unwrap().normalised(), read.normalised());
                    accepted += 1;
                }
            }
        }
        assert!(accepted > 5_000, "the pieces must reach the accepting paths, {accepted} did");
    }
}
