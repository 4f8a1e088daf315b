//! The build: wasm host, its JavaScript glue, the npm package, and the program that serves it.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::places::Places;
use crate::process;
use crate::say::{self, Step};
use crate::setup::{self, Tools};
use crate::stamp::{Recipe, entries_except, files_below};

/// `cargo xtask build`.
pub(crate) fn command(places: &Places) -> Result<ExitCode> {
    let tools = setup::build_tools(places)?;
    build(places, &tools)?;
    report_sizes(places)?;
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask sizes`.
pub(crate) fn sizes(places: &Places, update: bool) -> Result<ExitCode> {
    let tools = setup::build_tools(places)?;
    build(places, &tools)?;
    let mut npm = process::command("npm", &places.root);
    npm.args(["run", "sizes", "--workspace", "js"]);
    if update {
        npm.args(["--", "--update"]);
    }
    process::run(&mut npm)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds what is not up to date.
pub(crate) fn build(places: &Places, tools: &Tools) -> Result<()> {
    build_host(places, tools)?;
    write_glue(places, tools)?;
    bundle_scripts(places)?;
    build_program(places)
}

fn build_host(places: &Places, tools: &Tools) -> Result<()> {
    let step = Step::begin("wasm host");
    let mut cargo = tools.wasm.cargo_build(places);
    process::run(cargo.args(["--package", "millhand-web", "--profile", "wasm"]))?;
    step.done("millhand_web.wasm");
    Ok(())
}

fn write_glue(places: &Places, tools: &Tools) -> Result<()> {
    let step = Step::begin("JavaScript glue of the wasm host");
    let wasm = tools.wasm.artifacts(places).join("millhand_web.wasm");
    let host = places.js_dist().join("host");
    let recipe = Recipe {
        name: "glue",
        inputs: vec![wasm.clone(), places.root.join("xtask").join("bindgen")],
        outputs: vec![host.clone()],
    };
    if recipe.is_current(places)? {
        step.already_there("js/dist/host");
        return Ok(());
    }
    let mut bindgen = process::cargo(&places.root);
    process::run(bindgen.args(["run", "--package", "xtask-bindgen", "--"]).arg(wasm).arg(host))?;
    recipe.record(places)?;
    step.done("js/dist/host");
    Ok(())
}

fn bundle_scripts(places: &Places) -> Result<()> {
    let step = Step::begin("npm package");
    if scripts(places)?.is_current(places)? {
        step.already_there("js/dist");
        return Ok(());
    }
    process::run(process::command("npm", &places.root).args(["run", "build", "--workspace", "js"]))?;
    scripts(places)?.record(places)?;
    step.done("js/dist");
    Ok(())
}

fn scripts(places: &Places) -> Result<Recipe> {
    let dist = places.js_dist();
    let mut inputs = entries_except(&places.root.join("js"), &["dist", "node_modules"])?;
    inputs.extend([dist.join("host"), places.root.join("package-lock.json")]);
    Ok(Recipe { name: "scripts", inputs, outputs: entries_except(&dist, &["host"])? })
}

fn build_program(places: &Places) -> Result<()> {
    let step = Step::begin("millhand program");
    process::run(process::cargo(&places.root).args(["build", "--package", "millhand"]))?;
    step.done(&places.millhand().display().to_string());
    Ok(())
}

fn report_sizes(places: &Places) -> Result<()> {
    say::text("==> sizes");
    for file in files_below(&places.js_dist())? {
        if has_size_worth_knowing(&file) {
            let bytes =
                fs::metadata(&file).with_context(|| format!("cannot read `{}`", file.display()))?.len();
            let name = file.strip_prefix(&places.root).unwrap_or(&file);
            say::detail(&format!("{:>10}  {}", kilobytes(bytes), name.display()));
        }
    }
    Ok(())
}

/// What a page downloads, but neither declarations nor source maps.
fn has_size_worth_knowing(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| ["wasm", "js", "mjs", "css"].iter().any(|known| extension == *known))
}

fn kilobytes(bytes: u64) -> String {
    // Tenths in whole numbers: the sizes of files have no need of floating point.
    let tenths = (bytes + 50) / 100;
    format!("{}.{} kB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_a_tenth_of_a_kilobyte() {
        assert_eq!(kilobytes(0), "0.0 kB");
        assert_eq!(kilobytes(1_949), "1.9 kB");
        assert_eq!(kilobytes(1_950), "2.0 kB");
        assert_eq!(kilobytes(2_345_678), "2345.7 kB");
    }

    #[test]
    fn declarations_and_source_maps_have_no_size_worth_knowing() {
        assert!(has_size_worth_knowing(Path::new("npm/index.js")));
        assert!(has_size_worth_knowing(Path::new("host/millhand_web_bg.wasm")));
        assert!(!has_size_worth_knowing(Path::new("types/index.d.ts")));
        assert!(!has_size_worth_knowing(Path::new("npm/index.js.map")));
    }
}
