//! Checkers of the pool between two inputs, when every order is carried out.

use std::time::Duration;

use millhand_core::{Admission, EngineState, ExitReason, Instant, Location, STALL, Target, TaskId, Timer};

use super::{PoolChecker, ReadingChecker, Readings, Rule, Verdict};
use crate::ledger::Whose;
use crate::trace::Stamp;
use crate::{Ending, Ledger, Phase, PoolEnd, TaskState, WorkerState};

/// In the order in which they are asked: the more special rule first.
pub(super) const CHECKS: &[(Rule, PoolChecker)] = &[
    (Rule::WithdrawnEnds, withdrawn_ends),
    (Rule::QueueBound, rejects_when_full),
    (Rule::RetriedAsAsked, retries_no_oftener),
    (Rule::SettledPromptly, settled_promptly),
    (Rule::PromptAbort, heeds_cancels),
    (Rule::StartTold, starts_told),
    (Rule::DropTold, drops_told),
    (Rule::SurplusEnds, surplus_ends),
    (Rule::WorkConserving, work_conserving),
    (Rule::PromptStart, prompt_start),
    (Rule::SparesKept, spares_kept),
    (Rule::FloorReached, floor_started),
    (Rule::PatienceEnds, patience_ends),
    (Rule::GivesUp, gives_remote_up),
    (Rule::GivesUp, gives_up),
    (Rule::DrainEnds, drain_ends),
    (Rule::ClosedForGood, leaves_no_worker),
    (Rule::EngineReleased, releases_engine),
];

/// About what the scheduler says of itself.
pub(super) const READING_CHECKS: &[(Rule, ReadingChecker)] = &[
    (Rule::FoundedTimer, founded_timer),
    (Rule::RightStats, right_stats),
    (Rule::RightState, right_state),
    (Rule::RightEngine, right_engine),
    (Rule::RightFloor, right_floor),
];

fn withdrawn_ends(ledger: &Ledger) -> Verdict {
    match ledger.first_due() {
        Some((task, _)) if ledger.is_admitted_as(task, Admission::Withdrawn) => {
            Err(format!("{task:?} was cancelled before it was submitted, and is not settled"))
        }
        _ => Ok(()),
    }
}

fn rejects_when_full(ledger: &Ledger) -> Verdict {
    match ledger.first_due() {
        Some((task, TaskState::Over(Ending { reason: ExitReason::Rejected, .. }))) => {
            Err(format!("{task:?} is not rejected, though {} tasks wait", ledger.settings().max_queue))
        }
        _ => Ok(()),
    }
}

pub(super) fn retries_no_oftener(ledger: &Ledger) -> Verdict {
    let Some((task, state)) = ledger.first_due() else { return Ok(()) };
    let lost = matches!(state, TaskState::Over(Ending { worker: Some(_), reason: ExitReason::WorkerLost }));
    match ledger.spec(task) {
        Some(spec) if lost && spec.retries > 0 => {
            Err(format!("{task:?} was run {} times, and is not settled", ledger.posts(task)))
        }
        _ => Ok(()),
    }
}

fn settled_promptly(ledger: &Ledger) -> Verdict {
    match ledger.first_due() {
        None => Ok(()),
        Some((task, state)) => Err(format!("{task:?} is {state:?}, and is not settled")),
    }
}

fn heeds_cancels(ledger: &Ledger) -> Verdict {
    match ledger.first_unheeded() {
        None => Ok(()),
        Some(task) => Err(format!("{task:?} runs and was cancelled, and its worker is not asked to stop it")),
    }
}

fn starts_told(ledger: &Ledger) -> Verdict {
    for (worker, state) in ledger.live_workers() {
        if let WorkerState::Busy(task) = state
            && ledger.task(task) == Some(TaskState::Ahead(worker))
        {
            return Err(format!("it is the turn of {task:?} at {worker:?}, and nobody is told"));
        }
    }
    Ok(())
}

fn drops_told(ledger: &Ledger) -> Verdict {
    for (worker, _) in ledger.live_workers() {
        let untold =
            ledger.ahead(worker).find(|posted| ledger.is_dropped(posted.task) && !posted.is_told_dropped);
        if let Some(posted) = untold {
            return Err(format!("{worker:?} has {:?}, which is settled, and is not told", posted.task));
        }
    }
    Ok(())
}

fn surplus_ends(ledger: &Ledger) -> Verdict {
    const LOCAL: Location = Location::Local;
    let (live, most) = (ledger.workers_live(LOCAL), ledger.most_live(LOCAL));
    let (idle, starting) = (ledger.workers_idle(LOCAL), ledger.workers_starting(LOCAL));
    if live > most && idle + starting > 0 {
        return Err(format!("{live} workers live, {most} may, and {idle} are idle and {starting} starting"));
    }
    Ok(())
}

