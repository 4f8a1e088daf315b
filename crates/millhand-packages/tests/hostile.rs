//! Sources that stall, lie, ask too much or never end; and caches that someone changed.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::time::{Duration, Instant};

use millhand_fixture::{
    Answer, DOCUMENT, SIX_WHEEL, Sources, TARBALL, VERSION, Wheel, lock, tarball, wheel_content, wheel_path,
};
use millhand_packages::{
    FetchLimits, InstallError, Installer, InstallerSettings, NpmRegistry, PythonIndex, PythonRequest, Sha256,
};

struct World {
    sources: Sources,
    cache: tempfile::TempDir,
    limits: FetchLimits,
}

impl World {
    async fn new() -> Self {
        let limits = FetchLimits {
            backoff: Duration::from_millis(1),
            stall_timeout: Duration::from_millis(300),
            ..FetchLimits::default()
        };
        Self { sources: Sources::start().await, cache: tempfile::tempdir().unwrap(), limits }
    }

    /// One whose runtime is in the cache already.
    async fn with_runtime() -> Self {
        let world = Self::new().await;
        world.install(&[]).await.unwrap();
        world
    }

    async fn install(&self, specifiers: &[&str]) -> Result<(), InstallError> {
        let settings = InstallerSettings {
            cdn: self.sources.cdn().parse().unwrap(),
            registry: NpmRegistry::At(self.sources.registry().parse().unwrap()),
            python_index: PythonIndex::Off,
            limits: self.limits.clone(),
            ..InstallerSettings::in_folder(self.cache.path())
        };
        let requirements = specifiers.iter().map(|specifier| specifier.parse().unwrap()).collect();
        let request = PythonRequest { version: VERSION.parse().unwrap(), requirements };
        let installed = Installer::open(settings).unwrap().install(&request).await.map(|_| ());
        let incoming = self.cache.path().join("v1/incoming");
        assert_eq!(std::fs::read_dir(incoming).unwrap().count(), 0, "nothing half stays behind");
        installed
    }

    async fn failure(&self, specifiers: &[&str]) -> (&'static str, String) {
        let error = self.install(specifiers).await.unwrap_err();
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        (error.code(), message)
    }

    /// What the CDN answers for the wheel of `six`.
    fn answer(&self, answers: &[Answer]) {
        self.sources.answer(&wheel_path(SIX_WHEEL), answers);
    }

    fn hits(&self) -> usize {
        self.sources.hits(&wheel_path(SIX_WHEEL))
    }

    fn overwrite(&self, sha256: Sha256, content: &[u8]) {
        let name = sha256.to_string();
        std::fs::write(self.cache.path().join("v1/files").join(&name[..2]).join(&name), content).unwrap();
    }
}

#[tokio::test]
async fn a_server_that_wants_to_be_left_alone_is_left_alone() {
    let world = World::with_runtime().await;
    let later = Answer::StatusAndRetryAfter(429, "1".to_owned());
    world.answer(&[later, Answer::Content(wheel_content(SIX_WHEEL))]);
    let begin = Instant::now();
    world.install(&["six"]).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(world.hits(), 2);
}

#[tokio::test]
async fn a_server_that_wants_to_be_left_alone_for_long_is_given_up() {
    let world = World::with_runtime().await;
    world.answer(&[Answer::StatusAndRetryAfter(503, "86400".to_owned())]);
    let error = world.install(&["six"]).await.unwrap_err();
    assert_eq!((error.code(), world.hits()), ("source-refused", 1));
}

