//! Builds the crate anew when the script of remote workers that is embedded in it was built anew.

use std::path::Path;

fn main() {
    // A path that does not exist would count as changed at every build, so the nearest one that does is watched.
    let watched = ["../../js/dist/engine", "../../js/dist", "../../js"];
    if let Some(path) = watched.into_iter().find(|path| Path::new(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
}
