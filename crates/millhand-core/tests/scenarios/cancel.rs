//! Tasks that a user no longer wants: they leave the queue, or their worker is asked to stop them.

use millhand_core::{Outcome, PoolSettings, Stats, Timer, WorkerId};

use crate::pool::{NOTHING, Pool, one_worker, retries, settings, timeout_ms};

#[test]
fn a_cancelled_task_leaves_the_queue_at_once() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit(2);
    pool.submit(3);
    assert_eq!(pool.cancel(2), ["settle t2: Cancelled"]);
    assert_eq!(pool.scheduler.stats().queued, 1);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t3 to w1"]);
}

#[test]
fn a_cancelled_task_for_one_worker_leaves_that_workers_queue() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_to(1, 1);
    pool.submit_to(1, 2);
    assert_eq!(pool.cancel(2), ["settle t2: Cancelled"]);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"]);
}

#[test]
fn a_cancelled_task_for_a_starting_worker_is_not_run_when_that_is_ready() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.reserve(1), ["start w1"]);
    assert_eq!(pool.submit_to(1, 1), NOTHING);
    assert_eq!(pool.cancel(1), ["settle t1: Cancelled"]);
    assert_eq!(pool.ready(1), NOTHING);
}

#[test]
fn no_worker_is_started_for_a_task_that_was_cancelled() {
    let mut pool = Pool::new(PoolSettings { install_concurrency: 1, ..settings() });
    assert_eq!(pool.submit(1), ["start w1"]);
    assert_eq!(pool.submit(2), NOTHING);
    assert_eq!(pool.cancel(2), ["settle t2: Cancelled"]);
    assert_eq!(pool.ready(1), ["post t1 to w1"]);
}

#[test]
fn a_running_task_is_asked_to_stop_and_exits_cancelled_whatever_its_worker_says_then() {
    for outcome in [Outcome::Completed, Outcome::Threw, Outcome::Unclonable] {
        let mut pool = Pool::with_idle_workers(1, settings());
        pool.submit(1);
        assert_eq!(pool.cancel(1), ["abort t1 at w1"]);
        assert_eq!(pool.finish_with(outcome, 1, 1), ["settle t1 of w1: Cancelled"]);
    }
}

#[test]
fn a_running_task_for_one_worker_is_asked_to_stop_like_any() {
    let mut pool = Pool::with_idle_workers(2, settings());
    assert_eq!(pool.submit_to(2, 1), ["post t1 to w2"]);
    assert_eq!(pool.cancel(1), ["abort t1 at w2"]);
    assert_eq!(pool.finish(2, 1), ["settle t1 of w2: Cancelled"]);
}

#[test]
fn a_worker_that_stops_in_time_goes_on_with_the_next_task() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit(2);
    pool.cancel(1);
    assert_eq!(pool.next_timer(), Some(Timer::Grace(WorkerId(1))));
    assert_eq!(pool.wait_ms(49), NOTHING);
    assert_eq!(pool.finish_with(Outcome::Threw, 1, 1), ["settle t1 of w1: Cancelled", "post t2 to w1"]);
    assert_eq!(pool.next_timer(), None, "the grace time is over with the task");
    assert_eq!(pool.finish(1, 2), ["settle t2 of w1: Completed"]);
}

#[test]
fn a_worker_that_does_not_stop_within_the_grace_time_is_stopped_and_replaced() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit(2);
    assert_eq!(pool.cancel(1), ["abort t1 at w1"]);
    assert_eq!(pool.wait_ms(49), NOTHING);
    assert_eq!(pool.wait_ms(1), ["stop w1: Unresponsive", "settle t1 of w1: Cancelled", "start w2"]);
    assert_eq!(pool.ready(2), ["post t2 to w2"]);
}

#[test]
fn a_worker_that_is_stopped_for_its_task_is_not_replaced_when_there_is_no_work() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    pool.cancel(1);
    assert_eq!(pool.wait_ms(50), ["stop w1: Unresponsive", "settle t1 of w1: Cancelled"]);
    assert_eq!(pool.scheduler.stats(), Stats::default());
}

