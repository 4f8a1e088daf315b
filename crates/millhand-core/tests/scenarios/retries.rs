//! Tasks that are run again when their worker dies.

use millhand_core::{Outcome, PoolSettings, PoolState};

use crate::pool::{NOTHING, Pool, one_worker, retries, settings};

#[test]
fn a_task_whose_worker_dies_is_run_again_if_that_was_asked() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_with(retries(1), 1);
    assert_eq!(pool.lose(1), ["start w2"]);
    assert_eq!(pool.scheduler.stats().queued, 1);
    assert_eq!(pool.ready(2), ["post t1 to w2"]);
    assert_eq!(pool.finish(2, 1), ["settle t1 of w2: Completed"]);
}

#[test]
fn another_idle_worker_runs_it_at_once() {
    let mut pool = Pool::with_idle_workers(2, settings());
    assert_eq!(pool.submit_with(retries(1), 1), ["post t1 to w1"]);
    assert_eq!(pool.lose(1), ["post t1 to w2"]);
}

#[test]
fn a_task_that_is_run_again_has_its_place_among_the_waiting_ones_back() {
    let mut pool = Pool::with_idle_workers(2, PoolSettings { stretch_to: 2, ..settings() });
    pool.submit(1);
    assert_eq!(pool.submit_with(retries(1), 2), ["post t2 to w2"]);
    pool.submit(3);
    pool.submit_urgent(4, 1);
    assert_eq!(pool.lose(2), ["start w3"]);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t4 to w1"], "it was more urgent");
    assert_eq!(pool.ready(3), ["post t2 to w3"]);
    assert_eq!(pool.finish(3, 2), ["settle t2 of w3: Completed", "post t3 to w3"]);
}

#[test]
fn a_task_that_kills_its_workers_ends_after_so_many_times() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit_with(retries(2), 1);
    pool.submit(2);
    for worker in [1, 2] {
        assert_eq!(pool.lose(worker), [format!("start w{}", worker + 1)]);
        assert_eq!(pool.ready(worker + 1), [format!("post t1 to w{}", worker + 1)]);
    }
    assert_eq!(pool.lose(3), ["settle t1 of w3: WorkerLost", "start w4"]);
    assert_eq!(pool.ready(4), ["post t2 to w4"]);
}

#[test]
fn a_task_that_threw_is_not_run_again() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_with(retries(5), 1);
    assert_eq!(pool.finish_with(Outcome::Threw, 1, 1), ["settle t1 of w1: Threw"]);
}

#[test]
fn a_task_for_one_worker_is_not_run_again() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit_to_with(retries(5), 1, 1);
    pool.submit_to_with(retries(5), 1, 2);
    assert_eq!(pool.lose(1), ["settle t1 of w1: WorkerLost", "settle t2: WorkerLost"]);
}

#[test]
fn what_the_dead_worker_still_says_does_not_end_the_second_run() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit_with(retries(1), 1);
    assert_eq!(pool.lose(1), ["post t1 to w2"]);
    assert_eq!(pool.finish(1, 1), NOTHING);
    assert_eq!(pool.lose(1), NOTHING);
    assert_eq!(pool.stale_inputs(), 2);
    assert_eq!(pool.finish(2, 1), ["settle t1 of w2: Completed"]);
}

#[test]
fn a_task_that_waits_to_be_run_again_can_be_cancelled() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit_with(retries(1), 1);
    assert_eq!(pool.lose(1), ["start w2"]);
    assert_eq!(pool.cancel(1), ["settle t1: Cancelled"]);
    assert_eq!(pool.ready(2), NOTHING);
}

#[test]
fn a_task_that_waits_to_be_run_again_takes_a_place_in_a_full_queue_and_is_not_rejected() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { max_queue: 1, ..one_worker() });
    pool.submit_with(retries(1), 1);
    pool.submit(2);
    assert_eq!(pool.lose(1), ["start w2"]);
    assert_eq!(pool.scheduler.stats().queued, 2);
    assert_eq!(pool.ready(2), ["post t1 to w2"]);
    assert_eq!(pool.submit(3), ["settle t3: Rejected"]);
}

#[test]
fn a_task_that_waits_to_be_run_again_ends_with_its_pool() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit_with(retries(1), 1);
    assert_eq!(pool.lose(1), ["start w2"]);
    assert_eq!(pool.terminate(), ["stop w2: PoolTerminated", "settle t1: PoolTerminated"]);

    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit_with(retries(1), 1);
    assert_eq!(pool.lose(1), ["start w2"]);
    assert_eq!(pool.fail_install_for_good(2), ["fail", "settle t1: InstallFailed"]);
    assert_eq!(pool.scheduler.state(), PoolState::Failed);
}
