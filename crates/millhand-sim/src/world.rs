//! A run: virtual time, the agenda, and the loop that drives a [`Subject`] by the scheduler's contract.

mod arrivals;
mod bounds;

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use fastrand::Rng;
use millhand_core::{Input, Instant, Location, Output, PoolSettings, Posting, StopReason};

use crate::agenda::{Agenda, Event};
use crate::fleet::Fleet;
use crate::rules::Readings;
use crate::{
    Fault, Ledger, Phase, Plan, PoolEnd, Step, Subject, Tally, TaskState, Trace, Violation, faults, rules,
};

/// Plays the plan of `seed` with a subject that is made for its settings.
///
/// # Errors
/// The first [`Rule`](crate::Rule) that the subject broke, with the trace up to there.
pub fn simulate<S: Subject>(
    seed: u64,
    subject: impl FnOnce(Instant, PoolSettings) -> S,
) -> Result<Run, Box<Failure>> {
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::draw(&mut rng);
    let mut world = World::new(subject(Instant::ZERO, plan.settings.clone()), &plan, rng);
    // Caught, so that a failed assertion too comes with its seed. The world is only read after that.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| world.play()))
        .unwrap_or_else(|cause| Err(rules::panicked(&world.ledger, cause.as_ref())));
    match outcome {
        Ok(()) => Ok(Run { tally: world.tally, trace: world.trace }),
        Err(violation) => Err(Box::new(Failure { seed, violation, trace: world.trace })),
    }
}

/// A run in which all rules held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What occurred.
    pub tally: Tally,
    /// Every step.
    pub trace: Trace,
}

/// A run in which a rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The run's seed.
    pub seed: u64,
    /// The rule, when and how.
    pub violation: Violation,
    /// Every step up to there.
    pub trace: Trace,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.violation)?;
        self.trace.write_tail(f)?;
        write!(f, "replay: MILLHAND_SIM_SEED={} cargo test -p millhand-sim replay -- --nocapture", self.seed)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.violation)
    }
}

struct World<S> {
    subject: S,
    ledger: Ledger,
    fleet: Fleet,
    agenda: Agenda,
    rng: Rng,
    now: Instant,
    deadline: Instant,
    wake_lag: Duration,
    last_task: u64,
    tally: Tally,
    trace: Trace,
}

/// What comes next.
enum Moment {
    Event(Instant),
    Wake(Instant),
}

impl<S: Subject> World<S> {
    fn new(subject: S, plan: &Plan, mut rng: Rng) -> Self {
        let mut agenda = Agenda::default();
        for &(at, arrival) in &plan.arrivals {
            agenda.put(at, Event::Arrival(arrival));
        }
        for &at in &plan.early_wakes {
            agenda.put(at, Event::EarlyWake);
        }
        agenda.put(plan.calm_at, Event::Calm);
        Self {
            subject,
            ledger: Ledger::new(plan.settings.clone()),
            fleet: Fleet::new(rng.fork(), plan),
            agenda,
            rng,
            now: Instant::ZERO,
            deadline: bounds::deadline(plan),
            wake_lag: plan.wake_lag,
            last_task: 0,
            tally: Tally::of_one_run(),
            trace: Trace::default(),
        }
    }

    fn play(&mut self) -> Result<(), Violation> {
        self.carry_out()?;
        self.judge()?;
        while let Some(moment) = self.next_moment() {
            let (Moment::Event(at) | Moment::Wake(at)) = moment;
            if at > self.deadline || self.trace.steps().len() > bounds::MOST_STEPS {
                return rules::check_end(&self.ledger, false);
            }
            self.advance_to(at);
            match moment {
                Moment::Event(_) => self.happen()?,
                Moment::Wake(_) => self.wake()?,
            }
        }
        self.tally.drained_pools += u64::from(self.ledger.phase() == Phase::Over(PoolEnd::Drained));
        rules::check_end(&self.ledger, true)
    }

    /// The next event or the next wake, whichever is sooner; of two at one time, either.
    fn next_moment(&mut self) -> Option<Moment> {
        let event = self.agenda.next_at();
        let wake = self.subject.poll_timeout().map(|(at, _)| at.after(self.wake_lag).max(self.now));
        match (event, wake) {
            (None, None) => None,
            (Some(event), None) => Some(Moment::Event(event)),
            (None, Some(wake)) => Some(Moment::Wake(wake)),
            (Some(event), Some(wake)) if event < wake => Some(Moment::Event(event)),
            (Some(event), Some(wake)) if event == wake && self.rng.bool() => Some(Moment::Event(event)),
            (Some(_), Some(wake)) => Some(Moment::Wake(wake)),
        }
    }

    fn advance_to(&mut self, at: Instant) {
        self.now = at;
        self.ledger.advance_to(at);
    }

