//! The resolver against registries of a few lines, and against random ones.

use serde_json::{Value, json};

use super::*;
use crate::digest::Integrity;
use crate::npm::packument::{RequirementKind, Target};

/// A registry as text, a version a line: `a@1.0.0 b@^1 peer:c@>=2 optional:d@1 maybe:e@*`. `maybe` is an optional peer.
struct Registry(BTreeMap<String, Value>);

impl Registry {
    fn new(lines: &str) -> Self {
        let mut registry = Self(BTreeMap::new());
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split(' ');
            let (name, version) = words.next().unwrap().rsplit_once('@').unwrap();
            let document = registry.0.entry(name.to_owned()).or_insert_with(|| json!({"versions": {}}));
            document["versions"][version] = release(&format!("{name}@{version}"), words);
            let highest =
                document["versions"].as_object().unwrap().keys().map(|key| key.parse::<Version>().unwrap());
            let latest = highest.filter(|version| !version.is_prerelease()).max();
            if let Some(latest) = latest {
                document["dist-tags"]["latest"] = latest.to_string().into();
            }
        }
        registry
    }

    fn set(&mut self, pointer: &[&str], value: impl Into<Value>) {
        let mut at = self.0.get_mut(pointer[0]).unwrap();
        for key in &pointer[1..] {
            at = &mut at[*key];
        }
        *at = value.into();
    }

    fn packument(&self, name: &NpmName) -> Option<Packument> {
        let document = self.0.get(name.as_str())?.to_string();
        Some(Packument::read(name.clone(), document.as_bytes()).unwrap())
    }

    fn resolve(&self, roots: &[&str]) -> Result<Resolution, NpmResolveError> {
        self.resolve_with(&request(roots, &[]), &NpmGraph::default(), None)
    }

    fn resolve_using(&self, roots: &[&str], using: &[&str]) -> Result<Resolution, NpmResolveError> {
        self.resolve_with(&request(roots, using), &NpmGraph::default(), None)
    }

    /// Documents come in the order of their names, or in that of `random`, one at a time.
    fn resolve_with(
        &self,
        request: &NpmRequest,
        locked: &NpmGraph,
        mut random: Option<&mut fastrand::Rng>,
    ) -> Result<Resolution, NpmResolveError> {
        let mut resolver = Resolver::new(request, &Renames::default(), locked)?;
        loop {
            let wanted: Vec<NpmName> = match resolver.advance()? {
                Progress::Done(resolution) => return Ok(resolution),
                Progress::Wants(wanted) => wanted.into_iter().collect(),
            };
            assert!(!wanted.is_empty());
            let next = match &mut random {
                Some(random) => vec![wanted[random.usize(0..wanted.len())].clone()],
                None => wanted,
            };
            for name in next {
                match self.packument(&name) {
                    Some(packument) => resolver.add(packument),
                    None => resolver.add_unknown(name, "http://localhost:1/".to_owned()),
                }
            }
        }
    }

    /// The packages, each with its dependencies.
    fn graph(&self, roots: &[&str]) -> Vec<String> {
        shown(&self.resolve(roots).unwrap())
    }
}

fn release<'a>(id: &str, words: impl Iterator<Item = &'a str>) -> Value {
    let url = format!("http://localhost:1/{id}.tgz");
    let mut release =
        json!({"dist": {"tarball": url, "integrity": Integrity::of(id.as_bytes()).to_string()}});
    for word in words {
        let (kind, dependency) = word
            .split_once(':')
            .filter(|(kind, _)| ["optional", "peer", "maybe"].contains(kind))
            .unwrap_or(("", word));
        let at = dependency[1..].find('@').unwrap() + 1;
        let (name, range) = (&dependency[..at], dependency[at + 1..].replace('_', " "));
        let list = match kind {
            "optional" => "optionalDependencies",
            "peer" | "maybe" => "peerDependencies",
            _ => "dependencies",
        };
        release[list][name] = range.into();
        if kind == "maybe" {
            release["peerDependenciesMeta"][name] = json!({"optional": true});
        }
    }
    release
}

