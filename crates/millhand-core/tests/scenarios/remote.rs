//! Workers on the machines of an engine: when they start, what they take, and what happens when the engine is gone.

use millhand_core::Location::{Local, Remote};
use millhand_core::{
    EngineState, Location, PoolSettings, PoolState, RemoteSettings, RemoteStart, Stats, Target, TaskSpec,
    Timer, WorkerId,
};

use crate::pool::{NOTHING, Pool, kind, queue_timeout_ms, settings};

/// One local worker at the most, and two remote ones.
fn with_remote() -> PoolSettings {
    PoolSettings { stretch_to: 1, remote: Some(remote_settings()), ..settings() }
}

fn remote_settings() -> RemoteSettings {
    RemoteSettings {
        stretch_to: 2,
        start: RemoteStart::Queued,
        boot_timeout_ms: 5_000,
        idle_timeout_ms: 200,
        patience_ms: 1_000,
    }
}

fn always() -> PoolSettings {
    PoolSettings {
        remote: Some(RemoteSettings { start: RemoteStart::Always, ..remote_settings() }),
        ..with_remote()
    }
}

/// One local worker at the most, and one remote one.
fn with_remote_one() -> PoolSettings {
    PoolSettings { remote: Some(RemoteSettings { stretch_to: 1, ..remote_settings() }), ..with_remote() }
}

/// A pool whose engine is there.
fn connected(settings: PoolSettings) -> Pool {
    let mut pool = Pool::new(settings);
    assert_eq!(pool.orders().first().map(String::as_str), Some("connect"));
    assert_eq!(pool.engine_ready(), NOTHING);
    pool
}

/// One where remote worker 1 runs task 1, that may be run once more, and task 2 is meant for that worker.
fn with_busy_remote_worker(retries: u32) -> Pool {
    let mut pool = connected(with_remote());
    let spec = TaskSpec { target: Target::At(Remote), retries, ..TaskSpec::default() };
    assert_eq!(pool.submit_with(spec, 1), ["start w1 remotely"]);
    assert_eq!(pool.ready(1), ["post t1 to w1"]);
    assert_eq!(pool.submit_to(1, 2), NOTHING);
    pool
}

#[test]
fn remote_workers_start_when_local_ones_are_as_many_as_may_be_and_tasks_still_wait() {
    let mut pool = connected(with_remote());
    assert_eq!(pool.submit(1), ["start w1"]);
    assert_eq!(pool.submit(2), ["start w2 remotely"]);
    assert_eq!(pool.submit(3), ["start w3 remotely"]);
    assert_eq!(pool.submit(4), NOTHING, "two remote ones are the most");
    assert_eq!(pool.ready(2), ["post t1 to w2"], "all of them serve one queue");
    assert_eq!(pool.ready(1), ["post t2 to w1"]);
    assert_eq!(pool.finish(2, 1), ["settle t1 of w2: Completed", "post t3 to w2"]);
}

#[test]
fn remote_workers_wait_for_local_ones_that_are_yet_to_be_started() {
    let mut pool = connected(PoolSettings { stretch_to: 2, install_concurrency: 1, ..with_remote() });
    assert_eq!(pool.submit(1), ["start w1"]);
    assert_eq!(pool.submit(2), NOTHING);
    assert_eq!(pool.submit(3), NOTHING);
    assert_eq!(pool.ready(1), ["post t1 to w1", "start w2", "start w3 remotely"]);
}

#[test]
fn spare_local_workers_that_may_not_work_leave_tasks_to_remote_ones() {
    let mut pool = connected(PoolSettings { spares: 1, ..with_remote() });
    pool.ready(1);
    assert_eq!(pool.submit(1), ["post t1 to w1", "start w2"]);
    pool.ready(2);
    assert_eq!(pool.submit(2), ["start w3 remotely"], "w2 is spare");
}

