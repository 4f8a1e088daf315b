//! The installer against a registry and a CDN on loopback, which behave as each test says.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use millhand_fixture::{
    Answer, DATEUTIL_WHEEL, DOCUMENT, NUMPY_WHEEL, SIX_WHEEL, Sources, TARBALL, VERSION, integrity_of, lock,
    tarball, wheel_content, wheel_path,
};
use millhand_packages::{
    FetchLimits, InstallError, Installer, InstallerSettings, NpmRegistry, Origin, PyodideVersion,
    PythonEnvironment, PythonIndex, PythonRequest, Sha256, StoreError,
};

/// Sources, and a machine with an empty cache.
struct World {
    sources: Sources,
    cache: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self { sources: Sources::start().await, cache: tempfile::tempdir().unwrap() }
    }

    fn settings(&self) -> InstallerSettings {
        let limits = FetchLimits { backoff: Duration::from_millis(1), ..FetchLimits::default() };
        InstallerSettings {
            cdn: self.sources.cdn().parse().unwrap(),
            registry: NpmRegistry::At(self.sources.registry().parse().unwrap()),
            python_index: PythonIndex::Off,
            limits,
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

    async fn code_of(&self, specifiers: &[&str]) -> &'static str {
        self.install(specifiers).await.unwrap_err().code()
    }

    /// Files on their way into the store.
    fn leftovers(&self) -> usize {
        std::fs::read_dir(self.cache.path().join("v1/incoming")).unwrap().count()
    }
}

fn request(specifiers: &[&str]) -> PythonRequest {
    PythonRequest {
        version: VERSION.parse().unwrap(),
        requirements: specifiers.iter().map(|specifier| specifier.parse().unwrap()).collect(),
    }
}

fn names(environment: &PythonEnvironment) -> Vec<&str> {
    environment.files.iter().map(|file| file.name.as_str()).collect()
}

fn origins(environment: &PythonEnvironment) -> Vec<Origin> {
    environment.files.iter().map(|file| file.origin).collect()
}

fn wheel_in(folder: &tempfile::TempDir, file_name: &str) -> PathBuf {
    let path = folder.path().join(file_name);
    std::fs::write(&path, b"a wheel of my own").unwrap();
    path
}

#[tokio::test]
async fn an_environment_has_the_runtime_and_the_packages_in_load_order() {
    let world = World::new().await;
    let environment = world.install(&["Python_Dateutil", "numpy==2.2.5"]).await.unwrap();
    assert_eq!(
        names(&environment),
        [
            "pyodide.mjs",
            "pyodide.asm.js",
            "pyodide.asm.wasm",
            "python_stdlib.zip",
            SIX_WHEEL,
            DATEUTIL_WHEEL,
            NUMPY_WHEEL,
        ]
    );
    assert_eq!(environment.files[5].stored.sha256, Sha256::of(&wheel_content(DATEUTIL_WHEEL)));
    let loaded: Vec<&str> = environment.packages.iter().map(|name| name.as_str()).collect();
    assert_eq!(loaded, ["six", "python-dateutil", "numpy"]);
    assert_eq!(serde_json::to_value(&environment.lock).unwrap(), lock());
}

#[tokio::test]
async fn what_was_installed_is_found_without_a_network() {
    let world = World::new().await;
    let first = world.install(&["six"]).await.unwrap();
    assert!(origins(&first).iter().all(|origin| *origin == Origin::Download));

    let second = world.offline().install(&request(&["six"])).await.unwrap();
    assert!(origins(&second).iter().all(|origin| *origin == Origin::Cache));
    assert_eq!(second.lock, first.lock);
    assert_eq!(world.sources.hits(TARBALL), 1);
}

#[tokio::test]
async fn offline_everything_that_is_missing_is_named_with_the_way_to_get_it() {
    let world = World::new().await;
    let error = world.offline().install(&request(&["six"])).await.unwrap_err();
    assert_eq!(error.code(), "offline");
    assert_eq!(error.hint().unwrap(), "run `millhand fetch --pyodide 9.9.9` while there is a network");

    world.install(&[]).await.unwrap();
    let error = world.offline().install(&request(&["python-dateutil"])).await.unwrap_err();
    assert_eq!(error.to_string(), "not in the cache, and downloads are off: `six python-dateutil`");
    assert!(error.hint().unwrap().contains("millhand fetch --pyodide 9.9.9 six python-dateutil"));
}

