//! `millhand cache`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use millhand_packages::{BadFile, Prune, Store};

use crate::cli::{CacheArgs, CacheCommand};
use crate::output::{self, Size};
use crate::progress;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Looks after the cache, and says what that gave.
pub(crate) fn run(args: CacheArgs) -> anyhow::Result<ExitCode> {
    let dir = args.cache.dir()?;
    if let CacheCommand::Dir = args.command {
        output::line(&dir.display().to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    if !Store::is_at(&dir) {
        output::line(&format!("there is no cache at `{}`", dir.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let store = Store::open(&dir)?;
    match args.command {
        CacheCommand::Dir => Ok(ExitCode::SUCCESS),
        CacheCommand::Verify { remove } => verify(&store, &dir, remove),
        CacheCommand::Prune { unused_for, unreferenced, all } => prune(
            &store,
            match (unreferenced, all) {
                (true, _) => Prune::Unreferenced,
                (false, true) => Prune::Everything,
                (false, false) => Prune::UnusedFor(unused_for * DAY),
            },
        ),
    }
}

fn verify(store: &Store, dir: &Path, remove: bool) -> anyhow::Result<ExitCode> {
    let (_, bytes) = store.size()?;
    let bar = progress::bar("verifying", Some(bytes));
    let verified = store.verify(|bytes| bar.inc(bytes))?;
    bar.finish_and_clear();
    for bad in &verified.bad {
        output::line(&complaint(bad))?;
        if remove {
            std::fs::remove_file(&bad.path)
                .with_context(|| format!("cannot remove `{}`", bad.path.display()))?;
        }
    }
    let what = match (verified.bad.len(), remove) {
        (0, _) => "each is what it should be".to_owned(),
        (count, true) => format!("{count} removed"),
        (count, false) => format!("{count} not as they should be"),
    };
    output::line(&format!(
        "{} files, {} in `{}`: {what}",
        verified.files,
        Size(verified.bytes),
        dir.display()
    ))?;
    Ok(if verified.bad.is_empty() || remove { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn complaint(bad: &BadFile) -> String {
    let path = bad.path.display();
    match bad.expected {
        Some(expected) => format!("changed: `{path}` has the sha256 {}, it should be {expected}", bad.found),
        None => format!("stray: `{path}` is nothing that millhand keeps there"),
    }
}

fn prune(store: &Store, which: Prune) -> anyhow::Result<ExitCode> {
    let pruned = store.prune(which)?;
    output::line(&format!(
        "removed {} files, {}; {} files stay, {}",
        pruned.files,
        Size(pruned.bytes),
        pruned.left_files,
        Size(pruned.left_bytes)
    ))?;
    Ok(ExitCode::SUCCESS)
}
