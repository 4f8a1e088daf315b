//! Errors of the host's calls, and their one way into JavaScript.

use js_sys::{Error, Reflect};
use millhand_core::ConfigError;
use wasm_bindgen::JsValue;

/// A call that the pool refuses.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// Settings that do not hold together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// More workers asked for than the pool may have.
    #[error("`workersCount` ({count}) is greater than `pool.stretchTo` ({stretch_to})")]
    ReserveAboveStretch {
        /// As asked for.
        count: u32,
        /// The pool's bound.
        stretch_to: u32,
    },
    /// A function id that [`crate::Pool::define`] did not give.
    #[error("function {id} is not defined in this pool")]
    UnknownFunction {
        /// As given.
        id: u32,
    },
}

impl PoolError {
    /// The stable name of the error, as JavaScript sees it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Config(_) | Self::ReserveAboveStretch { .. } => "invalid-input",
            Self::UnknownFunction { .. } => "unknown-function",
        }
    }
}

/// The error as a JavaScript `Error` with a `code`.
#[must_use]
pub fn to_js_error(error: &PoolError) -> JsValue {
    let js_error = Error::new(&error.to_string());
    // Setting a property of a fresh plain object does not fail.
    drop(Reflect::set(&js_error, &"code".into(), &error.code().into()));
    js_error.into()
}
