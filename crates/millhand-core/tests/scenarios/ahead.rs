//! Tasks that workers have ahead.

use millhand_core::{Location, MAX_AHEAD, MAX_GATHERED, Outcome, PoolSettings, Stats, Target, TaskSpec};

use crate::pool::{NOTHING, Pool, kind, one_worker, queue_timeout_ms, retries, settings, timeout_ms};

const QUICK: u32 = 1;
const SHORT: u32 = 2;
const LONG: u32 = 3;
const UNKNOWN: u32 = 4;

/// A pool that knows the kinds: its workers have run two tasks of each but the last.
fn pool_that_knows(workers: u32, settings: PoolSettings) -> Pool {
    let mut pool = Pool::with_idle_workers(workers, settings);
    for (kind_of_task, ms) in [(QUICK, 0), (SHORT, 5), (LONG, 41)] {
        for run in 0..2 {
            let task = u64::from(10 * kind_of_task + run);
            pool.submit_with(kind(kind_of_task), task);
            pool.finish_after_ms(ms, 1, task);
        }
    }
    pool
}

fn submit_all(pool: &mut Pool, spec: TaskSpec, tasks: std::ops::RangeInclusive<u64>) -> Vec<String> {
    tasks.flat_map(|task| pool.submit_with(spec, task)).collect()
}

#[test]
fn nothing_is_posted_ahead_before_it_is_known_how_long_it_takes() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    assert_eq!(submit_all(&mut pool, kind(QUICK), 1..=4), ["post t1 to w1"]);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t2 to w1"]);
    assert_eq!(pool.finish(1, 2), ["settle t2 of w1: Completed", "post t3 to w1", "post t4 to w1 quick"]);
    assert_eq!(pool.finish(1, 3), ["settle t3 of w1: Completed", "t4 starts at w1"]);
    assert_eq!(pool.finish(1, 4), ["settle t4 of w1: Completed"]);
}

#[test]
fn nothing_is_posted_ahead_behind_what_may_take_long() {
    let mut pool = pool_that_knows(1, one_worker());
    assert_eq!(pool.submit_with(kind(UNKNOWN), 101), ["post t101 to w1"]);
    assert_eq!(pool.submit_with(kind(QUICK), 102), NOTHING);
    assert_eq!(pool.finish(1, 101), ["settle t101 of w1: Completed", "post t102 to w1"]);
    assert_eq!(pool.submit_with(kind(LONG), 103), NOTHING, "and what takes long is not itself");
    assert_eq!(pool.finish(1, 102), ["settle t102 of w1: Completed", "post t103 to w1"]);
    assert_eq!(pool.submit_with(kind(QUICK), 104), NOTHING);
    assert_eq!(pool.finish(1, 103), ["settle t103 of w1: Completed", "post t104 to w1"]);
    assert_eq!(pool.wait_ms(50), NOTHING);
    assert_eq!(pool.submit_with(kind(QUICK), 105), NOTHING, "nor is what was expected to be quick");
}

#[test]
fn quick_tasks_are_shared_out_among_the_workers() {
    let mut pool = pool_that_knows(2, PoolSettings { stretch_to: 2, ..settings() });
    let orders = submit_all(&mut pool, kind(QUICK), 101..=106);
    let quick =
        ["post t103 to w1 quick", "post t104 to w2 quick", "post t105 to w1 quick", "post t106 to w2 quick"];
    assert_eq!(orders[..2], ["post t101 to w1", "post t102 to w2"]);
    assert_eq!(orders[2..], quick);
}

#[test]
fn quick_tasks_that_come_to_some_time_are_left_for_whoever_is_free_first() {
    let mut pool = pool_that_knows(2, PoolSettings { stretch_to: 2, ..settings() });
    for task in 51..=52 {
        pool.submit_with(kind(UNKNOWN), task);
        pool.finish_after_us(200, 1, task);
    }
    submit_all(&mut pool, kind(UNKNOWN), 101..=102);
    assert_eq!(submit_all(&mut pool, kind(UNKNOWN), 103..=112).len(), 10, "a millisecond for each");
    assert_eq!(submit_all(&mut pool, kind(UNKNOWN), 113..=123), NOTHING);
    assert_eq!(pool.submit_with(kind(UNKNOWN), 124), ["post t113 to w1 quick"], "there is as much for each");
}

