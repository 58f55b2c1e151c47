//! Who is let in, and who is not: a corpus of bad credentials, each made from a good one.

#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "tests, and tables of cases"
)]

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{Ed25519KeyPair, KeyPair, RsaKeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use http::{HeaderMap, HeaderValue, StatusCode, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use mcpo2_core::{AuthMethod, PrincipalKind, TenantId};
use mcpo2_server::{
    config::{self, Anonymous, ApiKey, Identity, Jwt},
    identity::{AuthErrorKind, Authenticator, NewKey, Peer},
};
use serde_json::{Map, Value, json};

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://mcp.example.com/mcp";
/// The time at which the tests are: Friday, 20 November 2026.
const NOW: u64 = 1_795_132_800;

/// An issuer with an Ed25519 and an RSA key, and a gateway that knows it.
struct Issuer {
    ed: EncodingKey,
    rsa: EncodingKey,
    rsa_modulus: String,
    jwks: Value,
    dir: tempfile::TempDir,
}

impl Issuer {
    fn new() -> Self {
        let ed = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        let ed = EncodingKey::from_ed_der(ed.as_ref());
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let modulus = BASE64.encode(rsa.public_key().modulus().big_endian_without_leading_zero());
        // PKCS#8 holds the PKCS#1 that is wanted here behind 26 bytes.
        let pkcs8 = rsa.as_der().unwrap();
        let rsa = EncodingKey::from_rsa_der(pkcs8.as_ref().get(26..).unwrap());
        let jwk = |key, algorithm, id: &str| {
            let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
            jwk.common.key_id = Some(id.to_owned());
            serde_json::to_value(jwk).unwrap()
        };
        let keys = [
            jwk(&ed, Algorithm::EdDSA, "ed"),
            jwk(&rsa, Algorithm::RS256, "rsa"),
        ];
        let jwks = json!({ "keys": keys });
        let dir = tempfile::tempdir().unwrap();
        Self {
            ed,
            rsa,
            rsa_modulus: modulus,
            jwks,
            dir,
        }
    }

    fn config(&self, jwks: &Value) -> Jwt {
        let path: PathBuf = self.dir.path().join("jwks.json");
        std::fs::write(&path, jwks.to_string()).unwrap();
        Jwt::new(ISSUER, AUDIENCE, path)
    }

    fn gateway(&self) -> Authenticator {
        let mut identity = Identity::default();
        identity.jwt = Some(self.config(&self.jwks));
        // Anonymous callers are let in, so that a bad credential could fall back to them.
        identity.anonymous = Some(Anonymous::new("local".parse().unwrap()));
        identity.resource = Some(AUDIENCE.to_owned());
        Authenticator::new(&identity).unwrap()
    }

    fn sign(&self, header: &Header, claims: &Value) -> String {
        let key = if header.alg == Algorithm::EdDSA {
            &self.ed
        } else {
            &self.rsa
        };
        jsonwebtoken::encode(header, claims, key).unwrap()
    }

    fn token(&self, change: impl FnOnce(&mut Header, &mut Map<String, Value>)) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("ed".into());
        let mut claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "tenant": "acme", "exp": NOW + 600,
            "nbf": NOW - 600, "roles": ["analyst"], "scope": "tools:read tools:call",
        });
        change(&mut header, claims.as_object_mut().unwrap());
        self.sign(&header, &claims)
    }

    fn claim(&self, name: &str, value: Value) -> String {
        self.token(|_, claims| {
            claims.insert(name.to_owned(), value);
        })
    }

    fn without(&self, name: &str) -> String {
        self.token(|_, claims| {
            claims.remove(name);
        })
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn headers(credential: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(credential).unwrap());
    headers
}

fn bearer(token: &str) -> HeaderMap {
    headers(&format!("Bearer {token}"))
}

