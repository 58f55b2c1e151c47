use std::path::Path;

use super::{Config, Transport};

/// Paths in the file are relative to its directory.
pub(super) fn resolve_paths(config: &mut Config, base: &Path) {
    config.audit.dir = base.join(&config.audit.dir);
    if let Some(witnesses) = &mut config.audit.checkpoints.witnesses {
        *witnesses = base.join(&*witnesses);
    }
    config.bundles.resolve(base);
    config.engines.resolve(base);
    if let Some(library) = &mut config.library {
        library.dir = base.join(&library.dir);
    }
    if let mcpo2_artifact::StoreConfig::Dir(dir) = &mut config.artifact.store {
        *dir = base.join(&*dir);
    }
    for workspace in &mut config.artifact.workspaces {
        workspace.path = base.join(&workspace.path);
    }
    if let Some(tls) = &mut config.http.tls {
        tls.cert = base.join(&tls.cert);
        tls.key = base.join(&tls.key);
    }
    if let Some(jwt) = &mut config.identity.jwt {
        jwt.jwks_file = base.join(&jwt.jwks_file);
    }
    for module in &mut config.modules {
        match &mut module.transport {
            Transport::Stdio(stdio) => {
                stdio.sandbox.resolve(base, stdio.cwd.as_deref());
                let cwd = stdio.cwd.as_deref().unwrap_or(Path::new(""));
                stdio.cwd = Some(base.join(cwd)).filter(|cwd| !cwd.as_os_str().is_empty());
            }
            // An empty path is no directory.
            Transport::Builtin(part) => part.root = Path::new(".").join(base).join(&part.root),
            Transport::Http(http) => http.tls.resolve(base),
        }
    }
}
