//! The user's own resolver: `uv` where it is on the path, else `pip`.
//!
//! Each is asked for the best pure wheel of some packages, without what they need, and answers with urls and hashes.
//! No shell is involved. Their configuration is the user's: indexes, proxies, certificates.

use std::collections::BTreeMap;
use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::solve::Want;
use crate::digest::Sha256;
use crate::pyodide::LockInfo;
use crate::specifier::PackageName;
use crate::wheel::WheelName;

const TIMEOUT: Duration = Duration::from_secs(180);
/// What a shim answers with that has no program behind it.
const COMMAND_NOT_FOUND: i32 = 127;
const MAX_STDERR_CHARS: usize = 2_000;
const MAX_CAUSE_WORDS: usize = 60;

/// Which index Python packages come from, beyond Pyodide's own.
#[derive(Clone, Debug, Default)]
pub enum PythonIndex {
    /// The one that the user's `uv` or `pip` is set up for.
    #[default]
    Configured,
    /// This one, whatever is set up.
    At(Url),
    /// None: only packages of Pyodide's lock and overlays are to be had.
    Off,
}

/// A wheel that the resolver chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(crate) name: WheelName,
    pub(crate) url: Url,
    pub(crate) sha256: Sha256,
}

/// Asks for the best pure wheel for each of `wants`.
///
/// # Errors
///
/// When there is no resolver, or it cannot say.
pub(crate) async fn pick(
    index: &PythonIndex,
    info: &LockInfo,
    wants: &[Want],
) -> Result<Vec<Pick>, ResolverError> {
    let query = Query { index, info, wants };
    for program in PROGRAMS {
        match query.put_to(program).await {
            Err(ResolverError::NotThere) => {}
            answered => return answered,
        }
    }
    Err(ResolverError::NotThere)
}

/// Resolvers, best first.
const PROGRAMS: [Program; 5] = [
    Program { kind: Kind::Uv, words: &["uv"] },
    Program { kind: Kind::Pip, words: &["pip"] },
    Program { kind: Kind::Pip, words: &["pip3"] },
    Program { kind: Kind::Pip, words: &["python3", "-m", "pip"] },
    Program { kind: Kind::Pip, words: &["python", "-m", "pip"] },
];

#[derive(Clone, Copy, Debug)]
struct Program {
    kind: Kind,
    words: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Uv,
    Pip,
}

struct Query<'a> {
    index: &'a PythonIndex,
    info: &'a LockInfo,
    wants: &'a [Want],
}