#[test]
fn a_worker_has_so_many_quick_tasks_ahead_and_no_more() {
    let mut pool = pool_that_knows(1, one_worker());
    let most = u64::try_from(MAX_AHEAD).unwrap();
    assert_eq!(submit_all(&mut pool, kind(QUICK), 101..=101 + most + 1).len(), MAX_AHEAD + 1);
    submit_all(&mut pool, kind(QUICK), 103 + most..=103 + 2 * most);
    let half = 101 + most / 2 - 1;
    for task in 101..half {
        assert_eq!(pool.finish(1, task).len(), 2, "it is given more when it has half of that");
    }
    assert_eq!(pool.finish(1, half).len(), 2 + MAX_AHEAD / 2);
}

#[test]
fn a_worker_has_so_much_work_ahead_and_no_more() {
    let mut pool = pool_that_knows(1, one_worker());
    let orders = submit_all(&mut pool, kind(SHORT), 101..=102);
    assert_eq!(orders, ["post t101 to w1", "post t102 to w1 ahead"]);
    let ahead = submit_all(&mut pool, kind(SHORT), 103..=250);
    assert_eq!(ahead.len(), 14, "with the one that runs, sixteen of five milliseconds: {ahead:?}");
}

#[test]
fn work_that_is_done_or_given_back_makes_room_for_as_much() {
    let mut pool = pool_that_knows(1, one_worker());
    submit_all(&mut pool, kind(SHORT), 101..=300);
    for task in 101..=130 {
        let told = pool.finish_after_ms(5, 1, task);
        assert_eq!(told.last(), Some(&format!("post t{} to w1 ahead", task + 16)));
    }
    assert_eq!(pool.wait_ms(50).len(), 15, "wanted back");
    for task in 132..=146 {
        assert_eq!(pool.give_back(1, task), NOTHING);
    }
    let told = pool.finish_after_ms(5, 1, 131);
    assert_eq!(told.iter().filter(|order| order.ends_with("ahead")).count(), 15, "{told:?}");
}

#[test]
fn tasks_for_its_place_count_as_work_for_a_worker() {
    let mut pool = pool_that_knows(2, PoolSettings { stretch_to: 2, ..settings() });
    submit_all(&mut pool, kind(SHORT), 101..=102);
    let local = TaskSpec { target: Target::At(Location::Local), ..kind(SHORT) };
    assert_eq!(submit_all(&mut pool, local, 103..=103), NOTHING);
    assert_eq!(submit_all(&mut pool, kind(SHORT), 104..=104), ["post t103 to w1 ahead"]);
}

#[test]
fn a_worker_has_none_ahead_that_others_will_be_free_for() {
    let mut pool = pool_that_knows(2, PoolSettings { stretch_to: 2, ..settings() });
    submit_all(&mut pool, kind(SHORT), 101..=102);
    assert_eq!(submit_all(&mut pool, kind(SHORT), 103..=103), NOTHING);
    assert_eq!(submit_all(&mut pool, kind(SHORT), 104..=104), ["post t103 to w1 ahead"]);
    assert_eq!(submit_all(&mut pool, kind(SHORT), 105..=105), ["post t104 to w2 ahead"]);
    assert_eq!(
        submit_all(&mut pool, kind(SHORT), 106..=107),
        NOTHING,
        "half of what is left is for whoever is free"
    );
}

#[test]
fn a_worker_goes_on_while_its_driver_is_busy_with_something_else() {
    let mut pool = pool_that_knows(2, PoolSettings { stretch_to: 2, ..settings() });
    submit_all(&mut pool, kind(SHORT), 101..=160);
    let ahead = pool.scheduler.stats().queued;
    pool.wait_ms(30);
    assert_eq!(ahead, 58);
    for run in 0..6 {
        let told = pool.finish_after_ms(5, 1, 101 + 2 * run);
        assert!(told.iter().any(|order| order.ends_with("starts at w1")), "after {run}: {told:?}");
    }
}

