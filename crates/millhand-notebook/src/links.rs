//! Where the links by name lead: `api-link`, `ext-link` and `cross-link`.
//!
//! A page names a target; a file beside the pages, `links.json`, says where it is:
//! `{"api": {"WorkersPool": "https://…"}, "ext": {"structured-clone": "https://…"}}`. An API name without an entry of
//! its own takes that of the name before its last dot. A target that is a url is one.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Targets by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// Of `api-link`.
    #[serde(default)]
    pub api: BTreeMap<String, String>,
    /// Of `ext-link`.
    #[serde(default)]
    pub ext: BTreeMap<String, String>,
    /// Pages beside this one, of `cross-link`: names without `.md`. `None` if they are not known.
    #[serde(skip)]
    pub pages: Option<Vec<String>>,
    /// What their urls end in: nothing, if a server finds them without it.
    #[serde(skip)]
    pub page_suffix: &'static str,
}

/// A `links.json` that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`links.json` is not `{{\"api\": {{…}}, \"ext\": {{…}}}}`: {0}")]
pub struct LinksError(pub String);

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// There.
    Url(String),
    /// Nobody said.
    Unknown,
}

impl Links {
    /// Where the tag `tag` with this target leads.
    pub(crate) fn find(&self, tag: &str, target: &str) -> Destination {
        let url = match tag {
            _ if is_url(target) => Some(target.to_owned()),
            "api-link" => self.api(target),
            "ext-link" => self.ext.get(target).cloned().or_else(|| well_known(target)),
            _ => self.page(target),
        };
        url.map_or(Destination::Unknown, Destination::Url)
    }

    fn api(&self, target: &str) -> Option<String> {
        let mut name = target;
        loop {
            if let Some(url) = self.api.get(name) {
                return Some(url.clone());
            }
            (name, _) = name.rsplit_once('.')?;
        }
    }

    fn page(&self, target: &str) -> Option<String> {
        let (page, fragment) = target.split_at(target.find('#').unwrap_or(target.len()));
        let page = page.trim_start_matches('/').trim_end_matches(".md");
        let is_there = page.is_empty()
            || self.pages.as_ref().is_none_or(|pages| pages.iter().any(|known| known == page));
        // Relative to the page's own, so that pages can be moved together.
        is_there.then(|| {
            if page.is_empty() {
                fragment.to_owned()
            } else {
                format!("/{page}{}{fragment}", self.page_suffix)
            }
        })
    }
}

fn is_url(target: &str) -> bool {
    ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme))
}

/// Places that pages about workers often name.
fn well_known(target: &str) -> Option<String> {
    let url = match target {
        "structured-clone" => {
            "https://developer.mozilla.org/docs/Web/API/Web_Workers_API/Structured_clone_algorithm"
        }
        "web-worker" | "web-workers" => "https://developer.mozilla.org/docs/Web/API/Web_Workers_API",
        "Observable" | "observable" => "https://rxjs.dev/guide/observable",
        "Subject" | "subject" => "https://rxjs.dev/guide/subject",
        "pyodide" => "https://pyodide.org/",
        "pi-approx" => "https://en.wikipedia.org/wiki/Monte_Carlo_method",
        _ => return None,
    };
    Some(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_name_takes_the_entry_of_what_it_belongs_to() {
        let links = Links { api: [("A".to_owned(), "/a".to_owned())].into(), ..Links::default() };
        assert_eq!(links.find("api-link", "A.b.c"), Destination::Url("/a".to_owned()));
        assert_eq!(links.find("api-link", "B"), Destination::Unknown);
    }

    #[test]
    fn a_page_must_be_there() {
        let links = Links { pages: Some(vec!["a".to_owned()]), ..Links::default() };
        assert_eq!(links.find("cross-link", "a#b"), Destination::Url("/a#b".to_owned()));
        assert_eq!(links.find("cross-link", "#b"), Destination::Url("#b".to_owned()));
        assert_eq!(links.find("cross-link", "c"), Destination::Unknown);
    }
}
