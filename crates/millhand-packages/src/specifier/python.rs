//! What a user asks for in Python: a package by name, its extras, and the versions that will do (PEP 508).
//!
//! Only the form is checked here. Whether there is such a package is the resolver's question. The manifest
//! request and the command line parse into these types, and nothing behind them sees unchecked text.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use pep440_rs::{VersionSpecifier, VersionSpecifiers};

use super::{Reader, SyntaxError, check_length};

/// The longest specifier that is read. Names and versions in the wild are far shorter.
const MAX_CHARS: usize = 200;

/// `numpy`, `numpy==2.2.5`, `rich>=13,<15` or `httpx[http2]~=0.27`. Markers and urls are not taken.
///
/// ```
/// use millhand_packages::PythonRequirement;
///
/// let requirement: PythonRequirement = "Ruamel.Yaml[jinja2] >= 0.18, < 1".parse()?;
/// assert_eq!(requirement.name().as_str(), "ruamel-yaml");
/// assert!(requirement.versions().accept("0.18.6"));
/// assert_eq!(requirement.to_string(), "ruamel-yaml[jinja2]>=0.18,<1");
/// # Ok::<(), millhand_packages::SpecifierError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PythonRequirement {
    name: PackageName,
    extras: Vec<PackageName>,
    versions: VersionRange,
}

impl PythonRequirement {
    /// The package asked for.
    #[must_use]
    pub const fn name(&self) -> &PackageName {
        &self.name
    }

    /// Its optional parts that are wanted, sorted.
    #[must_use]
    pub fn extras(&self) -> &[PackageName] {
        &self.extras
    }

    /// The versions that will do.
    #[must_use]
    pub const fn versions(&self) -> &VersionRange {
        &self.versions
    }
}

impl fmt::Display for PythonRequirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.name)?;
        if !self.extras.is_empty() {
            let extras: Vec<&str> = self.extras.iter().map(PackageName::as_str).collect();
            write!(formatter, "[{}]", extras.join(","))?;
        }
        write!(formatter, "{}", self.versions)
    }
}

impl FromStr for PythonRequirement {
    type Err = SpecifierError;

    fn from_str(specifier: &str) -> Result<Self, SpecifierError> {
        check_length(specifier, MAX_CHARS)?;
        let requirement = requirement(Reader::new(specifier))?;
        // A lockfile keeps the normal form, which can be longer: `1-2` is `1.post2`.
        check_length(&requirement.to_string(), MAX_CHARS)?;
        Ok(requirement)
    }
}

/// A package's name in its one normal form (PEP 503): lower case, single hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

impl PackageName {
    /// The normal form of a name that is known to be one, as in a lock or a wheel's file name.
    #[must_use]
    pub fn normalised(name: &str) -> Self {
        let mut normal = String::with_capacity(name.len());
        for part in name.split(is_separator).filter(|part| !part.is_empty()) {
            if !normal.is_empty() {
                normal.push('-');
            }
            normal.push_str(&part.to_ascii_lowercase());
        }
        Self(normal)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Versions that will do: all of them, or those that every clause of `>=2,<3` accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct VersionRange(Vec<VersionClause>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum VersionClause {
    /// As PEP 440 has it. Two spellings of one version (`2.1`, `2.1.0`) match each other.
    Ordered(VersionSpecifier),
    /// A version that PEP 440 cannot read (`1.1.1w`); it matches only itself.
    Exactly(String),
}

impl VersionRange {
    /// The versions that `specifiers` accept.
    pub(crate) fn of(specifiers: &VersionSpecifiers) -> Self {
        Self(specifiers.iter().cloned().map(VersionClause::Ordered).collect())
    }

    /// `version` and nothing else.
    pub(crate) fn exactly(version: &str) -> Self {
        let clause = match version.parse() {
            Ok(version) => VersionClause::Ordered(VersionSpecifier::equals_version(version)),
            Err(_) => VersionClause::Exactly(version.to_owned()),
        };
        Self(vec![clause])
    }

    /// What both ranges accept.
    #[must_use]
    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut clauses = self.0.clone();
        clauses.extend(other.0.iter().filter(|clause| !self.0.contains(clause)).cloned());
        Self(clauses)
    }

    /// Whether any version will do.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `version` will do.
    #[must_use]
    pub fn accept(&self, version: &str) -> bool {
        let parsed = version.parse().ok();
        self.0.iter().all(|clause| match (clause, &parsed) {
            (VersionClause::Ordered(specifier), Some(parsed)) => specifier.contains(parsed),
            (VersionClause::Ordered(_), None) => false,
            (VersionClause::Exactly(text), _) => text == version,
        })
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, clause) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            match clause {
                // PEP 440's own form has a space after some operators.
                VersionClause::Ordered(specifier) => {
                    write!(formatter, "{}", specifier.to_string().replace(' ', ""))?;
                }
                VersionClause::Exactly(text) => write!(formatter, "=={text}")?,
            }
        }
        Ok(())
    }
}

