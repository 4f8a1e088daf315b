//! What a registry says about a package: npm's document of it, in its short or its full form.
//!
//! Registries hold decades of documents that no tool would write today. So a version is read only when it is looked at,
//! and one that makes no sense is one version less, not the end of the package.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use nodejs_semver::Version;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::NpmName;
use crate::digest::{DigestError, Integrity};
use crate::specifier::NpmRange;

const MAX_VERSIONS: usize = 50_000;
const MAX_DEPENDENCIES: usize = 2_000;
/// Types of TypeScript: there is nothing in them to run.
const TYPES_SCOPE: &str = "@types/";

/// The versions of a package.
#[derive(Debug)]
pub struct Packument {
    name: NpmName,
    tags: BTreeMap<String, Version>,
    releases: BTreeMap<Version, Published>,
}

/// One version, read when it is asked for.
#[derive(Debug)]
struct Published {
    json: Box<RawValue>,
    release: OnceLock<Result<Release, ReleaseError>>,
}

/// What is known of one version.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) requirements: Vec<Requirement>,
    /// Why one should not use it.
    pub(crate) deprecated: Option<String>,
    /// Whether it is for some systems or processors only: a program, and no use to a browser.
    pub(crate) is_native: bool,
    pub(crate) dist: Result<Dist, ReleaseError>,
}

/// Where a version's tarball is, and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Dist {
    pub(crate) tarball: Url,
    pub(crate) integrity: Integrity,
}

/// What a version needs.
#[derive(Clone, Debug)]
pub(crate) struct Requirement {
    /// The name in its imports.
    pub(crate) import: String,
    pub(crate) kind: RequirementKind,
    pub(crate) target: Target,
}

impl Requirement {
    /// Whether a version of `name` fulfils it.
    pub(crate) fn is_for(&self, package: &NpmName) -> bool {
        matches!(&self.target, Target::Package { name, .. } if name == package)
    }
}

/// How much it needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequirementKind {
    /// It does not work without.
    Needed,
    /// It works without.
    Optional,
    /// It needs the one that others use.
    Peer,
    /// It takes the one that others use, if there is any.
    OptionalPeer,
}

/// What fulfils a requirement.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A package of a registry; any version will do if there is no range.
    Package { name: NpmName, range: Option<NpmRange> },
    /// A place that is no registry, such as a url.
    Foreign(String),
}

/// Why a version is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The registry's words about it make no sense.
    #[error("its description is not of the expected shape: {reason}")]
    Malformed {
        /// Where and why.
        reason: String,
    },
    /// More dependencies than any package has.
    #[error("it has {count} dependencies, more than {MAX_DEPENDENCIES}")]
    TooManyDependencies {
        /// How many.
        count: usize,
    },
    /// There is nothing to check its tarball against.
    #[error("the registry gives no integrity for it: {0}")]
    NoIntegrity(DigestError),
    /// Its tarball cannot be fetched.
    #[error("`{url}` is no http or https url")]
    BadUrl {
        /// Where its tarball is said to be.
        url: String,
    },
}

/// Why a document is of no use.
#[derive(Debug, thiserror::Error)]
pub enum PackumentError {
    /// Not npm's document.
    #[error("it is not of the expected shape")]
    Malformed(#[from] serde_json::Error),
    /// More versions than any package has.
    #[error("it has {count} versions, more than {MAX_VERSIONS}")]
    TooManyVersions {
        /// How many.
        count: usize,
    },
}

impl Packument {
    /// Reads the document of `name`. Keys that are no versions are passed over.
    ///
    /// # Errors
    ///
    /// When it is not JSON of npm's shape.
    pub fn read(name: NpmName, json: &[u8]) -> Result<Self, PackumentError> {
        let document: Document = serde_json::from_slice(json)?;
        if document.versions.len() > MAX_VERSIONS {
            return Err(PackumentError::TooManyVersions { count: document.versions.len() });
        }
        let mut releases = BTreeMap::new();
        for (key, json) in document.versions {
            if let Some(version) = exact_version(&key) {
                releases.entry(version).or_insert(Published { json, release: OnceLock::new() });
            }
        }
        let tags = document.tags.into_iter().filter_map(|(tag, version)| {
            let version = exact_version(version.as_str()?)?;
            releases.contains_key(&version).then_some((tag, version))
        });
        Ok(Self { name, tags: tags.collect(), releases })
    }

