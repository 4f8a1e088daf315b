//! Every planted defect is caught, by the rule that it was planted for.

use millhand_sim::{Canary, Defect, Rule, simulate};

/// Within how many seeds a defect must show.
const SEEDS: u64 = 3_000;

/// What a defect breaks first differs from seed to seed: its own rule has to be among it.
#[test]
fn every_defect_is_caught_by_its_rule() {
    for &defect in Defect::ALL {
        let mut others = Vec::new();
        let caught = (0..SEEDS)
            .filter_map(|seed| simulate(seed, |now, settings| Canary::new(now, settings, defect)).err())
            .find(|failure| {
                let is_own = failure.violation.rule == defect.caught_by();
                if !is_own {
                    others.push(failure.violation.rule);
                }
                is_own
            });
        let failure = caught.unwrap_or_else(|| {
            panic!("{:?} does not catch {defect:?} within {SEEDS} seeds, but {others:?}", defect.caught_by())
        });
        println!("{defect:?}: {} (others before: {others:?})", failure.violation);
    }
}

#[test]
fn every_rule_has_a_defect_that_breaks_it() {
    let caught: Vec<Rule> = Defect::ALL.iter().map(|defect| defect.caught_by()).collect();
    let untried: Vec<_> = Rule::ALL.iter().filter(|rule| !caught.contains(rule)).collect();
    assert!(untried.is_empty(), "no defect breaks {untried:?}");
}

#[test]
fn a_failure_says_how_to_replay_it() {
    let failure = (0..SEEDS)
        .find_map(|seed| {
            simulate(seed, |now, settings| Canary::new(now, settings, Defect::DoubledSettle)).err()
        })
        .unwrap();
    let text = failure.to_string();
    assert!(text.starts_with(&format!("seed {}: rule `SettledOnce` broken at ", failure.seed)), "{text}");
    let replay =
        format!("MILLHAND_SIM_SEED={} cargo test -p millhand-sim replay -- --nocapture", failure.seed);
    assert!(text.ends_with(&replay), "{text}");
}