fn request(roots: &[&str], using: &[&str]) -> NpmRequest {
    let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    NpmRequest { roots: parse(roots), using_dependencies: parse(using) }
}

fn shown(resolution: &Resolution) -> Vec<String> {
    let line = |(id, node): (&NpmId, &NpmNode)| {
        let name = |(import, id): (&String, &NpmId)| match *import == id.name.as_str() {
            true => format!(" {id}"),
            false => format!(" {import}={id}"),
        };
        id.to_string() + &node.dependencies.iter().map(name).collect::<String>()
    };
    resolution.graph.packages.iter().map(line).collect()
}

#[test]
fn the_highest_version_in_range_is_taken_with_all_that_it_needs() {
    let registry = Registry::new(
        "a@1.0.0 \n a@1.2.0 b@^1 \n a@2.0.0 \n b@1.5.0 @s/c@~2.1.0 \n b@1.4.0 \n @s/c@2.1.7 \n @s/c@2.2.0",
    );
    assert_eq!(registry.graph(&["a#^1.0.0"]), ["@s/c@2.1.7", "a@1.2.0 b@1.5.0", "b@1.5.0 @s/c@2.1.7"]);
    let resolution = registry.resolve(&["a#^1.0.0 as x", "a/sub#1"]).unwrap();
    let roots: Vec<String> =
        resolution.graph.roots.iter().map(|(specifier, id)| format!("{specifier} {id}")).collect();
    assert_eq!(roots, ["a#^1.0.0 a@1.2.0", "a/sub#1 a@1.2.0"]);
    let id: NpmId = "a@1.2.0".parse().unwrap();
    assert_eq!(resolution.graph.packages[&id].integrity, Integrity::of(b"a@1.2.0"));
    assert_eq!(resolution.tarballs[&id].as_str(), "http://localhost:1/a@1.2.0.tgz");
}

#[test]
fn tags_prereleases_and_deprecated_versions_are_taken_only_when_asked_for() {
    let mut registry =
        Registry::new("a@1.0.0 \n a@1.1.0 \n a@1.2.0 \n a@2.0.0-rc.1 \n b@1.0.0-rc.1 \n b@1.0.0-rc.2");
    registry.set(&["a", "dist-tags", "next"], "2.0.0-rc.1");
    registry.set(&["a", "versions", "1.2.0", "deprecated"], "broken");
    for (specifier, id) in [
        ("a", "a@1.1.0"),
        ("a#*", "a@1.1.0"),
        ("a#1.2.0", "a@1.2.0"),
        ("a#next", "a@2.0.0-rc.1"),
        ("a#>=2.0.0-0", "a@2.0.0-rc.1"),
        ("b", "b@1.0.0-rc.2"),
    ] {
        assert_eq!(registry.graph(&[specifier]), [id], "{specifier}");
    }
    let resolution = registry.resolve(&["a#1.2.0"]).unwrap();
    assert_eq!(resolution.deprecated.values().collect::<Vec<_>>(), ["broken"]);
    registry.set(&["a", "dist-tags", "latest"], "1.0.0");
    assert_eq!(registry.graph(&["a#^1"]), ["a@1.0.0"], "what the registry calls the latest comes first");
}

#[test]
fn majors_stand_side_by_side_and_each_has_its_own_peer() {
    let registry = Registry::new(
        "react@18.3.1 \n react@19.2.0 \n react-dom@18.3.1 peer:react@^18.3.1 s@^0.23.0 \n react-dom@19.2.0 peer:react@^19.2.0 s@^0.27.0 \n s@0.23.2 \n s@0.27.0",
    );
    let expected = [
        "react@18.3.1",
        "react@19.2.0",
        "react-dom@18.3.1 react@18.3.1 s@0.23.2",
        "react-dom@19.2.0 react@19.2.0 s@0.27.0",
        "s@0.23.2",
        "s@0.27.0",
    ];
    assert_eq!(registry.graph(&["react#18", "react-dom#18", "react#19", "react-dom#19"]), expected);
    assert_eq!(
        registry.graph(&["react-dom#18", "react-dom#19"]),
        expected,
        "also where nobody asks for react"
    );
}