/// A token of these parts, whatever they are.
fn raw(header: &Value, claims: &str, signature: &str) -> String {
    format!("{}.{claims}.{signature}", BASE64.encode(header.to_string()))
}

fn part(token: &str, index: usize) -> &str {
    token.split('.').nth(index).unwrap()
}

#[test]
fn a_good_token_says_who_calls() {
    let issuer = Issuer::new();
    let gateway = issuer.gateway();
    for token in [
        issuer.token(|_, _| {}),
        issuer.token(|header, _| {
            header.alg = Algorithm::RS256;
            header.kid = Some("rsa".into());
        }),
        issuer.token(|header, _| header.typ = Some("at+jwt".into())),
        issuer.claim("aud", json!(["https://other.example.com", AUDIENCE])),
        issuer.claim("exp", json!(NOW - 29)),
        issuer.claim("nbf", json!(NOW + 29)),
        issuer.without("nbf"),
        issuer.claim("roles", json!("analyst")),
    ] {
        let ada = gateway
            .authenticate(&bearer(&token), Peer::Remote, at(NOW))
            .unwrap();
        assert_eq!(
            (ada.to_string().as_str(), ada.auth()),
            ("acme/ada", AuthMethod::Jwt)
        );
        assert!(ada.has_role("analyst"));
        assert_eq!(
            ada.scopes().collect::<Vec<_>>(),
            ["tools:call", "tools:read"]
        );
    }
}

/// Tokens whose claims are wrong, all with a good signature, and why they are refused.
fn wrong_claims(issuer: &Issuer) -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("expired", issuer.claim("exp", json!(NOW - 31)), "expired"),
        ("no expiry", issuer.without("exp"), "no expiry"),
        (
            "expiry as text",
            issuer.claim("exp", json!("never")),
            "an expiry that cannot be read",
        ),
        (
            "negative expiry",
            issuer.claim("exp", json!(-1)),
            "an expiry that cannot be read",
        ),
        (
            "not valid yet",
            issuer.claim("nbf", json!(NOW + 31)),
            "not valid yet",
        ),
        (
            "beginning as text",
            issuer.claim("nbf", json!("now")),
            "a beginning that cannot be read",
        ),
        (
            "other issuer",
            issuer.claim("iss", json!("https://evil.example")),
            "another issuer",
        ),
        (
            "issuer with slash",
            issuer.claim("iss", json!(format!("{ISSUER}/"))),
            "another issuer",
        ),
        (
            "issuer as list",
            issuer.claim("iss", json!([ISSUER])),
            "another issuer",
        ),
        ("no issuer", issuer.without("iss"), "another issuer"),
        (
            "other audience",
            issuer.claim("aud", json!("https://other.example")),
            "another audience",
        ),
        ("no audience", issuer.without("aud"), "another audience"),
        (
            "empty audience",
            issuer.claim("aud", json!([])),
            "another audience",
        ),
        (
            "mixed audience",
            issuer.claim("aud", json!([AUDIENCE, 1])),
            "another audience",
        ),
        ("no subject", issuer.without("sub"), "no subject"),
        (
            "subject of control characters",
            issuer.claim("sub", json!("a\nb")),
            "a subject that is no principal id",
        ),
        ("no tenant", issuer.without("tenant"), "no tenant"),
        (
            "tenant as list",
            issuer.claim("tenant", json!(["acme"])),
            "no tenant",
        ),
        (
            "tenant with a space",
            issuer.claim("tenant", json!("acme other")),
            "a tenant that is no tenant id",
        ),
        (
            "roles as mapping",
            issuer.claim("roles", json!({ "admin": true })),
            "roles that cannot be read",
        ),
        (
            "roles of numbers",
            issuer.claim("roles", json!([1])),
            "roles that cannot be read",
        ),
    ]
}

