//! `millhand export`: a folder for any static host.
//!
//! It is put together beside its destination and renamed at the end, so that an export that is interrupted leaves
//! what was there before.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use millhand::images::ImageSubject;
use millhand::notebook::Notebook;
use millhand::routes::package;
use millhand_packages::{
    Environment, ImageId, Installer, Manifest, PythonImage, RequestJson, Store, StoredFile,
};
use serde::Serialize;

use crate::cli::ExportArgs;
use crate::commands::{images, until_interrupted, with_progress};
use crate::output;

/// The folder of the package, of manifests and of files, beside the pages.
const OURS: &str = "millhand";
/// What an export has and no other folder.
const PREBUILT: &str = "millhand/manifest.json";

/// The package's own entry point; in an export, pages get it from one that knows where the manifests are.
const ENTRY: &str = "index.js";
const RENAMED_ENTRY: &str = "package.js";
const ENTRY_OF_EXPORT: &str = "\
import { configureInstall } from './package.js'
export * from './package.js'
configureInstall({ manifestUrl: new URL('manifest.json', import.meta.url).href })
";

/// What a host shows at its root.
const START: &str = "index.html";

/// What is to be exported.
struct Source {
    dir: PathBuf,
    /// The page that is to come first, as `index.html`, which is not there.
    start: Option<OsString>,
    /// Its pages, if they are Markdown.
    notebook: Option<Notebook>,
}

impl Source {
    fn of(path: &Path) -> anyhow::Result<Self> {
        if !path.is_file() {
            // A folder with pages of HTML is a site, whatever Markdown lies in it.
            let notebook = if has_html(path) { None } else { Notebook::open(path).ok() };
            return Ok(Self {
                dir: path.to_owned(),
                start: None,
                notebook: notebook.map(Notebook::exported),
            });
        }
        if path.extension().is_some_and(|extension| extension == "md") {
            let notebook = Notebook::open(path)?.exported();
            check_comes_first(path, &[START, "index.md"])?;
            return Ok(Self { dir: notebook.folder().to_owned(), start: None, notebook: Some(notebook) });
        }
        if !is_html(path) {
            bail!("`{}` is no page: give one of HTML or Markdown, or a folder", path.display());
        }
        check_comes_first(path, &[START])?;
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let start = path.file_name().filter(|name| *name != START).map(ToOwned::to_owned);
        Ok(Self { dir: dir.to_owned(), start, notebook: None })
    }

    /// What is made of its pages, in the words of the last line.
    const fn kind(&self) -> &'static str {
        match self.notebook {
            Some(_) => "as a notebook",
            None => "as they are",
        }
    }
}

/// Whether there is a page of HTML that an export would have.
fn has_html(folder: &Path) -> bool {
    let (Ok(here), Ok(entries)) = (folder.canonicalize(), fs::read_dir(folder)) else { return false };
    entries.flatten().map(|entry| entry.path()).any(|path| {
        if is_left_out(&path) || !leads_down(&path, &here) {
            return false;
        }
        if path.is_dir() { has_html(&path) } else { is_html(&path) }
    })
}

fn is_html(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "html" || extension == "htm")
}

/// A page that is to be the start page must not take the place of another, one of `starts`.
fn check_comes_first(page: &Path, starts: &[&str]) -> anyhow::Result<()> {
    if page.file_name().is_some_and(|name| starts.iter().any(|start| name == *start)) {
        return Ok(());
    }
    match starts.iter().map(|start| page.with_file_name(start)).find(|start| start.exists()) {
        Some(start) => bail!(
            "`{}` is the start page already, which `{}` would replace: rename it, or export the folder",
            start.display(),
            page.display()
        ),
        None => Ok(()),
    }
}

/// The manifests of an export, each with the request that it answers.
#[derive(Debug, Serialize)]
struct Prebuilt {
    environments: Vec<PrebuiltEnvironment>,
}

