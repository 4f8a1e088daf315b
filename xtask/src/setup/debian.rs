//! Debian's packages, the way out where other downloads are refused.

use std::env;
use std::fs;
use std::io::{IsTerminal as _, stdin};
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// Installs packages; fails at once on a machine that is no Debian, or without root's rights.
pub(crate) fn install(root: &Path, packages: &[&str]) -> Result<()> {
    if !fs::read_to_string("/etc/os-release").is_ok_and(|text| names_debian(&text)) {
        bail!("this is not a Debian");
    }
    let Some(rights) = Rights::find(root) else {
        bail!("Debian's packages need root or `sudo`");
    };
    process::run(rights.apt_get(root).args(["update", "--quiet"]))?;
    let mut install = rights.apt_get(root);
    install.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(packages);
    process::run(&mut install)
}

/// How commands get root's rights.
#[derive(Debug, Clone, Copy)]
enum Rights {
    Root,
    Sudo,
}

impl Rights {
    fn find(root: &Path) -> Option<Self> {
        if process::read(process::command("id", root).arg("-u")).is_ok_and(|id| id.trim() == "0") {
            return Some(Self::Root);
        }
        let sudo = process::find_on_path(&["sudo"], env::var_os("PATH")).is_some();
        // It may ask for a password only where somebody can answer.
        let allowed = sudo
            && (stdin().is_terminal()
                || process::succeeds(process::command("sudo", root).args(["-n", "true"])));
        allowed.then_some(Self::Sudo)
    }

    fn apt_get(self, root: &Path) -> Command {
        match self {
            Self::Root => {
                let mut command = process::command("apt-get", root);
                command.env("DEBIAN_FRONTEND", "noninteractive");
                command
            }
            Self::Sudo => {
                let mut command = process::command("sudo", root);
                command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
                command
            }
        }
    }
}

/// Whether an `os-release` file names Debian or one of its descendants.
fn names_debian(os_release: &str) -> bool {
    os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .any(|value| value.trim_matches(['"', '\'']).split_whitespace().any(|id| id == "debian"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_its_descendants_are_recognised() {
        assert!(names_debian("PRETTY_NAME=\"Debian GNU/Linux\"\nID=debian\n"));
        assert!(names_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!names_debian("ID=fedora\nHOME_URL=\"not debian\"\n"));
        assert!(!names_debian("ID=debianish\n"));
    }
}