#[tokio::test]
async fn all_tries_together_have_a_bound() {
    let mut world = World::with_runtime().await;
    world.limits.total_timeout = Duration::from_millis(400);
    world.limits.max_tries = u32::MAX;
    world.answer(&[Answer::Status(500)]);
    let begin = Instant::now();
    let (code, message) = world.failure(&["six"]).await;
    assert_eq!(code, "source-timed-out", "{message}");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn redirects_that_lead_nowhere_are_not_followed_for_long() {
    let world = World::with_runtime().await;
    let path = wheel_path(SIX_WHEEL);
    for target in [path.as_str(), "file:///wheels/six.whl", "ftp://127.0.0.1/six.whl", "data:text/plain,six"]
    {
        world.answer(&[Answer::Redirect(target.to_owned())]);
        let (code, message) = world.failure(&["six"]).await;
        assert!(["source-redirected", "source-refused"].contains(&code), "{target}: {message}");
        assert!(world.hits() <= 7, "{target}");
    }
}

#[tokio::test]
async fn bodies_without_end_or_middle_are_refused() {
    let world = World::with_runtime().await;
    for (answer, code) in [
        (Answer::Promise(u64::MAX / 2), "download-too-large"),
        (Answer::Silence, "source-timed-out"),
        (Answer::HalfThenSilence(wheel_content(SIX_WHEEL)), "source-timed-out"),
        (Answer::HalfThenBroken(wheel_content(SIX_WHEEL)), "download-interrupted"),
        (Answer::Content(Vec::new()), "hash-mismatch"),
        (Answer::Status(500), "source-refused"),
        (Answer::Status(204), "source-refused"),
    ] {
        world.answer(std::slice::from_ref(&answer));
        assert_eq!(world.failure(&["six"]).await.0, code, "{answer:?}");
    }
}

#[tokio::test]
async fn absurd_documents_are_refused() {
    let world = World::new().await;
    let deep = "[".repeat(1_000_000);
    let nested = format!("{{\"versions\": {}", "{\"a\":".repeat(1_000_000));
    let wide = format!("{{\"versions\": {{\"{VERSION}\": 7}}}}");
    for (document, code) in [
        (deep.into_bytes(), "npm-registry-malformed"),
        (nested.into_bytes(), "npm-registry-malformed"),
        (wide.into_bytes(), "npm-registry-malformed"),
        (vec![b' '; 100 * 1024 * 1024], "download-too-large"),
    ] {
        world.sources.answer(DOCUMENT, &[Answer::Content(document)]);
        assert_eq!(world.failure(&[]).await.0, code);
    }
}

#[tokio::test]
async fn a_tarball_that_unpacks_to_far_too_much_is_refused() {
    let world = World::new().await;
    for (path, bytes) in [("package/pyodide.mjs", 65 << 20), ("package/other", 300 << 20)] {
        let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(encoder);
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        builder.append_data(&mut header, path, std::io::Read::take(std::io::repeat(0), bytes)).unwrap();
        let bomb = builder.into_inner().unwrap().finish().unwrap();
        assert!(bomb.len() < 4 << 20);
        world.sources.publish(VERSION, &bomb);
        assert_eq!(world.failure(&[]).await.0, "bad-pyodide-package", "{path}");
    }
}

#[tokio::test]
async fn a_tarball_that_was_changed_is_refused_with_both_hashes() {
    let world = World::new().await;
    let changed = tarball(&serde_json::json!({"info": {}, "packages": {}}));
    world.sources.answer(TARBALL, &[Answer::Content(changed.clone())]);
    let (code, message) = world.failure(&[]).await;
    assert_eq!(code, "integrity-mismatch");
    for bytes in [&changed, &tarball(&lock())] {
        assert!(message.contains(&millhand_fixture::integrity_of(bytes)), "{message}");
    }
}

#[tokio::test]
async fn packages_that_need_each_other_are_loaded_once_each() {
    let mut lock = lock();
    lock["packages"]["six"]["depends"] = serde_json::json!(["python-dateutil", "six"]);
    let world = World::new().await;
    world.sources.publish(VERSION, &tarball(&lock));
    world.install(&["python-dateutil"]).await.unwrap();
}

#[tokio::test]
async fn a_lock_with_paths_or_without_sense_is_refused() {
    for (field, value) in [
        ("file_name", serde_json::json!("../../evil.whl")),
        ("file_name", serde_json::json!("https://localhost/evil.whl")),
        ("sha256", serde_json::json!("none")),
        ("depends", serde_json::json!("six")),
    ] {
        let mut lock = lock();
        lock["packages"]["six"][field] = value;
        let world = World::new().await;
        world.sources.publish(VERSION, &tarball(&lock));
        assert_eq!(world.failure(&["six"]).await.0, "bad-pyodide-lock", "{field}");
    }
}

#[tokio::test]
async fn what_was_changed_in_the_cache_is_refused_with_both_hashes() {
    let world = World::with_runtime().await;
    let lock = Sha256::of(lock().to_string().as_bytes());
    world.overwrite(lock, b"{}");
    let (code, message) = world.failure(&[]).await;
    assert_eq!(code, "store-file-tampered");
    for hash in [lock, Sha256::of(b"{}")] {
        assert!(message.contains(&hash.to_string()), "{message}");
    }
}

#[tokio::test]
async fn requests_are_bounded_in_number() {
    let mut world = World::with_runtime().await;
    world.limits.max_requests = 1;
    world.limits.max_tries = 1;
    // With one request at a time, the wheel that comes second waits until the first one is given up.
    world.answer(&[Answer::Silence]);
    assert_eq!(world.failure(&["six", "numpy"]).await.0, "source-timed-out");
    assert_eq!(world.hits(), 1);
}

#[tokio::test]
async fn wheels_that_must_not_be_unpacked_are_refused() {
    let runs = |program: &str| {
        let output = std::process::Command::new(program).arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    };
    if !["uv", "pip"].into_iter().any(runs) {
        println!("skipped: neither `uv` nor `pip` is on the path");
        return;
    }
    let world = World::with_runtime().await;
    let evil = Wheel::with_files("tool", "1.0", &[], &[("../../evil.py", b"")]);
    world.sources.publish_wheels("tool", &[evil]);
    let settings = InstallerSettings {
        cdn: world.sources.cdn().parse().unwrap(),
        registry: NpmRegistry::At(world.sources.registry().parse().unwrap()),
        python_index: PythonIndex::At(world.sources.index().parse().unwrap()),
        ..InstallerSettings::in_folder(world.cache.path())
    };
    let request =
        PythonRequest { version: VERSION.parse().unwrap(), requirements: vec!["tool".parse().unwrap()] };
    let error = Installer::open(settings).unwrap().install(&request).await.unwrap_err();
    assert_eq!(error.code(), "unsafe-wheel", "{error}");
    assert!(error.to_string().contains("`../../evil.py`"), "{error}");
}
