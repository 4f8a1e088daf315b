//! What a lockfile does to an installer: requests that it has are met as it says, others are written into it.

use std::path::PathBuf;
use std::sync::Arc;

use super::{
    InstallError, Installer, Network, NpmInputs, NpmInstallError, PythonEnvironment, PythonRequest, blocking,
};
use crate::environment::{Environment, EnvironmentRequest};
use crate::lockfile::python::LockedPython;
use crate::lockfile::{Lockfile, LockfileError};
use crate::manifest::RequestJson;
use crate::npm::{NpmClient, NpmRequest, Outdated, Resolution};
use crate::store::Store;

/// The lockfile of an installer.
#[derive(Debug)]
pub(super) struct LockfileAccess {
    /// Without one, each request is resolved anew.
    path: Option<PathBuf>,
    /// Whether what it does not have is refused.
    only: bool,
}

impl LockfileAccess {
    pub(super) fn new(path: Option<PathBuf>, only: bool) -> Self {
        Self { path, only }
    }

    /// Whether it can be used.
    pub(super) fn check(&self) -> Result<(), LockfileError> {
        self.path.as_deref().map_or(Ok(()), |path| Lockfile::read(path).map(drop))
    }

    /// What it has now: it may be changed, or checked out, while a server runs.
    async fn read(&self) -> Result<Lockfile, LockfileError> {
        match self.path.clone() {
            Some(path) => blocking(move || Lockfile::read(&path)).await,
            None => Ok(Lockfile::default()),
        }
    }

    /// Writes down what `request` came to. A folder that cannot be written to is no reason to fail a page.
    async fn insert(
        &self,
        store: &Arc<Store>,
        request: RequestJson,
        environment: &Environment,
    ) -> Result<(), InstallError> {
        let Some(path) = self.path.clone().filter(|_| !self.only) else { return Ok(()) };
        let npm = (!environment.npm.graph.roots.is_empty()).then(|| environment.npm.graph.clone());
        let python = environment.python.as_ref().map(LockedPython::of);
        let store = Arc::clone(store);
        blocking(move || {
            // Another process may be about to write it, too.
            let name = path.canonicalize().unwrap_or_else(|_| path.clone());
            let _alone = store.alone_with(&name.display().to_string())?;
            let mut lockfile = Lockfile::read(&path)?;
            lockfile.insert(request, npm.as_ref(), python);
            match lockfile.write(&path) {
                Err(error @ LockfileError::Unwritable { .. }) => {
                    tracing::warn!("{error}: what pages get is not locked");
                    Ok(())
                }
                written => Ok(written?),
            }
        })
        .await
    }
}

/// Whether versions that are locked are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Versions {
    Locked,
    Newest,
}

impl Installer {
    /// Meets `request`: as the lockfile says if it has it, else anew, and then the lockfile has it.
    ///
    /// # Errors
    ///
    /// When the request cannot be met, or a file of it cannot be had. Then the lockfile stays as it was.
    pub async fn install_environment(
        &self,
        request: &EnvironmentRequest,
    ) -> Result<Environment, InstallError> {
        self.install_with(request, Versions::Locked).await
    }

    /// Meets all requests that are locked, as they are locked.
    ///
    /// # Errors
    ///
    /// As for one request; the first failure ends it.
    pub async fn install_locked_environments(&self) -> Result<Vec<(RequestJson, Environment)>, InstallError> {
        self.install_all(Versions::Locked).await
    }

    /// Resolves all requests that are locked anew, and locks them to the newest versions in their ranges.
    ///
    /// # Errors
    ///
    /// As for one request; the first failure ends it, and what came before it stays upgraded.
    pub async fn upgrade_locked_environments(&self) -> Result<Vec<(RequestJson, Environment)>, InstallError> {
        self.install_all(Versions::Newest).await
    }

