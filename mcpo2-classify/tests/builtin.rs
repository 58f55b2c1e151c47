//! The built-in pack against requests that people wrote before it existed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed test may panic"
)]

use mcpo2_classify::{Config, Outcome, Rules};
use serde::Deserialize;

#[derive(Deserialize)]
struct Queries {
    labelled: Vec<Labelled>,
    ambiguous: Vec<Ambiguous>,
}

#[derive(Deserialize)]
struct Labelled {
    query: String,
    family: String,
}

#[derive(Deserialize)]
struct Ambiguous {
    query: String,
    acceptable: Vec<String>,
}

struct Score {
    right: usize,
    confident_wrong: usize,
    of: usize,
}

/// The pack was written with these in sight, so this guards against getting worse; it claims
/// nothing about requests that nobody has seen.
#[test]
fn requests_of_the_development_half_are_understood() {
    let score = score(&queries(include_str!("data/family_queries.json")).labelled);
    assert_eq!(score.of, 48);
    assert!(score.right >= 46, "{} of {}", score.right, score.of);
    assert_eq!(score.confident_wrong, 0);
}

/// The other half is kept elsewhere: name its file in `MCPO2_HELD_OUT`, and read the output.
#[test]
fn the_held_out_half_is_reported() {
    let Ok(path) = std::env::var("MCPO2_HELD_OUT") else {
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let Score {
        right,
        confident_wrong,
        of,
    } = score(&queries(&text).labelled);
    println!("held-out: {right} of {of} right, {confident_wrong} confidently wrong");
}

#[test]
fn what_is_ambiguous_is_left_open_or_read_in_an_acceptable_way() {
    let (rules, queries) = (builtin(), queries(include_str!("data/family_queries.json")));
    let mut open = 0;
    for Ambiguous { query, acceptable } in &queries.ambiguous {
        match rules.classify_text(query).family() {
            Some(family) => assert!(
                acceptable.iter().any(|f| f == family.as_str()),
                "{query}: {family}"
            ),
            None => open += 1,
        }
    }
    assert!(open >= 4, "{open} of {}", queries.ambiguous.len());
}

/// The attack that takes a linear classifier in every case: a short request, and five sentences of
/// another family.
#[test]
fn stuffing_never_changes_one_family_into_another() {
    let (rules, queries) = (builtin(), queries(include_str!("data/family_queries.json")));
    for victim in &queries.labelled {
        let Some(before) = rules.classify_text(&victim.query).family().cloned() else {
            continue;
        };
        for other in ["security", "design", "engineering"] {
            let stuffing = queries
                .labelled
                .iter()
                .filter(|q| q.family == other)
                .take(5);
            let stuffed = stuffing.fold(victim.query.clone(), |text, q| text + ". " + &q.query);
            let report = rules.classify_text(&stuffed);
            match report.outcome {
                Outcome::Decided { family, .. } => assert_eq!(family, before, "{stuffed}"),
                outcome => assert_eq!(outcome, Outcome::Ambiguous, "{stuffed}"),
            }
        }
    }
}

fn builtin() -> Rules {
    Config::builtin().compile().unwrap()
}

fn queries(text: &str) -> Queries {
    serde_json::from_str(text).unwrap()
}

fn score(labelled: &[Labelled]) -> Score {
    let rules = builtin();
    let mut score = Score {
        right: 0,
        confident_wrong: 0,
        of: labelled.len(),
    };
    for Labelled { query, family } in labelled {
        let report = rules.classify_text(query);
        match report.family() {
            Some(found) if found.as_str() == family => score.right += 1,
            None if family == "other" => score.right += 1,
            found => {
                println!("{family}: {query}: {:?}", report.scores);
                score.confident_wrong += usize::from(found.is_some());
            }
        }
    }
    score
}
