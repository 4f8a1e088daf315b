//! The manifest: what a page asks the server for, and the JSON that it gets. The browser side reads exactly this.
//!
//! ```json
//! {"esm": {"modules": ["rxjs#^7.8.1 as rx"]}, "pyodide": {"version": "0.29.5", "modules": ["numpy"]}}
//! ```
//!
//! becomes
//!
//! ```json
//! {"esm": {
//!     "modules": [{
//!         "specifier": "rxjs#^7.8.1 as rx", "name": "rxjs", "version": "7.8.2", "subpath": null, "alias": "rx",
//!         "url": "npm/89…/rxjs@7.8.2/entry.js", "defaultOnly": false
//!     }],
//!     "scripts": [],
//!     "files": [{"name": "rxjs@7.8.2/entry.js", "url": "npm/89…/rxjs@7.8.2/entry.js", "sha256": "51…", "bytes": 9016}],
//!     "graph": {"rxjs@7.8.2": ["tslib@2.8.1"], "tslib@2.8.1": []}
//! },
//! "css": [],
//! "pyodide": {
//!     "version": "0.29.5",
//!     "files": [{"name": "pyodide.mjs", "url": "files/51…/pyodide.mjs", "sha256": "51…", "bytes": 17616}],
//!     "packages": ["numpy"],
//!     "lock": {"info": {}, "packages": {}}
//! }}
//! ```
//!
//! Urls are relative to the manifest's own, so that a folder with a manifest in it can lie anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::environment::{Environment, EnvironmentRequest};
use crate::image::PythonImage;
use crate::installer::{
    InstalledFile, InstalledModule, InstalledRaw, NpmEnvironment, NpmFile, NpmInputs, PythonEnvironment,
    PythonRequest,
};
use crate::pyodide::{Lock, PyodideVersion, PyodideVersionError};
use crate::specifier::{NpmSpecifier, NpmSpecifierError, SpecifierError};

/// Reads what a page asks for.
///
/// # Errors
///
/// When it is not the expected JSON, has a field that is not known, or a specifier in it is none.
pub fn read_request(json: &[u8]) -> Result<EnvironmentRequest, RequestError> {
    let malformed = |source| RequestError::Malformed { source };
    let request: RequestJson = serde_json::from_slice(json).map_err(malformed)?;
    check_objects(json).map_err(malformed)?;
    request.parse()
}

/// `serde` also takes a list of an object's values for the object.
fn check_objects(json: &[u8]) -> Result<(), serde_json::Error> {
    let request: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(json)?;
    match request.iter().find(|(name, value)| *name != "css" && value.is_array()) {
        Some((name, _)) => {
            Err(serde::de::Error::custom(format!("`{name}` is a list, and should be an object")))
        }
        None => Ok(()),
    }
}

/// What is asked for, as JSON has it: in a page's request, and in a manifest that was made ahead.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestJson {
    /// Modules and scripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub esm: Option<EsmJson>,
    /// Stylesheets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub css: Vec<String>,
    /// Python.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pyodide: Option<PyodideJson>,
}

/// The npm part of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EsmJson {
    /// Specifiers of modules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<String>,
    /// Specifiers of classic scripts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<String>,
    /// Versions that are used wherever any package asks for these packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub using_dependencies: Vec<String>,
}

/// The Python part of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PyodideJson {
    /// The version of Pyodide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Specifiers of packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<String>,
}

impl RequestJson {
    /// The request that it stands for.
    ///
    /// # Errors
    ///
    /// When a specifier is none.
    pub fn parse(&self) -> Result<EnvironmentRequest, RequestError> {
        let esm = self.esm.clone().unwrap_or_default();
        let npm = NpmInputs {
            modules: parse_all(&esm.modules, Use::Module)?,
            scripts: parse_all(&esm.scripts, Use::File)?,
            styles: parse_all(&self.css, Use::File)?,
            using_dependencies: parse_all(&esm.using_dependencies, Use::Version)?,
        };
        let python = self.pyodide.as_ref().map(PyodideJson::parse).transpose()?;
        Ok(EnvironmentRequest { npm, python })
    }

    /// The specifiers of npm in it.
    pub(crate) fn npm_roots(&self) -> BTreeSet<String> {
        let esm = self.esm.iter().flat_map(|esm| esm.modules.iter().chain(&esm.scripts));
        esm.chain(&self.css).cloned().collect()
    }