#[test]
fn a_local_worker_that_is_kept_for_local_tasks_leaves_others_to_remote_ones() {
    let mut pool = connected(with_remote());
    assert_eq!(pool.submit_at(Local, 1), ["start w1"]);
    assert_eq!(pool.submit(2), ["start w2 remotely"]);
}

#[test]
fn remote_workers_start_beside_local_ones_where_they_always_do() {
    let mut pool = connected(PoolSettings { stretch_to: 3, ..always() });
    assert_eq!(pool.submit(1), ["start w1", "start w2 remotely"]);
    assert_eq!(pool.submit(2), ["start w3", "start w4 remotely"]);
    assert_eq!(pool.submit(3), ["start w5"]);
}

#[test]
fn no_remote_worker_starts_before_the_engine_is_there() {
    let mut pool = Pool::new(with_remote());
    assert_eq!(pool.orders(), ["connect"]);
    assert_eq!(pool.submit(1), ["start w1"]);
    assert_eq!(pool.submit(2), NOTHING);
    assert_eq!(pool.submit_at(Remote, 3), NOTHING);
    assert_eq!(pool.engine_ready(), ["start w2 remotely", "start w3 remotely"]);
}

#[test]
fn a_task_for_a_place_runs_there_and_nowhere_else() {
    let mut pool = connected(with_remote());
    assert_eq!(pool.submit_at(Remote, 1), ["start w1 remotely"]);
    assert_eq!(pool.submit_at(Local, 2), ["start w2"]);
    assert_eq!(pool.ready(2), ["post t2 to w2"]);
    assert_eq!(pool.finish(2, 2), ["settle t2 of w2: Completed"], "t1 is not for it");
    assert_eq!(pool.ready(1), ["post t1 to w1"]);
    assert_eq!(pool.submit_at(Local, 3), ["post t3 to w2"]);
    assert_eq!(pool.submit_at(Local, 4), NOTHING);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed"], "t4 is not for it");
    assert_eq!(pool.cancel(4), ["settle t4: Cancelled"]);
}

#[test]
fn of_tasks_that_a_worker_may_run_the_first_goes_first_whoever_it_is_for() {
    let mut pool = connected(with_remote());
    assert_eq!(pool.submit_at(Remote, 1), ["start w1 remotely"]);
    pool.submit_to(1, 2);
    pool.submit(3);
    pool.submit_at(Remote, 4);
    assert_eq!(pool.ready(1), ["post t1 to w1"]);
    assert_eq!(pool.finish(1, 1), ["settle t1 of w1: Completed", "post t2 to w1"]);
    assert_eq!(pool.finish(1, 2), ["settle t2 of w1: Completed", "post t3 to w1"]);
    assert_eq!(pool.finish(1, 3), ["settle t3 of w1: Completed", "post t4 to w1"]);
}

#[test]
fn an_idle_local_worker_takes_a_task_before_an_idle_remote_one() {
    let mut pool = connected(with_remote());
    pool.submit_at(Remote, 1);
    pool.ready(1);
    pool.finish(1, 1);
    pool.submit_at(Local, 2);
    pool.ready(2);
    pool.finish(2, 2);
    assert_eq!(pool.submit(3), ["post t3 to w2"]);
    assert_eq!(pool.submit(4), ["post t4 to w1"]);
}

#[test]
fn a_full_queue_takes_what_a_free_worker_of_its_place_runs_at_once() {
    let mut pool = connected(PoolSettings { max_queue: 1, ..with_remote() });
    assert_eq!(pool.submit_at(Remote, 1), ["start w1 remotely"]);
    pool.ready(1);
    pool.finish(1, 1);
    assert_eq!(pool.submit_at(Local, 2), ["start w2"]);
    assert_eq!(pool.submit_at(Local, 3), ["settle t3: Rejected"]);
    assert_eq!(pool.submit_at(Remote, 4), ["post t4 to w1"]);
    assert_eq!(pool.submit_at(Remote, 5), ["settle t5: Rejected"]);
}

