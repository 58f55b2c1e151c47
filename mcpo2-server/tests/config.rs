//! The configuration: what is wrong is said where it stands, and what is documented is so.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use mcpo2_server::config::{self, Checked, Severity, Transport};

const SECRET: &str = "hunter2";

fn check(text: &str) -> Checked {
    config::check_text("mcpo2.yaml", Path::new(""), text, &env)
}

fn env(name: &str) -> Option<String> {
    ["GITHUB_TOKEN", "TOKEN"]
        .contains(&name)
        .then(|| SECRET.to_owned())
}

fn update() -> bool {
    std::env::var_os("MCPO2_UPDATE").is_some()
}

fn assert_current(path: &Path, expected: &str) {
    if update() {
        fs::write(path, expected).unwrap();
    }
    let actual = fs::read_to_string(path).unwrap_or_default();
    let hint = "run the test with MCPO2_UPDATE=1 and look at the difference";
    assert_eq!(
        actual,
        expected,
        "{} is not current: {hint}",
        path.display()
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

#[test]
fn every_bad_file_is_explained_as_expected() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad-config");
    let mut files: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    assert!(files.len() >= 40, "{}", files.len());
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let Checked {
            config,
            diagnostics,
            ..
        } = config::check_text(&name, &dir, &text, &env);
        assert!(!diagnostics.is_empty(), "{name}: nothing is found");
        assert_eq!(config.is_none(), diagnostics.has_errors(), "{name}");
        let shown = format!("{diagnostics}\n");
        assert!(!shown.contains(SECRET), "{name}: {shown}");
        assert!(
            !diagnostics.to_json().to_string().contains(SECRET),
            "{name}"
        );
        assert_current(&path.with_extension("expected"), &shown);
    }
}

#[test]
fn the_schema_and_the_reference_are_current() {
    let schema = serde_json::to_string_pretty(&config::schema()).unwrap() + "\n";
    assert_current(&root().join("schema/mcpo2.schema.json"), &schema);
    assert_current(&root().join("CONFIGURATION.md"), &config::reference());
    // Each section is there.
    let reference = config::reference();
    for section in config::schema()["properties"].as_object().unwrap().keys() {
        assert!(reference.contains(&format!("| `{section}` |")), "{section}");
    }
}

#[test]
fn the_examples_of_the_reference_load_without_a_warning() {
    for text in [config::MINIMAL, config::FULL] {
        let Checked {
            config,
            diagnostics,
            ..
        } = check(text);
        assert!(diagnostics.is_empty(), "{diagnostics}");
        assert!(!config.unwrap().modules.is_empty());
        assert!(config::reference().contains(text.trim()));
    }
}

#[test]
fn every_key_of_a_section_is_in_the_reference() {
    let reference = config::reference();
    for key in [
        "## `http.timeouts`",
        "## `modules[].stdio`",
        "## `identity.api_keys[]`",
        "## `policy.rules[].arguments[]`",
        "| `approval` | `pending`, `approved`, `suspended`, `revoked` | required |",
        "| `max_body_bytes` | size | `4MiB` |",
        "| `version` | `1` | required |",
    ] {
        assert!(reference.contains(key), "{key}");
    }
}

/// The signature was made by minisign, and is that of the file as it is.
#[test]
fn a_bundle_that_is_signed_by_a_key_that_counts_is_read() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad-config");
    let text = r#"
version: 1
identity: { anonymous: { tenant: acme } }
policy: { rules: [{ id: all, effect: allow }] }
bundles:
  files: [bundles/signed.yaml]
  keys: [RWSBL8SuozKBcjsN71ZbL4NO/8kZhaiMCNODjG6sXLZZ62LWkxZ+Q34m]
  require_signature: true
"#;
    let Checked {
        config,
        diagnostics,
        ..
    } = config::check_text("mcpo2.yaml", &dir, text, &env);
    let config = config.unwrap_or_else(|| panic!("{diagnostics}"));
    let ids: Vec<&str> = config
        .policy
        .bundles
        .iter()
        .map(|bundle| &*bundle.id)
        .collect();
    assert_eq!(ids, ["acme"]);
}

