//! Which packages an environment needs, when some of them are not in Pyodide's lock.
//!
//! It does no I/O: [`Solver::step`] says what is wanted, [`Solver::supply`] takes what was found, until nothing is
//! wanted. Each package has one version, from the lock where that will do, else a wheel. What is settled is
//! sound: every requirement that applies is met. A choice is taken back only when it leads to a package that
//! cannot be had ([`Solver::retreat`]), and only so often.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pep440_rs::VersionParseError;
use pep508_rs::{ExtraName, MarkerEnvironment, Requirement, VerbatimUrl, VersionOrUrl};

use super::contents::WheelContents;
use super::markers::environment_of;
use crate::digest::Sha256;
use crate::pyodide::Lock;
use crate::specifier::{PackageName, PythonRequirement, VersionRange};
use crate::wheel::WheelName;

/// How often the graph is walked. A real one settles after as many walks as it is deep.
const MAX_WALKS: u32 = 200;
/// How often a choice is taken back.
const MAX_RETREATS: u32 = 8;

/// Settles which packages there are.
#[derive(Debug)]
pub(crate) struct Solver<'a> {
    lock: &'a Lock,
    roots: &'a [PythonRequirement],
    environment: MarkerEnvironment,
    wheels: BTreeMap<PackageName, PureWheel>,
    places: BTreeMap<PackageName, Place>,
    /// Versions that led nowhere.
    excluded: BTreeMap<PackageName, BTreeSet<String>>,
    walks: u32,
    retreats: u32,
}

/// A wheel that was found for a want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PureWheel {
    pub(crate) name: WheelName,
    pub(crate) sha256: Sha256,
    pub(crate) contents: WheelContents,
}

impl PureWheel {
    /// Whether it says that it runs on that version of Python, or says nothing.
    pub(crate) fn runs_on_python(&self, python: &str) -> bool {
        let wanted = self.contents.requires_python.as_ref();
        wanted.is_none_or(|wanted| python.parse().is_ok_and(|version| wanted.contains(&version)))
    }
}

/// A wheel that is part of the environment, and the packages that it needs there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SettledWheel {
    pub(crate) wheel: PureWheel,
    pub(crate) depends: Vec<PackageName>,
}

/// A package that has to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    pub(crate) package: PackageName,
    /// The versions that will do for everyone who needs it.
    pub(crate) versions: VersionRange,
    /// Versions among those that will not do.
    pub(crate) excluded: Vec<String>,
    pub(crate) demands: Vec<Demand>,
}

/// One who needs a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    /// The package that needs it, `None` for the request itself.
    pub(crate) by: Option<PackageName>,
    pub(crate) versions: VersionRange,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Find these, supply them, and ask again.
    Find(Vec<Want>),
    /// Nothing: these wheels, and the lock, are the environment.
    Settled(Vec<SettledWheel>),
}

/// The choices change each other for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsettled;

/// Where a package comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Lock,
    Wheel,
    Nowhere,
}

/// What a walk from the roots found.
#[derive(Default)]
struct Graph {
    demands: BTreeMap<PackageName, Vec<Demand>>,
    depends: BTreeMap<PackageName, BTreeSet<PackageName>>,
}

impl<'a> Solver<'a> {
    /// A solver for `roots` on the runtime of `lock`.
    ///
    /// # Errors
    ///
    /// When the lock's version of Python is none.
    pub(crate) fn new(lock: &'a Lock, roots: &'a [PythonRequirement]) -> Result<Self, VersionParseError> {
        Ok(Self {
            lock,
            roots,
            environment: environment_of(&lock.info)?,
            wheels: BTreeMap::new(),
            places: BTreeMap::new(),
            excluded: BTreeMap::new(),
            walks: 0,
            retreats: 0,
        })
    }

