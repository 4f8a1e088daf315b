//! Content hashes: whether a file is the expected one, and whether a step's outputs still belong to its inputs.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::places::Places;

/// A step that turns files into files and need not run again while both are as they were.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    /// Files and folders that are read.
    pub(crate) inputs: Vec<PathBuf>,
    /// Files and folders that are written.
    pub(crate) outputs: Vec<PathBuf>,
}

impl Recipe {
    /// Whether the outputs are those that the step last made, from the same inputs.
    pub(crate) fn is_current(&self, places: &Places) -> Result<bool> {
        let Ok(recorded) = fs::read_to_string(self.stamp(places)) else {
            return Ok(false);
        };
        Ok(self.outputs.iter().all(|output| output.exists()) && recorded == self.digest(places)?)
    }

    /// Remembers that the step has just run.
    pub(crate) fn record(&self, places: &Places) -> Result<()> {
        let stamp = self.stamp(places);
        let digest = self.digest(places)?;
        fs::create_dir_all(places.own())
            .and_then(|()| fs::write(&stamp, digest))
            .with_context(|| format!("cannot write `{}`", stamp.display()))
    }

    fn stamp(&self, places: &Places) -> PathBuf {
        places.own().join(format!("{}.stamp", self.name))
    }

    fn digest(&self, places: &Places) -> Result<String> {
        let mut hasher = Sha256::new();
        for (kind, paths) in [("inputs", &self.inputs), ("outputs", &self.outputs)] {
            hasher.update(kind);
            for path in paths {
                for file in files_below(path)? {
                    let content = read(&file)?;
                    let name = file.strip_prefix(&places.root).unwrap_or(&file);
                    hasher.update(format!("\n{}\n{}\n", name.display(), content.len()));
                    hasher.update(content);
                }
            }
        }
        Ok(hexadecimal(&hasher.finalize()))
    }
}

/// The SHA-256 of a file, in hexadecimal.
pub(crate) fn sha256(file: &Path) -> Result<String> {
    Ok(hexadecimal(&Sha256::digest(read(file)?)))
}

/// The files in a folder and in its folders, in the order of their names; a file is its own only one.
pub(crate) fn files_below(path: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(entries_except(&path, &[])?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What is directly in a folder, without some names, in the order of their names.
pub(crate) fn entries_except(folder: &Path, names: &[&str]) -> Result<Vec<PathBuf>> {
    let context = || format!("cannot list `{}`", folder.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        if !names.iter().any(|name| entry.file_name() == *name) {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is gone after the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            fs::create_dir_all(folder.join("in")).unwrap();
            fs::create_dir_all(folder.join("out")).unwrap();
            Self(folder)
        }

        fn write(&self, path: &str, content: &str) {
            fs::write(self.0.join(path), content).unwrap();
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_step_is_current_until_an_input_or_an_output_changes() {
        let scratch = Scratch::new("recipe");
        let places = Places {
            root: scratch.0.clone(),
            target: scratch.0.join("target"),
            cache: scratch.0.join("cache"),
        };
        let recipe =
            Recipe { name: "step", inputs: vec![scratch.0.join("in")], outputs: vec![scratch.0.join("out")] };
        scratch.write("in/a", "1");
        scratch.write("out/b", "2");
        assert!(!recipe.is_current(&places).unwrap(), "never recorded");
        recipe.record(&places).unwrap();
        assert!(recipe.is_current(&places).unwrap());

        scratch.write("out/b", "edited");
        assert!(!recipe.is_current(&places).unwrap(), "an output was edited");
        scratch.write("out/b", "2");
        scratch.write("in/a", "changed");
        assert!(!recipe.is_current(&places).unwrap(), "an input changed");
        scratch.write("in/a", "1");
        fs::remove_dir_all(scratch.0.join("out")).unwrap();
        assert!(!recipe.is_current(&places).unwrap(), "an output is gone");
        fs::create_dir_all(scratch.0.join("out")).unwrap();
        assert!(!recipe.is_current(&places).unwrap(), "an output is empty");
    }

    #[test]
    fn a_folder_is_listed_without_some_names() {
        let scratch = Scratch::new("entries");
        scratch.write("a", "");
        scratch.write("out/b", "");
        assert_eq!(
            entries_except(&scratch.0, &["in"]).unwrap(),
            [scratch.0.join("a"), scratch.0.join("out")]
        );
        assert_eq!(files_below(&scratch.0).unwrap(), [scratch.0.join("a"), scratch.0.join("out/b")]);
    }

    #[test]
    fn hashes_are_written_in_hexadecimal() {
        let scratch = Scratch::new("hash");
        scratch.write("abc", "abc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(&scratch.0.join("abc")).unwrap(), expected);
    }
}
