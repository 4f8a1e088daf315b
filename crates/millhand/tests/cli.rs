//! The real binary: what it prints, and how it ends.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use millhand_fixture::{Answer, SIX_WHEEL, Sources, TARBALL, VERSION, wheel_content};

/// The binary with a home of its own, and without npm.
fn millhand(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millhand"));
    for name in
        ["npm_config_registry", "NPM_CONFIG_REGISTRY", "npm_config_userconfig", "NPM_CONFIG_USERCONFIG"]
    {
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
    for command in ["serve", "fetch"] {
        let (_, stdout, _) = run(millhand(home.path()).args([command, "--help"]));
        assert!(stdout.contains("Examples:"), "{stdout}");
    }
    let (_, stdout, _) = run(millhand(home.path()).arg("--version"));
    assert_eq!(stdout, format!("millhand {}\n", env!("CARGO_PKG_VERSION")));
}
