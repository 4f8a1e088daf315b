//! The simulated workers: what they say after an order, and when, drawn from the seed.
//!
//! A worker's future is put on the agenda when it gets an order. Whether it can still say that by then is
//! decided at that time, by the world.

use std::time::Duration;

use fastrand::Rng;
use millhand_core::{Input, InstallFault, Instant, Outcome, Output, TaskId, WorkerId};

use crate::agenda::{Agenda, Event};
use crate::{FaultRates, Plan};

/// A boot says its last within this many boot timeouts.
pub(crate) const LONGEST_BOOT: u32 = 5;
/// A worker that is going to die does so within this time after it came up.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_millis(2_000);
/// A task says its last within this time.
pub(crate) const LONGEST_TASK: Duration = Duration::from_millis(600);
/// A task that is posted in the calm is finished within this time.
pub(crate) const LONGEST_CALM_TASK: Duration = Duration::from_millis(15);

#[derive(Debug)]
pub(crate) struct Fleet {
    rng: Rng,
    faults: FaultRates,
    boot_timeout: Duration,
    grain: Duration,
    is_calm: bool,
}

/// How a boot goes.
#[derive(Clone, Copy, Debug)]
enum Boot {
    ComesUp,
    ComesUpSlowly,
    Hangs,
    Fails(InstallFault),
    Dies,
}

impl Fleet {
    pub(crate) fn new(rng: Rng, plan: &Plan) -> Self {
        Self {
            rng,
            faults: plan.faults,
            boot_timeout: Duration::from_millis(plan.settings.boot_timeout_ms.into()),
            grain: plan.grain,
            is_calm: false,
        }
    }

    /// From now on, nothing new goes wrong.
    pub(crate) const fn calm_down(&mut self) {
        self.faults = FaultRates::NONE;
        self.is_calm = true;
    }

    /// Whether a message gets through although its sender's state has moved on.
    pub(crate) fn lets_late_message_through(&mut self) -> bool {
        self.chance(self.faults.late)
    }

    /// Carries out an order. A worker that is stopped may have messages on their way: they stay on the agenda.
    pub(crate) fn obey(&mut self, order: &Output, now: Instant, agenda: &mut Agenda) {
        match *order {
            Output::StartWorker { worker } => self.boot(worker, now, agenda),
            Output::PostTask { worker, task } => self.run(worker, task, now, agenda),
            Output::StopWorker { .. } | Output::SettleTask { .. } | Output::FailPool => {}
        }
    }

    fn boot(&mut self, worker: WorkerId, now: Instant, agenda: &mut Agenda) {
        match self.draw_boot() {
            Boot::ComesUp => {
                let at = self.later_in_boot(now, 1, 5);
                self.come_up(worker, at, agenda);
            }
            Boot::ComesUpSlowly => {
                let mut at = now;
                for _ in 0..self.rng.u32(2..=4) {
                    at = self.later_in_boot(at, 4, 8);
                    say(agenda, at, Input::InstallProgressed { worker });
                }
                let at = self.later_in_boot(at, 3, 8);
                self.come_up(worker, at, agenda);
            }
            Boot::Hangs => self.hang(worker, now, agenda),
            Boot::Fails(fault) => {
                let at = self.later_in_boot(now, 1, 5);
                say(agenda, at, Input::InstallFailed { worker, fault });
                if self.chance(self.faults.echo) {
                    say(agenda, self.soon(at), Input::WorkerLost { worker });
                }
            }
            Boot::Dies => {
                let at = self.later_in_boot(now, 0, 5);
                say(agenda, at, Input::WorkerLost { worker });
                if self.chance(self.faults.echo) {
                    say(
                        agenda,
                        self.soon(at),
                        Input::InstallFailed { worker, fault: InstallFault::Transient },
                    );
                }
            }
        }
    }

    fn draw_boot(&mut self) -> Boot {
        let mut roll = self.rng.u16(0..1_000);
        for (rate, boot) in [
            (self.faults.slow_boot, Boot::ComesUpSlowly),
            (self.faults.hung_boot, Boot::Hangs),
            (self.faults.transient_install, Boot::Fails(InstallFault::Transient)),
            (self.faults.permanent_install, Boot::Fails(InstallFault::Permanent)),
            (self.faults.lost_boot, Boot::Dies),
        ] {
            if roll < rate {
                return boot;
            }
            roll -= rate;
        }
        Boot::ComesUp
    }

