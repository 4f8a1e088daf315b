//! Checkers of a single order, in the order in which they are asked: the more special or more basic rule first.

mod tasks;
mod workers;

use super::{OrderChecker, Rule, Verdict};

pub(super) const CHECKS: &[(Rule, OrderChecker)] = &[
    (Rule::SettledOnce, tasks::settled_once),
    (Rule::WithdrawnEnds, tasks::withdrawn_ends),
    (Rule::EssentialTaken, tasks::essential_taken),
    (Rule::DrainEnds, workers::drains_no_sooner),
    (Rule::RetriedAsAsked, tasks::retries_no_seldomer),
    (Rule::RetriedAsAsked, tasks::retries_no_oftener),
    (Rule::QueueBound, tasks::rejected_when_full),
    (Rule::RightReason, tasks::right_reason),
    (Rule::ClosedForGood, workers::closed_for_good),
    (Rule::FoundedAbort, tasks::founded_abort),
    (Rule::PostedOnce, tasks::posted_once),
    (Rule::PostedToIdle, tasks::posted_to_idle),
    (Rule::FoundedAhead, tasks::founded_ahead),
    (Rule::StartTold, tasks::started_in_turn),
    (Rule::StallEnds, tasks::founded_withdrawal),
    (Rule::DropTold, tasks::dropped_once),
    (Rule::OwnTarget, tasks::own_target),
    (Rule::WorkBound, tasks::work_bound),
    (Rule::InOrder, tasks::in_order),
    (Rule::FreshWorker, workers::fresh_worker),
    (Rule::PauseKept, workers::pause_kept),
    (Rule::PauseKept, workers::reconnect_pause_kept),
    (Rule::EngineSought, workers::engine_sought),
    (Rule::EngineNeeded, workers::engine_needed),
    (Rule::EngineReleased, workers::engine_released),
    (Rule::GivesUp, workers::remote_given_up),
    (Rule::StretchBound, workers::stretch_bound),
    (Rule::InstallBound, workers::install_bound),
    (Rule::NeededStart, workers::needed_start),
    (Rule::SurplusOrder, workers::surplus_order),
    (Rule::FoundedStop, workers::founded_stop),
    (Rule::GivesUp, workers::founded_failure),
    (Rule::GivesUp, workers::hopeful_start),
];