#[test]
fn remote_workers_with_nothing_to_do_end_though_local_ones_stay() {
    let mut pool = connected(with_remote());
    pool.reserve(1);
    pool.ready(1);
    pool.submit(1);
    assert_eq!(pool.submit(2), ["start w2 remotely"]);
    pool.ready(2);
    pool.finish(1, 1);
    pool.finish(2, 2);
    assert_eq!(pool.wait_ms(199), NOTHING);
    assert_eq!(pool.next_timer(), Some(Timer::Idle(WorkerId(2))));
    assert_eq!(pool.wait_ms(1), ["stop w2: Idle"]);
    assert_eq!(pool.wait_ms(1_000_000), NOTHING);
}

#[test]
fn a_remote_worker_has_a_boot_timeout_of_its_own() {
    let mut pool = connected(with_remote());
    assert_eq!(pool.submit_at(Remote, 1), ["start w1 remotely"]);
    assert_eq!(pool.wait_ms(4_999), NOTHING);
    assert_eq!(pool.progress(1), NOTHING);
    assert_eq!(pool.wait_ms(4_999), NOTHING);
    assert_eq!(pool.wait_ms(1), ["stop w1: BootTimedOut"]);
    assert_eq!(pool.wait_ms(100), ["start w2 remotely"], "after the pause");
}

#[test]
fn only_local_workers_count_among_those_that_are_reserved() {
    let mut pool = connected(with_remote());
    pool.submit_at(Remote, 1);
    pool.ready(1);
    assert_eq!(pool.reserve(1), ["start w2"]);
    assert_eq!((pool.floor(), pool.scheduler.workers_up()), (1, 0));
    pool.ready(2);
    assert_eq!((pool.floor(), pool.scheduler.workers_up()), (0, 1));
}

#[test]
fn a_lost_engine_takes_its_workers_along_and_the_pool_goes_on_locally() {
    let mut pool = with_busy_remote_worker(0);
    assert_eq!(pool.submit(3), ["start w2"]);
    assert_eq!(pool.lose_engine(), ["settle t1 of w1: WorkerLost", "settle t2: WorkerLost"]);
    assert_eq!(pool.scheduler.location(WorkerId(1)), None);
    assert_eq!(pool.scheduler.stats(), Stats { queued: 1, starting: 1, ..Stats::default() });
    assert_eq!(pool.ready(2), ["post t3 to w2"]);
    assert_eq!(pool.submit(4), NOTHING, "there is no other worker now");
    assert_eq!(pool.finish(1, 1), NOTHING);
    assert_eq!(pool.stale_inputs(), 1);
}

#[test]
fn a_task_that_may_be_run_again_waits_for_the_engine_if_it_must_run_there() {
    let mut pool = with_busy_remote_worker(1);
    assert_eq!(pool.lose_engine(), ["settle t2: WorkerLost"]);
    assert_eq!(pool.wait_ms(100), ["connect"]);
    assert_eq!(pool.engine_ready(), ["start w2 remotely"]);
    assert_eq!(pool.ready(2), ["post t1 to w2"]);
}

#[test]
fn a_task_that_may_be_run_again_goes_to_an_idle_local_worker_when_the_engine_is_lost() {
    let mut pool = connected(with_remote());
    pool.reserve(1);
    pool.ready(1);
    pool.submit(1);
    pool.submit_with(TaskSpec { retries: 1, ..TaskSpec::default() }, 2);
    assert_eq!(pool.ready(2), ["post t2 to w2"]);
    pool.finish(1, 1);
    assert_eq!(pool.lose_engine(), ["post t2 to w1"]);
}

#[test]
fn starting_remote_workers_that_go_with_their_engine_count_as_no_failures() {
    let mut pool = connected(with_remote());
    for _ in 0..5 {
        pool.lose_engine();
        assert_eq!(pool.wait_ms(350), ["connect"]);
        pool.engine_ready();
    }
    assert_eq!(pool.submit_at(Remote, 1), ["start w1 remotely"]);
    assert_eq!(pool.lose_engine(), NOTHING);
    assert_eq!(pool.wait_ms(100), ["connect"], "the first loss since it was there");
    assert_eq!(pool.engine_ready(), ["start w2 remotely"]);
}