#[derive(Debug, Serialize)]
struct PrebuiltEnvironment {
    request: RequestJson,
    manifest: Manifest,
}

/// Writes the folder, and says what is in it.
pub(crate) async fn run(args: ExportArgs) -> anyhow::Result<ExitCode> {
    until_interrupted(async {
        let source = Source::of(&args.source)?;
        let kind = source.kind();
        let Source { dir, start, notebook } = source;
        check_destination(&args.out, &dir)?;
        let settings = with_progress(args.install.settings(&dir)?);
        let installer = Installer::open(settings)?;
        let maker = args.images.maker(installer.store())?;
        let mut environments = installer.install_locked_environments().await?;
        let locked = environments.len();
        if locked == 0 {
            tracing::warn!(
                "nothing is locked: open the pages under `millhand serve`, or use `millhand add`, if they install packages"
            );
        }
        add_parts(&installer, &mut environments).await?;
        let images = match maker {
            Some(maker) => images::make_all(&maker, &environments).await?,
            None => BTreeMap::new(),
        };
        let parent =
            args.out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).with_context(|| format!("cannot make `{}`", parent.display()))?;
        let scratch = tempfile::Builder::new().prefix(".millhand-export").tempdir_in(parent)?;
        let folder = scratch.path().join("site");
        copy_pages(&dir, &folder, args.out.canonicalize().ok().as_deref())?;
        if let Some(start) = start {
            fs::copy(folder.join(start), folder.join(START)).context("cannot copy the page that is to come first")?;
        }
        if let Some(notebook) = notebook {
            write_notebook(&notebook, &folder)?;
        }
        let files = write_ours(&installer, &environments, &images, &folder.join(OURS))?;
        put_in_place(&folder, &args.out)?;
        let made = if images.is_empty() { String::new() } else { format!(", {} images", images.len()) };
        output::line(&format!(
            "{locked} environments, {files} files of packages{made}, pages of `{}` {kind} → `{}`",
            dir.display(),
            args.out.display()
        ))
    })
    .await
}

/// A page may ask for a part of what is locked: there is a manifest for each specifier by itself, too, of which pages put
/// together what they ask for.
async fn add_parts(
    installer: &Installer,
    environments: &mut Vec<(RequestJson, Environment)>,
) -> anyhow::Result<()> {
    let parts: BTreeSet<RequestJson> = environments.iter().flat_map(|(request, _)| request.parts()).collect();
    for part in parts {
        if environments.iter().all(|(request, _)| *request != part) {
            let environment = installer.install_environment(&part.parse()?).await?;
            environments.push((part, environment));
        }
    }
    Ok(())
}

/// Only an export, or nothing, may be replaced; and an export cannot hold its own source.
fn check_destination(out: &Path, dir: &Path) -> anyhow::Result<()> {
    if let (Ok(out), Ok(dir)) = (out.canonicalize(), dir.canonicalize())
        && dir.starts_with(&out)
    {
        bail!("`{}` is the folder with the pages, or holds it: name another with `--out`", out.display());
    }
    let is_empty = fs::read_dir(out).map_or(!out.exists(), |mut entries| entries.next().is_none());
    if !is_empty && !out.join(PREBUILT).is_file() {
        bail!("`{}` is there and is no earlier export: delete it, or name another folder", out.display());
    }
    Ok(())
}

