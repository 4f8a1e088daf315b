//! Turns the compiled wasm host into a JavaScript module with TypeScript declarations.
//!
//! `xtask-bindgen HOST.wasm FOLDER` replaces the folder. `cargo xtask build` calls it; it is a program of its own
//! because the library that does the work takes long to compile.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let args: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [wasm, folder] = args.as_slice() else {
        bail!("usage: xtask-bindgen HOST.wasm FOLDER");
    };
    // Made beside its place and moved there when whole, so that a failure leaves the old one.
    let partial = folder.with_extension("partial");
    remove(&partial)?;
    generate(wasm, &partial)?;
    remove(folder)?;
    fs::rename(&partial, folder).with_context(|| format!("cannot write `{}`", folder.display()))
}

fn generate(wasm: &Path, folder: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(wasm)
        .web(true)
        .and_then(|bindgen| bindgen.typescript(true).remove_producers_section(true).generate(folder))
        .with_context(|| format!("cannot write the JavaScript glue of `{}`", wasm.display()))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", folder.display()))
        }
        _ => Ok(()),
    }
}