#[tokio::test]
async fn an_overlay_takes_the_place_of_the_locks_wheel() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file_name = "numpy-2.3.0-cp313-cp313-pyemscripten_2025_0_wasm32.whl";
    let installer = world.with_overlay(&wheel_in(&folder, file_name));
    let environment = installer.install(&request(&["numpy==2.3"])).await.unwrap();

    let file = &environment.files[4];
    assert_eq!((file.name.as_str(), file.origin), (file_name, Origin::Overlay));
    let entry = &environment.lock.packages["numpy"];
    assert_eq!(entry.file_name, file_name);
    assert_eq!(entry.version, "2.3.0");
    assert_eq!(entry.sha256, Sha256::of(b"a wheel of my own"));
    assert_eq!(installer.store().read(entry.sha256).unwrap(), b"a wheel of my own");
    assert_eq!(world.sources.hits(&wheel_path(NUMPY_WHEEL)), 0);
}

#[tokio::test]
async fn an_overlay_can_add_a_package() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    wheel_in(&folder, "my_tool-1.0-py3-none-any.whl");
    let environment = world.with_overlay(folder.path()).install(&request(&["My.Tool", "six"])).await.unwrap();
    assert_eq!(names(&environment)[4..], ["my_tool-1.0-py3-none-any.whl", SIX_WHEEL]);
    assert_eq!(environment.lock.packages["my-tool"].depends, Vec::<String>::new());
}

#[tokio::test]
async fn an_overlay_for_another_runtime_is_an_error_where_it_is_needed() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let installer =
        world.with_overlay(&wheel_in(&folder, "numpy-2.2.5-cp312-cp312-pyodide_2024_0_wasm32.whl"));
    let error = installer.install(&request(&["numpy"])).await.unwrap_err();
    assert_eq!(error.code(), "overlay-incompatible");
    assert!(error.to_string().contains("pyodide_2025_0_wasm32"), "{error}");
    installer.install(&request(&["six"])).await.unwrap();
}

#[tokio::test]
async fn a_tarball_with_another_integrity_is_refused() {
    let world = World::new().await;
    world.sources.describe(VERSION, &integrity_of(b"another tarball"));
    let error = world.install(&[]).await.unwrap_err();
    assert_eq!(error.code(), "integrity-mismatch");
    assert!(error.to_string().contains(&integrity_of(b"another tarball")), "{error}");
    assert_eq!(world.offline().install(&request(&[])).await.unwrap_err().code(), "offline");
}

#[tokio::test]
async fn the_default_version_must_be_the_one_that_millhand_knows() {
    let world = World::new().await;
    world.sources.publish(PyodideVersion::DEFAULT, &tarball(&lock()));
    let request = PythonRequest::default();
    assert_eq!(world.installer().install(&request).await.unwrap_err().code(), "integrity-mismatch");
}

