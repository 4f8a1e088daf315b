//! What a pool may do, checked once.

use core::time::Duration;

use crate::Location;

/// The most workers a pool can be configured for. More than this in one page is a slip of the keyboard.
pub const MAX_WORKERS: u32 = 1_024;

/// What a user asks for, unchecked. [`PoolConfig::try_from`] checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// Workers that start with the pool.
    pub start_at: u32,
    /// The most workers that live at a time, besides `spares`.
    pub stretch_to: u32,
    /// The most workers that install their environment at a time.
    pub install_concurrency: u32,
    /// How long a worker may boot without a sign of progress.
    pub boot_timeout_ms: u32,
    /// Failed installs in a row that are too many: with no worker up they fail the pool. With one up, the pool tries
    /// again while tasks wait, and no longer for `start_at` or reserved workers. While it does try for these, a worker
    /// that dies idle counts too, and is not made up for by one that comes up.
    pub max_install_failures: u32,
    /// The pause after the first failed install; it doubles with each further one.
    pub backoff_ms: u32,
    /// The longest such pause.
    pub max_backoff_ms: u32,
    /// Workers that are kept beyond those that are at work, to take over at once.
    pub spares: u32,
    /// How long a worker may have nothing to do while there are more than `start_at`, and more than a user reserved
    /// that are not all up yet; for ever if `None`.
    pub idle_timeout_ms: Option<u32>,
    /// How long a worker has to stop a task before it is stopped itself.
    pub cancel_grace_ms: u32,
    /// The most tasks that wait, essential ones aside: those come on top.
    pub max_queue: u32,
    /// What one step of priority is worth in time: a task goes before one of the next lower priority unless that one
    /// has waited for so much longer. So nothing waits for ever.
    pub priority_step_ms: u32,
    /// Workers on the machines of an engine, beside the local ones that all of the above is about; none if `None`.
    pub remote: Option<RemoteSettings>,
}

/// What a user asks for of remote workers. The pauses after failures are those of local workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteSettings {
    /// The most remote workers that live at a time; they start for tasks that wait, all of them at a time if need be.
    pub stretch_to: u32,
    /// When they start.
    pub start: RemoteStart,
    /// How long one may boot without a sign of progress. An engine may have to get a machine for it first.
    pub boot_timeout_ms: u32,
    /// How long one may have nothing to do.
    pub idle_timeout_ms: u32,
    /// How long tasks that are for remote workers wait for an engine that is not there. After that they exit `InstallFailed`
    /// at once, until it is back.
    pub patience_ms: u32,
}

/// When remote workers are started for tasks that any worker may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteStart {
    /// When there are as many local workers as there may be, or none can be had just now, and tasks still wait.
    Queued,
    /// Whenever tasks wait, beside local ones.
    Always,
}

/// Bounds on the number of workers, which a user may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSizes {
    start_at: u32,
    stretch_to: u32,
}

impl PoolSizes {
    /// Checked sizes.
    ///
    /// # Errors
    /// [`ConfigError`] if they do not hold together.
    pub const fn new(start_at: u32, stretch_to: u32) -> Result<Self, ConfigError> {
        if stretch_to == 0 {
            return Err(ConfigError::Zero { field: "stretchTo" });
        }
        if stretch_to > MAX_WORKERS {
            return Err(ConfigError::TooManyWorkers { field: "stretchTo", count: stretch_to });
        }
        if start_at > stretch_to {
            return Err(ConfigError::StartAboveStretch { start_at, stretch_to });
        }
        Ok(Self { start_at, stretch_to })
    }

    /// Workers that start with the pool, and stay when there is nothing to do.
    #[must_use]
    pub const fn start_at(self) -> u32 {
        self.start_at
    }

    /// The most workers at work at a time.
    #[must_use]
    pub const fn stretch_to(self) -> u32 {
        self.stretch_to
    }
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            start_at: 1,
            stretch_to: 2,
            install_concurrency: 2,
            boot_timeout_ms: 60_000,
            max_install_failures: 3,
            backoff_ms: 250,
            max_backoff_ms: 30_000,
            spares: 0,
            idle_timeout_ms: None,
            cancel_grace_ms: 500,
            max_queue: 10_000_000,
            priority_step_ms: 10_000,
            remote: None,
        }
    }
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self {
            stretch_to: 1,
            start: RemoteStart::Queued,
            boot_timeout_ms: 300_000,
            idle_timeout_ms: 60_000,
            patience_ms: 60_000,
        }
    }
}

/// Settings that hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    pub(crate) sizes: PoolSizes,
    pub(crate) max_install_failures: u32,
    pub(crate) cancel_grace: Duration,
    pub(crate) max_queue: u32,
    pub(crate) priority_step: Duration,
    pub(crate) remote: Option<RemoteConfig>,
    install_concurrency: u32,
    boot_timeout: Duration,
    spares: u32,
    idle_timeout: Option<Duration>,
    backoff: Duration,
    max_backoff: Duration,
}

