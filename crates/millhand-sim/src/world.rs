//! A run: virtual time, the agenda, and the loop that drives a [`Subject`] by the scheduler's contract.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use fastrand::Rng;
use millhand_core::{Input, Instant, Output, PoolSettings, StopReason, TaskId, WorkerId};

use crate::agenda::{Agenda, Event};
use crate::fleet::{Fleet, LONGEST_BOOT, LONGEST_CALM_TASK, LONGEST_LIFE, LONGEST_TASK};
use crate::{
    Aim, Arrival, Fault, Ledger, Plan, Step, Subject, Tally, Trace, Violation, WorkerState, faults, rules,
};

/// More steps than any run needs: the end of one that would go on for ever at one time.
const MOST_STEPS: usize = 200_000;

/// Plays the plan of `seed` with a subject that is made for its settings.
///
/// # Errors
/// The first [`Rule`](crate::Rule) that the subject broke, with the trace up to there.
pub fn simulate<S: Subject>(
    seed: u64,
    subject: impl FnOnce(Instant, PoolSettings) -> S,
) -> Result<Run, Failure> {
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::draw(&mut rng);
    let mut world = World::new(subject(Instant::ZERO, plan.settings.clone()), &plan, rng);
    // Caught, so that a failed assertion too comes with its seed. The world is only read after that.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| world.play()))
        .unwrap_or_else(|cause| Err(rules::panicked(&world.ledger, cause.as_ref())));
    match outcome {
        Ok(()) => Ok(Run { tally: world.tally, trace: world.trace }),
        Err(violation) => Err(Failure { seed, violation, trace: world.trace }),
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
            deadline: deadline(plan),
            wake_lag: plan.wake_lag,
            last_task: 0,
            tally: Tally::of_one_run(),
            trace: Trace::default(),
        }
    }

    fn play(&mut self) -> Result<(), Violation> {
        self.drain()?;
        while let Some(moment) = self.next_moment() {
            let (Moment::Event(at) | Moment::Wake(at)) = moment;
            if at > self.deadline || self.trace.steps().len() > MOST_STEPS {
                return rules::check_end(&self.ledger, false);
            }
            self.advance_to(at);
            match moment {
                Moment::Event(_) => self.happen()?,
                Moment::Wake(_) => self.wake()?,
            }
        }
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
            Some(Event::EarlyWake) => self.wake(),
            Some(Event::Calm) => {
                self.fleet.calm_down();
                Ok(())
            }
        }
    }

    fn arrive(&mut self, arrival: Arrival) -> Result<(), Violation> {
        let input = match arrival {
            Arrival::Task { priority, aim } => {
                self.last_task += 1;
                self.tally.submitted += 1;
                Input::TaskSubmitted { task: TaskId(self.last_task), priority, target: self.take_aim(aim) }
            }
            Arrival::Reserve { count } => Input::WorkersReserved { count },
            Arrival::Terminate => Input::PoolTerminated,
        };
        self.give(input)
    }

    /// A worker of the wanted kind; any will do if there is none.
    fn take_aim(&mut self, aim: Aim) -> Option<WorkerId> {
        let found: Vec<WorkerId> = match aim {
            Aim::Any => Vec::new(),
            Aim::Up => self.live_workers(|state| state != WorkerState::Starting),
            Aim::Starting => self.live_workers(|state| state == WorkerState::Starting),
            Aim::Gone => self.ledger.gone_workers().collect(),
            Aim::Unknown => vec![WorkerId(self.rng.u32(1_000_000..))],
        };
        let target = self.rng.choice(found);
        self.tally.count_aim(if target.is_some() { aim } else { Aim::Any });
        target
    }

    fn live_workers(&self, is_wanted: impl Fn(WorkerState) -> bool) -> Vec<WorkerId> {
        self.ledger.live_workers().filter(|(_, state)| is_wanted(*state)).map(|(worker, _)| worker).collect()
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
        self.give(input)
    }

    fn give(&mut self, input: Input) -> Result<(), Violation> {
        self.trace.push(self.now, Step::Input(input));
        self.ledger.enter_input(&input);
        self.subject.handle_input(self.now, input);
        self.drain()
    }

    fn wake(&mut self) -> Result<(), Violation> {
        let next = self.subject.poll_timeout();
        match next {
            Some((at, _)) if at < self.now => self.tally.count_fault(Fault::LateWake),
            Some((at, _)) if at == self.now => {}
            _ => self.tally.count_fault(Fault::EarlyWake),
        }
        self.trace.push(self.now, Step::Wake(next.map(|(_, timer)| timer)));
        self.subject.handle_timeout(self.now);
        self.drain()?;
        rules::check_woken(&self.ledger, self.subject.poll_timeout())
    }

    /// Carries out every order.
    fn drain(&mut self) -> Result<(), Violation> {
        while let Some(output) = self.subject.poll_output() {
            self.trace.push(self.now, Step::Output(output));
            rules::check_output(&self.ledger, &output)?;
            self.count(&output);
            self.ledger.enter_output(&output);
            self.fleet.obey(&output, self.now, &mut self.agenda);
        }
        rules::check_drained(&self.ledger, self.wake_lag)
    }

    fn count(&mut self, output: &Output) {
        match *output {
            Output::StartWorker { .. } => self.tally.started += 1,
            Output::StopWorker { reason: StopReason::BootTimedOut, .. } => {
                self.tally.count_fault(Fault::HungBoot)
            }
            Output::SettleTask { reason, .. } => self.tally.count_exit(reason),
            Output::FailPool => self.tally.failed_pools += 1,
            Output::StopWorker { .. } | Output::PostTask { .. } => {}
        }
    }
}

/// When everything must be settled: twice the time that it takes if, from the beginning of the calm, first every
/// fault that is already under way ends as late as it can, and then one worker runs every task.
fn deadline(plan: &Plan) -> Instant {
    let settings = &plan.settings;
    let boots =
        Duration::from_millis(settings.boot_timeout_ms.into()) * (LONGEST_BOOT + settings.stretch_to + 2);
    let pauses = Duration::from_millis(settings.max_backoff_ms.into()) * 2 + plan.wake_lag * 20;
    let tasks = LONGEST_CALM_TASK * u32::try_from(plan.arrivals.len()).unwrap_or(u32::MAX);
    plan.calm_at.after((boots + pauses + LONGEST_LIFE + LONGEST_TASK + tasks) * 2)
}
