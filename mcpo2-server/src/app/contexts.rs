use std::{error::Error as _, sync::Arc};

use async_trait::async_trait;
use mcpo2_artifact::{
    context::{
        Contexts, FixedWorkspaces, ManifestLayer, StoredWorkspaces, Workspace, WorkspaceConfig,
        Workspaces,
    },
    ingest::{self, Ingest, Limits, Rules, Spec},
};
use mcpo2_core::Principal;

use super::{BuildError, Lasting, because};
use crate::{
    config::Config,
    processors::{self, Processors},
};

/// The most bytes of the files of one workspace, all of which are in memory.
const MAX_BYTES: u64 = 256 << 20;

/// What gives modules context: workspaces are read anew, whether they changed or not.
pub(super) fn layer(config: &Config, lasting: &Lasting) -> Result<ManifestLayer, BuildError> {
    let mut contexts = Contexts::default();
    for module in &config.modules {
        if let Some(config) = &module.context {
            let with = contexts.with(module.id.clone(), config.clone());
            contexts = with.map_err(because("modules"))?;
        }
    }
    let workspaces = open(&config.artifact.workspaces)?;
    let processors = Arc::new(Processors::new());
    let stored = lasting.library.as_ref().map(|opened| {
        let library = Arc::clone(&opened.library);
        let run = Arc::<Processors>::clone(&processors);
        StoredWorkspaces::new(library, MAX_BYTES).running_on(run)
    });
    let all = All {
        fixed: workspaces,
        stored,
    };
    let layer = ManifestLayer::new(Arc::new(all), Arc::new(contexts));
    Ok(layer.running_on(processors))
}

/// Those that the configuration names, and then those of the library.
#[derive(Debug)]
struct All {
    fixed: FixedWorkspaces,
    stored: Option<StoredWorkspaces>,
}

#[async_trait]
impl Workspaces for All {
    async fn open(
        &self,
        principal: &Principal,
        name: &str,
    ) -> Result<Option<Arc<Workspace>>, mcpo2_artifact::Error> {
        if let Some(workspace) = self.fixed.open(principal, name).await? {
            return Ok(Some(workspace));
        }
        match &self.stored {
            Some(stored) => stored.open(principal, name).await,
            None => Ok(None),
        }
    }
}

fn open(configs: &[WorkspaceConfig]) -> Result<FixedWorkspaces, BuildError> {
    const WHERE: &str = "artifact.workspaces";
    let mut workspaces = FixedWorkspaces::default();
    if configs.is_empty() {
        return Ok(workspaces);
    }
    let rules = Spec::default().compile().map_err(because(WHERE))?;
    for config in configs {
        let why = |error: ingest::Error| match error.source() {
            None => format!("`{}`: {error}", config.name),
            Some(source) => format!("`{}`: {error}: {source}", config.name),
        };
        let read = read(&rules, config).map_err(why);
        let workspace = Arc::new(read.map_err(because(WHERE))?);
        let manifest = workspace.manifest();
        tracing::info!(
            name = %config.name,
            root = %manifest.root(),
            files = manifest.entries().len(),
            withheld = manifest.withheld().len(),
            "a workspace was read"
        );
        for tenant in &config.tenants {
            let (tenant, name) = (tenant.clone(), config.name.clone());
            workspaces = workspaces.with(tenant, name, Arc::clone(&workspace));
        }
    }
    Ok(workspaces)
}

fn read(rules: &Rules, config: &WorkspaceConfig) -> Result<Workspace, ingest::Error> {
    let mut limits = Limits::default();
    limits.bytes = MAX_BYTES;
    let ingest = Ingest::new(rules).with_limits(limits);
    Workspace::of_directory(ingest.with_threads(processors::count()), &config.path)
}
