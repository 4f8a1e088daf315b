//! The resolver: which version of which package, and who imports which.
//!
//! It does no I/O. It says which documents it wants ([`Resolver::advance`]), is given them in any order
//! ([`Resolver::add`]), and in the end has a [`Resolution`]. Each advance starts from scratch, so the outcome
//! depends on what the documents say and not on when they came.
//!
//! # What it decides
//!
//! - Versions that begin with the same number (the first that is not zero) are compatible, and of those there is
//!   one. Others stand side by side, each for those who asked for it.
//! - A dependency takes a version that is there anyway, and of those the user's own. Else it takes the locked one, else
//!   the latest as the registry calls it, else the highest, deprecated ones last.
//! - A peer is the user's own if its range allows it, else that of whoever brought the package in, else any that is
//!   there, else it is brought in like a dependency. An optional peer is never brought in.
//! - When packages ask for versions that exclude each other, earlier versions of those packages are tried. Packages
//!   that cannot be brought together are an error: two copies where one is meant would fail in ways hard to see.
//! - There is one instance of a package's version, whoever imports it.

mod choose;
mod demote;
mod error;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nodejs_semver::Version;
use reqwest::Url;

use super::packument::{Packument, ReleaseError};
use super::{NpmGraph, NpmId, NpmName, NpmNode};
use crate::digest::Integrity;
use crate::specifier::{NpmRange, NpmSpecifier, Renames};

pub use error::{ConflictingAsk, NpmResolveError};
use walk::Walk;

/// After so many rounds, what was asked for once is not taken back any more: then it must come to an end.
const MAX_FREE_ROUNDS: usize = 60;
const MAX_ROUNDS: usize = 600;
/// How often packages give way to others.
const MAX_DEMOTIONS: usize = 20;
const MAX_PACKAGES: usize = 5_000;

/// What is wanted of npm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NpmRequest {
    /// The packages that the user asks for.
    pub roots: Vec<NpmSpecifier>,
    /// The versions that packages get, whatever they ask for.
    pub using_dependencies: Vec<NpmSpecifier>,
}

/// A request that was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// The packages.
    pub graph: NpmGraph,
    /// Where their tarballs are.
    pub tarballs: BTreeMap<NpmId, Url>,
    /// What authors say who advise against their package.
    pub deprecated: BTreeMap<NpmId, String>,
}

/// How far a resolver is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It wants the documents of these packages.
    Wants(BTreeSet<NpmName>),
    /// It is done.
    Done(Resolution),
}

/// Resolves one request.
#[derive(Debug)]
pub struct Resolver {
    roots: Vec<Root>,
    overrides: Overrides,
    locked: BTreeMap<NpmName, BTreeMap<Version, Integrity>>,
    documents: BTreeMap<NpmName, Document>,
    /// The versions in a range, the highest first.
    in_range: BTreeMap<(NpmName, String), Arc<choose::Candidates>>,
}

/// The versions that packages get, whatever they ask for.
#[derive(Debug, Default)]
struct Overrides(BTreeMap<NpmName, Vec<Option<NpmRange>>>);

/// One thing that the user asks for.
#[derive(Debug)]
struct Root {
    /// As it is written, without its alias.
    specifier: String,
    name: NpmName,
    range: Option<NpmRange>,
    /// What a lockfile says.
    locked: Option<Version>,
}

#[derive(Debug)]
enum Document {
    Known(Packument),
    Unknown { registry: String },
}

impl Resolver {
    /// A resolver of `request`. What is in `locked` is preferred to what is newer.
    ///
    /// # Errors
    ///
    /// When two specifiers have the same alias.
    pub fn new(request: &NpmRequest, renames: &Renames, locked: &NpmGraph) -> Result<Self, NpmResolveError> {
        check_aliases(&request.roots)?;
        let overrides = Overrides::new(&request.using_dependencies, renames);
        let mut versions: BTreeMap<NpmName, BTreeMap<Version, Integrity>> = BTreeMap::new();
        for (id, node) in &locked.packages {
            versions.entry(id.name.clone()).or_default().insert(id.version.clone(), node.integrity);
        }
        let mut roots: Vec<Root> =
            request.roots.iter().map(|root| Root::new(root, renames, &overrides, locked)).collect();
        roots.sort_by(|a, b| a.specifier.cmp(&b.specifier));
        roots.dedup_by(|a, b| a.specifier == b.specifier);
        Ok(Self { roots, overrides, locked: versions, documents: BTreeMap::new(), in_range: BTreeMap::new() })
    }

    /// Takes the document of a package.
    pub fn add(&mut self, packument: Packument) {
        self.documents.insert(packument.name().clone(), Document::Known(packument));
    }

    /// Takes the news that `registry` has no such package.
    pub fn add_unknown(&mut self, name: NpmName, registry: String) {
        self.documents.insert(name, Document::Unknown { registry });
    }

    /// Goes as far as the documents allow.
    ///
    /// # Errors
    ///
    /// When the request cannot be met, see [`NpmResolveError`]. None is told before all documents are there that it
    /// could depend on.
    pub fn advance(&mut self) -> Result<Progress, NpmResolveError> {
        let mut demoted = BTreeSet::new();
        for demotions in 0.. {
            let mut walk = self.settle(&demoted);
            if !walk.wanted.is_empty() {
                return Ok(Progress::Wants(walk.wanted));
            }
            let Some(failure) = walk.failure.take() else {
                return Ok(Progress::Done(self.link(&walk)?));
            };
            let next = self.giving_way(&failure, &walk, &demoted).filter(|_| demotions < MAX_DEMOTIONS);
            match next {
                Some(ids) => demoted.extend(ids),
                None => return Err(failure.error),
            }
        }
        Err(NpmResolveError::Unsettled)
    }