#[test]
fn a_dependency_takes_the_users_version_if_it_may() {
    let registry = Registry::new(
        "a@1.0.0 rxjs@>=6 \n b@1.0.0 rxjs@^7 \n rxjs@6.6.0 \n rxjs@7.5.0 \n rxjs@7.8.0 \n rxjs@8.0.0",
    );
    assert_eq!(registry.graph(&["a", "rxjs#^7"]), ["a@1.0.0 rxjs@7.8.0", "rxjs@7.8.0"]);
    assert_eq!(registry.graph(&["a", "b"]), ["a@1.0.0 rxjs@7.8.0", "b@1.0.0 rxjs@7.8.0", "rxjs@7.8.0"]);
    assert_eq!(registry.graph(&["a", "b", "rxjs#7.5.0"])[1], "b@1.0.0 rxjs@7.5.0");
    assert_eq!(registry.graph(&["rxjs/operators", "rxjs#^7"]), ["rxjs@7.8.0"]);
    assert_eq!(registry.graph(&["a", "rxjs#^7", "rxjs#6"])[0], "a@1.0.0 rxjs@7.8.0");
}

#[test]
fn peers_are_the_users_then_an_ancestors_then_anybodys_then_brought_in() {
    let registry = Registry::new(
        "kit@1.0.0 plugin@^1 react@^17 \n other@1.0.0 react@^18 \n plugin@1.0.0 peer:react@>=16 \n react@16.0.0 \n react@17.0.0 \n react@18.0.0 \n react@19.0.0",
    );
    let of_plugin = |roots: &[&str]| {
        let graph = registry.graph(roots);
        graph.into_iter().find(|line| line.starts_with("plugin")).unwrap()
    };
    assert_eq!(of_plugin(&["kit", "other", "react#16"]), "plugin@1.0.0 react@16.0.0");
    assert_eq!(of_plugin(&["kit", "other"]), "plugin@1.0.0 react@17.0.0");
    assert_eq!(of_plugin(&["plugin", "other"]), "plugin@1.0.0 react@18.0.0");
    assert_eq!(of_plugin(&["plugin"]), "plugin@1.0.0 react@19.0.0");
}

#[test]
fn optional_peers_are_never_brought_in() {
    let registry = Registry::new("a@1.0.0 maybe:b@^1 \n b@1.0.0 \n b@2.0.0 \n c@1.0.0 b@^1");
    assert_eq!(registry.graph(&["a"]), ["a@1.0.0"]);
    assert_eq!(registry.graph(&["a", "b#1"]), ["a@1.0.0 b@1.0.0", "b@1.0.0"]);
    assert_eq!(registry.graph(&["a", "b#2"]), ["a@1.0.0", "b@2.0.0"]);
    assert_eq!(registry.graph(&["a", "c"])[0], "a@1.0.0 b@1.0.0");
}

#[test]
fn what_is_optional_may_be_missing() {
    let mut registry = Registry::new(
        "a@1.0.0 optional:gone@1 optional:b@9 optional:c@file:../c optional:native@1 optional:d@1 \n b@1.0.0 \n d@1.0.0 \n native@1.0.0",
    );
    registry.set(&["native", "versions", "1.0.0", "os"], json!(["darwin"]));
    assert_eq!(registry.graph(&["a"]), ["a@1.0.0 d@1.0.0", "d@1.0.0"]);
}

#[test]
fn a_dependency_can_have_another_name() {
    let registry = Registry::new("a@1.0.0 b-cjs@npm:b@^4 b@^5 \n b@4.2.0 \n b@5.0.0");
    assert_eq!(registry.graph(&["a"]), ["a@1.0.0 b@5.0.0 b-cjs=b@4.2.0", "b@4.2.0", "b@5.0.0"]);
}

#[test]
fn circles_and_types_do_no_harm() {
    let registry = Registry::new("a@1.0.0 b@1 @types/node@* a@^9 \n b@1.0.0 c@1 \n c@1.0.0 a@1 peer:b@1");
    assert_eq!(registry.graph(&["a"]), ["a@1.0.0 b@1.0.0", "b@1.0.0 c@1.0.0", "c@1.0.0 a@1.0.0 b@1.0.0"]);
}