fn work_conserving(ledger: &Ledger) -> Verdict {
    if Location::ALL.into_iter().all(|location| ledger.workers_idle(location) == 0) {
        return Ok(());
    }
    for (worker, state) in ledger.live_workers() {
        if state == WorkerState::Idle
            && let Some(task) = ledger.next_task_for(worker)
        {
            return Err(format!("{worker:?} is idle, and {task:?} waits for it"));
        }
    }
    Ok(())
}

fn prompt_start(ledger: &Ledger) -> Verdict {
    for location in Location::ALL {
        let is_stretched = ledger.workers_live(location) >= ledger.most_busy(location);
        let (waiting, serving) = (ledger.tasks_to_serve(location), ledger.workers_serving(location));
        if may_start(ledger, location) && !is_stretched && waiting > serving {
            return Err(format!(
                "{waiting} tasks wait for {serving} {location:?} workers that are idle or starting"
            ));
        }
    }
    Ok(())
}

fn spares_kept(ledger: &Ledger) -> Verdict {
    let serving = ledger.workers_serving(Location::Local);
    let spares = ledger.spares(Location::Local);
    if may_start(ledger, Location::Local) && serving < spares {
        return Err(format!("{serving} workers are idle or starting, and {spares} are to be spare"));
    }
    Ok(())
}

fn floor_started(ledger: &Ledger) -> Verdict {
    let (live, awaited) = (ledger.workers_live(Location::Local), ledger.awaited_workers());
    if may_start(ledger, Location::Local) && live < awaited as usize {
        return Err(format!("{live} workers live, and {awaited} were to come up"));
    }
    Ok(())
}

/// Whether nothing is in the way of another start.
fn may_start(ledger: &Ledger, location: Location) -> bool {
    !ledger.is_over()
        && !ledger.is_giving_up()
        && ledger.install_failures(location) == 0
        && ledger.workers_starting(location) < ledger.most_starting(location)
        && ledger.workers_live(location) < ledger.most_live(location)
        && (location == Location::Local || ledger.engine() == EngineState::Up)
}

fn patience_ends(ledger: &Ledger) -> Verdict {
    let waiting = ledger.waiting_for(Target::At(Location::Remote));
    if waiting > 0 && ledger.is_engine_missed() {
        return Err(format!("{waiting} tasks wait for an engine that has been away for too long"));
    }
    Ok(())
}

fn gives_remote_up(ledger: &Ledger) -> Verdict {
    if !ledger.is_over() && ledger.is_remote_end_due() {
        return Err("there can be no remote workers, and the user is not told".to_owned());
    }
    Ok(())
}

fn releases_engine(ledger: &Ledger) -> Verdict {
    if ledger.is_engine_done() && ledger.is_engine_held() {
        return Err(format!("there is no more use for the engine, and it is {:?}", ledger.engine()));
    }
    Ok(())
}

fn gives_up(ledger: &Ledger) -> Verdict {
    if !ledger.is_over() && ledger.is_hopeless() {
        return Err("too many installs failed, no worker lives, and the pool goes on".to_owned());
    }
    Ok(())
}

fn drain_ends(ledger: &Ledger) -> Verdict {
    match ledger.live_workers().next() {
        Some((worker, state)) if ledger.phase() == Phase::Over(PoolEnd::Drained) => {
            Err(format!("the last task has ended, and {worker:?} is {state:?}"))
        }
        _ => Ok(()),
    }
}

fn leaves_no_worker(ledger: &Ledger) -> Verdict {
    if !ledger.is_over() {
        return Ok(());
    }
    match ledger.live_workers().next() {
        None => Ok(()),
        Some((worker, state)) => Err(format!("the pool is over, and {worker:?} is {state:?}")),
    }
}

/// What waits behind a task that has run for long is wanted back; the driver may be late.
pub(super) fn stalls_end(ledger: &Ledger, wake_lag: Duration) -> Verdict {
    for (worker, state) in ledger.live_workers() {
        let WorkerState::Busy(running) = state else { continue };
        let is_late =
            ledger.since(worker).is_some_and(|since| since.after(STALL).after(wake_lag) < ledger.now());
        let waits =
            ledger.ahead(worker).find(|posted| !posted.is_wanted_back && !ledger.is_dropped(posted.task));
        if let Some(posted) = waits
            && is_late
        {
            return Err(format!("{:?} waits behind {running:?} of {worker:?} for long", posted.task));
        }
    }
    Ok(())
}

