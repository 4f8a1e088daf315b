//! Ctrl-C and termination: children end first, then this program, by the ordinary way of an error.
//!
//! A terminal sends Ctrl-C to this program and its children alike, so most of the time the children are gone before
//! anything is done here. Those that are not, because the signal was sent to this program alone, are told.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// How long children may take to end by themselves before they are told.
const GRACE: Duration = Duration::from_secs(1);

static REQUESTS: AtomicU32 = AtomicU32::new(0);
static CHILDREN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Begins to listen. Called once, before any child is started.
pub(crate) fn install() -> Result<()> {
    ctrlc::set_handler(on_signal).context("cannot listen for Ctrl-C")
}

/// Whether the user, or a supervisor, wants this program to end.
pub(crate) fn requested() -> bool {
    REQUESTS.load(Ordering::SeqCst) > 0
}

/// Enters a child in the list of those to be told, until the answer is dropped.
pub(crate) fn register(child: u32) -> Registration {
    lock().insert(child);
    Registration { child }
}

/// A child's place in the list.
#[derive(Debug)]
pub(crate) struct Registration {
    child: u32,
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock().remove(&self.child);
    }
}

/// Asks a process to end: as a supervisor would where the system can, at once where it cannot.
pub(crate) fn terminate(process: u32) {
    signal(process, "-TERM");
}

/// Runs on a thread of its own. The first request is polite, the second is not.
fn on_signal() {
    let first = REQUESTS.fetch_add(1, Ordering::SeqCst) == 0;
    if first {
        thread::sleep(GRACE);
    }
    let children: Vec<u32> = lock().iter().copied().collect();
    for child in children {
        signal(child, if first { "-TERM" } else { "-KILL" });
    }
}

fn signal(process: u32, signal: &str) {
    let process = process.to_string();
    let mut command = if cfg!(windows) {
        let mut command = Command::new("taskkill");
        command.args(["/F", "/T", "/PID", &process]);
        command
    } else {
        let mut command = Command::new("kill");
        command.args([signal, &process]);
        command
    };
    // A process that has just ended by itself cannot be signalled, and that is as good.
    drop(command.output());
}

fn lock() -> std::sync::MutexGuard<'static, BTreeSet<u32>> {
    CHILDREN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