impl Query<'_> {
    async fn put_to(&self, program: Program) -> Result<Vec<Pick>, ResolverError> {
        let name = program.words.join(" ");
        // `pip` wants to know where it would install to; nothing is installed there.
        let nowhere =
            tempfile::tempdir().map_err(|source| ResolverError::Io { program: name.clone(), source })?;
        let mut command = Command::new(program.words[0]);
        command.args(&program.words[1..]);
        let input = match program.kind {
            Kind::Uv => self.uv(&mut command),
            Kind::Pip => self.pip(&mut command, nowhere.path()),
        };
        let output = run(command, &name, input).await?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(COMMAND_NOT_FOUND) || stderr.contains("No module named pip") {
            return Err(ResolverError::NotThere);
        }
        if !output.status.success() {
            return Err(match program.kind {
                Kind::Uv => self.refusal_of_uv(name, &stderr),
                Kind::Pip => self.refusal_of_pip(program, name, &stderr).await,
            });
        }
        let stdout = String::from_utf8_lossy(&output.stdout);
        let files = match program.kind {
            Kind::Uv => files_in_pylock(&stdout),
            Kind::Pip => files_in_report(&stdout),
        };
        let files = files.map_err(|message| ResolverError::Unreadable { program: name.clone(), message })?;
        self.wants.iter().map(|want| self.pick_for(want, &files, &name)).collect()
    }

    fn python(&self) -> String {
        self.info.python.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
    }

    /// `name>=2,<3,!=2.4`, a requirement each.
    fn requirements(&self) -> Vec<String> {
        let text = |want: &Want| {
            let mut clauses: Vec<String> =
                want.excluded.iter().map(|version| format!("!={version}")).collect();
            clauses.extend((!want.versions.is_any()).then(|| want.versions.to_string()));
            format!("{}{}", want.package, clauses.join(","))
        };
        self.wants.iter().map(text).collect()
    }

    fn uv(&self, command: &mut Command) -> String {
        let year = self.info.abi_version.split('_').next().unwrap_or_default();
        command.args([
            "pip",
            "compile",
            "-",
            "--no-deps",
            "--format",
            "pylock.toml",
            "--no-header",
            "--quiet",
        ]);
        // Any Python will do for it: nothing is built or run.
        command.args([
            "--no-python-downloads",
            "--no-progress",
            "--color",
            "never",
            "--only-binary",
            ":all:",
        ]);
        command.args(["--python-version", &self.python()]);
        command.args(["--python-platform", &format!("{}-pyodide{year}", self.info.arch)]);
        if let PythonIndex::At(url) = self.index {
            command.args(["--no-config", "--default-index", url.as_str()]);
        }
        self.requirements().join("\n")
    }

    fn pip(&self, command: &mut Command, target: &std::path::Path) -> String {
        command.args([
            "install",
            "--dry-run",
            "--ignore-installed",
            "--report",
            "-",
            "--quiet",
            "--no-input",
        ]);
        command.args(["--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]);
        command.args(["--implementation", "py", "--abi", "none", "--platform", "any"]);
        command.args(["--python-version", &self.python(), "--target"]).arg(target);
        if let PythonIndex::At(url) = self.index {
            command.args(["--isolated", "--index-url", url.as_str()]);
        }
        command.args(self.requirements());
        String::new()
    }

    fn pick_for(&self, want: &Want, files: &[File], program: &str) -> Result<Pick, ResolverError> {
        let found = files.iter().find_map(|file| {
            let url = Url::parse(&file.url).ok()?;
            let name: WheelName = file_name_of(&url)?.parse().ok()?;
            let fits = name.package() == want.package && name.is_pure() && name.runs_on(self.info);
            fits.then_some((name, url, file.sha256.as_deref()))
        });
        let Some((name, url, sha256)) = found else {
            return Err(ResolverError::Refused(Refusal {
                package: Some(want.package.clone()),
                is_known: true,
                pure_versions: Vec::new(),
                said: format!("`{program}` names no pure wheel of it"),
            }));
        };
        let sha256 = sha256.and_then(|text| text.parse().ok());
        let no_hash = || ResolverError::NoHash { program: program.to_owned(), file_name: name.to_string() };
        Ok(Pick { sha256: sha256.ok_or_else(no_hash)?, name, url })
    }

    /// `pip` names the requirement that it cannot meet, and the versions that have a pure wheel. When none has,
    /// it does not say whether there is such a package: it is asked once more.
    async fn refusal_of_pip(&self, program: Program, name: String, stderr: &str) -> ResolverError {
        const BEFORE: &str = "Could not find a version that satisfies the requirement ";
        let Some((requirement, rest)) =
            stderr.split_once(BEFORE).and_then(|(_, rest)| rest.split_once(" (from versions: "))
        else {
            return ResolverError::Failed { program: name, stderr: last_of(stderr) };
        };
        let listed = rest.split_once(')').map_or("none", |(versions, _)| versions);
        let pure_versions: Vec<String> = match listed {
            "none" => Vec::new(),
            versions => versions.split(", ").map(str::to_owned).collect(),
        };
        let package = self.want_in(requirement);
        let is_known = match &package {
            Some(package) if pure_versions.is_empty() => self.pip_knows(program, package).await,
            _ => true,
        };
        ResolverError::Refused(Refusal { package, is_known, pure_versions, said: String::new() })
    }

    async fn pip_knows(&self, program: Program, package: &PackageName) -> bool {
        let mut command = Command::new(program.words[0]);
        command.args(&program.words[1..]);
        command.args(["index", "versions", "--pre", "--no-input", "--disable-pip-version-check"]);
        // Else it looks for what runs on this machine's Python.
        command.args(["--python-version", &self.python()]);
        if let PythonIndex::At(url) = self.index {
            command.args(["--isolated", "--index-url", url.as_str()]);
        }
        command.arg(package.as_str());
        // When that cannot be said either, it is taken for known: the message stays true.
        run(command, "pip", String::new()).await.map_or(true, |output| {
            output.status.success()
                || !String::from_utf8_lossy(&output.stderr).contains("No matching distribution")
        })
    }

    fn refusal_of_uv(&self, program: String, stderr: &str) -> ResolverError {
        if !stderr.contains("No solution found") {
            return ResolverError::Failed { program, stderr: last_of(stderr) };
        }
        let package = stderr
            .split([' ', '`', '<', '>', '=', '!', '~', ',', '\n'])
            .find_map(|word| self.want_named(word));
        ResolverError::Refused(Refusal {
            package,
            is_known: !stderr.contains("was not found in the package registry"),
            pure_versions: Vec::new(),
            said: cause_in(stderr),
        })
    }

    fn want_in(&self, requirement: &str) -> Option<PackageName> {
        self.want_named(requirement.split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).next()?)
    }

    fn want_named(&self, name: &str) -> Option<PackageName> {
        let name = PackageName::normalised(name);
        self.wants.iter().find(|want| want.package == name).map(|want| want.package.clone())
    }
}

async fn run(mut command: Command, name: &str, input: String) -> Result<Output, ResolverError> {
    let failed = |source| ResolverError::Io { program: name.to_owned(), source };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ResolverError::NotThere),
        Err(source) => return Err(failed(source)),
    };
    let answered = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A program that ends without reading says why on its own.
            _ = stdin.write_all(input.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    match tokio::time::timeout(TIMEOUT, answered).await {
        Ok(output) => output.map_err(failed),
        Err(_) => Err(ResolverError::TimedOut { program: name.to_owned(), seconds: TIMEOUT.as_secs() }),
    }
}

