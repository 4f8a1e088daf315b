use super::*;
use crate::digest::Integrity;
use crate::npm::NpmNode;

fn integrity(id: &str) -> String {
    Integrity::of(id.as_bytes()).to_string()
}

/// `rxjs#^7 rxjs@7.8.2` lines are roots, `rxjs@7.8.2: tslib@2.8.1` lines are packages.
fn graph(roots: &[(&str, &str)], packages: &[(&str, &[(&str, &str)])]) -> NpmGraph {
    let node = |id: &str, dependencies: &[(&str, &str)]| NpmNode {
        integrity: Integrity::of(id.as_bytes()),
        dependencies: dependencies
            .iter()
            .map(|(import, id)| ((*import).to_owned(), id.parse().unwrap()))
            .collect(),
    };
    NpmGraph {
        roots: roots.iter().map(|(specifier, id)| ((*specifier).to_owned(), id.parse().unwrap())).collect(),
        packages: packages.iter().map(|(id, list)| (id.parse().unwrap(), node(id, list))).collect(),
    }
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn lockfile() -> Lockfile {
    let mut lockfile = Lockfile::default();
    let rxjs = graph(
        &[("rxjs#^7.8.1", "rxjs@7.8.2")],
        &[("rxjs@7.8.2", &[("tslib", "tslib@2.8.1")]), ("tslib@2.8.1", &[])],
    );
    let request = LockedRequest { esm: set(&["rxjs#^7.8.1"]), ..LockedRequest::default() };
    lockfile.set(request, LockedEnvironment { npm: Some(rxjs) }).unwrap();
    let css = graph(
        &[("bootstrap#5~a \"b\".css", "bootstrap@5.3.3")],
        &[("bootstrap@5.3.3", &[("ts-lib", "tslib@2.8.1")]), ("tslib@2.8.1", &[])],
    );
    let request = LockedRequest {
        css: set(&["bootstrap#5~a \"b\".css"]),
        pyodide: Some(LockedPyodideRequest {
            version: "0.29.5".to_owned(),
            modules: set(&["numpy", "attrs"]),
        }),
        ..LockedRequest::default()
    };
    lockfile.set(request, LockedEnvironment { npm: Some(css) }).unwrap();
    lockfile
}

fn parse(text: &str) -> Result<Lockfile, LockfileError> {
    Lockfile::parse(Path::new("pages/millhand.lock"), text)
}

#[test]
fn the_same_content_is_the_same_bytes() {
    let text = lockfile().to_text();
    let expected = format!(
        r#"# What the pages of this folder use, to the byte. Written by millhand; keep it with them.
version = 1

[[environment]]
css = ["bootstrap#5~a \"b\".css"]
pyodide = {{ version = "0.29.5", modules = ["attrs", "numpy"] }}

[environment.npm.roots]
"bootstrap#5~a \"b\".css" = "bootstrap@5.3.3"

[environment.npm.dependencies]
"bootstrap@5.3.3" = ["ts-lib=tslib@2.8.1"]

[[environment]]
esm = ["rxjs#^7.8.1"]

[environment.npm.roots]
"rxjs#^7.8.1" = "rxjs@7.8.2"

[environment.npm.dependencies]
"rxjs@7.8.2" = ["tslib@2.8.1"]

[npm]
"bootstrap@5.3.3" = "{}"
"rxjs@7.8.2" = "{}"
"tslib@2.8.1" = "{}"
"#,
        integrity("bootstrap@5.3.3"),
        integrity("rxjs@7.8.2"),
        integrity("tslib@2.8.1"),
    );
    assert_eq!(text, expected);
    let again = parse(&text).unwrap();
    assert_eq!(again, lockfile());
    assert_eq!(again.to_text(), text);
    assert_eq!(parse(&text.replace('\n', "\r\n")).unwrap(), again);
}

#[test]
fn the_form_with_inline_tables_is_read_as_well() {
    let text = format!(
        "version = 1\n[[environment]]\nesm = [\"a\"]\n[environment.npm]\nroots = {{ a = \"a@1.0.0\" }}\n[npm]\n\"a@1.0.0\" = \"{}\"\n",
        integrity("a@1.0.0")
    );
    let request = LockedRequest { esm: set(&["a"]), ..LockedRequest::default() };
    let lockfile = parse(&text).unwrap();
    let npm = lockfile.find(&request).unwrap().npm.as_ref().unwrap();
    assert_eq!(*npm, graph(&[("a", "a@1.0.0")], &[("a@1.0.0", &[])]));
    assert_eq!(lockfile.find(&LockedRequest::default()), None);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let good = lockfile().to_text();
    let tslib = integrity("tslib@2.8.1");
    for (text, code, message) in [
        (String::new(), "lockfile-malformed", "missing field `version`"),
        ("version = 1\n<<<<<<< HEAD\n".to_owned(), "lockfile-malformed", "line 2 of `pages/millhand.lock`"),
        (
            good.replace("version = 1", "version = 2\nnew = 1"),
            "lockfile-version-unknown",
            "the lockfile has the version 2 at line 2 of `pages/millhand.lock`, which this millhand does not know",
        ),
        (
            good.replace("esm =", "ems ="),
            "lockfile-malformed",
            "line 15 of `pages/millhand.lock`: unknown field `ems`",
        ),
        (
            good.replace(&format!("\"tslib@2.8.1\" = \"{tslib}\"\n"), ""),
            "lockfile-malformed",
            "the lockfile names `tslib@2.8.1` at line 12 of `pages/millhand.lock`, but has no integrity for it",
        ),
        (
            good.replace("\" = \"rxjs@7.8.2\"", "\" = \"rxjs@7.8.3\""),
            "lockfile-malformed",
            "the lockfile names `rxjs@7.8.3` at line 18 of `pages/millhand.lock`, but has no integrity for it",
        ),
        (
            good.replace("[\"tslib@2.8.1\"]", "[\"tslib\"]"),
            "lockfile-malformed",
            "line 21 of `pages/millhand.lock`: `tslib` is no `name@version` of an npm package",
        ),
        (
            good.replace(&tslib, "sha1-abc"),
            "lockfile-malformed",
            "line 26 of `pages/millhand.lock`: `sha1-abc` holds no",
        ),
        (good.replace("ts-lib=", "../x="), "lockfile-malformed", "`../x` is no name of an npm package"),
        (good.clone() + "\"a b\" = \"\"\n", "lockfile-malformed", "line 27 of `pages/millhand.lock`"),
        (
            "version = 1\n[[environment]]\nesm = [\"a\"]\n[[environment]]\nesm = [\"a\"]\n".to_owned(),
            "lockfile-malformed",
            "line 4 of `pages/millhand.lock`: this environment is there twice",
        ),
    ] {
        let error = parse(&text).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(message), "{error} lacks {message}");
    }
}

