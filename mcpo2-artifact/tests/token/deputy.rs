//! A token in the wrong hands: the principal of the reading request decides, and then the policy.

use mcpo2_artifact::token::{Audience, Bearer, Caveat, Mint, Object, Presenter, Reason};
use mcpo2_core::{Approval, AuthMethod, Decision, Denial, Digest, Obligations};

use crate::gateway::{Gateway, ada, mint, principal, tenant};

#[test]
fn a_token_of_ada_opens_nothing_for_anyone_else() {
    let gateway = Gateway::new();
    let token = gateway.sign(mint());
    let refused = |tenant: &str, id: &str, auth| {
        let presenter = principal(tenant, id, auth);
        gateway.read(token.token(), &presenter).unwrap_err()
    };
    assert_eq!(refused("acme", "bob", AuthMethod::Jwt), Reason::Audience);
    assert_eq!(refused("evil", "ada", AuthMethod::Jwt), Reason::Tenant);
    // The same person by an API key that a script has is another caller.
    assert_eq!(refused("acme", "ada", AuthMethod::ApiKey), Reason::Audience);
    assert_eq!(refused("acme", "ada", AuthMethod::None), Reason::Audience);
    let ada = ada().with_roles(["analyst"]).with_project("apollo");
    assert!(gateway.read(token.token(), &ada).is_ok());
}

#[test]
fn another_client_or_run_of_ada_is_refused() {
    let gateway = Gateway::new();
    let audience = Audience::principal(&ada());
    let audience = audience.with_client("ide".parse().unwrap());
    let audience = audience.with_run("run-1".parse().unwrap());
    let object = Object::Blob(Digest::of(b"a log"));
    let token = gateway.sign(Mint::new(tenant("acme"), object, audience));
    let ada = ada();
    let of = |client: Option<&'static str>, run: Option<&'static str>| {
        let mut presenter = Presenter::new(&ada);
        if let Some(client) = client {
            presenter = presenter.with_client(client);
        }
        if let Some(run) = run {
            presenter = presenter.with_run(run);
        }
        gateway.read(token.token(), presenter).err()
    };
    assert_eq!(of(Some("ide"), Some("run-1")), None);
    for (client, run) in [
        (None, None),
        (Some("ide"), None),
        (None, Some("run-1")),
        (Some("ci"), Some("run-1")),
        (Some("ide"), Some("run-2")),
    ] {
        assert_eq!(
            of(client, run),
            Some(Reason::Audience),
            "{client:?} {run:?}"
        );
    }
}

#[test]
fn a_token_for_a_client_is_for_each_principal_of_the_tenant_there() {
    let gateway = Gateway::new();
    let object = Object::Blob(Digest::of(b"a log"));
    let audience = Audience::client("ci".parse().unwrap());
    let token = gateway.sign(Mint::new(tenant("acme"), object, audience));
    let [bob, eve] = ["acme", "evil"].map(|it| principal(it, "bob", AuthMethod::Jwt));
    let read = |principal| {
        let presenter = Presenter::new(principal).with_client("ci");
        gateway.read(token.token(), presenter).err()
    };
    assert_eq!(read(&bob), None);
    assert_eq!(read(&eve), Some(Reason::Tenant));
    assert_eq!(
        gateway.read(token.token(), &bob).unwrap_err(),
        Reason::Audience
    );
}

#[test]
fn a_bearer_token_needs_a_policy_and_can_be_bound_by_its_holder() {
    let gateway = Gateway::new();
    for decision in [
        Decision::Deny(Denial::new(vec![], "no bearers")),
        Decision::Ask(Approval::new(vec![], "ask first")),
    ] {
        let refused = Bearer::decide(decision).unwrap_err();
        assert_eq!(refused.reason(), Reason::Policy);
    }
    let bearer = Bearer::decide(Decision::Allow(Obligations::default())).unwrap();
    let object = Object::Blob(Digest::of(b"a log"));
    let token = gateway.sign(Mint::new(tenant("acme"), object, Audience::bearer(bearer)));
    let bob = principal("acme", "bob", AuthMethod::Jwt);
    let grant = gateway.read(token.token(), &bob).unwrap();
    assert!(grant.is_bearer());
    let eve = principal("evil", "bob", AuthMethod::Jwt);
    assert_eq!(
        gateway.read(token.token(), &eve).unwrap_err(),
        Reason::Tenant
    );

    let bound = token.attenuate(&Caveat::principal(&ada())).unwrap();
    assert!(gateway.read(bound.token(), &ada()).is_ok());
    assert_eq!(
        gateway.read(bound.token(), &bob).unwrap_err(),
        Reason::Audience
    );
}

#[test]
fn the_policy_has_the_last_word() {
    let gateway = Gateway::new();
    let token = gateway.sign(mint());
    let grant = gateway.read(token.token(), &ada()).unwrap();
    let denied = grant.decide(Decision::Deny(Denial::new(vec![], "not any more")));
    let denied = denied.unwrap_err();
    assert_eq!(denied.reason(), Reason::Policy);
    assert_eq!(denied.to_string(), "no such artifact");
}
