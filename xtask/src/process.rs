//! Running other programs, with errors that say what to do.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::{interrupt, say};

/// How long a child that is told to end may take before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A command by the name that people use, in a folder. npm's programs are scripts with another name on Windows.
pub(crate) fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut program = program.as_ref().to_owned();
    if cfg!(windows) && (program == "npm" || program == "npx") {
        program.push(".cmd");
    }
    let mut command = Command::new(program);
    command.current_dir(folder);
    command
}

/// The cargo that runs this program, so that a nested call uses the same toolchain.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}

/// Shows the command, runs it with this program's input and output, and fails if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` failed: {status}", describe(command));
    }
    Ok(())
}

/// Shows the command, runs it with this program's input and output, and says how it ended.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    say::detail(&format!("$ {}", describe(command)));
    Running::start(command)?.wait()
}

/// Runs a command without a word and hands back what it wrote to standard output.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}: {}", describe(command), output.status, complaint.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` wrote no UTF-8", describe(command)))
}

/// Whether a command can be run and succeeds, without a word.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok_and(|output| output.status.success())
}

fn output(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, error))
}

/// A child that never outlives this value.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    name: String,
    registration: Option<interrupt::Registration>,
}

impl Running {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        if interrupt::requested() {
            bail!("interrupted before `{}`", describe(command));
        }
        let child = command.spawn().map_err(|error| cannot_start(command, error))?;
        let registration = Some(interrupt::register(child.id()));
        Ok(Self { child, name: describe(command), registration })
    }

    /// What the child writes, if its standard output was piped and nobody has taken it yet.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits until the child ends by itself.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.child.wait().with_context(|| format!("cannot wait for `{}`", self.name))?;
        self.registration = None;
        if interrupt::requested() {
            bail!("interrupted: `{}`", self.name);
        }
        Ok(status)
    }

    /// Ends the child if it still runs, politely first, and waits until it is gone.
    pub(crate) fn stop(&mut self) {
        if self.registration.is_none() || self.has_ended() {
            return;
        }
        interrupt::terminate(self.child.id());
        let deadline = Instant::now() + STOP_TIMEOUT;
        while !self.has_ended() {
            if Instant::now() > deadline {
                say::note(&format!("`{}` does not end when it is told to: killed", self.name));
                drop(self.child.kill());
                drop(self.child.wait());
                self.registration = None;
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn has_ended(&mut self) -> bool {
        let ended = !matches!(self.child.try_wait(), Ok(None));
        if ended {
            self.registration = None;
        }
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A command as one would type it.
pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.file_stem().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    for arg in command.get_args().map(OsStr::to_string_lossy) {
        let quote = arg.is_empty() || arg.contains(char::is_whitespace);
        text.push(' ');
        text.push_str(&if quote { format!("'{arg}'") } else { arg.into_owned() });
    }
    text
}

/// The first of some programs that is on a search path, as a full path.
pub(crate) fn find_on_path(names: &[&str], path: Option<OsString>) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&path?).filter(|folder| folder.is_absolute()).collect();
    names
        .iter()
        .flat_map(|name| {
            folders.iter().map(move |folder| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        })
        .find(|candidate| is_program(candidate))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

fn cannot_start(command: &Command, error: std::io::Error) -> anyhow::Error {
    let program = Path::new(command.get_program());
    if error.kind() != ErrorKind::NotFound {
        return anyhow!(error).context(format!("cannot start `{}`", program.display()));
    }
    let name = program.file_stem().unwrap_or_default().to_string_lossy();
    anyhow!("`{name}` was not found: {}", how_to_get(&name))
}

fn how_to_get(program: &str) -> &'static str {
    match program {
        "node" | "npm" | "npx" => "install Node.js 20 or newer (npm comes with it) and try again",
        "cargo" | "rustc" | "rustup" => "install Rust with rustup and try again",
        "git" => "install git and try again",
        _ => "install it, see that it is on the PATH, and try again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_described_as_typed() {
        let mut command = Command::new("/opt/rust/bin/cargo");
        command.args(["test", "--", "a name", ""]);
        assert_eq!(describe(&command), "cargo test -- 'a name' ''");
    }

    #[test]
    fn a_missing_program_is_named_with_what_to_do() {
        let error = cannot_start(&Command::new("npm.cmd"), ErrorKind::NotFound.into()).to_string();
        assert_eq!(
            error,
            "`npm` was not found: install Node.js 20 or newer (npm comes with it) and try again"
        );
    }

    #[test]
    fn an_unstartable_program_keeps_its_cause() {
        let error = cannot_start(&Command::new("/x/node"), ErrorKind::PermissionDenied.into());
        assert_eq!(format!("{error:#}"), "cannot start `/x/node`: permission denied");
    }
}
