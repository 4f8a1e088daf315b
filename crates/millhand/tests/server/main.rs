//! The server through `app()`, without a socket; registry and CDN are a real server on loopback.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod files;
mod guard;
mod manifest;
mod notebook;
mod npm;
mod package;
mod pages;
mod support;
