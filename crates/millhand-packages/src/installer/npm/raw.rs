//! Files of packages as they were published: classic scripts, and stylesheets with what they refer to.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;

use super::yard::{Unpacked, Yard};
use super::{InstalledRaw, NpmFile, NpmInstallError};
use crate::installer::blocking;
use crate::npm::builds::{Build, PlacedFile, raw_name};
use crate::npm::keys::raw_key;
use crate::npm::{NpmId, find_file, styles};
use crate::specifier::NpmSpecifier;
use crate::store::Store;

const MAX_CONCURRENT_FILES: usize = 4;
const MAX_REFERENCES: usize = 10_000;

/// What a file is wanted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Script,
    Style,
}

impl Kind {
    const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Script => &[".js", ".cjs", ".mjs"],
            Self::Style => &[".css"],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Style => "stylesheet",
        }
    }
}

/// The files that `specifiers` name.
pub(super) async fn files(
    yard: &Yard<'_>,
    specifiers: &[NpmSpecifier],
    kind: Kind,
) -> Result<Vec<InstalledRaw>, NpmInstallError> {
    let files: Vec<_> = specifiers.iter().map(|specifier| file(yard, specifier, kind)).collect();
    stream::iter(files).buffered(MAX_CONCURRENT_FILES).try_collect().await
}

async fn file(
    yard: &Yard<'_>,
    specifier: &NpmSpecifier,
    kind: Kind,
) -> Result<InstalledRaw, NpmInstallError> {
    find_or_take(yard, specifier, kind).await.map_err(|error| error.asked_for_by(&specifier.to_string()))
}

async fn find_or_take(
    yard: &Yard<'_>,
    specifier: &NpmSpecifier,
    kind: Kind,
) -> Result<InstalledRaw, NpmInstallError> {
    let root = specifier.normalised();
    let id = yard.graph.roots.get(&root).ok_or(NpmInstallError::Incomplete { what: root })?.clone();
    let key = raw_key(&id, yard.node(&id)?);
    let wanted = specifier.file();
    let name = raw_name(wanted.unwrap_or(match kind {
        Kind::Script => "(script)",
        Kind::Style => "(style)",
    }));
    let build = match Build::find(&yard.installer.store, &key, &name, &id)? {
        Some(build) => build,
        None => {
            let package = yard.unpacked(&id).await?;
            let store = yard.installer.store.clone();
            let (id, wanted) = (id.clone(), wanted.map(str::to_owned));
            let taken = blocking(move || take(&store, &package, &id, wanted.as_deref(), kind)).await?;
            taken.record(&yard.installer.store, &key, &name)?
        }
    };
    let main = build.main.clone().unwrap_or_default();
    let mut files: BTreeMap<String, NpmFile> =
        build.files.iter().map(|(path, file)| (path.clone(), NpmFile::of(&key, &id, path, file))).collect();
    let file = files.remove(&main).ok_or_else(|| NpmInstallError::NotBuilt { id: id.clone(), path: main })?;
    Ok(InstalledRaw { specifier: specifier.clone(), id, file, refers_to: files.into_values().collect() })
}

/// Puts the wanted file, and what it refers to, into the store.
fn take(
    store: &Store,
    package: &Unpacked,
    id: &NpmId,
    wanted: Option<&str>,
    kind: Kind,
) -> Result<Build, NpmInstallError> {
    let main = match wanted {
        Some(wanted) => {
            find_file(id, package.files.iter().map(|file| file.path.as_str()), wanted)?.to_owned()
        }
        None => {
            usual_file(&package.root, kind).ok_or_else(|| NpmInstallError::NoUsualFile { id: id.clone() })?
        }
    };
    if !kind.extensions().iter().any(|extension| main.ends_with(extension)) {
        return Err(NpmInstallError::OtherKind { id: id.clone(), path: main, wanted: kind.name() });
    }
    let mut files = BTreeMap::new();
    let mut open = vec![main.clone()];
    while let Some(path) = open.pop() {
        if files.contains_key(&path) {
            continue;
        }
        if files.len() >= MAX_REFERENCES {
            return Err(NpmInstallError::TooManyReferences {
                id: id.clone(),
                path: main,
                max: MAX_REFERENCES,
            });
        }
        // A stylesheet may name fonts that its package does not have: browsers pass over them.
        let content = match fs::read(package.root.join(&path)) {
            Ok(content) => content,
            Err(error) if path != main && error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(NpmInstallError::Unreadable { id: id.clone(), path, source }),
        };
        if path.ends_with(".css") {
            let css = String::from_utf8_lossy(&content);
            open.extend(styles::references(&css).iter().filter_map(|url| styles::resolve(&path, url)));
        }
        files.insert(path, PlacedFile::plain(store.put(&content)?));
    }
    Ok(Build { id: id.clone(), main: Some(main), files })
}

/// The fields of a package that name a file for pages without a bundler.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UsualFiles {
    style: Option<String>,
    unpkg: Option<String>,
    jsdelivr: Option<String>,
    main: Option<String>,
}

fn usual_file(folder: &Path, kind: Kind) -> Option<String> {
    let json = fs::read(folder.join("package.json")).ok()?;
    let fields: UsualFiles = serde_json::from_slice(&json).ok()?;
    let candidates = match kind {
        Kind::Script => [fields.unpkg, fields.jsdelivr, fields.main],
        Kind::Style => [fields.style, fields.main, None],
    };
    let path = |text: String| styles::resolve("", &text);
    let is_usable = |path: &String| {
        kind.extensions().iter().any(|extension| path.ends_with(extension)) && folder.join(path).is_file()
    };
    candidates.into_iter().flatten().filter_map(path).find(is_usable)
}
