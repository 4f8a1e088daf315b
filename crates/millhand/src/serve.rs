//! The server on a socket: bind, run, and end in time.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long answers that are under way may take after the server was told to end. Then they are cut off, as is
/// a download that one of them waits for.
const GRACE: Duration = Duration::from_secs(1);

/// A socket of this machine's own; port 0 picks a free one.
///
/// # Errors
///
/// When the port is taken or forbidden.
pub async fn bind(port: u16) -> Result<TcpListener, BindError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::PortInUse { port },
        _ => BindError::Failed { port, source },
    })
}

/// Serves `app` until `told_to_end` is done.
///
/// # Errors
///
/// When the socket fails.
pub async fn run(
    listener: TcpListener,
    app: Router,
    told_to_end: impl Future<Output = ()>,
) -> io::Result<()> {
    let (end, ended) = oneshot::channel();
    // Head and body of an answer are written one after the other: without this, the body of each would wait for the other
    // side to acknowledge the head, 40 ms and more.
    let listener = listener.tap_io(|connection| _ = connection.set_nodelay(true));
    let serving = axum::serve(listener, app).with_graceful_shutdown(async {
        _ = ended.await;
    });
    let ending = async {
        told_to_end.await;
        _ = end.send(());
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = serving.into_future() => result,
        () = ending => Ok(()),
    }
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Someone has it.
    #[error("port {port} is in use")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The operating system says no.
    #[error("cannot listen on port {port}")]
    Failed {
        /// The port.
        port: u16,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl BindError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some("choose another with `--port`, or let `--port 0` pick a free one".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_in_use_is_named() {
        let first = bind(0).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let error = bind(port).await.unwrap_err();
        assert_eq!(error.to_string(), format!("port {port} is in use"));
    }

    #[tokio::test]
    async fn the_server_ends_when_told_to() {
        let listener = bind(0).await.unwrap();
        run(listener, Router::new(), async {}).await.unwrap();
    }
}