    /// Which package it is.
    #[must_use]
    pub const fn name(&self) -> &NpmName {
        &self.name
    }

    /// The version that `tag` names.
    #[must_use]
    pub fn tagged(&self, tag: &str) -> Option<&Version> {
        self.tags.get(tag)
    }

    /// All tags.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.keys().map(String::as_str)
    }

    /// All versions, the highest first.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.releases.keys().rev()
    }

    /// The version that one gets who asks for none: the latest, as the registry calls it, or the highest.
    #[must_use]
    pub fn newest(&self) -> Option<&Version> {
        let stable = || self.versions().find(|version| !version.is_prerelease());
        self.tagged("latest").or_else(stable).or_else(|| self.versions().next())
    }

    /// What is known of `version`; `None` when there is no such version.
    pub(crate) fn release(&self, version: &Version) -> Option<Result<&Release, &ReleaseError>> {
        let published = self.releases.get(version)?;
        Some(published.release.get_or_init(|| read_release(published.json.get())).as_ref())
    }

    /// Whether `version` can be read, and nobody advises against it.
    pub(crate) fn is_recommended(&self, version: &Version) -> bool {
        matches!(self.release(version), Some(Ok(release)) if release.deprecated.is_none())
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "dist-tags", default)]
    tags: BTreeMap<String, Value>,
    versions: BTreeMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReleaseJson {
    #[serde(default)]
    dependencies: Option<BTreeMap<String, String>>,
    #[serde(default)]
    optional_dependencies: Option<BTreeMap<String, String>>,
    #[serde(default)]
    peer_dependencies: Option<BTreeMap<String, String>>,
    #[serde(default)]
    peer_dependencies_meta: Value,
    #[serde(default)]
    deprecated: Value,
    #[serde(default)]
    os: Value,
    #[serde(default)]
    cpu: Value,
    dist: DistJson,
}

#[derive(Deserialize)]
struct DistJson {
    tarball: String,
    #[serde(default)]
    integrity: Option<String>,
}

