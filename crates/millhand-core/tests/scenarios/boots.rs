//! Boots that take long, fail or hang, and what a pool does when they go on failing.

use millhand_core::{PoolSettings, PoolState};

use crate::pool::{NOTHING, Pool, settings};

#[test]
fn a_boot_without_progress_is_ended_after_the_boot_timeout() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.submit(1), ["start w1"]);
    assert_eq!(pool.wait_ms(999), NOTHING);
    assert_eq!(pool.wait_ms(1), ["stop w1: BootTimedOut"]);
    assert_eq!(pool.wait_ms(100), ["start w2"], "after the pause");
}

#[test]
fn progress_begins_the_boot_timeout_anew() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.submit(1), ["start w1"]);
    for _ in 0..5 {
        assert_eq!(pool.wait_ms(999), NOTHING);
        assert_eq!(pool.progress(1), NOTHING);
    }
    assert_eq!(pool.wait_ms(999), NOTHING);
    assert_eq!(pool.wait_ms(1), ["stop w1: BootTimedOut"]);
}

#[test]
fn a_worker_that_is_up_has_no_deadline() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.wait_ms(1_000_000), NOTHING);
    assert_eq!(pool.scheduler.poll_timeout(), None);
}

#[test]
fn boots_that_hang_together_are_ended_together() {
    let mut pool = Pool::new(PoolSettings { max_install_failures: 9, ..settings() });
    assert_eq!(pool.reserve(2), ["start w1", "start w2"]);
    assert_eq!(pool.wait_ms(1_000), ["stop w1: BootTimedOut", "stop w2: BootTimedOut"]);
    assert_eq!(pool.wait_ms(200), ["start w3", "start w4"], "after the pause of two failures");
}

#[test]
fn the_pause_after_failed_installs_doubles_up_to_its_bound() {
    let mut pool = Pool::new(PoolSettings { max_install_failures: 9, ..settings() });
    pool.submit(1);
    for (worker, pause_ms) in [(1, 100), (2, 200), (3, 350), (4, 350)] {
        assert_eq!(pool.fail_install(worker), NOTHING);
        assert_eq!(pool.wait_ms(pause_ms - 1), NOTHING);
        assert_eq!(pool.wait_ms(1), [format!("start w{}", worker + 1)]);
    }
}

#[test]
fn a_task_that_comes_in_the_pause_waits_for_its_end() {
    let mut pool = Pool::new(settings());
    pool.submit(1);
    pool.fail_install(1);
    assert_eq!(pool.submit(2), NOTHING);
    assert_eq!(pool.wait_ms(100), ["start w2", "start w3"]);
}

#[test]
fn a_worker_that_comes_up_ends_the_pause() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.reserve(2), ["start w1", "start w2"]);
    assert_eq!(pool.fail_install(1), NOTHING);
    assert_eq!(pool.ready(2), ["start w3"]);
}

#[test]
fn a_worker_that_comes_up_lets_the_count_of_failures_begin_anew() {
    let mut pool = Pool::new(settings());
    for task in 1..=3 {
        pool.submit(task);
    }
    pool.fail_install(1);
    pool.fail_install(2);
    assert_eq!(pool.ready(3), ["post t1 to w3", "start w4", "start w5"]);
    assert_eq!(pool.lose(3), ["settle t1 of w3: WorkerLost"]);
    assert_eq!(pool.fail_install(4), NOTHING);
    assert_eq!(pool.fail_install(5), NOTHING);
    assert_eq!(pool.wait_ms(199), NOTHING);
    assert_eq!(pool.wait_ms(1), ["start w6", "start w7"], "two in a row, and the pause of two");
    assert_eq!(pool.fail_install(6), NOTHING);
    assert_eq!(pool.scheduler.state(), PoolState::Open);
}

#[test]
fn the_pool_fails_after_so_many_failed_installs_in_a_row() {
    let mut pool = Pool::new(PoolSettings { start_at: 1, stretch_to: 1, ..settings() });
    pool.submit(1);
    pool.submit_urgent(2, 1);
    assert_eq!(pool.fail_install(1), NOTHING);
    assert_eq!(pool.wait_ms(100), ["start w2"]);
    assert_eq!(pool.lose(2), NOTHING, "a death in the boot is a failed install");
    assert_eq!(pool.wait_ms(200), ["start w3"]);
    let failed = ["stop w3: BootTimedOut", "fail", "settle t2: InstallFailed", "settle t1: InstallFailed"];
    assert_eq!(pool.wait_ms(1_000), failed);
    assert_eq!(pool.scheduler.state(), PoolState::Failed);
    assert_eq!(pool.scheduler.poll_timeout(), None);
}

#[test]
fn a_failed_pool_exits_tasks_at_once_and_starts_nothing() {
    let mut pool = Pool::new(settings());
    pool.submit(1);
    pool.fail_install_for_good(1);
    assert_eq!(pool.submit(2), ["settle t2: InstallFailed"]);
    assert_eq!(pool.submit_to(1, 3), ["settle t3: InstallFailed"]);
    assert_eq!(pool.reserve(3), NOTHING);
    assert_eq!(pool.wait_ms(1_000_000), NOTHING);
}

#[test]
fn an_install_that_fails_for_good_fails_a_pool_without_workers() {
    let mut pool = Pool::new(settings());
    pool.submit(1);
    assert_eq!(pool.fail_install_for_good(1), ["fail", "settle t1: InstallFailed"]);
}

#[test]
fn an_install_that_fails_for_good_does_not_fail_a_pool_with_a_worker_up() {
    let mut pool = Pool::with_idle_workers(1, settings());
    assert_eq!(pool.submit(1), ["post t1 to w1"]);
    assert_eq!(pool.submit(2), ["start w2"]);
    assert_eq!(pool.fail_install_for_good(2), NOTHING);
    assert_eq!(pool.scheduler.state(), PoolState::Open);
    assert_eq!(pool.wait_ms(349), NOTHING);
    assert_eq!(pool.wait_ms(1), ["start w3"], "another try, after the pause of so many failures");
}

#[test]
fn workers_that_are_still_starting_get_their_chance() {
    let mut pool = Pool::new(settings());
    pool.submit(1);
    pool.submit(2);
    assert_eq!(pool.fail_install_for_good(1), NOTHING);
    assert_eq!(pool.submit(3), NOTHING);
    assert_eq!(pool.wait_ms(500), NOTHING, "no others start in the meantime");
    assert_eq!(pool.ready(2), ["post t1 to w2", "start w3", "start w4"]);
}

#[test]
fn the_pool_fails_when_the_last_starting_worker_has_had_its_chance() {
    let mut pool = Pool::new(settings());
    pool.submit(1);
    pool.submit(2);
    assert_eq!(pool.fail_install_for_good(1), NOTHING);
    let failed = ["stop w2: BootTimedOut", "fail", "settle t1: InstallFailed", "settle t2: InstallFailed"];
    assert_eq!(pool.wait_ms(1_000), failed);
}

#[test]
fn installs_that_failed_beside_a_live_worker_do_not_fail_the_pool_when_it_dies() {
    let mut pool = Pool::with_idle_workers(1, settings());
    pool.submit(1);
    assert_eq!(pool.submit(2), ["start w2"]);
    assert_eq!(pool.fail_install_for_good(2), NOTHING);
    assert_eq!(pool.lose(1), ["settle t1 of w1: WorkerLost", "start w3"]);
    assert_eq!(pool.fail_install_for_good(3), ["fail", "settle t2: InstallFailed"]);
}
