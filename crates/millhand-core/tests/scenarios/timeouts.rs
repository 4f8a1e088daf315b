//! Tasks that run or wait for too long.

use millhand_core::{Outcome, PoolState, TaskId, TaskSpec, Timer, WorkerId};

use crate::pool::{NOTHING, Pool, one_worker, queue_timeout_ms, retries, settings, timeout_ms};

#[test]
fn a_task_that_runs_for_too_long_is_asked_to_stop_and_exits_timed_out_whatever_its_worker_says_then() {
    for outcome in [Outcome::Completed, Outcome::Threw, Outcome::Unclonable] {
        let mut pool = Pool::with_idle_workers(1, settings());
        pool.submit_with(timeout_ms(100), 1);
        assert_eq!(pool.next_timer(), Some(Timer::Run(TaskId(1))));
        assert_eq!(pool.wait_ms(99), NOTHING);
        assert_eq!(pool.wait_ms(1), ["abort t1 at w1"]);
        assert_eq!(pool.finish_with(outcome, 1, 1), ["settle t1 of w1: TimedOut"]);
        assert_eq!(pool.next_timer(), None);
    }
}

#[test]
fn a_worker_that_does_not_stop_a_task_that_ran_for_too_long_is_stopped_and_replaced() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit_with(timeout_ms(100), 1);
    pool.submit(2);
    assert_eq!(pool.wait_ms(149), ["abort t1 at w1"]);
    assert_eq!(pool.wait_ms(1), ["stop w1: Unresponsive", "settle t1 of w1: TimedOut", "start w2"]);
}

#[test]
fn a_task_that_ends_in_time_is_left_alone() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_with(timeout_ms(100), 1);
    pool.wait_ms(99);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"]);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn a_task_that_ends_before_the_driver_sees_that_its_time_is_over_has_ended_in_time() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_with(timeout_ms(100), 1);
    pool.wait_ms_asleep(120);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"]);
    assert_eq!(pool.wait_ms(1_000), NOTHING);
}

#[test]
fn a_driver_that_wakes_late_gives_the_full_grace_time_from_then() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_with(timeout_ms(100), 1);
    pool.wait_ms_asleep(170);
    assert_eq!(pool.wait_ms(0), ["abort t1 at w1"]);
    assert_eq!(pool.wait_ms(49), NOTHING);
    assert_eq!(pool.wait_ms(1), ["stop w1: Unresponsive", "settle t1 of w1: TimedOut"]);
}

#[test]
fn the_time_to_run_begins_with_the_start() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit_with(timeout_ms(100), 2);
    assert_eq!(pool.wait_ms(1_000), NOTHING);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t2 to w1"]);
    assert_eq!(pool.wait_ms(99), NOTHING);
    assert_eq!(pool.wait_ms(1), ["abort t2 at w1"]);
}

#[test]
fn the_time_to_run_begins_anew_when_a_task_is_run_again() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit_with(TaskSpec { retries: 1, ..timeout_ms(100) }, 1);
    pool.wait_ms(60);
    assert_eq!(pool.lose(1), ["post t1 to w2"]);
    assert_eq!(pool.wait_ms(99), NOTHING);
    assert_eq!(pool.wait_ms(1), ["abort t1 at w2"]);
}

#[test]
fn a_task_that_waits_to_be_run_again_is_not_running() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit_with(TaskSpec { retries: 1, ..timeout_ms(100) }, 1);
    pool.wait_ms(60);
    assert_eq!(pool.lose(1), ["start w2"]);
    assert_eq!(pool.next_timer(), Some(Timer::Boot(WorkerId(2))));
    assert_eq!(pool.wait_ms(500), NOTHING);
    assert_eq!(pool.ready(2), ["post t1 to w2"]);
}

#[test]
fn a_task_that_is_to_stop_has_no_other_time_than_its_grace() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_with(timeout_ms(20), 1);
    assert_eq!(pool.cancel(1), ["abort t1 at w1"]);
    assert_eq!(pool.next_timer(), Some(Timer::Grace(WorkerId(1))));
    assert_eq!(pool.wait_ms(49), NOTHING);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Cancelled"]);
}

