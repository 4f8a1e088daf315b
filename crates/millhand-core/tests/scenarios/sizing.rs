//! How many workers there are.

use millhand_core::PoolSettings;

use crate::pool::{NOTHING, Pool, settings};

#[test]
fn the_first_workers_start_with_the_pool() {
    let mut pool = Pool::new(PoolSettings { start_at: 2, ..settings() });
    assert_eq!(pool.orders(), ["start w1", "start w2"]);
}

#[test]
fn a_pool_that_starts_at_zero_starts_a_worker_for_its_first_task() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.orders(), NOTHING);
    assert_eq!(pool.submit(1), ["start w1"]);
    assert_eq!(pool.ready(1), ["post t1 to w1"]);
}

#[test]
fn only_so_many_workers_install_at_a_time() {
    let mut pool = Pool::new(PoolSettings { start_at: 3, install_concurrency: 2, ..settings() });
    assert_eq!(pool.orders(), ["start w1", "start w2"]);
    assert_eq!(pool.ready(2), ["start w3"]);
    assert_eq!(pool.ready(1), NOTHING);
}

#[test]
fn tasks_that_wait_for_a_place_to_install_get_one_when_it_is_free() {
    let mut pool = Pool::new(PoolSettings { install_concurrency: 1, ..settings() });
    assert_eq!(pool.submit(1), ["start w1"]);
    assert_eq!(pool.submit(2), NOTHING);
    assert_eq!(pool.ready(1), ["post t1 to w1", "start w2"]);
}

#[test]
fn a_task_that_can_wait_for_a_starting_worker_starts_none() {
    let mut pool = Pool::new(PoolSettings { start_at: 1, ..settings() });
    assert_eq!(pool.orders(), ["start w1"]);
    assert_eq!(pool.submit(1), NOTHING);
    assert_eq!(pool.submit(2), ["start w2"], "the first task has the first worker to wait for");
}

#[test]
fn a_task_that_an_idle_worker_takes_starts_none() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    assert_eq!(pool.submit(2), ["start w2"]);
}

#[test]
fn a_task_for_one_worker_starts_none() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.submit_to(1, 1), ["post t1 to w1"]);
    assert_eq!(pool.submit_to(1, 2), NOTHING);
}

#[test]
fn a_worker_that_comes_up_for_its_own_task_leaves_the_other_one_to_a_new_worker() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.submit_urgent(1, -1), ["start w1"]);
    assert_eq!(pool.submit_to(1, 2), NOTHING);
    assert_eq!(pool.ready(1), ["post t2 to w1", "start w2"]);
}

#[test]
fn the_pool_stretches_no_further_than_it_may() {
    let mut pool = Pool::new(PoolSettings { stretch_to: 2, ..settings() });
    assert_eq!(pool.submit(1), ["start w1"]);
    assert_eq!(pool.submit(2), ["start w2"]);
    assert_eq!(pool.submit(3), NOTHING);
    assert_eq!(pool.ready(1), ["post t1 to w1"]);
    assert_eq!(pool.ready(2), ["post t2 to w2"]);
    assert_eq!(pool.finish(2, 2), ["settle t2 of w2: Completed", "post t3 to w2"]);
}

#[test]
fn reserved_workers_start_without_work() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.reserve(3), ["start w2", "start w3"]);
}

#[test]
fn a_reserve_counts_the_workers_that_there_are() {
    let mut pool = Pool::new(PoolSettings { start_at: 2, ..settings() });
    assert_eq!(pool.orders(), ["start w1", "start w2"]);
    assert_eq!(pool.reserve(2), NOTHING, "two are starting");
    pool.ready(1);
    pool.ready(2);
    assert_eq!(pool.reserve(1), NOTHING, "two are up");
}

#[test]
fn a_reserve_of_more_than_the_pool_may_stretch_to_is_one_of_that() {
    let mut pool = Pool::new(PoolSettings { stretch_to: 2, ..settings() });
    assert_eq!(pool.reserve(50), ["start w1", "start w2"]);
}

#[test]
fn a_smaller_reserve_does_not_undo_a_larger_one() {
    let mut pool = Pool::new(PoolSettings { install_concurrency: 1, ..settings() });
    assert_eq!(pool.reserve(3), ["start w1"]);
    assert_eq!(pool.reserve(1), NOTHING);
    assert_eq!(pool.ready(1), ["start w2"]);
    assert_eq!(pool.ready(2), ["start w3"]);
}

#[test]
fn reserved_workers_are_replaced_until_all_were_up() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.reserve(2), ["start w1", "start w2"]);
    assert_eq!(pool.ready(1), NOTHING);
    assert_eq!(pool.lose(1), NOTHING);
    assert_eq!(pool.wait_ms(100), ["start w3"], "two were never up at one time");
    assert_eq!(pool.ready(2), NOTHING);
    assert_eq!(pool.ready(3), NOTHING);
    assert_eq!(pool.lose(3), NOTHING, "two were up");
}
