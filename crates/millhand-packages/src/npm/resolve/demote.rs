//! Who gives way in a conflict: a package of which an earlier version gets along with the others.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use nodejs_semver::Version;

use super::Resolver;
use super::choose::{Failure, class_of};
use super::walk::{Asker, Walk};
use crate::npm::{NpmId, NpmName};

const MAX_VERSIONS_TRIED: usize = 100;

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
    /// The versions that anybody would take, the highest first.
    pub(super) fn versions(&self) -> BTreeSet<Reverse<&Version>> {
        self.rivals.iter().flat_map(|rival| &rival.versions).map(Reverse).collect()
    }
}

impl Resolver {
    /// The versions that are not to be chosen, for the conflict to end: those of all who do not take some one version,
    /// the highest that works.
    pub(super) fn giving_way(
        &mut self,
        failure: &Failure,
        walk: &Walk,
        demoted: &BTreeSet<NpmId>,
    ) -> Option<BTreeSet<NpmId>> {
        let contested = failure.contested.as_ref()?;
        let versions = contested.versions().into_iter().take(MAX_VERSIONS_TRIED);
        versions.map(|Reverse(version)| version).find_map(|version| {
            let against = contested.rivals.iter().filter(|rival| !rival.versions.contains(version));
            let mut all = BTreeSet::new();
            for asker in against.flat_map(|rival| &rival.askers) {
                let Asker::Package(id) = asker else { return None };
                all.extend(self.down_from(id, &contested.name, version, walk, demoted)?);
            }
            Some(all)
        })
    }

    /// `id` and earlier versions of it, down to the first that takes `wanted` as its `name`.
    fn down_from(
        &mut self,
        id: &NpmId,
        name: &NpmName,
        wanted: &Version,
        walk: &Walk,
        demoted: &BTreeSet<NpmId>,
    ) -> Option<Vec<NpmId>> {
        let mut passed = vec![id.clone()];
        for version in self.earlier(id, walk, demoted) {
            let candidate = NpmId { name: id.name.clone(), version };
            if self.gets_along(&candidate, name, wanted, walk) {
                return Some(passed);
            }
            passed.push(candidate);
        }
        None
    }

    fn gets_along(&self, id: &NpmId, name: &NpmName, wanted: &Version, walk: &Walk) -> bool {
        let Some(Ok(release)) = self.release(id) else { return false };
        let mut of_name = release.requirements.iter().filter(|requirement| requirement.is_for(name));
        of_name.all(|requirement| match self.ask_of(id, requirement, walk) {
            Ok(Some((_, Some(range)))) => range.contains(wanted),
            Ok(_) => true,
            Err(_) => false,
        })
    }

    /// Compatible versions before `id` that all could do with who ask for it, the highest first.
    fn earlier(&mut self, id: &NpmId, walk: &Walk, demoted: &BTreeSet<NpmId>) -> Vec<Version> {
        let mut common: Option<Vec<Version>> = None;
        for (key, group) in walk.groups.iter().filter(|(key, _)| key.name == id.name) {
            let in_range = self.versions_in_range(key, group);
            if !in_range.versions.contains(&id.version) {
                continue;
            }
            common = Some(match common {
                Some(common) => {
                    common.into_iter().filter(|version| in_range.versions.contains(version)).collect()
                }
                None => in_range.versions.iter().filter(|version| **version < id.version).cloned().collect(),
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