    /// What is to be done next.
    ///
    /// # Errors
    ///
    /// When the choices do not come to rest.
    pub(crate) fn step(&mut self) -> Result<Step, Unsettled> {
        while self.walks < MAX_WALKS {
            self.walks += 1;
            let graph = self.walk();
            let places: BTreeMap<PackageName, Place> = graph
                .demands
                .iter()
                .map(|(package, demands)| (package.clone(), self.place(package, demands)))
                .collect();
            if places != self.places {
                self.places = places;
                continue;
            }
            let wants = self.wants(graph.demands);
            return Ok(if wants.is_empty() {
                Step::Settled(self.settled(&graph.depends))
            } else {
                Step::Find(wants)
            });
        }
        Err(Unsettled)
    }

    /// Takes a wheel, in place of another one of its package.
    pub(crate) fn supply(&mut self, wheel: PureWheel) {
        self.wheels.insert(wheel.name.package(), wheel);
    }

    /// Takes back the choice of a wheel that needs `want`, which cannot be had. `false` when there is none, or when
    /// that was done too often.
    pub(crate) fn retreat(&mut self, want: &Want) -> bool {
        let mut dependents = want.demands.iter().filter_map(|demand| demand.by.as_ref());
        let Some(wheel) = dependents.find_map(|by| self.wheels.remove(by)) else { return false };
        self.retreats += 1;
        self.excluded.entry(wheel.name.package()).or_default().insert(wheel.name.version().to_owned());
        self.retreats <= MAX_RETREATS
    }

    /// Where `package` comes from, if all who need it are to be served.
    fn place(&self, package: &PackageName, demands: &[Demand]) -> Place {
        let will_do = |version: &str| demands.iter().all(|demand| demand.versions.accept(version));
        if self.lock.find(package).is_some_and(|entry| will_do(&entry.version)) {
            Place::Lock
        } else if self.wheels.get(package).is_some_and(|wheel| will_do(wheel.name.version())) {
            Place::Wheel
        } else {
            Place::Nowhere
        }
    }

    fn wants(&self, demands: BTreeMap<PackageName, Vec<Demand>>) -> Vec<Want> {
        let is_wanted = |package: &PackageName| self.places.get(package) == Some(&Place::Nowhere);
        let want = |(package, demands): (PackageName, Vec<Demand>)| {
            let versions =
                demands.iter().fold(VersionRange::default(), |all, demand| all.and(&demand.versions));
            let excluded = self.excluded.get(&package).into_iter().flatten().cloned().collect();
            Want { package, versions, excluded, demands }
        };
        demands.into_iter().filter(|(package, _)| is_wanted(package)).map(want).collect()
    }

    fn settled(&self, depends: &BTreeMap<PackageName, BTreeSet<PackageName>>) -> Vec<SettledWheel> {
        let is_used = |package: &PackageName| self.places.get(package) == Some(&Place::Wheel);
        let used = self.wheels.iter().filter(|(package, _)| is_used(package));
        used.map(|(package, wheel)| SettledWheel {
            wheel: wheel.clone(),
            depends: depends.get(package).into_iter().flatten().cloned().collect(),
        })
        .collect()
    }

    /// Follows requirements from the roots, with packages where they were last.
    fn walk(&self) -> Graph {
        let mut graph = Graph::default();
        let mut seen = BTreeSet::new();
        let mut edges: Vec<Edge> = self.roots.iter().rev().map(Edge::of_root).collect();
        while let Some(edge) = edges.pop() {
            if let Some(by) = edge.demand.by.as_ref().filter(|by| **by != edge.package) {
                graph.depends.entry(by.clone()).or_default().insert(edge.package.clone());
            }
            let demands = graph.demands.entry(edge.package.clone()).or_default();
            if !demands.contains(&edge.demand) {
                demands.push(edge.demand);
            }
            for extra in std::iter::once(None).chain(edge.extras.into_iter().map(Some)) {
                if seen.insert((edge.package.clone(), extra.clone())) {
                    edges.extend(self.edges_from(&edge.package, extra.as_ref()));
                }
            }
        }
        graph
    }

