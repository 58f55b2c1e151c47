//! What is revoked stays so: by id, object, tenant, key, all; in bounded memory; over a restart.

use std::sync::Arc;

use mcpo2_artifact::token::{
    Audience, Issuer, Keys, Limits, MAX_LIFETIME, Mint, Object, Reason, Revocations,
    SignedReference, Snapshot, Uses, Verb, Verifier,
};
use mcpo2_core::{AuthMethod, Digest, Principal};

use crate::gateway::{GATEWAY, Gateway, ada, mint, principal, seconds, secret, tenant};

fn of(tenant_name: &str, object: &Object) -> (Mint, Principal) {
    let ada = principal(tenant_name, "ada", AuthMethod::Jwt);
    let audience = Audience::principal(&ada);
    (
        Mint::new(tenant(tenant_name), object.clone(), audience),
        ada,
    )
}

fn blob(name: &str) -> Object {
    Object::Blob(Digest::of(name.as_bytes()))
}

fn refused(gateway: &Gateway, signed: &(SignedReference, Principal)) -> Option<Reason> {
    gateway.read(signed.0.token(), &signed.1).err()
}

fn sign(gateway: &Gateway, tenant: &str, object: &Object) -> (SignedReference, Principal) {
    let (mint, ada) = of(tenant, object);
    (gateway.sign(mint), ada)
}

#[test]
fn an_object_is_revoked_for_its_tenant_alone_and_can_be_signed_anew() {
    let gateway = Gateway::new();
    let (one, two) = (blob("one"), blob("two"));
    let signed = sign(&gateway, "acme", &one);
    let others = [sign(&gateway, "acme", &two), sign(&gateway, "evil", &one)];
    gateway
        .revocations
        .revoke_object(&tenant("acme"), one.clone(), gateway.now);
    assert_eq!(refused(&gateway, &signed), Some(Reason::Revoked));
    for other in &others {
        assert_eq!(refused(&gateway, other), None);
    }
    assert_eq!(refused(&gateway, &sign(&gateway, "acme", &one)), None);
}

#[test]
fn with_a_manifest_go_its_entries() {
    let gateway = Gateway::new();
    let root = Digest::of(b"a tree");
    let entry = |path: &str| Object::Entry {
        root,
        path: path.parse().unwrap(),
    };
    let whole = sign(&gateway, "acme", &Object::Manifest(root));
    let [one, two] = ["a", "b"].map(|path| sign(&gateway, "acme", &entry(path)));
    let same_digest = sign(&gateway, "acme", &Object::Blob(root));
    gateway
        .revocations
        .revoke_object(&tenant("acme"), entry("a"), gateway.now);
    assert_eq!(refused(&gateway, &one), Some(Reason::Revoked));
    assert_eq!(refused(&gateway, &two), None);
    assert_eq!(refused(&gateway, &whole), None);
    let manifest = Object::Manifest(root);
    gateway
        .revocations
        .revoke_object(&tenant("acme"), manifest, gateway.now);
    for signed in [&whole, &one, &two] {
        assert_eq!(refused(&gateway, signed), Some(Reason::Revoked));
    }
    assert_eq!(refused(&gateway, &same_digest), None);
}

#[test]
fn a_tenant_or_everyone_is_revoked_by_one_epoch() {
    let gateway = Gateway::new();
    let object = blob("one");
    let [ours, theirs] = ["acme", "evil"].map(|it| sign(&gateway, it, &object));
    gateway
        .revocations
        .revoke_tenant(&tenant("acme"), gateway.now);
    assert_eq!(refused(&gateway, &ours), Some(Reason::Revoked));
    assert_eq!(refused(&gateway, &theirs), None);
    let new = sign(&gateway, "acme", &object);
    assert_eq!(refused(&gateway, &new), None);
    gateway.revocations.revoke_all(gateway.now);
    for signed in [&ours, &theirs, &new] {
        assert_eq!(refused(&gateway, signed), Some(Reason::Revoked));
    }
    assert_eq!(refused(&gateway, &sign(&gateway, "acme", &object)), None);
}

#[test]
fn a_revoked_key_signs_nothing_that_verifies() {
    let gateway = Gateway::new();
    let signed = gateway.sign(mint());
    let key = gateway.keys.ids().next().unwrap();
    gateway.revocations.revoke_key(key, gateway.now);
    for signed in [signed, gateway.sign(mint())] {
        assert_eq!(
            gateway.read(signed.token(), &ada()).unwrap_err(),
            Reason::Revoked
        );
    }
}

#[test]
fn what_an_earlier_policy_allowed_can_be_refused() {
    let gateway = Gateway::new();
    let old = gateway.sign(mint().with_policy_revision(7));
    let new = gateway.sign(mint().with_policy_revision(8));
    gateway.revocations.require_policy(8, gateway.now);
    gateway.revocations.require_policy(3, gateway.now);
    assert_eq!(
        gateway.read(old.token(), &ada()).unwrap_err(),
        Reason::Revoked
    );
    assert!(gateway.read(new.token(), &ada()).is_ok());
}

