//! What must hold of every scheduler, each rule a statement about the onlooker's [`Ledger`].

mod at_rest;
mod between_inputs;
mod on_order;

use std::any::Any;
use std::time::Duration;

use millhand_core::{EngineState, Instant, Output, PoolState, Stats, Timer};

use crate::Ledger;
use crate::trace::Stamp;

kinds! {
    /// A rule, and so the name of its checker.
    pub enum Rule {
        /// The scheduler does not panic: what it asserts of itself holds.
        NoPanic,
        /// Every submitted task is settled at most once, and nothing else is settled.
        SettledOnce,
        /// A settled task is told what ended it, and who ran it, and not before that happened.
        RightReason,
        /// What ends a task settles it at once.
        SettledPromptly,
        /// Once faults have stopped, everything settles and the pool comes to rest within a bounded time.
        SettledWhenCalm,
        /// A task is posted only while it waits: not while it runs, and not after it is over.
        PostedOnce,
        /// A task is posted to an idle worker: not to one that is gone, starting, busy or unknown.
        PostedToIdle,
        /// A task is posted behind others only if those of its kind were short of late, and the worker's own is; while
        /// that has not run for long and is not to stop; only so many; and to local workers alone. A task that has little
        /// time to wait is not, and one whose time counts is not taken for one whose start need not be told.
        FoundedAhead,
        /// The user is told that a task which was posted behind others starts when it is its turn, and not before.
        StartTold,
        /// A worker is asked for tasks back that wait behind one which has run for long, each once, and not before.
        StallEnds,
        /// A worker is told of each task that is settled while it waits there, once.
        DropTold,
        /// A task that is meant for a worker, or for a place, is posted to that worker, or there.
        OwnTarget,
        /// A worker gets the first of the tasks that it may run: in the order of their submission, moved ahead by so
        /// many priority steps as they are urgent. So none waits for ever.
        InOrder,
        /// No idle worker is left without a task that it may run.
        WorkConserving,
        /// A task that is not for one worker is posted only while fewer workers of its place have a task than that may stretch to:
        /// spare workers do not work beside the others.
        WorkBound,
        /// A task whose worker died is run again as often as was asked, and no oftener; and one that is meant for a
        /// worker is not.
        RetriedAsAsked,
        /// A task is rejected if, and only if, as many wait as may, and no worker is free for it.
        QueueBound,
        /// An essential task is taken though as many wait as may, or the pool is to end with its tasks.
        EssentialTaken,
        /// A task that was cancelled before it was submitted exits so at once, before anything else happens, unless the
        /// pool is over.
        WithdrawnEnds,
        /// A task that was not started in its time leaves the queue when that is over.
        QueueTimeEnds,
        /// A worker is asked to stop a task only while it runs it, once, and because a user cancelled it or its time
        /// is over.
        FoundedAbort,
        /// A running task is asked to stop when a user cancels it or its time is over.
        PromptAbort,
        /// A worker that does not stop its task within the grace time is stopped itself.
        GraceEnds,
        /// A worker's id was not used before.
        FreshWorker,
        /// No more workers live in a place than the pool may stretch to there, and its spares.
        StretchBound,
        /// After a resize, starting and idle workers that are too many are stopped at once, busy ones with their task.
        SurplusEnds,
        /// No more workers are starting than may install at a time.
        InstallBound,
        /// A worker is started only for a task that no idle and no starting worker is there for, or because
        /// workers are reserved or too few are to spare.
        NeededStart,
        /// A worker is started for every such task at once, as far as the bounds allow and no install failed.
        PromptStart,
        /// So many workers as are to be spare are idle or starting, as far as the bounds allow and no install failed.
        SparesKept,
        /// A worker is stopped only while it lives, and for a reason that there is.
        FoundedStop,
        /// Of workers that are too many after a resize, one that is up is stopped only when none starts.
        SurplusOrder,
        /// A boot without a sign of progress is ended when its time is over.
        HungBootEnds,
        /// Workers that are too many with nothing to do are gone when all is quiet.
        ShrinksWhenCalm,
        /// No engine is connected to in the pause after its loss, and no worker started in the pause after a failed install, or after the death of an idle worker while some are
        /// to come up, unless one becomes ready or the last one that is up goes.
        PauseKept,
        /// After too many failed installs, with no worker up, no more are started; and the pool fails if, and
        /// only if, no worker is even starting then. There are no remote workers any more if, and only if, the same is so of
        /// them, or their engine refuses.
        GivesUp,
        /// A pool that is to end with its tasks ends when the last of them has, no sooner and no later.
        DrainEnds,
        /// A pool that is over starts and posts nothing, and leaves no worker behind.
        ClosedForGood,
        /// A remote worker is started only while the engine is up.
        EngineNeeded,
        /// The engine is connected to when the pool begins, and again when the pause after its loss is over; and never
        /// while it is held.
        EngineSought,
        /// The engine is let go of when the pool is over, or there can be no remote workers, and not otherwise.
        EngineReleased,
        /// Tasks wait for an engine that is not there for as long as they may, and no longer.
        PatienceEnds,
        /// After a wake the next one is wanted later than now.
        TimerAhead,
        /// A wake is wanted only for something that is still under way.
        FoundedTimer,
        /// The scheduler counts what waits, works and came too late as it is.
        RightStats,
        /// The scheduler says how far the pool is: one that has failed and is to end has ended, whichever came first.
        RightState,
        /// The scheduler says how far it is with its engine.
        RightEngine,
        /// The scheduler says how many workers are to be up whether or not there is work: as many as it starts with or
        /// are reserved, until these are up at one time, or too many installs failed beside workers that are up.
        RightFloor,
        /// The workers that the pool starts with, and reserved ones, are started at once, as far as the bounds allow and
        /// no install failed; and they come up.
        FloorReached,
    }
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule `{rule:?}` broken at {}: {message}", Stamp(*at))]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// When.
    pub at: Instant,
    /// How.
    pub message: String,
}