/// A file as a resolver names it.
struct File {
    url: String,
    sha256: Option<String>,
}

fn files_in_report(json: &str) -> Result<Vec<File>, String> {
    #[derive(Deserialize)]
    struct Report {
        install: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        download_info: Download,
    }
    #[derive(Deserialize)]
    struct Download {
        url: String,
        archive_info: Option<Archive>,
    }
    #[derive(Deserialize)]
    struct Archive {
        hash: Option<String>,
        #[serde(default)]
        hashes: BTreeMap<String, String>,
    }
    let sha256_of = |mut archive: Archive| {
        let old_form = archive.hash.and_then(|hash| hash.strip_prefix("sha256=").map(str::to_owned));
        archive.hashes.remove("sha256").or(old_form)
    };
    let report: Report = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let file = |item: Item| {
        let Download { url, archive_info } = item.download_info;
        File { url, sha256: archive_info.and_then(sha256_of) }
    };
    Ok(report.install.into_iter().map(file).collect())
}

fn files_in_pylock(text: &str) -> Result<Vec<File>, String> {
    #[derive(Deserialize)]
    struct Pylock {
        #[serde(default)]
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        #[serde(default)]
        wheels: Vec<Wheel>,
    }
    #[derive(Deserialize)]
    struct Wheel {
        url: Option<String>,
        #[serde(default)]
        hashes: BTreeMap<String, String>,
    }
    let pylock: Pylock = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let wheels = pylock.packages.into_iter().flat_map(|package| package.wheels);
    Ok(wheels
        .filter_map(|mut wheel| Some(File { url: wheel.url?, sha256: wheel.hashes.remove("sha256") }))
        .collect())
}

/// The last part of a url's path; `+` and `!` of versions may be escaped in it.
fn file_name_of(url: &Url) -> Option<String> {
    Some(url.path_segments()?.next_back()?.replace("%2B", "+").replace("%2b", "+").replace("%21", "!"))
}

/// The sentence in which `uv` says why, in one line.
fn cause_in(stderr: &str) -> String {
    let cause = stderr.split_once("cause: ").map_or(stderr, |(_, cause)| cause);
    let cause = cause.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = cause.split_whitespace().take(MAX_CAUSE_WORDS).collect();
    words.join(" ")
}

fn last_of(stderr: &str) -> String {
    let text = stderr.trim();
    text.char_indices().rev().nth(MAX_STDERR_CHARS).map_or(text, |(at, _)| &text[at..]).to_owned()
}

/// Why the user's resolver names no wheels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The package that cannot be had, where that is clear.
    pub(crate) package: Option<PackageName>,
    /// Whether the index has it at all.
    pub(crate) is_known: bool,
    /// Its versions that have a pure wheel, where they are known.
    pub(crate) pure_versions: Vec<String>,
    /// The resolver's own words, where they say more.
    pub(crate) said: String,
}

/// Why the user's resolver is of no help.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// Neither `uv` nor `pip` is there.
    #[error("neither `uv` nor `pip` is there to ask")]
    NotThere,
    /// It cannot be run.
    #[error("cannot run `{program}`")]
    Io {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It does not come to an end.
    #[error("`{program}` did not answer within {seconds} seconds")]
    TimedOut {
        /// The program.
        program: String,
        /// The bound.
        seconds: u64,
    },
    /// It failed: the network, its configuration, or its version.
    #[error("`{program}` failed: {stderr}")]
    Failed {
        /// The program.
        program: String,
        /// The last of what it said.
        stderr: String,
    },
    /// It has an answer that is none.
    #[error("what `{program}` answers cannot be read: {message}")]
    Unreadable {
        /// The program.
        program: String,
        /// Why.
        message: String,
    },
    /// There is nothing to check a wheel against.
    #[error("`{program}` gives no sha256 for `{file_name}`")]
    NoHash {
        /// The program.
        program: String,
        /// The wheel.
        file_name: String,
    },
    /// A package cannot be had.
    #[error("there is no such wheel")]
    #[expect(private_interfaces, reason = "it is told as a `PypiError`, and never reaches a caller as it is")]
    Refused(Refusal),
}

impl ResolverError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotThere => "python-resolver-missing",
            Self::Io { .. } | Self::Failed { .. } | Self::Unreadable { .. } | Self::Refused(_) => {
                "python-resolver-failed"
            }
            Self::TimedOut { .. } => "python-resolver-timed-out",
            Self::NoHash { .. } => "python-hash-missing",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotThere => Some(
                "put `uv` or `pip` (23 or later) on the path: they find packages beyond Pyodide's own"
                    .to_owned(),
            ),
            Self::Io { .. } | Self::TimedOut { .. } | Self::Failed { .. } | Self::Unreadable { .. } => Some(
                "try the same package with `uv pip compile` or `pip download`; `pip` has to be 23 or later"
                    .to_owned(),
            ),
            Self::NoHash { .. } => {
                Some("use an index that gives hashes, or give the wheel with `--overlay`".to_owned())
            }
            Self::Refused(_) => None,
        }
    }
}
