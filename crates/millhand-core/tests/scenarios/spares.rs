//! Workers that are kept beyond those at work, to take over at once.

use millhand_core::PoolSettings;

use crate::pool::{NOTHING, Pool, one_worker, settings};

#[test]
fn spares_start_with_the_pool() {
    let mut pool = Pool::new(spared(2));
    assert_eq!(pool.orders(), ["start w1", "start w2"]);
}

#[test]
fn workers_that_the_pool_starts_with_are_spare_until_there_is_work() {
    let mut pool = Pool::new(PoolSettings { start_at: 2, ..spared(1) });
    assert_eq!(pool.orders(), ["start w1", "start w2"]);
    pool.ready(1);
    pool.ready(2);
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    assert_eq!(pool.submit(2), ["post t2 to w2", "start w3"]);
}

#[test]
fn waiting_tasks_start_no_more_workers_than_may_work() {
    let mut pool = Pool::new(PoolSettings { start_at: 2, stretch_to: 2, ..spared(1) });
    assert_eq!(pool.orders(), ["start w1", "start w2"]);
    for task in 1..=3 {
        assert_eq!(pool.submit(task), NOTHING);
    }
    assert_eq!(pool.ready(1), ["post t1 to w1"], "w2 is to spare");
    assert_eq!(pool.ready(2), ["post t2 to w2", "start w3"]);
}

#[test]
fn a_spare_takes_over_at_once_from_a_worker_that_dies() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { spares: 1, ..one_worker() });
    assert_eq!(pool.submit(1), ["post t1 to w1", "start w2"]);
    pool.ready(2);
    assert_eq!(pool.submit(2), NOTHING);
    assert_eq!(pool.lose(1), ["settle t1 of w1: WorkerLost", "post t2 to w2", "start w3"]);
}

#[test]
fn a_spare_that_dies_is_replaced() {
    let mut pool = Pool::with_idle_workers(1, spared(1));
    assert_eq!(pool.lose(1), ["start w2"]);
}

#[test]
fn a_spare_does_not_work_beside_as_many_as_may() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { spares: 1, ..one_worker() });
    pool.submit(1);
    pool.ready(2);
    assert_eq!(pool.submit(2), NOTHING);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t2 to w1"]);
}

#[test]
fn a_spare_takes_a_task_that_is_meant_for_it_and_counts_as_at_work_then() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { spares: 1, ..one_worker() });
    assert_eq!(pool.submit(1), ["post t1 to w1", "start w2"]);
    pool.ready(2);
    assert_eq!(pool.submit_to(2, 2), ["post t2 to w2"]);
    pool.submit(3);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"], "w2 is at work, and one may be");
    assert_eq!(pool.finish(2, 2), ["settle t2 of w2: Completed", "post t3 to w2"]);
}

#[test]
fn a_spare_that_takes_a_task_that_is_meant_for_it_is_replaced() {
    let mut pool = Pool::with_idle_workers(1, spared(1));
    assert_eq!(pool.submit_to(1, 1), ["post t1 to w1", "start w2"]);
}

#[test]
fn no_more_live_than_may_work_and_be_spare() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { spares: 1, ..one_worker() });
    pool.submit(1);
    pool.ready(2);
    assert_eq!(pool.submit_to(2, 2), ["post t2 to w2"]);
    assert_eq!(pool.reserve(5), NOTHING);
    assert_eq!(pool.submit(3), NOTHING);
}

#[test]
fn a_spare_that_fails_to_install_is_tried_again_after_the_pause() {
    let mut pool = Pool::with_idle_workers(1, spared(1));
    assert_eq!(pool.submit(1), ["post t1 to w1", "start w2"]);
    assert_eq!(pool.fail_install(2), NOTHING);
    assert_eq!(pool.wait_ms(99), NOTHING);
    assert_eq!(pool.wait_ms(1), ["start w3"]);
}

#[test]
fn spares_wait_for_a_place_to_install() {
    let mut pool = Pool::new(PoolSettings { install_concurrency: 1, ..spared(2) });
    assert_eq!(pool.orders(), ["start w1"]);
    assert_eq!(pool.ready(1), ["start w2"]);
}

fn spared(spares: u32) -> PoolSettings {
    PoolSettings { spares, ..settings() }
}
