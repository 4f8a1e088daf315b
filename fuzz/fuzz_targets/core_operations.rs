//! Any sequence of facts, and what must hold whatever they are.

#![no_main]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use millhand_core::{
    Admission, EngineState, Input, InstallFault, Instant, Location, Outcome, Output, PoolConfig, PoolSettings, PoolSizes,
    Posting, Priority, RemoteSettings, RemoteStart, Scheduler, Target, TaskId, TaskKind, TaskSpec, WorkerId,
};

#[derive(Arbitrary, Debug)]
struct Run {
    start_at: u8,
    stretch_to: u8,
    install_concurrency: u8,
    spares: u8,
    idle_timeout_ms: Option<u8>,
    max_queue: u8,
    /// How many remote workers, and whether they start beside local ones.
    remote: Option<(u8, bool)>,
    operations: Vec<Operation>,
}

#[derive(Arbitrary, Debug)]
enum Operation {
    Submit {
        priority: i8,
        target: Aim,
        timeout_ms: Option<u8>,
        queue_timeout_ms: Option<u8>,
        retries: u8,
        admission: u8,
        kind: Option<u8>,
    },
    Finish { worker: u8, task: u8, threw: bool },
    /// The worker ends the task that it has.
    FinishOwn { worker: u8, took_ms: u8 },
    /// The worker gives back the last of the tasks that it has.
    Return { worker: u8 },
    Cancel { task: u8 },
    Progress { worker: u8 },
    Ready { worker: u8 },
    FailInstall { worker: u8, permanent: bool },
    Lose { worker: u8 },
    Reserve { count: u8 },
    Resize { start_at: u8, stretch_to: u8 },
    Drain,
    Terminate,
    FindEngine,
    LoseEngine { permanent: bool },
    Wait { ms: u16 },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Aim {
    Anyone,
    Local,
    Remote,
    Worker(u8),
}

fuzz_target!(|run: Run| play(&run));

/// An onlooker that knows inputs and outputs only.
struct World {
    scheduler: Scheduler,
    now: Instant,
    last_task: u64,
    open: BTreeSet<TaskId>,
    /// What each worker has been posted, in order. It runs the first.
    live: BTreeMap<WorkerId, VecDeque<TaskId>>,
    max_live: usize,
    max_remote: usize,
}

fn play(run: &Run) {
    let settings = PoolSettings {
        start_at: run.start_at.into(),
        stretch_to: run.stretch_to.into(),
        install_concurrency: run.install_concurrency.into(),
        spares: (run.spares % 8).into(),
        idle_timeout_ms: run.idle_timeout_ms.map(Into::into),
        max_queue: run.max_queue.into(),
        boot_timeout_ms: 1_000,
        cancel_grace_ms: 100,
        remote: run.remote.map(|(stretch_to, always)| RemoteSettings {
            stretch_to: stretch_to.into(),
            start: if always { RemoteStart::Always } else { RemoteStart::Queued },
            ..RemoteSettings::default()
        }),
        ..PoolSettings::default()
    };
    let max_live = (settings.stretch_to + settings.spares) as usize;
    let spares = settings.spares;
    let Ok(config) = PoolConfig::try_from(settings) else { return };
    let mut world = World {
        scheduler: Scheduler::new(Instant::ZERO, config),
        now: Instant::ZERO,
        last_task: 0,
        open: BTreeSet::new(),
        live: BTreeMap::new(),
        max_live,
        max_remote: run.remote.map_or(0, |(stretch_to, _)| stretch_to.into()),
    };
    world.drain();
    for operation in &run.operations {
        world.apply(operation, spares);
    }
    world.give(Input::PoolTerminated);
    assert!(world.open.is_empty(), "tasks that never settled: {:?}", world.open);
    assert!(world.live.is_empty(), "workers that never stopped: {:?}", world.live);
    assert_eq!(world.scheduler.poll_timeout(), None);
}

impl World {
    fn apply(&mut self, operation: &Operation, spares: u32) {
        let worker = |id: u8| WorkerId(id.into());
        let millis = |ms: u8| Duration::from_millis(ms.into());
        match *operation {
            Operation::Submit { priority, target, timeout_ms, queue_timeout_ms, retries, admission, kind } => {
                self.last_task += 1;
                let task = TaskId(self.last_task);
                self.open.insert(task);
                let spec = TaskSpec {
                    priority: Priority(priority.into()),
                    target: match target {
                        Aim::Anyone => Target::Anyone,
                        Aim::Local => Target::At(Location::Local),
                        Aim::Remote => Target::At(Location::Remote),
                        Aim::Worker(id) => Target::Worker(worker(id)),
                    },
                    timeout: timeout_ms.map(millis),
                    queue_timeout: queue_timeout_ms.map(millis),
                    retries: (retries % 4).into(),
                    admission: match admission % 8 {
                        0 => Admission::Essential,
                        1 => Admission::Withdrawn,
                        _ => Admission::Ordinary,
                    },
                    kind: kind.map(|kind| TaskKind(kind.into())),
                };
                self.give(Input::TaskSubmitted { task, spec });
            }
            Operation::Finish { worker: id, task, threw } => {
                let outcome = if threw { Outcome::Threw } else { Outcome::Completed };
                self.finish(worker(id), TaskId(task.into()), outcome, Duration::ZERO);
            }
            Operation::FinishOwn { worker: id, took_ms } => {
                if let Some(&task) = self.live.get(&worker(id)).and_then(VecDeque::front) {
                    self.finish(worker(id), task, Outcome::Completed, millis(took_ms));
                }
            }
            Operation::Return { worker: id } => {
                let worker = worker(id);
                if let Some(tasks) = self.live.get_mut(&worker)
                    && tasks.len() > 1
                    && let Some(task) = tasks.pop_back()
                {
                    self.give(Input::TaskReturned { worker, task });
                }
            }
            Operation::Cancel { task } => self.give(Input::TaskCancelled { task: TaskId(task.into()) }),
            Operation::Progress { worker: id } => self.give(Input::InstallProgressed { worker: worker(id) }),
            Operation::Ready { worker: id } => self.give(Input::WorkerReady { worker: worker(id) }),
            Operation::FailInstall { worker: id, permanent } => {
                let fault = if permanent { InstallFault::Permanent } else { InstallFault::Transient };
                let worker = worker(id);
                if self.scheduler.worker_state(worker) == Some(millhand_core::WorkerState::Starting) {
                    self.live.remove(&worker);
                }
                self.give(Input::InstallFailed { worker, fault });
            }
            Operation::Lose { worker: id } => {
                self.live.remove(&worker(id));
                self.give(Input::WorkerLost { worker: worker(id) });
            }
            Operation::Reserve { count } => self.give(Input::WorkersReserved { count: count.into() }),
            Operation::Resize { start_at, stretch_to } => {
                if let Ok(sizes) = PoolSizes::new(start_at.into(), stretch_to.into()) {
                    self.max_live = (sizes.stretch_to() + spares) as usize;
                    self.give(Input::PoolResized { sizes });
                }
            }
            Operation::Drain => self.give(Input::PoolDrained),
            Operation::Terminate => self.give(Input::PoolTerminated),
            Operation::FindEngine => self.give(Input::EngineReady),
            Operation::LoseEngine { permanent } => {
                let fault = if permanent { InstallFault::Permanent } else { InstallFault::Transient };
                if matches!(self.scheduler.engine(), EngineState::Connecting | EngineState::Up) {
                    let scheduler = &self.scheduler;
                    self.live.retain(|&worker, _| scheduler.location(worker) != Some(Location::Remote));
                }
                self.give(Input::EngineLost { fault });
            }
            Operation::Wait { ms } => self.wait(Duration::from_millis(ms.into())),
        }
    }

