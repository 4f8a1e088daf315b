//! The tests, in parts that can be run one by one, and the whole that must pass before a change lands.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::checks::Checks;
use crate::places::Places;
use crate::setup::{self, Ready};
use crate::{package, process, say, tidy};

/// A part of the tests with a runner of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Rust,
    Types,
    Node,
    Ray,
    Browser,
}

impl Part {
    pub(crate) const ALL: [Self; 5] = [Self::Rust, Self::Types, Self::Node, Self::Ray, Self::Browser];

    /// The part of that name.
    pub(crate) fn of(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|part| part.name() == name);
        let Some(part) = found else {
            let names = Self::ALL.map(Self::name).join(", ");
            bail!("the tests have no part `{name}`; the parts are {names}");
        };
        Ok(part)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Types => "types",
            Self::Node => "node",
            Self::Ray => "ray",
            Self::Browser => "browser",
        }
    }

    /// Whether it runs what users run: with the program and Python for pages, and not only what is built.
    const fn is_whole(self) -> bool {
        matches!(self, Self::Node | Self::Ray | Self::Browser)
    }
}

/// `cargo xtask test`.
pub(crate) fn command(places: &Places, parts: &[Part], runner_args: &[OsString]) -> Result<ExitCode> {
    let started = Instant::now();
    // The others do not wait for a browser and Python.
    let ready = if parts.iter().any(|part| part.is_whole()) {
        Some(setup::everything(places)?)
    } else {
        let tools = setup::build_tools(places)?;
        package::build(places, &tools)?;
        None
    };
    let ray = if parts.contains(&Part::Ray) { setup::ray::find_or_install(places)? } else { None };
    say::text(&format!("==> set-up and build took {}", say::seconds(started.elapsed())));
    let mut checks = Checks::default();
    run_parts(&mut checks, places, parts, ready.as_ref(), ray.as_deref(), runner_args)?;
    Ok(checks.conclude())
}

/// `cargo xtask ci`.
pub(crate) fn ci(places: &Places) -> Result<ExitCode> {
    let ready = setup::everything(places)?;
    let ray = setup::ray::find_or_install(places)?;
    say::text(&format!("==> set-up and build took {}", say::seconds(ready.took)));
    let mut checks = Checks::default();
    tidy::run(&mut checks, places, tidy::Format::Check)?;
    run_parts(&mut checks, places, &Part::ALL, Some(&ready), ray.as_deref(), &[])?;
    Ok(checks.conclude())
}

fn run_parts(
    checks: &mut Checks,
    places: &Places,
    parts: &[Part],
    ready: Option<&Ready>,
    ray: Option<&Path>,
    runner_args: &[OsString],
) -> Result<()> {
    for part in parts {
        if *part == Part::Ray {
            ray_checks(checks, places, ready, ray, runner_args)?;
            continue;
        }
        for (name, mut command) in part_commands(*part, places, runner_args) {
            // The others are to find what they find on a developer's own command line.
            if let (true, Some(ready)) = (part.is_whole(), ready) {
                ready.describe_to(&mut command, places);
            }
            checks.run(name, || process::run(&mut command))?;
        }
    }
    Ok(())
}

/// Remote workers: the Python package by itself, and then it and pages on a real Ray, in a network that has only loopback.
fn ray_checks(
    checks: &mut Checks,
    places: &Places,
    ready: Option<&Ready>,
    python: Option<&Path>,
    runner_args: &[OsString],
) -> Result<()> {
    let Some(python) = python else {
        checks.skip("ray", "there is no Ray for this Python");
        return Ok(());
    };
    let package = places.root.join("python").join("millhand_ray");
    let module = |name: &str| {
        let mut command = process::command(python, &package);
        command.args(["-m", name]);
        command
    };
    checks.run("ray: ruff", || process::run(module("ruff").arg("check")))?;
    checks.run("ray: ruff format", || process::run(module("ruff").args(["format", "--check"])))?;
    checks.run("ray: mypy", || process::run(&mut module("mypy")))?;
    checks.run("ray: package", || {
        process::run(module("pytest").args(["--ignore", "tests/cluster"]).args(runner_args))
    })?;
    let Some(arguments) = lone_network(places) else {
        checks.skip("ray: cluster", "this system gives a test no network of its own (`unshare --net`)");
        return Ok(());
    };
    checks.run("ray: cluster", || {
        let mut command = process::command("unshare", &package);
        command.args(arguments).arg("--").arg(python).args(["-m", "pytest", "tests/cluster"]);
        process::run(command.args(runner_args).env("MILLHAND_BIN", places.millhand()))
    })?;
    // The runner's arguments are pytest's.
    if let (Some(ready), []) = (ready, runner_args) {
        checks.run("ray: pages", || process::run(&mut remote_pages(places, ready, python, arguments)))?;
    }
    Ok(())
}

