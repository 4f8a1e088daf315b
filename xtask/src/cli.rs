//! The command line: what can be asked for, and the help.

use std::ffi::OsString;

use anyhow::{Result, bail};
use lexopt::{Arg, Parser};

use crate::test::Part;

/// One call of `cargo xtask`, understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help(Topic),
    Setup,
    Build,
    Demo { open: bool },
    Test { parts: Vec<Part>, runner_args: Vec<OsString> },
    Bench { quick: bool, names: Vec<String> },
    Sizes { update: bool },
    Tidy { fix: bool },
    Ci,
}

/// What help is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    All,
    Setup,
    Build,
    Demo,
    Test,
    Bench,
    Sizes,
    Tidy,
    Ci,
}

impl Topic {
    const COMMANDS: [(&'static str, Self); 8] = [
        ("setup", Self::Setup),
        ("build", Self::Build),
        ("demo", Self::Demo),
        ("test", Self::Test),
        ("bench", Self::Bench),
        ("sizes", Self::Sizes),
        ("tidy", Self::Tidy),
        ("ci", Self::Ci),
    ];

    fn of(name: &str) -> Result<Self> {
        let found = Self::COMMANDS.iter().find(|(command, _)| *command == name);
        let Some((_, topic)) = found else {
            let names: Vec<_> = Self::COMMANDS.iter().map(|(command, _)| *command).collect();
            bail!("there is no command `{name}`; the commands are {}", names.join(", "));
        };
        Ok(*topic)
    }
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command> {
    let (own, runner) = split_at_double_dash(args);
    let mut parser = Parser::from_args(own);
    let topic = match parser.next()? {
        None | Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Help(Topic::All)),
        Some(Arg::Value(name)) if name == "help" => return parse_help(&mut parser),
        Some(Arg::Value(name)) => Topic::of(&name.to_string_lossy())?,
        Some(other) => return Err(other.unexpected().into()),
    };
    if runner.is_some() && topic != Topic::Test {
        bail!("only `test` takes arguments after `--`");
    }

    let (mut open, mut fix, mut quick, mut update) = (false, false, false, false);
    let (mut parts, mut names) = (Vec::new(), Vec::new());
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help(topic)),
            Arg::Long("open") if topic == Topic::Demo => open = true,
            Arg::Long("fix") if topic == Topic::Tidy => fix = true,
            Arg::Long("update") if topic == Topic::Sizes => update = true,
            Arg::Long("quick") if topic == Topic::Bench => quick = true,
            Arg::Value(name) if topic == Topic::Bench => names.push(name.to_string_lossy().into_owned()),
            Arg::Value(name) if topic == Topic::Test => {
                let part = Part::of(&name.to_string_lossy())?;
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(match topic {
        Topic::All => Command::Help(Topic::All),
        Topic::Setup => Command::Setup,
        Topic::Build => Command::Build,
        Topic::Demo => Command::Demo { open },
        Topic::Test => test_command(parts, runner)?,
        Topic::Bench => Command::Bench { quick, names },
        Topic::Sizes => Command::Sizes { update },
        Topic::Tidy => Command::Tidy { fix },
        Topic::Ci => Command::Ci,
    })
}

fn parse_help(parser: &mut Parser) -> Result<Command> {
    match parser.next()? {
        None => Ok(Command::Help(Topic::All)),
        Some(Arg::Value(name)) => Ok(Command::Help(Topic::of(&name.to_string_lossy())?)),
        Some(other) => Err(other.unexpected().into()),
    }
}

fn test_command(mut parts: Vec<Part>, runner: Option<Vec<OsString>>) -> Result<Command> {
    let runner_args = runner.unwrap_or_default();
    if !runner_args.is_empty() && parts.len() != 1 {
        bail!("arguments after `--` need exactly one part, as in `cargo xtask test rust -- some_test`");
    }
    if parts.is_empty() {
        parts = Part::ALL.to_vec();
    }
    Ok(Command::Test { parts, runner_args })
}

/// Everything after the first `--` belongs to a part's runner.
fn split_at_double_dash(args: impl IntoIterator<Item = OsString>) -> (Vec<OsString>, Option<Vec<OsString>>) {
    let mut args = args.into_iter();
    let own: Vec<_> = args.by_ref().take_while(|arg| arg != "--").collect();
    let rest: Vec<_> = args.collect();
    (own, (!rest.is_empty()).then_some(rest))
}

/// The help about a topic.
pub(crate) fn help(topic: Topic) -> &'static str {
    match topic {
        Topic::All => HELP,
        Topic::Setup => SETUP,
        Topic::Build => BUILD,
        Topic::Demo => DEMO,
        Topic::Test => TEST,
        Topic::Bench => BENCH,
        Topic::Sizes => SIZES,
        Topic::Tidy => TIDY,
        Topic::Ci => CI,
    }
}

