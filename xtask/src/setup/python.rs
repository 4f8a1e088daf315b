//! Python for pages: the Pyodide runtime and NumPy, in millhand's cache.
//!
//! The runtime comes from npm. Its packages come from a public network that not everyone can reach, so the wheels of NumPy
//! and lxml are first looked for inside an npm package that carries some for the same Python; millhand then serves them as
//! an *overlay*. Without it, millhand takes both from the public network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::places::Places;
use crate::process;
use crate::say::Step;
use crate::stamp;

/// The npm package that carries the wheels. They (BSD, both) are taken into the user's cache; nothing of the package
/// goes into this repository or a release.
const CARRIER: &str = "@bentopdf/pymupdf-wasm@0.11.16";
const WHEELS: [Wheel; 2] = [
    Wheel {
        file: "numpy-2.2.5-cp313-cp313-pyodide_2025_0_wasm32.whl",
        sha256: "125230b4c3ecd08803e5c43f1162e017c0718d9f253146225a705a952b9c16c2",
    },
    Wheel {
        file: "lxml-5.4.0-cp313-cp313-pyodide_2025_0_wasm32.whl",
        sha256: "e5dead1eae2e4452bcddf6eaa73604fdd1ca0e35eb65e88fc4ec188e2219b8be",
    },
];

#[derive(Debug)]
struct Wheel {
    file: &'static str,
    sha256: &'static str,
}

impl Wheel {
    fn is_in(&self, folder: &Path) -> Result<bool> {
        let path = folder.join(self.file);
        Ok(path.is_file() && stamp::sha256(&path)? == self.sha256)
    }
}

/// There is another way to have them, so npm is not to try for minutes.
const SOON_OR_NOT: [&str; 2] = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"];

/// The Python packages that the tutorial, the demo and the tests use.
const PACKAGES: [&str; 2] = ["numpy", "lxml"];

/// Further ones that a test in the browser uses, which come from the user's Python index by way of `uv` or `pip`.
/// Who has neither goes without that test.
const PURE_PACKAGES: [&str; 2] = ["snowballstemmer==2.1.0", "python-slugify"];

/// What millhand has in its cache for Python.
#[derive(Debug)]
pub(crate) struct Python {
    /// Wheels that millhand is to prefer, if they could be had.
    overlay: Option<PathBuf>,
}

impl Python {
    /// Puts the wheel and the runtime into the cache, unless they are there.
    pub(crate) fn find_or_fetch(places: &Places) -> Result<Self> {
        let python = Self { overlay: find_or_fetch_wheels(places)? };
        let step = Step::begin("Pyodide with NumPy and lxml");
        // millhand itself looks at what is there; it asks the network only for what is not.
        process::run(&mut python.fetch(places, &PACKAGES))?;
        step.done("in millhand's cache");
        let step = Step::begin("pure Python wheels");
        match process::succeeds(&mut python.fetch(places, &PURE_PACKAGES)) {
            true => step.done("in millhand's cache"),
            false => step.done("not to be had, the test that uses them is skipped"),
        }
        if python.overlay.is_none() {
            remember_public_network(places)?;
        }
        Ok(python)
    }

    fn fetch(&self, places: &Places, packages: &[&str]) -> Command {
        let mut fetch = process::command(places.millhand(), &places.root);
        fetch.arg("fetch").args(packages).env("MILLHAND_CACHE_DIR", &places.cache);
        self.add_overlay_to(&mut fetch);
        fetch
    }

    /// Adds the arguments that make millhand prefer the wheels.
    pub(crate) fn add_overlay_to(&self, millhand: &mut Command) {
        if let Some(folder) = &self.overlay {
            millhand.arg("--overlay").arg(folder);
        }
    }

    /// Tells a child where the wheels are.
    pub(crate) fn describe_to(&self, command: &mut Command) {
        match &self.overlay {
            Some(folder) => command.env("MILLHAND_OVERLAY", folder),
            None => command.env_remove("MILLHAND_OVERLAY"),
        };
    }
}

/// The folder with the wheels; `None` if they cannot be had, which is said.
fn find_or_fetch_wheels(places: &Places) -> Result<Option<PathBuf>> {
    let step = Step::begin("wheels of NumPy and lxml for Pyodide");
    let folder = places.wheels();
    let mut missing = Vec::new();
    for wheel in &WHEELS {
        if !wheel.is_in(&folder)? {
            missing.push(wheel);
        }
    }
    if missing.is_empty() {
        step.already_there(&folder.display().to_string());
        return Ok(Some(folder));
    }
    if public_network_mark(places).is_file() {
        step.already_there("none are needed, the packages came from the public network");
        return Ok(None);
    }
    match fetch_wheels(places, &missing) {
        Ok(()) => {
            step.done(&folder.display().to_string());
            Ok(Some(folder))
        }
        Err(error) if crate::interrupt::requested() => Err(error),
        Err(error) => {
            step.gave_up(&format!("{error:#}; millhand will take the packages from the public network"));
            Ok(None)
        }
    }
}

fn fetch_wheels(places: &Places, wheels: &[&Wheel]) -> Result<()> {
    let scratch = Scratch::new(&places.cache)?;
    // Run in the repository's folder, npm reads the registry that its user has configured for it.
    let mut pack = process::command("npm", &places.root);
    pack.args(["pack", CARRIER, "--loglevel=error", "--ignore-scripts", "--prefer-offline"])
        .args(SOON_OR_NOT);
    process::run(pack.arg("--pack-destination").arg(&scratch.folder))?;
    let archive = scratch.only_file()?;
    let folder = places.wheels();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    for Wheel { file, sha256 } in wheels {
        // Relative names: some `tar` take the colon of a Windows path for a host's.
        let member = format!("package/assets/{file}");
        let mut tar = process::command("tar", &scratch.folder);
        process::run(tar.args(["--no-same-owner", "-xzf", &archive, &member]))?;
        let unpacked = scratch.folder.join(member);
        let hash = stamp::sha256(&unpacked)?;
        if hash != *sha256 {
            bail!("`{file}` has the sha256 {hash}, not {sha256}");
        }
        let wheel = folder.join(file);
        fs::rename(&unpacked, &wheel).with_context(|| format!("cannot write `{}`", wheel.display()))?;
    }
    Ok(())
}

/// Marks that the packages were had without the wheels, so that later runs do not try for it again.
fn public_network_mark(places: &Places) -> PathBuf {
    places.own().join("numpy-from-public-network")
}

fn remember_public_network(places: &Places) -> Result<()> {
    let mark = public_network_mark(places);
    fs::create_dir_all(places.own())
        .and_then(|()| fs::write(&mark, ""))
        .with_context(|| format!("cannot write `{}`", mark.display()))
}

/// A folder for half-made files, on the same disk as the cache so that a finished one can be moved in one step.
#[derive(Debug)]
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    fn new(cache: &Path) -> Result<Self> {
        let folder = cache.join(format!("tmp-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        Ok(Self { folder })
    }

    fn only_file(&self) -> Result<String> {
        let mut entries = fs::read_dir(&self.folder).context("cannot list the unpacking folder")?;
        let entry =
            entries.next().context("npm wrote no archive")?.context("cannot list the unpacking folder")?;
        entry.file_name().into_string().ok().context("the archive's name is no UTF-8")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is in the way of nobody.
        drop(fs::remove_dir_all(&self.folder));
    }
}