#[test]
fn a_task_whose_time_is_over_is_not_run_again() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit_with(TaskSpec { retries: 5, ..timeout_ms(100) }, 1);
    assert_eq!(pool.wait_ms(100), ["abort t1 at w1"]);
    assert_eq!(pool.lose(1), ["settle t1 of w1: TimedOut"]);
}

#[test]
fn a_task_that_waits_for_too_long_leaves_the_queue() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    assert_eq!(pool.submit_with(queue_timeout_ms(100), 2), NOTHING);
    assert_eq!(pool.next_timer(), Some(Timer::Queue(TaskId(2))));
    assert_eq!(pool.wait_ms(99), NOTHING);
    assert_eq!(pool.wait_ms(1), ["settle t2: QueueTimedOut"]);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"]);
}

#[test]
fn a_task_for_one_worker_that_waits_for_too_long_leaves_that_workers_queue() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_to(1, 1);
    pool.submit_to_with(queue_timeout_ms(100), 1, 2);
    assert_eq!(pool.wait_ms(100), ["settle t2: QueueTimedOut"]);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"]);
}

#[test]
fn a_task_that_waits_for_a_boot_waits_no_longer_than_it_may() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.submit_with(queue_timeout_ms(100), 1), ["start w1"]);
    assert_eq!(pool.wait_ms(100), ["settle t1: QueueTimedOut"]);
    assert_eq!(pool.ready(1), NOTHING);
}

#[test]
fn the_time_to_wait_ends_with_the_start() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.submit_with(queue_timeout_ms(100), 1), ["post t1 to w1"]);
    assert_eq!(pool.next_timer(), None);
    assert_eq!(pool.wait_ms(1_000), NOTHING);
}

#[test]
fn the_time_to_wait_does_not_begin_anew_when_a_task_is_to_be_run_again() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit_with(TaskSpec { retries: 1, ..queue_timeout_ms(100) }, 1);
    assert_eq!(pool.lose(1), ["start w2"]);
    assert_eq!(pool.wait_ms(500), NOTHING);
    assert_eq!(pool.ready(2), ["post t1 to w2"]);
}

#[test]
fn a_task_that_may_not_wait_runs_at_once_or_never() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    assert_eq!(pool.submit_with(queue_timeout_ms(0), 1), ["post t1 to w1"]);
    assert_eq!(pool.submit_with(queue_timeout_ms(0), 2), NOTHING);
    assert_eq!(pool.wait_ms(0), ["settle t2: QueueTimedOut"]);
}

#[test]
fn a_task_that_is_cancelled_or_rejected_has_no_timer() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit_with(queue_timeout_ms(100), 2);
    pool.cancel(2);
    pool.terminate();
    pool.submit_with(queue_timeout_ms(100), 3);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn times_that_are_over_together_are_acted_on_together() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit_with(timeout_ms(100), 1);
    pool.submit_with(timeout_ms(100), 2);
    pool.submit_with(queue_timeout_ms(100), 3);
    pool.fail_install(3);
    pool.wait_ms_asleep(200);
    let acted = ["start w4", "settle t3: QueueTimedOut", "abort t1 at w1", "abort t2 at w2"];
    assert_eq!(pool.wait_ms(0), acted);
    assert_eq!(pool.scheduler.state(), PoolState::Open);
}

#[test]
fn a_task_that_is_run_again_may_be_stopped_on_its_new_worker() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit_with(retries(1), 1);
    assert_eq!(pool.lose(1), ["post t1 to w2"]);
    assert_eq!(pool.cancel(1), ["abort t1 at w2"]);
    assert_eq!(pool.finish(1, 1), NOTHING, "by the worker that is gone");
    assert_eq!(pool.wait_ms(50), ["stop w2: Unresponsive", "settle t1 of w2: Cancelled"]);
}
