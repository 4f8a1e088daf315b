//! The real binary: what it prints, and how it ends.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod engine;
mod images;
mod packages;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use millhand_fixture::{Answer, SIX_WHEEL, Sources, TARBALL, VERSION, wheel_content, wheel_path};

/// The binary with a home of its own, and without npm.
fn millhand(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millhand"));
    for name in [
        "npm_config_registry",
        "NPM_CONFIG_REGISTRY",
        "npm_config_userconfig",
        "NPM_CONFIG_USERCONFIG",
        "CHROME",
        "MILLHAND_BROWSER",
    ] {
        command.env_remove(name);
    }
    command.env("HOME", home).env("USERPROFILE", home).env("PATH", home);
    command.env("MILLHAND_CACHE_DIR", home.join("cache"));
    command
}

fn run(command: &mut Command) -> (Output, String, String) {
    let output = command.output().unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output, stdout, stderr)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A serving binary and its address.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on http://").and_then(|rest| rest.strip_suffix("/\n"));
        let address = address.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        Self { child, address }
    }

    /// Asks for an environment, and leaves the answer for whoever waits for it.
    fn ask(&self) -> TcpStream {
        let body = format!(r#"{{"pyodide": {{"version": "{VERSION}"}}}}"#);
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST /millhand/manifest HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        stream
    }

    /// The head of an answer, and what comes with it.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[cfg(unix)]
    fn end_with(mut self, signal: &str) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A test that failed before the end must not leave a server behind.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[cfg(unix)]
#[test]
fn both_signals_end_a_server_well() {
    let home = tempfile::tempdir().unwrap();
    for signal in ["-INT", "-TERM"] {
        let serving = Serving::start(millhand(home.path()).args(["serve", ".", "--port", "0"]));
        assert_eq!(serving.end_with(signal).code(), Some(0), "{signal}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_download_under_way_does_not_hold_up_the_end() {
    let home = tempfile::tempdir().unwrap();
    let sources = Sources::start().await;
    sources.answer(TARBALL, &[Answer::Silence]);
    let mut command = millhand(home.path());
    command.args(["serve", ".", "--port", "0"]).env("npm_config_registry", sources.registry());
    let serving = Serving::start(&mut command);
    let _waiting = serving.ask();
    asked_for_the_tarball(&sources).await;
    assert_eq!(serving.end_with("-TERM").code(), Some(0));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_fetch_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let sources = Sources::start().await;
    sources.answer(TARBALL, &[Answer::HalfThenSilence(vec![0; 1_000_000])]);
    let mut command = millhand(home.path());
    command.args(["fetch", "--pyodide", VERSION]).env("npm_config_registry", sources.registry());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    asked_for_the_tarball(&sources).await;
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(std::fs::read_dir(home.path().join("cache/v1/incoming")).unwrap().count(), 0);
}

/// `kill -9` in the middle of a wheel; the next run completes, and every file is what its name says.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_was_killed_is_completed_by_the_next_one() {
    let home = tempfile::tempdir().unwrap();
    let sources = Sources::start().await;
    let (path, content) = (wheel_path(SIX_WHEEL), wheel_content(SIX_WHEEL));
    sources.answer(&path, &[Answer::HalfThenSilence(content.clone()), Answer::Content(content)]);
    let fetch = || fetch_six(home.path(), &sources);
    let mut child = fetch().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let half_is_there = async {
        let incoming = home.path().join("cache/v1/incoming");
        let has_bytes = |file: std::fs::DirEntry| file.metadata().is_ok_and(|metadata| metadata.len() > 0);
        while !std::fs::read_dir(&incoming).is_ok_and(|files| files.flatten().any(has_bytes))
            || sources.hits(&path) == 0
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), half_is_there).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    let (output, _, stderr) = run(&mut fetch());
    assert!(output.status.success(), "{stderr}");
    let (output, stdout, _) = run(millhand(home.path()).args(["cache", "verify"]));
    assert!(output.status.success(), "{stdout}");
    assert!(stdout.starts_with("6 files, 0.1 MB in "), "{stdout}");
}

/// A file can be no larger than a kilobyte: to a program, that is a disk that fills up in the middle of a file.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_no_wrong_file() {
    let home = tempfile::tempdir().unwrap();
    let sources = Sources::start().await;
    let lock = {
        let mut lock = millhand_fixture::lock();
        let large = vec![7; 100_000];
        lock["packages"]["six"]["sha256"] = millhand_fixture::sha256_of(&large).into();
        sources.answer(&wheel_path(SIX_WHEEL), &[Answer::Content(large)]);
        lock
    };
    sources.publish(VERSION, &millhand_fixture::tarball(&lock));
    let fetch = fetch_six(home.path(), &sources);
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\""]).arg(fetch.get_program());
    limited.args(fetch.get_args());
    for (name, value) in fetch.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let (output, _, stderr) = run(&mut limited);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error: cannot download `six`: cannot write"), "{stderr}");
    assert!(stderr.contains("hint: free some space"), "{stderr}");
    assert_eq!(std::fs::read_dir(home.path().join("cache/v1/incoming")).unwrap().count(), 0);
    let (output, stdout, _) = run(millhand(home.path()).args(["cache", "verify"]));
    assert!(output.status.success(), "{stdout}");

    let (output, _, stderr) = run(&mut fetch_six(home.path(), &sources));
    assert!(output.status.success(), "{stderr}");
}