#[test]
fn overrides_reach_every_depth() {
    let registry = Registry::new(
        "a@1.0.0 b@1 \n b@1.0.0 c@^1 peer:d@3 e@git+ssh://x \n c@1.0.0 \n c@1.5.0 \n c@2.0.0 \n d@3.0.0 \n d@4.0.0 \n e@1.0.0",
    );
    let using = ["c#2", "d#4.0.0", "e#1", "unused#1"];
    let resolution = registry.resolve_using(&["a"], &using).unwrap();
    assert_eq!(shown(&resolution)[1], "b@1.0.0 c@2.0.0 d@4.0.0 e@1.0.0");
    let resolution = registry.resolve_using(&["a", "c"], &["c#1.0.0", "e#1"]).unwrap();
    assert_eq!(resolution.graph.roots["c"].to_string(), "c@1.0.0");
    let several = registry.resolve_using(&["a", "c#2"], &["c#1.0.0", "c#2.0.0", "e#1"]).unwrap();
    assert_eq!(shown(&several)[1], "b@1.0.0 c@1.0.0 d@3.0.0 e@1.0.0");
}

#[test]
fn what_is_locked_stays_as_long_as_it_may() {
    let registry = Registry::new("a@1.0.0 b@^1 \n a@1.1.0 b@^1 \n b@1.0.0 \n b@1.1.0 \n c@1.0.0 b@^1.1.0");
    let old = Registry::new("a@1.0.0 b@^1 \n b@1.0.0");
    let locked = old.resolve(&["a"]).unwrap().graph;
    let again = |roots: &[&str]| shown(&registry.resolve_with(&request(roots, &[]), &locked, None).unwrap());
    assert_eq!(again(&["a"]), ["a@1.0.0 b@1.0.0", "b@1.0.0"]);
    assert_eq!(again(&["a", "c"])[..2], ["a@1.0.0 b@1.1.0", "b@1.1.0"]);
    assert_eq!(again(&["a#^1.1.0"])[0], "a@1.1.0 b@1.0.0");
    let tagged = old.resolve(&["a#latest"]).unwrap().graph;
    let resolution = registry.resolve_with(&request(&["a#latest"], &[]), &tagged, None).unwrap();
    assert_eq!(shown(&resolution)[0], "a@1.0.0 b@1.0.0");
}

#[test]
fn a_version_that_was_published_anew_is_refused() {
    let mut registry = Registry::new("a@1.0.0");
    let locked = registry.resolve(&["a"]).unwrap().graph;
    let (old, new) = (Integrity::of(b"a@1.0.0"), Integrity::of(b"evil"));
    registry.set(&["a", "versions", "1.0.0", "dist", "integrity"], new.to_string());
    let error = registry.resolve_with(&request(&["a"], &[]), &locked, None).unwrap_err();
    assert_eq!(error.code(), "npm-package-changed");
    assert_eq!(error.to_string(), format!("`a@1.0.0` was published as {new}, but is locked as {old}"));
}

#[test]
fn an_earlier_version_is_tried_where_the_newest_excludes_another() {
    let registry = Registry::new(
        "react@18.2.0 \n react@18.3.0 \n dom@18.2.0 peer:react@^18.2.0 \n dom@18.3.0 peer:react@^18.3.0",
    );
    assert_eq!(registry.graph(&["dom#18", "react#18.2.0"]), ["dom@18.2.0 react@18.2.0", "react@18.2.0"]);
    let registry =
        Registry::new("a@1.0.0 c@~1.1.0 \n a@1.1.0 c@~1.2.0 \n b@1.0.0 c@~1.1.0 \n c@1.1.0 \n c@1.2.0");
    assert_eq!(registry.graph(&["a", "b"]), ["a@1.0.0 c@1.1.0", "b@1.0.0 c@1.1.0", "c@1.1.0"]);
    let registry = Registry::new(
        "pin@1.0.0 c@1.1.0 \n a@1.0.0 c@^1 \n a@1.1.0 c@^1.2.0 \n b@1.0.0 c@^1 \n b@1.1.0 c@~1.3.0 \n c@1.1.0 \n c@1.2.0 \n c@1.3.0",
    );
    let expected = ["a@1.0.0 c@1.1.0", "b@1.0.0 c@1.1.0", "c@1.1.0", "pin@1.0.0 c@1.1.0"];
    assert_eq!(registry.graph(&["a", "b", "pin"]), expected, "several give way to one");
}