/// One more than a tenant has room for: it loses all of its references, and nobody else any.
#[test]
fn too_many_ids_of_a_tenant_revoke_the_tenant() {
    let gateway = Gateway::new();
    let object = blob("one");
    let revoked = sign(&gateway, "acme", &object);
    let [ours, theirs] = ["acme", "evil"].map(|it| sign(&gateway, it, &object));
    let expires = gateway.now + MAX_LIFETIME;
    let revoke = |id| {
        gateway
            .revocations
            .revoke_id(&tenant("acme"), id, expires, gateway.now)
    };
    revoke(revoked.0.id());
    for n in 0..4095_u32 {
        revoke(format!("{n:032x}").parse().unwrap());
    }
    assert_eq!(refused(&gateway, &revoked), Some(Reason::Revoked));
    assert_eq!(refused(&gateway, &ours), None);
    revoke(format!("{:032x}", 4095).parse().unwrap());
    assert_eq!(refused(&gateway, &revoked), Some(Reason::Revoked));
    assert_eq!(refused(&gateway, &ours), Some(Reason::Revoked));
    assert_eq!(refused(&gateway, &theirs), None);
    assert_eq!(refused(&gateway, &sign(&gateway, "acme", &object)), None);
}

#[test]
fn ids_that_have_expired_make_room() {
    let gateway = Gateway::new();
    let keep = sign(&gateway, "acme", &blob("one"));
    let revoke = |n: u32, now| {
        let id = format!("{n:032x}").parse().unwrap();
        gateway
            .revocations
            .revoke_id(&tenant("acme"), id, now + seconds(10), now);
    };
    for n in 0..4096 {
        revoke(n, gateway.now);
    }
    for n in 4096..8192 {
        revoke(n, gateway.now + seconds(10));
    }
    assert_eq!(refused(&gateway, &keep), None);
}

fn restarted(gateway: &Gateway, revocations: Revocations) -> Gateway {
    let revocations = Arc::new(revocations);
    let authority = || GATEWAY.parse().unwrap();
    let keys = Arc::clone(&gateway.keys);
    let issuer = Issuer::new(authority(), keys, revocations.clone(), Limits::default());
    let (keys, uses) = (Arc::clone(&gateway.keys), Arc::clone(&gateway.uses));
    let verifier = Verifier::new(authority(), keys.clone(), revocations.clone(), uses.clone());
    Gateway {
        issuer,
        verifier,
        keys,
        revocations,
        uses,
        now: gateway.now + seconds(60),
    }
}

#[test]
fn after_a_restart_that_forgot_everything_old_is_stale() {
    let gateway = Gateway::new();
    let signed = gateway.sign(mint());
    let new = restarted(&gateway, Revocations::new(gateway.now + seconds(60)));
    assert_eq!(
        new.read(signed.token(), &ada()).unwrap_err(),
        Reason::Revoked
    );
    assert!(new.read(new.sign(mint()).token(), &ada()).is_ok());
    // A clock that went back makes them of an epoch that is not known.
    let back = restarted(&gateway, Revocations::new(gateway.now - seconds(60)));
    assert_eq!(
        back.read(signed.token(), &ada()).unwrap_err(),
        Reason::Revoked
    );
}

#[test]
fn a_snapshot_carries_what_is_revoked_over_a_restart() {
    let gateway = Gateway::new();
    let (gone, stays) = (
        sign(&gateway, "acme", &blob("one")),
        sign(&gateway, "acme", &blob("two")),
    );
    let id = sign(&gateway, "acme", &blob("two"));
    let expires = gateway.now + seconds(900);
    gateway
        .revocations
        .revoke_object(&tenant("acme"), blob("one"), gateway.now);
    gateway
        .revocations
        .revoke_id(&tenant("acme"), id.0.id(), expires, gateway.now);
    let text = serde_json::to_string(&gateway.revocations.snapshot()).unwrap();
    let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
    assert_eq!(snapshot, gateway.revocations.snapshot());
    let new = restarted(&gateway, Revocations::restore(snapshot));
    for (signed, expected) in [
        (&gone, Some(Reason::Revoked)),
        (&id, Some(Reason::Revoked)),
        (&stays, None),
    ] {
        assert_eq!(refused(&new, signed), expected);
    }
}

#[test]
fn snapshots_of_two_gateways_come_to_the_same_in_any_order() {
    let [one, two] = [(); 2].map(|()| Gateway::new());
    one.revocations.revoke_tenant(&tenant("acme"), one.now);
    one.revocations
        .revoke_key(Keys::new(&secret(9)).ids().next().unwrap(), one.now);
    two.revocations
        .revoke_object(&tenant("evil"), blob("one"), two.now + seconds(1));
    let [first, second] = [&one, &two].map(|it| it.revocations.snapshot());
    let mut ends = Vec::new();
    for snapshots in [[&first, &second], [&second, &first]] {
        let third = Revocations::new(one.now);
        for snapshot in snapshots.into_iter().chain(snapshots) {
            third.absorb(snapshot, one.now);
        }
        ends.push(third.snapshot());
    }
    assert_eq!(ends[0], ends[1]);
    let gateway = Gateway::new();
    let signed = sign(&gateway, "acme", &blob("two"));
    gateway.revocations.absorb(&first, gateway.now);
    assert_eq!(refused(&gateway, &signed), Some(Reason::Revoked));
}

#[test]
fn a_snapshot_with_an_epoch_that_is_no_time_is_refused() {
    let gateway = Gateway::with(Keys::new(&secret(7)), Uses::default());
    let mut json = serde_json::to_value(gateway.revocations.snapshot()).unwrap();
    json["epoch"] = u64::MAX.into();
    assert!(serde_json::from_value::<Snapshot>(json).is_err());
    let read = gateway.verify(gateway.sign(mint()).token(), &ada(), &Verb::Read);
    assert!(read.is_ok());
}
