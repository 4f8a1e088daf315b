//! The manifest: what a page asks the server for, and the JSON that it gets. The browser side reads exactly this.
//!
//! ```json
//! {"pyodide": {"version": "0.29.5", "modules": ["numpy"]}}
//! ```
//!
//! becomes
//!
//! ```json
//! {"pyodide": {
//!     "version": "0.29.5",
//!     "files": [{"name": "pyodide.mjs", "url": "/millhand/files/51…/pyodide.mjs", "sha256": "51…", "bytes": 17616}],
//!     "packages": ["numpy"],
//!     "lock": {"info": {}, "packages": {}}
//! }}
//! ```

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::installer::{InstalledFile, PythonEnvironment, PythonRequest};
use crate::pyodide::{Lock, PyodideVersion, PyodideVersionError};
use crate::specifier::SpecifierError;

/// Reads what a page asks for.
///
/// # Errors
///
/// When it is not the expected JSON, has a field that is not known, or a specifier in it is none.
pub fn read_request(json: &[u8]) -> Result<PythonRequest, RequestError> {
    let request: RequestJson =
        serde_json::from_slice(json).map_err(|source| RequestError::Malformed { source })?;
    let version = match request.pyodide.version {
        Some(version) => version.parse()?,
        None => PyodideVersion::default(),
    };
    let requirements =
        request.pyodide.modules.iter().map(|module| module.parse()).collect::<Result<_, _>>()?;
    Ok(PythonRequest { version, requirements })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestJson {
    pyodide: PyodideJson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PyodideJson {
    version: Option<String>,
    #[serde(default)]
    modules: Vec<String>,
}

/// What a page gets.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    /// The Python part.
    pub pyodide: PyodideManifest,
}

/// The Python part of a manifest.
#[derive(Clone, Debug, Serialize)]
pub struct PyodideManifest {
    /// The version of Pyodide.
    pub version: String,
    /// The runtime's files, then one per package in load order.
    pub files: Vec<ManifestFile>,
    /// The names of the packages in load order, as the lock has them.
    pub packages: Vec<String>,
    /// The lock, cut down to those packages.
    pub lock: Lock,
}

/// A file that the page can load.
#[derive(Clone, Debug, Serialize)]
pub struct ManifestFile {
    /// Its name in the environment.
    pub name: String,
    /// Where it is; what is there never changes.
    pub url: String,
    /// The hash of its content.
    pub sha256: Sha256,
    /// Its size.
    pub bytes: u64,
}

impl Manifest {
    /// The manifest of `environment`, whose files a server offers at `files_path/<sha256>/<name>`.
    #[must_use]
    pub fn of(environment: PythonEnvironment, files_path: &str) -> Self {
        let file = |file: InstalledFile| ManifestFile {
            url: format!("{files_path}/{}/{}", file.stored.sha256, file.name),
            name: file.name,
            sha256: file.stored.sha256,
            bytes: file.stored.bytes,
        };
        Self {
            pyodide: PyodideManifest {
                version: environment.version.to_string(),
                files: environment.files.into_iter().map(file).collect(),
                packages: environment.packages.iter().map(ToString::to_string).collect(),
                lock: environment.lock,
            },
        }
    }
}

/// Why a page's request cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Not the expected JSON.
    #[error("the manifest request cannot be read")]
    Malformed {
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// Not a version of Pyodide.
    #[error(transparent)]
    Version(#[from] PyodideVersionError),
    /// Not a specifier.
    #[error(transparent)]
    Specifier(#[from] SpecifierError),
}

impl RequestError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "bad-manifest-request",
            Self::Version(_) => "bad-pyodide-version",
            Self::Specifier(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } => {
                Some(r#"send JSON such as {"pyodide": {"modules": ["numpy"]}}"#.to_owned())
            }
            Self::Version(_) => None,
            Self::Specifier(error) => error.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn refusal(json: &str) -> (&'static str, String) {
        let error = read_request(json.as_bytes()).unwrap_err();
        let message = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        (error.code(), message)
    }

    #[test]
    fn a_request_is_read_with_its_defaults() {
        let request = read_request(br#"{"pyodide": {"modules": ["numpy", "six==1.16"]}}"#).unwrap();
        assert_eq!(request.version, PyodideVersion::default());
        assert_eq!(request.requirements[1].to_string(), "six==1.16");
        let request = read_request(br#"{"pyodide": {"version": "0.28.3"}}"#).unwrap();
        assert_eq!(request.version.as_str(), "0.28.3");
        assert!(request.requirements.is_empty());
    }

    #[test]
    fn a_field_that_is_not_known_is_named() {
        for json in [r#"{"pyodide": {"module": []}}"#, r#"{"pyodide": {}, "module": []}"#] {
            let (code, message) = refusal(json);
            assert_eq!(code, "bad-manifest-request");
            assert!(message.contains("unknown field `module`"), "{message}");
        }
    }

    #[test]
    fn bad_specifiers_and_versions_are_refused() {
        assert_eq!(refusal(r#"{"pyodide": {"modules": ["numpy>>2"]}}"#).0, "bad-python-specifier");
        assert_eq!(refusal(r#"{"pyodide": {"version": "latest"}}"#).0, "bad-pyodide-version");
        assert_eq!(refusal("[").0, "bad-manifest-request");
    }
}