#[test]
fn errors_say_who_asked_for_what() {
    let mut registry = Registry::new(
        "a@1.0.0 c@~1.1.0 \n b@1.0.0 c@~1.2.0 \n c@1.1.0 \n c@1.2.0 \n c@3.0.0-rc.1 \n d@1.0.0 gone@1 \n e@1.0.0 d@1 \n f@1.0.0 c@^7.1 \n g@1.0.0 h@user/h \n i@1.0.0 c@nightly \n j@1.0.0 \n k@1.0.0",
    );
    registry.set(
        &["j", "versions", "1.0.0", "dist"],
        json!({"tarball": "http://localhost:1/j.tgz", "shasum": "00"}),
    );
    registry.set(&["k", "versions", "1.0.0", "dependencies"], 7);
    let cases: [(&[&str], &str, &str, Option<&str>); 9] = [
        (
            &["a", "b"],
            "npm-version-conflict",
            "no version of `c` suits all who ask for it: `a@1.0.0` for `~1.1.0`, `b@1.0.0` for `~1.2.0`",
            Some("have all get one version, if they can do with it: `usingDependencies: ['c#1.2.0']`"),
        ),
        (
            &["c#1.1.0", "c#1.2.0 as d"],
            "npm-version-conflict",
            "no version of `c` suits all who ask for it: the request for `c#1.1.0`, the request for `c#1.2.0`",
            Some("ask for one version, or for versions that are not compatible with each other"),
        ),
        (
            &["e"],
            "npm-package-unknown",
            "the npm registry `http://localhost:1/` has no `gone` (e → e@1.0.0 → d@1.0.0)",
            Some("check the name, or set `npm_config_registry` to the registry that has it"),
        ),
        (
            &["gone#1"],
            "npm-package-unknown",
            "the npm registry `http://localhost:1/` has no `gone` (`gone#1`)",
            Some("check the name, or set `npm_config_registry` to the registry that has it"),
        ),
        (
            &["f"],
            "npm-version-unknown",
            "no version of `c` is in the range `^7.1` (f → f@1.0.0)",
            Some("there are `1.1.0`, `1.2.0`, `3.0.0-rc.1`"),
        ),
        (
            &["i"],
            "npm-version-unknown",
            "`c` has no version that is tagged `nightly` (i → i@1.0.0)",
            Some("there are `latest`"),
        ),
        (
            &["g"],
            "npm-dependency-foreign",
            "`h` would come from `user/h`, which is no npm registry (g → g@1.0.0)",
            Some("name a published version of it: `usingDependencies: ['h#…']`"),
        ),
        (
            &["j"],
            "npm-integrity-missing",
            "`j@1.0.0` cannot be used: the registry gives no integrity for it: `` holds no `sha512-…` hash (j → j@1.0.0)",
            Some("another version may do: name one with `#version`, or in `usingDependencies`"),
        ),
        (
            &["a#1.0.0 as x", "c#1.1.0 as x"],
            "npm-alias-twice",
            "`a#1.0.0 as x` and `c#1.1.0 as x` have the same alias `x`",
            Some("give each its own alias"),
        ),
    ];
    for (roots, code, message, hint) in cases {
        let error = registry.resolve(roots).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, message));
        assert_eq!(error.hint().as_deref(), hint);
    }
    let error = registry.resolve(&["k"]).unwrap_err();
    assert_eq!(error.code(), "npm-registry-malformed", "{error}");
}

#[test]
fn a_renamed_package_is_found_under_its_new_name() {
    let registry = Registry::new("@fortawesome/fontawesome-free@5.12.1");
    let resolution = registry.resolve(&["fontawesome#5.12.1~css/all.min.css"]).unwrap();
    let id = &resolution.graph.roots["fontawesome#5.12.1~css/all.min.css"];
    assert_eq!(id.to_string(), "@fortawesome/fontawesome-free@5.12.1");
}

