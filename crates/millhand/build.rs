//! Builds the binary anew when the npm package that is embedded in it was built anew.

use std::path::Path;

fn main() {
    // A path that does not exist would count as changed at every build, so the nearest one that does is watched.
    let watched = ["../../js/dist/standalone", "../../js/dist", "../../js"];
    if let Some(path) = watched.into_iter().find(|path| Path::new(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
}