/// Tokens whose header, form or signature is wrong, and why they are refused.
fn wrong_signatures(issuer: &Issuer) -> Vec<(&'static str, String, &'static str)> {
    const SIGNATURE: &str = "a signature that does not hold";
    const UNREADABLE: &str = "no JWT that can be read";
    const ALGORITHM: &str = "an algorithm that its key is not for";
    let good = issuer.token(|_, _| {});
    let (claims, signature) = (part(&good, 1), part(&good, 2));
    let admin = issuer.claim("roles", json!(["admin"]));
    let stranger = Issuer::new();
    let hmac = |secret: &[u8], kid: &str| {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(kid.to_owned());
        let claims: Value = serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap();
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let ed_public = issuer.jwks.pointer("/keys/0/x").unwrap().as_str().unwrap();
    // Another character of base64: a flipped bit of one may be none.
    let (rest, last) = good.split_at(good.len() - 10);
    let other = if last.starts_with('A') { "B" } else { "A" };
    let flipped = format!("{rest}{other}{}", last.get(1..).unwrap());
    vec![
        (
            "alg none",
            raw(&json!({ "alg": "none", "kid": "ed" }), claims, ""),
            UNREADABLE,
        ),
        (
            "alg NONE",
            raw(&json!({ "alg": "NONE", "kid": "ed" }), claims, signature),
            UNREADABLE,
        ),
        (
            "no alg",
            raw(&json!({ "kid": "ed" }), claims, signature),
            UNREADABLE,
        ),
        (
            "HMAC with the RSA modulus",
            hmac(issuer.rsa_modulus.as_bytes(), "rsa"),
            ALGORITHM,
        ),
        (
            "HMAC with the Ed25519 key",
            hmac(&BASE64.decode(ed_public).unwrap(), "ed"),
            ALGORITHM,
        ),
        ("HMAC with the empty secret", hmac(b"", "ed"), ALGORITHM),
        (
            "the algorithm of another key",
            raw(&json!({ "alg": "RS256", "kid": "ed" }), claims, signature),
            ALGORITHM,
        ),
        (
            "an algorithm that the key set excludes",
            issuer.token(|header, _| {
                header.alg = Algorithm::PS256;
                header.kid = Some("rsa".into());
            }),
            ALGORITHM,
        ),
        (
            "the key of a stranger",
            stranger.token(|_, _| {}),
            SIGNATURE,
        ),
        (
            "its own key in the header",
            stranger.token(|header, _| {
                header.jwk = Some(Jwk::from_encoding_key(&stranger.ed, Algorithm::EdDSA).unwrap());
            }),
            SIGNATURE,
        ),
        (
            "its own key set in the header",
            stranger.token(|header, _| {
                header.jku = Some("http://127.0.0.1:1/jwks.json".into());
                header.x5u = Some("http://127.0.0.1:1/cert.pem".into());
            }),
            SIGNATURE,
        ),
        (
            "an unknown key id",
            issuer.token(|header, _| header.kid = Some("other".into())),
            "a key that is not known",
        ),
        (
            "a key id that is a path",
            issuer.token(|header, _| header.kid = Some("../../dev/null".into())),
            "a key that is not known",
        ),
        (
            "no key id among several",
            issuer.token(|header, _| header.kid = None),
            "no `kid`, and there are several keys",
        ),
        (
            "a critical extension",
            issuer.token(|header, _| header.crit = Some(vec!["b64".into()])),
            "a critical extension that is not known",
        ),
        (
            "another purpose",
            issuer.token(|header, _| header.typ = Some("logout+jwt".into())),
            "a token that is for another purpose",
        ),
        ("another signature", flipped, SIGNATURE),
        (
            "a truncated signature",
            good.get(..good.len() - 4).unwrap().to_owned(),
            SIGNATURE,
        ),
        (
            "no signature",
            format!("{}.{claims}.", part(&good, 0)),
            SIGNATURE,
        ),
        (
            "the claims of another token",
            format!("{}.{}.{signature}", part(&good, 0), part(&admin, 1)),
            SIGNATURE,
        ),
        (
            "two parts",
            format!("{}.{claims}", part(&good, 0)),
            UNREADABLE,
        ),
        ("five parts", format!("{good}.a.b"), UNREADABLE),
        ("no JWT", "ghp_0123456789".to_owned(), UNREADABLE),
        ("padding", format!("{good}=="), SIGNATURE),
    ]
}

#[test]
fn a_bad_token_is_refused_and_never_becomes_anonymous() {
    let issuer = Issuer::new();
    let gateway = issuer.gateway();
    let corpus = [wrong_claims(&issuer), wrong_signatures(&issuer)].concat();
    assert!(corpus.len() >= 30);
    for (name, token, reason) in corpus {
        let error = gateway
            .authenticate(&bearer(&token), Peer::Loopback, at(NOW))
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.reason()),
            (AuthErrorKind::Invalid, reason),
            "{name}"
        );
        assert_eq!(error.status(), StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(
            error.www_authenticate(),
            "Bearer realm=\"mcpo2\", error=\"invalid_token\", \
             resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\"",
            "{name}"
        );
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains(part(&format!("{token}.."), 1)) || token.len() < 20,
            "{name}: {shown}"
        );
    }
}

