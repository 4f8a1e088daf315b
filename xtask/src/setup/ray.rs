//! Ray for the tests of remote workers: a Python environment in millhand's cache, made with the user's `uv` or `pip`.
//! Who has neither, or no Ray for their Python, goes without these tests.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::places::Places;
use crate::process;
use crate::say::Step;

/// Ray itself, as `millhand_ray` pins it, and what its tests use. `virtualenv` is what Ray makes environments with.
const PACKAGES: [&str; 10] = [
    "ray==2.60.0",
    "numpy",
    "virtualenv",
    "kubernetes-validate",
    "mypy",
    "pytest",
    "pyyaml",
    "ruff",
    "types-pyyaml",
    "websockets",
];
/// Of an environment that is complete: the packages that it has.
const MARK: &str = "millhand-packages";

/// The interpreter of the environment, made if it is not there; nothing if it cannot be had.
pub(crate) fn find_or_install(places: &Places) -> Result<Option<PathBuf>> {
    let step = Step::begin("Ray for the tests of remote workers (about 360 MB, once)");
    let venv = places.cache.join("ray").join("tests");
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if fs::read_to_string(venv.join(MARK)).is_ok_and(|packages| packages == PACKAGES.join("\n")) {
        step.done("in millhand's cache");
        return Ok(Some(python));
    }
    if !install(places, &venv, &python) {
        step.done("not to be had, the tests that use it are skipped");
        return Ok(None);
    }
    let mark = venv.join(MARK);
    fs::write(&mark, PACKAGES.join("\n")).with_context(|| format!("cannot write `{}`", mark.display()))?;
    step.done("installed into millhand's cache");
    Ok(Some(python))
}

fn install(places: &Places, venv: &Path, python: &Path) -> bool {
    let mut uv = process::command("uv", &places.root);
    if process::succeeds(uv.arg("--version")) {
        let mut make = process::command("uv", &places.root);
        let mut install = process::command("uv", &places.root);
        install.args(["pip", "install", "--quiet", "--python"]).arg(python).args(PACKAGES);
        return process::succeeds(make.args(["venv", "--quiet", "--clear"]).arg(venv))
            && process::succeeds(&mut install);
    }
    let mut make = process::command("python3", &places.root);
    let mut install = process::command(python, &places.root);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    process::succeeds(make.args(["-m", "venv", "--clear"]).arg(venv)) && process::succeeds(&mut install)
}