#[test]
fn an_engine_that_is_not_there_is_tried_again_after_pauses_that_grow() {
    let mut pool = Pool::new(with_remote());
    assert_eq!(pool.orders(), ["connect"]);
    assert_eq!(pool.scheduler.engine(), EngineState::Connecting);
    for pause_ms in [100, 200, 350, 350] {
        assert_eq!(pool.lose_engine(), NOTHING);
        assert_eq!(pool.wait_ms(pause_ms - 1), NOTHING);
        assert_eq!(pool.scheduler.engine(), EngineState::Away);
        assert_eq!(pool.wait_ms(1), ["connect"]);
    }
}

#[test]
fn tasks_for_remote_workers_wait_for_a_lost_engine_no_longer_than_they_may() {
    let mut pool = connected(with_remote());
    pool.lose_engine();
    assert_eq!(pool.submit_at(Remote, 1), NOTHING);
    assert_eq!(pool.wait_ms(100), ["connect"]);
    assert_eq!(pool.wait_ms(899), NOTHING);
    assert_eq!(pool.next_timer(), Some(Timer::Patience));
    assert_eq!(pool.scheduler.stats().queued, 1);
    assert_eq!(pool.wait_ms(1), ["settle t1: InstallFailed"]);
    assert_eq!(pool.scheduler.stats().queued, 0);
    assert_eq!(pool.submit_at(Remote, 2), ["settle t2: InstallFailed"], "it is not waited for any more");
    assert_eq!(pool.engine_ready(), NOTHING);
    assert_eq!(pool.submit_at(Remote, 3), ["start w1 remotely"]);
}

#[test]
fn the_time_that_tasks_wait_for_an_engine_begins_when_it_is_first_missed() {
    let mut pool = Pool::new(with_remote());
    pool.orders();
    pool.submit_at(Remote, 1);
    assert_eq!(pool.wait_ms(500), NOTHING);
    pool.lose_engine();
    assert_eq!(pool.wait_ms(100), ["connect"]);
    pool.lose_engine();
    assert_eq!(pool.wait_ms(400), ["connect", "settle t1: InstallFailed"]);
    pool.lose_engine();
    assert_eq!(pool.next_timer(), Some(Timer::Reconnect), "it is tried again all the same");
}

#[test]
fn a_task_leaves_the_queue_of_its_place_when_its_time_is_over() {
    let mut pool = Pool::new(with_remote());
    pool.orders();
    let spec = TaskSpec { target: Target::At(Remote), ..queue_timeout_ms(50) };
    assert_eq!(pool.submit_with(spec, 1), NOTHING);
    assert_eq!(pool.wait_ms(50), ["settle t1: QueueTimedOut"]);
    assert_eq!(pool.scheduler.stats(), Stats::default());
}

#[test]
fn an_engine_that_refuses_is_not_tried_again() {
    let mut pool = Pool::new(with_remote());
    pool.orders();
    pool.submit_at(Remote, 1);
    assert_eq!(pool.submit(2), ["start w1"]);
    assert_eq!(pool.lose_engine_for_good(), ["fail remote", "settle t1: InstallFailed"]);
    assert_eq!(pool.submit_at(Remote, 3), ["settle t3: InstallFailed"]);
    assert_eq!(pool.wait_ms(900), NOTHING);
    assert_eq!(pool.ready(1), ["post t2 to w1"]);
    assert_eq!(pool.next_timer(), None);
    assert_eq!(pool.engine_ready(), NOTHING);
    assert_eq!(pool.stale_inputs(), 1);
}

