use crate::config::Config;

/// Puts back what only a restart changes, and names what the new configuration says of it
/// otherwise.
pub(super) fn keep(new: &mut Config, running: &Config) -> Vec<&'static str> {
    let mut differ = Vec::new();
    let mut fix = |name, same: bool| {
        if !same {
            differ.push(name);
        }
    };
    fix("listen", new.listen == running.listen);
    fix(
        "http.admin_listen",
        new.http.admin_listen == running.http.admin_listen,
    );
    fix(
        "http.reuse_port",
        new.http.reuse_port == running.http.reuse_port,
    );
    fix(
        "http.max_connections",
        new.http.max_connections == running.http.max_connections,
    );
    let artifact = mcpo2_artifact::Config {
        workspaces: std::mem::take(&mut new.artifact.workspaces),
        ..running.artifact.clone()
    };
    new.artifact.workspaces.clone_from(&artifact.workspaces);
    fix("artifact", new.artifact == artifact);
    fix("library", new.library == running.library);
    fix("audit", new.audit == running.audit);
    fix("log", new.log == running.log);
    new.listen = running.listen;
    new.http.admin_listen = running.http.admin_listen;
    new.http.reuse_port = running.http.reuse_port;
    new.http.max_connections = running.http.max_connections;
    new.artifact = artifact;
    new.library = running.library.clone();
    new.audit = running.audit.clone();
    new.log = running.log.clone();
    differ
}

/// The file was checked against the address that it names; we still listen on the old one.
pub(super) fn still_knows_callers(config: &Config) -> Result<(), &'static str> {
    if config.listen.ip().is_loopback() {
        return Ok(());
    }
    if config.identity.anonymous.is_some() {
        return Err("anonymous callers are for loopback addresses, and that needs a restart");
    }
    if config.http.allowed_hosts.is_empty() {
        return Err(
            "`http.allowed_hosts` is empty, which is for loopback addresses, and that needs a restart",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mcpo2_artifact::context::WorkspaceConfig;

    use super::*;
    use crate::config::Anonymous;

    #[test]
    fn what_needs_a_restart_stays_and_is_named() {
        let running = Config::default();
        let mut new = Config {
            listen: "127.0.0.1:1".parse().unwrap(),
            ..Config::default()
        };
        new.http.max_connections = 1;
        new.http.max_body_bytes = 1;
        new.audit.dir = "elsewhere".into();
        new.artifact.workspaces.push(WorkspaceConfig {
            name: "web".into(),
            tenants: Vec::new(),
            path: "web".into(),
        });
        assert_eq!(
            keep(&mut new, &running),
            ["listen", "http.max_connections", "audit"]
        );
        assert_eq!(new.listen, running.listen);
        assert_eq!(new.http.max_connections, running.http.max_connections);
        assert_eq!(new.audit.dir, running.audit.dir);
        assert_eq!(new.http.max_body_bytes, 1);
        assert_eq!(new.artifact.workspaces.len(), 1, "those are read again");
    }

    /// A file that is right for a loopback address is not for the public one that is open.
    #[test]
    fn an_address_that_stays_public_admits_nobody_unknown() {
        let running = Config {
            listen: "0.0.0.0:8808".parse().unwrap(),
            ..Config::default()
        };
        let mut new = Config::default();
        new.identity.anonymous = Some(Anonymous::new("acme".parse().unwrap()));
        new.http.allowed_hosts.push("mcp.example.com".into());
        assert_eq!(still_knows_callers(&new), Ok(()));
        assert_eq!(keep(&mut new, &running), ["listen"]);
        assert!(still_knows_callers(&new).is_err());
        new.identity.anonymous = None;
        assert_eq!(still_knows_callers(&new), Ok(()));
    }
}
