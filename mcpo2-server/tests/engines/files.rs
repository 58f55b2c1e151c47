//! The files of engines: watched, read again, and said to be wrong where they are.

use flate2::{Compression, write::GzEncoder};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use mcpo2_server::{
    config::{Checked, check_text},
    reload::Trigger,
};
use serde_json::json;

use crate::{
    house::{CEDAR, House, REGO, place, yaml},
    support::until,
};

const WATCHED: &str =
    "{ rego: { dir: p }, cedar: { files: [all.cedar] } }\nreload: { watch: true }";

#[tokio::test]
async fn a_file_of_an_engine_that_changes_is_read_again() {
    let files = [("p/deep/a.rego", REGO), ("all.cedar", CEDAR)];
    let house = House::with(&files, WATCHED).await;
    assert!(!house.works("vendor_stream").await && !house.works("vendor_error").await);
    let reloader = house.reloader.clone();
    let generation = async |number| {
        until("the reload", || {
            (reloader.generation() == number).then_some(())
        })
        .await;
    };
    house.write(
        "p/deep/a.rego",
        "package mcpo2.policy\n\ndecision := true\n",
    );
    generation(2).await;
    assert!(house.works("vendor_stream").await && !house.works("vendor_error").await);
    house.write(
        "all.cedar",
        "@id(\"all\") permit (principal, action, resource);",
    );
    generation(3).await;
    assert!(house.works("vendor_error").await);
    // One that comes contradicts the other: a rule with two values decides nothing.
    house.write(
        "p/deep/b.rego",
        "package mcpo2.policy\n\ndecision := false\n",
    );
    generation(4).await;
    assert!(!house.works("vendor_call").await);
    std::fs::remove_file(house.dir.path().join("p/deep/b.rego")).unwrap();
    generation(5).await;
    assert!(house.works("vendor_call").await);
    house.stop().await;
}

#[tokio::test]
async fn what_does_not_compile_leaves_what_serves() {
    let house = House::with(&[("p/a.rego", REGO)], "{ rego: { dir: p } }").await;
    house.write("p/a.rego", "package mcpo2.policy\n\ndecision := {\n");
    let error = house.reloader.reload(Trigger::Host).await.unwrap_err();
    let error = error.to_string();
    assert!(error.contains("mcpo2.yaml:7:"), "{error}");
    assert!(error.contains("a.rego:4:"), "{error}");
    assert_eq!(house.reloader.generation(), 1);
    assert!(house.works("vendor_call").await && !house.works("vendor_stream").await);
    house.stop().await;
}