#[test]
fn references_are_resolved_and_stay_secret() {
    let text = r#"
version: 1
listen: "127.0.0.1:${env:PORT:-9000}"
http: { max_connections: "${env:MOST:-7}", path: "/$${env:x}" }
identity: { anonymous: { tenant: local } }
modules:
  - id: a
    family: design
    approval: approved
    http: { url: "http://localhost/", headers: { X-Token: "t ${env:TOKEN}" } }
policy: { rules: [{ id: all, effect: allow }] }
"#;
    let Checked {
        config,
        diagnostics,
        ..
    } = check(text);
    let config = config.unwrap_or_else(|| panic!("{diagnostics}"));
    assert_eq!(config.listen.port(), 9000);
    assert_eq!(config.http.max_connections, 7);
    assert_eq!(config.http.path, "/${env:x}");
    assert!(!format!("{config:?}").contains(SECRET));
    let Transport::Http(http) = &config.modules.first().unwrap().transport else {
        panic!()
    };
    assert_eq!(http.headers.get("X-Token").unwrap().expose(), "t hunter2");
}

#[test]
fn a_file_reference_is_read_beside_the_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("listen"), "127.0.0.1:7777\n").unwrap();
    let path = dir.path().join("mcpo2.yaml");
    fs::write(
        &path,
        "version: 1\nlisten: ${file:listen}\naudit: { dir: l }\n",
    )
    .unwrap();
    let config = config::load(&path).unwrap();
    assert_eq!(config.listen.port(), 7777);
    assert_eq!(config.audit.dir, dir.path().join("l"));
    assert_eq!(
        config::check(&path).diagnostics.count(Severity::Warning),
        1,
        "nobody can call"
    );
    let missing = config::load(&dir.path().join("missing.yaml")).unwrap_err();
    assert!(missing.to_string().contains("cannot be read"), "{missing}");
}

#[test]
fn aliases_cannot_make_a_small_file_large() {
    let mut text = String::from("version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..9 {
        let before = format!("*a{}, ", n - 1).repeat(10);
        text.push_str(&format!(
            "a{n}: &a{n} [{}]\n",
            before.trim_end_matches(", ")
        ));
    }
    let Checked {
        config,
        diagnostics,
        ..
    } = check(&text);
    assert!(
        config.is_none() && diagnostics.has_errors(),
        "{diagnostics}"
    );
    let deep = format!("version: 1\nlisten: {}\n", "[".repeat(10_000));
    assert!(check(&deep).config.is_none());
}

#[test]
fn no_prefix_of_a_file_and_no_changed_byte_makes_it_panic() {
    let text = config::FULL;
    for end in (0..text.len()).step_by(7) {
        let _ = check(text.get(..end).unwrap()).diagnostics.to_string();
    }
    for (at, byte) in (0..text.len())
        .step_by(11)
        .zip(b"\t:{}[]&*!|>%@`\"'#-,?\0\n".iter().cycle())
    {
        let mut bytes = text.as_bytes().to_vec();
        *bytes.get_mut(at).unwrap() = *byte;
        let _ = check(&String::from_utf8(bytes).unwrap())
            .diagnostics
            .to_string();
    }
}

#[test]
fn findings_for_tools_have_their_place() {
    let json = check("version: 1\nlistne: 127.0.0.1:1\nidentity: { anonymous: { tenant: a } }\n")
        .diagnostics
        .to_json();
    let finding = json.pointer("/diagnostics/0").unwrap();
    assert_eq!(json.get("errors").unwrap(), 1);
    assert_eq!(finding.get("code").unwrap(), "unknown-key");
    assert_eq!(
        (finding.get("line").unwrap(), finding.get("column").unwrap()),
        (&2.into(), &1.into())
    );
    assert_eq!(finding.get("help").unwrap(), "did you mean `listen`?");
}

#[test]
fn a_line_that_a_carriage_return_ends_counts_and_another_is_not_shown_for_it() {
    let text = "version: 1\rlog: { level: 7 }\rmodules:\n- id: a\n  http: { headers: { authorization: hunter2 } }\n";
    let found = check(text).diagnostics;
    let level = found.iter().find(|one| one.message.contains('7')).unwrap();
    assert_eq!(level.position.unwrap().line, 2);
    assert_eq!(level.source.as_deref(), Some("log: { level: 7 }"));
    assert!(!found.to_string().contains(SECRET), "{found}");
}

