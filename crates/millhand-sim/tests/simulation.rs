//! Many runs of the scheduler: all rules hold, and everything that a run is for occurs.

use std::thread;

use millhand_core::{Admission, ExitReason, StopReason};
use millhand_sim::{
    ADMISSIONS, Aim, EXIT_REASONS, Failure, Fault, STOP_REASONS, Tally, TimerKind, Victim, scheduler,
    simulate,
};

/// Runs of the default test; `MILLHAND_SIM_RUNS` asks for another number of them.
const RUNS: u64 = 10_000;
const LEAST_TASKS: u64 = 1_000_000;

#[test]
fn every_rule_holds_whatever_goes_wrong() {
    let runs =
        std::env::var("MILLHAND_SIM_RUNS").map_or(RUNS, |runs| runs.parse().expect("a number of runs"));
    let tally = simulate_all(runs).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{tally}");
    assert_eq!(tally.runs, runs);
    assert_eq!(tally.settled(), tally.submitted, "every task is settled");
    if runs >= RUNS {
        assert!(tally.submitted >= LEAST_TASKS, "only {} tasks", tally.submitted);
        assert_everything_occurs(&tally);
    }
}

/// Every seed below `runs`, on as many threads as there are processors; of all failures that of the first seed.
fn simulate_all(runs: u64) -> Result<Tally, Box<Failure>> {
    let threads = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let shares: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|first| scope.spawn(move || simulate_share(first, threads, runs))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a run does not panic")).collect()
    });
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    for share in shares {
        match share {
            Ok(counts) => tally.add(&counts),
            Err(failure) => failures.push(failure),
        }
    }
    failures.into_iter().min_by_key(|failure| failure.seed).map_or(Ok(tally), Err)
}

/// Every so many-th seed, up to the first failure.
fn simulate_share(first: u64, every: u64, runs: u64) -> Result<Tally, Box<Failure>> {
    let mut tally = Tally::default();
    let mut seed = first;
    while seed < runs {
        tally.add(&simulate(seed, scheduler)?.tally);
        seed += every;
    }
    Ok(tally)
}

fn assert_everything_occurs(tally: &Tally) {
    for (count, what) in [
        (tally.retried, "task retried"),
        (tally.ahead, "task posted ahead"),
        (tally.quick, "quick task posted ahead"),
        (tally.returned, "task given back"),
        (tally.resized, "pool resized"),
        (tally.failed_pools, "pool failed"),
        (tally.started, "local worker started"),
        (tally.started_remotely, "remote worker started"),
        (tally.failed_remotes, "pool goes on without remote workers for good"),
        (tally.drained_pools, "pool drained"),
    ] {
        assert!(count > 0, "no {what}");
    }
    let unseen = |reason: &&ExitReason| tally.exits(**reason) == 0;
    assert_none(EXIT_REASONS.iter().filter(unseen), "no task exits");
    let unseen = |reason: &&StopReason| tally.stops(**reason) == 0;
    assert_none(STOP_REASONS.iter().filter(unseen), "no worker is stopped because");
    let unseen = |admission: &&Admission| tally.admissions(**admission) == 0;
    assert_none(ADMISSIONS.iter().filter(unseen), "no task is");
    assert_none(TimerKind::ALL.iter().filter(|kind| tally.timers(**kind) == 0), "no timer is due");
    assert_none(Fault::ALL.iter().filter(|fault| tally.faults(**fault) == 0), "no fault");
    assert_none(Aim::ALL.iter().filter(|aim| tally.aims(**aim) == 0), "no task is for a worker");
    assert_none(Victim::ALL.iter().filter(|victim| tally.victims(**victim) == 0), "no cancel of a task");
}

fn assert_none<T: std::fmt::Debug>(unseen: impl Iterator<Item = T>, what: &str) {
    let unseen: Vec<T> = unseen.collect();
    assert!(unseen.is_empty(), "{what} {unseen:?}");
}
