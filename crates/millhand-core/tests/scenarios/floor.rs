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
fn a_reserve_of_workers_that_are_up_already_sets_no_floor() {
    let mut pool = Pool::with_idle_workers(2, settings());
    assert_eq!(pool.reserve(2), NOTHING);
    assert_eq!(pool.floor(), 0);
    assert_eq!(pool.lose(2), NOTHING, "it is not replaced before there is work");
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

#[test]
fn a_worker_that_dies_idle_before_the_floor_is_reached_is_replaced_after_a_pause() {
    let mut pool = Pool::new(PoolSettings { start_at: 2, ..settings() });
    pool.ready(1);
    assert_eq!(pool.lose(1), NOTHING);
    assert_eq!(pool.wait_ms(99), NOTHING);
    assert_eq!(pool.wait_ms(1), ["start w3"]);
    assert_eq!(pool.ready(3), NOTHING);
    assert_eq!(pool.ready(2), NOTHING);
    assert_eq!(pool.floor(), 0);
    assert_eq!(pool.lose(2), NOTHING, "from then on only work replaces it");
    assert_eq!(pool.submit(1), ["post t1 to w3"]);
    assert_eq!(pool.submit(2), ["start w4"], "at once");
}

#[test]
fn workers_that_come_up_and_die_beside_one_that_stays_end_the_wait_for_more() {
    let mut pool = Pool::new(PoolSettings { start_at: 3, install_concurrency: 1, ..settings() });
    assert_eq!(pool.orders(), ["start w1"]);
    assert_eq!(pool.ready(1), ["start w2"]);
    assert_eq!(pool.ready(2), ["start w3"]);
    assert_eq!(pool.lose(2), NOTHING);
    assert_eq!(pool.fail_install(3), NOTHING, "the second in a row");
    assert_eq!(pool.wait_ms(199), NOTHING);
    assert_eq!(pool.wait_ms(1), ["start w4"]);
    assert_eq!(pool.ready(4), ["start w5"]);
    assert_eq!(pool.lose(4), NOTHING);
    assert_eq!(pool.floor(), 3, "two have died");
    assert_eq!(pool.ready(5), ["start w6"], "which ends the pause");
    assert_eq!(pool.lose(5), NOTHING);
    assert_eq!(pool.floor(), 0, "three have, whoever came up meanwhile");
    assert_eq!(pool.lose(6), NOTHING);
    assert_eq!(pool.wait_ms(1_000_000), NOTHING);
    assert_eq!(pool.scheduler.state(), PoolState::Open);
}

#[test]
fn a_pool_whose_workers_come_up_and_die_one_by_one_tries_no_more_than_the_last_of_them() {
    let settings = PoolSettings { start_at: 2, install_concurrency: 1, ..settings() };
    let mut pool = Pool::new(settings.clone());
    dies_three_times(&mut pool);
    assert_eq!(pool.wait_ms(500), NOTHING);
    assert_eq!(pool.fail_install(4), ["fail"]);

    let mut pool = Pool::new(settings);
    dies_three_times(&mut pool);
    assert_eq!(pool.ready(4), NOTHING);
    assert_eq!(pool.floor(), 0);
    assert_eq!(pool.lose(4), NOTHING);
    assert_eq!(pool.wait_ms(1_000_000), NOTHING);
    assert_eq!(pool.submit(1), ["start w5"]);
}

#[test]
fn an_idle_worker_that_dies_before_the_floor_is_reached_counts_beside_failed_installs() {
    let one_by_one = PoolSettings { start_at: 2, install_concurrency: 1, ..settings() };
    let mut pool = Pool::new(PoolSettings { max_install_failures: 2, ..one_by_one });
    assert_eq!(pool.orders(), ["start w1"]);
    assert_eq!(pool.ready(1), ["start w2"]);
    assert_eq!(pool.fail_install(2), NOTHING);
    assert_eq!(pool.lose(1), ["fail"]);
}

#[test]
fn deaths_before_one_floor_was_reached_do_not_count_for_the_next() {
    let mut pool = Pool::new(PoolSettings { start_at: 2, ..settings() });
    pool.ready(1);
    pool.lose(1);
    pool.wait_ms(100);
    pool.ready(2);
    pool.ready(3);
    assert_eq!(pool.reserve(3), ["start w4"]);
    assert_eq!(pool.lose(2), NOTHING);
    assert_eq!(pool.wait_ms(99), NOTHING);
    assert_eq!(pool.wait_ms(1), ["start w5"], "after the pause of one failure");
}

#[test]
fn a_busy_worker_that_dies_before_the_floor_is_reached_is_replaced_at_once() {
    let mut pool = Pool::new(PoolSettings { start_at: 2, ..settings() });
    pool.ready(1);
    pool.submit(1);
    assert_eq!(pool.lose(1), ["settle t1 of w1: WorkerLost", "start w3"]);
}

/// A pool that starts at two, one at a time, each of which dies when the next one starts.
fn dies_three_times(pool: &mut Pool) {
    assert_eq!(pool.orders(), ["start w1"]);
    for worker in 1..=3 {
        assert_eq!(pool.ready(worker), [format!("start w{}", worker + 1)]);
        assert_eq!(pool.lose(worker), NOTHING);
    }
}
