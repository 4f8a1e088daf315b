//! Tasks that are taken whatever the queue, and such as are not taken at all.

use millhand_core::{PoolSettings, PoolState, Stats};

use crate::pool::{NOTHING, Pool, essential, one_worker, settings, withdrawn};

#[test]
fn an_essential_task_is_taken_though_the_queue_is_full() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { max_queue: 1, ..one_worker() });
    pool.submit(1);
    pool.submit(2);
    assert_eq!(pool.submit(3), ["settle t3: Rejected"]);
    assert_eq!(pool.submit_to_with(essential(), 1, 4), NOTHING);
    assert_eq!(pool.submit_with(essential(), 5), NOTHING);
    assert_eq!(pool.scheduler.stats().queued, 3);
    assert_eq!(pool.submit(6), ["settle t6: Rejected"], "which makes no room for others");
    let order: Vec<_> = [1, 2, 4].into_iter().map(|task| pool.finish(1, task).pop().unwrap()).collect();
    assert_eq!(order, ["post t2 to w1", "post t4 to w1", "post t5 to w1"], "nor is it more urgent");
}

#[test]
fn an_essential_task_is_taken_by_a_pool_that_drains_and_ends_with_it() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.submit(1), ["start w1"]);
    assert_eq!(pool.drain(), NOTHING);
    assert_eq!(pool.submit_to_with(essential(), 1, 2), NOTHING);
    assert_eq!(pool.submit(3), ["settle t3: PoolTerminated"]);
    assert_eq!(pool.ready(1), ["post t1 to w1"]);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t2 to w1"]);
    assert_eq!(pool.finish(1, 2), ["settle t2 of w1: Completed", "stop w1: PoolTerminated"]);
    assert_eq!(pool.submit_with(essential(), 4), ["settle t4: PoolTerminated"], "it has ended");
}

#[test]
fn an_essential_task_for_a_worker_that_is_gone_exits() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.submit_to_with(essential(), 77, 1), ["settle t1: WorkerLost"]);
    pool.submit(2);
    pool.drain();
    assert_eq!(pool.submit_to_with(essential(), 77, 3), ["settle t3: WorkerLost"]);
    assert_eq!(pool.scheduler.state(), PoolState::Draining);
}

#[test]
fn a_task_that_was_cancelled_before_it_was_submitted_exits_so_and_is_not_posted() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.submit_with(withdrawn(), 1), ["settle t1: Cancelled"]);
    assert_eq!(pool.submit_to_with(withdrawn(), 1, 2), ["settle t2: Cancelled"]);
    assert_eq!(pool.submit_to_with(withdrawn(), 77, 3), ["settle t3: Cancelled"]);
    assert_eq!(pool.scheduler.stats(), Stats { idle: 1, ..Stats::default() });
    assert_eq!(pool.cancel(1), NOTHING);
    assert_eq!(pool.stale_inputs(), 1, "it has ended");
}

#[test]
fn no_worker_is_started_for_a_task_that_was_cancelled_before_it_was_submitted() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.submit_with(withdrawn(), 1), ["settle t1: Cancelled"]);
}

#[test]
fn a_task_that_was_cancelled_before_it_was_submitted_is_not_rejected() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { max_queue: 0, ..one_worker() });
    pool.submit(1);
    assert_eq!(pool.submit(2), ["settle t2: Rejected"]);
    assert_eq!(pool.submit_with(withdrawn(), 3), ["settle t3: Cancelled"]);
    pool.drain();
    assert_eq!(pool.submit_with(withdrawn(), 4), ["settle t4: Cancelled"], "nor is it too late");
}

#[test]
fn a_pool_that_is_over_gives_every_task_its_reason() {
    let mut pool = Pool::new(settings());
    pool.submit(1);
    pool.fail_install_for_good(1);
    assert_eq!(pool.submit_with(essential(), 2), ["settle t2: InstallFailed"]);
    assert_eq!(pool.submit_with(withdrawn(), 3), ["settle t3: InstallFailed"]);
    pool.terminate();
    assert_eq!(pool.submit_with(essential(), 4), ["settle t4: PoolTerminated"]);
    assert_eq!(pool.submit_with(withdrawn(), 5), ["settle t5: PoolTerminated"]);
}