    /// Which specifiers of npm packages have newer versions than those that are locked.
    ///
    /// # Errors
    ///
    /// When the lockfile or a registry is of no help, or downloads are off.
    pub async fn outdated(&self) -> Result<Vec<Outdated>, InstallError> {
        let lockfile = self.lockfile.read().await?;
        let mut specifiers = Vec::new();
        for request in lockfile.requests() {
            let npm = request.parse().map_err(LockfileError::from)?.npm;
            specifiers.extend(npm.roots());
        }
        specifiers.sort_by_key(ToString::to_string);
        specifiers.dedup();
        let Some(client) = self.npm_client().await? else {
            return Err(NpmInstallError::offline(&specifiers).into());
        };
        let outdated = client.outdated(&specifiers, &self.renames, &lockfile.known_npm()).await;
        Ok(outdated.map_err(NpmInstallError::from)?)
    }

    async fn install_all(&self, versions: Versions) -> Result<Vec<(RequestJson, Environment)>, InstallError> {
        let mut environments = Vec::new();
        for request in self.lockfile.read().await?.requests() {
            let parsed = request.parse().map_err(LockfileError::from)?;
            environments.push((request.clone(), self.install_with(&parsed, versions).await?));
        }
        Ok(environments)
    }

    async fn install_with(
        &self,
        request: &EnvironmentRequest,
        versions: Versions,
    ) -> Result<Environment, InstallError> {
        let wanted = RequestJson::normalised(request);
        // Two pages that ask for the same are to get the same.
        let _flight = self.flights.board(&wanted.to_string()).await;
        let lockfile = self.lockfile.read().await?;
        let locked = match versions {
            Versions::Locked => &lockfile,
            Versions::Newest => &Lockfile::default(),
        };
        let (resolution, is_new) = self.resolution_of(&request.npm, &wanted, locked).await?;
        let npm = self.build_npm(&request.npm, resolution).await?;
        let python = match &request.python {
            Some(python) => Some(self.python_of(python, &wanted, locked).await?),
            None => None,
        };
        let python_is_new = python.is_some() && locked.python_for(&wanted).is_none();
        let environment = Environment { npm, python };
        if is_new || python_is_new {
            self.lockfile.insert(&self.store, wanted, &environment).await?;
        }
        Ok(environment)
    }

    /// The packages of a request, and whether they are not locked yet.
    async fn resolution_of(
        &self,
        inputs: &NpmInputs,
        wanted: &RequestJson,
        locked: &Lockfile,
    ) -> Result<(Resolution, bool), InstallError> {
        let request =
            NpmRequest { roots: inputs.roots(), using_dependencies: inputs.using_dependencies.clone() };
        if request.roots.is_empty() {
            return Ok((Resolution::default(), false));
        }
        if let Some(graph) = locked.npm_for(wanted) {
            crate::npm::check_aliases(&request.roots).map_err(|error| NpmInstallError::Npm(error.into()))?;
            return Ok((Resolution { graph, ..Resolution::default() }, false));
        }
        self.refuse_unless_open(wanted)?;
        let Some(client) = self.npm_client().await? else {
            return Err(NpmInstallError::offline(&request.roots).into());
        };
        let resolution = client.resolve(&request, &self.renames, &locked.known_npm()).await;
        Ok((resolution.map_err(NpmInstallError::from)?, true))
    }

    async fn python_of(
        &self,
        request: &PythonRequest,
        wanted: &RequestJson,
        locked: &Lockfile,
    ) -> Result<PythonEnvironment, InstallError> {
        if let Some(python) = locked.python_for(wanted) {
            return self.install_locked(python).await;
        }
        self.refuse_unless_open(wanted)?;
        self.install(request).await
    }

    fn refuse_unless_open(&self, wanted: &RequestJson) -> Result<(), LockfileError> {
        match self.lockfile.only {
            true => Err(LockfileError::not_locked(wanted)),
            false => Ok(()),
        }
    }

    /// Who asks registries; nobody when downloads are off.
    pub(super) async fn npm_client(&self) -> Result<Option<NpmClient>, NpmInstallError> {
        match &self.network {
            Network::Online(fetcher) => {
                Ok(Some(NpmClient::new(fetcher.clone(), &self.registry, &self.store).await?))
            }
            Network::Off => Ok(None),
        }
    }
}
