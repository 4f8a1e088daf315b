//! The npm part of an installer: from specifiers to modules, scripts and stylesheets in the store.
//!
//! [`yard`] unpacks and builds one package, [`walk`] finds out which ones are needed, [`raw`] takes files as they
//! were published.

mod error;
mod raw;
mod walk;
mod yard;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::PoisonError;

pub use error::NpmInstallError;

use super::Installer;
use crate::digest::Sha256;
use crate::npm::builds::{Build, PlacedFile};
use crate::npm::keys::is_key;
use crate::npm::{NpmGraph, NpmId, Resolution};
use crate::specifier::NpmSpecifier;
use crate::store::StoredFile;
use yard::Yard;

/// What is wanted of npm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NpmInputs {
    /// Modules to import.
    pub modules: Vec<NpmSpecifier>,
    /// Classic scripts, as they were published.
    pub scripts: Vec<NpmSpecifier>,
    /// Stylesheets, as they were published.
    pub styles: Vec<NpmSpecifier>,
    /// Versions that are used wherever any package asks for these packages.
    pub using_dependencies: Vec<NpmSpecifier>,
}

impl NpmInputs {
    /// All specifiers for which something is wanted.
    pub(super) fn roots(&self) -> Vec<NpmSpecifier> {
        self.modules.iter().chain(&self.scripts).chain(&self.styles).cloned().collect()
    }
}

/// An npm environment with every file in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NpmEnvironment {
    /// Which versions, and who imports whom.
    pub graph: NpmGraph,
    /// The modules, in the order of the request.
    pub modules: Vec<InstalledModule>,
    /// The scripts, in the order of the request.
    pub scripts: Vec<InstalledRaw>,
    /// The stylesheets, in the order of the request.
    pub styles: Vec<InstalledRaw>,
    /// What the modules need before they run: each file once.
    pub needed: Vec<NpmFile>,
    /// All files of the packages that are in use, source maps and what is loaded later among them.
    pub all: Vec<NpmFile>,
}

/// A module that can be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledModule {
    /// What was asked for.
    pub specifier: NpmSpecifier,
    /// What it came to.
    pub id: NpmId,
    /// Its file.
    pub file: NpmFile,
    /// Whether it has a default export and nothing else that a user would name.
    pub default_only: bool,
}

/// A file as it was published, and what it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledRaw {
    /// What was asked for.
    pub specifier: NpmSpecifier,
    /// What it came to.
    pub id: NpmId,
    /// The file itself.
    pub file: NpmFile,
    /// Of a stylesheet: its fonts, images and further stylesheets.
    pub refers_to: Vec<NpmFile>,
}

/// A file with its place among the urls of npm packages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NpmFile {
    /// `<key>/<name>@<version>/<path>`. What is there never changes.
    pub path: String,
    /// What the store knows of it.
    pub stored: StoredFile,
}

impl NpmFile {
    fn of(key: &str, id: &NpmId, path: &str, file: &PlacedFile) -> Self {
        Self { path: format!("{key}/{id}/{path}"), stored: file.stored() }
    }
}

/// The files in the url folders of packages, as far as this process has looked.
pub(super) type NpmFolders = HashMap<String, BTreeMap<String, StoredFile>>;

impl Installer {
    /// Builds whatever the store lacks of `inputs`, which came to `resolution`.
    pub(super) async fn build_npm(
        &self,
        inputs: &NpmInputs,
        resolution: Resolution,
    ) -> Result<NpmEnvironment, NpmInstallError> {
        warn_of_strangers(&resolution.graph);
        let yard = Yard::new(self, &resolution);
        let reached = walk::from(&yard, &inputs.modules).await?;
        let scripts = raw::files(&yard, &inputs.scripts, raw::Kind::Script).await?;
        let styles = raw::files(&yard, &inputs.styles, raw::Kind::Style).await?;
        let mut all: BTreeSet<NpmFile> = yard.built_files().collect();
        for raw in scripts.iter().chain(&styles) {
            all.insert(raw.file.clone());
            all.extend(raw.refers_to.iter().cloned());
        }
        let all = all.into_iter().collect();
        drop(yard);
        let walk::Reached { modules, needed } = reached;
        Ok(NpmEnvironment { graph: resolution.graph, modules, scripts, styles, needed, all })
    }

    /// The hash of the file at `<key>/<path>` among the urls of npm packages.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn npm_file(&self, key: &str, path: &str) -> Result<Option<Sha256>, NpmInstallError> {
        if !is_key(key) {
            return Ok(None);
        }
        let find = |folders: &NpmFolders| Some(folders.get(key)?.get(path)?.sha256);
        if let Some(sha256) = find(&self.npm_folders.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(Some(sha256));
        }
        // What is unknown here may have been built since, by this process or another.
        let files = Build::files_of(&self.store, key)?;
        let mut folders = self.npm_folders.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.is_empty() {
            folders.insert(key.to_owned(), files);
        }
        Ok(find(&folders))
    }
}

/// Says which of the user's packages use another version of one of the others than the user asked for, as a peer that does
/// not fit: two copies seldom work together.
fn warn_of_strangers(graph: &NpmGraph) {
    let asked: BTreeSet<&NpmId> = graph.roots.values().collect();
    for id in &asked {
        let used = graph.packages.get(id).into_iter().flat_map(|node| node.dependencies.values());
        for used in used.filter(|used| !asked.contains(used)) {
            let wanted: Vec<String> =
                asked.iter().filter(|asked| asked.name == used.name).map(ToString::to_string).collect();
            if !wanted.is_empty() {
                tracing::warn!(
                    "`{id}` uses `{used}`, and not the `{}` that was asked for",
                    wanted.join("`, `")
                );
            }
        }
    }
}
