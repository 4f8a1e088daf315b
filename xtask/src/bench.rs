//! The benchmarks: built for release, run by Node.

use std::process::ExitCode;

use anyhow::Result;

use crate::places::Places;
use crate::say::Step;
use crate::{process, setup};

/// `cargo xtask bench`.
pub(crate) fn command(places: &Places, quick: bool, names: &[String]) -> Result<ExitCode> {
    let ready = setup::everything(places)?;
    let step = Step::begin("millhand program, for release");
    process::run(process::cargo(&places.root).args(["build", "--release", "--package", "millhand"]))?;
    step.done(&places.millhand_release().display().to_string());
    let mut node = process::command("node", &places.root);
    node.arg("bench/run.mjs").args(quick.then_some("--quick")).args(names);
    ready.describe_to(&mut node, places);
    process::run(node.env("MILLHAND_BIN", places.millhand_release()))?;
    Ok(ExitCode::SUCCESS)
}
