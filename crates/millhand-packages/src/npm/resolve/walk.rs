//! Who asks for what: from the roots along what was chosen so far.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nodejs_semver::Version;

use super::choose::Failure;
use super::{MAX_PACKAGES, NpmResolveError, Resolver, Root};
use crate::npm::packument::{Release, Requirement, RequirementKind, Target};
use crate::npm::{NpmId, NpmName};
use crate::specifier::NpmRange;

/// What is asked for, as far as the answer depends on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) name: NpmName,
    /// As it is written; empty for any version.
    pub(super) range: String,
    /// Who asks: set for peers, which depend on where one stands.
    pub(super) peer_of: Option<NpmId>,
}

/// What was chosen. `None` where there is no answer, and need not be one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers(pub(super) BTreeMap<Key, Option<Version>>);

impl Answers {
    pub(super) fn id(&self, key: &Key) -> Option<NpmId> {
        let version = self.0.get(key)?.clone()?;
        Some(NpmId { name: key.name.clone(), version })
    }

    pub(super) fn of_root(&self, root: &Root) -> Option<NpmId> {
        self.id(&root.key())
    }
}

/// All who ask for the same.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) range: Option<NpmRange>,
    pub(super) askers: Vec<Asker>,
    /// Whether nobody needs it.
    pub(super) is_optional: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// The specifier.
    User(String),
    Package(NpmId),
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) groups: BTreeMap<Key, Group>,
    /// What it went along.
    pub(super) answers: Answers,
    pub(super) packages: BTreeSet<NpmId>,
    /// Why what was found cannot be had.
    pub(super) failure: Option<Failure>,
    /// Documents that are missing.
    pub(super) wanted: BTreeSet<NpmName>,
    /// Who first led to a package: the shortest way from a root.
    led_by: BTreeMap<NpmId, Asker>,
    /// Who asks for a package as a dependency.
    parents: BTreeMap<NpmId, BTreeSet<NpmId>>,
}

impl Walk {
    fn ask(&mut self, key: Key, range: Option<NpmRange>, asker: Asker, is_optional: bool) {
        let group = self.groups.entry(key).or_insert(Group { range, askers: Vec::new(), is_optional });
        group.is_optional &= is_optional;
        group.askers.push(asker);
    }

    /// Keeps what was asked for in an earlier walk.
    pub(super) fn remember(&mut self, before: BTreeMap<Key, Group>) {
        for (key, group) in before {
            self.groups.entry(key).or_insert(group);
        }
    }

    /// The way from the user to `id`.
    pub(super) fn chain_to(&self, id: &NpmId) -> Vec<String> {
        let mut chain = vec![id.to_string()];
        let mut at = id;
        while let Some(asker) = self.led_by.get(at) {
            match asker {
                Asker::Package(parent) => {
                    chain.push(parent.to_string());
                    at = parent;
                }
                Asker::User(specifier) => {
                    chain.push(specifier.clone());
                    break;
                }
            }
        }
        chain.reverse();
        chain
    }

    /// The way from the user to whoever asks first.
    pub(super) fn chain_of(&self, askers: &[Asker]) -> Vec<String> {
        match askers.first() {
            Some(Asker::Package(id)) => self.chain_to(id),
            Some(Asker::User(specifier)) => vec![specifier.clone()],
            None => Vec::new(),
        }
    }

    /// Those who brought `id` in, the nearest first.
    pub(super) fn ancestors<'a>(&'a self, id: &'a NpmId) -> Vec<&'a NpmId> {
        let mut seen = BTreeSet::from([id]);
        let mut found = Vec::new();
        let mut queue = VecDeque::from([id]);
        while let Some(at) = queue.pop_front() {
            for parent in self.parents.get(at).into_iter().flatten() {
                if seen.insert(parent) {
                    found.push(parent);
                    queue.push_back(parent);
                }
            }
        }
        found
    }
}