#[test]
fn installs_that_fail_remotely_again_and_again_end_remote_work_alone() {
    let mut pool = connected(with_remote());
    pool.submit_at(Remote, 1);
    assert_eq!(pool.submit(2), ["start w2"]);
    pool.ready(2);
    assert_eq!(pool.fail_install(1), NOTHING);
    assert_eq!(pool.wait_ms(100), ["start w3 remotely"]);
    assert_eq!(pool.fail_install(3), NOTHING);
    assert_eq!(pool.wait_ms(200), ["start w4 remotely"]);
    let failed = ["fail remote", "settle t1: InstallFailed", "disconnect"];
    assert_eq!(pool.fail_install(4), failed);
    assert_eq!(pool.scheduler.state(), PoolState::Open);
    assert_eq!(pool.submit_at(Remote, 3), ["settle t3: InstallFailed"]);
    assert_eq!(pool.lose_engine(), NOTHING);
    assert_eq!(pool.stale_inputs(), 1);
}

#[test]
fn the_last_remote_worker_that_is_starting_gets_its_chance() {
    let mut pool = connected(with_remote());
    pool.submit_at(Remote, 1);
    pool.submit_at(Remote, 2);
    assert_eq!(pool.fail_install_for_good(1), NOTHING);
    assert_eq!(pool.wait_ms(1_000), NOTHING, "no other starts in the meantime");
    assert_eq!(pool.ready(2), ["post t1 to w2", "start w3 remotely"]);
}

#[test]
fn installs_that_failed_beside_a_remote_worker_are_forgiven_when_it_has_gone() {
    let mut pool = with_busy_remote_worker(0);
    pool.submit_at(Remote, 3);
    assert_eq!(pool.fail_install_for_good(2), NOTHING);
    let settled = ["settle t1 of w1: WorkerLost", "settle t2: WorkerLost", "start w3 remotely"];
    assert_eq!(pool.lose(1), settled);
}

#[test]
fn they_are_forgiven_though_local_workers_are_up_and_not_while_another_remote_one_is() {
    let remote = Some(RemoteSettings { stretch_to: 3, ..remote_settings() });
    let mut pool = connected(PoolSettings { start_at: 1, remote, ..with_remote() });
    pool.ready(1);
    for task in 1..=3 {
        pool.submit_at(Remote, task);
    }
    pool.ready(2);
    pool.ready(3);
    assert_eq!(pool.fail_install_for_good(4), NOTHING);
    assert_eq!(pool.lose(2), ["settle t1 of w2: WorkerLost"]);
    assert_eq!(pool.lose(3), ["settle t2 of w3: WorkerLost", "start w5 remotely"]);
}

#[test]
fn when_local_workers_fail_to_install_remote_ones_take_over() {
    let mut pool = connected(with_remote());
    assert_eq!(pool.submit(1), ["start w1"]);
    assert_eq!(pool.fail_install(1), ["start w2 remotely"]);
    assert_eq!(pool.ready(2), ["post t1 to w2"]);
    assert_eq!(pool.submit(2), ["start w3 remotely"]);
    assert_eq!(pool.wait_ms(100), ["start w4"]);
    assert_eq!(pool.fail_install_for_good(4), NOTHING, "a remote one is up");
    assert_eq!(pool.scheduler.state(), PoolState::Open);
}

