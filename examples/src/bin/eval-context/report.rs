use std::collections::BTreeMap;

use crate::{BUDGETS, measure::Outcome};

/// Prints recall and times, for all tasks and by repository.
pub(crate) fn print(outcomes: &[Outcome]) {
    let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        groups.entry(&outcome.repo).or_default().push(outcome);
    }
    println!("{:<28} {:>5}  {}", "file recall", "tasks", heads());
    row("all", &outcomes.iter().collect::<Vec<_>>(), |outcome| {
        outcome.files
    });
    for (repo, group) in &groups {
        row(repo, group, |outcome| outcome.files);
    }
    println!("\n{:<28} {:>5}  {}", "line recall", "tasks", heads());
    row("all", &outcomes.iter().collect::<Vec<_>>(), |outcome| {
        outcome.lines
    });
    for (repo, group) in &groups {
        row(repo, group, |outcome| outcome.lines);
    }
    let mut seconds: Vec<f64> = outcomes
        .iter()
        .flat_map(|outcome| outcome.seconds)
        .collect();
    seconds.sort_unstable_by(f64::total_cmp);
    let at = |share: usize| {
        seconds
            .get(seconds.len() * share / 100)
            .copied()
            .unwrap_or_default()
            * 1000.0
    };
    println!(
        "\nselection, warm index: p50 {:.1} ms, p95 {:.1} ms",
        at(50),
        at(95)
    );
}

fn heads() -> String {
    BUDGETS
        .map(|budget| format!("{:>6}k", budget / 1000))
        .concat()
}

fn row(name: &str, group: &[&Outcome], of: impl Fn(&Outcome) -> [f64; 5]) {
    let count = u32::try_from(group.len()).unwrap_or(u32::MAX);
    let mut sums = [0.0; 5];
    for outcome in group {
        for (sum, value) in sums.iter_mut().zip(of(outcome)) {
            *sum += value;
        }
    }
    let means = sums
        .map(|sum| format!("{:>7.3}", sum / f64::from(count.max(1))))
        .concat();
    println!("{name:<28} {count:>5}  {means}");
}
