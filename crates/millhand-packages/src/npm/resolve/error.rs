//! Why a request cannot be met.

use crate::npm::packument::ReleaseError;
use crate::npm::{NpmId, NpmName};

const MAX_ASKS_SHOWN: usize = 20;

/// Why a request cannot be met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NpmResolveError {
    /// Two specifiers have the same alias.
    #[error("`{first}` and `{second}` have the same alias `{alias}`")]
    AliasTwice {
        /// The alias.
        alias: String,
        /// The specifier that comes first.
        first: String,
        /// The other one.
        second: String,
    },
    /// There is no such package.
    #[error("the npm registry `{registry}` has no `{name}`{}", through(asked_by))]
    UnknownPackage {
        /// The package.
        name: NpmName,
        /// Which registry.
        registry: String,
        /// The way from the specifier to who asks for it.
        asked_by: Vec<String>,
    },
    /// There is no such version.
    #[error("no version of `{name}` is in the range `{range}`{}", through(asked_by))]
    UnknownVersion {
        /// The package.
        name: NpmName,
        /// The range.
        range: String,
        /// Versions that there are.
        nearest: Vec<String>,
        /// The way from the specifier to who asks for it.
        asked_by: Vec<String>,
    },
    /// There is no such tag.
    #[error("`{name}` has no version that is tagged `{tag}`{}", through(asked_by))]
    UnknownTag {
        /// The package.
        name: NpmName,
        /// The tag.
        tag: String,
        /// Tags that there are.
        tags: Vec<String>,
        /// The way from the specifier to who asks for it.
        asked_by: Vec<String>,
    },
    /// No version suits all who ask for it.
    #[error("no version of `{name}` suits all who ask for it: {}", report(asks))]
    Conflict {
        /// The package.
        name: NpmName,
        /// Who asks for what.
        asks: Vec<ConflictingAsk>,
        /// The highest version that any of them takes.
        highest: String,
    },
    /// A dependency that does not come from a registry.
    #[error("`{name}` would come from `{source_text}`, which is no npm registry{}", through(asked_by))]
    Foreign {
        /// The name in imports.
        name: String,
        /// The url, folder or repository.
        source_text: String,
        /// The way from the specifier to who asks for it.
        asked_by: Vec<String>,
    },
    /// A version that cannot be installed.
    #[error("`{id}` cannot be used: {reason}{}", through(asked_by))]
    Unusable {
        /// The package.
        id: NpmId,
        /// What is wrong with it.
        reason: ReleaseError,
        /// The way from the specifier to it.
        asked_by: Vec<String>,
    },
    /// The registry has another content for a version than it had when it was locked.
    #[error("`{id}` was published as {published}, but is locked as {locked}")]
    Changed {
        /// The package.
        id: NpmId,
        /// What the lockfile says.
        locked: String,
        /// What the registry says.
        published: String,
    },
    /// More packages than any page needs.
    #[error("the request needs more than {max_packages} packages")]
    TooManyPackages {
        /// The bound.
        max_packages: usize,
    },
    /// Versions ask for each other in a way that never comes to rest.
    #[error("the versions of the request's packages depend on each other in a way that has no end")]
    Unsettled,
}

/// One who asks, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictingAsk {
    /// A package, or a specifier of the user's.
    pub by: String,
    /// The range.
    pub range: String,
    /// Whether it is the user who asks.
    pub by_user: bool,
}

impl NpmResolveError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AliasTwice { .. } => "npm-alias-twice",
            Self::UnknownPackage { .. } => "npm-package-unknown",
            Self::UnknownVersion { .. } | Self::UnknownTag { .. } => "npm-version-unknown",
            Self::Conflict { .. } => "npm-version-conflict",
            Self::Foreign { .. } => "npm-dependency-foreign",
            Self::Unusable { reason: ReleaseError::NoIntegrity(_), .. } => "npm-integrity-missing",
            Self::Unusable { .. } => "npm-registry-malformed",
            Self::Changed { .. } => "npm-package-changed",
            Self::TooManyPackages { .. } => "npm-too-many-packages",
            Self::Unsettled => "npm-unsettled",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::AliasTwice { .. } => Some("give each its own alias".to_owned()),
            Self::UnknownPackage { .. } => {
                Some("check the name, or set `npm_config_registry` to the registry that has it".to_owned())
            }
            Self::UnknownVersion { nearest, .. } if nearest.is_empty() => None,
            Self::UnknownVersion { nearest, .. } => Some(format!("there are `{}`", nearest.join("`, `"))),
            Self::UnknownTag { tags, .. } if tags.is_empty() => None,
            Self::UnknownTag { tags, .. } => Some(format!("there are `{}`", tags.join("`, `"))),
            Self::Conflict { asks, .. } if asks.iter().all(|ask| ask.by_user) => Some(
                "ask for one version, or for versions that are not compatible with each other".to_owned(),
            ),
            Self::Conflict { name, highest, .. } => Some(format!(
                "have all get one version, if they can do with it: `usingDependencies: ['{name}#{highest}']`"
            )),
            Self::Foreign { name, .. } => {
                Some(format!("name a published version of it: `usingDependencies: ['{name}#…']`"))
            }
            Self::Unusable { .. } => {
                Some("another version may do: name one with `#version`, or in `usingDependencies`".to_owned())
            }
            Self::Changed { .. } => Some(
                "no version is published twice: find out who changed it, and do not use it until then"
                    .to_owned(),
            ),
            Self::TooManyPackages { .. } => Some("ask for fewer packages at once".to_owned()),
            Self::Unsettled => Some("name versions in `usingDependencies`".to_owned()),
        }
    }
}

/// Nothing for what the user asks for.
fn through(chain: &[String]) -> String {
    match chain {
        [] => String::new(),
        [specifier] => format!(" (`{specifier}`)"),
        chain => format!(" ({})", chain.join(" → ")),
    }
}

fn report(asks: &[ConflictingAsk]) -> String {
    let shown = asks.iter().take(MAX_ASKS_SHOWN).map(|ask| match ask.by_user {
        true => format!("the request for `{}`", ask.by),
        false => format!("`{}` for `{}`", ask.by, ask.range),
    });
    let mut report = shown.collect::<Vec<_>>().join(", ");
    if asks.len() > MAX_ASKS_SHOWN {
        report += &format!(", and {} more", asks.len() - MAX_ASKS_SHOWN);
    }
    report
}
