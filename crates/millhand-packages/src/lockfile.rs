//! The lockfile: what an environment was made of, so that it can be made again without asking anyone.

pub(crate) mod python;
