//! Row U11: who a module over `https` is, and that nothing is sent to anybody else.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod site;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Version};
use mcpo2_core::ErrorKind;
use mcpo2_route::upstream::{
    ClientInfo, Limits, Upstream,
    http::{Endpoint, EndpointError, HttpUpstream, Tls, TlsError},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};

use site::{Answers, PONG, Site, ping, text};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A certificate with those that vouch for it, and its key.
struct Leaf {
    chain: String,
    key: String,
}

fn authority() -> Authority {
    named("an authority")
}

fn named(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

fn issued(by: &Authority, params: &CertificateParams) -> Leaf {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    Leaf {
        chain: certificate.pem(),
        key: key.serialize_pem(),
    }
}

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const OLD: &[&SupportedProtocolVersion] = &[&TLS12];

/// How a server speaks TLS.
struct Server<'a> {
    leaf: &'a Leaf,
    protocols: &'a [&'a str],
    versions: &'a [&'static SupportedProtocolVersion],
    clients: Option<&'a Authority>,
}

impl<'a> Server<'a> {
    fn of(leaf: &'a Leaf) -> Self {
        Self {
            leaf,
            protocols: &["h2", "http/1.1"],
            versions: BOTH,
            clients: None,
        }
    }

    async fn start(self) -> Site {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)
            .unwrap();
        let builder = match self.clients {
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.der().clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                builder.with_client_cert_verifier(verifier.unwrap())
            }
            None => builder.with_no_client_auth(),
        };
        let chain = rustls::pki_types::CertificateDer::pem_slice_iter(self.leaf.chain.as_bytes())
            .map(Result::unwrap)
            .collect();
        let key = PrivateKeyDer::from_pem_slice(self.leaf.key.as_bytes()).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        let protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec());
        config.alpn_protocols = protocols.collect();
        Site::serve("127.0.0.1", Some(config), site::stateless).await
    }
}

fn upstream(site: &Site, tls: Tls) -> HttpUpstream {
    let url = format!("https://module.example:{}/mcp", site.address.port());
    let secret = HeaderValue::from_static("Bearer ours");
    let headers: HeaderMap = [(http::header::AUTHORIZATION, secret)]
        .into_iter()
        .collect();
    let endpoint = Endpoint::new(url.parse().unwrap(), headers)
        .unwrap()
        .network(mcpo2_route::upstream::http::Network::Loopback)
        .tls(tls);
    let answers = Answers::new(&["127.0.0.1"]);
    HttpUpstream::with_resolver(endpoint, ClientInfo::default(), Limits::default(), answers)
        .unwrap()
}

fn trusting(authority: &Authority) -> Tls {
    Tls::new().trusting(authority.pem().as_bytes()).unwrap()
}

/// Opens a link, which does not work, and gives the reason for the operator.
async fn refused(site: &Site, tls: Tls) -> String {
    let error = upstream(site, tls).open(None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.to_string(), "the module is not available");
    assert_eq!(site.seen().len(), 0, "the request got there all the same");
    error.chain().to_string()
}

async fn works(site: &Site, tls: Tls) -> Version {
    let link = upstream(site, tls).open(None).await.unwrap();
    assert_eq!(text(ping(&*link).await.unwrap()), PONG);
    site.seen()[0].version
}

