//! Who gives way in a conflict: a package of which an earlier version gets along with the others.

use std::collections::BTreeSet;

use nodejs_semver::Version;

use super::Resolver;
use super::choose::{Failure, class_of};
use super::walk::{Asker, Walk};
use crate::npm::{NpmId, NpmName};

/// What cannot be shared.
#[derive(Debug)]
pub(super) struct Contested {
    pub(super) name: NpmName,
    pub(super) rivals: Vec<Rival>,
}

/// Those who ask for the same, and the versions that they would take.
#[derive(Debug)]
pub(super) struct Rival {
    pub(super) askers: Vec<Asker>,
    pub(super) versions: Vec<Version>,
}

impl Contested {
    /// The versions that suit all but one.
    fn versions_without(&self, index: usize) -> Vec<&Version> {
        let others =
            || self.rivals.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, rival)| rival);
        let first = others().next().map_or(&[][..], |rival| &rival.versions);
        first.iter().filter(|version| others().all(|rival| rival.versions.contains(version))).collect()
    }
}

impl Resolver {
    /// The versions that are not to be chosen, for the conflict to end. The last who came gives way first.
    pub(super) fn to_demote(
        &mut self,
        failure: &Failure,
        walk: &Walk,
        demoted: &BTreeSet<NpmId>,
    ) -> Option<BTreeSet<NpmId>> {
        let contested = failure.contested.as_ref()?;
        (0..contested.rivals.len()).rev().find_map(|index| {
            let others = contested.versions_without(index);
            let mut all = BTreeSet::new();
            for asker in &contested.rivals[index].askers {
                let Asker::Package(id) = asker else { return None };
                all.extend(self.down_from(id, &contested.name, &others, walk, demoted)?);
            }
            Some(all).filter(|_| !others.is_empty())
        })
    }

    /// `id` and earlier versions of it, down to the first that takes one of `others` as its `name`.
    fn down_from(
        &mut self,
        id: &NpmId,
        name: &NpmName,
        others: &[&Version],
        walk: &Walk,
        demoted: &BTreeSet<NpmId>,
    ) -> Option<Vec<NpmId>> {
        let mut passed = vec![id.clone()];
        for version in self.earlier(id, walk, demoted) {
            let candidate = NpmId { name: id.name.clone(), version };
            if self.gets_along(&candidate, name, others, walk) {
                return Some(passed);
            }
            passed.push(candidate);
        }
        None
    }

    fn gets_along(&self, id: &NpmId, name: &NpmName, others: &[&Version], walk: &Walk) -> bool {
        let Some(Ok(release)) = self.release(id) else { return false };
        let mut of_name = release.requirements.iter().filter(|requirement| requirement.is_for(name));
        of_name.all(|requirement| match self.ask_of(id, requirement, walk) {
            Ok(Some((_, Some(range)))) => others.iter().any(|version| range.contains(version)),
            Ok(_) => true,
            Err(_) => false,
        })
    }

    /// Compatible versions before `id` that all could do with who ask for it, the highest first.
    fn earlier(&mut self, id: &NpmId, walk: &Walk, demoted: &BTreeSet<NpmId>) -> Vec<Version> {
        let mut common: Option<Vec<Version>> = None;
        for (key, group) in walk.groups.iter().filter(|(key, _)| key.name == id.name) {
            let in_range = self.versions_in_range(key, group);
            if !in_range.contains(&id.version) {
                continue;
            }
            common = Some(match common {
                Some(common) => common.into_iter().filter(|version| in_range.contains(version)).collect(),
                None => in_range.iter().filter(|version| **version < id.version).cloned().collect(),
            });
        }
        let mut versions = common.unwrap_or_default();
        versions.retain(|version| {
            let candidate = NpmId { name: id.name.clone(), version: version.clone() };
            class_of(version) == class_of(&id.version) && !demoted.contains(&candidate)
        });
        versions
    }
}
