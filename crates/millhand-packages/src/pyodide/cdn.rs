//! Where the packages of a lock can be downloaded from.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use crate::pyodide::{LockEntry, PyodideVersion};

/// The place of Pyodide's packages. `{version}` in it stands for Pyodide's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PyodideCdn(String);

impl PyodideCdn {
    /// The public place: where Pyodide's own documentation loads from, and where every package of a release
    /// is published. It is only asked for files whose hash is known.
    pub const PUBLIC: &str = "https://cdn.jsdelivr.net/pyodide/v{version}/full/";

    pub(crate) fn url_of(&self, version: &PyodideVersion, entry: &LockEntry) -> Result<Url, CdnError> {
        let folder = self.0.replace("{version}", version.as_str());
        Url::parse(&folder)
            .and_then(|folder| folder.join(&entry.file_name))
            .map_err(|_| CdnError { text: self.0.clone() })
    }
}

impl Default for PyodideCdn {
    fn default() -> Self {
        Self(Self::PUBLIC.to_owned())
    }
}

impl fmt::Display for PyodideCdn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for PyodideCdn {
    type Err = CdnError;

    fn from_str(text: &str) -> Result<Self, CdnError> {
        let malformed = || CdnError { text: text.to_owned() };
        let url = Url::parse(&text.replace("{version}", PyodideVersion::DEFAULT)).map_err(|_| malformed())?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(malformed());
        }
        // A file name is joined to it: without the slash, it would replace the last segment.
        Ok(Self(if text.ends_with('/') { text.to_owned() } else { format!("{text}/") }))
    }
}

/// A text that is no folder on a web server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no http or https url of a folder with Pyodide's packages")]
pub struct CdnError {
    /// What was read.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_at(cdn: &str) -> String {
        let entry = serde_json::json!({
            "name": "a", "version": "1", "file_name": "a-1-py3-none-any.whl", "sha256": "0".repeat(64),
        });
        let entry = serde_json::from_value(entry).unwrap();
        cdn.parse::<PyodideCdn>().unwrap().url_of(&PyodideVersion::default(), &entry).unwrap().into()
    }

    #[test]
    fn the_version_is_filled_in_where_it_is_asked_for() {
        assert_eq!(
            url_at("http://localhost:1/v{version}/full/"),
            "http://localhost:1/v0.29.5/full/a-1-py3-none-any.whl"
        );
        assert_eq!(url_at("http://localhost:1/mirror"), "http://localhost:1/mirror/a-1-py3-none-any.whl");
        assert!(PyodideCdn::PUBLIC.parse::<PyodideCdn>().is_ok());
    }

    #[test]
    fn what_is_no_web_folder_is_refused() {
        for text in ["", "wheels/", "file:///wheels/", "http://localhost/?a="] {
            assert!(text.parse::<PyodideCdn>().is_err(), "{text}");
        }
    }
}
