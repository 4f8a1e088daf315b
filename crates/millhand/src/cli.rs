//! The command line. What a command does is in [`commands`](crate::commands).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use etcetera::BaseStrategy as _;
use millhand::images::{Browser, BrowserError, ImageMaker};
use millhand_gateway::bridge::{EngineNetwork, PythonSource};
use millhand_gateway::{EngineUrl, Token};
use millhand_packages::{
    InstallerSettings, NpmSpecifier, PyodideCdn, PyodideVersion, PythonRequirement, Store,
};
use millhand_transform::Bundler;

/// The lockfile's name.
const LOCKFILE: &str = "millhand.lock";

/// Worker pools for web pages: a server for your pages, and the environments of their workers.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Log more, to stderr.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Notebook(NotebookArgs),
    Serve(ServeArgs),
    Add(AddArgs),
    Lock(LockArgs),
    Outdated(OutdatedArgs),
    Export(ExportArgs),
    Fetch(FetchArgs),
    Cache(CacheArgs),
    Doctor(DoctorArgs),
}

/// Serve Markdown pages with cells that run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millhand notebook page.md                 one page, at `/`
  millhand notebook docs --port 0           all pages of a folder, on a free port, which is printed
  millhand notebook docs --offline          download nothing: use what `millhand fetch` put in the cache
  millhand notebook docs --engine ray://auto  remote workers, on a Ray of this machine

A page shows what changes in its file at once, and keeps what its other cells have shown.")]
pub(crate) struct NotebookArgs {
    /// A Markdown file, or a folder of them.
    pub(crate) path: PathBuf,

    /// The port on this machine; 0 picks a free one.
    #[arg(long, default_value_t = 8750, value_name = "N")]
    pub(crate) port: u16,

    #[command(flatten)]
    pub(crate) install: InstallArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,

    #[command(flatten)]
    pub(crate) images: ImageArgs,
}

/// Serve a folder of static pages, with the packages of their workers beside them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millhand serve site                       serve the pages in `site`
  millhand serve site --port 0              on a free port, which is printed
  millhand serve site --offline             download nothing: use what `millhand fetch` put in the cache
  millhand serve site --locked              refuse what the lockfile `site/millhand.lock` does not have
  millhand serve site --overlay wheels      use the wheels in `wheels` rather than the public ones
  millhand serve site --images              images of Python environments, made when a page asks for one first
  millhand serve site --engine ray://auto   remote workers, on a Ray of this machine

In a page: import * as millhand from '/millhand/index.js'")]
pub(crate) struct ServeArgs {
    /// The folder.
    pub(crate) dir: PathBuf,

    /// The port on this machine; 0 picks a free one.
    #[arg(long, default_value_t = 8750, value_name = "N")]
    pub(crate) port: u16,

    #[command(flatten)]
    pub(crate) install: InstallArgs,

    #[command(flatten)]
    pub(crate) images: ImageArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// Remote workers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Remote workers")]
pub(crate) struct EngineArgs {
    /// Where remote workers run: `ray://host:port`, or `ray://auto` for the Ray of this machine, which is started if there is none.
    #[arg(long, value_name = "URL")]
    pub(crate) engine: Option<EngineUrl>,

    /// What pools have to show [default: one that is made, and kept in the cache folder].
    #[arg(long, env = "MILLHAND_TOKEN", hide_env_values = true, value_name = "TOKEN", requires = "engine")]
    pub(crate) engine_token: Option<Token>,

    /// How many remote workers there may be, of all pages together.
    #[arg(long, value_name = "N", default_value_t = 64, requires = "engine")]
    pub(crate) engine_workers: usize,

    /// A package for the Ray that the server starts, as in `numpy==2.2.5`. Can be given again.
    #[arg(long, value_name = "PACKAGE", requires = "engine")]
    pub(crate) engine_package: Vec<String>,

