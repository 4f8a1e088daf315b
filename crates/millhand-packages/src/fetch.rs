//! Downloads over HTTP, bounded in size and time, tried again when another try can help.
//!
//! It does not judge what it downloads: the callers compare hashes. However many callers there are, only so many
//! requests are under way at a time. TLS trusts what the operating system trusts,
//! and `SSL_CERT_FILE` where it is set, so that it works behind a company's proxy.

use std::fmt;
use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flate2::read::GzDecoder;
use reqwest::header::{self, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use tokio::sync::Semaphore;

use crate::store::{Incoming, Store, StoreError};

const MAX_REDIRECTS: usize = 5;

/// The bounds of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// How long a connection may take to come up.
    pub connect_timeout: Duration,
    /// How long a server may be silent.
    pub stall_timeout: Duration,
    /// How long it may take in all, with every try and the pauses between them.
    pub total_timeout: Duration,
    /// How often a download is tried.
    pub max_tries: u32,
    /// The longest pause before the second try. It doubles with each further one.
    pub backoff: Duration,
    /// The longest pause that a server may ask for. One that asks for more is not tried again.
    pub max_pause: Duration,
    /// How many requests may be under way at a time.
    pub max_requests: usize,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(15 * 60),
            max_tries: 3,
            backoff: Duration::from_secs(1),
            max_pause: Duration::from_secs(60),
            max_requests: 16,
        }
    }
}

/// Hears how far downloads are. It is called often and from several threads, and must not block.
pub trait DownloadObserver: Send + Sync + fmt::Debug {
    /// A download begins, perhaps not for the first time. `total_bytes` is known where the server tells.
    fn started(&self, id: DownloadId, name: &str, total_bytes: Option<u64>);
    /// So much of it is here.
    fn progressed(&self, id: DownloadId, received_bytes: u64);
    /// It came to its end, good or bad, or was given up.
    fn ended(&self, id: DownloadId);
}

/// One download, as an observer tells it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DownloadId(u64);

/// Downloads files.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    client: Client,
    limits: FetchLimits,
    requests: Arc<Semaphore>,
    observer: Option<Arc<dyn DownloadObserver>>,
}

impl Fetcher {
    /// A fetcher within `limits`, which tells `observer`.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up, as on a machine without root certificates.
    pub(crate) fn new(
        limits: FetchLimits,
        observer: Option<Arc<dyn DownloadObserver>>,
    ) -> Result<Self, FetchError> {
        // reqwest takes the process's provider and panics without one. A provider that is already there is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("millhand/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect_timeout)
            .read_timeout(limits.stall_timeout)
            .timeout(limits.total_timeout)
            .redirect(Policy::custom(follow_unless_downgraded))
            .build()
            .map_err(|source| FetchError::SetUp { source })?;
        let requests = Arc::new(Semaphore::new(limits.max_requests.max(1)));
        Ok(Self { client, limits, requests, observer })
    }

    /// Downloads a document of at most `max_bytes` into memory.
    pub(crate) async fn bytes(&self, url: &Url, accept: &str, max_bytes: u64) -> Result<Vec<u8>, FetchError> {
        self.bytes_as(&Transfer { accept, ..Transfer::of(url, max_bytes) }).await
    }

    /// Makes `transfer` into memory.
    pub(crate) async fn bytes_as(&self, transfer: &Transfer<'_>) -> Result<Vec<u8>, FetchError> {
        self.with_retries(transfer.url, || async {
            let mut content = Vec::new();
            let sink = |chunk: &[u8]| {
                content.extend_from_slice(chunk);
                Ok(())
            };
            match transfer.run(&self.client, self.observer(), sink).await? {
                Coding::Identity => Ok(content),
                Coding::Gzip => transfer.unzipped(&content),
            }
        })
        .await
    }

    /// Downloads a file of at most `max_bytes` onto the doorstep of `store`.
    pub(crate) async fn file(
        &self,
        url: &Url,
        max_bytes: u64,
        store: &Store,
    ) -> Result<Incoming, FetchError> {
        self.with_retries(url, || async {
            let mut incoming = store.incoming()?;
            let transfer = Transfer::of(url, max_bytes);
            // A chunk is some kilobytes into the page cache: not worth a thread of its own.
            transfer.run(&self.client, self.observer(), |chunk| incoming.write(chunk)).await?;
            Ok(incoming)
        })
        .await
    }

    fn observer(&self) -> Option<&dyn DownloadObserver> {
        self.observer.as_deref()
    }

    async fn with_retries<T, F>(&self, url: &Url, attempt: impl Fn() -> F) -> Result<T, FetchError>
    where
        F: Future<Output = Result<T, FetchError>>,
    {
        // It is never closed; without a permit, it would go on all the same. To wait for one is not to download.
        let _permit = self.requests.acquire().await;
        match tokio::time::timeout(self.limits.total_timeout, self.try_often(url, attempt)).await {
            Ok(result) => result,
            Err(_) => {
                Err(FetchError::GivenUp { url: shown(url), seconds: self.limits.total_timeout.as_secs() })
            }
        }
    }

