//! Whether remote workers can be had, looked at step by step along the chain. It changes nothing, and installs nothing.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use super::installer::Installer;
use super::python::{self, PreparedPython, PythonError, PythonSource, RAY_VERSION};
use super::{BridgeSettings, EngineNetwork, process};
use crate::engine::EngineUrl;
use crate::failure::Failure;
use crate::protocol::counted;

/// How long the bridge may take to say how the engine is: it has its own bounds, which are shorter.
const CHECK_WITHIN: Duration = Duration::from_secs(120);

/// What was found about one link of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The link.
    pub subject: &'static str,
    /// How it is.
    pub outcome: Outcome,
}

/// How a link of the chain is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Good(String),
    /// It works, with less than one might expect.
    Note(String),
    /// It does not work.
    Bad {
        /// What is wrong.
        what: String,
        /// What mends it.
        remedy: String,
    },
}

/// Looks at the chain up to its first broken link.
pub async fn examine(settings: &BridgeSettings) -> Vec<Finding> {
    let mut findings =
        vec![Finding { subject: "python", outcome: look_for_installer(&settings.python).await }];
    let source = match settings.python.clone() {
        PythonSource::Managed { packages, .. } => PythonSource::Managed { packages, offline: true },
        given @ PythonSource::Given(_) => given,
    };
    let python = match python::prepare(&source, &settings.folder).await {
        Ok(python) => python,
        // Its own question was whether it is there.
        Err(PythonError::Offline { folder }) => {
            let what = format!(
                "{RAY_VERSION} is not installed yet: the first `millhand serve --engine` does that (about 360 MB), into `{}`; look \
                 again afterwards",
                folder.display()
            );
            findings.push(Finding { subject: "ray", outcome: Outcome::Note(what) });
            return findings;
        }
        Err(error) => {
            let what = crate::failure::with_causes(&error);
            findings.push(Finding { subject: "ray", outcome: Outcome::Bad { what, remedy: error.hint() } });
            return findings;
        }
    };
    findings.push(Finding { subject: "ray", outcome: ray_version(&python).await });
    if settings.network == EngineNetwork::Isolated && settings.engine.resolve().is_own() {
        findings.push(Finding { subject: "network", outcome: look_at_isolation().await });
    }
    if findings.iter().all(|finding| !matches!(finding.outcome, Outcome::Bad { .. })) {
        findings.extend(look_at_engine(settings, &python).await);
    }
    findings
}

async fn look_for_installer(source: &PythonSource) -> Outcome {
    match (source, Installer::find().await) {
        (PythonSource::Given(interpreter), _) => {
            Outcome::Good(format!("`{}`, as given", interpreter.display()))
        }
        (PythonSource::Managed { .. }, Some(Installer::Uv)) => {
            Outcome::Good("`uv` makes the environment".to_owned())
        }
        (PythonSource::Managed { .. }, Some(Installer::Pip { python })) => {
            Outcome::Good(format!("`{python}` and its `pip` make the environment"))
        }
        (PythonSource::Managed { .. }, None) => {
            Outcome::Bad { what: PythonError::NoPython.to_string(), remedy: PythonError::NoPython.hint() }
        }
    }
}

async fn ray_version(python: &PreparedPython) -> Outcome {
    let script = "import ray, sys; print(ray.__version__, sys.version.split()[0])";
    let output = Command::new(&python.interpreter).args(["-c", script]).stdin(Stdio::null()).output().await;
    let said = match output {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => String::new(),
    };
    let interpreter = python.interpreter.display();
    match said.split_once(' ') {
        Some((RAY_VERSION, version)) => Outcome::Good(format!("{RAY_VERSION}, on Python {version}")),
        Some((other, version)) => Outcome::Note(format!(
            "{other}, on Python {version}: it will do for a cluster that has the same; millhand is tested with {RAY_VERSION}"
        )),
        None => Outcome::Bad {
            what: format!("`{interpreter}` has no Ray"),
            remedy: format!("do: {interpreter} -m pip install ray=={RAY_VERSION} virtualenv"),
        },
    }
}

async fn look_at_isolation() -> Outcome {
    match process::isolation().await {
        Some(_) => Outcome::Good("Ray gets a network of its own, with nothing in it".to_owned()),
        None => Outcome::Note(
            "no network of its own for Ray (`unshare --net` is refused): its services listen on all addresses of this machine, and \
             ask for a token"
                .to_owned(),
        ),
    }
}

/// What `python -m millhand_ray --check` prints.
#[derive(Deserialize)]
struct Report {
    failure: Option<Failure>,
    version: Option<String>,
    nodes: Option<u64>,
    cpus: Option<f64>,
    runtimes: Option<Vec<String>>,
    worker: Option<String>,
}

async fn look_at_engine(settings: &BridgeSettings, python: &PreparedPython) -> Vec<Finding> {
    let mut command = process::command(settings, python).await;
    command.arg("--check").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let outcome = match timeout(CHECK_WITHIN, command.output()).await {
        Err(_) => Err(format!(
            "the engine `{}` says nothing for {} seconds",
            settings.engine,
            CHECK_WITHIN.as_secs()
        )),
        Ok(Err(error)) => Err(format!("the bridge cannot be started: {error}")),
        Ok(Ok(output)) => serde_json::from_slice::<Report>(&output.stdout)
            .map_err(|_| format!("the bridge failed: {}", String::from_utf8_lossy(&output.stderr).trim())),
    };
    let bad =
        |subject, what: String, remedy: String| Finding { subject, outcome: Outcome::Bad { what, remedy } };
    let report = match outcome {
        Ok(report) => report,
        Err(what) => return vec![bad("engine", what, "see that it runs, and look at its logs".to_owned())],
    };
    let is_up = report.version.is_some();
    let mut findings = Vec::new();
    if let (Some(version), Some(nodes), Some(cpus)) = (report.version, report.nodes, report.cpus) {
        let what = match settings.engine.resolve() {
            EngineUrl::Auto => "was started for this look, and ended".to_owned(),
            EngineUrl::Ray { address } => format!("at `{address}` took the token"),
        };
        let state =
            format!("Ray {version} {what}: {} with {}", counted(nodes, "node"), counted(cpus, "processor"));
        findings.push(Finding { subject: "engine", outcome: Outcome::Good(state) });
    }
    if report.runtimes.is_some_and(|runtimes| !runtimes.iter().any(|runtime| runtime == "javascript")) {
        let what = "there is no Node 20 or newer: remote workers run Python alone".to_owned();
        findings.push(Finding { subject: "node", outcome: Outcome::Note(what) });
    }
    if let Some(worker) = report.worker {
        findings.push(Finding { subject: "worker", outcome: Outcome::Good(worker) });
    }
    if let Some(failure) = report.failure {
        let remedy = failure.hint.unwrap_or_else(|| "look at Ray's logs".to_owned());
        findings.push(bad(if is_up { "worker" } else { "engine" }, failure.message, remedy));
    }
    findings
}