const HELP: &str = "\
The chores of this repository.

Usage: cargo xtask COMMAND [OPTIONS]

  setup           install what is missing: wasm target, npm packages, a browser, Python for pages
  build           build the wasm host, the npm package and the `millhand` program
  demo            run the tutorial's job in a real headless browser
  test [PART…]    run the tests: rust, types, node, ray, browser
  bench [NAME…]   measure, side by side with others
  sizes           compare what a page downloads with js/sizes.json
  tidy            check format, lints and the repository's own rules
  ci              everything that must pass before a change lands: tidy and test

Every command does the commands it depends on, and does only what is missing. Once `setup` has passed, all of them
work without a network.

Environment:
  CHROME               the browser to use, as a path
  CARGO_TARGET_DIR     where cargo builds
  MILLHAND_CACHE_DIR   where downloads are kept (default: the user's cache folder, `millhand` in it)

`cargo xtask COMMAND --help` tells more.";

const SETUP: &str = "\
Install what is missing, and build.

Usage: cargo xtask setup

  1. Rust for wasm32-unknown-unknown: by rustup, or Debian's packages where rustup cannot download
  2. the crates of Cargo.lock, for this machine and for wasm
  3. the npm packages of package-lock.json
  4. a browser: $CHROME, one that is installed, Playwright's Chromium, or Debian's package
  5. `cargo xtask build`
  6. the Pyodide runtime and NumPy, and the npm packages of the test pages, in millhand's cache
  7. Ray and what tests it, in a Python environment in millhand's cache

Afterwards all commands work without a network. Running it again is cheap.

Examples:
  cargo xtask setup
  CHROME=/opt/chromium/chrome cargo xtask setup";

const BUILD: &str = "\
Build everything that a user installs.

Usage: cargo xtask build

  js/dist/host        the wasm host and its JavaScript glue
  js/dist/…           the npm package, for the server and for bundlers
  target/debug        the `millhand` program

Examples:
  cargo xtask build
  cargo xtask build && target/debug/millhand serve examples";

const DEMO: &str = "\
Run the tutorial's job, 1,000 NumPy tasks in a pool of 1 to 10 workers, in a real headless browser.

Usage: cargo xtask demo [--open]

  --open    serve the page and print its address instead; Ctrl-C ends it

The last line of standard output is
`demo: tasks=… failed=… workers=… pi=… seconds=… tasks_per_s=…`; the exit code is 0 if nothing failed.

Examples:
  cargo xtask demo
  cargo xtask demo --open";

const TEST: &str = "\
Run the tests, and a summary. All the chosen parts run, even after a failure.

Usage: cargo xtask test [PART…] [-- ARGS…]

  rust       unit, scenario, simulation and documentation tests of the crates
  types      the TypeScript compiler over the npm package and the browser tests
  node       node:test, pools in Node and the packed npm package
  ray        remote workers: the Python package, and a server with a real Ray, in a network of its own
  browser    Playwright in a real browser, against the built server

ARGS go to the runner of the one chosen part.

Examples:
  cargo xtask test
  cargo xtask test rust types
  cargo xtask test rust -- -p millhand-core cancel
  cargo xtask test browser -- --grep 'dies'";

const BENCH: &str = "\
Measure, side by side with others, and write the results to bench/results.

Usage: cargo xtask bench [--quick] [NAME…]

  --quick    fewer and shorter runs: to see that it works, not to quote
  NAME       only these benchmarks: the files in bench/benches

The program is built for release. Some benchmarks download packages.

Examples:
  cargo xtask bench
  cargo xtask bench --quick packages";

const SIZES: &str = "\
Build, and compare what a page downloads with js/sizes.json; `cargo xtask test types` does so, too.

Usage: cargo xtask sizes [--update]

  --update    write the file instead

Examples:
  cargo xtask sizes
  cargo xtask sizes --update";

const TIDY: &str = "\
Check format, lints and the repository's own rules.

Usage: cargo xtask tidy [--fix]

  --fix    format the Rust code instead of checking its format

Each finding names the file and the line, and what to do.

Examples:
  cargo xtask tidy
  cargo xtask tidy --fix";

const CI: &str = "\
Everything that must pass before a change lands: set-up, build, tidy and test, with one summary.

Usage: cargo xtask ci

Example:
  cargo xtask ci";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn nothing_and_help_show_the_overview() {
        for line in ["", "--help", "-h", "help"] {
            assert_eq!(parse_line(line).unwrap(), Command::Help(Topic::All), "{line:?}");
        }
    }

    #[test]
    fn every_command_has_help_that_shows_its_use() {
        for (name, topic) in Topic::COMMANDS {
            assert_eq!(parse_line(&format!("{name} --help")).unwrap(), Command::Help(topic));
            assert_eq!(parse_line(&format!("help {name}")).unwrap(), Command::Help(topic));
            assert!(help(topic).contains(&format!("Usage: cargo xtask {name}")), "{name}");
            assert!(help(topic).contains("Example"), "{name}");
            assert!(HELP.contains(&format!("\n  {name}")), "{name}");
        }
    }

    #[test]
    fn options_belong_to_their_command() {
        assert_eq!(parse_line("demo --open").unwrap(), Command::Demo { open: true });
        assert_eq!(parse_line("sizes --update").unwrap(), Command::Sizes { update: true });
        assert_eq!(parse_line("tidy --fix").unwrap(), Command::Tidy { fix: true });
        assert!(parse_line("setup --open").is_err());
        assert!(parse_line("demo --fix").is_err());
        let names = vec!["packages".to_owned()];
        assert_eq!(parse_line("bench --quick packages").unwrap(), Command::Bench { quick: true, names });
        assert!(parse_line("build everything").is_err());
    }

    #[test]
    fn test_without_filters_runs_every_part() {
        let expected = Command::Test { parts: Part::ALL.to_vec(), runner_args: vec![] };
        assert_eq!(parse_line("test").unwrap(), expected);
    }

    #[test]
    fn what_follows_the_dashes_goes_to_the_runner() {
        let expected = Command::Test {
            parts: vec![Part::Rust],
            runner_args: vec!["-p".into(), "xtask".into(), "--help".into()],
        };
        assert_eq!(parse_line("test rust -- -p xtask --help").unwrap(), expected);
        assert!(parse_line("test -- --help").is_err());
        assert!(parse_line("build -- --release").is_err());
    }

    #[test]
    fn unknown_names_are_answered_with_the_known_ones() {
        let error = parse_line("deploy").unwrap_err().to_string();
        assert!(error.contains("`deploy`") && error.contains("setup, build, demo"), "{error}");
        let error = parse_line("test unit").unwrap_err().to_string();
        assert!(error.contains("`unit`") && error.contains("rust, types, node, ray, browser"), "{error}");
    }
}
