//! Packages beyond Pyodide's lock, found by the machine's own `uv` or `pip` in an index on loopback.
//!
//! Without either of them on the path, these tests say so and pass: then there is no one to ask.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests may panic and print as tests do"
)]

use std::path::Path;
use std::time::{Duration, SystemTime};

use millhand_fixture::{Answer, SIX_WHEEL, Sources, VERSION, Wheel, page_path, wheel_content};
use millhand_packages::{
    FetchLimits, InstallError, Installer, InstallerSettings, LockedPython, NpmRegistry, Origin,
    PythonEnvironment, PythonIndex, PythonRequest, Sha256,
};

struct World {
    sources: Sources,
    cache: tempfile::TempDir,
}

impl World {
    /// `None` on a machine that has no resolver.
    async fn new() -> Option<Self> {
        let runs = |program: &str| {
            let output = std::process::Command::new(program).arg("--version").output();
            output.is_ok_and(|output| output.status.success())
        };
        if !["uv", "pip", "pip3"].into_iter().any(runs) {
            println!("skipped: neither `uv` nor `pip` is on the path");
            return None;
        }
        let world = Self { sources: Sources::start().await, cache: tempfile::tempdir().unwrap() };
        world.sources.publish_wheels(
            "tool",
            &[
                Wheel::pure("tool", "1.0", &[]),
                Wheel::pure(
                    "tool",
                    "2.0",
                    &["six>=1.16", "helper; sys_platform == 'emscripten'", "no; python_version < '3'"],
                ),
                Wheel::pure("tool", "3.0", &[]).named("tool-3.0-cp313-cp313-manylinux_2_28_x86_64.whl"),
            ],
        );
        world.sources.publish_wheels("helper", &[Wheel::pure("helper", "0.5", &["tool"])]);
        Some(world)
    }

    fn settings(&self) -> InstallerSettings {
        InstallerSettings {
            cdn: self.sources.cdn().parse().unwrap(),
            registry: NpmRegistry::At(self.sources.registry().parse().unwrap()),
            python_index: PythonIndex::At(self.sources.index().parse().unwrap()),
            limits: FetchLimits { backoff: Duration::from_millis(1), ..FetchLimits::default() },
            ..InstallerSettings::in_folder(self.cache.path())
        }
    }

    fn installer(&self) -> Installer {
        Installer::open(self.settings()).unwrap()
    }

    fn offline(&self) -> Installer {
        Installer::open(InstallerSettings { offline: true, ..self.settings() }).unwrap()
    }

    fn with_overlay(&self, overlay: &Path) -> Installer {
        Installer::open(InstallerSettings { overlays: vec![overlay.to_owned()], ..self.settings() }).unwrap()
    }

    async fn install(&self, specifiers: &[&str]) -> Result<PythonEnvironment, InstallError> {
        self.installer().install(&request(specifiers)).await
    }

    async fn failure(&self, specifiers: &[&str]) -> (&'static str, String, String) {
        let error = self.install(specifiers).await.unwrap_err();
        (error.code(), error.to_string(), error.hint().unwrap_or_default())
    }

    /// Locks what `specifiers` need, and forgets every wheel.
    async fn locked(&self, specifiers: &[&str]) -> LockedPython {
        let environment = self.install(specifiers).await.unwrap();
        LockedPython::of(&environment)
    }

    fn forget(&self, sha256: Sha256) {
        let name = sha256.to_string();
        std::fs::remove_file(self.cache.path().join("v1/files").join(&name[..2]).join(&name)).unwrap();
    }

    fn asked(&self, name: &str) -> usize {
        self.sources.hits(&page_path(name))
    }
}

fn request(specifiers: &[&str]) -> PythonRequest {
    PythonRequest {
        version: VERSION.parse().unwrap(),
        requirements: specifiers.iter().map(|specifier| specifier.parse().unwrap()).collect(),
    }
}

fn packages(environment: &PythonEnvironment) -> Vec<String> {
    let entries = environment.packages.iter().map(|name| environment.lock.find(name).unwrap());
    entries.map(|entry| format!("{}=={}", entry.name, entry.version)).collect()
}