    async fn try_often<T, F>(&self, url: &Url, attempt: impl Fn() -> F) -> Result<T, FetchError>
    where
        F: Future<Output = Result<T, FetchError>>,
    {
        let mut tries = 1;
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let asked = error.asked_pause().unwrap_or_default();
            if !error.may_pass() || tries >= self.limits.max_tries || asked > self.limits.max_pause {
                return Err(error);
            }
            let pause = self.pause_after(tries).max(asked);
            tracing::warn!(
                "`{}` failed ({}), trying again in {} ms",
                file_name(url),
                brief(&error),
                pause.as_millis()
            );
            tokio::time::sleep(pause).await;
            tries += 1;
        }
    }

    /// Somewhere between half and the whole of the doubled pause, so that many clients do not come back as one.
    fn pause_after(&self, tries: u32) -> Duration {
        let longest = self.limits.backoff * 2_u32.saturating_pow(tries.saturating_sub(1)).min(64);
        longest.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// What is to be transferred, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer<'a> {
    pub(crate) url: &'a Url,
    pub(crate) accept: &'a str,
    pub(crate) max_bytes: u64,
    /// What tells the server who asks. It is not shown to another host that the server points to.
    pub(crate) authorization: Option<&'a HeaderValue>,
    /// Whether the server may compress it on the way: texts only, as files must arrive as they are.
    pub(crate) may_be_zipped: bool,
}

/// How the content of an answer is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Identity,
    Gzip,
}

impl<'a> Transfer<'a> {
    pub(crate) const fn of(url: &'a Url, max_bytes: u64) -> Self {
        Self { url, accept: "*/*", max_bytes, authorization: None, may_be_zipped: false }
    }

    /// One try.
    async fn run(
        &self,
        client: &Client,
        observer: Option<&dyn DownloadObserver>,
        mut sink: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<Coding, FetchError> {
        let mut request = client.get(self.url.clone()).header(header::ACCEPT, self.accept);
        if let Some(authorization) = self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        if self.may_be_zipped {
            request = request.header(header::ACCEPT_ENCODING, "gzip");
        }
        let mut response = self.check(request.send().await.map_err(|error| self.failure(error))?)?;
        let is_zipped =
            response.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
        let progress = Progress::begin(observer, self.url, response.content_length());
        let mut received = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(error))? {
            received += chunk.len() as u64;
            self.check_size(received)?;
            sink(&chunk)?;
            progress.report(received);
        }
        Ok(if is_zipped && self.may_be_zipped { Coding::Gzip } else { Coding::Identity })
    }

    fn unzipped(&self, content: &[u8]) -> Result<Vec<u8>, FetchError> {
        let mut unzipped = Vec::new();
        let mut decoder = GzDecoder::new(content).take(self.max_bytes.saturating_add(1));
        decoder
            .read_to_end(&mut unzipped)
            .map_err(|source| FetchError::Garbled { url: shown(self.url), source })?;
        self.check_size(unzipped.len() as u64)?;
        Ok(unzipped)
    }

    fn check(&self, response: Response) -> Result<Response, FetchError> {
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Err(FetchError::NotFound { url: shown(self.url) });
            }
            status => {
                let retry_after = response.headers().get(reqwest::header::RETRY_AFTER);
                return Err(FetchError::Refused {
                    url: shown(self.url),
                    status: status.as_u16(),
                    retry_after: retry_after.and_then(|value| value.to_str().ok()).and_then(pause_in),
                });
            }
        }
        self.check_size(response.content_length().unwrap_or(0))?;
        Ok(response)
    }

    fn check_size(&self, bytes: u64) -> Result<(), FetchError> {
        if bytes > self.max_bytes {
            return Err(FetchError::TooLarge { url: shown(self.url), max_bytes: self.max_bytes });
        }
        Ok(())
    }

    fn failure(&self, error: reqwest::Error) -> FetchError {
        let (url, source) = (shown(self.url), error.without_url());
        if source.is_timeout() {
            FetchError::TimedOut { url, source }
        } else if source.is_redirect() || source.is_builder() {
            FetchError::Redirected { url, source }
        } else if source.is_connect() {
            FetchError::Unreachable { url, source }
        } else {
            FetchError::Interrupted { url, source }
        }
    }
}

/// Tells an observer how far a download is, and that it ended, however it does.
struct Progress<'a> {
    observer: Option<&'a dyn DownloadObserver>,
    id: DownloadId,
}

impl<'a> Progress<'a> {
    fn begin(observer: Option<&'a dyn DownloadObserver>, url: &Url, total_bytes: Option<u64>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = DownloadId(NEXT.fetch_add(1, Ordering::Relaxed));
        if let Some(observer) = observer {
            observer.started(id, &file_name(url), total_bytes);
        }
        Self { observer, id }
    }

