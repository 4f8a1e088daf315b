//! Where npm packages come from, and as whom one asks: what an `.npmrc` says beyond the one registry.
//!
//! Credentials are bound to a host and a path, as npm binds them, and go nowhere else: not to another host that a
//! document names, not over a plain connection where the registry has an encrypted one, and into no log.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::NpmName;
use crate::registry::{parse_http, with_trailing_slash};

/// The lines of an `.npmrc`, with `${NAME}` filled in.
#[derive(Clone, Default)]
pub(crate) struct Npmrc(Vec<(String, String)>);

impl Npmrc {
    /// Reads what npm would read. A line with a variable that is not set counts as not being there.
    pub(crate) fn read(text: &str, var: &impl Fn(&str) -> Option<String>) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with([';', '#']));
        let entries = lines.filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            Some((filled(key.trim(), var)?, filled(value.trim().trim_matches(['"', '\'']), var)?))
        });
        Self(entries.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The value of `key`; the last one counts.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Npmrc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(key, _)| key)).finish()
    }
}

fn filled(text: &str, var: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(&var(name)?);
        rest = after;
    }
    Some(filled + rest)
}

/// Which registry has which packages, and what to show it.
#[derive(Clone)]
pub(crate) struct NpmConfig {
    registry: Url,
    scopes: BTreeMap<String, Url>,
    /// By host and path, such as `//localhost:4873/npm/`.
    credentials: BTreeMap<String, HeaderValue>,
}

impl NpmConfig {
    /// The registry at `registry`, with the credentials that `npmrc` has for it.
    pub(crate) fn new(mut registry: Url, npmrc: &Npmrc) -> Self {
        let mut credentials = credentials_in(npmrc);
        if let Some(value) = take_password(&mut registry) {
            credentials.insert(place_of(&registry), value);
        }
        Self { registry: with_trailing_slash(registry), scopes: BTreeMap::new(), credentials }
    }

    /// The same, and other registries for the scopes that `npmrc` names.
    pub(crate) fn with_scopes(mut self, npmrc: &Npmrc) -> Self {
        for (key, value) in &npmrc.0 {
            let Some(scope) = key.strip_suffix(":registry").filter(|scope| scope.starts_with('@')) else {
                continue;
            };
            if let Some(mut url) = parse_http(value) {
                if let Some(value) = take_password(&mut url) {
                    self.credentials.insert(place_of(&url), value);
                }
                self.scopes.insert(scope.to_owned(), with_trailing_slash(url));
            }
        }
        self
    }

    /// The registry that has `name`.
    pub(crate) fn registry_of(&self, name: &NpmName) -> &Url {
        let scope = name.as_str().split_once('/').map_or("", |(scope, _)| scope);
        self.scopes.get(scope).unwrap_or(&self.registry)
    }

    /// Where the document of `name` is.
    pub(crate) fn document_url(&self, name: &NpmName) -> Option<Url> {
        self.registry_of(name).join(&name.as_str().replace('/', "%2f")).ok()
    }

    /// What to show the server of `url`, if there is anything meant for it.
    pub(crate) fn authorization(&self, url: &Url) -> Option<&HeaderValue> {
        let is_known = |registry: &Url| registry.origin() == url.origin();
        if url.scheme() != "https" && !is_known(&self.registry) && !self.scopes.values().any(is_known) {
            return None;
        }
        let place = place_of(url);
        let covers = |known: &&String| place.starts_with(known.as_str());
        let longest = self.credentials.keys().filter(covers).max_by_key(|known| known.len())?;
        self.credentials.get(longest)
    }
}

impl fmt::Debug for NpmConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<&String> = self.credentials.keys().collect();
        formatter
            .debug_struct("NpmConfig")
            .field("registry", &self.registry.as_str())
            .field("scopes", &self.scopes)
            .field("credentials_for", &places)
            .finish_non_exhaustive()
    }
}

/// A url without its scheme, up to its last slash.
fn place_of(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let folder = url.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("//{}{port}{folder}/", url.host_str().unwrap_or_default())
}

