use super::RuleId;

/// Names that hold secrets, in lower case.
const NAMES: [(&str, &str); 30] = [
    (".netrc", "netrc"),
    ("_netrc", "netrc"),
    (".npmrc", "npmrc"),
    (".pypirc", "pypirc"),
    (".git-credentials", "git-credentials"),
    (".htpasswd", "htpasswd"),
    (".pgpass", "pgpass"),
    (".my.cnf", "mysql-options"),
    (".dockercfg", "docker-config"),
    (".docker/config.json", "docker-config"),
    (".aws/credentials", "aws-credentials"),
    (".config/gh/hosts.yml", "github-cli"),
    (
        ".config/gcloud/application_default_credentials.json",
        "gcloud-credentials",
    ),
    (".cargo/credentials", "cargo-credentials"),
    (".cargo/credentials.toml", "cargo-credentials"),
    (".gem/credentials", "gem-credentials"),
    (".kube/config", "kubeconfig"),
    ("kubeconfig", "kubeconfig"),
    ("kubeconfig.yaml", "kubeconfig"),
    ("kubeconfig.yml", "kubeconfig"),
    (".terraformrc", "terraform-cli"),
    ("terraform.rc", "terraform-cli"),
    (".vault-token", "vault-token-file"),
    ("id_rsa", "ssh-key"),
    ("id_dsa", "ssh-key"),
    ("id_ecdsa", "ssh-key"),
    ("id_ecdsa_sk", "ssh-key"),
    ("id_ed25519", "ssh-key"),
    ("id_ed25519_sk", "ssh-key"),
    ("id_xmss", "ssh-key"),
];

/// Ends of names that hold secrets, in lower case.
const ENDS: [(&str, &str); 14] = [
    (".pem", "key-file"),
    (".key", "key-file"),
    (".ppk", "key-file"),
    (".p8", "key-file"),
    (".p12", "key-store"),
    (".pfx", "key-store"),
    (".jks", "key-store"),
    (".keystore", "key-store"),
    (".kdbx", "password-store"),
    (".kdb", "password-store"),
    (".psafe3", "password-store"),
    (".tfstate", "terraform-state"),
    (".tfstate.backup", "terraform-state"),
    (".kubeconfig", "kubeconfig"),
];

/// Ends of `.env` files that show what belongs there, and have none of it.
const TEMPLATES: [&str; 3] = [".example", ".sample", ".template"];

/// The rule by which a file with this path holds secrets, whatever is in it.
///
/// ```
/// use mcpo2_artifact::ingest::secret::name_rule;
/// assert_eq!(name_rule("deploy/.env.local").map(|rule| rule.as_str()), Some("env-file"));
/// assert_eq!(name_rule("deploy/.env.example"), None);
/// ```
#[must_use]
pub fn name_rule(path: &str) -> Option<RuleId> {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    if is_env(name) && !TEMPLATES.iter().any(|end| name.ends_with(end)) {
        return Some(RuleId("env-file"));
    }
    let named = NAMES.iter().find(|(known, _)| is_below(&path, known));
    let ended = || ENDS.iter().find(|(end, _)| name.ends_with(end));
    named.or_else(ended).map(|(_, rule)| RuleId(rule))
}

fn is_env(name: &str) -> bool {
    let end = name.strip_prefix(".env");
    end.is_some_and(|end| {
        matches!(end.bytes().next(), None | Some(b'.' | b'-' | b'_')) || end == "rc"
    })
}

/// Whether the path is the known one, or ends with it and a `/` before.
fn is_below(path: &str, known: &str) -> bool {
    let above = path.strip_suffix(known);
    above.is_some_and(|above| above.is_empty() || above.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_found_wherever_they_are() {
        for path in [
            ".env",
            "a/.ENV",
            ".envrc",
            ".env.production",
            "a/id_rsa",
            "tls/server.pem",
            "A.KEY",
            "x.p12",
            "x.pfx",
            "x.kdbx",
            "x.jks",
            ".npmrc",
            "home/.pypirc",
            ".netrc",
            ".git-credentials",
            "root/.aws/credentials",
            "prod.tfstate",
            "kubeconfig",
        ] {
            assert!(name_rule(path).is_some(), "{path}");
        }
        for path in [
            ".env.example",
            ".env.sample",
            "a/.env.template",
            "id_rsa.pub",
            "src/id_map.rs",
            "environment.rs",
            ".envoy.yaml",
            "credentials",
            "docs/aws/credentials",
            "my-kubeconfig",
            "key.rs",
            "keyboard.keys",
        ] {
            assert_eq!(name_rule(path), None, "{path}");
        }
    }
}
