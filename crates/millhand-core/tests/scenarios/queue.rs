//! In which order tasks wait, and how many may.

use millhand_core::{PoolSettings, Priority, TaskSpec};

use crate::pool::{NOTHING, Pool, one_worker, queue_timeout_ms, settings};

#[test]
fn a_task_goes_before_a_less_urgent_one_unless_that_has_waited_for_a_step_longer() {
    for (wait_ms, next) in [(99, "post t3 to w1"), (100, "post t2 to w1"), (101, "post t2 to w1")] {
        let mut pool = Pool::with_idle_workers(1, stepped(100));
        pool.submit(1);
        pool.submit(2);
        pool.wait_ms(wait_ms);
        pool.submit_urgent(3, 1);
        assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", next], "after {wait_ms} ms");
    }
}

#[test]
fn every_level_of_urgency_is_worth_a_step() {
    for (wait_ms, next) in [(499, "post t3 to w1"), (501, "post t2 to w1")] {
        let mut pool = Pool::with_idle_workers(1, stepped(100));
        pool.submit(1);
        pool.submit_urgent(2, -2);
        pool.wait_ms(wait_ms);
        pool.submit_urgent(3, 3);
        assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", next], "after {wait_ms} ms");
    }
}

#[test]
fn no_stream_of_urgent_tasks_keeps_a_task_waiting_for_ever() {
    let mut pool = Pool::with_idle_workers(1, stepped(100));
    pool.submit_urgent(1, 3);
    pool.submit(2);
    let mut running = 1;
    let last = (3..1_000).find(|&task| {
        pool.wait_ms(10);
        pool.submit_urgent(task, 3);
        let orders = pool.finish(1, std::mem::replace(&mut running, task));
        orders.last().unwrap() == "post t2 to w1"
    });
    assert_eq!(last, Some(32), "it came 300 ms later, and was three steps more urgent");
}

#[test]
fn equally_urgent_tasks_keep_their_order_however_long_they_wait() {
    let mut pool = Pool::with_idle_workers(1, stepped(100));
    pool.submit(1);
    for task in 2..=4 {
        pool.submit_urgent(task, 2);
        pool.wait_ms(130);
    }
    let order: Vec<_> = [1, 2, 3].into_iter().map(|task| pool.finish(1, task).pop().unwrap()).collect();
    assert_eq!(order, ["post t2 to w1", "post t3 to w1", "post t4 to w1"]);
}

#[test]
fn without_a_step_urgency_means_nothing() {
    let mut pool = Pool::with_idle_workers(1, stepped(0));
    pool.submit(1);
    pool.submit(2);
    pool.submit_urgent(3, 9);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t2 to w1"]);
}

#[test]
fn the_most_extreme_urgencies_have_their_places() {
    let mut pool = Pool::with_idle_workers(1, stepped(u32::MAX));
    pool.submit(1);
    pool.submit_urgent(2, i32::MIN);
    pool.submit(3);
    pool.submit_urgent(4, i32::MAX);
    let order: Vec<_> = [1, 4, 3].into_iter().map(|task| pool.finish(1, task).pop().unwrap()).collect();
    assert_eq!(order, ["post t4 to w1", "post t3 to w1", "post t2 to w1"]);
}

#[test]
fn an_urgent_task_for_one_worker_goes_before_one_for_any_and_the_other_way_round() {
    let mut pool = Pool::with_idle_workers(1, one_worker());
    pool.submit(1);
    pool.submit_to(1, 2);
    pool.submit_urgent(3, 1);
    pool.submit_to_with(TaskSpec { priority: Priority(2), ..TaskSpec::default() }, 1, 4);
    let order: Vec<_> = [1, 4, 3].into_iter().map(|task| pool.finish(1, task).pop().unwrap()).collect();
    assert_eq!(order, ["post t4 to w1", "post t3 to w1", "post t2 to w1"]);
}

#[test]
fn a_task_is_rejected_when_as_many_wait_as_may() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { max_queue: 2, ..one_worker() });
    pool.submit(1);
    pool.submit(2);
    pool.submit_to(1, 3);
    assert_eq!(pool.submit(4), ["settle t4: Rejected"]);
    assert_eq!(pool.submit_to(1, 5), ["settle t5: Rejected"]);
    assert_eq!(pool.submit_urgent(6, 9), ["settle t6: Rejected"], "however urgent");
    assert_eq!(pool.scheduler.stats().queued, 2);
}

#[test]
fn there_is_room_again_when_a_task_starts_or_leaves_the_queue() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { max_queue: 1, ..one_worker() });
    pool.submit(1);
    pool.submit(2);
    pool.finish(1, 1);
    assert_eq!(pool.submit(3), NOTHING);
    assert_eq!(pool.submit(4), ["settle t4: Rejected"]);
    pool.cancel(3);
    assert_eq!(pool.submit_with(queue_timeout_ms(10), 5), NOTHING);
    assert_eq!(pool.wait_ms(10), ["settle t5: QueueTimedOut"]);
    assert_eq!(pool.submit(6), NOTHING);
    assert_eq!(pool.submit(7), ["settle t7: Rejected"]);
}

#[test]
fn a_task_that_an_idle_worker_takes_at_once_does_not_wait_and_is_not_rejected() {
    let mut pool = Pool::with_idle_workers(2, PoolSettings { max_queue: 0, ..settings() });
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    assert_eq!(pool.submit_to(1, 2), ["settle t2: Rejected"]);
    assert_eq!(pool.submit_to(2, 3), ["post t3 to w2"]);
    assert_eq!(pool.submit(4), ["settle t4: Rejected"]);
}

#[test]
fn a_task_that_waits_for_a_worker_to_start_waits() {
    let mut pool = Pool::new(PoolSettings { max_queue: 1, ..settings() });
    assert_eq!(pool.submit(1), ["start w1"]);
    assert_eq!(pool.submit(2), ["settle t2: Rejected"], "and no worker is started for it");
    assert_eq!(pool.submit_to(1, 3), ["settle t3: Rejected"]);
}

#[test]
fn an_idle_spare_that_may_not_work_does_not_save_a_task_from_rejection() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { spares: 1, max_queue: 0, ..one_worker() });
    assert_eq!(pool.submit(1), ["post t1 to w1", "start w2"]);
    assert_eq!(pool.ready(2), NOTHING);
    assert_eq!(pool.submit(2), ["settle t2: Rejected"]);
    assert_eq!(pool.submit_to(2, 3), ["post t3 to w2"], "its own task it takes at once");
}

#[test]
fn a_task_for_a_worker_that_is_gone_is_not_rejected_but_lost() {
    let mut pool = Pool::with_idle_workers(1, PoolSettings { max_queue: 0, ..one_worker() });
    pool.submit(1);
    assert_eq!(pool.submit_to(77, 2), ["settle t2: WorkerLost"]);
}

fn stepped(priority_step_ms: u32) -> PoolSettings {
    PoolSettings { priority_step_ms, ..one_worker() }
}
