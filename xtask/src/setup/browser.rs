//! A real browser of the Chromium family, the user's own first.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::places::Places;
use crate::process;
use crate::say::{self, Step};
use crate::setup::debian;

/// Names under which the family is found on a search path.
const NAMES: [&str; 9] = [
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "chromium",
    "chromium-browser",
    "microsoft-edge-stable",
    "microsoft-edge",
    "msedge",
    "google-chrome-beta",
];

/// Succeeds if the browser that Playwright has installed for itself is there and starts.
const START_PLAYWRIGHTS_OWN: &str =
    "import { chromium } from '@playwright/test'; await (await chromium.launch()).close()";

/// The browser that pages are run in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    /// A program on this machine.
    Installed(PathBuf),
    /// The one that Playwright installs, and finds, by itself.
    Playwright,
}

impl Browser {
    /// What is on this machine, else what can be had.
    pub(crate) fn find_or_install(places: &Places) -> Result<Self> {
        let step = Step::begin("browser");
        if let Some(found) = Self::find(places)? {
            step.already_there(&found.name());
            return Ok(found);
        }
        let mut playwright = process::command("npx", &places.root);
        match process::run(playwright.args(["--no-install", "playwright", "install", "chromium"])) {
            Ok(()) if playwrights_own_starts(places) => {
                step.done(&Self::Playwright.name());
                return Ok(Self::Playwright);
            }
            Ok(()) => say::detail("Playwright's Chromium does not start here; trying Debian's package"),
            Err(error) => say::detail(&format!("{error:#}; trying Debian's package")),
        }
        let from_debian = debian::install(&places.root, &["chromium"]);
        if from_debian.is_ok()
            && let Some(found) = process::find_on_path(&NAMES, env::var_os("PATH")).map(Self::Installed)
        {
            step.done(&found.name());
            return Ok(found);
        }
        let why = from_debian
            .err()
            .map_or_else(|| "it is not on the PATH".to_owned(), |error| format!("{error:#}"));
        bail!(
            "no browser: Playwright cannot get one, and Debian's package neither ({why}); install Chrome, Chromium or \
             Edge, or set CHROME to its path, and try again"
        );
    }

    fn find(places: &Places) -> Result<Option<Self>> {
        if let Some(chosen) = env::var_os("CHROME").filter(|value| !value.is_empty()) {
            let chosen = PathBuf::from(chosen);
            if !chosen.is_file() {
                bail!(
                    "CHROME is `{}`, which is no file: set it to a browser's path, or unset it",
                    chosen.display()
                );
            }
            return Ok(Some(Self::Installed(chosen)));
        }
        let on_path = process::find_on_path(&NAMES, env::var_os("PATH"));
        let installed = on_path.or_else(|| {
            usual_places(env::consts::OS, |name| env::var_os(name)).into_iter().find(|path| path.is_file())
        });
        Ok(match installed {
            Some(path) => Some(Self::Installed(path)),
            None => playwrights_own_starts(places).then_some(Self::Playwright),
        })
    }

    /// Tells a child where the browser is; without `CHROME`, Playwright takes its own.
    pub(crate) fn describe_to(&self, command: &mut Command) {
        match self {
            Self::Installed(path) => command.env("CHROME", path),
            Self::Playwright => command.env_remove("CHROME"),
        };
    }

    fn name(&self) -> String {
        match self {
            Self::Installed(path) => path.display().to_string(),
            Self::Playwright => "Playwright's Chromium".to_owned(),
        }
    }
}

fn playwrights_own_starts(places: &Places) -> bool {
    let folder = places.root.join("tests").join("browser");
    let mut node = process::command("node", &folder);
    process::succeeds(node.args(["--input-type=module", "--eval", START_PLAYWRIGHTS_OWN]))
}

/// Where installers put the family on systems whose search path does not name them.
fn usual_places(system: &str, variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let (folders, programs): (&[&str], &[&str]) = match system {
        "macos" => (
            &["HOME", ""],
            &[
                "Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
                "Applications/Chromium.app/Contents/MacOS/Chromium",
                "Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
            ],
        ),
        "windows" => (
            &["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"],
            &[
                "Google/Chrome/Application/chrome.exe",
                "Chromium/Application/chrome.exe",
                "Microsoft/Edge/Application/msedge.exe",
            ],
        ),
        _ => (&[], &[]),
    };
    let folder = |name: &&str| if name.is_empty() { Some("/".into()) } else { variable(name) };
    let folders: Vec<PathBuf> = folders.iter().filter_map(folder).map(PathBuf::from).collect();
    programs
        .iter()
        .flat_map(|program| folders.iter().map(move |folder| folder.join(Path::new(program))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_search_path_is_asked_for_each_name_in_turn() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt as _;

        let scratch = env::temp_dir().join(format!("xtask-browser-{}", std::process::id()));
        let (first, second) = (scratch.join("first"), scratch.join("second"));
        for (folder, name, mode) in
            [(&first, "chromium", 0o755), (&first, "chrome", 0o644), (&second, "google-chrome", 0o755)]
        {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join(name), "").unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = |folders: &[&PathBuf]| Some(env::join_paths(folders).unwrap());

        let both = process::find_on_path(&NAMES, path(&[&first, &second]));
        assert_eq!(both, Some(second.join("google-chrome")), "the better name wins, wherever it is");
        let one = process::find_on_path(&NAMES, path(&[&first]));
        assert_eq!(one, Some(first.join("chromium")), "a file that is no program is passed over");
        assert_eq!(process::find_on_path(&NAMES, path(&[&scratch])), None);
        assert_eq!(process::find_on_path(&NAMES, None), None);
        fs::remove_dir_all(scratch).unwrap();
    }

    #[test]
    fn the_usual_places_follow_the_system() {
        let home = |name: &str| (name == "HOME").then(|| "/Users/ada".into());
        let places = usual_places("macos", home);
        assert_eq!(
            places[..2],
            [
                PathBuf::from("/Users/ada/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
                PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
            ]
        );
        let programs = |name: &str| (name == "PROGRAMFILES").then(|| "/programs".into());
        let places = usual_places("windows", programs);
        assert_eq!(places[0], PathBuf::from("/programs/Google/Chrome/Application/chrome.exe"));
        assert_eq!(places.len(), 3);
        assert_eq!(usual_places("linux", home), Vec::<PathBuf>::new());
    }
}
