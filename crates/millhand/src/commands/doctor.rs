//! `millhand doctor`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use millhand_gateway::bridge::{Finding, Outcome, examine};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::cli::DoctorArgs;
use crate::commands::engine::bridge_settings;
use crate::output;

/// The oldest Node that `import { WorkersPool } from 'millhand'` runs on.
const OLDEST_NODE: u32 = 20;
/// How long a page may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The longest head of an answer.
const LONGEST_HEAD_BYTES: u64 = 64 * 1024;
/// Headers that isolate a page, and the values that do.
const ISOLATION: [(&str, &[&str]); 2] = [
    ("cross-origin-opener-policy", &["same-origin"]),
    ("cross-origin-embedder-policy", &["credentialless", "require-corp"]),
];

/// Prints a line for each thing; fails if one is broken.
pub(crate) async fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let mut is_well = true;
    for Finding { subject, outcome } in findings(args).await? {
        let line = match outcome {
            Outcome::Good(what) => format!("ok    {subject:<8} {what}"),
            Outcome::Note(what) => format!("note  {subject:<8} {what}"),
            Outcome::Bad { what, remedy } => {
                is_well = false;
                format!("BAD   {subject:<8} {what}\n               {remedy}")
            }
        };
        output::line(&line)?;
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn findings(args: DoctorArgs) -> anyhow::Result<Vec<Finding>> {
    let cache = args.cache.dir()?;
    let folder = cache.join("ray");
    let mut findings = vec![
        Finding { subject: "cache", outcome: look_at_cache(&cache) },
        Finding { subject: "node", outcome: look_at_node().await },
    ];
    if let Some(url) = &args.url {
        findings.push(Finding { subject: "page", outcome: look_at_page(url).await });
    }
    if let Some(engine) = args.engine.engine.clone() {
        if args.engine.engine_token.is_none() {
            findings.push(Finding { subject: "token", outcome: look_at_token(&folder.join("token")) });
        }
        findings.extend(examine(&bridge_settings(&args.engine, engine, folder, true)).await);
    }
    Ok(findings)
}

fn look_at_cache(cache: &Path) -> Outcome {
    let probe = || -> io::Result<()> {
        fs::create_dir_all(cache)?;
        tempfile::NamedTempFile::new_in(cache)?.close()
    };
    match probe() {
        Ok(()) => Outcome::Good(format!("`{}` can be written", cache.display())),
        Err(error) => Outcome::Bad {
            what: format!("`{}` cannot be written: {error}", cache.display()),
            remedy: "choose another with `--cache-dir` or `MILLHAND_CACHE_DIR`".to_owned(),
        },
    }
}

async fn look_at_node() -> Outcome {
    let output = Command::new("node").arg("--version").stdin(Stdio::null()).output().await;
    let Ok(output) = output else {
        return Outcome::Note("there is no `node` on the path: pages do not need it".to_owned());
    };
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if major.is_some_and(|major: u32| major >= OLDEST_NODE) {
        return Outcome::Good(version);
    }
    Outcome::Note(format!("`node` is {version}: pools in Node need {OLDEST_NODE} or newer, pages need none"))
}

/// The token's file is its user's alone.
fn look_at_token(path: &Path) -> Outcome {
    let path_shown = path.display();
    let Ok(metadata) = fs::metadata(path) else {
        return Outcome::Note(format!("`{path_shown}` comes with the first `millhand serve --engine`"));
    };
    if is_open_to_others(&metadata) {
        return Outcome::Bad {
            what: format!("others can read `{path_shown}`"),
            remedy: format!("do: rm {path_shown} (the server makes a new one)"),
        };
    }
    Outcome::Good(format!("in `{path_shown}`, for its user alone"))
}

#[cfg(unix)]
fn is_open_to_others(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
const fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

/// Whether a page is cross-origin isolated, which interrupts of Python and shared memory need.
async fn look_at_page(url: &str) -> Outcome {
    let head = match timeout(ANSWER_WITHIN, head_of(url)).await {
        Ok(Ok(head)) => head.to_ascii_lowercase(),
        Ok(Err(error)) => return does_not_answer(format!("`{url}`: {error:#}")),
        Err(_) => {
            return does_not_answer(format!("`{url}` takes more than {} seconds", ANSWER_WITHIN.as_secs()));
        }
    };
    match ISOLATION.into_iter().find(|(name, values)| !has(&head, name, values)) {
        None => Outcome::Good(format!("`{url}` is cross-origin isolated")),
        Some((name, values)) => Outcome::Note(format!(
            "`{url}` has no `{name}: {}`: Python that runs cannot be interrupted in its pages",
            values[0]
        )),
    }
}

fn does_not_answer(what: String) -> Outcome {
    Outcome::Bad { what, remedy: "see that its server runs".to_owned() }
}

fn has(head: &str, name: &str, values: &[&str]) -> bool {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    headers.any(|(key, value)| key == name && values.contains(&value.trim()))
}

/// The head of the answer.
async fn head_of(url: &str) -> anyhow::Result<String> {
    let rest = url.strip_prefix("http://").context("only `http://` is looked at")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut stream = TcpStream::connect(&address).await?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST_HEAD_BYTES).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.split("\r\n\r\n").next().unwrap_or_default().to_owned())
}
