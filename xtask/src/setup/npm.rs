//! The npm packages of `package-lock.json`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::places::Places;
use crate::process;
use crate::say::Step;
use crate::stamp;

const OLDEST_NODE: u32 = 20;

/// Holds the hash of the lockfile that `node_modules` was made from.
const STAMP: &str = ".package-lock.sha256";

/// Runs `npm ci` unless `node_modules` was made from this very lockfile.
pub(crate) fn install(places: &Places) -> Result<()> {
    let step = Step::begin("npm packages");
    check_node(&places.root)?;
    let locked = stamp::sha256(&places.root.join("package-lock.json"))?;
    let recorded = places.root.join("node_modules").join(STAMP);
    if fs::read_to_string(&recorded).is_ok_and(|hash| hash == locked) {
        step.already_there("node_modules is what package-lock.json says");
        return Ok(());
    }
    // None of the packages needs a script of its own to be installed.
    let mut npm = process::command("npm", &places.root);
    process::run(npm.args(["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]))?;
    fs::write(&recorded, locked).with_context(|| format!("cannot write `{}`", recorded.display()))?;
    step.done("node_modules is what package-lock.json says");
    Ok(())
}

fn check_node(root: &Path) -> Result<()> {
    let version = process::read(process::command("node", root).arg("--version"))?;
    if major(&version).is_none_or(|major| major < OLDEST_NODE) {
        bail!("Node.js is {}: install {OLDEST_NODE} or newer and try again", version.trim());
    }
    Ok(())
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_nodes_answer() {
        assert_eq!(major("v20.19.2\n"), Some(20));
        assert_eq!(major("v8.0.0"), Some(8));
        assert_eq!(major("twenty"), None);
    }
}