fn fetch_six(home: &Path, sources: &Sources) -> Command {
    let mut command = millhand(home);
    command.args(["fetch", "six", "--pyodide", VERSION, "--pyodide-cdn", &sources.cdn()]);
    command.env("npm_config_registry", sources.registry());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_is_looked_after() {
    let home = tempfile::tempdir().unwrap();
    let cache = home.path().join("cache");
    let of_cache = |args: &[&str]| run(millhand(home.path()).arg("cache").args(args));
    let (_, stdout, _) = of_cache(&["dir"]);
    assert_eq!(stdout, format!("{}\n", cache.display()));
    let (output, stdout, _) = of_cache(&["prune"]);
    assert_eq!(
        (output.status.code(), stdout),
        (Some(0), format!("there is no cache at `{}`\n", cache.display()))
    );

    let sources = Sources::start().await;
    assert!(fetch_six(home.path(), &sources).output().unwrap().status.success());
    let (_, stdout, _) = of_cache(&["prune", "--unused-for", "1"]);
    assert_eq!(stdout, "removed 0 files, 0.0 MB; 6 files stay, 0.1 MB\n");

    let sha256 = millhand_fixture::sha256_of(&wheel_content(SIX_WHEEL));
    let wheel = cache.join("v1/files").join(&sha256[..2]).join(&sha256);
    std::fs::write(&wheel, "evil").unwrap();
    let (output, stdout, _) = of_cache(&["verify"]);
    assert_eq!(output.status.code(), Some(1));
    let changed = format!(
        "changed: `{}` has the sha256 {}, it should be {sha256}",
        wheel.display(),
        millhand_fixture::sha256_of(b"evil")
    );
    assert!(stdout.contains(&changed), "{stdout}");
    let (output, stdout, _) = of_cache(&["verify", "--remove"]);
    assert!(output.status.success() && stdout.contains("1 removed"), "{stdout}");
    assert!(!wheel.exists());

    let (_, stdout, _) = of_cache(&["prune", "--all"]);
    assert!(stdout.starts_with("removed 5 files") && stdout.contains("0 files stay"), "{stdout}");
}

#[test]
fn a_server_warns_of_what_will_disappoint() {
    let home = tempfile::tempdir().unwrap();
    let site = home.path().join("site");
    std::fs::create_dir(&site).unwrap();
    let mut command = millhand(home.path());
    command.arg("serve").arg(&site).args(["--port", "0", "--offline"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    let stderr = text(&child.wait_with_output().unwrap().stderr);
    assert!(stderr.contains("has no `index.html`"), "{stderr}");
    assert!(stderr.contains("is empty and downloads are off: run `millhand fetch`"), "{stderr}");
}

#[cfg(unix)]
async fn asked_for_the_tarball(sources: &Sources) {
    let asked = async {
        while sources.hits(TARBALL) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked).await.unwrap();
}

#[test]
fn a_folder_that_is_none_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("page.html");
    std::fs::write(&file, "").unwrap();
    for path in [home.path().join("nowhere"), file] {
        let (output, stdout, stderr) = run(millhand(home.path()).arg("serve").arg(&path));
        assert_eq!((output.status.code(), stdout.as_str()), (Some(1), ""));
        assert!(stderr.contains(&format!("error: cannot serve `{}`", path.display())), "{stderr}");
        assert!(stderr.contains("hint: give a folder"), "{stderr}");
    }
}

#[test]
fn a_notebook_without_pages_is_refused_with_a_reason() {
    let home = tempfile::tempdir().unwrap();
    let empty = home.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let text = home.path().join("page.txt");
    std::fs::write(&text, "").unwrap();
    for (path, reason) in [
        (home.path().join("nowhere.md"), "cannot open"),
        (empty, "has no page"),
        (text, "is no Markdown page"),
    ] {
        let (output, stdout, stderr) = run(millhand(home.path()).arg("notebook").arg(&path));
        assert_eq!((output.status.code(), stdout.as_str()), (Some(1), ""));
        assert!(stderr.contains(reason) && stderr.contains(&path.display().to_string()), "{stderr}");
        assert!(stderr.contains("hint: give a Markdown file"), "{stderr}");
    }
}

#[test]
fn a_port_that_is_in_use_is_named_with_a_way_out() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (output, _, stderr) = run(millhand(home.path()).args(["serve", ".", "--port", &port]));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains(&format!("error: port {port} is in use\nhint: choose another")), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_says_what_came_from_where() {
    let home = tempfile::tempdir().unwrap();
    let sources = Sources::start().await;
    let overlay = home.path().join("my_tool-1.0-py3-none-any.whl");
    std::fs::write(&overlay, "mine").unwrap();
    let mut command = millhand(home.path());
    command.args([
        "fetch",
        "six",
        "my-tool",
        "--pyodide",
        VERSION,
        "--pyodide-cdn",
        &sources.cdn(),
        "--overlay",
    ]);
    command.arg(&overlay).env("npm_config_registry", sources.registry());

    let (output, stdout, stderr) = run(&mut command);
    assert!(output.status.success(), "{stderr}");
    let lines: Vec<Vec<&str>> = stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["pyodide", VERSION, "10", "bytes", "download", "pyodide.mjs"]);
    let bytes = wheel_content(SIX_WHEEL).len().to_string();
    assert_eq!(lines[4], ["six", "1.16.0", &bytes, "bytes", "download", SIX_WHEEL]);
    assert_eq!(lines[5], ["my-tool", "1.0", "4", "bytes", "overlay", "my_tool-1.0-py3-none-any.whl"]);
    assert!(stderr.contains("downloading"), "{stderr}");

    let (_, stdout, stderr) = run(&mut command);
    assert!(stdout.contains("cache") && !stdout.contains("download"), "{stdout}");
    assert_eq!(stderr, "");
}

#[test]
fn without_a_registry_the_user_is_told_how_to_name_one() {
    let home = tempfile::tempdir().unwrap();
    let (output, _, stderr) = run(millhand(home.path()).arg("fetch"));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("hint: set `npm_config_registry`"), "{stderr}");
}

#[test]
fn the_registry_of_the_users_npmrc_is_used() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".npmrc"), "registry=ftp://localhost/\n").unwrap();
    let (_, _, stderr) = run(millhand(home.path()).arg("fetch"));
    assert!(stderr.contains("`ftp://localhost/` is no http or https url"), "{stderr}");
}

#[test]
fn help_has_examples() {
    let home = tempfile::tempdir().unwrap();
    for command in ["notebook", "serve", "add", "lock", "outdated", "export", "fetch", "cache"] {
        let (_, stdout, _) = run(millhand(home.path()).args([command, "--help"]));
        let example = format!("Examples:\n  millhand {command}");
        assert!(stdout.contains(&example), "{stdout}");
    }
    let (_, stdout, _) = run(millhand(home.path()).arg("--version"));
    assert_eq!(stdout, format!("millhand {}\n", env!("CARGO_PKG_VERSION")));
}
