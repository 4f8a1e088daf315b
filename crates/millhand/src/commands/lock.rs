//! `millhand lock` and `millhand outdated`: the lockfile as a whole.

use std::process::ExitCode;

use anyhow::ensure;
use millhand_packages::{Installer, InstallerSettings};

use crate::cli::{LockArgs, OutdatedArgs};
use crate::commands::{images, until_interrupted, with_progress};
use crate::output;

/// Puts everything that is locked into the cache; with `--upgrade`, resolves it anew first.
pub(crate) async fn run(args: LockArgs) -> anyhow::Result<ExitCode> {
    until_interrupted(async {
        let settings = with_progress(args.install.settings(&args.dir)?);
        check_lockfile(&settings)?;
        let installer = Installer::open(settings)?;
        let maker = args.images.maker(installer.store())?;
        let environments = match args.upgrade {
            true => installer.upgrade_locked_environments().await?,
            false => installer.install_locked_environments().await?,
        };
        if let Some(maker) = maker {
            images::make_all(&maker, &environments).await?;
        }
        for (_, environment) in &environments {
            for line in output::describe(environment) {
                output::line(&line)?;
            }
        }
        output::line(&format!("{} environments are locked, and in the cache", environments.len()))
    })
    .await
}

/// Says of what there are newer versions.
pub(crate) async fn outdated(args: OutdatedArgs) -> anyhow::Result<ExitCode> {
    until_interrupted(async {
        let settings = with_progress(args.install.settings(&args.dir)?);
        check_lockfile(&settings)?;
        let outdated = Installer::open(settings)?.outdated().await?;
        if outdated.is_empty() {
            return output::line(
                "every npm package that is locked is the newest; Python packages are not looked at",
            );
        }
        output::line(&format!("{:<32} {:<12} {:<12} {}", "package", "locked", "in range", "newest"))?;
        for package in outdated {
            output::line(&format!(
                "{:<32} {:<12} {:<12} {}",
                package.specifier,
                package.locked.to_string(),
                package.in_range.to_string(),
                package.newest,
            ))?;
        }
        Ok(())
    })
    .await
}

fn check_lockfile(settings: &InstallerSettings) -> anyhow::Result<()> {
    if let Some(path) = &settings.lockfile {
        ensure!(
            path.is_file(),
            "there is no lockfile `{}`: open the pages under `millhand serve`, or use `millhand add`",
            path.display()
        );
    }
    Ok(())
}