    /// Walks and chooses in turns, until what is chosen is what the walk was based on. Documents that are missing on
    /// the way count as well: with them, it could have been another way.
    fn settle(&mut self, demoted: &BTreeSet<NpmId>) -> Walk {
        let mut walk = Walk::default();
        for round in 0..MAX_ROUNDS {
            let next = self.walk(std::mem::take(&mut walk.answers));
            let before = std::mem::replace(&mut walk, next);
            walk.wanted = before.wanted;
            if round > MAX_FREE_ROUNDS {
                walk.remember(before.groups);
            }
            let chosen = self.choose(&mut walk, demoted);
            if chosen == walk.answers {
                return walk;
            }
            walk.answers = chosen;
        }
        walk.failure = Some(NpmResolveError::Unsettled.into());
        walk
    }

    /// The graph of what was chosen.
    fn link(&self, walk: &Walk) -> Result<Resolution, NpmResolveError> {
        let mut resolution = Resolution::default();
        for root in &self.roots {
            if let Some(id) = walk.answers.of_root(root) {
                resolution.graph.roots.insert(root.specifier.clone(), id);
            }
        }
        for id in &walk.packages {
            let unusable = |reason: &ReleaseError| NpmResolveError::Unusable {
                id: id.clone(),
                reason: reason.clone(),
                asked_by: walk.chain_to(id),
            };
            let Some(release) = self.release(id) else { continue };
            let release = release.map_err(unusable)?;
            let dist = release.dist.as_ref().map_err(unusable)?;
            self.check_unchanged(id, dist.integrity)?;
            let dependencies = self.dependencies(id, release, walk);
            let node = NpmNode { integrity: dist.integrity, dependencies };
            resolution.graph.packages.insert(id.clone(), node);
            resolution.tarballs.insert(id.clone(), dist.tarball.clone());
            if let Some(advice) = &release.deprecated {
                resolution.deprecated.insert(id.clone(), advice.clone());
            }
        }
        Ok(resolution)
    }

    fn check_unchanged(&self, id: &NpmId, published: Integrity) -> Result<(), NpmResolveError> {
        match self.locked.get(&id.name).and_then(|versions| versions.get(&id.version)) {
            Some(&locked) if locked != published => Err(NpmResolveError::Changed {
                id: id.clone(),
                locked: locked.to_string(),
                published: published.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn packument(&self, name: &NpmName) -> Option<&Packument> {
        match self.documents.get(name)? {
            Document::Known(packument) => Some(packument),
            Document::Unknown { .. } => None,
        }
    }

    fn release(&self, id: &NpmId) -> Option<Result<&super::packument::Release, &ReleaseError>> {
        self.packument(&id.name)?.release(&id.version)
    }
}

impl Overrides {
    fn new(using: &[NpmSpecifier], renames: &Renames) -> Self {
        let mut overrides = Self::default();
        let mut using: Vec<&NpmSpecifier> = using.iter().collect();
        using.sort_by_key(|specifier| specifier.normalised());
        for specifier in using {
            let name = renames.current(specifier.name()).clone();
            overrides.0.entry(name).or_default().push(specifier.range().cloned());
        }
        overrides
    }

    fn has(&self, name: &NpmName) -> bool {
        self.0.contains_key(name)
    }

    /// What takes the place of a range: of several overrides, the first that agrees with it.
    fn applied_to(&self, name: &NpmName, range: Option<&NpmRange>) -> Option<NpmRange> {
        let Some(overrides) = self.0.get(name) else { return range.cloned() };
        let agrees = |other: &&Option<NpmRange>| match (range, other) {
            (Some(range), Some(other)) => match (range.versions(), other.versions()) {
                (Some(range), Some(other)) => range.allows_any(other),
                _ => true,
            },
            _ => true,
        };
        overrides.iter().find(agrees).or_else(|| overrides.last()).cloned().flatten()
    }
}

impl Root {
    fn new(specifier: &NpmSpecifier, renames: &Renames, overrides: &Overrides, locked: &NpmGraph) -> Self {
        let normalised = specifier.normalised();
        let name = renames.current(specifier.name()).clone();
        let locked = locked.roots.get(&normalised).filter(|id| id.name == name);
        Self {
            locked: locked.map(|id| id.version.clone()),
            // Who names a range means it, override or not.
            range: specifier.range().cloned().or_else(|| overrides.applied_to(&name, None)),
            specifier: normalised,
            name,
        }
    }
}

/// Two things cannot have one name.
///
/// # Errors
///
/// When two of `specifiers` have the same alias and are not the same.
pub fn check_aliases<'a>(
    specifiers: impl IntoIterator<Item = &'a NpmSpecifier>,
) -> Result<(), NpmResolveError> {
    let mut seen: BTreeMap<&str, &NpmSpecifier> = BTreeMap::new();
    for specifier in specifiers {
        let Some(alias) = specifier.alias() else { continue };
        let first = *seen.entry(alias).or_insert(specifier);
        if first != specifier {
            return Err(NpmResolveError::AliasTwice {
                alias: alias.to_owned(),
                first: first.to_string(),
                second: specifier.to_string(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