#[tokio::test]
async fn a_wheel_with_another_hash_is_refused() {
    let world = World::new().await;
    world.sources.answer(&wheel_path(SIX_WHEEL), &[Answer::Content(b"evil".to_vec())]);
    let error = world.install(&["six"]).await.unwrap_err();
    assert_eq!(error.code(), "hash-mismatch");
    for part in
        [SIX_WHEEL, &Sha256::of(b"evil").to_string(), &Sha256::of(&wheel_content(SIX_WHEEL)).to_string()]
    {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(world.installer().store().find(Sha256::of(b"evil")).is_none());
    assert_eq!(world.leftovers(), 0);
}

#[tokio::test]
async fn what_is_not_there_is_asked_for_once() {
    let world = World::new().await;
    let path = wheel_path(SIX_WHEEL);
    world.sources.answer(&path, &[Answer::Status(404)]);
    assert_eq!(world.code_of(&["six"]).await, "source-not-found");
    assert_eq!(world.sources.hits(&path), 1);
}

#[tokio::test]
async fn a_version_that_was_never_published_is_named() {
    let world = World::new().await;
    let request = PythonRequest { version: "9.9.8".parse().unwrap(), requirements: Vec::new() };
    let error = world.installer().install(&request).await.unwrap_err();
    assert_eq!(error.code(), "unknown-pyodide-version");
    world.sources.answer(DOCUMENT, &[Answer::Status(404)]);
    assert_eq!(world.code_of(&[]).await, "npm-package-unknown");
}

#[tokio::test]
async fn a_failing_server_is_asked_again() {
    let world = World::new().await;
    let path = wheel_path(SIX_WHEEL);
    let good = Answer::Content(wheel_content(SIX_WHEEL));
    world.sources.answer(&path, &[Answer::Status(500), Answer::Status(429), good]);
    world.install(&["six"]).await.unwrap();
    assert_eq!(world.sources.hits(&path), 3);

    let path = wheel_path(NUMPY_WHEEL);
    world.sources.answer(&path, &[Answer::Status(503)]);
    assert_eq!(world.code_of(&["numpy"]).await, "source-refused");
    assert_eq!(world.sources.hits(&path), 3);
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let world = World::new().await;
    let path = wheel_path(SIX_WHEEL);
    world.install(&[]).await.unwrap();
    let mut settings = world.settings();
    settings.limits.stall_timeout = Duration::from_millis(100);
    let installer = Installer::open(settings).unwrap();
    for answer in [Answer::Silence, Answer::HalfThenSilence(wheel_content(SIX_WHEEL))] {
        world.sources.answer(&path, &[answer]);
        let error = installer.install(&request(&["six"])).await.unwrap_err();
        assert_eq!(error.code(), "source-timed-out");
        assert_eq!(world.sources.hits(&path), 3);
        assert_eq!(world.leftovers(), 0);
    }
}

#[tokio::test]
async fn a_download_that_breaks_is_started_anew() {
    let world = World::new().await;
    let path = wheel_path(SIX_WHEEL);
    let content = wheel_content(SIX_WHEEL);
    world.sources.answer(&path, &[Answer::HalfThenBroken(content.clone()), Answer::Content(content.clone())]);
    world.install(&["six"]).await.unwrap();

    let world = World::new().await;
    world.sources.answer(&path, &[Answer::HalfThenBroken(content)]);
    assert_eq!(world.code_of(&["six"]).await, "download-interrupted");
    assert_eq!(world.leftovers(), 0);
}

#[tokio::test]
async fn more_than_the_bound_is_not_taken() {
    let world = World::new().await;
    let path = wheel_path(SIX_WHEEL);
    world.sources.answer(&path, &[Answer::Promise(u64::MAX / 2)]);
    assert_eq!(world.code_of(&["six"]).await, "download-too-large");
    assert_eq!(world.sources.hits(&path), 1);

    let world = World::new().await;
    world.sources.answer(DOCUMENT, &[Answer::Endless]);
    assert_eq!(world.code_of(&[]).await, "download-too-large");
}

#[tokio::test]
async fn an_unreachable_registry_is_an_error() {
    let world = World::new().await;
    // A port of loopback that was just given back: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let registry = NpmRegistry::At(format!("http://127.0.0.1:{port}/").parse().unwrap());
    let installer = Installer::open(InstallerSettings { registry, ..world.settings() }).unwrap();
    assert_eq!(installer.install(&request(&[])).await.unwrap_err().code(), "source-unreachable");
}

#[tokio::test]
async fn what_two_need_at_once_is_downloaded_once() {
    let world = World::new().await;
    let installer = world.installer();
    let requests = [request(&["six"]), request(&["python-dateutil"])];
    let (one, two) = tokio::join!(installer.install(&requests[0]), installer.install(&requests[1]));
    assert_eq!(one.unwrap().packages.len() + two.unwrap().packages.len(), 3);
    for path in [DOCUMENT, TARBALL, &wheel_path(SIX_WHEEL)] {
        assert_eq!(world.sources.hits(path), 1, "{path}");
    }
}

#[tokio::test]
async fn an_install_that_is_given_up_lets_the_next_one_through() {
    let world = World::new().await;
    let installer = world.installer();
    installer.install(&request(&[])).await.unwrap();
    let path = wheel_path(SIX_WHEEL);
    let content = wheel_content(SIX_WHEEL);
    world.sources.answer(&path, &[Answer::HalfThenSilence(content.clone()), Answer::Content(content)]);
    let asked = request(&["six"]);
    let given_up = async {
        while world.leftovers() == 0 || world.sources.hits(&path) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = installer.install(&asked) => panic!("the first download hangs"),
        () = given_up => {}
    }
    assert_eq!(world.leftovers(), 0);
    installer.install(&asked).await.unwrap();
}

#[tokio::test]
async fn a_changed_lock_in_the_cache_is_refused() {
    let world = World::new().await;
    world.install(&[]).await.unwrap();
    let sha256 = Sha256::of(lock().to_string().as_bytes());
    let name = sha256.to_string();
    let path = world.cache.path().join("v1/files").join(&name[..2]).join(&name);
    std::fs::write(&path, "{}").unwrap();
    let error = world.install(&[]).await.unwrap_err();
    assert!(matches!(error, InstallError::Store(StoreError::Tampered { .. })), "{error}");
}
