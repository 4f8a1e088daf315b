//! Bounds on the number of workers that a user changes.

use millhand_core::{PoolSettings, PoolSizes, PoolState, WorkerId};

use crate::pool::{NOTHING, Pool, one_worker, settings};

#[test]
fn a_pool_that_may_stretch_further_starts_workers_for_waiting_tasks() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    for task in 1..=5 {
        pool.submit(task);
    }
    assert_eq!(pool.resize(1, 3), ["start w2", "start w3"]);
    assert_eq!(pool.scheduler.config().sizes(), PoolSizes::new(1, 3).unwrap());
}

#[test]
fn a_pool_that_starts_at_more_starts_them() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.resize(3, 3), ["start w2", "start w3"]);
    pool.ready(2);
    assert_eq!(pool.lose(1), NOTHING);
    assert_eq!(pool.wait_ms(100), ["start w4"], "three were never up at one time");
}

#[test]
fn a_pool_that_starts_at_no_more_than_are_up_starts_none() {
    let mut pool = Pool::with_idle_workers(2, settings());
    assert_eq!(pool.resize(2, 3), NOTHING);
    assert_eq!(pool.lose(2), NOTHING);
}

#[test]
fn a_resize_in_the_pause_after_a_failed_install_starts_workers_at_its_end() {
    let mut pool = Pool::new(one_worker());
    pool.submit(1);
    pool.submit(2);
    pool.fail_install(1);
    assert_eq!(pool.resize(2, 2), NOTHING);
    assert_eq!(pool.wait_ms(100), ["start w2", "start w3"]);
}

#[test]
fn a_spare_goes_to_work_when_one_more_may_and_is_replaced() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { spares: 1, ..one_worker() });
    assert_eq!(pool.submit(1), ["post t1 to w1", "start w2"]);
    pool.ready(2);
    assert_eq!(pool.submit(2), NOTHING);
    assert_eq!(pool.resize(1, 2), ["post t2 to w2", "start w3"]);
}

#[test]
fn a_pool_that_may_stretch_less_far_ends_starting_workers_then_idle_ones_and_busy_ones_with_their_task() {
    let mut pool = Pool::with_idle_workers(3, PoolSettings { stretch_to: 6, ..settings() });
    assert_eq!(pool.reserve(5), ["start w4", "start w5"]);
    pool.submit(1);
    pool.submit(2);
    assert_eq!(pool.resize(0, 1), ["stop w5: Surplus", "stop w4: Surplus", "stop w3: Surplus"]);
    pool.submit(3);
    assert_eq!(pool.finish(2, 2), ["settle t2 of w2: Completed", "stop w2: Surplus"]);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t3 to w1"]);
}

#[test]
fn a_ready_worker_stays_when_a_pool_ends_starting_ones() {
    let mut pool = Pool::with_idle_workers(2, settings());
    assert_eq!(pool.reserve(3), ["start w3"]);
    assert_eq!(pool.resize(0, 2), ["stop w3: Surplus"]);
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    assert_eq!(pool.submit(2), ["post t2 to w2"]);
}

#[test]
fn of_idle_workers_the_latest_ends_first() {
    let mut pool = Pool::with_idle_workers(3, settings());
    assert_eq!(pool.resize(0, 1), ["stop w3: Surplus", "stop w2: Surplus"]);
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
}

#[test]
fn spares_live_beside_as_many_workers_as_may_be_at_work() {
    let mut pool = Pool::with_idle_workers(3, PoolSettings { spares: 1, ..settings() });
    assert_eq!(pool.resize(0, 1), ["stop w3: Surplus"]);
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    assert_eq!(pool.submit(2), NOTHING, "w2 is spare now");
}

#[test]
fn no_more_work_than_may_when_busy_workers_are_to_end() {
    let mut pool = Pool::with_idle_workers(3, settings());
    for task in 1..=5 {
        pool.submit(task);
    }
    assert_eq!(pool.resize(0, 1), NOTHING);
    assert_eq!(pool.finish(3, 3), ["settle t3 of w3: Completed", "stop w3: Surplus"]);
    assert_eq!(pool.lose(2), ["settle t2 of w2: WorkerLost"], "which makes room as well");
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t4 to w1"]);
}

