//! Plans are drawn.

use std::time::Duration;

use fastrand::Rng;
use millhand_core::{
    Admission, Instant, PoolSettings, PoolSizes, Priority, RemoteSettings, RemoteStart, Target, TaskKind,
    TaskSpec,
};

use super::{Aim, Arrival, FaultRates, Plan, Victim};

/// How long users and faults have before the calm, at the most.
const LONGEST_STORM_MS: u64 = 5_000;
/// How long after the beginning of the calm users still come.
const AFTERMATH_MS: u64 = 200;

/// What the users of one pool are given to, of a thousand tasks.
#[derive(Clone, Copy, Debug)]
struct Habits {
    urgent: u16,
    timeout: u16,
    queue_timeout: u16,
    retry: u16,
    cancel: u16,
    essential: u16,
    withdrawn: u16,
    /// Tasks that are meant for one worker.
    aimed: u16,
    /// Tasks that are meant for one place.
    placed: u16,
}

impl Plan {
    /// Draws a plan, and leaves `rng` to draw what happens in the run.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let calm_at = millis(rng.u64(LONGEST_STORM_MS / 10..LONGEST_STORM_MS));
        let busy = calm_at.as_micros() + AFTERMATH_MS * 1_000;
        let mut plan = Self {
            settings: draw_settings(rng),
            faults: FaultRates::draw(rng),
            arrivals: draw_arrivals(rng, busy),
            early_wakes: (0..rng.usize(0..4)).map(|_| draw_instant(rng, busy)).collect(),
            calm_at,
            wake_lag: if rng.bool() { Duration::ZERO } else { Duration::from_micros(rng.u64(1..20_000)) },
            grain: Duration::from_micros([1, 1_000, 10_000][rng.usize(0..3)]),
        };
        plan.draw_kinds(rng);
        plan
    }

    /// Of no, most or all tasks it can be known how long they take; and some take long all the same.
    fn draw_kinds(&mut self, rng: &mut Rng) {
        let measured = [0, 800, 1_000][rng.usize(0..3)];
        for (_, arrival) in &mut self.arrivals {
            if let Arrival::Task { spec, .. } = arrival
                && rng.u16(0..1_000) < measured
            {
                spec.kind = Some(TaskKind([0, 0, 0, 1, 2, 3][rng.usize(0..6)]));
            }
        }
        if self.faults != FaultRates::NONE {
            self.faults.slow_task = rng.u16(0..100);
        }
    }
}

impl FaultRates {
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
            poison_task: rng.u16(0..20),
            endless_task: rng.u16(0..20),
            slow_task: 0,
            late_stop: rng.u16(0..300),
            deaf_worker: rng.u16(0..300),
            lost_stop: rng.u16(0..100),
            engine_missing: rng.u16(0..300),
            engine_refusing: if rng.bool() { 0 } else { rng.u16(0..100) },
            engine_lost: rng.u16(0..500),
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

impl Habits {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            urgent: sometimes(rng, 500),
            timeout: sometimes(rng, 500),
            queue_timeout: sometimes(rng, 300),
            retry: sometimes(rng, 1_000),
            cancel: sometimes(rng, 400),
            essential: sometimes(rng, 200),
            withdrawn: sometimes(rng, 100),
            aimed: if rng.u8(0..8) == 0 { 900 } else { rng.u16(0..400) },
            placed: sometimes(rng, 600),
        }
    }
}

fn draw_settings(rng: &mut Rng) -> PoolSettings {
    let sizes = draw_sizes(rng);
    let mut settings = PoolSettings {
        start_at: sizes.start_at(),
        stretch_to: sizes.stretch_to(),
        install_concurrency: rng.u32(1..=4),
        boot_timeout_ms: rng.u32(50..=2_000),
        max_install_failures: rng.u32(1..=6),
        backoff_ms: if rng.u8(0..20) == 0 { 1 } else { rng.u32(1..=200) },
        max_backoff_ms: rng.u32(1..=2_000),
        spares: if rng.bool() { 0 } else { rng.u32(1..=3) },
        idle_timeout_ms: rng.bool().then(|| rng.u32(1..=400)),
        cancel_grace_ms: if rng.u8(0..10) == 0 { 0 } else { rng.u32(1..=100) },
        max_queue: if rng.u8(0..4) == 0 { rng.u32(0..=40) } else { 10_000_000 },
        priority_step_ms: [0, rng.u32(1..=200), 10_000][rng.usize(0..3)],
        remote: rng.bool().then(|| draw_remote(rng)),
    };
    if settings.start_at == 0 && settings.spares == 0 {
        // A pool that would reject every task is refused.
        settings.max_queue = settings.max_queue.max(1);
    }
    settings
}