#[test]
fn a_credential_that_cannot_be_read_is_refused() {
    let issuer = Issuer::new();
    let gateway = issuer.gateway();
    let good = issuer.token(|_, _| {});
    let mut twice = bearer(&good);
    twice.append(
        AUTHORIZATION,
        HeaderValue::from_str(&format!("Bearer {good}")).unwrap(),
    );
    let mut binary = HeaderMap::new();
    binary.insert(
        AUTHORIZATION,
        HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap(),
    );
    for (name, headers) in [
        ("two headers", twice),
        ("not UTF-8", binary),
        ("no scheme", headers(&good)),
        ("another scheme", headers("Basic YTpi")),
        ("no token", headers("Bearer ")),
        ("two tokens", headers(&format!("Bearer {good} {good}"))),
        (
            "two tokens with a comma",
            headers(&format!("Bearer {good},{good}")),
        ),
        ("too long", bearer(&"a".repeat(20_000))),
    ] {
        let error = gateway
            .authenticate(&headers, Peer::Loopback, at(NOW))
            .unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Malformed, "{name}");
        assert_eq!(error.status(), StatusCode::BAD_REQUEST, "{name}");
        let challenge = error.www_authenticate().to_str().unwrap();
        assert!(
            challenge.contains("error=\"invalid_request\""),
            "{name}: {challenge}"
        );
    }
    let lower = headers(&format!("bearer {good}"));
    gateway.authenticate(&lower, Peer::Remote, at(NOW)).unwrap();
}

#[test]
fn a_token_that_was_verified_is_good_only_until_it_expires() {
    let issuer = Issuer::new();
    let gateway = issuer.gateway();
    let headers = bearer(&issuer.token(|_, _| {}));
    let first = gateway
        .authenticate(&headers, Peer::Remote, at(NOW))
        .unwrap();
    let again = gateway
        .authenticate(&headers, Peer::Remote, at(NOW + 1))
        .unwrap();
    assert!(
        std::sync::Arc::ptr_eq(&first, &again),
        "it comes from the cache"
    );
    let error = gateway
        .authenticate(&headers, Peer::Remote, at(NOW + 630))
        .unwrap_err();
    assert_eq!(error.reason(), "expired");
}

