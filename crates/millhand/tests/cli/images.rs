//! Images that are made ahead, where no browser makes them. Those that one makes are in the tests of the browser.

use std::fs;
use std::path::Path;
use std::process::Command;

use millhand_fixture::{Sources, VERSION};
use tempfile::TempDir;

use super::{millhand, run};

/// A home with a folder of pages, for which a Python environment is locked.
async fn project() -> (TempDir, Sources) {
    let (home, sources) = (tempfile::tempdir().unwrap(), Sources::start().await);
    fs::create_dir(home.path().join("site")).unwrap();
    let mut add =
        command(home.path(), &sources, &["add", "--python", "six", "--dir", "site", "--pyodide", VERSION]);
    let (output, _, stderr) = run(&mut add);
    assert!(output.status.success(), "{stderr}");
    (home, sources)
}

fn command(home: &Path, sources: &Sources, args: &[&str]) -> Command {
    let mut command = millhand(home);
    command.args(args).args(["--pyodide-cdn", &sources.cdn()]).current_dir(home);
    command.env("npm_config_registry", sources.registry());
    command
}

/// Runs the command, which must fail; gives what it complains of.
fn fails(command: &mut Command) -> String {
    let (output, stdout, stderr) = run(command);
    assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
    stderr
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn without_a_browser_the_error_says_what_was_looked_for() {
    let (home, sources) = project().await;
    for args in [["lock", "site", "--images"], ["export", "site", "--images"], ["serve", "site", "--images"]]
    {
        let stderr = fails(&mut command(home.path(), &sources, &args));
        assert!(stderr.contains("error: images need a browser of the Chromium family"), "{stderr}");
        assert!(stderr.contains("`google-chrome`") && stderr.contains("`chromium`"), "{stderr}");
        assert!(
            stderr.contains("hint: install one, name one with `--browser`, or leave out `--images`"),
            "{stderr}"
        );
    }
    assert!(!home.path().join("dist").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_is_not_there_is_named_whoever_named_it() {
    let (home, sources) = project().await;
    let by_option = ["lock", "site", "--images", "--browser", "my-browser"];
    assert!(
        fails(&mut command(home.path(), &sources, &by_option)).contains("there is no browser `my-browser`")
    );
    for variable in ["CHROME", "MILLHAND_BROWSER"] {
        let mut by_variable = command(home.path(), &sources, &["lock", "site", "--images"]);
        let stderr = fails(by_variable.env(variable, "my-browser"));
        assert!(stderr.contains("there is no browser `my-browser`"), "{variable}: {stderr}");
    }
}

/// A browser that is none.
#[cfg(unix)]
fn program(home: &Path, source: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;

    let path = home.join("browser");
    fs::write(&path, format!("#!/bin/sh\n{source}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_ends_at_once_is_quoted_and_nothing_is_exported() {
    let (home, sources) = project().await;
    let browser = program(home.path(), "echo 'no display' >&2; exit 3");
    let args = ["export", "site", "--images", "--browser", &browser];
    let stderr = fails(&mut command(home.path(), &sources, &args));
    assert!(stderr.contains("the browser ended before it had made an image (exit status: 3)"), "{stderr}");
    assert!(stderr.contains("its last words: no display"), "{stderr}");
    assert!(!home.path().join("dist").exists());
}

/// Ctrl-C while the browser is at work: it ends, and its profile goes.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_export_ends_the_browser() {
    use std::process::Stdio;
    use std::time::Duration;

    let (home, sources) = project().await;
    let pid_file = home.path().join("pid");
    let browser = program(
        home.path(),
        &format!("echo $$ > '{0}.new'; mv '{0}.new' '{0}'; exec tail -f /dev/null", pid_file.display()),
    );
    let temporary = home.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let args = ["export", "site", "--images", "--browser", &browser];
    let mut export = command(home.path(), &sources, &args);
    export.env("PATH", "/usr/bin:/bin").env("TMPDIR", &temporary).stderr(Stdio::null());
    let mut export = export.spawn().unwrap();
    let started = async {
        while !pid_file.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), started).await.unwrap();
    let pid = fs::read_to_string(&pid_file).unwrap().trim().to_owned();
    assert!(Command::new("kill").args(["-INT", &export.id().to_string()]).status().unwrap().success());
    assert_eq!(export.wait().unwrap().code(), Some(130));
    let runs = || Command::new("kill").args(["-0", &pid]).stderr(Stdio::null()).status().unwrap().success();
    let ended = async {
        while runs() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}