fn draw_remote(rng: &mut Rng) -> RemoteSettings {
    RemoteSettings {
        stretch_to: rng.u32(1..=6),
        start: if rng.bool() { RemoteStart::Queued } else { RemoteStart::Always },
        boot_timeout_ms: rng.u32(50..=3_000),
        idle_timeout_ms: rng.u32(1..=400),
        patience_ms: rng.u32(1..=1_500),
    }
}

fn draw_sizes(rng: &mut Rng) -> PoolSizes {
    let stretch_to = rng.u32(1..=10);
    PoolSizes::new(rng.u32(0..=stretch_to), stretch_to).expect("no more start than may live")
}

fn draw_arrivals(rng: &mut Rng, busy: u64) -> Vec<(Instant, Arrival)> {
    let habits = Habits::draw(rng);
    let mut arrivals = Vec::new();
    for _ in 0..rng.usize(0..6) {
        let at = draw_instant(rng, busy);
        arrivals.extend((0..rng.usize(1..60)).map(|_| (at, draw_task(rng, habits))));
    }
    for _ in 0..rng.usize(0..150) {
        arrivals.push((draw_instant(rng, busy), draw_task(rng, habits)));
    }
    for _ in 0..arrivals.len() {
        if rng.u16(0..1_000) < habits.cancel {
            arrivals.push((draw_instant(rng, busy), Arrival::Cancel { victim: draw_victim(rng) }));
        }
    }
    for _ in 0..rng.usize(0..3) {
        arrivals.push((draw_instant(rng, busy), Arrival::Reserve { count: rng.u32(0..=12) }));
    }
    for _ in 0..rng.usize(0..8).saturating_sub(4) {
        arrivals.push((draw_instant(rng, busy), Arrival::Resize { sizes: draw_sizes(rng) }));
    }
    for end in [Arrival::Terminate, Arrival::Drain] {
        if rng.u8(0..5) == 0 {
            let times = rng.usize(1..=2);
            arrivals.extend((0..times).map(|_| (draw_instant(rng, busy).max(draw_instant(rng, busy)), end)));
        }
    }
    arrivals
}

fn draw_task(rng: &mut Rng, habits: Habits) -> Arrival {
    let mut has = |rate| rng.u16(0..1_000) < rate;
    let (is_urgent, is_timed) = (has(habits.urgent), has(habits.timeout));
    let (waits_briefly, is_retried) = (has(habits.queue_timeout), has(habits.retry));
    let (is_withdrawn, is_essential) = (has(habits.withdrawn), has(habits.essential));
    let (is_aimed, is_placed) = (has(habits.aimed), has(habits.placed));
    let spec = TaskSpec {
        priority: if is_urgent { draw_priority(rng) } else { Priority::NORMAL },
        target: Target::Anyone,
        timeout: is_timed.then(|| Duration::from_millis(rng.u64(0..=60))),
        queue_timeout: waits_briefly.then(|| Duration::from_millis(rng.u64(0..=300))),
        retries: if is_retried { rng.u32(1..=3) } else { 0 },
        admission: match (is_withdrawn, is_essential) {
            (true, _) => Admission::Withdrawn,
            (false, true) => Admission::Essential,
            (false, false) => Admission::Ordinary,
        },
        kind: None,
    };
    let aim = match (is_aimed, is_placed) {
        (true, _) => draw_aim(rng),
        (false, true) if rng.bool() => Aim::Local,
        (false, true) => Aim::Remote,
        (false, false) => Aim::Any,
    };
    Arrival::Task { spec, aim }
}

fn draw_aim(rng: &mut Rng) -> Aim {
    match rng.u8(0..10) {
        0..=3 => Aim::Up,
        4..=7 => Aim::Starting,
        8 => Aim::Gone,
        _ => Aim::Unknown,
    }
}

fn draw_victim(rng: &mut Rng) -> Victim {
    match rng.u8(0..10) {
        0..=1 => Victim::Waiting,
        2 => Victim::Ahead,
        3..=5 => Victim::Running,
        6..=7 => Victim::Stopping,
        8 => Victim::Settled,
        _ => Victim::Unknown,
    }
}

/// Mostly a few steps; at times as much as there is.
fn draw_priority(rng: &mut Rng) -> Priority {
    match rng.u8(0..30) {
        0 => Priority(i32::MIN),
        1 => Priority(i32::MAX),
        _ => Priority(rng.i32(-3..=3)),
    }
}

fn draw_instant(rng: &mut Rng, busy: u64) -> Instant {
    // Whole milliseconds, so that arrivals meet timers and workers.
    millis(rng.u64(0..=busy) / 1_000)
}

fn millis(ms: u64) -> Instant {
    Instant::from_micros(ms * 1_000)
}

/// Nothing at all in every third plan.
fn sometimes(rng: &mut Rng, most: u16) -> u16 {
    if rng.u8(0..3) == 0 { 0 } else { rng.u16(0..most) }
}