#[test]
fn what_has_little_time_to_wait_is_not_posted_ahead() {
    let mut pool = pool_that_knows(1, one_worker());
    let hurried = TaskSpec { queue_timeout: queue_timeout_ms(20).queue_timeout, ..kind(QUICK) };
    assert_eq!(submit_all(&mut pool, kind(QUICK), 101..=101), ["post t101 to w1"]);
    assert_eq!(submit_all(&mut pool, hurried, 102..=102), NOTHING);
    assert_eq!(submit_all(&mut pool, kind(QUICK), 103..=103), NOTHING, "it does not overtake the one before");
    assert_eq!(pool.wait_ms(20), ["settle t102: QueueTimedOut"]);
}

#[test]
fn the_time_of_a_task_that_was_posted_ahead_counts_from_its_start() {
    let mut pool = pool_that_knows(1, one_worker());
    let timed = TaskSpec { timeout: timeout_ms(30).timeout, ..kind(QUICK) };
    let orders = submit_all(&mut pool, timed, 101..=102);
    assert_eq!(orders, ["post t101 to w1", "post t102 to w1 ahead"], "its start has to be told");
    pool.wait_ms(20);
    assert_eq!(pool.finish(1, 101), ["settle t101 of w1: Completed", "t102 starts at w1"]);
    assert_eq!(pool.wait_ms(29), NOTHING);
    assert_eq!(pool.wait_ms(1), ["abort t102 at w1"]);
}

#[test]
fn tasks_that_were_posted_ahead_wait_until_they_start() {
    let mut pool = pool_that_knows(1, one_worker());
    submit_all(&mut pool, kind(QUICK), 101..=103);
    let stats = Stats { queued: 2, starting: 0, idle: 0, busy: 1, stale_inputs: 0 };
    assert_eq!(pool.scheduler.stats(), stats);
    pool.finish(1, 101);
    assert_eq!(pool.scheduler.stats(), Stats { queued: 1, ..stats });
}

#[test]
fn a_task_that_was_posted_ahead_is_cancelled_at_once_and_given_back() {
    let mut pool = pool_that_knows(1, one_worker());
    submit_all(&mut pool, kind(QUICK), 101..=103);
    assert_eq!(pool.cancel(102), ["drop t102 at w1", "settle t102: Cancelled"]);
    assert_eq!(pool.scheduler.stats().queued, 1);
    assert_eq!(pool.give_back(1, 102), NOTHING);
    assert_eq!(pool.finish(1, 101), ["settle t101 of w1: Completed", "t103 starts at w1"]);
    assert_eq!(pool.stale_inputs(), 0);
}

