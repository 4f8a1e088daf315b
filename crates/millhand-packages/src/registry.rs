//! The user's npm registry: which one it is, and what it says about a version of a package.
//!
//! No registry is built in. It is taken from where npm itself takes it, in npm's order: the environment, the
//! user's `.npmrc`, and at last npm is asked, whose answer is remembered in the store.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use crate::digest::{DigestError, Integrity};
use crate::fetch::{FetchError, Fetcher, shown};
use crate::npm::PackumentError;
use crate::npm::config::{NpmConfig, Npmrc};
use crate::store::{Store, StoreError};

const REMEMBERED: &str = "npm-registry";
/// npm's settings change seldom, and to ask npm takes a while.
const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
const NPM_TIMEOUT: Duration = Duration::from_secs(20);
/// npm's short form of a package's document. A registry may send the whole document all the same.
pub(crate) const ABBREVIATED: &str = "application/vnd.npm.install-v1+json, application/json;q=0.8";
pub(crate) const MAX_DOCUMENT_BYTES: u64 = 64 * 1024 * 1024;

/// How the registry's url is found.
#[derive(Clone, Debug, Default)]
pub enum NpmRegistry {
    /// As npm finds it.
    #[default]
    Configured,
    /// This one.
    At(Url),
}

/// What a registry says about one version of a package.
#[derive(Clone, Debug)]
pub(crate) struct NpmRelease {
    pub(crate) tarball: Url,
    pub(crate) integrity: Integrity,
}

impl NpmRegistry {
    /// The registry's url. It always ends in a slash.
    ///
    /// # Errors
    ///
    /// When no registry is configured and npm cannot be asked.
    pub(crate) async fn url(&self, store: &Store) -> Result<Url, RegistryError> {
        if let Self::At(url) = self {
            return Ok(with_trailing_slash(url.clone()));
        }
        if let Some(text) = configured(environment, &users_npmrc()) {
            return parse(&text);
        }
        let remembered = store.record(REMEMBERED)?.filter(|text| parse(text).is_ok());
        let is_fresh =
            remembered.is_some() && store.record_age(REMEMBERED)?.is_some_and(|age| age < REMEMBERED_FOR);
        match remembered {
            Some(text) if is_fresh => parse(&text),
            Some(text) => parse(&ask_npm().await.unwrap_or(text)),
            None => parse(&ask_npm().await?),
        }
        .and_then(|url| {
            // A cache is no place for passwords.
            if !is_fresh && url.password().is_none() && url.username().is_empty() {
                store.put_record(REMEMBERED, url.as_str())?;
            }
            Ok(url)
        })
    }

    /// The registry, those of scopes, and the credentials for them. A registry that was named has all packages,
    /// whatever an `.npmrc` says of scopes.
    ///
    /// # Errors
    ///
    /// When no registry is configured and npm cannot be asked.
    pub(crate) async fn config(&self, store: &Store) -> Result<NpmConfig, RegistryError> {
        let npmrc = users_npmrc();
        let config = NpmConfig::new(self.url(store).await?, &npmrc);
        Ok(match self {
            Self::Configured => config.with_scopes(&npmrc),
            Self::At(_) => config,
        })
    }
}

