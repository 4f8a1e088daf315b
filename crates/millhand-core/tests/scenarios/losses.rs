//! Workers that die, and messages that come when they no longer count.

use millhand_core::{Outcome, PoolSettings, WorkerId};

use crate::pool::{NOTHING, Pool, settings};

#[test]
fn a_lost_busy_worker_is_replaced_when_there_is_work() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { stretch_to: 1, ..settings() });
    pool.submit(1);
    pool.submit(2);
    assert_eq!(pool.lose(1), ["settle t1 of w1: WorkerLost", "start w2"]);
    assert_eq!(pool.ready(2), ["post t2 to w2"]);
}

#[test]
fn a_lost_busy_worker_is_not_replaced_when_there_is_no_work() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    assert_eq!(pool.lose(1), ["settle t1 of w1: WorkerLost"]);
    assert_eq!(pool.wait_ms(1_000_000), NOTHING);
    assert_eq!(pool.submit(2), ["start w2"], "the next task starts one");
}

#[test]
fn a_lost_busy_worker_is_not_replaced_when_another_is_starting_for_the_work() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    assert_eq!(pool.submit(2), ["start w2"]);
    assert_eq!(pool.lose(1), ["settle t1 of w1: WorkerLost"]);
    assert_eq!(pool.ready(2), ["post t2 to w2"]);
}

#[test]
fn a_lost_idle_worker_gets_no_more_tasks() {
    let mut pool = Pool::with_idle_workers(2, settings());
    assert_eq!(pool.lose(1), NOTHING);
    assert_eq!(pool.scheduler.worker_state(WorkerId(1)), None);
    assert_eq!(pool.submit(1), ["post t1 to w2"]);
}

#[test]
fn a_second_reply_to_a_task_is_counted_and_dropped() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"]);
    assert_eq!(pool.finish_with(Outcome::Threw, 1, 1), NOTHING);
    assert_eq!(pool.stale_inputs(), 1);
    pool.submit(2);
    assert_eq!(pool.finish(1, 1), NOTHING, "nor does it end the task that runs by then");
    assert_eq!(pool.finish(1, 2), ["settle t2 of w1: Completed"]);
    assert_eq!(pool.stale_inputs(), 2);
}

#[test]
fn a_reply_by_a_worker_that_does_not_run_the_task_is_counted_and_dropped() {
    let mut pool = Pool::with_idle_workers(2, settings());
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    assert_eq!(pool.submit(2), ["post t2 to w2"]);
    assert_eq!(pool.finish(2, 1), NOTHING);
    assert_eq!(pool.stale_inputs(), 1);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"]);
}

#[test]
fn whatever_a_lost_worker_still_says_is_counted_and_dropped() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit(1);
    assert_eq!(pool.lose(1), ["settle t1 of w1: WorkerLost"]);
    assert_eq!(pool.finish(1, 1), NOTHING);
    assert_eq!(pool.ready(1), NOTHING);
    assert_eq!(pool.progress(1), NOTHING);
    assert_eq!(pool.fail_install_for_good(1), NOTHING);
    assert_eq!(pool.lose(1), NOTHING);
    assert_eq!(pool.stale_inputs(), 5);
}

#[test]
fn a_worker_that_becomes_ready_after_its_boot_was_ended_stays_gone() {
    let mut pool = Pool::new(settings());
    pool.submit(1);
    assert_eq!(pool.wait_ms(1_000), ["stop w1: BootTimedOut"]);
    assert_eq!(pool.ready(1), NOTHING);
    assert_eq!(pool.progress(1), NOTHING);
    assert_eq!(pool.stale_inputs(), 2);
    assert_eq!(pool.wait_ms(100), ["start w2"]);
}

#[test]
fn install_messages_of_a_worker_that_is_up_are_counted_and_dropped() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    assert_eq!(pool.ready(1), NOTHING);
    assert_eq!(pool.progress(1), NOTHING);
    assert_eq!(pool.fail_install(1), NOTHING);
    assert_eq!(pool.stale_inputs(), 3);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"]);
}
