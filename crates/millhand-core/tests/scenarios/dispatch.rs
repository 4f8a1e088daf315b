//! Which task goes where, and when.

use millhand_core::{Outcome, Stats};

use crate::pool::{NOTHING, Pool, one_worker, settings};

#[test]
fn tasks_run_in_the_order_of_their_submission() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    pool.submit(2);
    pool.submit(3);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t2 to w1"]);
    assert_eq!(pool.finish(1, 2), ["settle t2 of w1: Completed", "post t3 to w1"]);
}

#[test]
fn urgent_tasks_go_first_and_equally_urgent_ones_in_order() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit_urgent(2, -1);
    pool.submit(3);
    pool.submit_urgent(4, 5);
    pool.submit_urgent(5, 5);
    let order: Vec<_> = [1, 4, 5, 3].into_iter().map(|task| pool.finish(1, task).pop().unwrap()).collect();
    assert_eq!(order, ["post t4 to w1", "post t5 to w1", "post t3 to w1", "post t2 to w1"]);
}

#[test]
fn a_running_task_is_not_put_back_for_an_urgent_one() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    assert_eq!(pool.submit_urgent(2, 9), NOTHING);
}

#[test]
fn a_task_exits_the_way_its_worker_says() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    assert_eq!(pool.finish_with(Outcome::Threw, 1, 1), ["settle t1 of w1: Threw"]);
    pool.submit(2);
    assert_eq!(pool.finish_with(Outcome::Unclonable, 1, 2), ["settle t2 of w1: Unclonable"]);
}

#[test]
fn a_task_for_one_worker_waits_for_that_worker_though_another_is_idle() {
    let mut pool = Pool::with_idle_workers(2, settings());
    assert_eq!(pool.submit_to(2, 1), ["post t1 to w2"]);
    assert_eq!(pool.submit_to(2, 2), NOTHING);
    assert_eq!(pool.submit(3), ["post t3 to w1"]);
    assert_eq!(pool.finish(1, 3), ["settle t3 of w1: Completed"]);
    assert_eq!(pool.finish(2, 1), ["settle t1 of w2: Completed", "post t2 to w2"]);
}

#[test]
fn a_task_for_a_starting_worker_waits_until_it_is_ready() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.reserve(2), ["start w2"]);
    assert_eq!(pool.submit_to(2, 1), NOTHING);
    assert_eq!(pool.ready(2), ["post t1 to w2"]);
}

#[test]
fn tasks_for_one_worker_and_for_any_take_turns_by_their_place() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit(2);
    pool.submit_to(1, 3);
    pool.submit(4);
    pool.submit_to(1, 5);
    let order: Vec<_> = [1, 2, 3, 4].into_iter().map(|task| pool.finish(1, task).pop().unwrap()).collect();
    assert_eq!(order, ["post t2 to w1", "post t3 to w1", "post t4 to w1", "post t5 to w1"]);
}

#[test]
fn a_task_for_a_worker_that_is_gone_exits_at_once() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.lose(2);
    assert_eq!(pool.submit_to(2, 1), ["settle t1: WorkerLost"]);
    assert_eq!(pool.submit_to(77, 2), ["settle t2: WorkerLost"], "one that never was");
}

#[test]
fn tasks_that_wait_for_a_worker_exit_when_it_dies() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit_to(1, 1);
    pool.submit_to(1, 2);
    pool.submit_to(1, 3);
    let settled = ["settle t1 of w1: WorkerLost", "settle t2: WorkerLost", "settle t3: WorkerLost"];
    assert_eq!(pool.lose(1), settled);
    assert_eq!(pool.scheduler.stats().queued, 0);
}

#[test]
fn a_task_that_waits_for_a_starting_worker_exits_when_its_install_fails() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.reserve(1), ["start w1"]);
    pool.submit_to(1, 1);
    assert_eq!(pool.fail_install(1), ["settle t1: WorkerLost"]);
}

#[test]
fn stats_count_tasks_and_workers() {
    let mut pool = Pool::with_idle_workers(2, settings());
    pool.submit(1);
    pool.submit_to(1, 2);
    pool.reserve(3);
    let stats = Stats { queued: 1, starting: 1, idle: 1, busy: 1, stale_inputs: 0 };
    assert_eq!(pool.scheduler.stats(), stats);
    assert_eq!(pool.scheduler.workers_up(), 2);
}
