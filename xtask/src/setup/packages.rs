//! The npm packages of the test pages, built, in millhand's cache: what their lockfile names, and nothing else.

use anyhow::Result;

use crate::places::Places;
use crate::process;
use crate::say::Step;

/// The folder of the test pages, with their lockfile.
const PAGES: &str = "tests/browser/pages";

/// Gets and builds what the cache lacks.
pub(crate) fn fetch(places: &Places) -> Result<()> {
    let step = Step::begin("npm packages of the test pages");
    let mut lock = process::command(places.millhand(), &places.root);
    process::run(lock.args(["lock", PAGES, "--locked"]).env("MILLHAND_CACHE_DIR", &places.cache))?;
    step.done("in millhand's cache");
    Ok(())
}
