//! Policies in Rego: what they are asked, what their answers mean, and where they come from.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod common;

use std::{fs, io::Write, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{ada, github, resource, tool};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use mcpo2_core::{ApprovalState, Decision, Effect, Facts, Method};
use mcpo2_policy::{
    BundleKey, Config, Engine, Query, RegoBundle, RegoEngine, RegoError, RegoErrorKind,
    RegoOptions, RegoSyntax, Verdict, Visibility, export,
};
use serde_json::{Value, json};
use tar::{EntryType, Header as TarHeader};

const ALLOW: &str = "package mcpo2.policy\n\ndecision := true\n";

fn engine(text: &str) -> RegoEngine {
    load(text).unwrap()
}

fn load(text: &str) -> Result<RegoEngine, RegoError> {
    let options = RegoOptions::default().with_time_limit(Duration::from_secs(60));
    RegoEngine::with_options(&RegoBundle::from_modules([("policy.rego", text)]), &options)
}

/// What an engine says of a tool whose answer is this.
fn answers(answer: &str) -> Verdict {
    decide(
        &engine(&format!("package mcpo2.policy\n\ndecision := {answer}\n")),
        &github(),
    )
}

fn decide(engine: &RegoEngine, facts: &Facts) -> Verdict {
    let (item, ada) = (tool("t"), ada());
    let query = Query::new(&Method::ToolsCall, Some(&item), &ada).with_arguments(br#"{"n":1}"#);
    engine.decide(&query.with_facts(Some(Arc::new(facts.clone()))))
}

fn rules(verdict: &Verdict) -> Vec<String> {
    verdict
        .decided()
        .rules
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn an_answer_is_a_truth_value_or_says_more() {
    let verdict = answers("true");
    assert_eq!(verdict.decided().effect, Effect::Allow);
    assert_eq!(rules(&verdict), ["data.mcpo2.policy.decision"]);
    assert_eq!(answers("false").decided().effect, Effect::Deny);
    let verdict = answers(
        r#"{"allow": true, "rules": ["a", "b"], "reason": "why",
            "obligations": [{"max_result_bytes": 9}, {"max_result_bytes": 5, "redact": ["email"]}]}"#,
    );
    assert_eq!(
        (rules(&verdict), &*verdict.decided().reason),
        (vec!["a".into(), "b".into()], "why")
    );
    let Decision::Allow(owed) = verdict.into_parts().0 else {
        panic!()
    };
    assert_eq!(owed.max_result_bytes.unwrap().get(), 5);
    let verdict = answers(
        r#"{"allow": true, "rules": {"a"}, "approve": ["sre", {"group": "sec", "quorum": 2}]}"#,
    );
    let Decision::Ask(approval) = verdict.into_parts().0 else {
        panic!()
    };
    assert_eq!(approval.groups().collect::<Vec<_>>(), ["sec", "sre"]);
    assert_eq!(approval.quorum().get(), 2);
    // An approval lifts no denial.
    let verdict = answers(r#"{"allow": false, "rules": ["a"], "approve": "sre"}"#);
    assert_eq!(verdict.decided().effect, Effect::Deny);
}

#[test]
fn what_is_no_answer_denies() {
    for answer in [
        r#""yes""#,
        "1",
        "{}",
        r#"{"allow": 1}"#,
        r#"{"allow": true, "approv": "sre"}"#,
        r#"{"allow": true, "obligations": {"shred": true}}"#,
        r#"{"allow": true, "obligations": [{"preamble": "a"}, {"preamble": "b"}]}"#,
        r#"{"allow": true, "rules": ["sys:allow-all"]}"#,
        r#"{"allow": true, "rules": [""]}"#,
        r#"{"allow": false, "public_code": "lower"}"#,
        "1 / (input.args.n - 1)",
        r#"to_number("x")"#,
    ] {
        let verdict = answers(answer);
        assert_eq!(rules(&verdict), ["sys:eval-error"], "{answer}: {verdict:?}");
    }
}

#[test]
fn what_is_undefined_denies_by_no_rule() {
    let engine = engine("package mcpo2.policy\n\ndecision := true if input.action == \"x\"\n");
    let verdict = decide(&engine, &github());
    assert_eq!(verdict.decided().effect, Effect::Deny);
    assert!(rules(&verdict).is_empty());
}

#[test]
fn the_protocol_passes_unless_a_rule_denies_it() {
    let ada = ada();
    let ping = Query::new(&Method::Ping, None, &ada);
    let silent = engine("package mcpo2.policy\n\ndefault decision := false\n");
    assert_eq!(rules(&silent.decide(&ping)), ["sys:protocol"]);
    let denies =
        engine("package mcpo2.policy\n\ndecision := {\"allow\": false, \"rules\": [\"x\"]}\n");
    assert_eq!(rules(&denies.decide(&ping)), ["x"]);
}

#[test]
fn what_the_platform_denies_is_not_asked() {
    let engine = engine(ALLOW);
    let suspended = github().with_state(ApprovalState::Suspended);
    assert_eq!(rules(&decide(&engine, &suspended)), ["sys:module-state"]);
    let elsewhere = github().with_tenants(["other".parse().unwrap()]);
    assert_eq!(rules(&decide(&engine, &elsewhere)), ["sys:tenant"]);
    let (item, ada) = (resource("file:///../etc"), ada());
    let query = Query::new(&Method::ResourcesRead, Some(&item), &ada);
    assert_eq!(rules(&engine.decide(&query)), ["sys:resource-uri"]);
    let answer = r#"{"allow": true, "rules": ["a"], "obligations": {"regions": ["us"]}}"#;
    assert_eq!(rules(&answers(answer)), ["sys:region"]);
}

#[test]
fn a_list_hides_only_what_the_policy_says() {
    let ada = ada();
    let shown = |text: &str| {
        let engine = engine(&format!("package mcpo2.policy\n\n{text}\n"));
        engine.visible(&Query::listed(&tool("t"), &ada))
    };
    let by_argument = "decision := true if input.args.n == 1";
    assert_eq!(shown(by_argument), Visibility::DependsOnArguments);
    assert_eq!(
        shown("default decision := false"),
        Visibility::DependsOnArguments
    );
    let hidden = r#"decision := {"allow": false, "visible": "denied"} if input.context.listed"#;
    assert_eq!(shown(hidden), Visibility::Denied);
    let open = r#"decision := {"allow": true, "visible": "allowed"} if input.args_state == "open""#;
    assert_eq!(shown(open), Visibility::Allowed);
    assert_eq!(shown("decision := 1"), Visibility::Denied);
}

#[test]
fn a_question_ends_at_its_limit() {
    let text = "package mcpo2.policy\n\ndecision := count([1 | some i in numbers.range(1, 3000); \
                some j in numbers.range(1, 3000); i == j]) > 0\n";
    let options = RegoOptions::default().with_time_limit(Duration::from_millis(1));
    let bundle = RegoBundle::from_modules([("policy.rego", text)]);
    let engine = RegoEngine::with_options(&bundle, &options).unwrap();
    let verdict = decide(&engine, &github());
    assert_eq!(rules(&verdict), ["sys:eval-error"]);
    assert!(verdict.decided().reason.contains("time"), "{verdict:?}");
}

#[test]
fn what_does_not_compile_is_not_loaded() {
    for text in [
        "package mcpo2.policy\n\ndecision := ",
        "package mcpo2.policy\n\ndecision := no_such_function(1)\n",
        "package mcpo2.policy\n\nother := true\n",
        "package other\n\ndecision := true\n",
        // Of 0.x.
        "package mcpo2.policy\n\ndecision = true { true }\n",
    ] {
        let error = load(text).unwrap_err();
        assert_eq!(error.kind(), RegoErrorKind::Compile, "{text}");
    }
    let v0 = RegoBundle::from_modules([("p.rego", "package a\n\nb = true { input.action }\n")]);
    let options = RegoOptions::default()
        .with_syntax(RegoSyntax::V0)
        .with_entry_point("data.a.b");
    let engine = RegoEngine::with_options(&v0, &options).unwrap();
    assert_eq!(rules(&decide(&engine, &github())), ["data.a.b"]);
    assert!(RegoEngine::new(&v0).is_err());
}

#[test]
fn a_directory_has_modules_and_data() {
    let at = tempfile::tempdir().unwrap();
    fs::create_dir_all(at.path().join("acme/tools")).unwrap();
    fs::create_dir(at.path().join(".git")).unwrap();
    let write = |path: &str, text: &str| fs::write(at.path().join(path), text).unwrap();
    write(
        "acme/policy.rego",
        "package mcpo2.policy\n\ndecision if input.target.name in data.acme.tools.allowed\n",
    );
    write("acme/tools/data.json", r#"{"allowed": ["t"]}"#);
    write("README.md", "ignored");
    // Neither is looked into, however large or wrong.
    write(".git/wrong.rego", "no policy");
    write("large.log", &"x".repeat(17 << 20));
    let bundle = RegoBundle::from_directory(at.path()).unwrap();
    let engine = RegoEngine::new(&bundle).unwrap();
    assert_eq!(decide(&engine, &github()).decided().effect, Effect::Allow);
    let again = RegoEngine::new(&RegoBundle::from_directory(at.path()).unwrap()).unwrap();
    assert_eq!(engine.digest(), again.digest());
    write("acme/tools/data.json", r#"{"allowed": []}"#);
    let other = RegoEngine::new(&RegoBundle::from_directory(at.path()).unwrap()).unwrap();
    assert_ne!(engine.digest(), other.digest());
    assert_eq!(decide(&other, &github()).decided().effect, Effect::Deny);
    write("data.yaml", "a: 1");
    assert_eq!(
        RegoBundle::from_directory(at.path()).unwrap_err().kind(),
        RegoErrorKind::Form
    );
    assert!(RegoBundle::from_directory(at.path().join("none")).is_err());
}

#[cfg(unix)]
#[test]
fn a_link_in_a_directory_is_refused() {
    let at = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/etc/passwd", at.path().join("data.json")).unwrap();
    assert_eq!(
        RegoBundle::from_directory(at.path()).unwrap_err().kind(),
        RegoErrorKind::Form
    );
}

/// A tarball of these files.
fn tarball(files: &[(&str, &[u8])]) -> Vec<u8> {
    let entries = files
        .iter()
        .map(|(path, content)| (*path, EntryType::Regular, *content));
    of_entries(&entries.collect::<Vec<_>>())
}

fn of_entries(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = TarHeader::new_gnu();
        // The safe way refuses what is to be refused here.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn a_tarball_is_a_bundle() {
    let files: &[(&str, &[u8])] = &[
        (
            "/.manifest",
            br#"{"revision": "7", "roots": [""], "rego_version": 0}"#,
        ),
        (
            "/p/policy.rego",
            b"package mcpo2.policy\n\ndecision { data.p.ok }\n",
        ),
        ("/p/data.json", br#"{"ok": true}"#),
    ];
    let engine =
        RegoEngine::new(&RegoBundle::from_tarball(&tarball(files), None).unwrap()).unwrap();
    assert_eq!(decide(&engine, &github()).decided().effect, Effect::Allow);
}

#[test]
fn a_tarball_that_is_none_or_would_do_harm_is_refused() {
    let large = vec![0_u8; 17 * 1024 * 1024];
    let many = vec![("d", EntryType::Directory, &b""[..]); 5000];
    let bad = [
        b"none".to_vec(),
        tarball(&[("../policy.rego", ALLOW.as_bytes())]),
        tarball(&[("a/../../policy.rego", ALLOW.as_bytes())]),
        tarball(&[("a.rego", ALLOW.as_bytes()), ("./a.rego", ALLOW.as_bytes())]),
        tarball(&[("large", &large)]),
        tarball(&[("policy.wasm", b"")]),
        tarball(&[(".manifest", br#"{"wasm": [{}]}"#)]),
        tarball(&[("data.json", b"[]")]),
        tarball(&[
            ("data.json", br#"{"a": {"b": 1}}"#),
            ("a/data.json", br#"{"b": 2}"#),
        ]),
        of_entries(&[("a", EntryType::Symlink, b"")]),
        of_entries(&[("a", EntryType::Link, b"")]),
        of_entries(&many),
    ];
    for (at, bytes) in bad.iter().enumerate() {
        let error = RegoBundle::from_tarball(bytes, None).unwrap_err();
        assert_eq!(error.kind(), RegoErrorKind::Form, "{at}: {error}");
    }
}

const SECRET: &[u8] = b"a secret that has thirty-two bytes or more";

/// Files, and a signature that claims this.
fn signed(
    files: &[(&str, &[u8])],
    claims: &Value,
    algorithm: Algorithm,
    key: &EncodingKey,
) -> Vec<u8> {
    let token = jsonwebtoken::encode(&Header::new(algorithm), claims, key).unwrap();
    let signatures = serde_json::to_vec(&json!({"signatures": [token]})).unwrap();
    let mut files = files.to_vec();
    files.push((".signatures.json", &signatures));
    tarball(&files)
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn with_a_key_only_what_is_signed_is_loaded() {
    let files: &[(&str, &[u8])] = &[
        ("policy.rego", ALLOW.as_bytes()),
        ("data.json", b"{ \"a\": 1 }"),
    ];
    // As `opa sign` makes them: the layout of JSON does not count.
    let good = json!({"scope": "write", "files": [
        {"name": "policy.rego", "hash": sha256(ALLOW.as_bytes()), "algorithm": "SHA-256"},
        {"name": "data.json", "hash": sha256(br#"{"a":1}"#), "algorithm": "SHA-256"},
    ]});
    let secret = EncodingKey::from_secret(SECRET);
    let key = BundleKey::secret(SECRET).unwrap();
    let sign = |files, claims: &Value| signed(files, claims, Algorithm::HS256, &secret);
    RegoBundle::from_tarball(&sign(files, &good), Some(&key)).unwrap();
    let scoped = BundleKey::secret(SECRET).unwrap().with_scope("write");
    RegoBundle::from_tarball(&sign(files, &good), Some(&scoped)).unwrap();

    let refused = |bytes: &[u8], key: &BundleKey| {
        let error = RegoBundle::from_tarball(bytes, Some(key)).unwrap_err();
        assert_eq!(error.kind(), RegoErrorKind::Signature, "{error}");
    };
    refused(&tarball(files), &key);
    let more = [files, &[("more.rego", &b"package more"[..])]].concat();
    refused(&sign(&more, &good), &key);
    refused(&sign(&files[..1], &good), &key);
    let other: &[(&str, &[u8])] = &[("policy.rego", b"package x"), files[1]];
    refused(&sign(other, &good), &key);
    refused(&sign(files, &json!({"files": []})), &key);
    let mut md5 = good.clone();
    md5["files"][0]["algorithm"] = json!("MD5");
    refused(&sign(files, &md5), &key);
    let forged = EncodingKey::from_secret(b"another secret of thirty-two bytes!!!!");
    refused(&signed(files, &good, Algorithm::HS256, &forged), &key);
    refused(&signed(files, &good, Algorithm::HS384, &secret), &key);
    let elsewhere = BundleKey::secret(SECRET).unwrap().with_scope("read");
    refused(&sign(files, &good), &elsewhere);
    assert!(BundleKey::secret(b"short").is_err());
}

#[test]
fn a_public_key_checks_what_its_private_key_signed() {
    let files: &[(&str, &[u8])] = &[("policy.rego", ALLOW.as_bytes())];
    let claims = json!({"files": [
        {"name": "policy.rego", "hash": sha256(ALLOW.as_bytes()), "algorithm": "SHA-256"}]});
    for (algorithm, kind) in [
        (Algorithm::ES256, &rcgen::PKCS_ECDSA_P256_SHA256),
        (Algorithm::EdDSA, &rcgen::PKCS_ED25519),
        (Algorithm::RS256, &rcgen::PKCS_RSA_SHA256),
    ] {
        let pair = rcgen::KeyPair::generate_for(kind).unwrap();
        let der = pair.serialize_der();
        let private = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(&der),
            Algorithm::EdDSA => EncodingKey::from_ed_der(&der),
            // Behind the head of PKCS#8 stands what PKCS#1 has alone.
            _ => EncodingKey::from_rsa_der(&der[26..]),
        };
        let jwk = match algorithm {
            // A sequence of two integers, of which the first has 256 bytes and a zero before them.
            Algorithm::RS256 => {
                let n = URL_SAFE_NO_PAD.encode(&pair.public_key_raw()[9..265]);
                json!({"kty": "RSA", "n": n, "e": "AQAB"}).to_string()
            }
            Algorithm::EdDSA => {
                let x = URL_SAFE_NO_PAD.encode(pair.public_key_raw());
                json!({"kty": "OKP", "crv": "Ed25519", "x": x}).to_string()
            }
            _ => {
                let jwk = Jwk::from_encoding_key(&private, algorithm).unwrap();
                serde_json::to_string(&jwk).unwrap()
            }
        };
        let key = BundleKey::jwk(&jwk).unwrap();
        RegoBundle::from_tarball(&signed(files, &claims, algorithm, &private), Some(&key)).unwrap();
        // A public key is no secret.
        let secret = EncodingKey::from_secret(SECRET);
        let forged = signed(files, &claims, Algorithm::HS256, &secret);
        let error = RegoBundle::from_tarball(&forged, Some(&key)).unwrap_err();
        assert_eq!(error.kind(), RegoErrorKind::Signature);
    }
    for bad in [
        "",
        "{}",
        r#"{"kty":"oct","k":"AAAA"}"#,
        r#"{"kty":"EC","crv":"P-384","x":"","y":""}"#,
    ] {
        assert!(BundleKey::jwk(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_large_policy_is_loaded() {
    let rule = |at| {
        json!({"id": format!("r{at}"), "effect": "allow", "tools": [format!("t{at}*")],
               "obligations": {"redact": ["email"]}})
    };
    let all: Vec<Value> = (0..1000).map(rule).collect();
    let config: Config = serde_json::from_value(json!({"rules": all})).unwrap();
    let engine = load(&export::rego(&config).unwrap()).unwrap();
    let (item, ada) = (tool("t999x"), ada());
    let verdict = engine.decide(&Query::new(&Method::ToolsCall, Some(&item), &ada));
    assert_eq!(rules(&verdict), ["r9", "r99", "r999"]);
}