/// Copies what `serve` would serve, without the export before, which may lie among the pages. Links that lead out of their
/// folder are left out.
fn copy_pages(from: &Path, to: &Path, out: Option<&Path>) -> anyhow::Result<()> {
    let here = from.canonicalize().with_context(|| format!("cannot read `{}`", from.display()))?;
    fs::create_dir_all(to).with_context(|| format!("cannot make `{}`", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read `{}`", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let is_output = out.is_some() && entry.path().canonicalize().ok().as_deref() == out;
        let (source, target) = (entry.path(), to.join(&name));
        if is_output || is_left_out(&source) || !leads_down(&source, &here) {
            tracing::info!("left out: `{}`", source.display());
            continue;
        }
        if fs::metadata(&source).is_ok_and(|metadata| metadata.is_dir()) {
            copy_pages(&source, &target, out)?;
        } else {
            fs::copy(&source, &target).with_context(|| format!("cannot copy `{}`", source.display()))?;
        }
    }
    Ok(())
}

/// What is hidden, or was put there by npm or by an export.
fn is_left_out(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with('.') || name == "node_modules" || path.join(PREBUILT).is_file()
}

/// Whether a path is in the folder that it seems to be in: a link can lead anywhere, or back to where it is.
fn leads_down(path: &Path, folder: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| path.starts_with(folder) && path != *folder)
}

/// Writes each page as a file of HTML, and the one that comes first as `index.html` too.
fn write_notebook(notebook: &Notebook, folder: &Path) -> anyhow::Result<()> {
    let pages = notebook.pages();
    for name in &pages {
        let target = folder.join(format!("{name}.html"));
        if target.exists() {
            bail!("`{name}.md` and `{name}.html` would be one page: rename one of them");
        }
        let (html, warnings) = notebook.html(name)?;
        for warning in warnings {
            tracing::warn!("{name}.md:{}: {}", warning.line, warning.message);
        }
        write(&target, html.as_bytes())?;
    }
    match notebook.start() {
        Some("index") => Ok(()),
        Some(start) => write(&folder.join(START), notebook.html(start)?.0.as_bytes()),
        None if pages.iter().any(|name| name == "index") => Ok(()),
        None => write(&folder.join(START), notebook.list_html().as_bytes()),
    }
}

/// Writes the package, the manifests and the files of all environments; gives the number of files.
fn write_ours(
    installer: &Installer,
    environments: &[(RequestJson, Environment)],
    images: &BTreeMap<ImageId, PythonImage>,
    folder: &Path,
) -> anyhow::Result<usize> {
    for (path, content) in package::files().filter(|(path, _)| !path.starts_with(package::IMAGE_MAKER)) {
        let path = if path == ENTRY { RENAMED_ENTRY } else { path.as_ref() };
        write(&folder.join(path), &content)?;
    }
    write(&folder.join(ENTRY), ENTRY_OF_EXPORT.as_bytes())?;
    let mut files = BTreeMap::new();
    for (_, environment) in environments {
        files.extend(environment.paths());
    }
    for (path, file) in &files {
        place(installer.store(), *file, &folder.join(path))?;
    }
    for image in images.values() {
        place(installer.store(), image.file, &folder.join(image.path()))?;
    }
    let environments = environments.iter().map(|(request, environment)| {
        let image = ImageSubject::of(request, environment).and_then(|subject| images.get(&subject.id()));
        PrebuiltEnvironment {
            request: request.clone(),
            manifest: Manifest::of(environment).with_image(image),
        }
    });
    let prebuilt = Prebuilt { environments: environments.collect() };
    write(&folder.join("manifest.json"), serde_json::to_string_pretty(&prebuilt)?.as_bytes())?;
    Ok(files.len())
}

fn place(store: &Store, file: StoredFile, target: &Path) -> anyhow::Result<()> {
    write(target, &store.read(file.sha256)?)
}

fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("cannot write `{}`", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    fs::write(path, content).with_context(failed)
}

/// Renames the finished folder; an earlier export goes when the new one is there.
fn put_in_place(folder: &Path, out: &Path) -> anyhow::Result<()> {
    let failed = || format!("cannot write `{}`", out.display());
    let before: PathBuf = folder.with_file_name("before");
    if out.exists() {
        fs::rename(out, &before).with_context(failed)?;
    }
    if let Err(error) = fs::rename(folder, out) {
        _ = fs::rename(&before, out);
        return Err(error).with_context(failed);
    }
    Ok(())
}