/// A bundle as `opa build` makes it, signed as `opa sign` does.
fn bundle(files: &[(&str, &str)], secret: &[u8]) -> Vec<u8> {
    let hex = |bytes: &[u8]| -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        digest
            .as_ref()
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect()
    };
    let named = files.iter().map(|(name, text)| {
        json!({ "name": name, "hash": hex(text.as_bytes()), "algorithm": "SHA-256" })
    });
    let claims = json!({ "files": named.collect::<Vec<_>>() });
    let key = EncodingKey::from_secret(secret);
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
    let signatures = json!({ "signatures": [token] }).to_string();
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, text) in files.iter().chain([&(".signatures.json", &*signatures)]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len().try_into().unwrap());
        header.set_mode(0o644);
        archive
            .append_data(&mut header, name, text.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn a_bundle_is_taken_as_it_was_signed_and_not_otherwise() {
    let secret = "a secret that has thirty-two bytes or more";
    let engines = format!("{{ rego: {{ bundle: b.tar.gz, signed: {{ secret: \"{secret}\" }} }} }}");
    let dir = place(&[]);
    let file = dir.path().join("b.tar.gz");
    let check = || {
        let yaml = yaml("http://127.0.0.1:9/mcp", &engines);
        let checked = check_text("mcpo2.yaml", dir.path(), &yaml, &|_| None);
        (checked.config.is_some(), checked.diagnostics.to_string())
    };
    std::fs::write(&file, bundle(&[("a.rego", REGO)], secret.as_bytes())).unwrap();
    let (loads, said) = check();
    assert!(
        loads && said.contains("secret-in-clear") && !said.contains("thirty-two"),
        "{said}"
    );
    let other = b"another that has thirty-two bytes or more";
    std::fs::write(&file, bundle(&[("a.rego", REGO)], other)).unwrap();
    let (loads, said) = check();
    assert!(!loads && said.contains("error[invalid-engine]"), "{said}");
}

/// What is found in a configuration with these engines beside these files.
fn found(files: &[(&str, &str)], engines: &str) -> String {
    let dir = place(files);
    let Checked { diagnostics, .. } = check_text(
        "mcpo2.yaml",
        dir.path(),
        &yaml("http://127.0.0.1:9/mcp", engines),
        &|_| None,
    );
    diagnostics.to_string()
}

/// Engines that are not as they should be, and what is said of them.
const WRONG: &[(&str, &str)] = &[
    (
        "{ rego: {} }",
        "mcpo2.yaml:7:12|exactly one of `dir` and `bundle`",
    ),
    (
        "{ rego: { dir: p, bundle: b } }",
        "exactly one of `dir` and `bundle`",
    ),
    (
        "{ rego: { dir: nowhere } }",
        "mcpo2.yaml:7:25|nowhere` cannot be read",
    ),
    (
        "{ rego: { dir: other } }",
        "mcpo2.yaml:7:25|not a valid rule path",
    ),
    ("{ rego: { dir: yaml } }", "data is JSON here"),
    (
        "{ rego: { dir: p, entry_point: data.a.b } }",
        "not a valid rule path",
    ),
    (
        "{ rego: { dir: p, syntax: v2 } }",
        "unknown value `v2`|did you mean `v",
    ),
    (
        "{ rego: { dir: p, signed: { jwk: key.jwk } } }",
        "a directory has no signature",
    ),
    ("{ rego: { bundle: nowhere.tar.gz } }", "cannot be read"),
    (
        "{ rego: { bundle: bundle.tar.gz } }",
        "mcpo2.yaml:7:28|tarball",
    ),
    (
        "{ rego: { bundle: bundle.tar.gz, signed: {} } }",
        "exactly one of `jwk` and `secret`",
    ),
    (
        "{ rego: { bundle: bundle.tar.gz, signed: { jwk: key.jwk } } }",
        "it is no key",
    ),
    (
        "{ rego: { bundle: bundle.tar.gz, signed: { secret: short } } }",
        "at least 32 bytes|secret-in-clear",
    ),
    ("{ rego: { dir: p, time_limit: soon } }", "is no duration"),
    (
        "{ rego: { dri: p } }",
        "unknown key `dri`|did you mean `dir`",
    ),
    (
        "{ cedar: { files: [good.cedar, bad.cedar] } }",
        "mcpo2.yaml:7:41|bad.cedar: 2:",
    ),
    ("{ cedar: { files: [nameless.cedar] } }", "`@id`"),
    (
        "{ cedar: { files: [good.cedar, good.cedar] } }",
        "mcpo2.yaml:7:",
    ),
    (
        "{ cedar: { files: [nowhere.cedar] } }",
        "nowhere.cedar` cannot be read",
    ),
    (
        "{ opa: { url: \"https://127.0.0.1:8181\" } }",
        "mcpo2.yaml:7:24|no plain `http` URL",
    ),
    (
        "{ opa: { url: \"http://opa.example\", path: \"a?b\" } }",
        "is no path of a document",
    ),
    (
        "{ opa: { url: \"http://opa.example\" } }",
        "warning[clear-text]",
    ),
    ("{ opa: { path: a } }", "url"),
];

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    let files = [
        ("p/a.rego", "package mcpo2.policy\n\ndecision := true\n"),
        ("other/a.rego", "package other\n\nx := 1\n"),
        ("yaml/data.yaml", "a: 1\n"),
        ("good.cedar", CEDAR),
        ("bad.cedar", "@id(\"a\")\npermit (principal, action);\n"),
        ("nameless.cedar", "permit (principal, action, resource);"),
        ("key.jwk", "{}"),
        ("bundle.tar.gz", "none"),
    ];
    for (engines, words) in WRONG {
        let said = found(&files, engines);
        for words in words.split('|') {
            assert!(said.contains(words), "{engines}: no {words} in {said}");
        }
        assert!(!said.contains("short"), "{said}");
    }
    let good =
        "{ rego: { dir: p }, cedar: { files: [good.cedar] }, opa: { url: \"http://[::1]:8181\" } }";
    assert!(found(&files, good).contains("0 errors, 0 warnings") || found(&files, good).is_empty());
}
