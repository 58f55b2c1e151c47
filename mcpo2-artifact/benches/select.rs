//! What a selection costs in a large tree whose index is in memory:
//!
//! ```text
//! cargo bench -p mcpo2-artifact --features ingest,select --bench select -- DIR TASKS BUDGET
//! ```
//!
//! `TASKS` is a JSON array of objects with a `query`. Prints how large the tree is, what its index
//! took, and the median, 95th percentile and longest of all selections; judges nothing.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement that fails should say so"
)]

use std::{
    fs,
    hint::black_box,
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use mcpo2_artifact::{
    context::Workspace,
    facts::TokenEstimate,
    ingest::{Ingest, Spec},
    manifest::Content,
    select::{Estimator, SelectRequest, select},
};

fn main() {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|it| it != "--bench")
        .collect();
    let [dir, tasks, budget] = arguments.as_slice() else {
        println!("nothing to measure: DIR TASKS BUDGET");
        return;
    };
    let rules = Spec::default().compile().unwrap();
    let ingest = Ingest::new(&rules).with_threads(NonZeroUsize::new(2).unwrap());
    let began = Instant::now();
    let workspace = Workspace::of_directory(ingest, dir).unwrap();
    let took = began.elapsed();
    let digests = workspace.manifest().entries().iter();
    let digests = digests.filter_map(|entry| match entry.content() {
        Content::File { digest, .. } => Some(*digest),
        _ => None,
    });
    let texts = digests.filter_map(|digest| workspace.texts().read(&digest));
    let tokens: u64 = texts
        .map(|text| TokenEstimate::of(&String::from_utf8_lossy(&text)).about)
        .sum();
    println!(
        "{} files, about {tokens} tokens; read and indexed in {took:.1?}",
        workspace.index().len()
    );

    let tasks: Vec<serde_json::Value> = serde_json::from_slice(&fs::read(tasks).unwrap()).unwrap();
    let budget = budget.parse().unwrap();
    let mut times: Vec<Duration> = (tasks.iter().filter_map(|task| task["query"].as_str()))
        .map(|query| {
            let request = SelectRequest::new(query, budget);
            let began = Instant::now();
            black_box(select(
                &request,
                workspace.index(),
                workspace.texts(),
                &Estimator,
            ));
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!(
        "{} selections of {budget} tokens: p50 {:.1?}, p95 {:.1?}, longest {:.1?}",
        times.len(),
        at(50),
        at(95),
        at(100)
    );
}