#[tokio::test]
async fn a_pure_wheel_comes_with_what_it_needs_in_a_browser() {
    let Some(world) = World::new().await else { return };
    let environment = world.install(&["Tool", "numpy"]).await.unwrap();
    assert_eq!(packages(&environment), ["helper==0.5", "six==1.16.0", "tool==2.0", "numpy==2.2.5"]);

    let wheel = Wheel::pure("helper", "0.5", &["tool"]);
    let file = &environment.files[4];
    assert_eq!((file.name.as_str(), file.origin), (wheel.file_name.as_str(), Origin::Download));
    assert_eq!(file.stored.sha256, Sha256::of(&wheel.content));
    let entry = serde_json::to_value(&environment.lock.packages["tool"]).unwrap();
    let sha256 = environment.lock.packages["tool"].sha256;
    assert_eq!(
        entry,
        serde_json::json!({
            "name": "tool", "version": "2.0", "file_name": "tool-2.0-py3-none-any.whl", "sha256": sha256,
            "depends": ["helper", "six"], "imports": ["tool"], "install_dir": "site", "package_type": "package",
            "unvendored_tests": false,
        })
    );
}

#[tokio::test]
async fn the_second_time_nobody_is_asked() {
    let Some(world) = World::new().await else { return };
    let first = world.install(&["tool"]).await.unwrap();
    let asked = world.asked("tool");
    let second = world.install(&["tool"]).await.unwrap();
    assert_eq!(second.lock, first.lock);
    assert!(second.files.iter().all(|file| file.origin == Origin::Cache));
    assert_eq!(world.asked("tool"), asked);

    // An answer of long ago may have a newer one.
    let records = world.cache.path().join("v1/records/python");
    for record in std::fs::read_dir(records).unwrap() {
        let file = std::fs::File::options().write(true).open(record.unwrap().path()).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60)).unwrap();
    }
    world.install(&["tool"]).await.unwrap();
    assert!(world.asked("tool") > asked);
}

#[tokio::test]
async fn two_at_once_ask_once() {
    let Some(world) = World::new().await else { return };
    let alone = {
        world.install(&["tool==1.0"]).await.unwrap();
        world.asked("tool")
    };
    let installer = world.installer();
    let asked = request(&["tool<2"]);
    let (one, two) = tokio::join!(installer.install(&asked), installer.install(&asked));
    assert_eq!(one.unwrap().lock, two.unwrap().lock);
    assert_eq!(world.asked("tool"), 2 * alone);
}

#[tokio::test]
async fn offline_what_was_downloaded_is_found_also_for_other_requests() {
    let Some(world) = World::new().await else { return };
    let error = world.offline().install(&request(&[])).await.unwrap_err();
    assert_eq!(error.code(), "offline");

    let online = world.install(&["tool", "numpy"]).await.unwrap();
    let asked = world.asked("tool");
    assert_eq!(world.offline().install(&request(&["tool", "numpy"])).await.unwrap().lock, online.lock);
    let other = world.offline().install(&request(&["tool>=2"])).await.unwrap();
    assert_eq!(packages(&other), ["helper==0.5", "six==1.16.0", "tool==2.0"]);

    let error = world.offline().install(&request(&["tool==1.0", "nunpy"])).await.unwrap_err();
    assert_eq!(error.to_string(), "not in the cache, and downloads are off: `nunpy tool==1.0`");
    let hint = error.hint().unwrap();
    assert!(hint.starts_with("run `millhand fetch --pyodide 9.9.9 'tool==1.0' 'nunpy'`"), "{hint}");
    assert!(hint.ends_with("did you mean `numpy`?"), "{hint}");
    assert_eq!(world.asked("tool"), asked);
}

#[tokio::test]
async fn another_version_than_the_locks_comes_from_the_index() {
    let Some(world) = World::new().await else { return };
    world.sources.publish_wheels("six", &[Wheel::pure("six", "2.0", &[])]);
    let environment = world.install(&["python-dateutil", "six==2.0"]).await.unwrap();
    assert_eq!(packages(&environment), ["six==2.0", "python-dateutil==2.9.0"]);
}