    /// What `package` needs, or what its extra adds to that.
    fn edges_from(&self, package: &PackageName, extra: Option<&ExtraName>) -> Vec<Edge> {
        let place = self.places.get(package).copied().unwrap_or(match self.lock.find(package) {
            Some(_) => Place::Lock,
            None => Place::Wheel,
        });
        match (place, self.lock.find(package), self.wheels.get(package)) {
            (Place::Lock, Some(entry), _) => {
                // What the lock itself lacks is not looked for elsewhere: then the lock is at fault.
                let edges = entry.depends.iter().map(|name| Edge::of_lock(package, name));
                edges.filter(|edge| self.lock.find(&edge.package).is_some()).collect()
            }
            (Place::Wheel, _, Some(wheel)) => {
                let applies = |requirement: &&Requirement<VerbatimUrl>| {
                    requirement
                        .evaluate_markers(&self.environment, extra.map_or(&[][..], std::slice::from_ref))
                };
                let applying = wheel.contents.requires.iter().filter(applies);
                applying.map(|requirement| Edge::of_wheel(package, requirement)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A requirement on its way to the package that it names.
struct Edge {
    package: PackageName,
    extras: Vec<ExtraName>,
    demand: Demand,
}

impl Edge {
    fn of_root(requirement: &PythonRequirement) -> Self {
        let extras = requirement.extras().iter().filter_map(|extra| extra.as_str().parse().ok()).collect();
        let demand = Demand { by: None, versions: requirement.versions().clone() };
        Self { package: requirement.name().clone(), extras, demand }
    }

    /// The lock has no ranges: its packages were built for each other.
    fn of_lock(by: &PackageName, name: &str) -> Self {
        let demand = Demand { by: Some(by.clone()), versions: VersionRange::default() };
        Self { package: PackageName::normalised(name), extras: Vec::new(), demand }
    }

    fn of_wheel(by: &PackageName, requirement: &Requirement<VerbatimUrl>) -> Self {
        let versions = match &requirement.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => VersionRange::of(specifiers),
            // A url says where, not which version; what has that name will do.
            Some(VersionOrUrl::Url(_)) | None => VersionRange::default(),
        };
        let demand = Demand { by: Some(by.clone()), versions };
        let package = PackageName::normalised(requirement.name.as_ref());
        Self { package, extras: requirement.extras.clone(), demand }
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions =
            if self.versions.is_any() { "any version".to_owned() } else { format!("`{}`", self.versions) };
        match &self.by {
            Some(by) => write!(formatter, "`{by}` needs {versions}"),
            None => write!(formatter, "{versions} was asked for"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pyodide::resolve::tests::lock;

    /// The index: packages by name, each version with what it needs; the newest that will do is found.
    struct Index(Vec<(&'static str, &'static str, &'static [&'static str])>);

    impl Index {
        fn find(&self, want: &Want) -> Option<PureWheel> {
            let good =
                |version: &str| want.versions.accept(version) && !want.excluded.contains(&version.to_owned());
            let found =
                self.0.iter().filter(|(name, version, _)| *name == want.package.as_str() && good(version));
            let (name, version, requires) = found.max_by_key(|(_, version, _)| *version)?;
            let requires = requires.iter().map(|text| text.parse().unwrap()).collect();
            Some(PureWheel {
                name: format!("{name}-{version}-py3-none-any.whl").parse().unwrap(),
                sha256: Sha256::of(version.as_bytes()),
                contents: WheelContents { requires, ..WheelContents::default() },
            })
        }

        /// The wheels that are settled on, as `name==version(depends)`, or what cannot be had.
        fn solve(&self, lock: &Lock, specifiers: &[&str]) -> Result<String, String> {
            let roots: Vec<PythonRequirement> = specifiers.iter().map(|text| text.parse().unwrap()).collect();
            let mut solver = Solver::new(lock, &roots).unwrap();
            loop {
                match solver.step().map_err(|Unsettled| "unsettled".to_owned())? {
                    Step::Settled(wheels) => return Ok(shown(&wheels)),
                    Step::Find(wants) => {
                        for want in wants {
                            match self.find(&want) {
                                Some(wheel) => solver.supply(wheel),
                                None if solver.retreat(&want) => break,
                                None => {
                                    let demands: Vec<_> =
                                        want.demands.iter().map(ToString::to_string).collect();
                                    return Err(format!("{}: {}", want.package, demands.join(", ")));
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn shown(wheels: &[SettledWheel]) -> String {
        let one = |settled: &SettledWheel| {
            let depends: Vec<&str> = settled.depends.iter().map(PackageName::as_str).collect();
            let name = &settled.wheel.name;
            format!("{}=={}({})", name.package(), name.version(), depends.join(" "))
        };
        wheels.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_the_lock_has_is_not_looked_for() {
        let lock = lock(&[("a", &["b"]), ("b", &[])]);
        assert_eq!(Index(vec![]).solve(&lock, &["a", "b==1.0"]).unwrap(), "");
    }

    #[test]
    fn wheels_and_what_they_need_are_found_and_the_lock_is_preferred() {
        let index = Index(vec![
            ("tool", "2.0", &["six", "helper>=1"]),
            ("helper", "1.5", &["tool"]),
            ("six", "9.0", &[]),
        ]);
        let lock = lock(&[("six", &[])]);
        assert_eq!(index.solve(&lock, &["tool"]).unwrap(), "helper==1.5(tool) tool==2.0(helper six)");
    }

    #[test]
    fn a_version_that_the_lock_has_not_comes_as_a_wheel() {
        let index = Index(vec![("six", "2.0", &[]), ("tool", "1.0", &["six>=2"])]);
        let lock = lock(&[("six", &[]), ("user", &["six"])]);
        assert_eq!(index.solve(&lock, &["six==2.0"]).unwrap(), "six==2.0()");
        assert_eq!(index.solve(&lock, &["user", "tool"]).unwrap(), "six==2.0() tool==1.0(six)");
    }

    #[test]
    fn conditions_are_those_of_a_browser() {
        let index = Index(vec![
            (
                "tool",
                "1.0",
                &[
                    "yes ; sys_platform == 'emscripten'",
                    "no ; sys_platform == 'linux' or platform_system == 'Windows'",
                    "no ; python_version < '3.11'",
                    "yes2 ; python_version >= '3.13' and platform_machine == 'wasm32'",
                    "more ; extra == 'full'",
                ],
            ),
            ("yes", "1.0", &[]),
            ("yes2", "1.0", &[]),
            ("more", "1.0", &[]),
        ]);
        let lock = lock(&[]);
        assert_eq!(index.solve(&lock, &["tool"]).unwrap(), "tool==1.0(yes yes2) yes==1.0() yes2==1.0()");
        assert!(
            index.solve(&lock, &["tool[full]"]).unwrap().starts_with("more==1.0() tool==1.0(more yes yes2)")
        );
    }

    #[test]
    fn an_extra_can_be_made_of_other_extras() {
        let index = Index(vec![
            ("tool", "1.0", &["tool[one] ; extra == 'all'", "deep ; extra == 'one'"]),
            ("deep", "1.0", &[]),
        ]);
        assert_eq!(index.solve(&lock(&[]), &["tool[all]"]).unwrap(), "deep==1.0() tool==1.0(deep)");
    }

    #[test]
    fn a_choice_is_corrected_when_someone_wants_less() {
        let index = Index(vec![
            ("a", "1.0", &["c"]),
            ("b", "1.0", &["b2"]),
            ("b2", "1.0", &["c<2"]),
            ("c", "2.0", &[]),
            ("c", "1.0", &[]),
        ]);
        assert_eq!(index.solve(&lock(&[]), &["a", "b"]).unwrap(), "a==1.0(c) b==1.0(b2) b2==1.0(c) c==1.0()");
    }

    #[test]
    fn an_older_version_is_taken_when_the_newest_leads_nowhere() {
        let index = Index(vec![("a", "2.0", &["native"]), ("a", "1.0", &[])]);
        assert_eq!(index.solve(&lock(&[]), &["a"]).unwrap(), "a==1.0()");
    }

    #[test]
    fn who_needs_what_cannot_be_had_is_told() {
        let index = Index(vec![("a", "1.0", &["b<2"]), ("b", "2.0", &[])]);
        assert_eq!(index.solve(&lock(&[]), &["a==1.0", "b>=2"]).unwrap_err(), "a: `==1.0` was asked for");
        assert_eq!(index.solve(&lock(&[]), &["b<1"]).unwrap_err(), "b: `<1` was asked for");
    }
}
