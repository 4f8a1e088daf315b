//! Asks registries: for documents until a request is resolved, and for tarballs.

use std::collections::{BTreeSet, VecDeque};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use reqwest::Url;

use super::config::NpmConfig;
use super::outdated::Outdated;
use super::{
    NpmGraph, NpmId, NpmName, NpmRequest, NpmResolveError, Packument, Progress, Resolution, Resolver,
    TarballError,
};
use crate::digest::Integrity;
use crate::fetch::{FetchError, Fetcher, Transfer, shown};
use crate::registry::{ABBREVIATED, MAX_DOCUMENT_BYTES, NpmRegistry, RegistryError};
use crate::specifier::{NpmSpecifier, Renames};
use crate::store::Store;

const MAX_CONCURRENT_DOCUMENTS: usize = 16;
const MAX_TARBALL_BYTES: u64 = 256 * 1024 * 1024;

/// The user's registries.
#[derive(Clone, Debug)]
pub(crate) struct NpmClient {
    fetcher: Fetcher,
    config: NpmConfig,
}

/// What a registry answers for a name.
enum Answer {
    Known(Packument),
    Unknown { name: NpmName, registry: String },
}

impl NpmClient {
    /// A client of `registry`.
    ///
    /// # Errors
    ///
    /// When no registry is configured and npm cannot be asked.
    pub(crate) async fn new(
        fetcher: Fetcher,
        registry: &NpmRegistry,
        store: &Store,
    ) -> Result<Self, RegistryError> {
        Ok(Self { fetcher, config: registry.config(store).await? })
    }

    /// Resolves `request`, with as much of `locked` as can stay. Each document is fetched once.
    ///
    /// # Errors
    ///
    /// When a registry is of no help, or the request cannot be met.
    pub(crate) async fn resolve(
        &self,
        request: &NpmRequest,
        renames: &Renames,
        locked: &NpmGraph,
    ) -> Result<Resolution, NpmError> {
        let mut resolver = Resolver::new(request, renames, locked)?;
        let mut asked = BTreeSet::new();
        let mut waiting = VecDeque::new();
        let mut under_way = FuturesUnordered::new();
        loop {
            match resolver.advance()? {
                Progress::Done(resolution) => return Ok(resolution),
                Progress::Wants(wanted) => {
                    waiting.extend(wanted.into_iter().filter(|name| asked.insert(name.clone())));
                }
            }
            while under_way.len() < MAX_CONCURRENT_DOCUMENTS {
                let Some(name) = waiting.pop_front() else { break };
                under_way.push(self.document(name));
            }
            // One at least, and all that have come by then: an advance is work.
            let mut arrived = under_way.next().await;
            while let Some(answer) = arrived {
                match answer? {
                    Answer::Known(packument) => resolver.add(packument),
                    Answer::Unknown { name, registry } => resolver.add_unknown(name, registry),
                }
                arrived = under_way.next().now_or_never().flatten();
            }
        }
    }

    /// How what `specifiers` were locked to compares with what there is now.
    ///
    /// # Errors
    ///
    /// When a registry is of no help.
    pub(crate) async fn outdated(
        &self,
        specifiers: &[NpmSpecifier],
        renames: &Renames,
        locked: &NpmGraph,
    ) -> Result<Vec<Outdated>, NpmError> {
        let mut found = Vec::new();
        for specifier in specifiers {
            let Some(id) = locked.roots.get(&specifier.normalised()) else { continue };
            if let Answer::Known(packument) = self.document(renames.current(specifier.name()).clone()).await?
            {
                found.extend(Outdated::of(specifier, &id.version, &packument));
            }
        }
        Ok(found)
    }

    /// The tarball of `id`, which hashes to `integrity`. A lockfile has no urls: without one, the place where most
    /// registries have it is tried, and then the registry is asked.
    ///
    /// # Errors
    ///
    /// When it cannot be had, or is not the one that is meant.
    pub(crate) async fn tarball(
        &self,
        id: &NpmId,
        integrity: &Integrity,
        url: Option<&Url>,
    ) -> Result<Vec<u8>, NpmError> {
        let usual = usual_place(self.config.registry_of(&id.name), id);
        let first = match url.or(usual.as_ref()) {
            Some(first) => self.download(id, first).await,
            None => Err(NpmError::NoPlace { id: id.clone() }),
        };
        let tarball = match first {
            Err(NpmError::Fetch {
                source: FetchError::NotFound { .. } | FetchError::Refused { .. }, ..
            })
            | Err(NpmError::NoPlace { .. }) => {
                let place = self.place_of(id, integrity).await?;
                self.download(id, &place).await?
            }
            first => first?,
        };
        let found = Integrity::of(&tarball);
        match found == *integrity {
            true => Ok(tarball),
            false => Err(TarballError::mismatch(id, integrity, &found).into()),
        }
    }

