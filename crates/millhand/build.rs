//! Builds the binary anew when the npm package that is embedded in it was built anew, and sees to it that a release
//! has one.

use std::path::Path;

fn main() {
    // A path that does not exist would count as changed at every build, so the nearest one that does is watched.
    let watched = ["../../js/dist/standalone", "../../js/dist", "../../js"];
    if let Some(path) = watched.into_iter().find(|path| Path::new(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
    let is_built = Path::new("../../js/dist/standalone/index.js").exists();
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    assert!(is_built || !is_release, "a release needs the npm package in it: run `cargo xtask build` first");
    println!("cargo::rustc-env=MILLHAND_PACKAGE={}", if is_built { "embedded" } else { "missing" });
}
