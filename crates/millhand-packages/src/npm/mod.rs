//! npm packages: what they are called, how they depend on each other, and what is built from them.

pub(crate) mod builds;
mod client;
pub(crate) mod config;
mod files;
mod graph;
mod id;
pub(crate) mod keys;
mod outdated;
mod packument;
mod resolve;
pub(crate) mod styles;
mod tarball;

pub(crate) use client::NpmClient;
pub use client::NpmError;
pub use files::{FileMatchError, find_file};
pub use graph::{NpmGraph, NpmNode};
pub use id::{NpmId, NpmIdError, NpmName};
pub use outdated::Outdated;
pub use packument::{Packument, PackumentError, ReleaseError};
pub use resolve::{
    ConflictingAsk, NpmRequest, NpmResolveError, Progress, Resolution, Resolver, check_aliases,
};
pub use tarball::{TarballError, UnpackLimits, UnpackedFile, unpack};