/// Which of the two is said depends on how this program was built.
#[test]
fn an_index_in_postgresql_is_taken_or_refused_by_the_name_of_the_feature() {
    let index =
        "audit: { dir: ledger, index: { postgres: { url: \"postgres://u:hunter2@db/x\" } } }";
    let Checked {
        config,
        diagnostics,
        ..
    } = check(&format!("{}\n{index}\n", config::MINIMAL));
    let shown = diagnostics.to_string();
    assert!(!shown.contains("hunter2"), "{shown}");
    if cfg!(feature = "postgres") {
        assert!(config.is_some(), "{shown}");
        assert!(shown.contains("warning[secret-in-clear]"), "{shown}");
        let nameless = index.replace("postgres://u:hunter2@db/x", "host=");
        let nameless = check(&format!("{}\n{nameless}\n", config::MINIMAL));
        assert!(nameless.diagnostics.has_errors());
    } else {
        assert!(config.is_none());
        assert!(
            shown.contains(
                "error[invalid-index]: this program is built without the feature `postgres`"
            ),
            "{shown}"
        );
    }
}

/// What a library in a bucket needs beside its `url`.
const KEY: &str = "access_key_id: id, secret_access_key: \"${env:TOKEN}\"";

fn bucket(keys: &str) -> Checked {
    let library = format!("library: {{ dir: library, bucket: {{ {keys} }} }}");
    check(&format!("{}\n{library}\n", config::MINIMAL))
}

/// As that of the index, this depends on how the program was built.
#[test]
fn a_bucket_is_taken_or_refused_by_the_name_of_the_feature() {
    let Checked {
        config,
        diagnostics,
        ..
    } = bucket(&format!(
        "url: \"s3://kept/gw\", region: eu-west-1, {}",
        KEY.replace("${env:TOKEN}", SECRET)
    ));
    let shown = diagnostics.to_string();
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("warning[secret-in-clear]"), "{shown}");
    if cfg!(feature = "s3") {
        let library = config.unwrap().library.unwrap();
        assert_eq!(library.bucket.unwrap().url, "s3://kept/gw");
    } else {
        assert!(config.is_none());
        let error = "error[invalid-bucket]: this program is built without the feature `s3`";
        assert!(shown.contains(error), "{shown}");
    }
}

#[cfg(feature = "s3")]
#[test]
fn what_is_wrong_with_a_bucket_is_said_of_its_key() {
    for (keys, key, said) in [
        (
            "url: \"gs://kept/gw\", region: r",
            "gs://",
            "does not begin with s3://",
        ),
        (
            "url: \"s3://kept/../gw\", region: r",
            "s3://",
            "parts of a prefix",
        ),
        ("url: \"s3://kept/gw\"", "", "needs a `region`"),
        (
            "url: \"s3://kept/gw\", region: \"r/x\"",
            "r/x",
            "a region has",
        ),
        (
            "url: \"s3://kept/gw\", endpoint: \"http://minio:9000\"",
            "http://minio",
            "`allow_http` not set",
        ),
    ] {
        let found = bucket(&format!("{keys}, {KEY}")).diagnostics;
        assert!(found.has_errors(), "{keys}");
        let mut all = found.iter();
        let one = all.find(|one| one.message.contains(said));
        let one = one.unwrap_or_else(|| panic!("{keys}: {found}"));
        let (line, at) = (one.source.as_deref().unwrap(), one.position.unwrap());
        assert!(line.starts_with("library"), "{found}");
        let there = line.get(at.column - 1..).unwrap();
        assert!(there.trim_matches('"').starts_with(key), "{keys}: {found}");
    }
    let clear = "url: \"s3://kept/gw\", endpoint: \"http://minio:9000\", allow_http: true";
    let found = bucket(&format!("{clear}, {KEY}")).diagnostics;
    assert!(!found.has_errors(), "{found}");
    assert!(found.to_string().contains("warning[clear-text]"), "{found}");
}
