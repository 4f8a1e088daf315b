//! One version of one npm package, by its name and number.

use std::fmt;
use std::str::FromStr;

use nodejs_semver::Version;
use serde::{Deserialize, Serialize};

/// The longest name that npm takes.
const MAX_NAME_CHARS: usize = 214;

/// The name of an npm package, with its scope if it has one: `rxjs`, `@scope/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NpmName(String);

impl NpmName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NpmName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for NpmName {
    type Err = NpmIdError;

    /// Takes what the registry has taken over the years (capitals, a leading `_`), and nothing that could be a
    /// path or needs escaping in a url.
    fn from_str(name: &str) -> Result<Self, NpmIdError> {
        let is_part = |part: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._~!'()*".contains(c);
            !part.is_empty() && !part.starts_with('.') && part.chars().all(plain)
        };
        let well_formed = match name.strip_prefix('@') {
            Some(scoped) => {
                scoped.split_once('/').is_some_and(|(scope, name)| is_part(scope) && is_part(name))
            }
            None => is_part(name),
        };
        match well_formed && name.len() <= MAX_NAME_CHARS {
            true => Ok(Self(name.to_owned())),
            false => Err(NpmIdError::Name { name: name.chars().take(MAX_NAME_CHARS).collect() }),
        }
    }
}

/// One version of one package: `rxjs@7.8.2`. Sorted by name, then by version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NpmId {
    /// Which package.
    pub name: NpmName,
    /// Which version of it.
    pub version: Version,
}

impl fmt::Display for NpmId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.name, self.version)
    }
}

impl FromStr for NpmId {
    type Err = NpmIdError;

    fn from_str(id: &str) -> Result<Self, NpmIdError> {
        let malformed = || NpmIdError::Id { id: id.chars().take(MAX_NAME_CHARS).collect() };
        let (name, version) = id.rsplit_once('@').ok_or_else(malformed)?;
        Ok(Self { name: name.parse()?, version: version.parse().map_err(|_| malformed())? })
    }
}

impl TryFrom<String> for NpmId {
    type Error = NpmIdError;

    fn try_from(id: String) -> Result<Self, NpmIdError> {
        id.parse()
    }
}

impl From<NpmId> for String {
    fn from(id: NpmId) -> Self {
        id.to_string()
    }
}

/// Why a text is no name, or no id, of an npm package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NpmIdError {
    /// No name.
    #[error("`{name}` is no name of an npm package")]
    Name {
        /// What was read.
        name: String,
    },
    /// No id.
    #[error("`{id}` is no `name@version` of an npm package")]
    Id {
        /// What was read.
        id: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip() {
        for id in ["rxjs@7.8.2", "@scope/name@1.0.0-rc.1", "lodash.debounce@4.0.8"] {
            assert_eq!(id.parse::<NpmId>().unwrap().to_string(), id);
        }
    }

    #[test]
    fn names_that_could_be_paths_are_refused() {
        for name in ["", ".", "..", "../a", "a/b", "@a", "@a/", "@/b", "@a/../b", "a b", "a\\b", "a%2fb", "é"]
        {
            assert!(name.parse::<NpmName>().is_err(), "{name}");
        }
        assert!("a".repeat(215).parse::<NpmName>().is_err());
    }

    #[test]
    fn ids_need_a_full_version() {
        for id in ["rxjs", "rxjs@", "rxjs@7", "rxjs@latest", "@1.0.0"] {
            assert!(id.parse::<NpmId>().is_err(), "{id}");
        }
    }
}
