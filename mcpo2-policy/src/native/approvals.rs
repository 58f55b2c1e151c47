use mcpo2_core::{Approval, RuleId};

/// What contents all of these. Rules that ask for the same are many, and of those that ask for no
/// more than others nothing is copied but who they are.
pub(super) fn joined<'p>(
    approvals: impl Iterator<Item = &'p Approval> + Clone,
) -> Option<Approval> {
    let mut all: Option<Approval> = None;
    for approval in approvals.clone() {
        let alone = || approval.clone().with_rules(Vec::new());
        all = Some(match all {
            None => alone(),
            Some(all) if is_within(approval, &all) => all,
            Some(all) => all.join(alone()),
        });
    }
    let mut rules: Vec<RuleId> = approvals.flat_map(Approval::rules).cloned().collect();
    rules.sort();
    rules.dedup();
    all.map(|all| all.with_rules(rules))
}

/// Whether what contents `all` contents this too.
fn is_within(approval: &Approval, all: &Approval) -> bool {
    let in_time = match (approval.ttl(), all.ttl()) {
        (Some(one), Some(all)) => all <= one,
        (None, _) => true,
        (Some(_), None) => false,
    };
    in_time
        && approval.quorum() <= all.quorum()
        && (all.excludes_requester() || !approval.excludes_requester())
        && approval
            .groups()
            .all(|group| all.groups().any(|of| of == group))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn approval() -> impl Strategy<Value = Approval> {
        let groups = proptest::sample::select(&["sre", "security", "legal"][..]);
        let ttl = proptest::option::of(1..3_u64);
        (0..4_u8, groups, 1..3_u8, ttl, any::<bool>()).prop_map(
            |(id, group, quorum, ttl, other)| {
                let rules = vec![format!("r{id}").parse().unwrap()];
                let quorum = quorum.try_into().unwrap();
                let mut approval = Approval::new(rules, group).with_quorum(quorum);
                if let Some(ttl) = ttl {
                    approval = approval.with_ttl(Duration::from_secs(ttl));
                }
                if other {
                    approval = approval.by_another();
                }
                approval
            },
        )
    }

    proptest! {
        #[test]
        fn what_contents_all_is_what_each_two_join_to(
            all in proptest::collection::vec(approval(), 0..6),
        ) {
            let plain = all.iter().cloned().reduce(Approval::join);
            prop_assert_eq!(joined(all.iter()), plain);
        }
    }
}
