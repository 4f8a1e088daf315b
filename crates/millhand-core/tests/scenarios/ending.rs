//! The end of a pool by its user.

use millhand_core::{PoolSettings, PoolState, Stats};

use crate::pool::{NOTHING, Pool, settings, timeout_ms};

#[test]
fn terminate_stops_every_worker_and_settles_every_task_once() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit(1);
    pool.submit_to(1, 2);
    pool.submit_to(2, 3);
    assert_eq!(pool.submit(4), ["start w3"]);
    pool.submit_to(3, 5);
    pool.submit_urgent(6, 1);
    let ended = [
        "stop w1: PoolTerminated",
        "settle t1 of w1: PoolTerminated",
        "stop w2: PoolTerminated",
        "settle t3 of w2: PoolTerminated",
        "stop w3: PoolTerminated",
        "settle t6: PoolTerminated",
        "settle t2: PoolTerminated",
        "settle t4: PoolTerminated",
        "settle t5: PoolTerminated",
    ];
    assert_eq!(pool.terminate(), ended);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
    assert_eq!(pool.scheduler.stats(), Stats::default());
}

#[test]
fn a_terminated_pool_has_no_timers_and_starts_nothing() {
    let mut pool = Pool::new(PoolSettings { start_at: 2, ..settings() });
    pool.fail_install(1);
    assert_eq!(pool.terminate(), ["stop w2: PoolTerminated"]);
    assert_eq!(pool.scheduler.poll_timeout(), None);
    assert_eq!(pool.reserve(2), NOTHING);
    assert_eq!(pool.wait_ms(1_000_000), NOTHING);
}

#[test]
fn terminate_again_does_nothing() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.terminate(), ["stop w1: PoolTerminated"]);
    assert_eq!(pool.terminate(), NOTHING);
}

#[test]
fn a_task_after_the_end_exits_at_once() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.terminate();
    assert_eq!(pool.submit(1), ["settle t1: PoolTerminated"]);
    assert_eq!(pool.submit_to(1, 2), ["settle t2: PoolTerminated"]);
    assert_eq!(pool.submit_to(77, 3), ["settle t3: PoolTerminated"]);
}

#[test]
fn what_workers_say_after_the_end_is_counted_and_dropped() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    assert_eq!(pool.submit(2), ["start w2"]);
    pool.terminate();
    assert_eq!(pool.finish(1, 1), NOTHING);
    assert_eq!(pool.lose(1), NOTHING);
    assert_eq!(pool.ready(2), NOTHING);
    assert_eq!(pool.stale_inputs(), 3);
}

#[test]
fn a_failed_pool_that_is_terminated_says_so_from_then_on() {
    let mut pool = Pool::new(settings());
    pool.submit(1);
    assert_eq!(pool.fail_install_for_good(1), ["fail", "settle t1: InstallFailed"]);
    assert_eq!(pool.terminate(), NOTHING);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
    assert_eq!(pool.submit(2), ["settle t2: PoolTerminated"]);
}

#[test]
fn tasks_that_stop_when_the_pool_is_ended_keep_the_reason_why_they_were_to() {
    let mut pool = Pool::with_idle_workers(3, settings());
    pool.submit(1);
    pool.submit_with(timeout_ms(10), 2);
    pool.submit(3);
    pool.cancel(1);
    assert_eq!(pool.wait_ms(10), ["abort t2 at w2"]);
    let ended = [
        "stop w1: PoolTerminated",
        "settle t1 of w1: Cancelled",
        "stop w2: PoolTerminated",
        "settle t2 of w2: TimedOut",
        "stop w3: PoolTerminated",
        "settle t3 of w3: PoolTerminated",
    ];
    assert_eq!(pool.terminate(), ended);
    assert_eq!(pool.next_timer(), None, "nor is there a grace time left");
}

#[test]
fn a_cancel_after_the_end_is_counted_and_dropped() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    pool.terminate();
    assert_eq!(pool.cancel(1), NOTHING);
    assert_eq!(pool.stale_inputs(), 1);
}
