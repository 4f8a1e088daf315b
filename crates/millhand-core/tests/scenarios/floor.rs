//! How long a pool tries to reach the workers that it starts with, and reserved ones.

use millhand_core::{PoolSettings, PoolState};

use crate::pool::{NOTHING, Pool, settings};

#[test]
fn the_floor_is_what_the_pool_starts_with_or_a_user_reserved_until_it_is_reached() {
    let mut pool = Pool::new(PoolSettings { start_at: 1, ..settings() });
    assert_eq!(pool.floor(), 1);
    pool.ready(1);
    assert_eq!(pool.floor(), 0);
    pool.reserve(2);
    assert_eq!(pool.floor(), 2);
    pool.reserve(99);
    assert_eq!(pool.floor(), 3, "no more than the pool may stretch to");
    pool.submit(1);
    pool.resize(0, 2);
    assert_eq!(pool.floor(), 2);
    pool.ready(2);
    assert_eq!(pool.floor(), 0);
}

#[test]
fn too_many_failed_installs_beside_a_worker_end_the_wait_for_more() {
    let mut pool = Pool::new(PoolSettings { start_at: 2, ..settings() });
    assert_eq!(pool.orders(), ["start w1", "start w2"]);
    assert_eq!(pool.ready(1), NOTHING);
    assert_eq!(pool.fail_install(2), NOTHING);
    assert_eq!(pool.wait_ms(100), ["start w3"]);
    assert_eq!(pool.lose(3), NOTHING);
    assert_eq!(pool.floor(), 2);
    assert_eq!(pool.wait_ms(200), ["start w4"]);
    assert_eq!(pool.wait_ms(1_000), ["stop w4: BootTimedOut"]);
    assert_eq!(pool.floor(), 0);
    assert_eq!(pool.wait_ms(1_000_000), NOTHING);
    assert_eq!(pool.scheduler.state(), PoolState::Open);
}

#[test]
fn an_install_that_fails_for_good_beside_a_worker_ends_the_wait_for_more() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.reserve(2), ["start w2"]);
    assert_eq!(pool.fail_install_for_good(2), NOTHING);
    assert_eq!(pool.floor(), 0);
    assert_eq!(pool.wait_ms(1_000_000), NOTHING);
}

#[test]
fn a_pool_that_no_longer_waits_for_more_workers_still_grows_for_tasks_after_the_pause() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.reserve(2);
    pool.fail_install_for_good(2);
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    assert_eq!(pool.submit(2), NOTHING);
    assert_eq!(pool.wait_ms(349), NOTHING);
    assert_eq!(pool.wait_ms(1), ["start w3"]);
    assert_eq!(pool.fail_install(3), NOTHING);
    assert_eq!(pool.wait_ms(350), ["start w4"]);
    assert_eq!(pool.ready(4), ["post t2 to w4"]);
}

#[test]
fn a_reserve_after_that_is_tried_once_more_at_the_end_of_the_pause() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.reserve(2);
    pool.fail_install_for_good(2);
    assert_eq!(pool.reserve(2), NOTHING);
    assert_eq!(pool.floor(), 2);
    assert_eq!(pool.wait_ms(350), ["start w3"]);
    assert_eq!(pool.fail_install(3), NOTHING);
    assert_eq!(pool.floor(), 0, "that is one more in the row");
}

#[test]
fn workers_that_were_kept_until_more_are_up_end_like_others_when_these_are_given_up() {
    let mut pool = Pool::new(PoolSettings { idle_timeout_ms: Some(100), ..settings() });
    assert_eq!(pool.reserve(2), ["start w1", "start w2"]);
    pool.ready(1);
    assert_eq!(pool.wait_ms(500), NOTHING);
    assert_eq!(pool.fail_install_for_good(2), NOTHING);
    assert_eq!(pool.wait_ms(99), NOTHING);
    assert_eq!(pool.wait_ms(1), ["stop w1: Idle"]);
}

#[test]
fn without_a_worker_up_the_floor_stays_while_others_have_their_chance() {
    let mut pool = Pool::new(PoolSettings { start_at: 2, ..settings() });
    assert_eq!(pool.fail_install_for_good(1), ["start w1", "start w2"]);
    assert_eq!(pool.floor(), 2);
    assert_eq!(pool.ready(2), ["start w3"]);
    assert_eq!(pool.floor(), 2);
}

#[test]
fn a_pool_that_is_over_has_no_floor() {
    let mut pool = Pool::new(PoolSettings { start_at: 2, ..settings() });
    pool.terminate();
    assert_eq!(pool.floor(), 0);
    assert_eq!(pool.reserve(2), NOTHING);
    assert_eq!(pool.floor(), 0);

    let mut pool = Pool::new(PoolSettings { start_at: 1, ..settings() });
    pool.fail_install_for_good(1);
    assert_eq!(pool.scheduler.state(), PoolState::Failed);
    assert_eq!(pool.floor(), 0);
}
