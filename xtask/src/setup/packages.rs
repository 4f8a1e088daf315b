//! The npm packages of the test pages and of the examples, built, in millhand's cache: what their lockfiles name, and
//! nothing else.

use anyhow::Result;

use crate::places::Places;
use crate::process;
use crate::say::Step;

/// Folders with pages, each with a lockfile.
const PAGES: [&str; 2] = ["tests/browser/pages", "examples/notebook"];

/// Gets and builds what the cache lacks.
pub(crate) fn fetch(places: &Places) -> Result<()> {
    let step = Step::begin("npm packages of the test pages and of the examples");
    for pages in PAGES {
        let mut lock = process::command(places.millhand(), &places.root);
        process::run(lock.args(["lock", pages, "--locked"]).env("MILLHAND_CACHE_DIR", &places.cache))?;
    }
    step.done("in millhand's cache");
    Ok(())
}