/// What a checker says: nothing, or how its rule is broken.
type Verdict = Result<(), String>;
type OrderChecker = fn(&Ledger, &Output) -> Verdict;
type PoolChecker = fn(&Ledger) -> Verdict;
type ReadingChecker = fn(&Ledger, Readings) -> Verdict;

/// The end of a run by a panic.
pub(crate) fn panicked(ledger: &Ledger, cause: &(dyn Any + Send)) -> Violation {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let message = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text");
    violation(Rule::NoPanic, ledger, message.to_owned())
}

/// An order is judged before it is entered in the ledger.
pub(crate) fn check_output(ledger: &Ledger, output: &Output) -> Result<(), Violation> {
    for (rule, check) in on_order::CHECKS {
        check(ledger, output).map_err(|message| violation(*rule, ledger, message))?;
    }
    Ok(())
}

/// What a scheduler says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readings {
    /// The timer that it wants to be woken for.
    pub(crate) next: Option<Timer>,
    pub(crate) stats: Stats,
    pub(crate) state: PoolState,
    pub(crate) floor: u32,
    pub(crate) engine: EngineState,
}

/// The pool is judged whenever all orders are carried out and before the next fact. `wake_lag` is how late the driver
/// may be.
pub(crate) fn check_between(
    ledger: &Ledger,
    readings: Readings,
    wake_lag: Duration,
) -> Result<(), Violation> {
    for (rule, check) in between_inputs::CHECKS {
        check(ledger).map_err(|message| violation(*rule, ledger, message))?;
    }
    between_inputs::stalls_end(ledger, wake_lag)
        .map_err(|message| violation(Rule::StallEnds, ledger, message))?;
    between_inputs::in_time(ledger, wake_lag).map_err(|(rule, message)| violation(rule, ledger, message))?;
    for (rule, check) in between_inputs::READING_CHECKS {
        check(ledger, readings).map_err(|message| violation(*rule, ledger, message))?;
    }
    Ok(())
}

/// The timers are judged after a wake.
pub(crate) fn check_woken(ledger: &Ledger, next: Option<(Instant, Timer)>) -> Result<(), Violation> {
    between_inputs::timer_ahead(ledger, next).map_err(|message| violation(Rule::TimerAhead, ledger, message))
}

/// The pool is judged when nothing more is going to happen, or its time for that is over.
pub(crate) fn check_end(ledger: &Ledger, is_at_rest: bool) -> Result<(), Violation> {
    at_rest::settled_when_calm(ledger, is_at_rest)
        .map_err(|message| violation(Rule::SettledWhenCalm, ledger, message))?;
    for (rule, check) in at_rest::CHECKS {
        check(ledger).map_err(|message| violation(*rule, ledger, message))?;
    }
    Ok(())
}

const fn violation(rule: Rule, ledger: &Ledger, message: String) -> Violation {
    Violation { rule, at: ledger.now(), message }
}