    async fn document(&self, name: NpmName) -> Result<Answer, RegistryError> {
        let registry = self.config.registry_of(&name);
        let bad_url = || RegistryError::BadUrl { url: shown(registry) };
        let url = self.config.document_url(&name).ok_or_else(bad_url)?;
        let transfer = Transfer {
            accept: ABBREVIATED,
            authorization: self.config.authorization(&url),
            may_be_zipped: true,
            ..Transfer::of(&url, MAX_DOCUMENT_BYTES)
        };
        let json = match self.fetcher.bytes_as(&transfer).await {
            Ok(json) => json,
            Err(FetchError::NotFound { .. }) => {
                return Ok(Answer::Unknown { registry: shown(registry), name });
            }
            Err(source) => return Err(RegistryError::Fetch { registry: shown(registry), source }),
        };
        let package = name.to_string();
        let packument =
            Packument::read(name, &json).map_err(|source| RegistryError::Malformed { package, source })?;
        Ok(Answer::Known(packument))
    }

    /// Where the registry says that the tarball is.
    async fn place_of(&self, id: &NpmId, integrity: &Integrity) -> Result<Url, NpmError> {
        let no_place = || NpmError::NoPlace { id: id.clone() };
        let Answer::Known(packument) = self.document(id.name.clone()).await? else { return Err(no_place()) };
        let release = packument.release(&id.version).and_then(Result::ok).ok_or_else(no_place)?;
        let dist = release.dist.as_ref().map_err(|_| no_place())?;
        if dist.integrity != *integrity {
            let (id, locked, published) = (id.clone(), integrity.to_string(), dist.integrity.to_string());
            return Err(NpmResolveError::Changed { id, locked, published }.into());
        }
        Ok(dist.tarball.clone())
    }

    async fn download(&self, id: &NpmId, url: &Url) -> Result<Vec<u8>, NpmError> {
        let transfer = Transfer {
            authorization: self.config.authorization(url),
            ..Transfer::of(url, MAX_TARBALL_BYTES)
        };
        let tarball = self.fetcher.bytes_as(&transfer).await;
        tarball.map_err(|source| NpmError::Fetch { id: id.clone(), source })
    }
}

/// `<registry>/<name>/-/<name without scope>-<version>.tgz`.
fn usual_place(registry: &Url, id: &NpmId) -> Option<Url> {
    let name = id.name.as_str();
    let base = name.rsplit('/').next().unwrap_or(name);
    registry.join(&format!("{name}/-/{base}-{}.tgz", id.version)).ok()
}

