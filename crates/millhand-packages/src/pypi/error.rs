//! Why a package beyond Pyodide's own cannot be had.

use super::contents::WheelError;
use super::resolver::{Refusal, ResolverError};
use super::solve::Want;
use crate::digest::Sha256;
use crate::fetch::FetchError;
use crate::specifier::PackageName;
use crate::store::StoreError;

/// How many versions are listed.
const MAX_LISTED: usize = 8;

/// Why a package beyond Pyodide's own cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PypiError {
    /// The index has it, and no version that will do runs in a browser.
    #[error("`{package}{versions}` has no build for browsers: there is no pure wheel of it{}", text_of(said))]
    NoPureWheel {
        /// The package.
        package: PackageName,
        /// The versions that were wanted.
        versions: String,
        /// The versions that do have a pure wheel, the newest last, where they are known.
        pure_versions: Vec<String>,
        /// The version in Pyodide's lock, if it is there.
        pyodide: Option<String>,
        /// The resolver's own words, where they say more.
        said: String,
    },
    /// Nobody's wish can be met without breaking another one.
    #[error("there is no version of `{package}` for everyone: {}", demands.join(", "))]
    Conflict {
        /// The package.
        package: PackageName,
        /// Who needs which version.
        demands: Vec<String>,
        /// The versions that have a pure wheel, the newest last, where they are known.
        pure_versions: Vec<String>,
        /// The version in Pyodide's lock, if it is there.
        pyodide: Option<String>,
    },
    /// A dependency that the index does not have.
    #[error("`{dependent}` needs `{package}`, which does not exist")]
    NoSuchDependency {
        /// The package.
        package: PackageName,
        /// Who needs it.
        dependent: PackageName,
    },
    /// The choices change each other.
    #[error("the versions of these packages do not settle: `{requirements}`")]
    Unsettled {
        /// What was asked for.
        requirements: String,
    },
    /// The user's wheel is of another version than is needed.
    #[error("the overlay has `{package}=={available}`, but {}", demands.join(", "))]
    OverlayVersion {
        /// The package.
        package: PackageName,
        /// The wheel's version.
        available: String,
        /// Who needs which version.
        demands: Vec<String>,
    },
    /// The resolver is of no help.
    #[error("cannot look for `{packages}` beyond Pyodide's own packages")]
    Resolver {
        /// The packages, with spaces between.
        packages: String,
        /// Why.
        #[source]
        source: ResolverError,
    },
    /// Wheels that are not in the store, while nothing may be downloaded.
    #[error("not in the cache, and downloads are off: `{requirements}`")]
    Offline {
        /// What is missing, with spaces between.
        requirements: String,
        /// The arguments with which `millhand fetch` gets them.
        fetch: String,
        /// Names of Pyodide's own packages that are nearly the same.
        suggestions: Vec<String>,
    },
    /// A wheel did not arrive.
    #[error("cannot download `{file_name}`")]
    Fetch {
        /// The wheel.
        file_name: String,
        /// Why.
        #[source]
        source: FetchError,
    },
    /// A wheel is not what the index or a lockfile says.
    #[error("`{file_name}` came with the sha256 {found}, it should be {expected}")]
    HashMismatch {
        /// The wheel.
        file_name: String,
        /// What it should be.
        expected: Sha256,
        /// What came.
        found: Sha256,
    },
    /// A wheel cannot be read.
    #[error(transparent)]
    Wheel(#[from] WheelError),
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PypiError {
    /// What `refusal` means for `want`.
    pub(crate) fn refused(want: &Want, refusal: Refusal, pyodide: Option<String>) -> Self {
        let package = want.package.clone();
        let Refusal { is_known, pure_versions, said, .. } = refusal;
        let dependent = want.demands.iter().find_map(|demand| demand.by.clone());
        match dependent {
            Some(dependent) if !is_known => Self::NoSuchDependency { package, dependent },
            Some(_) if want.demands.len() > 1 => {
                let demands = want.demands.iter().map(ToString::to_string).collect();
                Self::Conflict { package, demands, pure_versions, pyodide }
            }
            _ => {
                let versions = want.versions.to_string();
                Self::NoPureWheel { package, versions, pure_versions, pyodide, said }
            }
        }
    }

    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoPureWheel { pyodide: Some(_), .. } | Self::OverlayVersion { .. } => {
                "python-version-unavailable"
            }
            Self::NoPureWheel { .. } => "python-package-not-pure",
            Self::Conflict { .. } => "python-versions-conflict",
            Self::NoSuchDependency { .. } => "unknown-python-package",
            Self::Unsettled { .. } => "python-versions-unsettled",
            Self::Resolver { source, .. } => source.code(),
            Self::Offline { .. } => "offline",
            Self::Fetch { source, .. } => source.code(),
            Self::HashMismatch { .. } => "hash-mismatch",
            Self::Wheel(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoPureWheel { package, pure_versions, pyodide, .. }
            | Self::Conflict { package, pure_versions, pyodide, .. } => {
                Some(ways_out(package, pure_versions, pyodide.as_deref()))
            }
            Self::NoSuchDependency { dependent, .. } => {
                Some(format!("ask for another version of `{dependent}`"))
            }
            Self::Unsettled { .. } => Some("ask for exact versions: `name==version`".to_owned()),
            Self::OverlayVersion { .. } => {
                Some("give a wheel of another version, or ask for that of the overlay".to_owned())
            }
            Self::Resolver { source, .. } => source.hint(),
            Self::Offline { fetch, suggestions, .. } => {
                let slip = if suggestions.is_empty() {
                    String::new()
                } else {
                    format!("; or did you mean `{}`?", suggestions.join("` or `"))
                };
                Some(format!("run `millhand fetch {fetch}` while there is a network{slip}"))
            }
            Self::Fetch { source, .. } => source.hint(),
            Self::HashMismatch { .. } => {
                Some("the file was changed on its way or at its source: do not use it".to_owned())
            }
            Self::Wheel(error) => error.hint(),
            Self::Store(error) => error.hint(),
        }
    }
}

fn ways_out(package: &PackageName, pure_versions: &[String], pyodide: Option<&str>) -> String {
    let mut ways = Vec::new();
    if let Some(version) = pyodide {
        ways.push(format!("ask for `{package}=={version}`, which this version of Pyodide has"));
    }
    if !pure_versions.is_empty() {
        let newest: Vec<&str> = pure_versions.iter().rev().take(MAX_LISTED).map(String::as_str).collect();
        ways.push(format!("ask for a version that has a pure wheel, such as {}", newest.join(", ")));
    }
    ways.push("give a wheel that is built for Pyodide with `--overlay`".to_owned());
    ways.join(", or ")
}

fn text_of(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(" ({said})") }
}
