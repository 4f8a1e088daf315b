//! A Python package by name, at most at one exact version.

use std::fmt;
use std::str::FromStr;

use super::{Reader, SyntaxError, check_length};

/// The longest specifier that is read. Names and versions in the wild are far shorter.
const MAX_CHARS: usize = 200;

/// `numpy`, or `numpy==2.2.5`.
///
/// ```
/// use millhand_packages::PythonRequirement;
///
/// let requirement: PythonRequirement = "Ruamel.Yaml == 0.18".parse()?;
/// assert_eq!(requirement.name().as_str(), "ruamel-yaml");
/// assert_eq!(requirement.to_string(), "ruamel-yaml==0.18");
/// # Ok::<(), millhand_packages::SpecifierError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PythonRequirement {
    name: PackageName,
    version: Option<PackageVersion>,
}

impl PythonRequirement {
    /// The package asked for.
    #[must_use]
    pub const fn name(&self) -> &PackageName {
        &self.name
    }

    /// The only version that will do, if one was named.
    #[must_use]
    pub const fn version(&self) -> Option<&PackageVersion> {
        self.version.as_ref()
    }
}

impl fmt::Display for PythonRequirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(formatter, "{}=={version}", self.name),
            None => write!(formatter, "{}", self.name),
        }
    }
}

impl FromStr for PythonRequirement {
    type Err = SpecifierError;

    fn from_str(specifier: &str) -> Result<Self, SpecifierError> {
        check_length(specifier, MAX_CHARS)?;
        Ok(requirement(Reader::new(specifier))?)
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

/// An exact version. Two spellings of one version (`2.1`, `2.1.0`) match each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PackageVersion(String);

impl PackageVersion {
    /// Whether `other` is this version. Versions that PEP 440 cannot read (`1.1.1w`) match only themselves.
    #[must_use]
    pub fn matches(&self, other: &str) -> bool {
        match (self.0.parse::<pep440_rs::Version>(), other.parse::<pep440_rs::Version>()) {
            (Ok(this), Ok(other)) => this == other,
            _ => self.0 == other,
        }
    }

    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a text is no requirement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct SpecifierError(#[from] SyntaxError);

impl SpecifierError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "bad-python-specifier"
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some("write `name` or `name==version`, such as `numpy` or `numpy==2.2.5`".to_owned())
    }
}

fn requirement(mut reader: Reader<'_>) -> Result<PythonRequirement, SyntaxError> {
    reader.skip_space();
    if reader.peek().is_none() {
        return Err(SyntaxError::Empty);
    }
    let name = name(&mut reader)?;
    reader.skip_space();
    let version = match reader.peek() {
        None => None,
        Some('=') => Some(version(&mut reader)?),
        Some(_) => return Err(reader.unexpected("`==` or the end")),
    };
    reader.skip_space();
    match reader.peek() {
        None => Ok(PythonRequirement { name, version }),
        Some(_) => Err(reader.unexpected("the end")),
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

/// `==`, then a version that begins with a digit.
fn version(reader: &mut Reader<'_>) -> Result<PackageVersion, SyntaxError> {
    for _ in 0..2 {
        reader.expect(|c| c == '=', "`==`")?;
        reader.step();
    }
    reader.skip_space();
    reader.expect(|c| c.is_ascii_digit(), "a version that begins with a digit")?;
    let version = reader.take_while(|c| c.is_ascii_alphanumeric() || "._-+!".contains(c));
    Ok(PackageVersion(version.to_owned()))
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
    fn a_version_is_kept_as_written() {
        assert_eq!(parse("snowballstemmer==2.1.0").unwrap().version().unwrap().as_str(), "2.1.0");
        assert_eq!(parse("a == 1!2.0.post1+local ").unwrap().to_string(), "a==1!2.0.post1+local");
    }

    #[test]
    fn spellings_of_one_version_match() {
        let version = PackageVersion("2.1".to_owned());
        assert!(version.matches("2.1.0"));
        assert!(!version.matches("2.1.1"));
        assert!(PackageVersion("1.1.1w".to_owned()).matches("1.1.1w"));
        assert!(!PackageVersion("1.1.1w".to_owned()).matches("1.1.1"));
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
            ("numpy>=2", "unexpected `>` at character 6 of `numpy>=2`: `==` or the end is expected"),
            ("numpy=2", "unexpected `2` at character 7 of `numpy=2`: `==` is expected"),
            ("numpy=", "`numpy=` ends too early: `==` is expected"),
            ("numpy==", "`numpy==` ends too early: a version that begins with a digit is expected"),
            (
                "numpy==v2",
                "unexpected `v` at character 8 of `numpy==v2`: a version that begins with a digit is expected",
            ),
            ("numpy==2.*", "unexpected `*` at character 10 of `numpy==2.*`: the end is expected"),
            ("a b", "unexpected `b` at character 3 of `a b`: `==` or the end is expected"),
            ("a[extra]", "unexpected `[` at character 2 of `a[extra]`: `==` or the end is expected"),
            ("../a", "unexpected `.` at character 1 of `../a`: a letter or a digit is expected"),
        ] {
            assert_eq!(parse(specifier).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn an_overlong_specifier_is_refused() {
        assert!(matches!(parse(&"a".repeat(201)), Err(SpecifierError(SyntaxError::TooLong { .. }))));
        assert!(parse(&"a".repeat(200)).is_ok());
    }

    /// Random texts over the characters that matter: never a panic, and what is read round trips.
    #[test]
    fn any_text_is_refused_or_round_trips() {
        const ALPHABET: [char; 16] =
            ['a', 'Z', '0', '9', '-', '_', '.', '=', ' ', '\t', '!', '+', '>', 'é', '/', '\u{0}'];
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
