//! Turns npm packages into ES modules for browsers: the only crate that knows the bundler.
//!
//! [`Bundler`] implements the seam that `millhand-packages` defines. First it reads the package by itself and decides
//! what can be built (`plan`), with rules of its own for where names lead (`scope`, `package`); then the bundler
//! puts it together, and asks for everything through `plugin`. It fetches nothing, and writes nothing to disk.

mod builtins;
mod bundle;
mod css;
mod glue;
mod names;
mod package;
mod plan;
mod plugin;
mod scan;
mod scope;
mod wasm;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use millhand_packages::transform::{BuiltPackage, Entries, SourcePackage, Transform, TransformError};

/// Changes whenever the same package could give other files: with the bundler, which `Cargo.toml` pins, and with this crate's sources.
const IDENTITY: &str = concat!("rolldown-1.2.5/", env!("MILLHAND_TRANSFORM_FINGERPRINT"));

/// Parsers go down one level of the stack for each level of the code, and packages are deep.
const STACK_BYTES: usize = 512 * 1024 * 1024;

/// The transformer: rolldown, with the rules of this crate.
#[derive(Clone, Debug)]
pub struct Bundler {
    timeout: Duration,
}

impl Bundler {
    /// How long a build may take, unless told otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(120);

    /// A transformer that gives up on a package after [`Self::TIMEOUT`].
    #[must_use]
    pub const fn new() -> Self {
        Self { timeout: Self::TIMEOUT }
    }

    /// Sets how long a build may take.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Default for Bundler {
    fn default() -> Self {
        Self::new()
    }
}

impl Transform for Bundler {
    fn identity(&self) -> &str {
        IDENTITY
    }

    /// Builds on a thread of its own: it has a deep stack, and can be left behind if it does not end.
    fn build(&self, package: &SourcePackage, entries: &Entries) -> Result<BuiltPackage, TransformError> {
        let broken =
            |message: String| TransformError::Broken { id: package.id.clone(), messages: vec![message] };
        let (sender, receiver) = sync_channel(1);
        let (source, asked) = (package.clone(), entries.clone());
        let work = move || {
            let built = catch_unwind(AssertUnwindSafe(|| bundle::build(&source, &asked)));
            // Nobody listens after the timeout.
            let _ = sender.send(built);
        };
        thread::Builder::new()
            .name("millhand-transform".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(work)
            .map_err(|error| broken(format!("no thread to build it on: {error}")))?;
        match receiver.recv_timeout(self.timeout) {
            Ok(Ok(built)) => built,
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(broken("the bundler crashed".to_owned())),
            Err(RecvTimeoutError::Timeout) => {
                Err(broken(format!("it takes longer than {} s to build", self.timeout.as_secs())))
            }
        }
    }
}