    fn come_up(&mut self, worker: WorkerId, at: Instant, agenda: &mut Agenda) {
        say(agenda, at, Input::WorkerReady { worker });
        if self.chance(self.faults.echo) {
            let echo = match self.rng.u8(0..3) {
                0 => Input::WorkerReady { worker },
                1 => Input::InstallProgressed { worker },
                _ => Input::InstallFailed { worker, fault: InstallFault::Transient },
            };
            say(agenda, self.soon(at), echo);
        }
        if self.chance(self.faults.lost_worker) {
            let at = self.within(at, LONGEST_LIFE);
            say(agenda, at, Input::WorkerLost { worker });
        }
    }

    /// Shows progress at most once and then no more, except that its last words may come when it is too late,
    /// or just not too late.
    fn hang(&mut self, worker: WorkerId, now: Instant, agenda: &mut Agenda) {
        let mut at = now;
        if self.rng.bool() {
            at = self.later_in_boot(at, 1, 9);
            say(agenda, at, Input::InstallProgressed { worker });
        }
        let last_words = match self.rng.u8(0..6) {
            0 => Input::WorkerReady { worker },
            1 => Input::InstallProgressed { worker },
            2 => Input::InstallFailed { worker, fault: InstallFault::Permanent },
            3 => Input::WorkerLost { worker },
            _ => return,
        };
        say(agenda, self.later_in_boot(at, 10, 12), last_words);
    }

    fn run(&mut self, worker: WorkerId, task: TaskId, now: Instant, agenda: &mut Agenda) {
        if self.chance(self.faults.stray) {
            let stray = self.draw_stray(worker, task);
            say(agenda, self.soon(now), stray);
        }
        let at = self.draw_finish(now);
        let outcome = self.draw_outcome();
        if self.chance(self.faults.lost_task) {
            say(agenda, at, Input::WorkerLost { worker });
            say(agenda, self.soon(at), Input::TaskFinished { worker, task, outcome });
            return;
        }
        say(agenda, at, Input::TaskFinished { worker, task, outcome });
        if self.chance(self.faults.echo) {
            let outcome = self.draw_outcome();
            say(agenda, self.soon(at), Input::TaskFinished { worker, task, outcome });
        }
    }

    /// A message about a task that the worker does not run, or by a worker that never was.
    fn draw_stray(&mut self, worker: WorkerId, task: TaskId) -> Input {
        let unknown = WorkerId(self.rng.u32(1_000_000..));
        let outcome = self.draw_outcome();
        match self.rng.u8(0..8) {
            0 => Input::TaskFinished { worker: unknown, task, outcome },
            1 => Input::WorkerReady { worker: unknown },
            2 => Input::WorkerLost { worker: unknown },
            3 => Input::InstallFailed { worker: unknown, fault: InstallFault::Permanent },
            4 => Input::InstallProgressed { worker: unknown },
            _ => Input::TaskFinished { worker, task: TaskId(self.rng.u64(1..=task.0 + 3)), outcome },
        }
    }

    fn draw_finish(&mut self, now: Instant) -> Instant {
        let longest = match self.rng.u8(0..20) {
            _ if self.is_calm => LONGEST_CALM_TASK,
            0 => LONGEST_TASK,
            _ => Duration::from_millis(30),
        };
        self.within(now, longest)
    }

    fn draw_outcome(&mut self) -> Outcome {
        match self.rng.u8(0..20) {
            0 => Outcome::Unclonable,
            1..=2 => Outcome::Threw,
            _ => Outcome::Completed,
        }
    }

    /// Between so many tenths of the boot timeout after `at`.
    fn later_in_boot(&mut self, at: Instant, least: u32, most: u32) -> Instant {
        let tenth = self.boot_timeout / 10;
        let delay = self.rng.u64(micros(tenth * least)..=micros(tenth * most));
        at.after(self.grind(delay))
    }

    fn within(&mut self, at: Instant, longest: Duration) -> Instant {
        let delay = self.rng.u64(0..=micros(longest));
        at.after(self.grind(delay))
    }

    /// At the same time or a little later.
    fn soon(&mut self, at: Instant) -> Instant {
        self.within(at, Duration::from_millis(20))
    }

    /// Whole grains, at least one: nothing that a worker does takes no time.
    fn grind(&self, delay: u64) -> Duration {
        let grain = micros(self.grain);
        Duration::from_micros((delay / grain).max(1) * grain)
    }

    fn chance(&mut self, rate: u16) -> bool {
        self.rng.u16(0..1_000) < rate
    }
}

fn say(agenda: &mut Agenda, at: Instant, input: Input) {
    agenda.put(at, Event::Fact(input));
}

fn micros(delay: Duration) -> u64 {
    u64::try_from(delay.as_micros()).unwrap_or(u64::MAX)
}