    fn happen(&mut self) -> Result<(), Violation> {
        match self.agenda.pop() {
            None => Ok(()),
            Some(Event::Arrival(arrival)) => self.arrive(arrival),
            Some(Event::Fact(input)) => self.hear(input),
            Some(Event::Withdrawal { worker, task, stops }) => {
                match self.fleet.withdraw(worker, task, stops, self.now, &mut self.agenda) {
                    Some(input) => self.hear(input),
                    None => Ok(()),
                }
            }
            Some(Event::EarlyWake) => self.wake(),
            Some(Event::Calm) => self.calm_down(),
        }
    }

    /// Nothing new goes wrong from now on, and what would go on for ever is cancelled.
    fn calm_down(&mut self) -> Result<(), Violation> {
        self.fleet.calm_down();
        for (worker, task) in self.fleet.endless_tasks() {
            if self.ledger.task(task) == Some(TaskState::Running(worker)) {
                self.give(Input::TaskCancelled { task })?;
            }
        }
        Ok(())
    }

    /// A worker says something. If its state has moved on, the message may have been on its way, or was never
    /// sent.
    fn hear(&mut self, input: Input) -> Result<(), Violation> {
        if let Some(fault) = faults::late(&self.ledger, &input) {
            if !self.fleet.lets_late_message_through() {
                return Ok(());
            }
            self.tally.count_fault(fault);
        } else if let Some(fault) = faults::timely(&self.ledger, &input) {
            self.tally.count_fault(fault);
        }
        let ended = match input {
            Input::TaskFinished { worker, task, .. } if !self.ledger.is_stale(&input) => Some((worker, task)),
            _ => None,
        };
        self.tally.returned +=
            u64::from(matches!(input, Input::TaskReturned { .. }) && !self.ledger.is_stale(&input));
        if let Some((worker, task)) = ended {
            self.fleet.go_on(worker, task, self.now, &mut self.agenda);
        }
        self.give(input)
    }

    fn give(&mut self, input: Input) -> Result<(), Violation> {
        self.trace.push(self.now, Step::Input(input));
        self.tally.inputs += 1;
        self.ledger.enter_input(&input);
        self.subject.handle_input(self.now, input);
        self.carry_out()?;
        self.judge()
    }

    fn wake(&mut self) -> Result<(), Violation> {
        let next = self.subject.poll_timeout();
        match next {
            Some((at, timer)) if at <= self.now => {
                self.tally.count_timer(timer);
                if at < self.now {
                    self.tally.count_fault(Fault::LateWake);
                }
            }
            _ => self.tally.count_fault(Fault::EarlyWake),
        }
        self.tally.inputs += 1;
        self.trace.push(self.now, Step::Wake(next.map(|(_, timer)| timer)));
        self.ledger.enter_wake();
        self.subject.handle_timeout(self.now);
        self.carry_out()?;
        rules::check_woken(&self.ledger, self.subject.poll_timeout())?;
        self.judge()
    }

    /// Carries out every order.
    fn carry_out(&mut self) -> Result<(), Violation> {
        while let Some(output) = self.subject.poll_output() {
            self.trace.push(self.now, Step::Output(output));
            rules::check_output(&self.ledger, &output)?;
            self.count(&output);
            self.ledger.enter_output(&output);
            let kind = match output {
                Output::PostTask { task, .. } => self.ledger.spec(task).and_then(|spec| spec.kind),
                _ => None,
            };
            self.fleet.obey(&output, kind, self.now, &mut self.agenda);
        }
        Ok(())
    }

    fn judge(&self) -> Result<(), Violation> {
        let next = self.subject.poll_timeout().map(|(_, timer)| timer);
        let (stats, state, floor) = (self.subject.stats(), self.subject.state(), self.subject.floor());
        let readings = Readings { next, stats, state, floor, engine: self.subject.engine() };
        rules::check_between(&self.ledger, readings, self.wake_lag)
    }

    /// Counts an order that is about to be entered.
    fn count(&mut self, output: &Output) {
        match *output {
            Output::StartWorker { location: Location::Local, .. } => self.tally.started += 1,
            Output::StartWorker { location: Location::Remote, .. } => self.tally.started_remotely += 1,
            Output::StopWorker { reason, .. } => {
                self.tally.count_stop(reason);
                match reason {
                    StopReason::BootTimedOut => self.tally.count_fault(Fault::HungBoot),
                    StopReason::Unresponsive => self.tally.count_fault(Fault::Unresponsive),
                    StopReason::Idle | StopReason::Surplus | StopReason::PoolTerminated => {}
                }
            }
            Output::PostTask { task, posting, .. } => {
                self.tally.retried += u64::from(self.ledger.posts(task) > 0);
                self.tally.ahead += u64::from(posting != Posting::Now);
                self.tally.quick += u64::from(posting == Posting::Quick);
            }
            Output::SettleTask { reason, .. } => self.tally.count_exit(reason),
            Output::FailPool => self.tally.failed_pools += 1,
            Output::FailRemote => self.tally.failed_remotes += 1,
            Output::AbortTask { .. }
            | Output::AnnounceStart { .. }
            | Output::WithdrawTask { .. }
            | Output::DropTask { .. }
            | Output::ConnectEngine
            | Output::DisconnectEngine => {}
        }
    }
}