#[tokio::test]
async fn what_has_no_pure_wheel_is_told_with_ways_out() {
    let Some(world) = World::new().await else { return };
    let native = Wheel::pure("native", "1.0", &[]).named("native-1.0-cp313-cp313-manylinux_2_28_x86_64.whl");
    world.sources.publish_wheels("native", &[native]);

    let (code, message, hint) = world.failure(&["native"]).await;
    assert_eq!(code, "python-package-not-pure");
    assert!(message.starts_with("there is no pure wheel of `native`"), "{message}");
    assert_eq!(hint, "give a wheel that is built for Pyodide with `--overlay`");

    let (code, message, hint) = world.failure(&["numpy==1.0"]).await;
    assert_eq!(code, "python-version-unavailable", "{message}");
    assert!(hint.starts_with("ask for `numpy==2.2.5`"), "{hint}");
}

#[tokio::test]
async fn what_nobody_has_is_unknown() {
    let Some(world) = World::new().await else { return };
    let (code, message, hint) = world.failure(&["nunpy"]).await;
    assert_eq!(code, "unknown-python-package");
    assert_eq!(message, "there is no Python package `nunpy` for this version of Pyodide");
    assert_eq!(hint, "did you mean `numpy`?");

    world.sources.publish_wheels("needy", &[Wheel::pure("needy", "1.0", &["nowhere"])]);
    let (code, message, _) = world.failure(&["needy"]).await;
    assert_eq!(
        (code, message.as_str()),
        ("unknown-python-package", "`needy` needs `nowhere`, which does not exist")
    );
}

