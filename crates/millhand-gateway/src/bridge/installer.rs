//! The user's `uv` or `pip`, which make the bridge's virtual environment: found, run, and ended with all that they started.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::python::PythonError;

/// How long a step of an install may take.
const STEP_WITHIN: Duration = Duration::from_secs(15 * 60);
/// What the Python of an environment is to be, as `uv` reads it.
const VERSIONS: &str = ">=3.10,<3.14";
/// The same, as a program that succeeds where it is so.
const IS_ONE_OF_THEM: &str = "import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))";
/// Where a Python may be, for those who have no `uv`.
const PYTHONS: [&str; 5] = ["python3", "python3.13", "python3.12", "python3.11", "python3.10"];
/// How the lines begin that are worth a user's attention: this takes a while. Small downloads are not.
const STEPS: [&str; 4] = ["Downloading ", "Prepared ", "Installing ", "Installed "];
/// How much of what an installer said is kept, to say why it failed.
const LAST_LINES: usize = 6;

/// What installs packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installer {
    /// `uv`, which finds or gets a Python itself.
    Uv,
    /// `pip` of a Python on the path.
    Pip {
        /// Its name.
        python: &'static str,
    },
}

impl Installer {
    /// The one that this user has.
    pub async fn find() -> Option<Self> {
        if succeeds(Command::new("uv").arg("--version")).await {
            return Some(Self::Uv);
        }
        for python in PYTHONS {
            if succeeds(Command::new(python).args(["-c", IS_ONE_OF_THEM])).await {
                return Some(Self::Pip { python });
            }
        }
        None
    }

    /// Makes the environment, whatever is there already. If it is dropped before its end, nothing goes on in the background.
    pub(super) async fn make(
        self,
        venv: &Path,
        interpreter: &Path,
        requirements: &[String],
    ) -> Result<(), PythonError> {
        match self {
            Self::Uv => {
                run(Command::new("uv").args(["venv", "--clear", "--python", VERSIONS]).arg(venv)).await?;
                let mut install = Command::new("uv");
                install.args(["pip", "install", "--python"]).arg(interpreter);
                run(install.args(requirements)).await
            }
            Self::Pip { python } => {
                run(Command::new(python).args(["-m", "venv", "--clear"]).arg(venv)).await?;
                let mut install = Command::new(interpreter);
                install.args(["-m", "pip", "install", "--no-input", "--progress-bar", "off"]);
                run(install.arg("--disable-pip-version-check").args(requirements)).await
            }
        }
    }
}

async fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}

async fn run(command: &mut Command) -> Result<(), PythonError> {
    let complaint = match timeout(STEP_WITHIN, told(command)).await {
        Ok(Ok((status, _))) if status.success() => return Ok(()),
        Ok(Ok((_, last_words))) => last_words,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("it took more than {} minutes", STEP_WITHIN.as_secs() / 60),
    };
    let command = command.as_std();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    let program = command.get_program().to_string_lossy().into_owned();
    let words: Vec<_> = std::iter::once(program).chain(arguments).collect();
    Err(PythonError::Install { command: words.join(" "), complaint })
}

/// Runs it, and tells of its steps. How it ended, and the last that it said.
async fn told(command: &mut Command) -> io::Result<(ExitStatus, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut group = Group(command.spawn()?);
    let last_lines = Mutex::default();
    let (stdout, stderr) = (group.0.stdout.take(), group.0.stderr.take());
    let (status, (), ()) =
        tokio::join!(group.0.wait(), listen(stdout, &last_lines), listen(stderr, &last_lines));
    let last_lines = last_lines.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((status?, Vec::from(last_lines).join("\n")))
}

async fn listen(from: Option<impl AsyncRead + Unpin>, last_lines: &Mutex<VecDeque<String>>) {
    let Some(from) = from else { return };
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let line = line.trim();
        if STEPS.iter().any(|step| line.starts_with(step)) && !line.ends_with(" kB)") {
            tracing::info!("gateway: {line}");
        } else {
            tracing::debug!("gateway: {line}");
        }
        if !line.is_empty() {
            let mut last = last_lines.lock().unwrap_or_else(PoisonError::into_inner);
            last.push_back(line.to_owned());
            if last.len() > LAST_LINES {
                last.pop_front();
            }
        }
    }
}

/// A process and whatever it has started: all of it ends when this is dropped before the process has ended.
struct Group(Child);

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process_group};

        // A process that was waited for has no id any more.
        let leader = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(leader) = leader {
            // They may have ended just now.
            _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failed_step_is_told_with_its_command_and_last_words_of_both_outputs() {
        let script = "echo on stdout; echo on stderr >&2; exit 3";
        let error = run(Command::new("sh").args(["-c", script])).await.unwrap_err();
        let PythonError::Install { command, complaint } = error else { panic!("{error}") };
        assert_eq!(command, format!("sh -c {script}"));
        let mut lines: Vec<_> = complaint.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["on stderr", "on stdout"]);
    }

    #[tokio::test]
    async fn an_install_that_is_given_up_ends_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = format!("sleep 600 & echo $$ $! > '{0}.new'; mv '{0}.new' '{0}'; wait", pids.display());
        let mut command = Command::new("sh");
        command.args(["-c", &script]);
        let started = async {
            while !pids.exists() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = run(&mut command) => panic!("it waits"),
            () = started => {}
        }
        let pids = std::fs::read_to_string(pids).unwrap();
        let is_running = |pid: &str| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        };
        let ended = async {
            while pids.split_whitespace().any(is_running) {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), ended).await.unwrap();
    }
}
