//! Set-up: everything that building, running and testing need, got once and then only looked at.
//!
//! One module per thing that can be missing. Each looks first, says so if there is nothing to do, and goes to the
//! network only for what is missing.

pub(crate) mod browser;
mod crates;
mod debian;
pub(crate) mod npm;
mod packages;
pub(crate) mod python;
pub(crate) mod ray;
pub(crate) mod wasm;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::places::Places;
use crate::setup::browser::Browser;
use crate::setup::python::Python;
use crate::setup::wasm::WasmToolchain;
use crate::{package, say};

/// What a machine has once set-up and build have passed.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) browser: Browser,
    pub(crate) python: Python,
    pub(crate) took: Duration,
}

impl Ready {
    /// Tells a child about the browser and about millhand's program, cache and wheels.
    pub(crate) fn describe_to(&self, command: &mut Command, places: &Places) {
        self.browser.describe_to(command);
        self.python.describe_to(command);
        command.env("MILLHAND_BIN", places.millhand()).env("MILLHAND_CACHE_DIR", &places.cache);
    }
}

/// What building needs.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) wasm: WasmToolchain,
}

/// `cargo xtask setup`.
pub(crate) fn command(places: &Places) -> Result<ExitCode> {
    let ready = everything(places)?;
    ray::find_or_install(places)?;
    say::text(&format!(
        "set-up is complete ({}); `cargo xtask demo` shows it at work",
        say::seconds(ready.took)
    ));
    Ok(ExitCode::SUCCESS)
}

/// Gets all that is missing, and builds.
pub(crate) fn everything(places: &Places) -> Result<Ready> {
    let started = Instant::now();
    let tools = build_tools(places)?;
    let browser = Browser::find_or_install(places)?;
    package::build(places, &tools)?;
    let python = Python::find_or_fetch(places)?;
    packages::fetch(places)?;
    Ok(Ready { browser, python, took: started.elapsed() })
}

/// Gets what is missing for a build.
pub(crate) fn build_tools(places: &Places) -> Result<Tools> {
    let wasm = WasmToolchain::find_or_install(places)?;
    crates::fetch(places)?;
    npm::install(places)?;
    Ok(Tools { wasm })
}
