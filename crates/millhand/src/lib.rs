//! The millhand server: static pages with worker environments beside them.
//!
//! [`app()`] is the whole server as a function from request to response; [`serve`] puts it on a socket. What an
//! environment is made of is the business of `millhand-packages`; here are routes, guards and headers. The server
//! speaks to this machine only: it binds to loopback, and refuses requests that a foreign page could cause.

pub mod app;
pub mod error;
pub mod guard;
pub mod headers;
pub mod images;
pub mod notebook;
pub mod routes;
pub mod serve;
mod shell;

pub use app::{AppState, app, notebook_app};
pub use error::ApiError;