/// [`RemoteSettings`], checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RemoteConfig {
    pub(crate) start: RemoteStart,
    pub(crate) patience: Duration,
    stretch_to: u32,
    boot_timeout: Duration,
    idle_timeout: Duration,
}

impl PoolConfig {
    /// The bounds on the number of local workers.
    #[must_use]
    pub const fn sizes(&self) -> PoolSizes {
        self.sizes
    }

    /// The most workers that are at work at a time in one place.
    pub(crate) fn stretch_to(&self, location: Location) -> usize {
        match location {
            Location::Local => self.sizes.stretch_to as usize,
            Location::Remote => self.remote.map_or(0, |remote| remote.stretch_to as usize),
        }
    }

    /// The most workers that live at a time in one place.
    pub(crate) fn max_live(&self, location: Location) -> usize {
        self.stretch_to(location) + self.spares(location)
    }

    /// Workers that are kept idle in one place.
    pub(crate) const fn spares(&self, location: Location) -> usize {
        match location {
            Location::Local => self.spares as usize,
            Location::Remote => 0,
        }
    }

    /// The most workers that install at a time in one place: remote ones are in nobody's way.
    pub(crate) fn install_concurrency(&self, location: Location) -> usize {
        match location {
            Location::Local => self.install_concurrency as usize,
            Location::Remote => self.stretch_to(Location::Remote),
        }
    }

    pub(crate) fn boot_timeout(&self, location: Location) -> Duration {
        match (location, &self.remote) {
            (Location::Remote, Some(remote)) => remote.boot_timeout,
            (Location::Local | Location::Remote, _) => self.boot_timeout,
        }
    }

    pub(crate) fn idle_timeout(&self, location: Location) -> Option<Duration> {
        match location {
            Location::Local => self.idle_timeout,
            Location::Remote => self.remote.map(|remote| remote.idle_timeout),
        }
    }

    /// The pause before the next start, after this many failed installs in a row (at least one).
    pub(crate) fn backoff_after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.backoff.saturating_mul(1 << doublings).min(self.max_backoff)
    }
}

impl TryFrom<PoolSettings> for PoolConfig {
    type Error = ConfigError;

    fn try_from(settings: PoolSettings) -> Result<Self, ConfigError> {
        let sizes = PoolSizes::new(settings.start_at, settings.stretch_to)?;
        let millis = |ms: u32| Duration::from_millis(ms.into());
        for (field, value) in [
            ("installConcurrency", settings.install_concurrency),
            ("bootTimeout", settings.boot_timeout_ms),
            ("maxInstallFailures", settings.max_install_failures),
            ("backoff", settings.backoff_ms),
            ("maxBackoff", settings.max_backoff_ms),
            ("idleTimeout", settings.idle_timeout_ms.unwrap_or(u32::MAX)),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { field });
            }
        }
        let remote = settings.remote.map(RemoteConfig::try_from).transpose()?;
        if settings.spares > MAX_WORKERS {
            return Err(ConfigError::TooManySpares { spares: settings.spares });
        }
        if settings.max_queue == 0 && settings.start_at == 0 && settings.spares == 0 {
            return Err(ConfigError::TakesNothing);
        }
        Ok(Self {
            sizes,
            install_concurrency: settings.install_concurrency,
            boot_timeout: millis(settings.boot_timeout_ms),
            max_install_failures: settings.max_install_failures,
            spares: settings.spares,
            idle_timeout: settings.idle_timeout_ms.map(millis),
            cancel_grace: millis(settings.cancel_grace_ms),
            max_queue: settings.max_queue,
            priority_step: millis(settings.priority_step_ms),
            remote,
            backoff: millis(settings.backoff_ms),
            max_backoff: millis(settings.max_backoff_ms),
        })
    }
}

impl TryFrom<RemoteSettings> for RemoteConfig {
    type Error = ConfigError;

    fn try_from(settings: RemoteSettings) -> Result<Self, ConfigError> {
        let millis = |ms: u32| Duration::from_millis(ms.into());
        for (field, value) in [
            ("remote.stretchTo", settings.stretch_to),
            ("remote.bootTimeout", settings.boot_timeout_ms),
            ("remote.idleTimeout", settings.idle_timeout_ms),
            ("remote.engineTimeout", settings.patience_ms),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { field });
            }
        }
        if settings.stretch_to > MAX_WORKERS {
            return Err(ConfigError::TooManyWorkers {
                field: "remote.stretchTo",
                count: settings.stretch_to,
            });
        }
        Ok(Self {
            start: settings.start,
            patience: millis(settings.patience_ms),
            stretch_to: settings.stretch_to,
            boot_timeout: millis(settings.boot_timeout_ms),
            idle_timeout: millis(settings.idle_timeout_ms),
        })
    }
}

