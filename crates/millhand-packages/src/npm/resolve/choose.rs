//! One version for each thing that is asked for, and as few versions as can be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nodejs_semver::Version;

use super::demote::{Contested, Rival};
use super::error::ConflictingAsk;
use super::walk::{Answers, Asker, Group, Key, Walk};
use super::{Document, NpmResolveError, Resolver};
use crate::npm::packument::Packument;
use crate::npm::{NpmId, NpmName};
use crate::specifier::NpmRange;

const MAX_NEAREST: usize = 5;

/// Why nothing could be chosen, and who could give way.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: NpmResolveError,
    /// What it is about, where an earlier version of some package could help.
    pub(super) contested: Option<Box<Contested>>,
}

impl From<NpmResolveError> for Failure {
    fn from(error: NpmResolveError) -> Self {
        Self { error, contested: None }
    }
}

/// Versions of one class are compatible: the numbers up to the first that is not zero.
pub(super) type Class = (u64, u64, u64);

pub(super) fn class_of(version: &Version) -> Class {
    match (version.major(), version.minor(), version.patch()) {
        (0, 0, patch) => (0, 0, patch),
        (0, minor, _) => (0, minor, 0),
        (major, ..) => (major, 0, 0),
    }
}

/// Those who share a version.
struct Bucket<'a> {
    class: Class,
    /// Whether the user asks for it.
    is_users: bool,
    members: Vec<(&'a Key, &'a Group)>,
    /// The versions that suit all members, the highest first.
    common: Vec<Version>,
}

/// Something that is asked for, with the versions that suit, the highest first.
struct Open<'a> {
    key: &'a Key,
    group: &'a Group,
    candidates: Arc<Candidates>,
}

/// Versions from the highest on.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub(super) versions: Vec<Version>,
    classes: BTreeSet<Class>,
}

impl From<Vec<Version>> for Candidates {
    fn from(versions: Vec<Version>) -> Self {
        Self { classes: versions.iter().map(class_of).collect(), versions }
    }
}

impl Open<'_> {
    fn is_users(&self) -> bool {
        self.group.askers.iter().any(|asker| matches!(asker, Asker::User(_)))
    }

    fn accepts(&self, version: &Version) -> bool {
        self.candidates.versions.binary_search_by(|candidate| version.cmp(candidate)).is_ok()
    }

    /// First what the user asks for, then dependencies, then peers; those who have less of a choice before others.
    fn rank(&self) -> (u8, usize, &Key) {
        let tier = match (self.is_users(), &self.key.peer_of) {
            (true, _) if self.group.range.is_some() => 0,
            (true, _) => 1,
            (false, None) => 2,
            (false, Some(_)) => 3,
        };
        (tier, self.candidates.classes.len(), self.key)
    }
}

impl Resolver {
    /// An answer to everything that `walk` found, as far as documents are there. The first failure is left in
    /// `walk`: what is chosen later may make it meaningless.
    pub(super) fn choose(&mut self, walk: &mut Walk, demoted: &BTreeSet<NpmId>) -> Answers {
        let groups = std::mem::take(&mut walk.groups);
        let mut by_name: BTreeMap<&NpmName, Vec<(&Key, &Group)>> = BTreeMap::new();
        for (key, group) in &groups {
            by_name.entry(&key.name).or_default().push((key, group));
        }
        let mut answers = Answers::default();
        for (name, asks) in by_name {
            if !self.documents.contains_key(name) {
                walk.wanted.insert(name.clone());
                continue;
            }
            match self.choose_of(name, &asks, walk, demoted) {
                Ok(chosen) => answers.0.extend(chosen),
                Err(failure) => _ = walk.failure.get_or_insert(failure),
            }
        }
        walk.groups = groups;
        answers
    }

    fn choose_of(
        &mut self,
        name: &NpmName,
        asks: &[(&Key, &Group)],
        walk: &Walk,
        demoted: &BTreeSet<NpmId>,
    ) -> Result<Vec<(Key, Option<Version>)>, Failure> {
        let mut chosen = Vec::new();
        let mut open = Vec::new();
        for (key, group) in asks {
            match self.open(key, group, walk, demoted) {
                Ok(one) => open.push(one),
                Err(_) if group.is_optional => chosen.push(((*key).clone(), None)),
                Err(error) => return Err(error.into()),
            }
        }
        open.sort_by(|a, b| a.rank().cmp(&b.rank()));
        let mut buckets: Vec<Bucket<'_>> = Vec::new();
        for one in open {
            match self.bucket_for(&one, &buckets, walk) {
                Some(index) => buckets[index].join(&one),
                None => match self.class_for(&one, &buckets, name) {
                    Some(class) => buckets.push(Bucket::of(&one, class)),
                    None => return Err(conflict(name, &one, &buckets, |member| self.versions_of(member))),
                },
            }
        }
        for bucket in &buckets {
            let version = self.best(name, &bucket.common, bucket.locked_root(self)).cloned();
            chosen.extend(bucket.members.iter().map(|(key, _)| ((*key).clone(), version.clone())));
        }
        Ok(chosen)
    }

