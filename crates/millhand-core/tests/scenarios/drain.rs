//! A pool that is to end with its tasks.

use millhand_core::{PoolSettings, PoolState, Stats};

use crate::pool::{NOTHING, Pool, one_worker, queue_timeout_ms, retries, settings};

#[test]
fn a_draining_pool_finishes_what_it_has_takes_no_more_and_ends() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit(2);
    assert_eq!(pool.drain(), NOTHING);
    assert_eq!(pool.scheduler.state(), PoolState::Draining);
    assert_eq!(pool.submit(3), ["settle t3: PoolTerminated"]);
    assert_eq!(pool.submit_to(1, 4), ["settle t4: PoolTerminated"]);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t2 to w1"]);
    assert_eq!(pool.finish(1, 2), ["settle t2 of w1: Completed", "stop w1: PoolTerminated"]);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
    assert_eq!(pool.scheduler.stats(), Stats::default());
    assert_eq!(pool.submit(5), ["settle t5: PoolTerminated"]);
}

#[test]
fn a_pool_without_tasks_ends_at_once() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { idle_timeout_ms: Some(100), ..settings() });
    assert_eq!(pool.reserve(2), ["start w2"]);
    assert_eq!(pool.drain(), ["stop w1: PoolTerminated", "stop w2: PoolTerminated"]);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
    assert_eq!(pool.next_timer(), None);
    assert_eq!(pool.ready(2), NOTHING);
    assert_eq!(pool.reserve(2), NOTHING);
}

#[test]
fn a_draining_pool_starts_the_workers_that_its_tasks_need() {
    let mut pool = Pool::new(PoolSettings { install_concurrency: 1, ..settings() });
    pool.submit(1);
    pool.submit(2);
    pool.drain();
    assert_eq!(pool.ready(1), ["post t1 to w1", "start w2"]);
    assert_eq!(pool.ready(2), ["post t2 to w2"]);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"], "t2 still runs");
    let ended = ["settle t2 of w2: Completed", "stop w1: PoolTerminated", "stop w2: PoolTerminated"];
    assert_eq!(pool.finish(2, 2), ended);
}

#[test]
fn a_draining_pool_runs_a_task_again_whose_worker_dies() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit_with(retries(1), 1);
    pool.drain();
    assert_eq!(pool.lose(1), ["start w2"]);
    assert_eq!(pool.ready(2), ["post t1 to w2"]);
    assert_eq!(pool.finish(2, 1), ["settle t1 of w2: Completed", "stop w2: PoolTerminated"]);
}

#[test]
fn a_draining_pool_ends_however_its_last_task_does() {
    let mut pool = Pool::new(settings());
    pool.submit(1);
    pool.drain();
    assert_eq!(pool.cancel(1), ["settle t1: Cancelled", "stop w1: PoolTerminated"]);

    let mut pool = Pool::new(settings());
    pool.submit_with(queue_timeout_ms(10), 1);
    pool.drain();
    assert_eq!(pool.wait_ms(10), ["settle t1: QueueTimedOut", "stop w1: PoolTerminated"]);

    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    pool.drain();
    assert_eq!(pool.lose(1), ["settle t1 of w1: WorkerLost"]);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
}

#[test]
fn a_draining_pool_gives_a_task_that_stops_its_grace_and_replaces_nobody_after_the_last() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { spares: 1, ..settings() });
    assert_eq!(pool.submit(1), ["post t1 to w1", "start w2"]);
    pool.fail_install(2);
    assert_eq!(pool.cancel(1), ["abort t1 at w1"]);
    assert_eq!(pool.drain(), NOTHING);
    assert_eq!(pool.wait_ms(49), NOTHING);
    assert_eq!(pool.wait_ms(1), ["stop w1: Unresponsive", "settle t1 of w1: Cancelled"]);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
}

#[test]
fn a_draining_pool_starts_no_spare_when_the_worker_of_its_last_task_dies() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { spares: 1, ..settings() });
    assert_eq!(pool.submit(1), ["post t1 to w1", "start w2"]);
    pool.fail_install(2);
    pool.drain();
    assert_eq!(pool.lose(1), ["settle t1 of w1: WorkerLost"]);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
}

#[test]
fn a_draining_pool_that_gets_no_workers_fails_and_has_ended() {
    let mut pool = Pool::new(settings());
    pool.submit(1);
    pool.drain();
    assert_eq!(pool.fail_install(1), NOTHING);
    assert_eq!(pool.wait_ms(100), ["start w2"]);
    assert_eq!(pool.fail_install_for_good(2), ["fail", "settle t1: InstallFailed"]);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
    assert_eq!(pool.submit(2), ["settle t2: PoolTerminated"]);
    assert_eq!(pool.drain(), NOTHING);
    assert_eq!(pool.terminate(), NOTHING);
}

#[test]
fn a_draining_pool_does_not_fail_when_the_install_that_failed_was_for_its_last_task() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.reserve(1), ["start w1"]);
    pool.submit_to(1, 1);
    pool.drain();
    assert_eq!(pool.fail_install_for_good(1), ["settle t1: WorkerLost"]);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn a_draining_pool_can_be_resized() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit(2);
    pool.drain();
    assert_eq!(pool.resize(0, 2), ["start w2"]);
    assert_eq!(pool.ready(2), ["post t2 to w2"]);
}

#[test]
fn a_draining_pool_can_be_terminated() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    pool.drain();
    assert_eq!(pool.terminate(), ["stop w1: PoolTerminated", "settle t1 of w1: PoolTerminated"]);
    assert_eq!(pool.drain(), NOTHING);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
}

#[test]
fn to_drain_again_does_nothing() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    assert_eq!(pool.drain(), NOTHING);
    assert_eq!(pool.drain(), NOTHING);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "stop w1: PoolTerminated"]);
    assert_eq!(pool.drain(), NOTHING);
}

#[test]
fn a_failed_pool_that_is_drained_ends() {
    let mut pool = Pool::new(settings());
    pool.submit(1);
    pool.fail_install_for_good(1);
    assert_eq!(pool.scheduler.state(), PoolState::Failed);
    assert_eq!(pool.drain(), NOTHING);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
    assert_eq!(pool.submit(2), ["settle t2: PoolTerminated"]);
}