#[test]
fn a_busy_worker_that_was_to_end_stays_when_the_bound_is_raised_again_in_time() {
    let mut pool = Pool::with_idle_workers(2, settings());
    for task in 1..=3 {
        pool.submit(task);
    }
    assert_eq!(pool.resize(0, 1), ["stop w3: Surplus"]);
    assert_eq!(pool.resize(0, 2), NOTHING);
    assert_eq!(pool.finish(2, 2), ["settle t2 of w2: Completed", "post t3 to w2"]);
}

#[test]
fn tasks_for_a_worker_that_is_too_many_exit_with_it() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit_to(1, 1);
    assert_eq!(pool.reserve(2), ["start w2"]);
    pool.submit_to(2, 2);
    assert_eq!(pool.resize(0, 1), ["stop w2: Surplus", "settle t2: WorkerLost"]);

    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit_to(1, 1);
    pool.submit_to(2, 2);
    pool.submit_to(2, 3);
    assert_eq!(pool.resize(0, 1), NOTHING, "both are busy");
    let ended = ["settle t2 of w2: Completed", "stop w2: Surplus", "settle t3: WorkerLost"];
    assert_eq!(pool.finish(2, 2), ended);
    assert_eq!(pool.submit_to(2, 4), ["settle t4: WorkerLost"]);
}

#[test]
fn what_a_worker_says_that_was_too_many_is_counted_and_dropped() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.reserve(2);
    assert_eq!(pool.resize(0, 1), ["stop w2: Surplus"]);
    assert_eq!(pool.resize(0, 1), NOTHING);
    assert_eq!(pool.ready(2), NOTHING);
    assert_eq!(pool.lose(2), NOTHING);
    assert_eq!(pool.stale_inputs(), 2);
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
}

#[test]
fn a_reserve_of_more_than_the_new_bound_is_one_of_that() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.reserve(3), ["start w1", "start w2", "start w3"]);
    assert_eq!(pool.resize(0, 2), ["stop w3: Surplus"]);
    pool.ready(1);
    assert_eq!(pool.lose(1), NOTHING);
    assert_eq!(pool.wait_ms(100), ["start w4"], "two were never up at one time");
    pool.ready(2);
    pool.ready(4);
    assert_eq!(pool.lose(4), NOTHING, "two were up");
}

#[test]
fn a_reserve_that_the_new_bound_makes_reached_asks_for_no_more_workers() {
    let mut pool = Pool::with_idle_workers(2, settings());
    assert_eq!(pool.reserve(3), ["start w3"]);
    pool.submit(1);
    pool.submit(2);
    assert_eq!(pool.resize(0, 2), ["stop w3: Surplus"]);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"]);
    assert_eq!(pool.lose(1), NOTHING, "two were up at the time of the resize");
}

#[test]
fn a_resize_does_not_stop_a_task_that_stops() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit(1);
    pool.submit(2);
    assert_eq!(pool.cancel(2), ["abort t2 at w2"]);
    assert_eq!(pool.resize(0, 1), NOTHING);
    assert_eq!(pool.wait_ms(50), ["stop w2: Unresponsive", "settle t2 of w2: Cancelled"]);
}

#[test]
fn a_pool_that_is_over_is_resized_without_a_sign() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.terminate();
    assert_eq!(pool.resize(2, 2), NOTHING);
    assert_eq!(pool.wait_ms(1_000), NOTHING);

    let mut pool = Pool::new(settings());
    pool.submit(1);
    pool.fail_install_for_good(1);
    assert_eq!(pool.resize(2, 2), NOTHING);
    assert_eq!(pool.scheduler.state(), PoolState::Failed);
    assert_eq!(pool.scheduler.worker_state(WorkerId(2)), None);
}

#[test]
fn sizes_that_do_not_hold_together_are_refused_by_name() {
    let errors = [(3, 2), (0, 0), (0, 5_000)]
        .map(|(start_at, stretch_to)| PoolSizes::new(start_at, stretch_to).unwrap_err().to_string());
    let refused = [
        "`pool.startAt` (3) is greater than `pool.stretchTo` (2)",
        "`pool.stretchTo` is 0, and must be at least 1",
        "`pool.stretchTo` (5000) is greater than 1024, the most workers a pool can have",
    ];
    assert_eq!(errors, refused);
}