    /// Whose network the Ray that the server starts has: one of its own, with nothing in it, or this machine's.
    #[arg(long, value_name = "WHOSE", default_value = "isolated", requires = "engine")]
    pub(crate) engine_network: NetworkArg,

    /// The origin of pages of another server that may use remote workers, as in `https://example.org`. Can be given again.
    #[arg(long, value_name = "ORIGIN", requires = "engine")]
    pub(crate) engine_origin: Vec<String>,

    /// A Python that has Ray [default: one that is made with `uv` or `pip`, in the cache folder].
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
}

/// Whose network.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum NetworkArg {
    /// One of its own, with nothing in it.
    Isolated,
    /// This machine's.
    Host,
}

impl EngineArgs {
    /// Which Python the bridge to the engine runs on.
    pub(crate) fn python_source(&self, offline: bool) -> PythonSource {
        match &self.python {
            Some(interpreter) => PythonSource::Given(interpreter.clone()),
            None => PythonSource::Managed { packages: self.engine_package.clone(), offline },
        }
    }
}

impl From<NetworkArg> for EngineNetwork {
    fn from(network: NetworkArg) -> Self {
        match network {
            NetworkArg::Isolated => Self::Isolated,
            NetworkArg::Host => Self::Host,
        }
    }
}

/// Lock an environment, and put it into the cache: what one `install` of a page may ask for.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  millhand add 'rxjs#^7.8.1' lodash         npm packages for the pages in this folder
  millhand add --css 'bootstrap#^5.3.3~bootstrap.min.css'
  millhand add --python numpy               a Python environment
  millhand add three --dir site             for the pages in `site`

A page that asks for these, or for a part of them, gets exactly what is locked."
)]
pub(crate) struct AddArgs {
    /// Modules of npm packages: `name[/subpath][#range]`.
    #[arg(value_name = "SPECIFIER", required_unless_present_any = ["css", "script", "python"])]
    pub(crate) modules: Vec<NpmSpecifier>,

    /// A stylesheet of an npm package: `name[#range]~file`. Can be given again.
    #[arg(long, value_name = "SPECIFIER")]
    pub(crate) css: Vec<NpmSpecifier>,

    /// A classic script of an npm package: `name[#range]~file`. Can be given again.
    #[arg(long, value_name = "SPECIFIER")]
    pub(crate) script: Vec<NpmSpecifier>,

    /// A Python package. Can be given again.
    #[arg(long, value_name = "PACKAGE")]
    pub(crate) python: Vec<PythonRequirement>,

    /// The version of Pyodide.
    #[arg(long, default_value_t, value_name = "VERSION")]
    pub(crate) pyodide: PyodideVersion,

    /// The folder with the pages.
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,

    #[command(flatten)]
    pub(crate) install: InstallArgs,
}

/// Put everything that is locked into the cache.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millhand lock                             get what `millhand.lock` in this folder has: then `--offline` works
  millhand lock site --upgrade              take the newest versions that the pages' ranges allow
  millhand lock site --images               and have images of Python environments made, for `millhand serve`")]
pub(crate) struct LockArgs {
    /// The folder with the pages.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,

    /// Resolve anew, and take the newest versions.
    #[arg(long, conflicts_with_all = ["locked", "offline"])]
    pub(crate) upgrade: bool,

    #[command(flatten)]
    pub(crate) install: InstallArgs,

    #[command(flatten)]
    pub(crate) images: ImageArgs,
}

/// List locked packages of which there are newer versions.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millhand outdated                         of `millhand.lock` in this folder
  millhand lock --upgrade                   take those that are in range")]
pub(crate) struct OutdatedArgs {
    /// The folder with the pages.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,

    #[command(flatten)]
    pub(crate) install: InstallArgs,
}

/// Write a folder that any static host can serve: the pages, millhand, and every environment that is locked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millhand export site --out dist           pages of `site`, with what `site/millhand.lock` has
  millhand export site --images             with images of Python environments, made by a browser of this machine
  millhand export site/demo.html            with that page as the first
  millhand export notes/page.md             the notebook in `notes`, with that page as the first

