//! When to end: Ctrl-C, and what a system sends to a service.

use std::io;

use anyhow::Context as _;

/// Done when the process is told to end. It listens from the call on, not from the first poll.
pub(crate) fn told_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    listen().context("cannot listen for signals")
}

#[cfg(unix)]
fn listen() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(windows)]
fn listen() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