impl Root {
    pub(super) fn key(&self) -> Key {
        Key { name: self.name.clone(), range: text_of(self.range.as_ref()), peer_of: None }
    }
}

fn text_of(range: Option<&NpmRange>) -> String {
    range.map(|range| range.as_str().to_owned()).unwrap_or_default()
}

impl Resolver {
    /// Asks for the roots, and for what the answers need.
    pub(super) fn walk(&self, answers: Answers) -> Walk {
        let mut walk = Walk::default();
        let mut queue = VecDeque::new();
        for root in &self.roots {
            let asker = Asker::User(root.specifier.clone());
            let key = root.key();
            if let Some(id) = answers.id(&key) {
                queue.push_back((id, asker.clone()));
            }
            walk.ask(key, root.range.clone(), asker, false);
        }
        while let Some((id, by)) = queue.pop_front() {
            if let Asker::Package(parent) = &by {
                walk.parents.entry(id.clone()).or_default().insert(parent.clone());
            }
            if !walk.packages.insert(id.clone()) {
                continue;
            }
            walk.led_by.insert(id.clone(), by);
            if walk.packages.len() > MAX_PACKAGES {
                walk.failure = Some(NpmResolveError::TooManyPackages { max_packages: MAX_PACKAGES }.into());
                break;
            }
            let Some(Ok(release)) = self.release(&id) else { continue };
            for requirement in &release.requirements {
                let (key, range) = match self.ask_of(&id, requirement, &walk) {
                    Ok(Some(ask)) => ask,
                    Ok(None) => continue,
                    Err(error) => {
                        _ = walk.failure.get_or_insert_with(|| error.into());
                        continue;
                    }
                };
                if let Some(found) = answers.id(&key) {
                    queue.push_back((found, Asker::Package(id.clone())));
                }
                let is_optional = requirement.kind == RequirementKind::Optional;
                walk.ask(key, range, Asker::Package(id.clone()), is_optional);
            }
        }
        walk.answers = answers;
        walk
    }

    /// What `id` asks for, unless that is nothing to bring in.
    pub(super) fn ask_of(
        &self,
        id: &NpmId,
        requirement: &Requirement,
        walk: &Walk,
    ) -> Result<Option<(Key, Option<NpmRange>)>, NpmResolveError> {
        let is_own_name = requirement.import == id.name.as_str();
        if is_own_name || requirement.kind == RequirementKind::OptionalPeer {
            return Ok(None);
        }
        match &requirement.target {
            Target::Package { name, range } => {
                let range = self.overrides.applied_to(name, range.as_ref());
                let peer_of = (requirement.kind == RequirementKind::Peer).then(|| id.clone());
                let key = Key { name: name.clone(), range: text_of(range.as_ref()), peer_of };
                Ok(Some((key, range)))
            }
            Target::Foreign(_) if requirement.kind == RequirementKind::Optional => Ok(None),
            // An override says which version of the registry will do.
            Target::Foreign(source) => match requirement.import.parse() {
                Ok(name) if self.overrides.has(&name) => {
                    let range = self.overrides.applied_to(&name, None);
                    Ok(Some((Key { name, range: text_of(range.as_ref()), peer_of: None }, range)))
                }
                _ => Err(NpmResolveError::Foreign {
                    name: requirement.import.clone(),
                    source_text: source.clone(),
                    asked_by: walk.chain_to(id),
                }),
            },
        }
    }

    /// What `id` may import, by name.
    pub(super) fn dependencies(&self, id: &NpmId, release: &Release, walk: &Walk) -> BTreeMap<String, NpmId> {
        let find = |requirement: &Requirement| {
            let found = match (&requirement.target, requirement.kind) {
                (Target::Package { name, range }, RequirementKind::OptionalPeer) => {
                    self.present_peer(id, name, range.as_ref(), walk)?
                }
                _ => walk.answers.id(&self.ask_of(id, requirement, walk).ok()??.0)?,
            };
            Some((requirement.import.clone(), found))
        };
        release.requirements.iter().filter_map(find).collect()
    }
}