/// Ten packages with a few versions each, and dependencies among them.
fn random_registry(random: &mut fastrand::Rng) -> Registry {
    const RANGES: [&str; 9] =
        ["*", "^1.0.0", "^2.0.0", "~1.1.0", "1.x_||_2.x", ">=1.1.0", "0.1.x", "^0.1.0", "latest"];
    const KINDS: [&str; 6] = ["", "", "", "peer:", "maybe:", "optional:"];
    const VERSIONS: [&str; 9] =
        ["0.1.0", "0.1.1", "0.2.0", "1.0.0", "1.1.0", "1.1.1", "1.2.0", "2.0.0", "2.1.0-rc.1"];
    let mut lines = String::new();
    for package in 0..10 {
        for version in VERSIONS.iter().filter(|_| random.u8(0..4) > 0).collect::<Vec<_>>() {
            lines += &format!("p{package}@{version}");
            for _ in 0..random.usize(0..4) {
                let (kind, range) = (KINDS[random.usize(0..6)], RANGES[random.usize(0..9)]);
                lines += &format!(" {kind}p{}@{range}", random.usize(0..11));
            }
            lines += "\n";
        }
    }
    Registry::new(&lines)
}

/// Everything that is needed is there and in its range, and no two versions of a package are compatible.
fn check(registry: &Registry, request: &NpmRequest, resolution: &Resolution) {
    let graph = &resolution.graph;
    let suits = |name: &NpmName, range: Option<&NpmRange>, id: &NpmId| {
        let packument = registry.packument(name).unwrap();
        id.name == *name
            && range.is_none_or(|range| match range.tag() {
                Some(tag) => packument.tagged(tag) == Some(&id.version),
                None => range.contains(&id.version),
            })
    };
    for root in &request.roots {
        assert!(suits(root.name(), root.range(), &graph.roots[&root.normalised()]), "{root}");
    }
    for (id, node) in &graph.packages {
        let packument = registry.packument(&id.name).unwrap();
        let release = packument.release(&id.version).unwrap().unwrap();
        for requirement in &release.requirements {
            let Target::Package { name, range } = &requirement.target else { panic!("none is foreign") };
            let found = node.dependencies.get(&requirement.import);
            let may_lack =
                matches!(requirement.kind, RequirementKind::Optional | RequirementKind::OptionalPeer)
                    || *name == id.name;
            match found {
                Some(found) => {
                    assert!(suits(name, range.as_ref(), found), "{id} has {found} for {requirement:?}");
                    assert!(graph.packages.contains_key(found));
                }
                None => assert!(may_lack, "{id} lacks {requirement:?}"),
            }
        }
    }
    let number = |version: &Version| match (version.major(), version.minor()) {
        (0, minor) => (0, minor),
        (major, _) => (major, 0),
    };
    let classes: BTreeSet<_> = graph.packages.keys().map(|id| (&id.name, number(&id.version))).collect();
    assert_eq!(classes.len(), graph.packages.len(), "{:?}", shown(resolution));
}

#[test]
fn random_requests_are_met_in_full_and_the_same_whatever_comes_first() {
    let mut met = 0;
    for seed in 0..150 {
        let mut random = fastrand::Rng::with_seed(seed);
        let registry = random_registry(&mut random);
        let roots: Vec<String> =
            (0..random.usize(1..4)).map(|_| format!("p{}", random.usize(0..10))).collect();
        let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
        let request = request(&roots, &[]);
        let outcome = registry.resolve_with(&request, &NpmGraph::default(), None);
        for _ in 0..3 {
            let shuffled = registry.resolve_with(&request, &NpmGraph::default(), Some(&mut random));
            assert_eq!(shuffled, outcome, "seed {seed}");
        }
        if let Ok(resolution) = outcome {
            check(&registry, &request, &resolution);
            let locked = registry.resolve_with(&request, &resolution.graph, None).unwrap();
            check(&registry, &request, &locked);
            met += 1;
        }
    }
    assert!(met > 40, "only {met} requests could be met");
}
