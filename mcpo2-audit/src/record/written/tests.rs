use std::sync::Arc;

use mcpo2_core::{
    Applied, Basis, Candidate, Classified, Decided, Digest, Effect, Filtered, Given, ItemKind,
    Listing, Offloaded, Passed, ProfileRef, ProtocolVersion, Redacted, Routing, Shadow,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use serde::Deserialize as _;

use super::*;
use crate::{ItemRef, Outcome, Record, record::put_back};

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,40}", "[\u{0}-\u{ff}]{0,20}", any::<String>()]
}

fn texts() -> impl Strategy<Value = Vec<Box<str>>> {
    vec(text().prop_map(Into::into), 0..3)
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn name<T: std::str::FromStr<Err = mcpo2_core::NameError> + std::fmt::Debug>()
-> impl Strategy<Value = T> {
    "[a-z0-9]{1,32}".prop_map(|name| name.parse().unwrap())
}

fn fact() -> impl Strategy<Value = Fact> {
    let basis = select(vec![Basis::Registry, Basis::Rules, Basis::Nothing]);
    let effect = select(vec![Effect::Allow, Effect::RequireApproval, Effect::Deny]);
    let shadow = option::of((effect.clone(), vec(name(), 0..3)))
        .prop_map(|shadow| shadow.map(|(effect, rules)| Shadow { effect, rules }));
    let candidate = (name(), text()).prop_map(|(module, verdict)| Candidate {
        module,
        verdict: verdict.into(),
    });
    let profile = (text(), text(), digest()).prop_map(|(id, version, digest)| {
        Arc::new(ProfileRef {
            id: id.into(),
            version: version.into(),
            digest,
        })
    });
    prop_oneof![
        (
            option::of(name()),
            basis,
            option::of(name()),
            texts(),
            digest()
        )
            .prop_map(
                |(family, basis, conflict, evidence, ruleset)| Fact::Classified(Classified {
                    family,
                    basis,
                    conflict,
                    evidence,
                    ruleset,
                })
            ),
        (effect, vec(name(), 0..3), text(), digest(), shadow).prop_map(
            |(effect, rules, reason, bundle, shadow)| {
                Fact::Decided(Decided {
                    effect,
                    rules,
                    reason: reason.into(),
                    bundle,
                    shadow,
                })
            }
        ),
        any::<(usize, usize)>()
            .prop_map(|(shown, hidden)| Fact::Filtered(Filtered { shown, hidden })),
        vec(name(), 0..3).prop_map(|missing| Fact::Listing(Listing { missing })),
        (
            option::of(name()),
            option::of(text()),
            vec(candidate, 0..3),
            digest()
        )
            .prop_map(
                |(module, item, candidates, registry)| Fact::Routed(Routing {
                    module,
                    item: item.map(Into::into),
                    candidates,
                    registry,
                })
            ),
        (option::of(profile), text(), texts()).prop_map(|(profile, point, stripped)| {
            Fact::Preamble(Applied {
                profile,
                point: point.into(),
                stripped,
            })
        }),
        of_texts(),
        vec((text(), any::<u64>()), 0..3).prop_map(|finders| {
            let finders = finders
                .into_iter()
                .map(|(name, count)| (name.into(), count));
            Fact::Redacted(Redacted {
                finders: finders.collect(),
            })
        }),
    ]
}

/// Facts about texts that went another way than they came.
fn of_texts() -> impl Strategy<Value = Fact> {
    let given = (digest(), digest(), any::<(u64, u64)>(), text());
    prop_oneof![
        (digest(), any::<u64>())
            .prop_map(|(digest, bytes)| Fact::Offloaded(Offloaded { digest, bytes })),
        (digest(), any::<(u64, u64)>(), text()).prop_map(|(digest, range, form)| {
            Fact::Passed(Passed {
                digest,
                range,
                form: form.into(),
            })
        }),
        given.prop_map(|(root, text, (items, tokens), point)| {
            Fact::Context(Given {
                root,
                text,
                items,
                tokens,
                point: point.into(),
            })
        }),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let item = (text(), select(vec![ItemKind::Tool, ItemKind::Resource]));
    let version = select(ProtocolVersion::ALL.to_vec());
    let sizes = any::<(u64, u64)>();
    (version, text(), option::of(item), sizes, digest()).prop_map(
        |(version, method, item, (bytes, argument_bytes), digest)| Asked {
            version,
            method: method.into(),
            item: item.map(|(name, kind)| ItemRef {
                kind,
                name: Some(name.into()),
            }),
            bytes,
            argument_bytes,
            digest,
        },
    )
}

fn ended() -> impl Strategy<Value = Ended> {
    let outcome = prop_oneof![
        select(vec![
            Outcome::Ok,
            Outcome::ToolError,
            Outcome::Denied,
            Outcome::Detached
        ]),
        any::<i64>().prop_map(|code| Outcome::Error { code }),
        text().prop_map(|kind| Outcome::Failed { kind: kind.into() }),
    ];
    let sizes = any::<(u64, u64, u64)>();
    (outcome, option::of(text()), sizes, option::of(digest())).prop_map(
        |(outcome, cause, (messages, bytes, duration_us), digest)| Ended {
            outcome,
            cause: cause.map(Into::into),
            messages,
            bytes,
            digest,
            duration_us,
        },
    )
}

fn principal() -> impl Strategy<Value = Principal> {
    (name(), name(), texts()).prop_map(|(tenant, id, roles)| {
        Principal::new(tenant, id, AuthMethod::ApiKey).with_roles(roles)
    })
}

fn source() -> impl Strategy<Value = Source> {
    let text = || prop_oneof![text(), "[a-z\"]{120,140}"];
    (text(), option::of(text())).prop_map(|(transport, remote)| {
        let source = Source::new(transport);
        match remote {
            Some(remote) => source.with_remote(remote),
            None => source,
        }
    })
}

proptest! {
    #[test]
    fn a_call_is_written_as_serde_json_writes_it_and_reads_back(
        principal in principal(),
        (source, trace, generation) in (option::of(source()), option::of(text()), any::<Option<u64>>()),
        request in asked(),
        facts in vec(fact(), 0..6),
        end in ended(),
        (random, second, nanosecond) in (any::<[u8; 16]>(), 0..4_000_000_000_i64, 0..1_000_000_000),
    ) {
        let time = Timestamp::new(second, nanosecond).unwrap();
        let way = Way {
            principal: &principal,
            source: source.as_ref(),
            trace: trace.as_deref(),
            generation,
            pseudonym: "0123",
            request: &request,
            arguments: None,
        };
        let id = RecordId::v7(time, random);
        for shape in [Shape::Call(way, &end), Shape::Intent(way), Shape::Outcome(id, &end)] {
            let call = WrittenCall {
                stamp: (id, time),
                shape,
                facts: &facts,
            };
            let public = String::from_utf8(call.json().unwrap().split_off(mcpo2_verify::BODY_HEAD)).unwrap();
            prop_assert_eq!(&public, &serde_json::to_string(&call).unwrap());
            let mut json = serde_json::from_str(&public).unwrap();
            let personal = call.personal().unwrap();
            let values = personal.iter().map(|(path, value)| (*path, value.as_str()));
            put_back(&mut json, values);
            let record = Record::deserialize(&json).unwrap();
            prop_assert_eq!(record.id, id);
            prop_assert_eq!(record.event.kind(), call.kind());
            // What was taken out is what is personal, and nothing else.
            let taken = crate::record::personal::take(&mut json);
            prop_assert_eq!(taken.len(), personal.len());
            if !matches!(shape, Shape::Outcome(..)) {
                let back = record.event.clone().principal_mut().unwrap().id.clone();
                prop_assert_eq!(back.as_ref(), Some(principal.id()));
            }
        }
    }
}
