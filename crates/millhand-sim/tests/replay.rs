//! A seed means one run, step by step.

use millhand_sim::{Plan, Trace, scheduler, simulate};

/// A seed of no meaning, replayed when `MILLHAND_SIM_SEED` names none.
const SEED: u64 = 7;

#[test]
fn replay_of_a_seed_is_the_same_step_by_step() {
    let asked = std::env::var("MILLHAND_SIM_SEED").ok();
    let seed = asked.as_ref().map_or(SEED, |seed| seed.parse().expect("a seed is a number"));
    let (first, failure) = play(seed);
    let (second, _) = play(seed);
    assert!(first == second, "two runs of seed {seed} differ");
    assert!(!first.steps().is_empty());
    if asked.is_some() {
        let plan = Plan::from_seed(seed);
        println!("{:#?}\n{:#?}\n{first}", plan.settings, plan.faults);
    }
    assert!(failure.is_none(), "seed {seed}: {}", failure.unwrap_or_default());
}

/// The trace of a seed, and the rule that was broken.
fn play(seed: u64) -> (Trace, Option<String>) {
    match simulate(seed, scheduler) {
        Ok(run) => (run.trace, None),
        Err(failure) => (failure.trace, Some(failure.violation.to_string())),
    }
}
