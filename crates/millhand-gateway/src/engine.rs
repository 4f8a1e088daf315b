//! Which engine, as the user names it.

use std::fmt;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::str::FromStr;
use std::time::Duration;

/// How long a Ray of this machine may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// `ray://auto` or `ray://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineUrl {
    /// The Ray that runs on this machine, or a new one.
    Auto,
    /// The Ray whose head node is there.
    Ray {
        /// `host:port` of the head's GCS, as `ray start --address` has it.
        address: String,
    },
}

/// Why it names no engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineUrlError {
    /// Another scheme, or none.
    #[error("`{url}` is no engine: write `ray://auto` or `ray://host:port`")]
    Scheme {
        /// What was given.
        url: String,
    },
    /// No `host:port` after the scheme.
    #[error("`{url}` has no `host:port`: write it as in `ray://10.0.0.5:6379`, or `ray://auto`")]
    Address {
        /// What was given.
        url: String,
    },
}

impl EngineUrl {
    /// With `auto`, the Ray that runs on this machine, if there is one.
    #[must_use]
    pub fn resolve(&self) -> Self {
        match self {
            Self::Ray { .. } => self.clone(),
            Self::Auto => running().map_or(Self::Auto, |address| Self::Ray { address }),
        }
    }

    /// Whether it is one that the bridge starts for itself.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        matches!(self, Self::Auto)
    }
}

impl FromStr for EngineUrl {
    type Err = EngineUrlError;

    fn from_str(url: &str) -> Result<Self, EngineUrlError> {
        let address =
            url.strip_prefix("ray://").ok_or_else(|| EngineUrlError::Scheme { url: url.to_owned() })?;
        if address == "auto" {
            return Ok(Self::Auto);
        }
        if is_host_and_port(address) {
            return Ok(Self::Ray { address: address.to_owned() });
        }
        Err(EngineUrlError::Address { url: url.to_owned() })
    }
}

/// Where a Ray on this machine says that it is, if something answers there.
fn running() -> Option<String> {
    let noted = || std::fs::read_to_string(std::env::temp_dir().join("ray/ray_current_cluster")).ok();
    let address = std::env::var("RAY_ADDRESS").ok().or_else(noted)?.trim().to_owned();
    let socket = address.to_socket_addrs().ok()?.next()?;
    TcpStream::connect_timeout(&socket, ANSWERS_WITHIN).ok()?;
    Some(address)
}

fn is_host_and_port(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let characters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_host = !host.is_empty() && (is_bracketed || host.chars().all(characters));
    is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}

impl fmt::Display for EngineUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("ray://auto"),
            Self::Ray { address } => write!(formatter, "ray://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_read_and_shown() {
        for url in ["ray://auto", "ray://127.0.0.1:6379", "ray://[::1]:6379", "ray://head-svc.ray:6379"] {
            assert_eq!(url.parse::<EngineUrl>().unwrap().to_string(), url);
        }
    }

    #[test]
    fn what_is_no_engine_is_refused_with_what_would_be() {
        let message = |url: &str| url.parse::<EngineUrl>().unwrap_err().to_string();
        assert_eq!(
            message("dask://a:1"),
            "`dask://a:1` is no engine: write `ray://auto` or `ray://host:port`"
        );
        for url in ["ray://", "ray://host", "ray://host:0", "ray://host:70000", "ray://:6379", "ray://a b:1"]
        {
            assert_eq!(
                message(url),
                format!("`{url}` has no `host:port`: write it as in `ray://10.0.0.5:6379`, or `ray://auto`")
            );
        }
    }
}