/// Asks the registry at `registry` for `version` of `package`.
pub(crate) async fn find_release(
    fetcher: &Fetcher,
    registry: &Url,
    package: &str,
    version: &str,
) -> Result<NpmRelease, RegistryError> {
    let unknown = |package: &str, version: Option<&str>| RegistryError::Unknown {
        package: package.to_owned(),
        version: version.map(str::to_owned),
        registry: shown(registry),
    };
    let url = registry.join(package).map_err(|_| RegistryError::bad_url(registry.as_str()))?;
    let json = match fetcher.bytes(&url, ABBREVIATED, MAX_DOCUMENT_BYTES).await {
        Ok(json) => json,
        Err(FetchError::NotFound { .. }) => return Err(unknown(package, None)),
        Err(source) => return Err(RegistryError::Fetch { registry: shown(registry), source }),
    };
    let malformed = |source: serde_json::Error| RegistryError::Malformed {
        package: package.to_owned(),
        source: source.into(),
    };
    let mut document: Document = serde_json::from_slice(&json).map_err(malformed)?;
    let dist = document.versions.remove(version).ok_or_else(|| unknown(package, Some(version)))?.dist;
    let integrity = dist.integrity.unwrap_or_default().parse().map_err(|source| {
        RegistryError::NoIntegrity { package: package.to_owned(), version: version.to_owned(), source }
    })?;
    let tarball = parse_http(&dist.tarball).ok_or_else(|| RegistryError::bad_url(&dist.tarball))?;
    Ok(NpmRelease { tarball, integrity })
}

#[derive(Deserialize)]
struct Document {
    versions: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    dist: Dist,
}

#[derive(Deserialize)]
struct Dist {
    tarball: String,
    integrity: Option<String>,
}

/// The registry as the environment or the user's `.npmrc` names it.
fn configured(var: impl Fn(&str) -> Option<String>, npmrc: &Npmrc) -> Option<String> {
    let var = |name: &str| var(name).filter(|value| !value.trim().is_empty());
    let from_var = var("npm_config_registry").or_else(|| var("NPM_CONFIG_REGISTRY"));
    from_var.or_else(|| npmrc.get("registry").map(str::to_owned))
}

fn environment(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn users_npmrc() -> Npmrc {
    npmrc(&environment, |path| std::fs::read_to_string(path).ok())
}

/// The user's `.npmrc`: where the environment says it is, or in the home folder.
fn npmrc(var: &impl Fn(&str) -> Option<String>, read: impl Fn(&PathBuf) -> Option<String>) -> Npmrc {
    let set = |name: &str| var(name).filter(|value| !value.trim().is_empty());
    let named = set("npm_config_userconfig").or_else(|| set("NPM_CONFIG_USERCONFIG")).map(PathBuf::from);
    let home = || set("HOME").or_else(|| set("USERPROFILE")).map(|home| PathBuf::from(home).join(".npmrc"));
    let text = named.or_else(home).and_then(|path| read(&path));
    text.map(|text| Npmrc::read(&text, var)).unwrap_or_default()
}

async fn ask_npm() -> Result<String, RegistryError> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut npm = tokio::process::Command::new(program);
    // In a member of a workspace, npm refuses to tell its settings unless it is told to forget the workspace.
    let question = ["config", "get", "registry", "--workspaces=false"];
    npm.args(question).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(NPM_TIMEOUT, npm.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(source)) => return Err(RegistryError::NotConfigured { source }),
        Err(_) => return Err(RegistryError::NotConfigured { source: io::ErrorKind::TimedOut.into() }),
    };
    if !output.status.success() {
        let source = io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        return Err(RegistryError::NotConfigured { source });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn parse(text: &str) -> Result<Url, RegistryError> {
    parse_http(text.trim()).map(with_trailing_slash).ok_or_else(|| RegistryError::bad_url(text.trim()))
}

pub(crate) fn parse_http(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// Without it, joining would replace the last segment of the registry's path.
pub(crate) fn with_trailing_slash(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

/// Why the registry is of no help.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Nobody says which one it is.
    #[error("no npm registry is configured, and `npm config get registry` cannot be asked")]
    NotConfigured {
        /// What went wrong with npm.
        #[source]
        source: io::Error,
    },
    /// Not an http(s) url.
    #[error("`{url}` is no http or https url")]
    BadUrl {
        /// What was read.
        url: String,
    },
    /// The registry does not know the package, or not that version of it.
    #[error("the npm registry `{registry}` has no `{package}{}`", version_suffix(version.as_ref()))]
    Unknown {
        /// The package.
        package: String,
        /// The version, when the package itself is known.
        version: Option<String>,
        /// Which registry.
        registry: String,
    },
    /// The registry's answer is not what npm registries answer.
    #[error("the npm registry's document of `{package}` is not of the expected shape")]
    Malformed {
        /// The package.
        package: String,
        /// Where and why.
        #[source]
        source: PackumentError,
    },
    /// There is nothing to check the tarball against.
    #[error("the npm registry gives no integrity for `{package}@{version}`")]
    NoIntegrity {
        /// The package.
        package: String,
        /// Its version.
        version: String,
        /// What is wrong with what it gives.
        #[source]
        source: DigestError,
    },
    /// The registry could not be asked.
    #[error("cannot ask the npm registry `{registry}`")]
    Fetch {
        /// Which registry.
        registry: String,
        /// Why.
        #[source]
        source: FetchError,
    },
    /// The remembered answer of npm cannot be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RegistryError {
    fn bad_url(url: &str) -> Self {
        Self::BadUrl { url: url.to_owned() }
    }

    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured { .. } => "npm-registry-not-configured",
            Self::BadUrl { .. } => "npm-registry-bad-url",
            Self::Unknown { .. } => "npm-package-unknown",
            Self::Malformed { .. } => "npm-registry-malformed",
            Self::NoIntegrity { .. } => "npm-integrity-missing",
            Self::Fetch { source, .. } => source.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotConfigured { .. } | Self::BadUrl { .. } | Self::Unknown { .. } => {
                Some("set `npm_config_registry` to the url of your npm registry".to_owned())
            }
            Self::Fetch { source: FetchError::Refused { status: 401 | 403, .. }, .. } => {
                Some("log in with `npm login`, or put a token for that registry into `.npmrc`".to_owned())
            }
            Self::Fetch { .. } => {
                Some("check the network, or set `npm_config_registry` to another registry".to_owned())
            }
            Self::Malformed { .. } | Self::NoIntegrity { .. } => None,
            Self::Store(error) => error.hint(),
        }
    }
}