#[test]
fn a_single_key_needs_no_id_but_a_wrong_one_is_refused() {
    let issuer = Issuer::new();
    let only = |with_id: bool| {
        let mut jwks = issuer.jwks.clone();
        jwks.pointer_mut("/keys")
            .unwrap()
            .as_array_mut()
            .unwrap()
            .truncate(1);
        if !with_id {
            jwks.pointer_mut("/keys/0")
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove("kid");
        }
        let mut identity = Identity::default();
        identity.jwt = Some(issuer.config(&jwks));
        Authenticator::new(&identity).unwrap()
    };
    let none = bearer(&issuer.token(|header, _| header.kid = None));
    let wrong = bearer(&issuer.token(|header, _| header.kid = Some("other".into())));
    for gateway in [only(true), only(false)] {
        gateway.authenticate(&none, Peer::Remote, at(NOW)).unwrap();
    }
    assert!(
        only(true)
            .authenticate(&wrong, Peer::Remote, at(NOW))
            .is_err()
    );
}

#[test]
fn a_dangerous_key_set_is_no_key_set() {
    let issuer = Issuer::new();
    let ed = issuer.jwks.pointer("/keys/0").unwrap();
    let with = |key: &str, value: Value| {
        let mut changed = ed.clone();
        changed
            .as_object_mut()
            .unwrap()
            .insert(key.to_owned(), value);
        changed
    };
    for (name, jwks) in [
        ("no set", json!([])),
        ("empty", json!({ "keys": [] })),
        (
            "a private key",
            json!({ "keys": [with("d", json!("AAAA"))] }),
        ),
        (
            "a symmetric key",
            json!({ "keys": [{ "kty": "oct", "alg": "HS256", "kid": "a", "k": "c2VjcmV0" }] }),
        ),
        (
            "a key for encryption",
            json!({ "keys": [with("use", json!("enc"))] }),
        ),
        (
            "a symmetric algorithm",
            json!({ "keys": [with("alg", json!("HS256"))] }),
        ),
        ("an id twice", json!({ "keys": [ed, ed] })),
        (
            "a nameless key beside another",
            json!({ "keys": [ed, with("kid", Value::Null)] }),
        ),
    ] {
        let mut identity = Identity::default();
        identity.jwt = Some(issuer.config(&jwks));
        let error = Authenticator::new(&identity).unwrap_err();
        assert_eq!(error.path(), "jwt.jwks_file", "{name}: {error}");
    }
}

#[test]
fn the_operator_may_narrow_the_algorithms() {
    let issuer = Issuer::new();
    let mut identity = Identity::default();
    let mut jwt = issuer.config(&issuer.jwks);
    jwt.algorithms = vec![config::Algorithm::RS256];
    identity.jwt = Some(jwt);
    let gateway = Authenticator::new(&identity).unwrap();
    let error = gateway.authenticate(&bearer(&issuer.token(|_, _| {})), Peer::Remote, at(NOW));
    assert_eq!(error.unwrap_err().kind(), AuthErrorKind::Invalid);
}

#[test]
fn a_project_is_what_the_token_the_key_or_the_file_says() {
    let issuer = Issuer::new();
    let gateway = issuer.gateway();
    let of = |token: String| {
        let caller = gateway.authenticate(&bearer(&token), Peer::Remote, at(NOW));
        caller.map(|caller| caller.project().map(str::to_owned))
    };
    assert_eq!(of(issuer.token(|_, _| {})).unwrap(), None);
    assert_eq!(of(issuer.claim("project", Value::Null)).unwrap(), None);
    let web = of(issuer.claim("project", json!("web"))).unwrap();
    assert_eq!(web.as_deref(), Some("web"));
    let error = of(issuer.claim("project", json!(["web"]))).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Invalid);

    let new = NewKey::generate("ci-bot".parse().unwrap()).unwrap();
    let tenant: TenantId = "acme".parse().unwrap();
    let mut key = ApiKey::new(new.id().clone(), tenant.clone(), new.hash().clone());
    key.project = Some("ci".into());
    let mut anonymous = Anonymous::new(tenant);
    anonymous.project = Some("trial".into());
    let mut identity = Identity::default();
    identity.api_keys.push(key);
    identity.anonymous = Some(anonymous);
    let gateway = Authenticator::new(&identity).unwrap();
    let key = bearer(new.text().expose());
    for (headers, project) in [(key, "ci"), (HeaderMap::new(), "trial")] {
        let caller = gateway.authenticate(&headers, Peer::Loopback, at(NOW));
        assert_eq!(caller.unwrap().project(), Some(project));
    }
}

