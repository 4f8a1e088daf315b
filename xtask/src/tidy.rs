//! The state of the source: format, lints, and the repository's own rules.

mod codes;
mod rules;

use std::fs;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::checks::Checks;
use crate::places::Places;
use crate::setup::wasm::{TARGET, WasmToolchain};
use crate::{process, say};

/// What to do about Rust code that is not formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Check,
    Apply,
}

/// `cargo xtask tidy`.
pub(crate) fn command(places: &Places, fix: bool) -> Result<ExitCode> {
    let mut checks = Checks::default();
    run(&mut checks, places, if fix { Format::Apply } else { Format::Check })?;
    Ok(checks.conclude())
}

/// Adds the checks of the source to a list.
pub(crate) fn run(checks: &mut Checks, places: &Places, format: Format) -> Result<()> {
    checks.run("tidy: repository rules", || repository_rules(places))?;
    checks.run("tidy: format", || check_format(places, format))?;
    checks.run("tidy: lints", || {
        let mut clippy = process::cargo(&places.root);
        process::run(clippy.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    })?;
    let lints_for_wasm = "tidy: lints of the wasm host";
    if WasmToolchain::find(places) != Some(WasmToolchain::Rustup) {
        checks.skip(
            lints_for_wasm,
            "the active toolchain has no wasm32-unknown-unknown; linted for this machine only",
        );
        return Ok(());
    }
    checks.run(lints_for_wasm, || {
        let mut clippy = process::cargo(&places.root);
        clippy.args(["clippy", "--package", "millhand-web", "--target", TARGET, "--", "-D", "warnings"]);
        process::run(&mut clippy)
    })
}

fn check_format(places: &Places, format: Format) -> Result<()> {
    let mut fmt = process::cargo(&places.root);
    fmt.args(["fmt", "--all"]);
    match format {
        Format::Apply => process::run(&mut fmt),
        Format::Check if process::status(fmt.arg("--check"))?.success() => Ok(()),
        Format::Check => bail!("the Rust code is not formatted; do: `cargo xtask tidy --fix`"),
    }
}

fn repository_rules(places: &Places) -> Result<()> {
    // Tracked files, and new ones that are not ignored.
    let mut git = process::command("git", &places.root);
    let listing = process::read(git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
    let paths: Vec<&str> =
        listing.split_terminator('\0').filter(|path| places.root.join(path).is_file()).collect();

    // Whatever is not UTF-8 is no text, and has no lines to look at.
    let read = |path: &str| fs::read_to_string(places.root.join(path)).ok();
    let texts: Vec<(&str, String)> = paths.iter().filter_map(|path| Some((*path, read(path)?))).collect();

    let mut findings = rules::missing_readmes(&paths);
    findings.extend(texts.iter().flat_map(|(path, text)| rules::check_text(path, text)));
    findings.extend(codes::compare(&texts));
    for finding in &findings {
        say::note(&finding.to_string());
    }
    match findings.len() {
        0 => Ok(()),
        count => bail!("{count} findings in {} files", paths.len()),
    }
}