    fn finish(&mut self, worker: WorkerId, task: TaskId, outcome: Outcome, took: Duration) {
        if let Some(tasks) = self.live.get_mut(&worker)
            && tasks.front() == Some(&task)
        {
            tasks.pop_front();
        }
        self.give(Input::TaskFinished { worker, task, outcome, took });
    }

    fn wait(&mut self, delay: Duration) {
        let end = self.now.after(delay);
        while let Some((at, _)) = self.scheduler.poll_timeout()
            && at <= end
        {
            self.now = self.now.max(at);
            self.scheduler.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn give(&mut self, input: Input) {
        self.scheduler.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            match output {
                Output::StartWorker { worker, location } => {
                    assert!(self.live.insert(worker, VecDeque::new()).is_none(), "{worker:?} is started twice");
                    let is_here = |worker: &&WorkerId| self.scheduler.location(**worker) == Some(location);
                    let count = self.live.keys().filter(is_here).count();
                    let most = if location == Location::Local { self.max_live } else { self.max_remote };
                    assert!(count <= most, "{count} {location:?} workers, at most {most}");
                }
                Output::StopWorker { worker, .. } => {
                    assert!(self.live.remove(&worker).is_some(), "{worker:?} is stopped, and is not there");
                }
                Output::PostTask { worker, task, posting } => {
                    assert!(self.open.contains(&task), "{task:?} is posted, and is not open");
                    let tasks = self.live.get_mut(&worker).expect("a task is posted to a live worker");
                    let is_idle = tasks.is_empty();
                    assert_eq!(is_idle, posting == Posting::Now, "{task:?} is posted {posting:?} to {worker:?}");
                    tasks.push_back(task);
                }
                Output::AbortTask { worker, task } | Output::AnnounceStart { worker, task } => {
                    let tasks = self.live.get(&worker);
                    assert_eq!(tasks.and_then(VecDeque::front), Some(&task), "it is not the turn of {task:?}");
                }
                Output::WithdrawTask { worker, task } | Output::DropTask { worker, task } => {
                    let position = self.live.get(&worker).and_then(|tasks| tasks.iter().position(|own| *own == task));
                    assert!(position > Some(0), "{worker:?} has no {task:?} ahead");
                }
                Output::SettleTask { task, .. } => assert!(self.open.remove(&task), "{task:?} is settled twice"),
                Output::FailPool | Output::ConnectEngine | Output::DisconnectEngine | Output::FailRemote => {}
            }
        }
    }
}
