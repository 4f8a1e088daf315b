//! The command line. What a command does is in [`commands`](crate::commands).

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use etcetera::BaseStrategy as _;
use millhand_packages::{InstallerSettings, PyodideCdn, PyodideVersion, PythonRequirement};

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
    Serve(ServeArgs),
    Fetch(FetchArgs),
    Cache(CacheArgs),
}

/// Serve a folder of static pages, with the packages of their workers beside them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  millhand serve site                       serve the pages in `site`
  millhand serve site --port 0              on a free port, which is printed
  millhand serve site --offline             download nothing: use what `millhand fetch` put in the cache
  millhand serve site --overlay wheels      use the wheels in `wheels` rather than the public ones

In a page: import * as millhand from '/millhand/index.js'")]
pub(crate) struct ServeArgs {
    /// The folder.
    pub(crate) dir: PathBuf,

    /// The port on this machine; 0 picks a free one.
    #[arg(long, default_value_t = 8750, value_name = "N")]
    pub(crate) port: u16,

    /// Download nothing.
    #[arg(long)]
    pub(crate) offline: bool,

    #[command(flatten)]
    pub(crate) sources: SourceArgs,
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
        assert_eq!(args.sources.overlay, [PathBuf::from("a"), PathBuf::from("b")]);
    }
}
