//! The demo: the tutorial's job in a real headless browser, against the built server.

use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::places::Places;
use crate::process::Running;
use crate::setup::{self, Ready};
use crate::{interrupt, process, say};

/// The folder of pages that the server shows.
const PAGES: &str = "examples";

/// The one with the tutorial's job.
const PAGE: &str = "pi/";

/// How long the server may take until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// `cargo xtask demo`.
pub(crate) fn command(places: &Places, open: bool) -> Result<ExitCode> {
    let ready = setup::everything(places)?;
    say::text(&format!("==> set-up and build took {}", say::seconds(ready.took)));
    let server = Server::start(places, &ready)?;
    if open { show(server) } else { run_in_browser(places, &ready, server) }
}

/// Serves until Ctrl-C.
fn show(mut server: Server) -> Result<ExitCode> {
    say::text(&format!("==> open {}{PAGE} in a browser; Ctrl-C ends the server", server.url));
    match server.process.wait() {
        Err(_) if interrupt::requested() => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
        Ok(status) => bail!("the server ended by itself: {status}"),
    }
}

/// Runs the job. The script's last line is the last one of this program too: nothing is printed after it.
fn run_in_browser(places: &Places, ready: &Ready, mut server: Server) -> Result<ExitCode> {
    say::text("==> the tutorial's job in a headless browser");
    let mut script = process::command("node", &places.root);
    script.arg("tests/browser/demo.mjs").arg(&server.url);
    ready.describe_to(&mut script, places);
    let ended = process::status(&mut script);
    server.process.stop();
    Ok(exit_code(ended?))
}

fn exit_code(status: ExitStatus) -> ExitCode {
    if status.success() {
        return ExitCode::SUCCESS;
    }
    // A script that a signal ended has no code of its own.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The server, listening; it ends with this value.
#[derive(Debug)]
struct Server {
    process: Running,
    url: String,
}

impl Server {
    fn start(places: &Places, ready: &Ready) -> Result<Self> {
        let step = say::Step::begin("server");
        let mut command = serve_command(places, ready);
        say::detail(&format!("$ {}", process::describe(&command)));
        let mut process = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let stdout = process.take_stdout().context("the server's output is not piped")?;
        let (sender, receiver) = channel();
        thread::spawn(move || follow(stdout, &sender));
        let url = wait_until_listening(&mut process, &receiver)?;
        step.done(&url);
        Ok(Self { process, url })
    }
}

fn serve_command(places: &Places, ready: &Ready) -> Command {
    let mut command = process::command(places.millhand(), &places.root);
    command.args(["serve", PAGES, "--port", "0", "--offline", "--lockfile"]).arg(places.demo_lockfile());
    ready.python.add_overlay_to(&mut command);
    command.env("MILLHAND_CACHE_DIR", &places.cache);
    command
}

/// Hands on the address when the server says it; everything else it writes goes to standard error.
fn follow(stdout: ChildStdout, listening: &Sender<String>) {
    for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
        match listening_url(&line) {
            // Nobody waits any more once the first address is there.
            Some(url) => drop(listening.send(url.to_owned())),
            None => say::note(&line),
        }
    }
}

fn wait_until_listening(process: &mut Running, listening: &Receiver<String>) -> Result<String> {
    let started = Instant::now();
    match listening.recv_timeout(START_TIMEOUT) {
        Ok(url) => Ok(url),
        Err(RecvTimeoutError::Timeout) => {
            bail!("the server did not say where it listens within {}", say::seconds(started.elapsed()))
        }
        Err(RecvTimeoutError::Disconnected) => {
            let status = process.wait()?;
            bail!("the server ended before it listened: {status}")
        }
    }
}

/// The address in the line by which a server says that it is ready.
fn listening_url(line: &str) -> Option<&str> {
    let url = line.trim_end().strip_prefix("listening on ")?;
    let rest = url.strip_prefix("http://")?;
    (rest.ends_with('/') && !rest.contains(char::is_whitespace)).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_servers_line() {
        assert_eq!(listening_url("listening on http://127.0.0.1:40123/"), Some("http://127.0.0.1:40123/"));
        assert_eq!(listening_url("listening on http://127.0.0.1:40123/\r"), Some("http://127.0.0.1:40123/"));
    }

    #[test]
    fn other_lines_are_no_address() {
        for line in
            ["", "listening", "listening on port 80", "now listening on http://127.0.0.1:1/", "listening on "]
        {
            assert_eq!(listening_url(line), None, "{line:?}");
        }
        assert_eq!(listening_url("listening on http://127.0.0.1:1/ and elsewhere/"), None);
    }
}
