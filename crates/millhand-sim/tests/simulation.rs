//! Many runs of the scheduler: all rules hold, and everything that a run is for occurs.

use millhand_core::ExitReason;
use millhand_sim::{Aim, EXIT_REASONS, Fault, Tally, scheduler, simulate};

/// Runs of the default test; `MILLHAND_SIM_RUNS` asks for another number of them.
const RUNS: u64 = 8_000;
const LEAST_TASKS: u64 = 1_000_000;

#[test]
fn every_rule_holds_whatever_goes_wrong() {
    let runs =
        std::env::var("MILLHAND_SIM_RUNS").map_or(RUNS, |runs| runs.parse().expect("a number of runs"));
    let mut tally = Tally::default();
    for seed in 0..runs {
        match simulate(seed, scheduler) {
            Ok(run) => tally.add(&run.tally),
            Err(failure) => panic!("{failure}"),
        }
    }
    println!("{tally}");
    assert_eq!(tally.settled(), tally.submitted, "every task is settled");
    if runs < RUNS {
        return;
    }
    assert!(tally.submitted >= LEAST_TASKS, "only {} tasks", tally.submitted);
    assert!(tally.failed_pools > 0, "no pool failed");
    let unseen: Vec<ExitReason> =
        EXIT_REASONS.into_iter().filter(|reason| tally.exits(*reason) == 0).collect();
    assert!(unseen.is_empty(), "no task exits {unseen:?}");
    let unseen: Vec<_> = Fault::ALL.iter().filter(|fault| tally.faults(**fault) == 0).collect();
    assert!(unseen.is_empty(), "{unseen:?} do not occur");
    let unseen: Vec<_> = Aim::ALL.iter().filter(|aim| tally.aims(**aim) == 0).collect();
    assert!(unseen.is_empty(), "no task is for a worker that is {unseen:?}");
}