fn version_suffix(version: Option<&String>) -> String {
    version.map(|version| format!("@{version}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(vars: &[(&str, &str)], npmrc: Option<&str>) -> Option<String> {
        let var =
            |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let npmrc = super::npmrc(&var, |_| npmrc.map(str::to_owned));
        configured(var, &npmrc)
    }

    #[test]
    fn the_environment_comes_before_the_npmrc() {
        let home = ("HOME", "/home/me");
        let npmrc = Some("registry=http://localhost:2/");
        assert_eq!(
            found(&[("npm_config_registry", "http://localhost:1/"), home], npmrc).unwrap(),
            "http://localhost:1/"
        );
        assert_eq!(
            found(&[("NPM_CONFIG_REGISTRY", "http://localhost:1/"), home], npmrc).unwrap(),
            "http://localhost:1/"
        );
        assert_eq!(found(&[("npm_config_registry", " "), home], npmrc).unwrap(), "http://localhost:2/");
        assert_eq!(found(&[home], None), None);
        assert_eq!(found(&[], npmrc), None);
    }

    #[test]
    fn an_npmrc_is_read_as_npm_reads_it() {
        let npmrc = "; a comment\n@scope:registry=http://localhost:1/\n registry = \"http://${HOST}:2/x\" \nfund=false";
        let vars = [("HOME", "/home/me"), ("HOST", "localhost")];
        assert_eq!(found(&vars, Some(npmrc)).unwrap(), "http://localhost:2/x");
        assert_eq!(found(&vars[..1], Some(npmrc)), None);
        assert_eq!(found(&vars, Some("fund=false")), None);
    }

    #[test]
    fn a_registry_url_ends_in_a_slash() {
        assert_eq!(parse("http://localhost:1/npm\n").unwrap().as_str(), "http://localhost:1/npm/");
        for text in ["", "undefined", "file:///registry"] {
            assert_eq!(parse(text).unwrap_err().code(), "npm-registry-bad-url");
        }
    }
}
