//! The bridge's process: started, fed, heard, ended, and started again when it dies.

use std::collections::VecDeque;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader, BufWriter};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::python::{self, PreparedPython};
use super::{BridgeNews, BridgeOrder, BridgeSettings, EngineNetwork, Outbound, wire};
use crate::failure::{Failure, FailureCode, with_causes};
use crate::protocol::{EngineNews, EngineState};

/// The pause before the bridge is started again, and the longest: it doubles with each failure in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A bridge that lived as long was a good one.
const GOOD_LIFE: Duration = Duration::from_secs(60);
/// How long the bridge may take to end what it started.
const END_WITHIN: Duration = Duration::from_secs(10);
const BRIDGE: [&str; 3] = ["-u", "-m", "millhand_ray"];
/// How much of what it wrote to its standard error is kept, to say why it died.
const LAST_LINES: usize = 12;

/// Runs the bridge until `ended` is dropped or sent.
pub(super) async fn keep_running(
    settings: BridgeSettings,
    tell: impl Fn(BridgeNews) + Send + Sync,
    mut ended: oneshot::Receiver<()>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started_at = Instant::now();
        match run(&settings, &tell, &mut ended).await {
            Life::EndedByUs => return,
            Life::Failed(failure) => {
                tracing::warn!("gateway: {}", failure.message);
                if let Some(hint) = &failure.hint {
                    tracing::warn!("gateway: hint: {hint}");
                }
                tell(BridgeNews::Ended { why: failure.message.clone() });
                tell(down(failure));
            }
            Life::Died(why) => {
                tracing::warn!("gateway: {why}; it is started again");
                tell(BridgeNews::Ended { why });
            }
        }
        pause = if started_at.elapsed() > GOOD_LIFE { FIRST_PAUSE } else { pause };
        tokio::select! {
            _ = &mut ended => return,
            () = sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// How a bridge's life went.
enum Life {
    /// It was told to end.
    EndedByUs,
    /// It never had an engine, or said that it has none any more.
    Failed(Failure),
    /// It had an engine, and died.
    Died(String),
}

async fn run(
    settings: &BridgeSettings,
    tell: &(impl Fn(BridgeNews) + Send + Sync),
    ended: &mut oneshot::Receiver<()>,
) -> Life {
    let prepared = tokio::select! {
        prepared = python::prepare(&settings.python, &settings.folder) => prepared,
        _ = &mut *ended => return Life::EndedByUs,
    };
    let started = match prepared {
        Ok(python) => start(settings, &python).await,
        Err(error) => {
            let failure = Failure::new(FailureCode::EngineDown, with_causes(&error));
            return Life::Failed(failure.with_hint(error.hint()));
        }
    };
    let (mut child, stdin, stdout, last_lines) = match started {
        Ok(started) => started,
        Err(error) => {
            let message = format!("the bridge to the engine cannot be started: {error}");
            return Life::Failed(Failure::new(FailureCode::EngineDown, message));
        }
    };
    let (orders, received_orders) = mpsc::unbounded_channel();
    tell(BridgeNews::Started { orders: Outbound(orders) });
    let mut was_up = false;
    let heard = {
        let hearing = hear(stdout, |news| {
            was_up |= matches!(&news, BridgeNews::Engine { news, .. } if news.state == EngineState::Up);
            tell(news);
        });
        tokio::select! {
            heard = hearing => Some(heard),
            () = feed(stdin, received_orders) => None,
            _ = &mut *ended => {
                // Its standard input is closed with `feed`: it ends what it started, and itself.
                end(&mut child).await;
                return Life::EndedByUs;
            }
        }
    };
    let failure = heard.and_then(Heard::failure);
    end(&mut child).await;
    let status =
        child.try_wait().ok().flatten().map_or_else(|| "killed".to_owned(), |status| status.to_string());
    match failure {
        Some(failure) => Life::Failed(failure),
        None if was_up => Life::Died(format!("the bridge to the engine died ({status})")),
        None => {
            let lines = last_lines.lock().unwrap_or_else(PoisonError::into_inner);
            let said = lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
            let message = format!("the bridge to the engine ended before it had one ({status}): {said}");
            Life::Failed(Failure::new(FailureCode::EngineDown, message))
        }
    }
}

type LastLines = Arc<Mutex<VecDeque<String>>>;

async fn start(
    settings: &BridgeSettings,
    python: &PreparedPython,
) -> io::Result<(Child, ChildStdin, ChildStdout, LastLines)> {
    let mut command = command(settings, python).await;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(io::Error::other("a pipe is missing"));
    };
    let last_lines = LastLines::default();
    tokio::spawn(log(stderr, Arc::clone(&last_lines)));
    Ok((child, stdin, stdout, last_lines))
}

/// The bridge's command, in a network of its own if it is to have one.
pub(super) async fn command(settings: &BridgeSettings, python: &PreparedPython) -> Command {
    let engine = settings.engine.resolve();
    let is_isolated = settings.network == EngineNetwork::Isolated && engine.is_own();
    let way = if is_isolated { isolation().await } else { None };
    if is_isolated && way.is_none() {
        tracing::warn!(
            "gateway: this system gives Ray no network of its own: its services listen on all of this machine's addresses, \
             and ask for a token"
        );
    }
    let mut command = match way {
        Some(arguments) => {
            let mut command = Command::new("unshare");
            command.args(arguments).arg("--").arg(&python.interpreter).args(BRIDGE).arg("--isolated");
            command
        }
        None => {
            let mut command = Command::new(&python.interpreter);
            command.args(BRIDGE);
            command
        }
    };
    #[cfg(unix)]
    // Ctrl-C at the terminal is for the server, which then ends the bridge.
    command.process_group(0);
    command
        .args(["--engine", &engine.to_string()])
        .env("PYTHONPATH", &python.package_path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true);
    command
}

/// The arguments of `unshare` with which a process gets a network of its own, if the system allows that to this user.
pub(super) async fn isolation() -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [&["--net"], &["--user", "--map-root-user", "--net"]];
    for way in WAYS {
        let mut attempt = Command::new("unshare");
        attempt
            .args(way)
            .args(["--", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if attempt.status().await.is_ok_and(|status| status.success()) {
            return Some(way);
        }
    }
    None
}

/// Logs what the bridge writes to its standard error: warnings as such, the rest only if asked for.
async fn log(from: impl AsyncRead + Unpin, last_lines: LastLines) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.strip_prefix("WARNING ") {
            Some(warning) => tracing::warn!("bridge: {warning}"),
            None => tracing::debug!("bridge: {line}"),
        }
        let mut last = last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
}

/// Writes orders until there is nobody who gives any, or nobody who takes them.
async fn feed(stdin: ChildStdin, mut orders: mpsc::UnboundedReceiver<BridgeOrder>) {
    let mut stdin = BufWriter::with_capacity(256 * 1024, stdin);
    while let Some(order) = orders.recv().await {
        if wire::write(&mut stdin, &order).await.is_err() {
            return;
        }
        drop(order);
        if orders.is_empty() && stdin.flush().await.is_err() {
            return;
        }
    }
}

/// How hearing came to its end.
enum Heard {
    /// The bridge closed its output.
    End,
    /// It said that there is no engine.
    Down(Failure),
    /// What it said is none of its frames.
    Malformed(io::Error),
}

impl Heard {
    fn failure(self) -> Option<Failure> {
        match self {
            Self::End => None,
            Self::Down(failure) => Some(failure),
            Self::Malformed(error) => Some(Failure::new(
                FailureCode::EngineDown,
                format!("the bridge does not keep to its protocol: {error}"),
            )),
        }
    }
}

async fn hear(stdout: ChildStdout, mut tell: impl FnMut(BridgeNews)) -> Heard {
    let mut stdout = BufReader::with_capacity(256 * 1024, stdout);
    loop {
        match wire::read(&mut stdout).await {
            Ok(Some(BridgeNews::Engine { news: EngineNews { state: EngineState::Down, failure, .. } })) => {
                let unknown = || Failure::new(FailureCode::EngineDown, "the bridge has no engine");
                return Heard::Down(failure.unwrap_or_else(unknown));
            }
            Ok(Some(news)) => tell(news),
            Ok(None) => return Heard::End,
            Err(error) => return Heard::Malformed(error),
        }
    }
}

/// Waits for the bridge's end, whose input is closed, and kills it if it takes too long.
async fn end(child: &mut Child) {
    if timeout(END_WITHIN, child.wait()).await.is_err() {
        // It may have ended just now.
        _ = child.kill().await;
    }
}

fn down(failure: Failure) -> BridgeNews {
    BridgeNews::Engine { news: EngineNews::of(EngineState::Down, String::new(), Some(failure)) }
}