#[test]
fn a_spare_worker_takes_over_at_once_from_one_that_does_not_stop() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { spares: 1, ..one_worker() });
    assert_eq!(pool.submit(1), ["post t1 to w1", "start w2"]);
    pool.ready(2);
    pool.submit(2);
    assert_eq!(pool.cancel(1), ["abort t1 at w1"], "which still has its place at work");
    let taken_over = ["stop w1: Unresponsive", "settle t1 of w1: Cancelled", "post t2 to w2", "start w3"];
    assert_eq!(pool.wait_ms(50), taken_over);
}

#[test]
fn without_grace_a_worker_is_stopped_as_soon_as_the_driver_wakes() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { cancel_grace_ms: 0, ..settings() });
    pool.submit(1);
    assert_eq!(pool.cancel(1), ["abort t1 at w1"]);
    assert_eq!(pool.wait_ms(0), ["stop w1: Unresponsive", "settle t1 of w1: Cancelled"]);
}

#[test]
fn tasks_that_wait_for_a_worker_that_does_not_stop_exit_with_it() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_to(1, 1);
    pool.submit_to(1, 2);
    pool.cancel(1);
    let ended = ["stop w1: Unresponsive", "settle t1 of w1: Cancelled", "settle t2: WorkerLost"];
    assert_eq!(pool.wait_ms(50), ended);
}

#[test]
fn a_task_that_is_cancelled_again_is_asked_once_and_gets_no_more_time() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    assert_eq!(pool.cancel(1), ["abort t1 at w1"]);
    assert_eq!(pool.wait_ms(30), NOTHING);
    assert_eq!(pool.cancel(1), NOTHING);
    assert_eq!(pool.wait_ms(20), ["stop w1: Unresponsive", "settle t1 of w1: Cancelled"]);
    assert_eq!(pool.stale_inputs(), 0, "the task had not ended");
}

#[test]
fn a_cancel_of_a_task_that_has_ended_or_never_was_is_counted_and_dropped() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    pool.finish(1, 1);
    assert_eq!(pool.cancel(1), NOTHING);
    assert_eq!(pool.cancel(77), NOTHING);
    pool.submit(2);
    pool.cancel(2);
    pool.finish(1, 2);
    assert_eq!(pool.cancel(2), NOTHING);
    assert_eq!(pool.stale_inputs(), 3);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn a_cancel_of_a_task_whose_time_is_over_leaves_it_its_reason() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_with(timeout_ms(10), 1);
    assert_eq!(pool.wait_ms(10), ["abort t1 at w1"]);
    assert_eq!(pool.cancel(1), NOTHING);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: TimedOut"]);
}

#[test]
fn a_task_whose_worker_dies_of_stopping_it_exits_cancelled_and_is_not_run_again() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_with(retries(5), 1);
    pool.cancel(1);
    assert_eq!(pool.lose(1), ["settle t1 of w1: Cancelled"]);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn what_a_worker_says_after_it_was_stopped_for_its_task_is_counted_and_dropped() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit(2);
    pool.cancel(1);
    pool.wait_ms(50);
    assert_eq!(pool.finish(1, 1), NOTHING);
    assert_eq!(pool.finish(1, 2), NOTHING);
    assert_eq!(pool.lose(1), NOTHING);
    assert_eq!(pool.stale_inputs(), 3);
    assert_eq!(pool.ready(2), ["post t2 to w2"]);
}

#[test]
fn a_second_reply_to_a_stopped_task_does_not_end_the_next_one() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit(2);
    pool.cancel(1);
    assert_eq!(pool.finish_with(Outcome::Threw, 1, 1), ["settle t1 of w1: Cancelled", "post t2 to w1"]);
    assert_eq!(pool.finish(1, 1), NOTHING, "it had completed when it was asked to stop");
    assert_eq!(pool.stale_inputs(), 1);
    assert_eq!(pool.finish(1, 2), ["settle t2 of w1: Completed"]);
}

#[test]
fn a_pool_does_not_fail_while_a_worker_stops_its_task() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    assert_eq!(pool.submit(2), ["start w2"]);
    pool.cancel(1);
    assert_eq!(pool.fail_install_for_good(2), NOTHING);
    let replaced = ["stop w1: Unresponsive", "settle t1 of w1: Cancelled", "start w3"];
    assert_eq!(pool.wait_ms(50), replaced, "what failed beside it does not count");
    assert_eq!(pool.fail_install_for_good(3), ["fail", "settle t2: InstallFailed"]);
}