/// Why a text is no requirement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecifierError {
    /// It does not have the form.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A version that its operator cannot take.
    #[error("`{clause}` in `{specifier}`, at character {position}, is no range of versions")]
    BadRange {
        /// What was read.
        specifier: String,
        /// The offending part, from its operator on.
        clause: String,
        /// Where it begins.
        position: usize,
    },
}

impl SpecifierError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "bad-python-specifier"
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(
            "write a name and, after it, the versions that will do: `numpy`, `numpy==2.2.5`, `rich>=13,<15`"
                .to_owned(),
        )
    }
}

/// A whole requirement, up to the end.
fn requirement(mut reader: Reader<'_>) -> Result<PythonRequirement, SpecifierError> {
    reader.skip_space();
    if reader.peek().is_none() {
        return Err(SyntaxError::Empty.into());
    }
    let name = name(&mut reader)?;
    reader.skip_space();
    let extras = match reader.eat("[") {
        true => extras(&mut reader)?,
        false => Vec::new(),
    };
    reader.skip_space();
    let versions = match reader.peek() {
        None => VersionRange::default(),
        Some(c) if is_operator(c) => versions(&mut reader)?,
        Some(_) => return Err(reader.unexpected("a version such as `==2.1`, a range, or the end").into()),
    };
    Ok(PythonRequirement { name, extras, versions })
}

/// What follows `[` in `[one, two]`, sorted and without repeats.
fn extras(reader: &mut Reader<'_>) -> Result<Vec<PackageName>, SyntaxError> {
    let mut extras = BTreeSet::new();
    loop {
        reader.skip_space();
        extras.insert(name(reader)?);
        reader.skip_space();
        if reader.eat("]") {
            return Ok(extras.into_iter().collect());
        }
        if !reader.eat(",") {
            return Err(reader.unexpected("`,` or `]`"));
        }
    }
}

/// Clauses with commas between, up to the end.
fn versions(reader: &mut Reader<'_>) -> Result<VersionRange, SpecifierError> {
    let mut clauses = Vec::new();
    loop {
        reader.skip_space();
        clauses.push(clause(reader)?);
        reader.skip_space();
        match reader.peek() {
            None => return Ok(VersionRange(clauses)),
            Some(',') => reader.step(),
            Some(_) => return Err(reader.unexpected("`,` or the end").into()),
        }
    }
}

/// Letters, digits and inner separators.
fn name(reader: &mut Reader<'_>) -> Result<PackageName, SyntaxError> {
    reader.expect(|c| c.is_ascii_alphanumeric(), "a letter or a digit")?;
    let name = reader.take_while(|c| c.is_ascii_alphanumeric() || is_separator(c));
    if name.ends_with(is_separator) {
        reader.step_back();
        return Err(reader.unexpected("a letter or a digit at the end of the name"));
    }
    Ok(PackageName::normalised(name))
}

