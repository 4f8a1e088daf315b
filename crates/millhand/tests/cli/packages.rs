//! The commands that lock npm packages, and the export of pages that use them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use millhand_fixture::{Answer, NpmPackage, Sources, npm_tarball_path, sha256_of};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{millhand, run};

/// A home with a folder of pages, and a registry with packages for them.
struct Project {
    home: TempDir,
    sources: Sources,
}

impl Project {
    async fn start() -> Self {
        let (home, sources) = (tempfile::tempdir().unwrap(), Sources::start().await);
        sources.publish_npm_packages(&[lib("1.0.0"), app(), theme()]);
        let site = home.path().join("site");
        fs::create_dir_all(site.join("pages")).unwrap();
        fs::write(site.join("index.html"), "the start page").unwrap();
        fs::write(site.join("pages/other.html"), "another page").unwrap();
        fs::write(site.join(".env"), "a secret").unwrap();
        Self { home, sources }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    fn lockfile(&self) -> PathBuf {
        self.path("site/millhand.lock")
    }

    fn locked(&self) -> String {
        fs::read_to_string(self.lockfile()).unwrap_or_default()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = millhand(self.home.path());
        command.args(args).current_dir(self.home.path());
        command.env("npm_config_registry", self.sources.registry());
        command
    }

    /// Runs the command, which must do well; gives what it prints.
    fn run(&self, args: &[&str]) -> String {
        let (output, stdout, stderr) = run(&mut self.command(args));
        assert!(output.status.success(), "{args:?}: {stderr}");
        stdout
    }

    /// Runs the command, which must fail; gives what it complains of.
    fn fails(&self, args: &[&str]) -> String {
        let (output, stdout, stderr) = run(&mut self.command(args));
        assert_eq!(output.status.code(), Some(1), "{args:?}: {stdout}{stderr}");
        stderr
    }

    fn publish(&self, packages: &[NpmPackage]) {
        self.sources.publish_npm_packages(packages);
    }
}

fn lib(version: &str) -> NpmPackage {
    NpmPackage::new(&format!("lib@{version}"), json!({"type": "module"}))
        .file("index.js", &format!("export const version = '{version}'\n"))
}

fn app() -> NpmPackage {
    NpmPackage::new("app@1.0.0", json!({"type": "module", "dependencies": {"lib": "^1.0.0"}}))
        .file("index.js", "export { version } from 'lib'\nexport const later = () => import('./later.js')\n")
        .file("later.js", "export const later = 'later'\n")
}

fn theme() -> NpmPackage {
    NpmPackage::new("theme@1.0.0", json!({}))
        .file("theme.css", "@font-face { src: url(a.woff2) }\n")
        .file("a.woff2", "a font")
}

/// The words of a line.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The files below a folder, by their paths in it.
fn files_in(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let (path, name) = {
            let entry = entry.unwrap();
            (entry.path(), entry.file_name())
        };
        let name = name.into_string().unwrap();
        match path.is_dir() {
            true => files.extend(files_in(&path).into_iter().map(|file| format!("{name}/{file}"))),
            false => _ = files.insert(name),
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn add_locks_and_says_what_it_came_to() {
    let project = Project::start().await;
    let add = ["add", "app#^1 as shop", "--css", "theme~theme.css", "--dir", "site"];
    let stdout = project.run(&add);
    let lines: Vec<Vec<&str>> = stdout.lines().map(words).collect();
    assert_eq!(lines[0], ["app#^1", "as", "shop", "app@1.0.0"]);
    assert_eq!(lines[1], ["theme~theme.css", "theme@1.0.0"]);
    assert_eq!(lines[2], ["locked", "in", &format!("`{}`", Path::new("site/millhand.lock").display())]);
    let locked = project.locked();
    for part in ["\"app@1.0.0\" = [\"lib@1.0.0\"]", "theme~theme.css", "\"lib@1.0.0\" = \"sha512-"] {
        assert!(locked.contains(part), "{locked}");
    }

    let requests = project.sources.requests();
    assert_eq!(project.run(&[&add[..], &["--offline"]].concat()), stdout);
    assert_eq!(project.run(&[&add[..], &["--locked"]].concat()), stdout);
    assert_eq!((project.locked(), project.sources.requests()), (locked, requests));
}

#[tokio::test(flavor = "multi_thread")]
async fn add_that_fails_says_why_and_locks_nothing() {
    let project = Project::start().await;
    project.run(&["add", "lib", "--dir", "site"]);
    let locked = project.locked();
    let stderr = project.fails(&["add", "lib#^7", "--dir", "site"]);
    assert!(stderr.contains("error: no version of `lib` is in the range"), "{stderr}");
    assert!(stderr.contains("hint: there are `1.0.0`"), "{stderr}");
    let stderr = project.fails(&["add", "app", "--locked", "--dir", "site"]);
    assert!(stderr.contains("error: not in the lockfile") && stderr.contains("app"), "{stderr}");
    let stderr = project.fails(&["add", "app", "--offline", "--dir", "site"]);
    assert!(stderr.contains("downloads are off: `app`"), "{stderr}");
    assert_eq!(project.locked(), locked);

    let (output, _, stderr) = run(&mut project.command(&["add", "lib as 1"]));
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("lib as 1"), "{stderr}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_add_leaves_nothing_half() {
    let project = Project::start().await;
    let tarball = npm_tarball_path("lib", "1.0.0");
    let content = lib("1.0.0").tarball();
    project.sources.answer(&tarball, &[Answer::HalfThenSilence(content.clone()), Answer::Content(content)]);
    let add = ["add", "app", "--dir", "site"];
    let mut child = project.command(&add).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let asked = async {
        while project.sources.hits(&tarball) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), asked).await.unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!project.lockfile().exists());
    assert_eq!(fs::read_dir(project.path("cache/v1/incoming")).unwrap().count(), 0);
    assert_eq!(files_in(&project.path("site")).len(), 3);

    project.run(&add);
    let verified = project.run(&["cache", "verify"]);
    assert!(verified.contains("each is what it should be"), "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lock_fills_an_empty_cache_with_what_is_locked() {
    let project = Project::start().await;
    project.run(&["add", "app", "--dir", "site"]);
    let locked = project.locked();
    project.publish(&[lib("1.0.0"), lib("1.1.0"), app(), theme()]);
    fs::remove_dir_all(project.path("cache")).unwrap();

    let stderr = project.fails(&["lock", "site", "--offline"]);
    assert!(stderr.contains("downloads are off") && stderr.contains("millhand lock"), "{stderr}");
    let stdout = project.run(&["lock", "site", "--locked"]);
    let lines: Vec<Vec<&str>> = stdout.lines().map(words).collect();
    assert_eq!(lines[0], ["app", "app@1.0.0"]);
    assert_eq!(lines[1].join(" "), "1 environments are locked, and in the cache");
    assert_eq!(project.run(&["lock", "site", "--offline"]), stdout);
    assert_eq!(project.locked(), locked);
    assert_eq!(project.sources.hits(&npm_tarball_path("lib", "1.1.0")), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_versions_are_listed_and_taken_when_the_user_says_so() {
    let project = Project::start().await;
    project.run(&["add", "lib#^1", "app", "--dir", "site"]);
    let nothing = project.run(&["outdated", "site"]);
    assert_eq!(
        nothing,
        "every npm package that is locked is the newest; Python packages are not looked at\n"
    );

    project.publish(&[lib("1.0.0"), lib("1.1.0"), lib("2.0.0"), app()]);
    let before = project.locked();
    let stdout = project.run(&["outdated", "site"]);
    let lines: Vec<Vec<&str>> = stdout.lines().map(words).collect();
    assert_eq!(lines[0], ["package", "locked", "in", "range", "newest"]);
    assert_eq!(lines[1..], [["lib#^1", "1.0.0", "1.1.0", "2.0.0"]]);
    assert_eq!(project.locked(), before);
    let stderr = project.fails(&["outdated", "site", "--offline"]);
    assert!(stderr.contains("downloads are off"), "{stderr}");

    let stdout = project.run(&["lock", "site", "--upgrade"]);
    assert!(stdout.lines().any(|line| words(line) == ["lib#^1", "lib@1.1.0"]), "{stdout}");
    let after = project.locked();
    assert_eq!(after, before.replace("lib@1.0.0", "lib@1.1.0").replace(&hash_of(&before), &hash_of(&after)));
    let stdout = project.run(&["outdated", "site"]);
    assert_eq!(words(stdout.lines().nth(1).unwrap()), ["lib#^1", "1.1.0", "1.1.0", "2.0.0"]);

    for flag in ["--offline", "--locked"] {
        let (output, _, stderr) = run(&mut project.command(&["lock", "site", "--upgrade", flag]));
        assert_eq!(output.status.code(), Some(2), "{stderr}");
    }
}

/// The hash of `lib` in a lockfile.
fn hash_of(lockfile: &str) -> String {
    let line = lockfile.lines().find(|line| line.starts_with("\"lib@") && line.contains("sha512-")).unwrap();
    line.split_once(" = ").unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_fails_leaves_the_lockfile_as_it_was() {
    let project = Project::start().await;
    project.run(&["add", "app", "--dir", "site"]);
    let locked = project.locked();
    let broken = NpmPackage::new("lib@1.1.0", json!({"type": "module"})).file("index.js", "export const =\n");
    project.publish(&[lib("1.0.0"), broken, app()]);
    let stderr = project.fails(&["lock", "site", "--upgrade"]);
    assert!(stderr.contains("`app` cannot be had: `lib@1.1.0` cannot be built"), "{stderr}");
    assert_eq!(project.locked(), locked);
}

/// Every url in a manifest, with the hash of what has to be there where it has one.
fn urls_in(value: &Value, found: &mut Vec<(String, Option<String>)>) {
    match value {
        Value::Object(fields) => {
            if let Some(url) = fields.get("url").and_then(Value::as_str) {
                let sha256 = fields.get("sha256").and_then(Value::as_str).map(str::to_owned);
                found.push((url.to_owned(), sha256));
            }
            fields.values().for_each(|value| urls_in(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| urls_in(value, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_exported_comes_first() {
    let project = Project::start().await;
    fs::write(project.path("site/demo.html"), "the demo").unwrap();
    project.run(&["export", "site/demo.html"]);
    assert_eq!(fs::read_to_string(project.path("dist/index.html")).unwrap(), "the demo");
    fs::write(project.path("site/notes.txt"), "Notes").unwrap();
    assert!(project.fails(&["export", "site/notes.txt"]).contains("is no page"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_notebook_has_its_pages_as_files() {
    let project = Project::start().await;
    let page = |name: &str, text: &str| fs::write(project.path(&format!("site/{name}")), text).unwrap();
    page("notes.md", "# Notes\n\n<cross-link target=\"more\"></cross-link>\n");
    page("more.md", "# More");
    project.run(&["export", "site/notes.md"]);
    let start = fs::read_to_string(project.path("dist/index.html")).unwrap();
    assert!(start.contains("Notes</h1>") && start.contains("href=\"/more.html\""), "{start}");
    assert!(project.path("dist/more.html").is_file() && project.path("dist/notes.html").is_file());
    page("more.html", "");
    assert!(project.fails(&["export", "site/notes.md"]).contains("rename one of them"));
    fs::remove_file(project.path("site/more.html")).unwrap();
    page("more.md", "<js-cell>");
    assert!(project.fails(&["export", "site/notes.md"]).contains("more.md:1: `<js-cell>` is not closed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_the_pages_and_every_file_of_the_locked_environments() {
    let project = Project::start().await;
    project.run(&["add", "app as shop", "--css", "theme~theme.css", "--dir", "site"]);
    let stdout = project.run(&["export", "site", "--out", "out/dist", "--offline", "--locked"]);
    assert!(stdout.starts_with("1 environments, ") && stdout.contains("pages of `site`"), "{stdout}");

    let dist = project.path("out/dist");
    let files = files_in(&dist);
    for path in ["index.html", "pages/other.html", "millhand/index.js", "millhand/manifest.json"] {
        assert!(files.contains(path), "{files:?}");
    }
    assert!(!files.iter().any(|path| path.contains("/.") || path.starts_with('.')), "{files:?}");
    if env!("MILLHAND_PACKAGE") == "embedded" {
        assert!(files.contains("millhand/package.js") && files.contains("millhand/worker.js"), "{files:?}");
    }

    let prebuilt: Value =
        serde_json::from_slice(&fs::read(dist.join("millhand/manifest.json")).unwrap()).unwrap();
    // What is locked, and each part of it, for pages that ask for less.
    let [environment, style, module] = &prebuilt["environments"].as_array().unwrap()[..] else {
        panic!("{prebuilt}")
    };
    assert_eq!(environment["request"], json!({"esm": {"modules": ["app"]}, "css": ["theme~theme.css"]}));
    assert_eq!(style["request"], json!({"css": ["theme~theme.css"]}));
    assert_eq!(module["request"], json!({"esm": {"modules": ["app"]}}));
    let mut urls = Vec::new();
    urls_in(&environment["manifest"], &mut urls);
    assert!(urls.len() >= 5, "{urls:?}");
    for (url, sha256) in urls {
        let content =
            fs::read(dist.join("millhand").join(&url)).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert!(sha256.is_none_or(|sha256| sha256 == sha256_of(&content)), "{url}");
    }
    // What a module loads later is there too, though no manifest lists it.
    let later = files.iter().find(|path| path.contains("/app@1.0.0/chunk/") && path.ends_with(".js"));
    assert!(later.is_some(), "{files:?}");
    assert_eq!(files_in(&project.path("out")).len(), files.len(), "nothing is left beside it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_replaces_the_one_before_as_a_whole() {
    let project = Project::start().await;
    project.run(&["add", "app", "--dir", "site"]);
    project.run(&["export", "site"]);
    let dist = project.path("dist");
    fs::write(project.path("site/new.html"), "new").unwrap();
    fs::remove_file(project.path("site/pages/other.html")).unwrap();
    project.run(&["export", "site"]);
    let files = files_in(&dist);
    assert!(files.contains("new.html") && !files.contains("pages/other.html"), "{files:?}");

    // One that fails leaves it alone.
    fs::write(project.path("site/newer.html"), "newer").unwrap();
    let locked = project.locked();
    fs::write(project.lockfile(), locked.replace("version = 1", "version = 9")).unwrap();
    let stderr = project.fails(&["export", "site"]);
    assert!(stderr.contains("has the format 9"), "{stderr}");
    assert_eq!(files_in(&dist), files);
    fs::write(project.lockfile(), locked).unwrap();
    let sha256 = sha256_of(&fs::read(millhand_module(&dist)).unwrap());
    let stored = project.path("cache/v1/files").join(&sha256[..2]).join(&sha256);
    fs::write(&stored, "evil").unwrap();
    let stderr = project.fails(&["export", "site"]);
    assert!(stderr.contains(&sha256) && stderr.contains(&sha256_of(b"evil")), "{stderr}");
    assert_eq!(files_in(&dist), files);
    let beside: Vec<_> =
        fs::read_dir(project.home.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!beside.iter().any(|name| name.to_string_lossy().starts_with(".millhand-export")), "{beside:?}");
}

/// The file of a module that was exported.
fn millhand_module(dist: &Path) -> PathBuf {
    let files = files_in(dist);
    dist.join(files.iter().find(|path| path.ends_with("/app@1.0.0/entry.js")).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_replaces_nothing_else() {
    let project = Project::start().await;
    fs::create_dir(project.path("mine")).unwrap();
    fs::write(project.path("mine/thesis.txt"), "years of work").unwrap();
    let stderr = project.fails(&["export", "site", "--out", "mine"]);
    assert!(stderr.contains("is no earlier export"), "{stderr}");
    assert_eq!(fs::read_to_string(project.path("mine/thesis.txt")).unwrap(), "years of work");
    fs::write(project.path("file"), "").unwrap();
    assert!(project.fails(&["export", "site", "--out", "file"]).contains("is no earlier export"));

    fs::create_dir_all(project.path("millhand")).unwrap();
    fs::write(project.path("millhand/manifest.json"), "{}").unwrap();
    let before = files_in(&project.path("site"));
    for out in ["site", ".", "site/pages/..", "site/."] {
        let stderr = project.fails(&["export", "site", "--out", out]);
        assert!(stderr.contains("is the folder with the pages, or holds it"), "{out}: {stderr}");
    }
    assert_eq!(files_in(&project.path("site")), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_within_the_pages_does_not_hold_itself() {
    let project = Project::start().await;
    project.run(&["add", "lib", "--dir", "site"]);
    for out in ["site/dist", "site/pages/dist"] {
        project.run(&["export", "site", "--out", out]);
        let once = files_in(&project.path(out));
        project.run(&["export", "site", "--out", out]);
        assert_eq!(files_in(&project.path(out)), once, "{out}");
        fs::remove_dir_all(project.path(out)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_of_each_command_says_what_can_be_given() {
    let project = Project::start().await;
    for (command, parts) in [
        ("add", &["SPECIFIER", "--css", "--python", "--pyodide", "--dir", "--locked", "--offline"][..]),
        ("lock", &["[DIR]", "--upgrade", "--locked", "--offline", "--lockfile"]),
        ("outdated", &["[DIR]", "--lockfile"]),
        ("export", &["<DIR>", "--out", "[default: dist]", "--locked", "--offline"]),
    ] {
        let stdout = project.run(&[command, "--help"]);
        for part in parts {
            assert!(stdout.contains(part), "{command}: {part}: {stdout}");
        }
    }
    for args in [&["add"][..], &["add", "--dir", "site"]] {
        let (output, _, stderr) = run(&mut project.command(args));
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr.contains("Usage: millhand add"), "{stderr}");
    }
    assert!(!project.lockfile().exists());
}