#[test]
fn a_dropped_task_that_was_started_before_its_worker_heard_ends_untold() {
    let mut pool = pool_that_knows(1, one_worker());
    submit_all(&mut pool, kind(QUICK), 101..=103);
    pool.cancel(102);
    assert_eq!(pool.finish(1, 101), ["settle t101 of w1: Completed"]);
    assert_eq!(pool.finish_with(Outcome::Threw, 1, 102), ["t103 starts at w1"]);
    assert_eq!(pool.finish(1, 103), ["settle t103 of w1: Completed"]);
    assert_eq!(pool.stale_inputs(), 0);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn a_worker_that_does_not_end_a_dropped_task_is_stopped() {
    let mut pool = pool_that_knows(1, PoolSettings { cancel_grace_ms: 40, ..one_worker() });
    submit_all(&mut pool, kind(QUICK), 101..=102);
    pool.cancel(102);
    assert_eq!(submit_all(&mut pool, kind(QUICK), 103..=103), ["post t103 to w1 quick"]);
    pool.finish(1, 101);
    assert_eq!(pool.submit_with(kind(QUICK), 104), NOTHING, "nothing more waits behind it");
    assert_eq!(pool.wait_ms(39), NOTHING);
    let lost = ["stop w1: Unresponsive", "settle t103 of w1: WorkerLost", "start w2"];
    assert_eq!(pool.wait_ms(1), lost, "it may have been started");
}

#[test]
fn what_waits_behind_a_task_that_takes_long_after_all_is_wanted_back_once() {
    let mut pool = pool_that_knows(2, PoolSettings { stretch_to: 2, ..settings() });
    submit_all(&mut pool, kind(QUICK), 101..=106);
    pool.finish(2, 102);
    pool.finish(2, 104);
    pool.finish(2, 106);
    assert_eq!(pool.wait_ms(49), NOTHING);
    assert_eq!(pool.wait_ms(1), ["withdraw t103 from w1", "withdraw t105 from w1"]);
    assert_eq!(pool.wait_ms(500), NOTHING);
    assert_eq!(pool.submit_with(kind(QUICK), 107), ["post t107 to w2"]);
    assert_eq!(pool.submit_with(kind(QUICK), 108), ["post t108 to w2 quick"], "not behind the slow one");
    assert_eq!(pool.give_back(1, 103), ["post t103 to w2 quick"]);
    assert_eq!(
        pool.finish(1, 101),
        ["settle t101 of w1: Completed", "t105 starts at w1"],
        "it was not given back"
    );
    assert_eq!(pool.give_back(1, 105), NOTHING);
    assert_eq!(pool.stale_inputs(), 1);
}

#[test]
fn a_worker_is_started_for_what_was_given_back() {
    let mut pool = pool_that_knows(1, settings());
    submit_all(&mut pool, kind(QUICK), 101..=102);
    assert_eq!(pool.wait_ms(50), ["withdraw t102 from w1"]);
    assert_eq!(pool.give_back(1, 102), ["start w2"]);
    assert_eq!(pool.ready(2), ["post t102 to w2"]);
}

#[test]
fn a_slow_task_is_one_whose_own_time_is_long() {
    let mut pool = pool_that_knows(1, one_worker());
    submit_all(&mut pool, kind(QUICK), 101..=103);
    assert_eq!(pool.wait_ms(30), NOTHING);
    pool.finish(1, 101);
    assert_eq!(pool.wait_ms(30), NOTHING, "it has not run for so long");
    assert_eq!(pool.wait_ms(20), ["withdraw t103 from w1"]);
}

#[test]
fn what_a_lost_worker_cannot_have_started_waits_again() {
    let mut pool = pool_that_knows(1, one_worker());
    let timed = TaskSpec { timeout: timeout_ms(30).timeout, ..kind(QUICK) };
    submit_all(&mut pool, kind(QUICK), 101..=102);
    submit_all(&mut pool, timed, 103..=103);
    submit_all(&mut pool, kind(QUICK), 104..=104);
    let settled = ["settle t101 of w1: WorkerLost", "settle t102 of w1: WorkerLost", "start w2"];
    assert_eq!(pool.lose(1), settled);
    assert_eq!(pool.scheduler.stats().queued, 2);
    assert_eq!(pool.ready(2), ["post t103 to w2", "post t104 to w2 quick"]);
}

#[test]
fn what_a_lost_worker_may_have_started_counts_as_that() {
    let mut pool = pool_that_knows(1, one_worker());
    let retried = TaskSpec { retries: retries(1).retries, ..kind(QUICK) };
    submit_all(&mut pool, retried, 101..=102);
    assert_eq!(pool.lose(1), ["start w2"]);
    assert_eq!(pool.ready(2), ["post t101 to w2", "post t102 to w2 quick"]);
    assert_eq!(pool.lose(2)[..2], ["settle t101 of w2: WorkerLost", "settle t102 of w2: WorkerLost"]);
}

#[test]
fn of_quick_tasks_so_many_can_have_been_started_as_a_worker_gathers_ends_of() {
    let mut pool = pool_that_knows(1, one_worker());
    submit_all(&mut pool, kind(QUICK), 101..=180);
    assert_eq!(pool.lose(1).iter().filter(|order| order.starts_with("settle")).count(), MAX_GATHERED);
    assert_eq!(pool.scheduler.stats().queued, 80 - MAX_GATHERED);
}

#[test]
fn what_only_a_lost_worker_could_run_exits_with_it() {
    let mut pool = pool_that_knows(2, settings());
    for task in 101..=103 {
        pool.submit_to_with(TaskSpec { timeout: timeout_ms(30).timeout, ..kind(QUICK) }, 1, task);
    }
    let lost = ["settle t101 of w1: WorkerLost", "settle t102: WorkerLost", "settle t103: WorkerLost"];
    assert_eq!(pool.lose(1), lost);
    assert_eq!(pool.scheduler.stats().queued, 0);
}

#[test]
fn tasks_for_one_worker_are_posted_ahead_to_that_worker() {
    let mut pool = pool_that_knows(2, settings());
    pool.submit_to_with(kind(SHORT), 2, 101);
    assert_eq!(pool.submit_to_with(kind(SHORT), 2, 102), ["post t102 to w2 ahead"]);
    assert_eq!(pool.give_back(2, 102), NOTHING);
    assert_eq!(pool.finish(2, 101), ["settle t101 of w2: Completed", "post t102 to w2"]);
}

#[test]
fn a_worker_whose_task_is_to_stop_is_given_nothing_ahead() {
    let mut pool = pool_that_knows(1, one_worker());
    submit_all(&mut pool, kind(QUICK), 101..=102);
    pool.cancel(101);
    assert_eq!(pool.submit_with(kind(QUICK), 103), NOTHING);
    assert_eq!(
        pool.finish(1, 101),
        ["settle t101 of w1: Cancelled", "t102 starts at w1", "post t103 to w1 quick"]
    );
}

#[test]
fn a_worker_that_is_too_many_ends_with_what_it_has_ahead_and_is_given_no_more() {
    let mut pool = pool_that_knows(2, settings());
    submit_all(&mut pool, kind(QUICK), 101..=104);
    assert_eq!(pool.resize(0, 1), NOTHING);
    assert_eq!(pool.submit_with(kind(QUICK), 105), NOTHING);
    assert_eq!(pool.finish(1, 101), ["settle t101 of w1: Completed", "t103 starts at w1"]);
    assert_eq!(pool.finish(1, 103), ["settle t103 of w1: Completed", "stop w1: Surplus"]);
    assert_eq!(
        pool.finish(2, 102),
        ["settle t102 of w2: Completed", "t104 starts at w2", "post t105 to w2 quick"]
    );
}

#[test]
fn a_pool_that_ends_settles_what_was_posted_ahead() {
    let mut pool = pool_that_knows(1, one_worker());
    submit_all(&mut pool, kind(QUICK), 101..=103);
    pool.cancel(102);
    let ended =
        ["stop w1: PoolTerminated", "settle t101 of w1: PoolTerminated", "settle t103: PoolTerminated"];
    assert_eq!(pool.terminate(), ended);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn a_pool_that_drains_ends_with_the_last_of_them_whatever_was_dropped() {
    let mut pool = pool_that_knows(1, one_worker());
    submit_all(&mut pool, kind(QUICK), 101..=103);
    pool.drain();
    pool.cancel(103);
    assert_eq!(pool.finish(1, 101), ["settle t101 of w1: Completed", "t102 starts at w1"]);
    assert_eq!(pool.finish(1, 102), ["settle t102 of w1: Completed", "stop w1: PoolTerminated"]);
}

#[test]
fn what_was_never_posted_cannot_be_given_back() {
    let mut pool = pool_that_knows(1, one_worker());
    submit_all(&mut pool, kind(QUICK), 101..=102);
    pool.give_back(1, 101);
    pool.give_back(1, 500);
    pool.give_back(9, 102);
    assert_eq!(pool.stale_inputs(), 3);
}