/// Why npm packages cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NpmError {
    /// A registry is of no help.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The request cannot be met.
    #[error(transparent)]
    Resolve(#[from] NpmResolveError),
    /// A tarball did not arrive.
    #[error("cannot download `{id}`")]
    Fetch {
        /// The package.
        id: NpmId,
        /// Why.
        #[source]
        source: FetchError,
    },
    /// Nobody knows where a locked tarball is.
    #[error("the npm registry has no `{id}`, which is locked")]
    NoPlace {
        /// The package.
        id: NpmId,
    },
    /// A tarball is not what it should be.
    #[error(transparent)]
    Tarball(#[from] TarballError),
}

impl NpmError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Registry(error) => error.code(),
            Self::Resolve(error) => error.code(),
            Self::Fetch { source, .. } => source.code(),
            Self::NoPlace { .. } => "npm-package-unknown",
            Self::Tarball(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.hint(),
            Self::Resolve(error) => error.hint(),
            Self::Fetch { source, .. } => source.hint(),
            Self::NoPlace { .. } => Some(
                "lock the page anew, or set `npm_config_registry` to the registry that has it".to_owned(),
            ),
            Self::Tarball(error) => error.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use millhand_fixture::{Answer, Sources, npm_document_path, npm_tarball_path};
    use serde_json::json;

    use super::*;
    use crate::fetch::FetchLimits;
    use crate::npm::config::Npmrc;

    fn client_with(sources: &Sources, npmrc: &str) -> NpmClient {
        let limits = FetchLimits { backoff: Duration::from_millis(1), ..FetchLimits::default() };
        let npmrc = Npmrc::read(npmrc, &|_| None);
        let registry = sources.registry().parse().unwrap();
        NpmClient {
            fetcher: Fetcher::new(limits, None).unwrap(),
            config: NpmConfig::new(registry, &npmrc).with_scopes(&npmrc),
        }
    }

    fn request(roots: &[&str]) -> NpmRequest {
        NpmRequest {
            roots: roots.iter().map(|root| root.parse().unwrap()).collect(),
            ..NpmRequest::default()
        }
    }

    async fn resolve(client: &NpmClient, roots: &[&str]) -> Result<Resolution, NpmError> {
        client.resolve(&request(roots), &Renames::default(), &NpmGraph::default()).await
    }

    async fn published() -> Sources {
        let sources = Sources::start().await;
        sources.publish_npm(&[
            ("a@1.0.0", json!({"dependencies": {"@s/b": "^1", "c": "^1"}})),
            ("@s/b@1.0.0", json!({"dependencies": {"c": "1"}})),
            ("@s/b@1.1.0", json!({"dependencies": {"c": "1"}})),
            ("c@1.0.0", json!({})),
        ]);
        sources
    }

    /// Where `url` points on the server `sources`.
    fn credentials(url: &str, token: &str) -> String {
        format!("//{}:_authToken={token}\n", url.trim_start_matches("http://"))
    }

    #[tokio::test]
    async fn each_document_is_fetched_once_and_tarballs_are_checked() {
        let sources = published().await;
        let client = client_with(&sources, "");
        let resolution = resolve(&client, &["a", "c#1"]).await.unwrap();
        let ids: Vec<String> = resolution.graph.packages.keys().map(ToString::to_string).collect();
        assert_eq!(ids, ["@s/b@1.1.0", "a@1.0.0", "c@1.0.0"]);
        for name in ["a", "@s/b", "c"] {
            assert_eq!(sources.hits(&npm_document_path(name)), 1);
        }
        for (id, node) in &resolution.graph.packages {
            let tarball = client.tarball(id, &node.integrity, resolution.tarballs.get(id)).await.unwrap();
            assert_eq!(Integrity::of(&tarball), node.integrity);
        }
        sources.answer(&npm_tarball_path("c", "1.0.0"), &[Answer::Content(b"evil".to_vec())]);
        let id = "c@1.0.0".parse().unwrap();
        let error = client.tarball(&id, &resolution.graph.packages[&id].integrity, None).await.unwrap_err();
        assert_eq!(error.code(), "integrity-mismatch");
    }

    #[tokio::test]
    async fn unknown_packages_and_closed_registries_are_told_apart() {
        let sources = published().await;
        let client = client_with(&sources, "");
        assert_eq!(resolve(&client, &["nowhere"]).await.unwrap_err().code(), "npm-package-unknown");
        sources.answer(&npm_document_path("a"), &[Answer::Status(401)]);
        let error = resolve(&client, &["a"]).await.unwrap_err();
        assert_eq!(error.code(), "source-refused");
        assert!(error.hint().unwrap().contains("npm login"));
        sources.answer(&npm_document_path("a"), &[Answer::Content(b"<html>".to_vec())]);
        assert_eq!(resolve(&client, &["a"]).await.unwrap_err().code(), "npm-registry-malformed");
    }

    #[tokio::test]
    async fn a_locked_tarball_is_found_without_its_url_or_the_registry_is_asked() {
        let sources = published().await;
        let client = client_with(&sources, "");
        let graph = resolve(&client, &["a"]).await.unwrap().graph;
        let id: NpmId = "@s/b@1.1.0".parse().unwrap();
        let integrity = graph.packages[&id].integrity;
        assert!(client.tarball(&id, &integrity, None).await.is_ok());
        assert_eq!(sources.hits(&npm_document_path("@s/b")), 1, "the registry is not asked again");

        let other_client = client_with(&sources, "");
        let tarball = client.tarball(&id, &integrity, None).await.unwrap();
        sources.answer(&npm_tarball_path("@s/b", "1.1.0"), &[Answer::Status(404)]);
        sources.answer("/elsewhere", &[Answer::Content(tarball)]);
        let dist = |integrity: String| {
            json!({"versions": {"1.1.0": {"dist": {
                "tarball": sources.url("/elsewhere"), "integrity": integrity,
            }}}})
        };
        let describe = |integrity: String| {
            let document = dist(integrity).to_string().into_bytes();
            sources.answer(&npm_document_path("@s/b"), &[Answer::Content(document)]);
        };
        describe(integrity.to_string());
        assert!(other_client.tarball(&id, &integrity, None).await.is_ok());
        describe(Integrity::of(b"other").to_string());
        let error = other_client.tarball(&id, &integrity, None).await.unwrap_err();
        assert_eq!(error.code(), "npm-package-changed");
        sources.answer(&npm_document_path("@s/b"), &[Answer::Status(404)]);
        let error = other_client.tarball(&id, &integrity, None).await.unwrap_err();
        assert_eq!(error.to_string(), "the npm registry has no `@s/b@1.1.0`, which is locked");
    }

    #[tokio::test]
    async fn credentials_stay_with_their_host() {
        let (sources, other) = (published().await, published().await);
        let npmrc = credentials(&sources.registry(), "secret");
        let client = client_with(&sources, &npmrc);
        sources.answer(&npm_tarball_path("c", "1.0.0"), &[Answer::Redirect(other.url("/elsewhere"))]);
        other.answer("/elsewhere", &[Answer::Content(b"c".to_vec())]);
        let resolution = resolve(&client, &["a"]).await.unwrap();
        assert_eq!(sources.authorization(&npm_document_path("a")).as_deref(), Some("Bearer secret"));

        let c: NpmId = "c@1.0.0".parse().unwrap();
        client.tarball(&c, &Integrity::of(b"c"), resolution.tarballs.get(&c)).await.unwrap();
        assert_eq!(sources.authorization(&npm_tarball_path("c", "1.0.0")).as_deref(), Some("Bearer secret"));
        assert_eq!((other.hits("/elsewhere"), other.authorization("/elsewhere")), (1, None));

        let foreign = other.url(&npm_tarball_path("a", "1.0.0")).parse().unwrap();
        let a: NpmId = "a@1.0.0".parse().unwrap();
        client.tarball(&a, &resolution.graph.packages[&a].integrity, Some(&foreign)).await.unwrap();
        assert_eq!(other.authorization(&npm_tarball_path("a", "1.0.0")), None);
    }

    #[tokio::test]
    async fn a_scope_is_asked_at_its_own_registry() {
        let (sources, other) = (published().await, published().await);
        let mut npmrc = format!("@s:registry={}\n", other.registry());
        npmrc += &credentials(&other.registry(), "of-scope");
        npmrc += &credentials(&sources.registry(), "of-all");
        let client = client_with(&sources, &npmrc);
        resolve(&client, &["a"]).await.unwrap();
        assert_eq!(sources.hits(&npm_document_path("@s/b")), 0);
        assert_eq!(other.authorization(&npm_document_path("@s/b")).as_deref(), Some("Bearer of-scope"));
        assert_eq!(sources.authorization(&npm_document_path("c")).as_deref(), Some("Bearer of-all"));
    }

    #[tokio::test]
    async fn documents_may_come_zipped_within_their_bound() {
        let sources = published().await;
        let client = client_with(&sources, "");
        let document = json!({"versions": {}, "readme": "x".repeat(100_000)}).to_string();
        sources.answer(&npm_document_path("c"), &[Answer::Zipped(document.into_bytes())]);
        assert_eq!(resolve(&client, &["c"]).await.unwrap_err().code(), "npm-version-unknown");
        let bomb = vec![b' '; usize::try_from(MAX_DOCUMENT_BYTES).unwrap() + 1];
        sources.answer(&npm_document_path("c"), &[Answer::Zipped(bomb)]);
        assert_eq!(resolve(&client, &["c"]).await.unwrap_err().code(), "download-too-large");
    }

    #[tokio::test]
    async fn what_is_outdated_is_found() {
        let sources = published().await;
        let client = client_with(&sources, "");
        let specifiers = request(&["@s/b#^1", "c"]).roots;
        let mut locked = resolve(&client, &["@s/b#^1", "c"]).await.unwrap().graph;
        locked.roots.insert("@s/b#^1".to_owned(), "@s/b@1.0.0".parse().unwrap());
        let outdated = client.outdated(&specifiers, &Renames::default(), &locked).await.unwrap();
        assert_eq!(outdated.len(), 1);
        assert_eq!(
            (outdated[0].specifier.as_str(), outdated[0].newest.to_string()),
            ("@s/b#^1", "1.1.0".to_owned())
        );
    }
}