fn exact_version(text: &str) -> Option<Version> {
    let is_plain = text.starts_with(|c: char| c.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn read_release(json: &str) -> Result<Release, ReleaseError> {
    let release: ReleaseJson =
        serde_json::from_str(json).map_err(|error| ReleaseError::Malformed { reason: error.to_string() })?;
    Ok(Release {
        deprecated: release.deprecated.as_str().filter(|text| !text.is_empty()).map(str::to_owned),
        is_native: is_list(&release.os) || is_list(&release.cpu),
        dist: read_dist(&release.dist),
        requirements: requirements(release)?,
    })
}

fn is_list(value: &Value) -> bool {
    value.as_array().is_some_and(|list| !list.is_empty())
}

fn read_dist(dist: &DistJson) -> Result<Dist, ReleaseError> {
    let integrity =
        dist.integrity.as_deref().unwrap_or_default().parse().map_err(ReleaseError::NoIntegrity)?;
    let bad_url = || ReleaseError::BadUrl { url: dist.tarball.clone() };
    let tarball = crate::registry::parse_http(&dist.tarball).ok_or_else(bad_url)?;
    Ok(Dist { tarball, integrity })
}

/// In order of their names. What is optional, or needed in any case, is listed again by some tools among the rest.
fn requirements(release: ReleaseJson) -> Result<Vec<Requirement>, ReleaseError> {
    let is_optional_peer = |name: &str| release.peer_dependencies_meta[name]["optional"] == Value::Bool(true);
    let mut all = BTreeMap::new();
    for (name, range) in release.peer_dependencies.unwrap_or_default() {
        let kind = match is_optional_peer(&name) {
            true => RequirementKind::OptionalPeer,
            false => RequirementKind::Peer,
        };
        all.insert(name, (kind, range));
    }
    for (name, range) in release.dependencies.unwrap_or_default() {
        all.insert(name, (RequirementKind::Needed, range));
    }
    for (name, range) in release.optional_dependencies.unwrap_or_default() {
        all.insert(name, (RequirementKind::Optional, range));
    }
    if all.len() > MAX_DEPENDENCIES {
        return Err(ReleaseError::TooManyDependencies { count: all.len() });
    }
    let to_run = all.into_iter().filter(|(name, _)| !name.starts_with(TYPES_SCOPE));
    Ok(to_run
        .map(|(import, (kind, range))| Requirement { target: target(&import, &range), import, kind })
        .collect())
}

fn target(import: &str, text: &str) -> Target {
    let foreign = || Target::Foreign(text.to_owned());
    let (name, range) = match text.trim().strip_prefix("npm:") {
        // `npm:name`, `npm:name@range`, `npm:@scope/name@range`.
        Some(other) => match other.char_indices().skip(1).find(|(_, c)| *c == '@') {
            Some((at, _)) => (&other[..at], &other[at + 1..]),
            None => (other, ""),
        },
        None => (import, text.trim()),
    };
    // The import's name is used as one, too, in lockfiles and in urls.
    let (Ok(name), Ok(_)) = (name.parse(), import.parse::<NpmName>()) else { return foreign() };
    match range {
        "" | "*" => Target::Package { name, range: None },
        range => match NpmRange::of_dependency(range) {
            Some(range) => Target::Package { name, range: Some(range) },
            None => foreign(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(document: Value) -> Packument {
        Packument::read("a".parse().unwrap(), document.to_string().as_bytes()).unwrap()
    }

    fn dist() -> Value {
        let integrity = Integrity::of(b"").to_string();
        json!({"tarball": "http://localhost:1/a.tgz", "integrity": integrity})
    }

    fn requirements_of(mut release: Value) -> Vec<(String, RequirementKind, String)> {
        release["dist"] = dist();
        let document = read(json!({"versions": {"1.0.0": release}}));
        let release = document.release(&"1.0.0".parse().unwrap()).unwrap().unwrap();
        let shown = |requirement: &Requirement| match &requirement.target {
            Target::Package { name, range: Some(range) } => format!("{name} {range}"),
            Target::Package { name, range: None } => name.to_string(),
            Target::Foreign(text) => format!("foreign {text}"),
        };
        let all = release.requirements.iter();
        all.map(|one| (one.import.clone(), one.kind, shown(one))).collect()
    }

    #[test]
    fn requirements_are_of_four_kinds() {
        use RequirementKind::{Needed, Optional, OptionalPeer, Peer};
        let found = requirements_of(json!({
            "dependencies": {"needed": "^1", "fsevents": "2", "@types/node": "*", "both": "1"},
            "optionalDependencies": {"fsevents": "2"},
            "peerDependencies": {"react": ">=17", "vue": "3", "both": "2"},
            "peerDependenciesMeta": {"vue": {"optional": true}, "react": 7},
        }));
        let expected = [
            ("both", Needed, "both 1"),
            ("fsevents", Optional, "fsevents 2"),
            ("needed", Needed, "needed ^1"),
            ("react", Peer, "react >=17"),
            ("vue", OptionalPeer, "vue 3"),
        ];
        assert_eq!(found, expected.map(|(import, kind, target)| (import.into(), kind, target.into())));
    }

    #[test]
    fn dependencies_may_have_another_name_or_come_from_elsewhere() {
        let found = requirements_of(json!({"dependencies": {
            "a1": "npm:string-width@^4.1.0", "a2": "npm:@scope/b@next", "a3": "npm:c", "b": "", "c": "latest",
            "d": "git+ssh://git@localhost/d.git", "e": "user/repo", "f": "file:../f", "g": "http://localhost/g.tgz",
            "h": "workspace:^1", "i": "link:i", "j": "github:user/j", "k": "npm:@/x@1",
        }}));
        let targets: Vec<String> = found.into_iter().map(|(_, _, target)| target).collect();
        assert_eq!(targets[..5], ["string-width ^4.1.0", "@scope/b next", "c", "b", "c latest"]);
        assert!(targets[5..].iter().all(|target| target.starts_with("foreign")), "{targets:?}");
    }

    #[test]
    fn a_version_that_makes_no_sense_is_one_version_less() {
        let document = read(json!({
            "dist-tags": {"latest": "2.0.0", "gone": "9.9.9", "odd": 7},
            "versions": {
                "1.0.0": {"dist": dist()}, "2.0.0": {"dist": dist(), "dependencies": ["b"]}, "3.0.0": 7,
                "latest": {"dist": dist()}, "v4.0.0": {"dist": dist()}, "": {}, "1": {},
                "5.0.0": {"dist": {"tarball": "http://localhost:1/a.tgz", "shasum": "00"}},
                "6.0.0": {"dist": {"tarball": "file:///a.tgz", "integrity": Integrity::of(b"").to_string()}},
            },
        }));
        let versions: Vec<String> = document.versions().map(ToString::to_string).collect();
        assert_eq!(versions, ["6.0.0", "5.0.0", "3.0.0", "2.0.0", "1.0.0"]);
        assert_eq!(document.tags().collect::<Vec<_>>(), ["latest"]);
        let release = |version: &str| document.release(&version.parse().unwrap()).unwrap();
        assert!(release("1.0.0").is_ok());
        assert!(matches!(release("2.0.0"), Err(ReleaseError::Malformed { .. })));
        assert!(matches!(release("3.0.0"), Err(ReleaseError::Malformed { .. })));
        assert!(matches!(release("5.0.0").unwrap().dist, Err(ReleaseError::NoIntegrity(_))));
        assert!(matches!(release("6.0.0").unwrap().dist, Err(ReleaseError::BadUrl { .. })));
    }

    #[test]
    fn deprecation_and_platforms_are_noticed() {
        let document = read(json!({"versions": {
            "1.0.0": {"dist": dist(), "deprecated": "use b"},
            "2.0.0": {"dist": dist(), "deprecated": false, "os": []},
            "3.0.0": {"dist": dist(), "deprecated": "", "os": ["darwin"]},
        }}));
        let recommended: Vec<bool> =
            document.versions().map(|version| document.is_recommended(version)).collect();
        assert_eq!(recommended, [true, true, false]);
        let is_native = |version: &Version| document.release(version).unwrap().unwrap().is_native;
        assert_eq!(document.versions().map(is_native).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn absurd_documents_are_refused() {
        let name: NpmName = "a".parse().unwrap();
        for json in ["", "[]", "{}", r#"{"versions": []}"#, r#"{"versions": {}"#] {
            assert!(Packument::read(name.clone(), json.as_bytes()).is_err(), "{json}");
        }
        let many: BTreeMap<String, Value> =
            (0..50_001).map(|patch| (format!("1.0.{patch}"), json!(0))).collect();
        let json = json!({"versions": many}).to_string();
        let error = Packument::read(name, json.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "it has 50001 versions, more than 50000");
        let many: BTreeMap<String, &str> = (0..2_001).map(|number| (format!("b{number}"), "1")).collect();
        let document = read(json!({"versions": {"1.0.0": {"dist": dist(), "dependencies": many}}}));
        let error = document.release(&"1.0.0".parse().unwrap()).unwrap().unwrap_err().to_string();
        assert_eq!(error, "it has 2001 dependencies, more than 2000");
    }
}