What pages ask for is locked when they are opened under `millhand serve`, or by `millhand add`. Left out are names that
begin with a dot, `node_modules`, earlier exports, and links that lead out of the folder. The folder belongs at the root of a host: pages import `/millhand/index.js`. In a subfolder, let them import `./millhand/index.js`.")]
pub(crate) struct ExportArgs {
    /// The folder with the pages, or the page in it that is to come first. Pages are of HTML, or Markdown of a notebook.
    #[arg(value_name = "DIR|PAGE")]
    pub(crate) source: PathBuf,

    /// The folder to write; an earlier export is replaced, with all that is in it.
    #[arg(short, long, default_value = "dist", value_name = "DIR")]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) install: InstallArgs,

    #[command(flatten)]
    pub(crate) images: ImageArgs,
}

/// How packages are had for a folder of pages.
#[derive(Clone, Debug, Args)]
pub(crate) struct InstallArgs {
    /// Download nothing.
    #[arg(long)]
    pub(crate) offline: bool,

    /// Refuse what the lockfile does not have.
    #[arg(long)]
    pub(crate) locked: bool,

    /// The lockfile [default: `millhand.lock` in the folder with the pages].
    #[arg(long, value_name = "FILE")]
    lockfile: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

impl InstallArgs {
    /// The settings of an installer for the pages in `dir`.
    pub(crate) fn settings(self, dir: &Path) -> anyhow::Result<InstallerSettings> {
        let lockfile = self.lockfile.unwrap_or_else(|| dir.join(LOCKFILE));
        let folder =
            lockfile.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        ensure!(folder.is_dir(), "there is no folder `{}` for the lockfile", folder.display());
        Ok(InstallerSettings {
            offline: self.offline,
            locked: self.locked,
            lockfile: Some(lockfile),
            ..self.sources.settings()?
        })
    }
}

/// Images made ahead.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Images")]
pub(crate) struct ImageArgs {
    /// Have a browser make images of the Python environments: workers boot from them at the first visit already.
    #[arg(long)]
    images: bool,

    /// The browser that makes images, of the Chromium family [default: `$CHROME`, or the one on the path].
    #[arg(long, env = "MILLHAND_BROWSER", value_name = "PATH")]
    browser: Option<PathBuf>,
}

impl ImageArgs {
    /// What makes images, if they are wanted.
    pub(crate) fn maker(self, store: &Arc<Store>) -> Result<Option<ImageMaker>, BrowserError> {
        if !self.images {
            return Ok(None);
        }
        let browser = Browser::find(self.browser)?;
        tracing::info!("images are made by `{}`", browser.program().display());
        Ok(Some(ImageMaker::new(Arc::clone(store), browser)))
    }
}

/// Put Pyodide and packages into the cache, so that `--offline` finds them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millhand fetch                            Pyodide itself
  millhand fetch numpy pandas               packages too, with all that they need
  millhand fetch numpy==2.2.5               fails unless it can be that version
  millhand fetch snowballstemmer 'rich>=14' pure wheels beyond Pyodide's own packages, by `uv` or `pip`
  millhand fetch --pyodide 0.28.3 numpy     for another Pyodide
  millhand fetch mytool --overlay dist      with a wheel of your own from the folder `dist`")]
pub(crate) struct FetchArgs {
    /// Packages: a name and, after it, the versions that will do: `numpy`, `numpy==2.2.5`, `rich>=13,<15`.
    #[arg(value_name = "PACKAGE")]
    pub(crate) packages: Vec<PythonRequirement>,

    /// The version of Pyodide.
    #[arg(long, default_value_t, value_name = "VERSION")]
    pub(crate) pyodide: PyodideVersion,

    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// Check what pages and remote workers need, and say how to mend what is broken.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millhand doctor                              this machine
  millhand doctor --engine ray://auto          and a Ray that is started for the look
  millhand doctor --engine ray://head:6379     and that Ray: versions, token, a worker on it
  millhand doctor --url http://127.0.0.1:8750/ and the headers of a page")]
pub(crate) struct DoctorArgs {
    /// A page whose headers are to be looked at.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,