    /// The versions that suit one who asks.
    fn open<'a>(
        &mut self,
        key: &'a Key,
        group: &'a Group,
        walk: &Walk,
        demoted: &BTreeSet<NpmId>,
    ) -> Result<Open<'a>, NpmResolveError> {
        let asked_by = || walk.chain_of(&group.askers);
        if let Some(Document::Unknown { registry }) = self.documents.get(&key.name) {
            return Err(NpmResolveError::UnknownPackage {
                name: key.name.clone(),
                registry: registry.clone(),
                asked_by: asked_by(),
            });
        }
        let in_range = self.versions_in_range(key, group);
        let Some(packument) = self.packument(&key.name) else { return Err(NpmResolveError::Unsettled) };
        if in_range.versions.is_empty() {
            return Err(unknown_version(packument, group.range.as_ref(), asked_by()));
        }
        let id_of = |version: &Version| NpmId { name: key.name.clone(), version: version.clone() };
        let is_demoted = |version: &Version| demoted.contains(&id_of(version));
        if !group.is_optional && !demoted.iter().any(|id| id.name == key.name) {
            return Ok(Open { key, group, candidates: in_range });
        }
        let suits = |version: &&Version| {
            !is_demoted(version) && (!group.is_optional || is_for_browsers(packument, version))
        };
        let candidates: Vec<Version> = in_range.versions.iter().filter(suits).cloned().collect();
        if candidates.is_empty() {
            // Not told to anybody: it is optional, or what led here is told.
            return Err(NpmResolveError::Unsettled);
        }
        Ok(Open { key, group, candidates: Arc::new(candidates.into()) })
    }

    /// What [`Resolver::versions_in_range`] found for it.
    fn versions_of(&self, (key, _): &(&Key, &Group)) -> Vec<Version> {
        let cached = (key.name.clone(), key.range.clone());
        self.in_range.get(&cached).map(|found| found.versions.clone()).unwrap_or_default()
    }

    pub(super) fn versions_in_range(&mut self, key: &Key, group: &Group) -> Arc<Candidates> {
        let cached = (key.name.clone(), key.range.clone());
        if let Some(versions) = self.in_range.get(&cached) {
            return Arc::clone(versions);
        }
        let Some(packument) = self.packument(&key.name) else { return Arc::default() };
        let versions: Vec<Version> = match &group.range {
            None => any_version(packument),
            Some(range) => match range.tag() {
                Some(tag) => self.tagged(packument, tag, group),
                None => packument.versions().filter(|version| range.contains(version)).cloned().collect(),
            },
        };
        let versions: Arc<Candidates> = Arc::new(versions.into());
        self.in_range.insert(cached, Arc::clone(&versions));
        versions
    }

    /// A tag moves on; what a lockfile has for it stays.
    fn tagged(&self, packument: &Packument, tag: &str, group: &Group) -> Vec<Version> {
        let is_asked = |root: &&super::Root| group.askers.contains(&Asker::User(root.specifier.clone()));
        let locked = self.roots.iter().filter(is_asked).filter_map(|root| root.locked.as_ref()).max();
        let version = locked.filter(|version| packument.release(version).is_some());
        version.or_else(|| packument.tagged(tag)).into_iter().cloned().collect()
    }

    /// Where it can join.
    fn bucket_for(&self, one: &Open<'_>, buckets: &[Bucket<'_>], walk: &Walk) -> Option<usize> {
        let mut joinable: Vec<usize> =
            (0..buckets.len()).filter(|&index| buckets[index].suits(one)).collect();
        joinable.sort_by_key(|&index| std::cmp::Reverse((buckets[index].is_users, buckets[index].class)));
        if one.is_users() && one.group.range.is_some() {
            let preferred =
                class_of(self.best(&one.key.name, &one.candidates.versions, self.locked_for(one.group))?);
            return joinable.into_iter().find(|&index| buckets[index].class == preferred);
        }
        let Some(asker) = &one.key.peer_of else { return joinable.first().copied() };
        let is_users = |index: &&usize| buckets[**index].is_users;
        if let Some(index) = joinable.iter().find(is_users) {
            return Some(*index);
        }
        let ancestral = walk.ancestors(asker).into_iter().find_map(|ancestor| {
            let version = self.brought_by(ancestor, &one.key.name, walk)?;
            joinable.iter().copied().find(|&index| buckets[index].class == class_of(&version))
        });
        ancestral.or_else(|| joinable.first().copied())
    }

    /// The class that it opens, unless all of its classes are taken by others.
    fn class_for(&self, one: &Open<'_>, buckets: &[Bucket<'_>], name: &NpmName) -> Option<Class> {
        let is_free = |class: &Class| buckets.iter().all(|bucket| bucket.class != *class);
        let free: Vec<Version> =
            one.candidates.versions.iter().filter(|version| is_free(&class_of(version))).cloned().collect();
        let best = self.best(name, &one.candidates.versions, self.locked_for(one.group)).map(class_of);
        if one.is_users() {
            // The user's own range is not met by some other major version, only because of a conflict.
            return best.filter(is_free);
        }
        self.best(name, &free, None).map(class_of)
    }

    fn locked_for(&self, group: &Group) -> Option<&Version> {
        let is_asked = |root: &&super::Root| group.askers.contains(&Asker::User(root.specifier.clone()));
        self.roots.iter().filter(is_asked).filter_map(|root| root.locked.as_ref()).max()
    }

    /// The best of `versions`, which are sorted from the highest on.
    fn best<'v>(
        &self,
        name: &NpmName,
        versions: &'v [Version],
        root: Option<&Version>,
    ) -> Option<&'v Version> {
        let packument = self.packument(name)?;
        let find = |wanted: &Version| versions.iter().find(|version| *version == wanted);
        let is_readable = |version: &&Version| matches!(packument.release(version), Some(Ok(_)));
        let is_locked =
            |version: &&Version| self.locked.get(name).is_some_and(|locked| locked.contains_key(version));
        let latest = || packument.tagged("latest").filter(|latest| packument.is_recommended(latest));
        root.and_then(find)
            .or_else(|| versions.iter().find(|version| is_locked(version) && is_readable(version)))
            .or_else(|| find(latest()?))
            .or_else(|| versions.iter().find(|version| packument.is_recommended(version)))
            .or_else(|| versions.iter().find(is_readable))
            .or_else(|| versions.first())
    }

    /// The version of `name` that `ancestor` has as a dependency.
    fn brought_by(&self, ancestor: &NpmId, name: &NpmName, walk: &Walk) -> Option<Version> {
        let release = self.release(ancestor)?.ok()?;
        release.requirements.iter().filter(|requirement| requirement.is_for(name)).find_map(|requirement| {
            let (key, _) = self.ask_of(ancestor, requirement, walk).ok()??;
            walk.answers.0.get(&key)?.clone()
        })
    }

    /// The version of `name` that an optional peer of `id` is, if one that suits is there anyway.
    pub(super) fn present_peer(
        &self,
        id: &NpmId,
        name: &NpmName,
        range: Option<&NpmRange>,
        walk: &Walk,
    ) -> Option<NpmId> {
        let suits = |version: &Version| {
            range.is_none_or(|range| match range.tag() {
                Some(tag) => {
                    self.packument(name).and_then(|packument| packument.tagged(tag)) == Some(version)
                }
                None => range.contains(version),
            })
        };
        let users = self.roots.iter().filter(|root| root.name == *name);
        let users = users.filter_map(|root| walk.answers.of_root(root)).map(|found| found.version);
        let version = users.filter(|version| suits(version)).max().or_else(|| {
            let brought = |ancestor: &NpmId| self.brought_by(ancestor, name, walk).filter(suits);
            walk.ancestors(id).into_iter().find_map(brought)
        });
        let version = version.or_else(|| {
            let present = walk.packages.iter().filter(|present| present.name == *name);
            present.map(|present| present.version.clone()).filter(suits).max()
        })?;
        Some(NpmId { name: name.clone(), version })
    }
}