/// Whoever has a deadline is no longer in the state that it is about when it is over; the driver may be late.
pub(super) fn in_time(ledger: &Ledger, wake_lag: Duration) -> Result<(), (Rule, String)> {
    match ledger.next_deadline() {
        Some((at, whose)) if at.after(wake_lag) < ledger.now() => Err(overdue(ledger, at, whose)),
        _ => Ok(()),
    }
}

fn overdue(ledger: &Ledger, at: Instant, whose: Whose) -> (Rule, String) {
    let at = Stamp(at);
    match whose {
        Whose::Engine => (Rule::EngineSought, format!("the engine was to be connected to at {at}")),
        Whose::Patience => (Rule::PatienceEnds, format!("tasks were to wait for the engine until {at}")),
        Whose::Worker(worker) if ledger.worker(worker) != Some(WorkerState::Starting) => {
            (Rule::GraceEnds, format!("{worker:?} has a dropped task, and its time was over at {at}"))
        }
        Whose::Worker(worker) => {
            (Rule::HungBootEnds, format!("{worker:?} is starting, and its time was over at {at}"))
        }
        Whose::Task(task) => {
            let rule = match ledger.task(task) {
                Some(TaskState::Running(_)) => Rule::PromptAbort,
                Some(TaskState::Stopping(_)) => Rule::GraceEnds,
                _ => Rule::QueueTimeEnds,
            };
            (rule, format!("{task:?} is {:?}, and its time was over at {at}", ledger.task(task)))
        }
    }
}

fn founded_timer(ledger: &Ledger, readings: Readings) -> Verdict {
    let Some(timer) = readings.next else { return Ok(()) };
    let task = |id| ledger.task(id);
    let is_founded = match timer {
        Timer::Boot(worker) => ledger.worker(worker) == Some(WorkerState::Starting),
        Timer::Idle(worker) => ledger.worker(worker) == Some(WorkerState::Idle),
        Timer::Backoff(location) => ledger.install_failures(location) > 0,
        Timer::Reconnect => ledger.engine() == EngineState::Away,
        Timer::Patience => ledger.is_engine_waited_for(),
        Timer::Queue(id) => task(id) == Some(TaskState::Waiting) && ledger.posts(id) == 0,
        Timer::Run(id) => matches!(task(id), Some(TaskState::Running(_))),
        Timer::Grace(worker) => match ledger.worker(worker) {
            Some(WorkerState::Busy(id)) => ledger.is_dropped(id) || is_to_stop(ledger, id),
            _ => false,
        },
        Timer::Stall(worker) => matches!(ledger.worker(worker), Some(WorkerState::Busy(_))),
    };
    if is_founded && !ledger.is_over() {
        return Ok(());
    }
    Err(format!("a wake is wanted for {timer:?}, and there is nothing to wait for"))
}

/// Whether a task was asked to stop, or is to be.
fn is_to_stop(ledger: &Ledger, task: TaskId) -> bool {
    let is_time_over = ledger.task_deadline(task).is_some_and(|deadline| deadline <= ledger.now());
    matches!(ledger.task(task), Some(TaskState::Stopping(_))) || is_time_over
}

fn right_stats(ledger: &Ledger, readings: Readings) -> Verdict {
    let (stats, right) = (readings.stats, ledger.stats());
    if stats == right {
        return Ok(());
    }
    Err(format!("the scheduler counts {stats:?}, and it is {right:?}"))
}

fn right_state(ledger: &Ledger, readings: Readings) -> Verdict {
    let (state, right) = (readings.state, ledger.pool_state());
    if state == right {
        return Ok(());
    }
    Err(format!("the scheduler says that the pool is {state:?}, and it is {right:?}"))
}

fn right_engine(ledger: &Ledger, readings: Readings) -> Verdict {
    let (engine, right) = (readings.engine, ledger.engine());
    if engine == right {
        return Ok(());
    }
    Err(format!("the scheduler says that its engine is {engine:?}, and it is {right:?}"))
}

fn right_floor(ledger: &Ledger, readings: Readings) -> Verdict {
    let (floor, right) = (readings.floor, ledger.awaited_workers());
    if floor == right {
        return Ok(());
    }
    Err(format!("the scheduler is to reach {floor} workers, and it is {right}"))
}

pub(super) fn timer_ahead(ledger: &Ledger, next: Option<(Instant, Timer)>) -> Verdict {
    match next {
        Some((at, timer)) if at <= ledger.now() => {
            Err(format!("{timer:?} is due at {} after a wake", Stamp(at)))
        }
        _ => Ok(()),
    }
}
