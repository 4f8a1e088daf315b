//! The crates of `Cargo.lock`, so that later builds and tests need no network.

use anyhow::{Context as _, Result};

use crate::places::Places;
use crate::process;
use crate::say::Step;
use crate::setup::wasm;

/// Downloads what is missing for this machine and for wasm.
pub(crate) fn fetch(places: &Places) -> Result<()> {
    let step = Step::begin("crates");
    let version = process::read(process::command("rustc", &places.root).arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("`rustc -vV` does not name its host")?;
    let fetch = |more: &[&str]| {
        let mut cargo = process::cargo(&places.root);
        cargo.args(["fetch", "--quiet", "--target", host, "--target", wasm::TARGET]).args(more);
        cargo
    };
    if process::succeeds(&mut fetch(&["--offline"])) {
        step.already_there("the crates of Cargo.lock");
        return Ok(());
    }
    process::run(&mut fetch(&[]))?;
    step.done("the crates of Cargo.lock");
    Ok(())
}