/// Settings that do not hold together. Fields have the names of the public API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No task may wait, so none would ever have a worker started for it, and none starts without.
    #[error("`pool.maxQueue`, `pool.startAt` and `pool.spares` are all 0, so every task would be rejected")]
    TakesNothing,
    /// More spare workers than any page can use.
    #[error("`pool.spares` ({spares}) is greater than {MAX_WORKERS}")]
    TooManySpares {
        /// As given.
        spares: u32,
    },
    /// More workers at the start than there may ever be.
    #[error("`pool.startAt` ({start_at}) is greater than `pool.stretchTo` ({stretch_to})")]
    StartAboveStretch {
        /// As given.
        start_at: u32,
        /// As given.
        stretch_to: u32,
    },
    /// A setting that needs at least one.
    #[error("`pool.{field}` is 0, and must be at least 1")]
    Zero {
        /// The setting's name in the public API.
        field: &'static str,
    },
    /// More workers than any page can use.
    #[error("`pool.{field}` ({count}) is greater than {MAX_WORKERS}, the most workers a pool can have")]
    TooManyWorkers {
        /// The setting's name in the public API.
        field: &'static str,
        /// As given.
        count: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: PoolSettings, error: &str) {
        assert_eq!(PoolConfig::try_from(settings).unwrap_err().to_string(), error);
    }

    #[test]
    fn settings_that_do_not_hold_together_are_refused_by_name() {
        let good = PoolSettings::default();
        check(
            PoolSettings { start_at: 3, stretch_to: 2, ..good.clone() },
            "`pool.startAt` (3) is greater than `pool.stretchTo` (2)",
        );
        check(
            PoolSettings { start_at: 0, stretch_to: 0, ..good.clone() },
            "`pool.stretchTo` is 0, and must be at least 1",
        );
        check(
            PoolSettings { install_concurrency: 0, ..good.clone() },
            "`pool.installConcurrency` is 0, and must be at least 1",
        );
        check(
            PoolSettings { stretch_to: 5_000, ..good },
            "`pool.stretchTo` (5000) is greater than 1024, the most workers a pool can have",
        );
    }

    #[test]
    fn settings_of_remote_workers_are_refused_by_name() {
        let with = |remote| PoolSettings { remote: Some(remote), ..PoolSettings::default() };
        let good = RemoteSettings::default();
        assert!(PoolConfig::try_from(with(good)).is_ok());
        let none = RemoteSettings { stretch_to: 0, ..good };
        check(with(none), "`pool.remote.stretchTo` is 0, and must be at least 1");
        let impatient = RemoteSettings { patience_ms: 0, ..good };
        check(with(impatient), "`pool.remote.engineTimeout` is 0, and must be at least 1");
        check(
            with(RemoteSettings { stretch_to: MAX_WORKERS + 1, ..good }),
            "`pool.remote.stretchTo` (1025) is greater than 1024, the most workers a pool can have",
        );
    }

    #[test]
    fn a_pool_that_would_reject_every_task_is_refused() {
        let none = PoolSettings { max_queue: 0, start_at: 0, spares: 0, ..PoolSettings::default() };
        check(
            none.clone(),
            "`pool.maxQueue`, `pool.startAt` and `pool.spares` are all 0, so every task would be rejected",
        );
        for one in [
            PoolSettings { max_queue: 1, ..none.clone() },
            PoolSettings { start_at: 1, ..none.clone() },
            PoolSettings { spares: 1, ..none },
        ] {
            assert!(PoolConfig::try_from(one).is_ok());
        }
    }

    #[test]
    fn bounds_are_inclusive() {
        let most = PoolSettings { stretch_to: MAX_WORKERS, spares: MAX_WORKERS, ..PoolSettings::default() };
        let remote = RemoteSettings { stretch_to: MAX_WORKERS, ..RemoteSettings::default() };
        let most = PoolSettings { remote: Some(remote), ..most };
        assert!(PoolConfig::try_from(most.clone()).is_ok());
        check(PoolSettings { spares: MAX_WORKERS + 1, ..most }, "`pool.spares` (1025) is greater than 1024");
    }

    #[test]
    fn the_pause_doubles_up_to_its_bound() {
        let settings = PoolSettings { backoff_ms: 100, max_backoff_ms: 350, ..PoolSettings::default() };
        let config = PoolConfig::try_from(settings).unwrap();
        let pauses = [1, 2, 3, 90].map(|failures| config.backoff_after(failures).as_millis());
        assert_eq!(pauses, [100, 200, 350, 350]);
    }
}