fn credentials_in(npmrc: &Npmrc) -> BTreeMap<String, HeaderValue> {
    let mut credentials = BTreeMap::new();
    for (key, value) in &npmrc.0 {
        let Some((place, kind)) = key.rsplit_once(':').filter(|_| key.starts_with("//")) else { continue };
        let text = match kind {
            "_authToken" => format!("Bearer {value}"),
            "_auth" => format!("Basic {value}"),
            "_password" => {
                let Some(user) = npmrc.get(&format!("{place}:username")) else { continue };
                let Some(password) =
                    STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok())
                else {
                    continue;
                };
                basic(user, &password)
            }
            _ => continue,
        };
        if let Some(value) = secret(&text) {
            let place = if place.ends_with('/') { place.to_owned() } else { format!("{place}/") };
            credentials.insert(place, value);
        }
    }
    credentials
}

/// The password of a url, which does not stay in it.
fn take_password(url: &mut Url) -> Option<HeaderValue> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let text = basic(&decoded(url.username()), &decoded(url.password()?));
    // These fail for urls without a host only, and such have no password.
    _ = url.set_password(None);
    _ = url.set_username("");
    secret(&text)
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// A header that is not shown in logs.
fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NPMRC: &str = "
        ; a comment
        # another=one
        registry=https://one.test/npm
        @two:registry = https://two.test/
        @bad:registry = file:///two
        //one.test/npm/:_authToken=${TOKEN}
        //one.test/npm/private/:_authToken=deeper
        //two.test/:_auth=dTpw
        //three.test/:username=me
        //three.test/:_password=c2VjcmV0
        //four.test/:_authToken=${UNSET}
        //five.test:8443/:_authToken=five
        _authToken=legacy
    ";

    fn config() -> NpmConfig {
        let npmrc = Npmrc::read(NPMRC, &|name| (name == "TOKEN").then(|| "t=k".to_owned()));
        NpmConfig::new(Url::parse(npmrc.get("registry").unwrap()).unwrap(), &npmrc).with_scopes(&npmrc)
    }

    fn shown_to(url: &str) -> Option<String> {
        let config = config();
        let value = config.authorization(&Url::parse(url).unwrap())?;
        assert!(value.is_sensitive());
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_scope_can_have_its_own_registry() {
        let config = config();
        let url = |name: &str| config.document_url(&name.parse().unwrap()).unwrap().to_string();
        assert_eq!(url("rxjs"), "https://one.test/npm/rxjs");
        assert_eq!(url("@two/a"), "https://two.test/@two%2fa");
        assert_eq!(url("@other/a"), "https://one.test/npm/@other%2fa");
        assert_eq!(url("@bad/a"), "https://one.test/npm/@bad%2fa");
    }

    #[test]
    fn credentials_go_where_they_belong_and_nowhere_else() {
        for (url, expected) in [
            ("https://one.test/npm/rxjs", Some("Bearer t=k")),
            ("https://one.test/npm/private/a.tgz", Some("Bearer deeper")),
            ("https://one.test/other", None),
            ("https://one.test/npmother/a", None),
            ("https://one.test:8443/npm/rxjs", None),
            ("http://one.test/npm/rxjs", None),
            ("https://sub.one.test/npm/rxjs", None),
            ("https://one.test.evil.test/npm/rxjs", None),
            ("https://two.test/@two/a", Some("Basic dTpw")),
            ("https://three.test/a", Some("Basic bWU6c2VjcmV0")),
            ("https://four.test/a", None),
            ("https://five.test:8443/a", Some("Bearer five")),
            ("https://five.test/a", None),
            ("https://evil.test/", None),
        ] {
            assert_eq!(shown_to(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_password_in_a_url_becomes_a_credential_of_its_place() {
        let config =
            NpmConfig::new(Url::parse("http://me:p%40ss@localhost:4873/npm").unwrap(), &Npmrc::default());
        assert_eq!(config.registry.as_str(), "http://localhost:4873/npm/");
        let at = |url: &str| config.authorization(&Url::parse(url).unwrap()).cloned();
        assert_eq!(at("http://localhost:4873/npm/a").unwrap(), "Basic bWU6cEBzcw==");
        assert_eq!(at("http://localhost:4874/npm/a"), None);
    }

    #[test]
    fn secrets_are_not_in_debug_output() {
        let npmrc = Npmrc::read(NPMRC, &|_| Some("hidden".to_owned()));
        let text = format!("{npmrc:?} {:?}", config());
        for secret in ["hidden", "t=k", "deeper", "dTpw", "c2VjcmV0", "five\"", "legacy"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}