#[test]
fn a_lockfile_is_written_whole_and_only_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(LOCKFILE_NAME);
    assert_eq!(Lockfile::read(&path).unwrap(), Lockfile::default());
    lockfile().write(&path).unwrap();
    assert_eq!(Lockfile::read(&path).unwrap(), lockfile());
    let modified = || fs::metadata(&path).unwrap().modified().unwrap();
    let before = modified();
    lockfile().write(&path).unwrap();
    assert_eq!(modified(), before);
    Lockfile::default().write(&path).unwrap();
    assert_eq!(Lockfile::read(&path).unwrap(), Lockfile::default());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    let error = lockfile().write(&folder.path().join("nowhere").join(LOCKFILE_NAME)).unwrap_err();
    assert_eq!(error.code(), "lockfile-unusable");
    fs::write(&path, b"\xff").unwrap();
    assert_eq!(Lockfile::read(&path).unwrap_err().code(), "lockfile-unusable");
}

#[test]
fn a_package_has_one_integrity_in_all_environments() {
    let mut lockfile = lockfile();
    let mut other = graph(&[("tslib", "tslib@2.8.1")], &[("tslib@2.8.1", &[])]);
    let request = LockedRequest { esm: set(&["tslib"]), ..LockedRequest::default() };
    let evil = Integrity::of(b"evil");
    other.packages.values_mut().for_each(|node| node.integrity = evil);
    let error = lockfile.set(request, LockedEnvironment { npm: Some(other) }).unwrap_err();
    let expected =
        format!("`tslib@2.8.1` has the integrity {evil}, but is locked as {}", integrity("tslib@2.8.1"));
    assert_eq!((error.code(), error.to_string()), ("npm-package-changed", expected));
}

#[test]
fn all_environments_together_are_what_a_resolver_prefers() {
    let mut lockfile = lockfile();
    let newer = graph(&[("rxjs#^7.8.1", "rxjs@7.9.0")], &[("rxjs@7.9.0", &[])]);
    let request = LockedRequest { esm: set(&["rxjs#^7.8.1", "x"]), ..LockedRequest::default() };
    lockfile.set(request.clone(), LockedEnvironment { npm: Some(newer) }).unwrap();
    let all = lockfile.npm_packages();
    assert_eq!(all.roots["rxjs#^7.8.1"].to_string(), "rxjs@7.9.0");
    let ids: Vec<String> = all.packages.keys().map(ToString::to_string).collect();
    assert_eq!(ids, ["bootstrap@5.3.3", "rxjs@7.8.2", "rxjs@7.9.0", "tslib@2.8.1"]);
    assert!(lockfile.remove(&request).is_some());
    assert_eq!(lockfile.environments().count(), 2);
}