#[test]
fn a_pool_that_has_only_a_starting_remote_worker_left_waits_for_it_before_it_fails() {
    let mut pool = connected(with_remote());
    pool.submit_at(Remote, 1);
    assert_eq!(pool.submit(2), ["start w2"]);
    assert_eq!(pool.fail_install_for_good(2), NOTHING);
    assert_eq!(pool.lose_engine(), ["fail", "settle t1: InstallFailed", "settle t2: InstallFailed"]);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn local_installs_that_failed_are_forgiven_when_the_last_remote_worker_goes() {
    let mut pool = connected(with_remote());
    pool.submit_at(Remote, 1);
    pool.ready(1);
    assert_eq!(pool.submit_at(Local, 2), ["start w2"]);
    assert_eq!(pool.fail_install_for_good(2), NOTHING);
    pool.finish(1, 1);
    assert_eq!(pool.wait_ms(200), ["stop w1: Idle", "start w3"]);
}

#[test]
fn a_remote_worker_that_dies_idle_is_no_failure_and_is_not_replaced() {
    let mut pool = connected(PoolSettings { start_at: 1, ..with_remote() });
    pool.submit_at(Remote, 1);
    pool.ready(2);
    pool.finish(2, 1);
    assert_eq!(pool.lose(2), NOTHING);
    assert_eq!(pool.submit_at(Remote, 2), ["start w3 remotely"]);
}

#[test]
fn the_end_of_the_pool_lets_go_of_the_engine() {
    let mut pool = with_busy_remote_worker(0);
    let ended = [
        "stop w1: PoolTerminated",
        "settle t1 of w1: PoolTerminated",
        "settle t2: PoolTerminated",
        "disconnect",
    ];
    assert_eq!(pool.terminate(), ended);
    assert_eq!(pool.lose_engine(), NOTHING);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn a_pool_that_ends_while_its_engine_is_away_has_nothing_to_let_go_of() {
    let mut pool = connected(with_remote());
    pool.lose_engine();
    pool.submit_at(Remote, 1);
    assert_eq!(pool.drain(), NOTHING, "a task waits for the engine");
    assert_eq!(pool.cancel(1), ["settle t1: Cancelled"]);
    assert_eq!(pool.scheduler.state(), PoolState::Terminated);
    assert_eq!(pool.next_timer(), None);
}

#[test]
fn a_task_for_remote_workers_of_a_pool_without_any_fails() {
    let mut pool = Pool::new(settings());
    assert_eq!(pool.submit_at(Remote, 1), ["settle t1: InstallFailed"]);
    assert_eq!(pool.engine_ready(), NOTHING);
    assert_eq!(pool.lose_engine(), NOTHING);
    assert_eq!(pool.stale_inputs(), 2);
}

#[test]
fn a_resize_is_about_local_workers() {
    let mut pool = connected(with_remote());
    pool.submit_at(Remote, 1);
    pool.submit_at(Remote, 2);
    pool.ready(1);
    pool.ready(2);
    assert_eq!(pool.resize(0, 1), NOTHING);
    assert_eq!(pool.scheduler.location(WorkerId(2)), Some(Remote));
    assert_eq!(pool.submit(3), ["start w3"]);
}

/// A task of the one kind there is, for a place.
fn known_at(location: Location) -> TaskSpec {
    TaskSpec { target: Target::At(location), ..kind(1) }
}

#[test]
fn nothing_is_posted_ahead_to_remote_workers() {
    let mut pool = connected(with_remote_one());
    pool.submit_with(known_at(Local), 1);
    pool.ready(1);
    pool.finish(1, 1);
    pool.submit_with(known_at(Local), 2);
    pool.finish(1, 2);
    pool.submit_with(known_at(Remote), 3);
    assert_eq!(pool.ready(2), ["post t3 to w2"]);
    assert_eq!(pool.submit_with(known_at(Remote), 4), NOTHING);
    assert_eq!(pool.submit_with(known_at(Local), 5), ["post t5 to w1"]);
    assert_eq!(pool.submit_with(known_at(Local), 6), ["post t6 to w1 quick"]);
    assert_eq!(pool.finish(2, 3), ["settle t3 of w2: Completed", "post t4 to w2"]);
}

#[test]
fn how_long_tasks_take_at_remote_workers_says_nothing_of_local_ones() {
    let mut pool = connected(with_remote_one());
    pool.submit_with(known_at(Remote), 1);
    pool.ready(1);
    pool.finish(1, 1);
    pool.submit_with(known_at(Remote), 2);
    pool.finish(1, 2);
    pool.submit_with(known_at(Local), 3);
    assert_eq!(pool.ready(2), ["post t3 to w2"]);
    assert_eq!(pool.submit_with(known_at(Local), 4), NOTHING);
}