    /// A request for each specifier by itself; Python stays whole.
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        let esm = self.esm.clone().unwrap_or_default();
        let using = &esm.using_dependencies;
        let of_esm = |modules: Vec<String>, scripts: Vec<String>| Self {
            esm: Some(EsmJson { modules, scripts, using_dependencies: using.clone() }),
            ..Self::default()
        };
        let modules = esm.modules.iter().map(|module| of_esm(vec![module.clone()], Vec::new()));
        let scripts = esm.scripts.iter().map(|script| of_esm(Vec::new(), vec![script.clone()]));
        let css = self.css.iter().map(|style| Self { css: vec![style.clone()], ..Self::default() });
        let pyodide =
            self.pyodide.iter().map(|pyodide| Self { pyodide: Some(pyodide.clone()), ..Self::default() });
        modules.chain(scripts).chain(css).chain(pyodide).collect()
    }

    /// The one form of a request under which its answer is found: without aliases, sorted, each specifier once.
    #[must_use]
    pub fn normalised(request: &EnvironmentRequest) -> Self {
        let EnvironmentRequest { npm, python } = request;
        let esm = EsmJson {
            modules: sorted(&npm.modules),
            scripts: sorted(&npm.scripts),
            using_dependencies: sorted(&npm.using_dependencies),
        };
        let pyodide = python.as_ref().map(|python| PyodideJson {
            version: (python.version != PyodideVersion::default()).then(|| python.version.to_string()),
            modules: unique(python.requirements.iter().map(ToString::to_string)),
        });
        // Versions of dependencies of nothing say nothing.
        let esm = (!esm.modules.is_empty() || !esm.scripts.is_empty()).then_some(esm);
        Self { esm, css: sorted(&npm.styles), pyodide }
    }
}

impl fmt::Display for RequestJson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

impl PyodideJson {
    fn parse(&self) -> Result<PythonRequest, RequestError> {
        let version = match &self.version {
            Some(version) => version.parse()?,
            None => PyodideVersion::default(),
        };
        let requirements = self.modules.iter().map(|module| module.parse()).collect::<Result<_, _>>()?;
        Ok(PythonRequest { version, requirements })
    }
}

/// What a specifier is for: which parts of it mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// A module: it may have a subpath.
    Module,
    /// A file as it was published: it may have a path after `~`.
    File,
    /// A version of a package.
    Version,
}

fn parse_all(specifiers: &[String], usage: Use) -> Result<Vec<NpmSpecifier>, RequestError> {
    specifiers.iter().map(|specifier| parse_one(specifier, usage)).collect()
}

fn parse_one(text: &str, usage: Use) -> Result<NpmSpecifier, RequestError> {
    let specifier: NpmSpecifier = text.parse()?;
    let misplaced = match usage {
        Use::Module if specifier.file().is_some() => Some("a file (`~…`), where a module is wanted"),
        Use::File if specifier.subpath().is_some() => {
            Some("a module of a package (`/…`), where a file is wanted")
        }
        Use::Version if specifier.file().is_some() || specifier.subpath().is_some() => {
            Some("a part of a package, where a package and its version are wanted")
        }
        Use::Module | Use::File | Use::Version => None,
    };
    match misplaced {
        Some(problem) => Err(RequestError::Misplaced { specifier: text.to_owned(), problem }),
        None => Ok(specifier),
    }
}

fn sorted(specifiers: &[NpmSpecifier]) -> Vec<String> {
    unique(specifiers.iter().map(NpmSpecifier::normalised))
}

fn unique(specifiers: impl Iterator<Item = String>) -> Vec<String> {
    specifiers.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What a page gets.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    /// The npm part, if modules or scripts were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub esm: Option<EsmManifest>,
    /// The stylesheets, in the order of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub css: Vec<StyleManifest>,
    /// The Python part, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pyodide: Option<PyodideManifest>,
}

/// The npm part of a manifest.
#[derive(Clone, Debug, Serialize)]
pub struct EsmManifest {
    /// The modules, in the order of the request.
    pub modules: Vec<ModuleManifest>,
    /// The scripts, in the order of the request.
    pub scripts: Vec<ScriptManifest>,
    /// Every file that the modules need before they run.
    pub files: Vec<ManifestFile>,
    /// Every package, and what it may import.
    pub graph: BTreeMap<String, Vec<String>>,
}

