//! How much of what a change touched a pack for its task shows.
//!
//! `eval-context --tasks FILE --repos DIR` reads tasks (a JSON array of `{id, repo, base, query, gold}`) and, for each,
//! the tree at `base` from the bare clone at `DIR/OWNER+NAME`; packs are made at several budgets of `o200k_base` tokens.
//! File recall is the share of the task's files of which the pack shows a line; line recall is the share of its lines
//! that the pack shows. Both are means over tasks.

mod git;
mod measure;
mod report;
mod tree;

use std::{collections::BTreeMap, error::Error, fs, path::PathBuf, process::ExitCode};

use measure::{Outcome, Task, measure};
use tree::Trees;

/// The budgets, in tokens.
pub(crate) const BUDGETS: [u64; 5] = [2_000, 5_000, 10_000, 20_000, 50_000];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("eval-context: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (tasks, repos, dump) = arguments()?;
    let tasks: Vec<Task> = serde_json::from_slice(&fs::read(tasks)?)?;
    let mut by_repo: BTreeMap<String, Vec<Task>> = BTreeMap::new();
    for task in tasks {
        by_repo.entry(task.repo.clone()).or_default().push(task);
    }
    let work: Vec<(String, Vec<Task>)> = by_repo.into_iter().collect();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (repo, tasks) in work {
        let folder = repos.join(repo.replace('/', "+"));
        let mut trees = match Trees::open(&folder) {
            Ok(trees) => trees,
            Err(error) => {
                eprintln!("{repo}: {error}");
                continue;
            }
        };
        for task in tasks {
            match trees.switch(&task.base) {
                Ok(()) => outcomes.push(measure(&task, &trees)),
                Err(error) => eprintln!("{}: {error}", task.id),
            }
        }
    }
    report::print(&outcomes);
    if let Some(dump) = dump {
        fs::write(dump, serde_json::to_vec(&outcomes)?)?;
    }
    Ok(())
}

fn arguments() -> Result<(PathBuf, PathBuf, Option<PathBuf>), Box<dyn Error>> {
    let (mut tasks, mut repos, mut dump) = (None, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().map(PathBuf::from);
        match name.as_str() {
            "--tasks" => tasks = value,
            "--repos" => repos = value,
            "--dump" => dump = value,
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    let usage = "usage: eval-context --tasks FILE --repos DIR [--dump FILE]";
    Ok((tasks.ok_or(usage)?, repos.ok_or(usage)?, dump))
}
