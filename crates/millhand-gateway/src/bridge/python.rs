//! The bridge's Python: a virtual environment that is made once, with the user's `uv` or `pip`, or an interpreter that the user names.
//! The package `millhand_ray` is in this binary, and is written beside it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::installer::Installer;

/// The version of Ray that is installed, and that clusters have to have.
pub const RAY_VERSION: &str = "2.60.0";
/// What else the environment has: Ray makes environments of `pip` packages with it.
const BESIDES: &str = "virtualenv";
/// In an environment that is complete.
const MARK: &str = "millhand-complete";

#[derive(RustEmbed)]
#[folder = "../../python/millhand_ray/src/millhand_ray"]
struct Package;

/// What remote workers run in Node. There is none before the npm package was built.
#[derive(RustEmbed)]
#[folder = "../../js/dist/engine"]
#[allow_missing = true]
struct NodeWorker;

/// Where the bridge's Python comes from.
#[derive(Clone, Debug)]
pub enum PythonSource {
    /// A virtual environment that the server makes.
    Managed {
        /// Requirements of `pip` to install beside Ray, for an engine on this machine.
        packages: Vec<String>,
        /// Whether nothing may be downloaded.
        offline: bool,
    },
    /// An interpreter that has Ray.
    Given(PathBuf),
}

/// A Python that can run the bridge.
#[derive(Debug)]
pub(super) struct PreparedPython {
    pub(super) interpreter: PathBuf,
    /// The folder with the package `millhand_ray`.
    pub(super) package_path: PathBuf,
}

/// Why there is no Python for the bridge.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// Neither `uv` nor a Python that will do.
    #[error(
        "there is no `uv` and no `python3` of version 3.10 to 3.13 on the path, and the bridge to Ray is a Python program"
    )]
    NoPython,
    /// Not installed, and nothing may be downloaded.
    #[error("Ray {RAY_VERSION} is not installed in `{}`, and downloads are off", folder.display())]
    Offline {
        /// Where it would be.
        folder: PathBuf,
    },
    /// The interpreter does not run.
    #[error("`{}` is no Python that runs", interpreter.display())]
    NotRunning {
        /// As given.
        interpreter: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The install failed.
    #[error("`{command}` failed: {complaint}")]
    Install {
        /// As typed.
        command: String,
        /// The last that it said.
        complaint: String,
    },
    /// Files cannot be written.
    #[error("cannot write below `{}`", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl PythonError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoPython => "install `uv`, or Python 3.10 to 3.13 with `pip`".to_owned(),
            Self::Offline { .. } => {
                "start the server once without `--offline`, or name a Python that has Ray with `--python`"
                    .to_owned()
            }
            Self::NotRunning { .. } => {
                "name the Python interpreter of an environment that has Ray".to_owned()
            }
            Self::Install { .. } => {
                format!(
                    "install `ray=={RAY_VERSION}` into an environment of your own, and name its Python with `--python`"
                )
            }
            Self::Write { .. } => "choose another cache folder with `--cache-dir`".to_owned(),
        }
    }
}

/// Gets a Python ready; `folder` keeps it for the next time.
pub(super) async fn prepare(source: &PythonSource, folder: &Path) -> Result<PreparedPython, PythonError> {
    let package_path =
        write_package(folder).map_err(|source| PythonError::Write { path: folder.to_owned(), source })?;
    let interpreter = match source {
        PythonSource::Given(interpreter) => {
            check(interpreter).await?;
            interpreter.clone()
        }
        PythonSource::Managed { packages, offline } => managed(packages, *offline, folder).await?,
    };
    Ok(PreparedPython { interpreter, package_path })
}

async fn check(interpreter: &Path) -> Result<(), PythonError> {
    let not_running = |source| PythonError::NotRunning { interpreter: interpreter.to_owned(), source };
    let output = Command::new(interpreter).arg("--version").stdin(Stdio::null()).output().await;
    let output = output.map_err(not_running)?;
    if output.status.success() && output.stdout.starts_with(b"Python 3.") {
        return Ok(());
    }
    Err(not_running(io::Error::other("it does not answer `--version` as Python 3 does")))
}

