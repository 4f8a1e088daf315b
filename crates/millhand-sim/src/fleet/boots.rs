//! How workers boot.

use std::time::Duration;

use millhand_core::{Input, InstallFault, Instant, WorkerId};

use super::{Fleet, LONGEST_LIFE, micros, say};
use crate::agenda::Agenda;

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
    pub(super) fn boot(&mut self, worker: WorkerId, timeout: Duration, now: Instant, agenda: &mut Agenda) {
        match self.draw_boot() {
            Boot::ComesUp => {
                let at = self.later_in_boot(now, timeout, 1, 5);
                self.come_up(worker, at, agenda);
            }
            Boot::ComesUpSlowly => {
                let mut at = now;
                for _ in 0..self.rng.u32(2..=4) {
                    at = self.later_in_boot(at, timeout, 4, 8);
                    say(agenda, at, Input::InstallProgressed { worker });
                }
                let at = self.later_in_boot(at, timeout, 3, 8);
                self.come_up(worker, at, agenda);
            }
            Boot::Hangs => self.hang(worker, timeout, now, agenda),
            Boot::Fails(fault) => {
                let at = self.later_in_boot(now, timeout, 1, 5);
                say(agenda, at, Input::InstallFailed { worker, fault });
                if self.chance(self.faults.echo) {
                    say(agenda, self.soon(at), Input::WorkerLost { worker });
                }
            }
            Boot::Dies => {
                let at = self.later_in_boot(now, timeout, 0, 5);
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
            let at = if self.rng.bool() { self.soon(at) } else { self.within(at, LONGEST_LIFE) };
            say(agenda, at, Input::WorkerLost { worker });
        }
    }

    /// Shows progress at most once and then no more, except that its last words may come when it is too late,
    /// or just not too late.
    fn hang(&mut self, worker: WorkerId, timeout: Duration, now: Instant, agenda: &mut Agenda) {
        let mut at = now;
        if self.rng.bool() {
            at = self.later_in_boot(at, timeout, 1, 9);
            say(agenda, at, Input::InstallProgressed { worker });
        }
        let last_words = match self.rng.u8(0..6) {
            0 => Input::WorkerReady { worker },
            1 => Input::InstallProgressed { worker },
            2 => Input::InstallFailed { worker, fault: InstallFault::Permanent },
            3 => Input::WorkerLost { worker },
            _ => return,
        };
        say(agenda, self.later_in_boot(at, timeout, 10, 12), last_words);
    }

    /// Between so many tenths of the boot timeout after `at`.
    fn later_in_boot(&mut self, at: Instant, timeout: Duration, least: u32, most: u32) -> Instant {
        let tenth = timeout / 10;
        let delay = self.rng.u64(micros(tenth * least)..=micros(tenth * most));
        at.after(self.grind(delay))
    }
}
