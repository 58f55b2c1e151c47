//! The cookbook: ten situations, each a bundle that says by its own tests that it does what it says.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{collections::BTreeSet, fs, path::PathBuf};

use mcpo2_policy::{BundleConfig, Config, Engine, Given, Policy};

fn recipes() -> Vec<(PathBuf, BundleConfig)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cookbook");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        let bundle =
            serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        (file, bundle)
    };
    files.into_iter().map(read).collect()
}

fn compiled(bundle: &BundleConfig) -> Policy {
    let config = Config {
        bundles: vec![bundle.clone()],
        ..Config::default()
    };
    config
        .compile()
        .unwrap_or_else(|error| panic!("{}: {error}", bundle.id))
}

#[test]
fn each_recipe_does_what_its_tests_say() {
    let recipes = recipes();
    assert_eq!(recipes.len(), 10);
    for (file, bundle) in recipes {
        assert!(bundle.tests.len() >= 4, "{}", file.display());
        compiled(&bundle);
    }
}

#[test]
fn each_rule_of_a_recipe_decides_one_of_its_tests_and_each_recipe_refuses_something() {
    for (file, bundle) in recipes() {
        let policy = compiled(&bundle);
        let (mut decisive, mut refused) = (BTreeSet::new(), 0);
        for test in &bundle.tests {
            let given = Given::try_from(&test.given).unwrap();
            let explained = policy.explain(&given.query());
            decisive.extend(
                explained
                    .matched
                    .into_iter()
                    .map(|rule| rule.rule.to_string()),
            );
            let verdict = policy.decide(&given.query());
            refused += usize::from(verdict.decided().effect != mcpo2_core::Effect::Allow);
        }
        let rules: BTreeSet<String> = bundle.rules.iter().map(|rule| rule.id.clone()).collect();
        assert!(
            decisive.is_superset(&rules),
            "{}: {decisive:?}",
            file.display()
        );
        assert!(refused > 0, "{}", file.display());
    }
}

#[test]
fn a_test_that_fails_says_what_happened_instead() {
    let (_, mut bundle) = recipes().remove(0);
    bundle.tests[0].expect = mcpo2_policy::EffectConfig::Deny;
    let config = Config {
        bundles: vec![bundle],
        ..Config::default()
    };
    let error = config.compile().unwrap_err();
    assert_eq!(error.path(), "bundles/0/tests/0");
    assert_eq!(
        error.problem(),
        "`an analyst reads`: it is allowed by `analysts-read`, and not denied"
    );
}