    fn report(&self, received_bytes: u64) {
        if let Some(observer) = self.observer {
            observer.progressed(self.id, received_bytes);
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(observer) = self.observer {
            observer.ended(self.id);
        }
    }
}

/// The pause that a `Retry-After` asks for, in its form of seconds. The form of a date is rare, and needs this
/// machine's clock to be right.
fn pause_in(retry_after: &str) -> Option<Duration> {
    retry_after.trim().parse().ok().map(Duration::from_secs)
}

/// A redirect must not turn an encrypted download into a plain one.
fn follow_unless_downgraded(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let was_encrypted = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if was_encrypted && attempt.url().scheme() != "https" {
        return attempt.error("the redirect leads from https to http");
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    attempt.follow()
}

/// A url as it may be shown: without the password that a registry's url can hold.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() || !url.username().is_empty() {
        // These fail for urls without a host only, and such have no password.
        _ = url.set_password(None);
        _ = url.set_username("");
    }
    url.into()
}

fn file_name(url: &Url) -> String {
    url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default().to_owned()
}

/// The last cause: the one that says most in few words.
fn brief(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No client can be made.
    #[error("cannot set up downloads")]
    SetUp {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// No connection: the name, the network or TLS.
    #[error("cannot reach `{url}`")]
    Unreachable {
        /// What was wanted.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Silent for too long, or too slow in all.
    #[error("`{url}` took too long")]
    TimedOut {
        /// What was wanted.
        url: String,
        /// Which wait it was.
        #[source]
        source: reqwest::Error,
    },
    /// Every try together took too long.
    #[error("`{url}` was given up after {seconds} seconds")]
    GivenUp {
        /// What was wanted.
        url: String,
        /// The bound.
        seconds: u64,
    },
    /// A redirect that is not followed.
    #[error("`{url}` leads elsewhere, and not in a way that is followed")]
    Redirected {
        /// What was wanted.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The answer stopped in the middle, or was none.
    #[error("the download of `{url}` was cut off")]
    Interrupted {
        /// What was wanted.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The answer was compressed, and cannot be unpacked.
    #[error("the answer of `{url}` is garbled")]
    Garbled {
        /// What was wanted.
        url: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no such file.
    #[error("there is no `{url}`")]
    NotFound {
        /// What was wanted.
        url: String,
    },
    /// The server answered with a failure.
    #[error("`{url}` was answered with status {status}")]
    Refused {
        /// What was wanted.
        url: String,
        /// The HTTP status.
        status: u16,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// More than was agreed to.
    #[error("`{url}` has more than {max_bytes} bytes")]
    TooLarge {
        /// What was wanted.
        url: String,
        /// The bound.
        max_bytes: u64,
    },
    /// What came could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FetchError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SetUp { .. } => "downloads-unavailable",
            Self::Unreachable { .. } => "source-unreachable",
            Self::TimedOut { .. } | Self::GivenUp { .. } => "source-timed-out",
            Self::Redirected { .. } => "source-redirected",
            Self::Interrupted { .. } | Self::Garbled { .. } => "download-interrupted",
            Self::NotFound { .. } => "source-not-found",
            Self::Refused { .. } => "source-refused",
            Self::TooLarge { .. } => "download-too-large",
            Self::Store(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::SetUp { .. } => Some(
                "install the system's root certificates, or name a file of them in `SSL_CERT_FILE`".to_owned(),
            ),
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::GivenUp { .. }
            | Self::Interrupted { .. }
            | Self::Garbled { .. } => Some(
                "check the network; a proxy is taken from `HTTPS_PROXY`, root certificates from `SSL_CERT_FILE`"
                    .to_owned(),
            ),
            Self::Refused { retry_after: Some(pause), .. } => {
                Some(format!("the server asks to be left alone for {} seconds: try again then", pause.as_secs()))
            }
            Self::Redirected { .. } | Self::NotFound { .. } | Self::Refused { .. } | Self::TooLarge { .. } => {
                None
            }
            Self::Store(error) => error.hint(),
        }
    }

    /// Whether another try can have another outcome.
    const fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Interrupted { .. }
            | Self::Garbled { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::SetUp { .. }
            | Self::GivenUp { .. }
            | Self::Redirected { .. }
            | Self::NotFound { .. }
            | Self::TooLarge { .. }
            | Self::Store(_) => false,
        }
    }

    const fn asked_pause(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_never_pass_their_bound() {
        let limits = FetchLimits { backoff: Duration::from_millis(100), ..FetchLimits::default() };
        let fetcher = Fetcher::new(limits, None).unwrap();
        for (tries, longest) in [(1, 100), (2, 200), (3, 400), (40, 6_400)] {
            let pause = fetcher.pause_after(tries).as_millis();
            assert!((longest / 2..=longest).contains(&pause), "{pause} after try {tries}");
        }
    }

    #[test]
    fn a_pause_is_asked_for_in_seconds() {
        assert_eq!(pause_in(" 7 "), Some(Duration::from_secs(7)));
        for text in ["", "-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999999999999999"] {
            assert_eq!(pause_in(text), None, "{text}");
        }
    }

    #[test]
    fn a_shown_url_has_no_password() {
        let url = Url::parse("http://user:secret@localhost:4873/npm/").unwrap();
        assert_eq!(shown(&url), "http://localhost:4873/npm/");
    }
}