/// A module that can be imported.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleManifest {
    /// What was asked for.
    pub specifier: String,
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The module in it, if it is not the package itself.
    pub subpath: Option<String>,
    /// What it is to be called.
    pub alias: Option<String>,
    /// Where it is.
    pub url: String,
    /// Whether it has a default export and nothing else that a user would name.
    pub default_only: bool,
}

/// A classic script.
#[derive(Clone, Debug, Serialize)]
pub struct ScriptManifest {
    /// What was asked for.
    pub specifier: String,
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What its global is to be called.
    pub alias: Option<String>,
    /// Where it is.
    pub url: String,
    /// The hash of its content.
    pub sha256: Sha256,
    /// Its size.
    pub bytes: u64,
}

/// A stylesheet.
#[derive(Clone, Debug, Serialize)]
pub struct StyleManifest {
    /// What was asked for.
    pub specifier: String,
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is.
    pub url: String,
    /// The hash of its content.
    pub sha256: Sha256,
    /// Its size.
    pub bytes: u64,
    /// What it refers to.
    pub files: Vec<ManifestFile>,
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
    /// An image of it that was made ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageManifest>,
}

/// An image that pages may boot Python from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageManifest {
    /// All that it depends on, as pages write it: one that wants another leaves it.
    pub key: String,
    /// Where it is.
    pub url: String,
    /// The hash of its content.
    pub sha256: Sha256,
    /// Its size.
    pub bytes: u64,
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
    /// The manifest of `environment`. Whoever offers it has files at `files/<sha256>/<name>` beside it, and those
    /// of npm packages at `npm/<key>/<name>@<version>/<path>`.
    #[must_use]
    pub fn of(environment: &Environment) -> Self {
        Self {
            esm: esm_manifest(&environment.npm),
            css: environment.npm.styles.iter().map(style_manifest).collect(),
            pyodide: environment.python.as_ref().map(pyodide_manifest),
        }
    }

    /// The same, with an image of its Python. Whoever offers it has that at [`PythonImage::path`] beside it.
    #[must_use]
    pub fn with_image(self, image: Option<&PythonImage>) -> Self {
        let image = image.map(|image| ImageManifest {
            key: image.key.clone(),
            url: image.path(),
            sha256: image.file.sha256,
            bytes: image.file.bytes,
        });
        Self { pyodide: self.pyodide.map(|pyodide| PyodideManifest { image, ..pyodide }), ..self }
    }
}

fn esm_manifest(npm: &NpmEnvironment) -> Option<EsmManifest> {
    if npm.modules.is_empty() && npm.scripts.is_empty() {
        return None;
    }
    let edges =
        npm.graph.packages.iter().map(|(id, node)| {
            (id.to_string(), node.dependencies.values().map(ToString::to_string).collect())
        });
    Some(EsmManifest {
        modules: npm.modules.iter().map(module_manifest).collect(),
        scripts: npm.scripts.iter().map(script_manifest).collect(),
        files: npm.needed.iter().map(npm_file).collect(),
        graph: edges.collect(),
    })
}

fn module_manifest(module: &InstalledModule) -> ModuleManifest {
    ModuleManifest {
        specifier: module.specifier.to_string(),
        name: module.id.name.to_string(),
        version: module.id.version.to_string(),
        subpath: module.specifier.subpath().map(str::to_owned),
        alias: module.specifier.alias().map(str::to_owned),
        url: npm_url(&module.file),
        default_only: module.default_only,
    }
}

fn script_manifest(script: &InstalledRaw) -> ScriptManifest {
    ScriptManifest {
        specifier: script.specifier.to_string(),
        name: script.id.name.to_string(),
        version: script.id.version.to_string(),
        alias: script.specifier.alias().map(str::to_owned),
        url: npm_url(&script.file),
        sha256: script.file.stored.sha256,
        bytes: script.file.stored.bytes,
    }
}

fn style_manifest(style: &InstalledRaw) -> StyleManifest {
    StyleManifest {
        specifier: style.specifier.to_string(),
        name: style.id.name.to_string(),
        version: style.id.version.to_string(),
        url: npm_url(&style.file),
        sha256: style.file.stored.sha256,
        bytes: style.file.stored.bytes,
        files: style.refers_to.iter().map(npm_file).collect(),
    }
}