#[test]
fn an_api_key_is_its_owner_and_no_other_text_is() {
    let new = NewKey::generate("ci-bot".parse().unwrap()).unwrap();
    let forged = NewKey::generate("ci-bot".parse().unwrap()).unwrap();
    let stranger = NewKey::generate("stranger".parse().unwrap()).unwrap();
    let mut key = ApiKey::new(
        new.id().clone(),
        "acme".parse().unwrap(),
        new.hash().clone(),
    );
    key.roles = vec!["builder".into()];
    key.kind = PrincipalKind::Service;
    let mut identity = Identity::default();
    identity.api_keys.push(key.clone());
    identity.anonymous = Some(Anonymous::new("local".parse().unwrap()));
    let gateway = Authenticator::new(&identity).unwrap();

    let text = new.text().expose();
    let bot = gateway
        .authenticate(&bearer(text), Peer::Remote, at(NOW))
        .unwrap();
    assert_eq!(
        (bot.to_string().as_str(), bot.auth()),
        ("acme/ci-bot", AuthMethod::ApiKey)
    );
    assert!(bot.has_role("builder") && bot.kind() == PrincipalKind::Service);

    let shorter = text.get(..text.len() - 1).unwrap();
    let hash = new.hash().to_string();
    for bad in [
        forged.text().expose(),
        stranger.text().expose(),
        shorter,
        "mcpo2_",
        "mcpo2_ci-bot_",
        hash.get(3..).unwrap(),
    ] {
        let error = gateway
            .authenticate(&bearer(bad), Peer::Loopback, at(NOW))
            .unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Invalid, "{bad}");
    }

    identity.api_keys.push(key);
    let error = Authenticator::new(&identity).unwrap_err();
    assert_eq!(
        (error.path(), error.message()),
        ("api_keys.1", "the id `ci-bot` stands twice")
    );
}

#[test]
fn nobody_in_particular_comes_from_this_machine_and_through_no_proxy() {
    let mut identity = Identity::default();
    identity.anonymous = Some(Anonymous::new("local".parse().unwrap()));
    let gateway = Authenticator::new(&identity).unwrap();
    let nobody = gateway
        .authenticate(&HeaderMap::new(), Peer::Loopback, at(NOW))
        .unwrap();
    assert_eq!(nobody.to_string(), "local/anonymous");
    assert_eq!(
        (nobody.kind(), nobody.auth()),
        (PrincipalKind::Anonymous, AuthMethod::None)
    );

    let error = gateway
        .authenticate(&HeaderMap::new(), Peer::Remote, at(NOW))
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Missing);
    assert_eq!(error.www_authenticate(), "Bearer realm=\"mcpo2\"");
    for name in ["forwarded", "x-forwarded-for", "x-real-ip", "via"] {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static("203.0.113.7"));
        assert!(
            gateway
                .authenticate(&headers, Peer::Loopback, at(NOW))
                .is_err(),
            "{name}"
        );
    }
    let closed = Authenticator::new(&Identity::default()).unwrap();
    assert!(
        closed
            .authenticate(&HeaderMap::new(), Peer::Loopback, at(NOW))
            .is_err()
    );

    assert_eq!(
        Peer::from("127.8.9.1".parse::<std::net::IpAddr>().unwrap()),
        Peer::Loopback
    );
    assert_eq!(
        Peer::from("::ffff:127.0.0.1".parse::<std::net::IpAddr>().unwrap()),
        Peer::Loopback
    );
    assert_eq!(
        Peer::from("192.168.1.1".parse::<std::net::IpAddr>().unwrap()),
        Peer::Remote
    );
}
