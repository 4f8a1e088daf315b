//! Every planted defect is caught, by the rule that it was planted for.

use millhand_sim::{Canary, Defect, Rule, simulate};

/// Within how many seeds a defect must show.
const SEEDS: u64 = 500;

#[test]
fn every_defect_is_caught_by_its_rule() {
    for &defect in Defect::ALL {
        let failure = (0..SEEDS)
            .find_map(|seed| simulate(seed, |now, settings| Canary::new(now, settings, defect)).err())
            .unwrap_or_else(|| panic!("{defect:?} is not caught within {SEEDS} seeds"));
        println!("{defect:?}: {}", failure.violation);
        assert_eq!(failure.violation.rule, defect.caught_by(), "{defect:?} is taken for another: {failure}");
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