fn pyodide_manifest(python: &PythonEnvironment) -> PyodideManifest {
    let file = |file: &InstalledFile| ManifestFile {
        url: file.path(),
        name: file.name.clone(),
        sha256: file.stored.sha256,
        bytes: file.stored.bytes,
    };
    PyodideManifest {
        version: python.version.to_string(),
        files: python.files.iter().map(file).collect(),
        packages: python.packages.iter().map(ToString::to_string).collect(),
        lock: python.lock.clone(),
        image: None,
    }
}

fn npm_file(file: &NpmFile) -> ManifestFile {
    let name = file.path.split_once('/').map_or(file.path.as_str(), |(_key, name)| name);
    ManifestFile {
        name: name.to_owned(),
        url: npm_url(file),
        sha256: file.stored.sha256,
        bytes: file.stored.bytes,
    }
}

fn npm_url(file: &NpmFile) -> String {
    format!("npm/{}", file.path)
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
    /// Not a specifier of a Python package.
    #[error(transparent)]
    Specifier(#[from] SpecifierError),
    /// A specifier with a part that means nothing where it stands.
    #[error("`{specifier}` names {problem}")]
    Misplaced {
        /// The specifier.
        specifier: String,
        /// What it names, and what is wanted.
        problem: &'static str,
    },
    /// Not a specifier of an npm package.
    #[error(transparent)]
    NpmSpecifier(#[from] NpmSpecifierError),
}

impl RequestError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "bad-manifest-request",
            Self::Version(_) => "bad-pyodide-version",
            Self::Specifier(error) => error.code(),
            Self::Misplaced { .. } => "bad-npm-specifier",
            Self::NpmSpecifier(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } => Some(
                r#"send JSON such as {"esm": {"modules": ["rxjs"]}, "pyodide": {"modules": ["numpy"]}}"#
                    .to_owned(),
            ),
            Self::Version(_) => None,
            Self::Misplaced { .. } => {
                Some("write `name/subpath` for a module, and `name~path/of/file` for a file".to_owned())
            }
            Self::Specifier(error) => error.hint(),
            Self::NpmSpecifier(error) => error.hint(),
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

    fn python(json: &[u8]) -> PythonRequest {
        read_request(json).unwrap().python.unwrap()
    }

    #[test]
    fn a_request_is_read_with_its_defaults() {
        let request = python(br#"{"pyodide": {"modules": ["numpy", "six==1.16"]}}"#);
        assert_eq!(request.version, PyodideVersion::default());
        assert_eq!(request.requirements[1].to_string(), "six==1.16");
        let request = python(br#"{"pyodide": {"version": "0.28.3"}}"#);
        assert_eq!(request.version.as_str(), "0.28.3");
        assert!(request.requirements.is_empty());
        assert_eq!(read_request(b"{}").unwrap(), EnvironmentRequest::default());
    }

    #[test]
    fn requests_for_the_same_things_have_one_normal_form() {
        let normal = |json: &str| RequestJson::normalised(&read_request(json.as_bytes()).unwrap());
        let one = normal(
            r#"{"esm": {"modules": ["b@2 as x", "a", "a as y"], "scripts": []}, "css": [], "pyodide": {"version": "0.29.5"}}"#,
        );
        assert_eq!(one, normal(r#"{"esm": {"modules": ["a", "b#2"]}, "pyodide": {}}"#));
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(json, r#"{"esm":{"modules":["a","b#2"]},"pyodide":{}}"#);
        assert_eq!(normal(r#"{"esm": {"usingDependencies": ["a#1"]}}"#), RequestJson::default());
    }

    #[test]
    fn a_field_that_is_not_known_is_named() {
        for json in [
            r#"{"pyodide": {"module": []}}"#,
            r#"{"pyodide": {}, "module": []}"#,
            r#"{"esm": {"modules": [], "module": []}}"#,
        ] {
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

    #[test]
    fn lists_are_not_taken_for_objects() {
        assert_eq!(refusal("[]").0, "bad-manifest-request");
        assert_eq!(
            refusal(r#"{"esm": [["rxjs"]]}"#),
            ("bad-manifest-request", "`esm` is a list, and should be an object".to_owned())
        );
    }
}
