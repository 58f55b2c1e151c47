use mcpo2_core::{AuthMethod, Principal};
use mcpo2_route::Naming;
use mcpo2_seal::Secret;
use proptest::prelude::*;

use super::*;

fn owner(tenant: &str, id: &str) -> Digest {
    Principal::new(
        tenant.parse().unwrap(),
        id.parse().unwrap(),
        AuthMethod::ApiKey,
    )
    .binding()
}

fn registry() -> Arc<Registry> {
    Arc::new(Registry::new(Vec::new(), Naming::Prefixed).unwrap())
}

fn params(name: &str, more: &str) -> String {
    format!(
        r#"{{"protocolVersion":"2025-06-18","capabilities":{{"roots":{{"z":1.0,"a":1e400}}}},"clientInfo":{{"name":"{name}","version":"1"{more}}}}}"#
    )
}

fn session(params: &str, modules: &[(&str, &str)]) -> Session {
    let version = "2025-06-18".parse().unwrap();
    let hello = Hello::new(params.to_owned(), version);
    let from = modules.iter().map(|(module, id)| {
        let version = "2025-03-26".parse().unwrap();
        (
            module.parse().unwrap(),
            Resumption::new(*id, version, u64::MAX),
        )
    });
    Session::resumed(hello, from.collect::<Vec<_>>(), registry())
}

fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

fn ring() -> KeyRing {
    KeyRing::new(Secret::new([7; 32]), [])
}

fn reopened(id: &str) -> Session {
    let sealed = open(id, &owner("acme", "ada"), &ring()).unwrap();
    sealed.session(&registry()).unwrap()
}

fn sealed(session: &Session) -> String {
    seal(session, &owner("acme", "ada"), later(), &ring()).unwrap()
}

#[test]
fn an_id_brings_back_the_session_to_the_byte() {
    let said = params("t", "");
    let before = session(&said, &[("alpha", "one"), ("beta", "two")]);
    let id = sealed(&before);
    assert!(id.bytes().all(|byte| byte.is_ascii_graphic()));
    let after = reopened(&id);
    assert_eq!(after.hello().params(), said.as_bytes());
    assert_eq!(after.version(), before.version());
    assert_eq!(after.resumptions(), before.resumptions());
}

#[test]
fn an_id_has_an_end_and_leaves_out_what_is_missed_least() {
    let icon = format!(r#","icons":["{}"]"#, "i".repeat(4000));
    let after = reopened(&sealed(&session(&params("t", &icon), &[("alpha", "one")])));
    assert_eq!(after.hello().params(), params("t", "").as_bytes());
    assert_eq!(after.resumptions().len(), 1);

    let long = "x".repeat(1000);
    let modules = ["alpha", "beta", "gamma", "delta"].map(|module| (module, &*long));
    let id = sealed(&session(&params("t", ""), &modules));
    assert!(id.len() <= 4096, "{}", id.len());
    assert_eq!(reopened(&id).resumptions().len(), 2);

    let id = sealed(&session(&params(&"n".repeat(5000), ""), &modules));
    let opened = open(&id, &owner("acme", "ada"), &ring()).unwrap();
    assert!(opened.session(&registry()).is_none());
}

#[test]
fn an_id_is_of_use_to_its_owner_only_and_while_its_key_is_there() {
    let id = sealed(&session(&params("t", ""), &[]));
    let ada = owner("acme", "ada");
    for other in [owner("acme", "ben"), owner("globex", "ada")] {
        assert!(open(&id, &other, &ring()).is_none());
    }
    let rotated = |older: Vec<Secret>| KeyRing::new(Secret::new([8; 32]), older);
    assert!(open(&id, &ada, &rotated(vec![Secret::new([7; 32])])).is_some());
    assert!(open(&id, &ada, &rotated(Vec::new())).is_none());
    let past = SystemTime::now() - Duration::from_secs(1);
    let expired = seal(&session(&params("t", ""), &[]), &ada, past, &ring()).unwrap();
    assert!(open(&expired, &ada, &ring()).is_none());
    // A cursor of the same keys is no id.
    let cursor = ring()
        .seal("cursor", &[ada.as_bytes()], later(), b"{}")
        .unwrap();
    assert!(open(&cursor, &ada, &ring()).is_none());
}

proptest! {
    #[test]
    fn a10_no_changed_bit_no_part_and_no_other_text_is_an_id(
        at in any::<prop::sample::Index>(),
        bit in 0..7_u32,
        text in "\\PC{0,200}",
    ) {
        let ada = owner("acme", "ada");
        let id = sealed(&session(&params("t", ""), &[("alpha", "one")]));
        let mut bytes = id.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(open(&changed, &ada, &ring()).is_none());
        }
        prop_assert!(open(&id[..at], &ada, &ring()).is_none());
        prop_assert!(open(&id[at..], &ada, &ring()).is_none() || at == 0);
        let doubled = format!("{id}{id}");
        prop_assert!(open(&doubled, &ada, &ring()).is_none());
        prop_assert!(open(&text, &ada, &ring()).is_none());
    }
}

#[test]
fn an_id_says_when_its_session_began_where_that_is_known() {
    let began = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let of = || session(&params("t", ""), &[]);
    assert_eq!(reopened(&sealed(&of().begun(began))).began(), Some(began));
    assert_eq!(reopened(&sealed(&of())).began(), None);
}
