//! How the engine of the remote workers answers, and goes.

use std::time::Duration;

use millhand_core::{Input, InstallFault, Instant};

use super::{Fleet, LONGEST_LIFE, say};
use crate::agenda::Agenda;

/// An engine that is connected to answers within this time.
pub(crate) const LONGEST_CONNECT: Duration = Duration::from_millis(100);

impl Fleet {
    pub(super) fn connect(&mut self, now: Instant, agenda: &mut Agenda) {
        let at = self.within(now, LONGEST_CONNECT);
        let fault = if self.chance(self.faults.engine_refusing) {
            InstallFault::Permanent
        } else {
            InstallFault::Transient
        };
        if fault == InstallFault::Permanent || self.chance(self.faults.engine_missing) {
            return self.lose_engine(at, fault, agenda);
        }
        say(agenda, at, Input::EngineReady);
        if self.chance(self.faults.echo) {
            say(agenda, self.soon(at), Input::EngineReady);
        }
        if self.chance(self.faults.engine_lost) {
            let at = self.within(at, LONGEST_LIFE);
            self.lose_engine(at, InstallFault::Transient, agenda);
        }
    }

    fn lose_engine(&mut self, at: Instant, fault: InstallFault, agenda: &mut Agenda) {
        say(agenda, at, Input::EngineLost { fault });
        if self.chance(self.faults.echo) {
            say(agenda, self.soon(at), Input::EngineLost { fault: InstallFault::Transient });
        }
    }
}
