//! Workers with nothing to do, which end after a while.

use millhand_core::{PoolSettings, Stats, Timer, WorkerId};

use crate::pool::{NOTHING, Pool, settings};

#[test]
fn workers_with_nothing_to_do_end_until_as_many_are_left_as_the_pool_starts_at() {
    let mut pool = Pool::with_idle_workers(1, idling());
    assert_eq!(pool.reserve(3), ["start w2", "start w3"]);
    pool.ready(2);
    pool.wait_ms(50);
    pool.ready(3);
    assert_eq!(pool.wait_ms(49), NOTHING);
    assert_eq!(pool.next_timer(), Some(Timer::Idle(WorkerId(1))));
    assert_eq!(pool.wait_ms(1_000), ["stop w1: Idle", "stop w2: Idle"]);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn without_an_idle_timeout_workers_stay() {
    let mut pool = Pool::new(settings());
    pool.reserve(1);
    pool.ready(1);
    assert_eq!(pool.wait_ms(1_000_000), NOTHING);
}

#[test]
fn a_pool_that_starts_at_zero_ends_its_last_worker_and_starts_one_for_the_next_task() {
    let mut pool = Pool::new(idling());
    pool.submit(1);
    assert_eq!(pool.ready(1), ["post t1 to w1"]);
    pool.finish(1, 1);
    assert_eq!(pool.wait_ms(100), ["stop w1: Idle"]);
    assert_eq!(pool.submit_to(1, 2), ["settle t2: WorkerLost"]);
    assert_eq!(pool.submit(3), ["start w2"]);
}

#[test]
fn a_task_begins_the_idle_time_anew() {
    let mut pool = Pool::new(idling());
    pool.reserve(1);
    pool.ready(1);
    pool.wait_ms(99);
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    assert_eq!(pool.wait_ms(500), NOTHING);
    pool.finish(1, 1);
    assert_eq!(pool.wait_ms(99), NOTHING);
    assert_eq!(pool.wait_ms(1), ["stop w1: Idle"]);
}

#[test]
fn a_worker_that_goes_from_one_task_to_the_next_is_not_idle() {
    let mut pool = Pool::new(PoolSettings { stretch_to: 1, ..idling() });
    pool.submit(1);
    pool.submit(2);
    pool.ready(1);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t2 to w1"]);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn busy_workers_count_among_those_that_the_pool_keeps() {
    let mut pool = Pool::with_idle_workers(2, idling());
    assert_eq!(pool.submit_to(2, 1), ["post t1 to w2"]);
    assert_eq!(pool.wait_ms(1_000), NOTHING, "two are to stay");
    pool.reserve(3);
    pool.ready(3);
    assert_eq!(pool.wait_ms(100), ["stop w1: Idle"]);
    pool.finish(2, 1);
    assert_eq!(pool.wait_ms(1_000), NOTHING);
}

#[test]
fn spare_workers_are_kept() {
    let mut pool = Pool::new(PoolSettings { spares: 1, ..idling() });
    assert_eq!(pool.orders(), ["start w1"]);
    pool.ready(1);
    assert_eq!(pool.submit(1), ["post t1 to w1", "start w2"]);
    pool.ready(2);
    assert_eq!(pool.wait_ms(1_000), NOTHING, "w2 is spare");
    pool.finish(1, 1);
    assert_eq!(pool.wait_ms(100), ["stop w1: Idle"]);
    assert_eq!(pool.wait_ms(1_000), NOTHING, "w2 still is");
    assert_eq!(pool.submit(2), ["post t2 to w2", "start w3"]);
}

#[test]
fn reserved_workers_stay_until_all_were_up_and_end_like_others_then() {
    let mut pool = Pool::new(PoolSettings { install_concurrency: 1, ..idling() });
    assert_eq!(pool.reserve(3), ["start w1"]);
    assert_eq!(pool.ready(1), ["start w2"]);
    assert_eq!(pool.wait_ms(500), NOTHING);
    assert_eq!(pool.ready(2), ["start w3"]);
    assert_eq!(pool.wait_ms(500), NOTHING);
    assert_eq!(pool.ready(3), NOTHING);
    assert_eq!(pool.wait_ms(99), NOTHING);
    assert_eq!(pool.wait_ms(1), ["stop w1: Idle", "stop w2: Idle", "stop w3: Idle"]);
}

#[test]
fn a_pool_that_starts_at_fewer_after_a_resize_ends_workers_that_have_idled_for_long() {
    let mut pool = Pool::with_idle_workers(2, idling());
    assert_eq!(pool.wait_ms(1_000), NOTHING);
    assert_eq!(pool.resize(1, 3), NOTHING);
    assert_eq!(pool.wait_ms(99), NOTHING);
    assert_eq!(pool.wait_ms(1), ["stop w1: Idle"]);
    assert_eq!(pool.wait_ms(1_000), NOTHING);
}

#[test]
fn a_lost_idle_worker_has_no_timer() {
    let mut pool = Pool::new(idling());
    pool.reserve(1);
    pool.ready(1);
    assert_eq!(pool.lose(1), NOTHING);
    assert_eq!(pool.next_timer(), None);
    assert_eq!(pool.scheduler.stats(), Stats::default());
}

#[test]
fn installs_that_failed_beside_a_worker_do_not_keep_the_pool_from_starting_when_that_has_ended() {
    let mut pool = Pool::new(idling());
    pool.reserve(1);
    pool.ready(1);
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    assert_eq!(pool.submit(2), ["start w2"]);
    assert_eq!(pool.fail_install_for_good(2), NOTHING);
    pool.finish(1, 1);
    pool.finish(1, 2);
    assert_eq!(pool.wait_ms(1_000), ["stop w1: Idle"]);
    assert_eq!(pool.submit(3), ["start w3"]);
}

#[test]
fn a_worker_that_ends_for_having_nothing_to_do_says_no_more_that_counts() {
    let mut pool = Pool::new(idling());
    pool.reserve(1);
    pool.ready(1);
    assert_eq!(pool.wait_ms(100), ["stop w1: Idle"]);
    assert_eq!(pool.lose(1), NOTHING);
    assert_eq!(pool.stale_inputs(), 1);
}

fn idling() -> PoolSettings {
    PoolSettings { idle_timeout_ms: Some(100), ..settings() }
}