/// Writes the package, in a folder that is named by its content.
fn write_package(folder: &Path) -> io::Result<PathBuf> {
    let sources = Package::iter().filter(|name| name.ends_with(".py"));
    let sources = sources.filter_map(|name| Some((Package::get(&name)?.data, name)));
    let scripts = NodeWorker::iter().filter_map(|name| Some((NodeWorker::get(&name)?.data, name)));
    let files: Vec<_> = sources.chain(scripts).collect();
    let mut hash = Sha256::new();
    for (data, name) in &files {
        hash.update(name.as_bytes());
        hash.update(data);
    }
    let package_path = folder.join(format!("package-{}", short(&hash.finalize())));
    if package_path.is_dir() {
        return Ok(package_path);
    }
    fs::create_dir_all(folder)?;
    let half_made = tempfile::tempdir_in(folder)?;
    for (data, name) in files {
        let path = half_made.path().join("millhand_ray").join(&*name);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, data)?;
    }
    match fs::rename(half_made.path(), &package_path) {
        // Another server was faster.
        Err(_) if package_path.is_dir() => {}
        renamed => renamed?,
    }
    Ok(package_path)
}

fn short(hash: &[u8]) -> String {
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The interpreter of the environment with these packages, which is made if it is not there.
async fn managed(packages: &[String], offline: bool, folder: &Path) -> Result<PathBuf, PythonError> {
    let requirements: Vec<String> = [format!("ray=={RAY_VERSION}"), BESIDES.to_owned()]
        .into_iter()
        .chain(packages.iter().cloned())
        .collect();
    let venv = folder.join(format!("venv-{}", short(&Sha256::digest(requirements.join("\n").as_bytes()))));
    let interpreter = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let cannot_write = |source| PythonError::Write { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(cannot_write)?;
    let lock = File::create(venv.with_extension("lock")).map_err(cannot_write)?;
    // Another server may be making it: this waits for it, on a thread of its own.
    let lock =
        tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await.map_err(io::Error::other);
    let _lock = lock.and_then(|lock| lock).map_err(cannot_write)?;
    if venv.join(MARK).is_file() {
        return Ok(interpreter);
    }
    if offline {
        return Err(PythonError::Offline { folder: venv });
    }
    let installer = Installer::find().await.ok_or(PythonError::NoPython)?;
    tracing::info!(
        "gateway: installing {} (about 360 MB, once) into `{}`",
        requirements.join(", "),
        venv.display()
    );
    installer.make(&venv, &interpreter, &requirements).await?;
    fs::write(venv.join(MARK), "").map_err(cannot_write)?;
    tracing::info!("gateway: Ray is installed");
    Ok(interpreter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_package_is_written_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = write_package(folder.path()).unwrap();
        assert_eq!(write_package(folder.path()).unwrap(), path);
        for file in ["__init__.py", "__main__.py", "worker/__main__.py"] {
            assert!(path.join("millhand_ray").join(file).is_file(), "{file}");
        }
    }

    #[test]
    fn the_package_names_the_same_ray() {
        let engine = Package::get("engine.py").unwrap().data;
        let line = format!("\nRAY_VERSION = \"{RAY_VERSION}\"\n");
        assert!(std::str::from_utf8(&engine).unwrap().contains(&line));
    }

    #[tokio::test]
    async fn what_is_no_python_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for interpreter in ["/nonexistent/python", "/bin/true"] {
            let error = prepare(&PythonSource::Given(interpreter.into()), folder.path()).await.unwrap_err();
            assert_eq!(error.to_string(), format!("`{interpreter}` is no Python that runs"));
        }
    }

    #[tokio::test]
    async fn nothing_is_installed_offline() {
        let folder = tempfile::tempdir().unwrap();
        let source = PythonSource::Managed { packages: Vec::new(), offline: true };
        let error = prepare(&source, folder.path()).await.unwrap_err();
        assert!(error.to_string().ends_with("and downloads are off"), "{error}");
    }
}