    #[command(flatten)]
    pub(crate) cache: CacheDirArgs,
}

/// Look after the cache: where it is, whether it is sound, and what can go.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millhand cache dir                        where it is
  millhand cache verify                     hash every file, and name those that were changed
  millhand cache verify --remove            and remove those
  millhand cache prune                      remove what nobody used for 30 days
  millhand cache prune --unused-for 7       or for a week
  millhand cache prune --unreferenced       remove what nothing refers to, such as copies of old overlays
  millhand cache prune --all                remove everything

What is needed again later is downloaded again.")]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,

    #[command(flatten)]
    pub(crate) cache: CacheDirArgs,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Print where the cache is.
    Dir,
    /// Hash every file, and name those that are not what they should be.
    Verify {
        /// Remove those: they are downloaded again when they are needed.
        #[arg(long)]
        remove: bool,
    },
    /// Remove files, and say how much space that gives.
    Prune {
        /// Those that nobody used for so many days.
        #[arg(long, value_name = "DAYS", default_value_t = 30, conflicts_with_all = ["unreferenced", "all"])]
        unused_for: u32,
        /// Those that nothing in the cache refers to.
        #[arg(long, conflicts_with = "all")]
        unreferenced: bool,
        /// All of them.
        #[arg(long)]
        all: bool,
    },
}

/// Where the cache is.
#[derive(Clone, Debug, Args)]
pub(crate) struct CacheDirArgs {
    /// Where files are kept [default: `millhand` in your cache folder].
    #[arg(long, global = true, env = "MILLHAND_CACHE_DIR", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

impl CacheDirArgs {
    /// The cache folder. It need not be there yet.
    pub(crate) fn dir(self) -> anyhow::Result<PathBuf> {
        match self.cache_dir {
            Some(dir) => Ok(dir),
            None => default_cache_dir(),
        }
    }
}

/// Where files come from and go to.
#[derive(Clone, Debug, Args)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    cache: CacheDirArgs,

    /// A wheel, or a folder of wheels, to use in place of the public ones. Can be given again.
    #[arg(long, value_name = "PATH")]
    overlay: Vec<PathBuf>,

    /// Where the packages of Pyodide's lock are; `{version}` in it becomes Pyodide's version.
    #[arg(long, default_value_t, value_name = "URL")]
    pyodide_cdn: PyodideCdn,
}

impl SourceArgs {
    /// The settings of an installer with these sources.
    pub(crate) fn settings(self) -> anyhow::Result<InstallerSettings> {
        Ok(InstallerSettings {
            overlays: self.overlay,
            cdn: self.pyodide_cdn,
            transform: Some(Arc::new(Bundler::new())),
            ..InstallerSettings::in_folder(self.cache.dir()?)
        })
    }
}

fn default_cache_dir() -> anyhow::Result<PathBuf> {
    let user = etcetera::choose_base_strategy()
        .context("this user has no home folder for a cache: name one with `--cache-dir`")?;
    Ok(user.cache_dir().join("millhand"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bad_specifier_is_refused_where_it_is_typed() {
        let error = Cli::try_parse_from(["millhand", "fetch", "numpy>>2"]).unwrap_err();
        assert!(error.to_string().contains("unexpected `>` at character 7"), "{error}");
    }

    #[test]
    fn overlays_add_up() {
        let cli =
            Cli::try_parse_from(["millhand", "serve", ".", "--overlay", "a", "--overlay", "b"]).unwrap();
        let Command::Serve(args) = cli.command else { panic!("a serve command") };
        assert_eq!(args.install.sources.overlay, [PathBuf::from("a"), PathBuf::from("b")]);
    }
}