/// Pages with remote workers, in a browser.
fn remote_pages(places: &Places, ready: &Ready, python: &Path, arguments: &[&str]) -> Command {
    let mut command = process::command("unshare", &places.root.join("tests").join("browser"));
    command.args(arguments).args([
        "--",
        "npx",
        "playwright",
        "test",
        "--config",
        "playwright.remote.config.ts",
    ]);
    ready.describe_to(&mut command, places);
    command.env("MILLHAND_RAY_PYTHON", python);
    command
}

/// The arguments of `unshare` for a network of its own, if this user may have one.
fn lone_network(places: &Places) -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [&["--net"], &["--user", "--map-root-user", "--net"]];
    WAYS.into_iter().find(|way| {
        let mut attempt = process::command("unshare", &places.root);
        process::succeeds(attempt.args(*way).args(["--", "true"]))
    })
}

fn part_commands(part: Part, places: &Places, runner_args: &[OsString]) -> Vec<(&'static str, Command)> {
    match part {
        Part::Rust => vec![("rust: cargo test", cargo_test(places, runner_args))],
        Part::Types => vec![
            ("types: npm package", npm(places, &["run", "check", "--workspace", "js"], runner_args)),
            ("sizes: npm package", npm(places, &["run", "sizes", "--workspace", "js"], &[])),
            (
                "types: browser tests",
                npm(places, &["run", "check", "--workspace", "tests/browser"], runner_args),
            ),
        ],
        Part::Node => vec![
            ("node: node:test", npm(places, &["test", "--workspace", "tests/node"], runner_args)),
            ("node: benchmarks", npm(places, &["test", "--workspace", "bench"], runner_args)),
        ],
        Part::Browser => {
            vec![("browser: Playwright", npm(places, &["test", "--workspace", "tests/browser"], runner_args))]
        }
        Part::Ray => Vec::new(),
    }
}

/// Tests of all crates (of the host, what runs outside of a browser), unless the arguments name packages of their own.
fn cargo_test(places: &Places, runner_args: &[OsString]) -> Command {
    let mut command = process::cargo(&places.root);
    command.arg("test");
    if !names_packages(runner_args) {
        command.arg("--workspace");
    }
    command.args(runner_args);
    command
}

fn names_packages(args: &[OsString]) -> bool {
    let own = args.iter().take_while(|arg| *arg != "--").map(|arg| arg.to_string_lossy());
    own.into_iter().any(|arg| arg.starts_with("-p") || arg == "--package" || arg.starts_with("--package="))
}

fn npm(places: &Places, args: &[&str], runner_args: &[OsString]) -> Command {
    let mut command = process::command("npm", &places.root);
    command.args(args);
    if !runner_args.is_empty() {
        command.arg("--").args(runner_args);
    }
    command
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn described(part: Part, runner_args: &[&str]) -> Vec<String> {
        let nowhere = PathBuf::from("/nowhere");
        let places = Places { root: nowhere.clone(), target: nowhere.clone(), cache: nowhere };
        let runner_args: Vec<OsString> = runner_args.iter().map(OsString::from).collect();
        part_commands(part, &places, &runner_args)
            .iter()
            .map(|(_, command)| process::describe(command))
            .collect()
    }

    #[test]
    fn the_runners_get_the_arguments_after_the_dashes() {
        assert_eq!(described(Part::Rust, &[]), ["cargo test --workspace"]);
        assert_eq!(
            described(Part::Rust, &["cancel", "--", "--nocapture"]),
            ["cargo test --workspace cancel -- --nocapture"]
        );
        assert_eq!(
            described(Part::Browser, &["--grep", "worker dies"]),
            ["npm test --workspace tests/browser -- --grep 'worker dies'"]
        );
    }

    #[test]
    fn a_named_package_replaces_the_workspace() {
        assert_eq!(described(Part::Rust, &["-p", "millhand-core"]), ["cargo test -p millhand-core"]);
        assert_eq!(described(Part::Rust, &["name", "--", "-p"]), ["cargo test --workspace name -- -p"]);
    }
}