/// An operator, then a version that begins with a digit.
fn clause(reader: &mut Reader<'_>) -> Result<VersionClause, SpecifierError> {
    let start = reader.at;
    let operator = operator(reader)?;
    reader.skip_space();
    reader.expect(|c| c.is_ascii_digit(), "a version that begins with a digit")?;
    let version_start = reader.at;
    reader.take_while(|c| c.is_ascii_alphanumeric() || "._-+!".contains(c));
    reader.eat("*");
    let version = &reader.specifier[version_start..reader.at];
    match format!("{operator}{version}").parse() {
        Ok(specifier) => Ok(VersionClause::Ordered(specifier)),
        Err(_) if operator == "==" && !version.contains('*') => {
            Ok(VersionClause::Exactly(version.to_owned()))
        }
        Err(_) => Err(SpecifierError::BadRange {
            specifier: reader.specifier.to_owned(),
            clause: reader.specifier[start..reader.at].to_owned(),
            position: reader.specifier[..start].chars().count() + 1,
        }),
    }
}

fn operator(reader: &mut Reader<'_>) -> Result<&'static str, SyntaxError> {
    if let Some(operator) = OPERATORS.into_iter().find(|operator| reader.eat(operator)) {
        return Ok(operator);
    }
    reader.expect(is_operator, "`==`, `>=`, `<=`, `~=`, `!=`, `>` or `<`")?;
    // Half of an operator of two characters.
    reader.step();
    Err(reader.unexpected("`=`"))
}

/// Those that begin like another come first.
const OPERATORS: [&str; 7] = ["==", ">=", "<=", "~=", "!=", ">", "<"];

const fn is_operator(c: char) -> bool {
    matches!(c, '=' | '>' | '<' | '~' | '!')
}

const fn is_separator(c: char) -> bool {
    matches!(c, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(specifier: &str) -> Result<PythonRequirement, SpecifierError> {
        specifier.parse()
    }

    #[test]
    fn names_are_normalised() {
        for (written, normal) in [
            ("numpy", "numpy"),
            ("NumPy", "numpy"),
            ("ruamel.yaml", "ruamel-yaml"),
            ("typing__extensions", "typing-extensions"),
            (" a-_.b ", "a-b"),
            ("7z", "7z"),
        ] {
            assert_eq!(parse(written).unwrap().to_string(), normal);
        }
    }

    #[test]
    fn versions_and_extras_are_read() {
        for (written, normal) in [
            ("snowballstemmer==2.1.0", "snowballstemmer==2.1.0"),
            ("a == 1!2.0.post1+local ", "a==1!2.0.post1+local"),
            ("a>=2,<3", "a>=2,<3"),
            ("a >= 2 , != 2.5.*", "a>=2,!=2.5.*"),
            ("a~=1.4", "a~=1.4"),
            ("a==2.*", "a==2.*"),
            ("a[B_c, a]", "a[a,b-c]"),
            ("a [x,x] > 1", "a[x]>1"),
        ] {
            assert_eq!(parse(written).unwrap().to_string(), normal);
        }
    }

    #[test]
    fn a_range_accepts_what_each_clause_accepts() {
        let accepts =
            |range: &str, version: &str| parse(&format!("a{range}")).unwrap().versions().accept(version);
        assert!(accepts("", "anything"));
        assert!(accepts("==2.1", "2.1.0"));
        assert!(!accepts("==2.1", "2.1.1"));
        assert!(accepts("==2.*", "2.9"));
        assert!(accepts(">=2,<3", "2.9") && !accepts(">=2,<3", "3.0"));
        assert!(accepts("~=1.4", "1.9") && !accepts("~=1.4", "2.0"));
        assert!(!accepts(">=1", "no version"));
    }

    #[test]
    fn a_version_that_has_no_order_matches_itself() {
        let requirement = parse("openssl==1.1.1w").unwrap();
        assert!(requirement.versions().accept("1.1.1w"));
        assert!(!requirement.versions().accept("1.1.1"));
        assert_eq!(VersionRange::exactly("1.1.1w"), *requirement.versions());
    }

    #[test]
    fn an_error_points_at_the_offending_character() {
        for (specifier, message) in [
            ("", "an empty specifier names no package"),
            ("  ", "an empty specifier names no package"),
            ("-a", "unexpected `-` at character 1 of `-a`: a letter or a digit is expected"),
            (
                "a-",
                "unexpected `-` at character 2 of `a-`: a letter or a digit at the end of the name is expected",
            ),
            ("é==1", "unexpected `é` at character 1 of `é==1`: a letter or a digit is expected"),
            ("numpy>", "`numpy>` ends too early: a version that begins with a digit is expected"),
            ("numpy=2", "unexpected `2` at character 7 of `numpy=2`: `=` is expected"),
            ("numpy=", "`numpy=` ends too early: `=` is expected"),
            (
                "numpy===2",
                "unexpected `=` at character 8 of `numpy===2`: a version that begins with a digit is expected",
            ),
            ("numpy>=2,", "`numpy>=2,` ends too early: `==`, `>=`, `<=`, `~=`, `!=`, `>` or `<` is expected"),
            ("numpy>=2 <3", "unexpected `<` at character 10 of `numpy>=2 <3`: `,` or the end is expected"),
            ("numpy~=2", "`~=2` in `numpy~=2`, at character 6, is no range of versions"),
            ("numpy>1,>=1.1.1w", "`>=1.1.1w` in `numpy>1,>=1.1.1w`, at character 9, is no range of versions"),
            ("numpy==", "`numpy==` ends too early: a version that begins with a digit is expected"),
            (
                "numpy==v2",
                "unexpected `v` at character 8 of `numpy==v2`: a version that begins with a digit is expected",
            ),
            ("numpy>=2.*", "`>=2.*` in `numpy>=2.*`, at character 6, is no range of versions"),
            (
                "a b",
                "unexpected `b` at character 3 of `a b`: a version such as `==2.1`, a range, or the end is expected",
            ),
            ("a[", "`a[` ends too early: a letter or a digit is expected"),
            ("a[b", "`a[b` ends too early: `,` or `]` is expected"),
            ("a[]", "unexpected `]` at character 3 of `a[]`: a letter or a digit is expected"),
            (
                "a; python_version>'3'",
                "unexpected `;` at character 2 of `a; python_version>'3'`: a version such as `==2.1`, a range, or the end is expected",
            ),
            ("../a", "unexpected `.` at character 1 of `../a`: a letter or a digit is expected"),
        ] {
            assert_eq!(parse(specifier).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn an_overlong_specifier_is_refused() {
        let grows = format!("a=={}", ["1-2"; 33].join(",=="));
        assert!(grows.len() < 200, "only its normal form is too long");
        for too_long in ["a".repeat(201), grows] {
            assert!(
                matches!(parse(&too_long), Err(SpecifierError::Syntax(SyntaxError::TooLong { .. }))),
                "{too_long}"
            );
        }
        assert!(parse(&"a".repeat(200)).is_ok());
    }

    /// Random texts over the characters that matter: never a panic, and what is read round trips.
    #[test]
    fn any_text_is_refused_or_round_trips() {
        const ALPHABET: [char; 21] = [
            'a', 'Z', '0', '9', '-', '_', '.', '=', ' ', '\t', '!', '+', '>', 'é', '/', '\u{0}', '[', ']',
            ',', '~', '*',
        ];
        let mut random = fastrand::Rng::with_seed(7);
        let mut accepted = 0;
        for _ in 0..50_000 {
            let specifier: String =
                (0..random.usize(0..9)).map(|_| ALPHABET[random.usize(0..ALPHABET.len())]).collect();
            if let Ok(requirement) = parse(&specifier) {
                assert_eq!(parse(&requirement.to_string()), Ok(requirement), "{specifier:?}");
                accepted += 1;
            }
        }
        assert!(accepted > 1_000, "the alphabet must reach the accepting paths, {accepted} did");
    }
}