#[tokio::test]
async fn wishes_that_exclude_each_other_are_listed() {
    let Some(world) = World::new().await else { return };
    world.sources.publish_wheels("old", &[Wheel::pure("old", "1.0", &["tool<2"])]);
    let (code, message, _) = world.failure(&["old", "tool>=2"]).await;
    assert_eq!(code, "python-versions-conflict");
    for part in ["`tool`", "`old` needs `<2`", "`>=2` was asked for"] {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn an_older_version_is_taken_when_the_newest_cannot_run() {
    let Some(world) = World::new().await else { return };
    world
        .sources
        .publish_wheels("app", &[Wheel::pure("app", "2.0", &["nowhere"]), Wheel::pure("app", "1.0", &[])]);
    assert_eq!(packages(&world.install(&["app"]).await.unwrap()), ["app==1.0"]);
}

#[tokio::test]
async fn a_wheel_with_another_hash_is_refused_with_both() {
    let Some(world) = World::new().await else { return };
    let (wheel, evil) = (Wheel::pure("helper", "0.5", &["tool"]), Wheel::pure("helper", "0.6", &[]).content);
    world.install(&["helper"]).await.unwrap();
    world.forget(Sha256::of(&wheel.content));
    world.sources.answer(&wheel.path(), &[Answer::Content(evil.clone())]);
    let error = world.install(&["helper"]).await.unwrap_err();
    let message = error.to_string();
    assert_eq!(error.code(), "hash-mismatch", "{message}");
    for part in [&wheel.file_name, &Sha256::of(&evil).to_string(), &Sha256::of(&wheel.content).to_string()] {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn an_overlay_is_not_replaced() {
    let Some(world) = World::new().await else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tool-1.5-py3-none-any.whl"), b"mine").unwrap();
    let installer = world.with_overlay(folder.path());
    assert_eq!(packages(&installer.install(&request(&["tool"])).await.unwrap()), ["tool==1.5"]);
    let error = installer.install(&request(&["tool>=2"])).await.unwrap_err();
    assert_eq!(error.to_string(), "the overlay has `tool==1.5`, but `>=2` was asked for");
}

#[tokio::test]
async fn a_locked_environment_is_made_again_without_asking() {
    let Some(world) = World::new().await else { return };
    let locked = world.locked(&["tool", "numpy"]).await;
    let names: Vec<&str> = locked.packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["helper", "six", "tool", "numpy"]);
    let toml = toml::to_string_pretty(&locked).unwrap();
    assert!(!toml.contains("http") && !toml.contains("127.0.0.1"), "{toml}");
    assert_eq!(toml::from_str::<LockedPython>(&toml).unwrap(), locked);

    world.sources.publish_wheels("tool", &[Wheel::pure("tool", "9.0", &[])]);
    let first = world.install(&["tool", "numpy"]).await.unwrap();
    for installer in [world.installer(), world.offline()] {
        let again = installer.install_locked(&locked).await.unwrap();
        assert_eq!((&again.lock, &again.packages), (&first.lock, &first.packages));
    }
    assert_eq!(world.asked("tool"), 0);
}

#[tokio::test]
async fn a_locked_wheel_that_is_gone_is_fetched_again_and_checked() {
    let Some(world) = World::new().await else { return };
    let locked = world.locked(&["helper"]).await;
    let helper = locked.packages.iter().find(|package| package.name == "helper").unwrap();
    let sha256 = helper.sha256;
    world.forget(sha256);
    let error = world.offline().install_locked(&locked).await.unwrap_err();
    assert_eq!(error.code(), "offline");
    world.installer().install_locked(&locked).await.unwrap();

    world.forget(sha256);
    let other = Wheel::with_files("helper", "0.5", &["tool"], &[("more.py", b"")]);
    world.sources.publish_wheels("helper", std::slice::from_ref(&other));
    let error = world.installer().install_locked(&locked).await.unwrap_err();
    assert_eq!(error.code(), "lockfile-mismatch");
    for part in ["helper-0.5-py3-none-any.whl", &sha256.to_string(), &Sha256::of(&other.content).to_string()]
    {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn each_file_of_a_lockfile_is_checked() {
    let Some(world) = World::new().await else { return };
    let locked = world.locked(&["tool"]).await;
    let evil = Sha256::of(b"evil");

    let mut changed = locked.clone();
    changed.packages.iter_mut().filter(|package| package.file == SIX_WHEEL).for_each(|six| six.sha256 = evil);
    let error = world.installer().install_locked(&changed).await.unwrap_err();
    let found = Sha256::of(&wheel_content(SIX_WHEEL));
    assert_eq!(error.to_string(), format!("`{SIX_WHEEL}` has the sha256 {found}, the lockfile says {evil}"));

    let mut changed = locked.clone();
    changed.runtime.insert("pyodide-lock.json".to_owned(), evil);
    let error = world.installer().install_locked(&changed).await.unwrap_err();
    assert_eq!(error.code(), "lockfile-mismatch");

    let mut changed = locked.clone();
    changed.packages[0].file = "../helper-0.5-py3-none-any.whl".to_owned();
    let error = world.installer().install_locked(&changed).await.unwrap_err();
    assert_eq!(error.code(), "bad-lockfile");
}

#[tokio::test]
async fn the_hash_of_an_overlay_is_in_the_lockfile() {
    let Some(world) = World::new().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let file_name = "numpy-2.3.0-cp313-cp313-pyodide_2025_0_wasm32.whl";
    std::fs::write(folder.path().join(file_name), b"mine").unwrap();
    let installer = world.with_overlay(folder.path());
    let environment = installer.install(&request(&["numpy"])).await.unwrap();
    let locked = LockedPython::of(&environment);
    assert_eq!(
        (locked.packages[0].file.as_str(), locked.packages[0].sha256),
        (file_name, Sha256::of(b"mine"))
    );
    let again = installer.install_locked(&locked).await.unwrap();
    assert_eq!(again.lock, environment.lock);

    std::fs::write(folder.path().join(file_name), b"built anew").unwrap();
    let error = installer.install_locked(&locked).await.unwrap_err();
    let (old, new) = (Sha256::of(b"mine"), Sha256::of(b"built anew"));
    assert_eq!(error.to_string(), format!("`{file_name}` has the sha256 {new}, the lockfile says {old}"));
}
