//! A browser of the user's, without a window and with a profile of its own, which go when it is no longer needed.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Names of the Chromium family on the path, best known first.
const NAMES: [&str; 8] = [
    "google-chrome-stable",
    "google-chrome",
    "chromium",
    "chromium-browser",
    "microsoft-edge-stable",
    "microsoft-edge",
    "brave-browser",
    "chrome",
];
/// Where they are on systems that put programs elsewhere.
const PLACES: [&str; 6] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
];
/// Names a browser for other tools too.
const USUAL_VARIABLE: &str = "CHROME";

/// It asks nobody for anything, and leaves nothing elsewhere.
const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    // Containers have little of that memory.
    "--disable-dev-shm-usage",
    // What Python takes over of the browser when it starts is then the same on all machines.
    "--lang=en-US",
];

/// How much of what a browser has complained of is shown.
const LAST_WORDS_CHARS: usize = 300;

/// A browser that can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    program: PathBuf,
}

impl Browser {
    /// The one that the user names, else the first one that is found.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn find(given: Option<PathBuf>) -> Result<Self, BrowserError> {
        let path = env::var_os("PATH").unwrap_or_default();
        let usual = env::var_os(USUAL_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
        Self::find_in(&path, given.or(usual))
    }

    fn find_in(path: &OsString, named: Option<PathBuf>) -> Result<Self, BrowserError> {
        let on_path =
            |name: &str| env::split_paths(path).map(|folder| folder.join(name)).find(|at| at.is_file());
        let program = match named {
            // A plain name is looked for, too.
            Some(named) => {
                let found =
                    if named.is_file() { Some(named.clone()) } else { named.to_str().and_then(on_path) };
                found.ok_or(BrowserError::NotThere { path: named })?
            }
            None => {
                let elsewhere = || PLACES.iter().map(PathBuf::from).find(|place| place.is_file());
                NAMES.iter().find_map(|name| on_path(name)).or_else(elsewhere).ok_or(BrowserError::None)?
            }
        };
        Ok(Self { program })
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Opens `url` in it. It ends when it is dropped.
    pub(super) fn open(&self, url: &str) -> Result<OpenBrowser, BrowserError> {
        let failed = |source| BrowserError::Start { path: self.program.clone(), source };
        let profile = tempfile::Builder::new().prefix("millhand-browser").tempdir().map_err(failed)?;
        // The url has a secret in it, and arguments of programs are for all to see. The folder is its user's alone.
        let start = profile.path().join("start.html");
        fs::write(&start, format!("<!doctype html><script>location.replace({url:?})</script>"))
            .map_err(failed)?;
        let words = Words::in_file(profile.path().join("stderr"));
        let stderr = fs::File::create(&words.0).map_err(failed)?;
        let mut command = Command::new(&self.program);
        if is_root(profile.path()) {
            command.arg("--no-sandbox");
        }
        #[cfg(unix)]
        // Ctrl-C at the terminal is for this program, which then ends the browser.
        command.process_group(0);
        command
            .args(ARGUMENTS)
            .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
            .arg(&start)
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .kill_on_drop(true);
        Ok(OpenBrowser { child: command.spawn().map_err(failed)?, profile, words })
    }
}

/// A browser that runs.
#[derive(Debug)]
pub(super) struct OpenBrowser {
    child: Child,
    profile: TempDir,
    words: Words,
}

/// The file that it writes complaints into.
#[derive(Clone, Debug)]
pub(super) struct Words(PathBuf);

impl OpenBrowser {
    /// Done when it has ended by itself: why, in its own words.
    pub(super) async fn ended(&mut self) -> BrowserError {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        BrowserError::Ended { status, words: self.words.last() }
    }

    pub(super) fn words(&self) -> Words {
        self.words.clone()
    }

    /// Ends it, and removes its profile.
    pub(super) async fn close(mut self) {
        // It has ended already, or is not ours to end.
        _ = self.child.kill().await;
        // Processes of it may write on for a moment.
        for _ in 0..10 {
            if fs::remove_dir_all(self.profile.path()).is_ok() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

impl Words {
    pub(super) const fn in_file(path: PathBuf) -> Self {
        Self(path)
    }

    /// The last line.
    pub(super) fn last(&self) -> String {
        let words = fs::read(&self.0).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let last = words.trim().lines().next_back().unwrap_or("nothing");
        last.chars().take(LAST_WORDS_CHARS).collect()
    }
}

/// Chromium's sandbox does not work for root. Who made the folder is who runs this.
#[cfg(unix)]
fn is_root(own_folder: &Path) -> bool {
    fs::metadata(own_folder).is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0)
}

#[cfg(not(unix))]
const fn is_root(_: &Path) -> bool {
    false
}

/// Why no browser makes images.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// Nothing was found.
    #[error("images need a browser of the Chromium family, and there is none: looked for `{}` on the path", NAMES.join("`, `"))]
    None,
    /// What the user names is not there.
    #[error("there is no browser `{}`", path.display())]
    NotThere {
        /// What the user names.
        path: PathBuf,
    },
    /// It cannot be run.
    #[error("cannot start the browser `{}`", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It ended before it had made an image.
    #[error("the browser ended before it had made an image ({status}); its last words: {words}")]
    Ended {
        /// How.
        status: String,
        /// The last line that it wrote.
        words: String,
    },
}

impl BrowserError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let what = match self {
            Self::None => "install one, name one with `--browser`",
            Self::NotThere { .. } | Self::Start { .. } | Self::Ended { .. } => {
                "name another with `--browser`"
            }
        };
        Some(format!("{what}, or leave out `--images`: pages then make their images themselves"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    #[test]
    fn the_best_known_name_on_the_path_is_taken() {
        let (one, other) = (folder_with(&["chromium"]), folder_with(&["google-chrome", "brave-browser"]));
        let path = env::join_paths([one.path(), other.path()]).unwrap();
        let browser = Browser::find_in(&path, None).unwrap();
        assert_eq!(browser.program(), other.path().join("google-chrome"));
    }

    #[test]
    fn what_is_named_goes_first_by_path_or_by_name() {
        let folder = folder_with(&["chromium", "my-browser"]);
        let path = folder.path().as_os_str().to_owned();
        let mine = folder.path().join("my-browser");
        for named in [mine.clone(), PathBuf::from("my-browser")] {
            assert_eq!(Browser::find_in(&path, Some(named)).unwrap().program(), mine);
        }
    }

    #[test]
    fn what_is_named_and_not_there_is_not_replaced_by_another() {
        let folder = folder_with(&["chromium"]);
        let error =
            Browser::find_in(&folder.path().as_os_str().to_owned(), Some("/no/browser".into())).unwrap_err();
        assert_eq!(error.to_string(), "there is no browser `/no/browser`");
    }
}