impl<'a> Bucket<'a> {
    fn of(one: &Open<'a>, class: Class) -> Self {
        Self {
            class,
            is_users: one.is_users(),
            members: vec![(one.key, one.group)],
            common: one
                .candidates
                .versions
                .iter()
                .filter(|version| class_of(version) == class)
                .cloned()
                .collect(),
        }
    }

    fn suits(&self, one: &Open<'_>) -> bool {
        one.candidates.classes.contains(&self.class) && self.common.iter().any(|version| one.accepts(version))
    }

    fn join(&mut self, one: &Open<'a>) {
        self.common.retain(|version| one.accepts(version));
        self.is_users |= one.is_users();
        self.members.push((one.key, one.group));
    }

    fn locked_root<'r>(&self, resolver: &'r Resolver) -> Option<&'r Version> {
        self.members.iter().filter_map(|(_, group)| resolver.locked_for(group)).max()
    }
}

fn is_for_browsers(packument: &Packument, version: &Version) -> bool {
    matches!(packument.release(version), Some(Ok(release)) if !release.is_native)
}

/// What one gets who asks for none in particular: no prerelease, unless the author says so, or there is nothing else.
fn any_version(packument: &Packument) -> Vec<Version> {
    let latest = packument.tagged("latest");
    let is_plain = |version: &&Version| !version.is_prerelease() || Some(*version) == latest;
    let plain: Vec<Version> = packument.versions().filter(is_plain).cloned().collect();
    match plain.is_empty() {
        true => packument.versions().cloned().collect(),
        false => plain,
    }
}