#[tokio::test]
async fn u11_a_module_of_a_private_authority_is_spoken_to_in_each_version_of_http_and_tls() {
    let authority = authority();
    let leaf = issued(&authority, &params("module.example"));
    for (protocols, version) in [
        (&["h2", "http/1.1"] as &[_], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        for versions in [&[&TLS13] as &[_], OLD] {
            let server = Server {
                protocols,
                versions,
                ..Server::of(&leaf)
            };
            let site = server.start().await;
            assert_eq!(works(&site, trusting(&authority)).await, version);
        }
    }
}

#[tokio::test]
async fn u11_a_certificate_that_is_not_right_is_refused_and_the_cause_is_named() {
    let (ours, namesake, theirs) = (authority(), authority(), named("another authority"));
    let mut expired = params("module.example");
    (expired.not_before, expired.not_after) =
        (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let mut early = params("module.example");
    (early.not_before, early.not_after) = (date_time_ymd(2999, 1, 1), date_time_ymd(3000, 1, 1));
    let mut nameless = params("module.example");
    nameless.subject_alt_names.clear();
    nameless
        .distinguished_name
        .push(DnType::CommonName, "module.example");
    let key = KeyPair::generate().unwrap();
    let alone = Leaf {
        chain: params("module.example").self_signed(&key).unwrap().pem(),
        key: key.serialize_pem(),
    };
    for (leaf, cause) in [
        (issued(&ours, &expired), "expired"),
        (issued(&ours, &early), "not valid yet"),
        (
            issued(&ours, &params("other.example")),
            "not valid for name",
        ),
        (issued(&ours, &params("example")), "not valid for name"),
        (issued(&ours, &nameless), "not valid for name"),
        (issued(&theirs, &params("module.example")), "UnknownIssuer"),
        (issued(&namesake, &params("module.example")), "BadSignature"),
        (alone, "UnknownIssuer"),
    ] {
        let site = Server::of(&leaf).start().await;
        let reason = refused(&site, trusting(&ours)).await;
        assert!(reason.contains(cause), "{cause}: {reason}");
        assert_eq!(site.connections(), 1, "tried in another way");
    }
}

#[tokio::test]
async fn u11_without_an_authority_of_its_own_the_platform_decides() {
    let authority = authority();
    let leaf = issued(&authority, &params("module.example"));
    let site = Server::of(&leaf).start().await;
    let reason = refused(&site, Tls::new()).await;
    assert!(reason.contains("certificate"), "{reason}");
}

#[tokio::test]
async fn u11_a_server_without_tls_gets_no_request_in_clear() {
    let site = Site::start("127.0.0.1", site::stateless).await;
    let reason = refused(&site, trusting(&authority())).await;
    assert!(reason.contains("corrupt message"), "{reason}");
}

#[tokio::test]
async fn u11_a_module_may_be_known_by_another_name_than_that_of_its_url() {
    let authority = authority();
    let leaf = issued(&authority, &params("inside.example"));
    let site = Server::of(&leaf).start().await;
    refused(&site, trusting(&authority)).await;
    let named = trusting(&authority).server_name("inside.example").unwrap();
    works(&site, named).await;
    let wrong = trusting(&authority).server_name("module.example").unwrap();
    let again = Server::of(&leaf).start().await;
    let reason = refused(&again, wrong).await;
    assert!(reason.contains("not valid for name"), "{reason}");
}

#[tokio::test]
async fn u11_a_module_that_asks_for_a_certificate_gets_ours() {
    let (authority, theirs) = (authority(), authority());
    let leaf = issued(&authority, &params("module.example"));
    let ours = issued(&authority, &params("gateway.example"));
    let server = || Server {
        clients: Some(&authority),
        versions: OLD,
        ..Server::of(&leaf)
    };
    let showing = |leaf: &Leaf| {
        let (chain, key) = (leaf.chain.as_bytes(), leaf.key.as_bytes());
        trusting(&authority).presenting(chain, key).unwrap()
    };
    works(&server().start().await, showing(&ours)).await;
    refused(&server().start().await, trusting(&authority)).await;
    let stranger = issued(&theirs, &params("gateway.example"));
    refused(&server().start().await, showing(&stranger)).await;
}

#[test]
fn u11_certificates_that_are_of_no_use_are_found_before_anything_is_sent() {
    let authority = authority();
    let (one, two) = (
        issued(&authority, &params("a.example")),
        issued(&authority, &params("b.example")),
    );
    assert!(matches!(
        Tls::new().trusting(b""),
        Err(TlsError::NoCertificate)
    ));
    assert!(matches!(
        Tls::new().trusting(one.key.as_bytes()),
        Err(TlsError::NoCertificate)
    ));
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    assert!(matches!(
        Tls::new().trusting(broken.as_bytes()),
        Err(TlsError::Pem(_))
    ));
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let nonsense = Tls::new().trusting(nonsense.as_bytes());
    assert!(matches!(nonsense, Err(TlsError::Certificate(_))));
    assert!(Tls::new().presenting(one.chain.as_bytes(), b"").is_err());
    assert!(matches!(Tls::new().server_name("a b"), Err(TlsError::Name)));

    // A key of another certificate.
    let (chain, key) = (one.chain.as_bytes(), two.key.as_bytes());
    let mixed = Tls::new().presenting(chain, key).unwrap();
    assert!(!format!("{mixed:?}").contains("PRIVATE"));
    let url = "https://module.example/".parse().unwrap();
    let endpoint = Endpoint::new(url, HeaderMap::new()).unwrap().tls(mixed);
    let upstream = HttpUpstream::new(endpoint, ClientInfo::default(), Limits::default());
    assert!(matches!(upstream, Err(EndpointError::Tls(_))));
}
