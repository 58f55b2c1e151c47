//! A pack that is wrong is refused, and the error says where.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use mcpo2_classify::{Config, ConfigErrorKind};

fn refused(rules: &str) -> (ConfigErrorKind, String) {
    let text = format!(
        r#"{{"families":{{"design":{{"min_score":10,"min_margin":5}}}},"rules":[{rules}]}}"#
    );
    let config: Config = serde_json::from_str(&text).unwrap();
    let error = config.compile().unwrap_err();
    (error.kind(), error.subject().to_owned())
}

#[test]
fn each_fault_names_its_rule() {
    use ConfigErrorKind::{DuplicateId, NeverMatches, OutOfRange, Regex, UnknownFamily};
    let good = r#"{"id":"a","family":"design","any":["logo"],"weight":10}"#;
    for (rules, kind) in [
        (format!("{good},{good}"), DuplicateId),
        (good.replace("design", "sales"), UnknownFamily),
        (good.replace("10", "0"), OutOfRange),
        (good.replace("10", "1001"), OutOfRange),
        (good.replace(r#""logo""#, ""), NeverMatches),
        (good.replace("logo", " *"), NeverMatches),
        (good.replace("logo", "Logo"), NeverMatches),
        (good.replace("logo", "l\u{f3}go"), NeverMatches),
        (good.replace("}", r#","facets":[]}"#), NeverMatches),
        (good.replace("}", r#","regex":"("}"#), Regex),
        (
            good.replace("}", r#","regex":"(\\pL{1000}){1000}"}"#),
            Regex,
        ),
    ] {
        assert_eq!(refused(&rules), (kind, "a".into()), "{rules}");
    }
}

#[test]
fn a_threshold_that_needs_no_evidence_is_refused() {
    let text = r#"{"families":{"design":{"min_score":0,"min_margin":0}}}"#;
    let config: Config = serde_json::from_str(text).unwrap();
    assert_eq!(
        config.compile().unwrap_err().kind(),
        ConfigErrorKind::OutOfRange
    );
}

#[test]
fn a_pack_may_not_grow_without_limit() {
    let mut config = Config::builtin();
    config.limits.max_rules = config.rules.len() - 1;
    assert_eq!(
        config.compile().unwrap_err().kind(),
        ConfigErrorKind::TooMany
    );
}

#[test]
fn an_empty_pack_says_nothing() {
    let rules = Config::default().compile().unwrap();
    let report = rules.classify_text("find secrets");
    assert_eq!((report.family(), report.scores.len()), (None, 0));
}

#[test]
fn the_digest_is_that_of_the_pack() {
    let (one, two) = (Config::builtin(), Config::builtin());
    let mut other = Config::builtin();
    if let Some(rule) = other.rules.first_mut() {
        rule.weight += 1;
    }
    let digest = |config: Config| config.compile().unwrap().digest();
    assert_eq!(digest(one.clone()), digest(two));
    assert_ne!(digest(one), digest(other));
}