fn conflict(
    name: &NpmName,
    one: &Open<'_>,
    buckets: &[Bucket<'_>],
    versions_of: impl Fn(&(&Key, &Group)) -> Vec<Version>,
) -> Failure {
    let with = buckets.iter().filter(|bucket| one.candidates.classes.contains(&bucket.class));
    let members = with.flat_map(|bucket| bucket.members.iter().copied());
    let all: Vec<(&Key, &Group)> = members.chain([(one.key, one.group)]).collect();
    let report = |(key, group): &(&Key, &Group)| {
        let range = if key.range.is_empty() { "any version".to_owned() } else { key.range.clone() };
        let asked = group.askers.iter().map(move |asker| ConflictingAsk {
            by: match asker {
                Asker::User(specifier) => specifier.clone(),
                Asker::Package(id) => id.to_string(),
            },
            range: range.clone(),
            by_user: matches!(asker, Asker::User(_)),
        });
        asked.collect::<Vec<_>>()
    };
    let asks = all.iter().flat_map(report).collect();
    let rival =
        |member: &(&Key, &Group)| Rival { askers: member.1.askers.clone(), versions: versions_of(member) };
    let rivals: Vec<Rival> = all.iter().map(rival).collect();
    let contested = Contested { name: name.clone(), rivals };
    let highest = contested.versions().first().map(|version| version.0.to_string()).unwrap_or_default();
    let error = NpmResolveError::Conflict { name: name.clone(), asks, highest };
    Failure { error, contested: Some(Box::new(contested)) }
}

fn unknown_version(
    packument: &Packument,
    range: Option<&NpmRange>,
    asked_by: Vec<String>,
) -> NpmResolveError {
    let name = packument.name().clone();
    let asked = range.map_or("*", NpmRange::as_str).to_owned();
    if range.is_some_and(|range| range.tag().is_some()) {
        let tags = packument.tags().map(str::to_owned).take(MAX_NEAREST).collect();
        return NpmResolveError::UnknownTag { name, tag: asked, tags, asked_by };
    }
    NpmResolveError::UnknownVersion { name, nearest: nearest(packument, &asked), range: asked, asked_by }
}

/// The versions whose numbers come nearest to those of `range`, and the newest.
fn nearest(packument: &Packument, range: &str) -> Vec<String> {
    let numbers: Vec<u64> = range
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok())
        .chain(std::iter::repeat(0))
        .take(3)
        .collect();
    let distance = |version: &Version| {
        let own = [version.major(), version.minor(), version.patch()];
        let apart: Vec<u64> = own.iter().zip(&numbers).map(|(own, wanted)| own.abs_diff(*wanted)).collect();
        (apart, version.is_prerelease())
    };
    let mut versions: Vec<&Version> = packument.versions().collect();
    versions.sort_by_key(|version| distance(version));
    versions.truncate(MAX_NEAREST);
    if let Some(newest) = packument.newest().filter(|newest| !versions.contains(newest)) {
        versions.truncate(MAX_NEAREST - 1);
        versions.push(newest);
    }
    versions.sort();
    versions.into_iter().map(ToString::to_string).collect()
}
