//! A Rust compiler for WebAssembly: rustup's, or Debian's where rustup cannot download.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::places::Places;
use crate::process;
use crate::say::{self, Step};
use crate::setup::debian;

/// The target of code that runs in pages.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_LINKER: &str = "wasm-ld-22";

/// Who compiles to WebAssembly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WasmToolchain {
    /// The active toolchain, which has the target's standard library.
    Rustup,
    /// Debian's compiler, which builds the standard library from its sources.
    Debian,
}

impl WasmToolchain {
    /// What is on this machine, if anything.
    pub(crate) fn find(places: &Places) -> Option<Self> {
        if active_toolchain_has_target(places) {
            Some(Self::Rustup)
        } else {
            debian_is_complete(places).then_some(Self::Debian)
        }
    }

    /// What is on this machine, else what can be had: rustup first.
    pub(crate) fn find_or_install(places: &Places) -> Result<Self> {
        let step = Step::begin("Rust for WebAssembly");
        if let Some(found) = Self::find(places) {
            step.already_there(found.name());
            return Ok(found);
        }
        let from_rustup =
            process::run(process::command("rustup", &places.root).args(["target", "add", TARGET]));
        if from_rustup.is_ok() && active_toolchain_has_target(places) {
            step.done(Self::Rustup.name());
            return Ok(Self::Rustup);
        }
        if let Err(error) = &from_rustup {
            say::detail(&format!("{error:#}; trying Debian's packages"));
        }
        let from_debian = debian::install(&places.root, &DEBIAN_PACKAGES);
        if from_debian.is_ok() && debian_is_complete(places) {
            step.done(Self::Debian.name());
            return Ok(Self::Debian);
        }
        let why = from_debian
            .err()
            .map_or_else(|| "its packages lack a part".to_owned(), |error| format!("{error:#}"));
        bail!(
            "no Rust compiler for `{TARGET}`: rustup cannot get it, and Debian's packages neither ({why}); run \
             `rustup target add {TARGET}` where the network allows it, and try again"
        );
    }

    /// Where the artifacts of the profile `wasm` are.
    pub(crate) fn artifacts(self, places: &Places) -> PathBuf {
        self.target_dir(places).join(TARGET).join("wasm")
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rustup => "the active toolchain has wasm32-unknown-unknown",
            Self::Debian => "Debian's rustc-web, with the standard library built from rust-web-src",
        }
    }

    /// A `cargo` that builds the workspace for WebAssembly into [`Self::target_dir`].
    pub(crate) fn cargo_build(self, places: &Places) -> Command {
        let mut command = match self {
            Self::Rustup => process::cargo(&places.root),
            Self::Debian => debian_cargo(places),
        };
        command.args(["build", "--target", TARGET, "--target-dir"]).arg(self.target_dir(places));
        if self == Self::Debian {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        command
    }

    /// Where it builds: each compiler in a folder of its own, so that neither throws away what the other made.
    fn target_dir(self, places: &Places) -> PathBuf {
        match self {
            Self::Rustup => places.target.clone(),
            Self::Debian => places.target.join("debian"),
        }
    }
}

fn debian_cargo(places: &Places) -> Command {
    let mut command = process::command(DEBIAN_CARGO, &places.root);
    command
        // Debian's compiler is no nightly, and `-Zbuild-std` is for nightlies.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", DEBIAN_RUSTC)
        .env("PATH", "/usr/bin:/bin")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER);
    // Left by the cargo that runs this program; they point at its own toolchain.
    for variable in ["CARGO", "RUSTDOC", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"] {
        command.env_remove(variable);
    }
    command
}

fn active_toolchain_has_target(places: &Places) -> bool {
    let mut command = process::command("rustc", &places.root);
    command.args(["--print", "target-libdir", "--target", TARGET]);
    process::read(&mut command).is_ok_and(|folder| has_std(Path::new(folder.trim())))
}

fn has_std(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| {
        entries
            .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
    })
}

fn debian_is_complete(places: &Places) -> bool {
    let linker = format!("/usr/bin/{DEBIAN_LINKER}");
    if ![DEBIAN_RUSTC, DEBIAN_CARGO, &linker].iter().all(|program| Path::new(program).is_file()) {
        return false;
    }
    let sysroot = process::read(process::command(DEBIAN_RUSTC, &places.root).args(["--print", "sysroot"]));
    sysroot.is_ok_and(|sysroot| {
        Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
    })
}
