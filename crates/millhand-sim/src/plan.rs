//! What a seed means: the settings of a pool, what its users do and when, and how its workers misbehave.

use std::time::Duration;

use fastrand::Rng;
use millhand_core::{Instant, PoolSettings, Priority};

/// How long users and faults have before the calm, at the most.
const LONGEST_STORM_MS: u64 = 5_000;
/// How long after the beginning of the calm users still come.
const AFTERMATH_MS: u64 = 200;

/// Everything that a seed decides before the first step of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The pool's settings; they hold together.
    pub settings: PoolSettings,
    /// How often what goes wrong, until the calm.
    pub faults: FaultRates,
    /// What users do, in no particular order.
    pub arrivals: Vec<(Instant, Arrival)>,
    /// When the driver wakes although no timer need be due.
    pub early_wakes: Vec<Instant>,
    /// When faults stop.
    pub calm_at: Instant,
    /// How late the driver is whenever it wakes for a timer.
    pub wake_lag: Duration,
    /// Delays are multiples of this; a coarse grain makes much happen at the same time.
    pub grain: Duration,
}

/// What a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Schedules a task.
    Task {
        /// How soon it is wanted.
        priority: Priority,
        /// Which worker it is meant for.
        aim: Aim,
    },
    /// Reserves workers.
    Reserve {
        /// How many in all.
        count: u32,
    },
    /// Ends the pool.
    Terminate,
}

kinds! {
    /// Which worker a task is meant for, decided when the task arrives.
    pub enum Aim {
        /// Whichever is free.
        Any,
        /// One that has its environment.
        Up,
        /// One that is starting.
        Starting,
        /// One that is gone.
        Gone,
        /// One that never was.
        Unknown,
    }
}

/// How often what goes wrong, of a thousand times that it could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// A boot that takes longer than the boot timeout, with signs of progress.
    pub slow_boot: u16,
    /// A boot that stops showing progress.
    pub hung_boot: u16,
    /// An install that fails and might not the next time.
    pub transient_install: u16,
    /// An install that fails for good.
    pub permanent_install: u16,
    /// A worker that dies while it starts.
    pub lost_boot: u16,
    /// A worker that dies some time after it came up, whatever it does then.
    pub lost_worker: u16,
    /// A worker that dies of its task.
    pub lost_task: u16,
    /// A message that is sent twice, or followed by one that contradicts it.
    pub echo: u16,
    /// A message about a wrong task or an unknown worker.
    pub stray: u16,
    /// A message that arrives although its sender's state has moved on.
    pub late: u16,
}

impl Plan {
    /// The plan of a seed, always the same.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self::draw(&mut Rng::with_seed(seed))
    }

    /// Draws a plan, and leaves `rng` to draw what happens in the run.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let calm_at = millis(rng.u64(LONGEST_STORM_MS / 10..LONGEST_STORM_MS));
        let busy = calm_at.as_micros() + AFTERMATH_MS * 1_000;
        Self {
            settings: draw_settings(rng),
            faults: FaultRates::draw(rng),
            arrivals: draw_arrivals(rng, busy),
            early_wakes: (0..rng.usize(0..4)).map(|_| draw_instant(rng, busy)).collect(),
            calm_at,
            wake_lag: if rng.bool() { Duration::ZERO } else { Duration::from_micros(rng.u64(1..20_000)) },
            grain: Duration::from_micros([1, 1_000, 10_000][rng.usize(0..3)]),
        }
    }
}

impl FaultRates {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        slow_boot: 0,
        hung_boot: 0,
        transient_install: 0,
        permanent_install: 0,
        lost_boot: 0,
        lost_worker: 0,
        lost_task: 0,
        echo: 0,
        stray: 0,
        late: 0,
    };

    fn draw(rng: &mut Rng) -> Self {
        match rng.u8(0..10) {
            0 => Self::NONE,
            1..=2 => Self::broken_installs(rng),
            _ => Self::rough(rng),
        }
    }

    /// Everything goes wrong at times.
    fn rough(rng: &mut Rng) -> Self {
        Self {
            slow_boot: rng.u16(0..200),
            hung_boot: rng.u16(0..150),
            transient_install: rng.u16(0..200),
            permanent_install: rng.u16(0..30),
            lost_boot: rng.u16(0..150),
            lost_worker: rng.u16(0..300),
            lost_task: rng.u16(0..60),
            echo: rng.u16(0..200),
            stray: rng.u16(0..60),
            late: rng.u16(300..=1_000),
        }
    }

    /// Hardly a worker comes up.
    fn broken_installs(rng: &mut Rng) -> Self {
        let permanent_install = if rng.bool() { 0 } else { rng.u16(0..300) };
        Self {
            transient_install: rng.u16(200..500),
            hung_boot: rng.u16(0..200),
            permanent_install,
            ..Self::rough(rng)
        }
    }
}

fn draw_settings(rng: &mut Rng) -> PoolSettings {
    let stretch_to = rng.u32(1..=10);
    PoolSettings {
        start_at: rng.u32(0..=stretch_to),
        stretch_to,
        install_concurrency: rng.u32(1..=4),
        boot_timeout_ms: rng.u32(50..=2_000),
        max_install_failures: rng.u32(1..=6),
        backoff_ms: if rng.u8(0..20) == 0 { 1 } else { rng.u32(1..=200) },
        max_backoff_ms: rng.u32(1..=2_000),
    }
}

fn draw_arrivals(rng: &mut Rng, busy: u64) -> Vec<(Instant, Arrival)> {
    let mut arrivals = Vec::new();
    for _ in 0..rng.usize(0..6) {
        let at = draw_instant(rng, busy);
        arrivals.extend((0..rng.usize(1..60)).map(|_| (at, draw_task(rng))));
    }
    for _ in 0..rng.usize(0..150) {
        arrivals.push((draw_instant(rng, busy), draw_task(rng)));
    }
    for _ in 0..rng.usize(0..3) {
        arrivals.push((draw_instant(rng, busy), Arrival::Reserve { count: rng.u32(0..=12) }));
    }
    if rng.u8(0..5) == 0 {
        let times = rng.usize(1..=2);
        arrivals.extend((0..times).map(|_| (draw_instant(rng, busy), Arrival::Terminate)));
    }
    arrivals
}

fn draw_task(rng: &mut Rng) -> Arrival {
    let priority = if rng.u8(0..4) == 0 { Priority(rng.i32(-3..=3)) } else { Priority::NORMAL };
    let aim = match rng.u8(0..40) {
        0..=3 => Aim::Up,
        4..=6 => Aim::Starting,
        7 => Aim::Gone,
        8 => Aim::Unknown,
        _ => Aim::Any,
    };
    Arrival::Task { priority, aim }
}

fn draw_instant(rng: &mut Rng, busy: u64) -> Instant {
    // Whole milliseconds, so that arrivals meet timers and workers.
    millis(rng.u64(0..=busy) / 1_000)
}

fn millis(ms: u64) -> Instant {
    Instant::from_micros(ms * 1_000)
}
