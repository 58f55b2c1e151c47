use std::{collections::BTreeMap, time::Instant};

use mcpo2_artifact::select::{O200k, Pack, SelectRequest, select};
use serde::{Deserialize, Serialize};

use crate::{BUDGETS, tree::Trees};

/// One task, as the file has it.
#[derive(Deserialize)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) repo: String,
    pub(crate) base: String,
    pub(crate) query: String,
    /// For each file the lines that were changed, from and to, counted from one.
    pub(crate) gold: BTreeMap<String, Vec<(u32, u32)>>,
}

/// What the packs of a task show.
#[derive(Serialize)]
pub(crate) struct Outcome {
    pub(crate) id: String,
    pub(crate) repo: String,
    /// File recall at each budget.
    pub(crate) files: [f64; 5],
    /// Line recall at each budget.
    pub(crate) lines: [f64; 5],
    /// Selection time at each budget, in seconds.
    pub(crate) seconds: [f64; 5],
    /// Where each gold file ranks, counted from one; none where it is not among the best.
    pub(crate) ranks: BTreeMap<String, Option<usize>>,
}

pub(crate) fn measure(task: &Task, trees: &Trees) -> Outcome {
    let gold: BTreeMap<&str, &Vec<(u32, u32)>> = task
        .gold
        .iter()
        .map(|(path, lines)| (&**path, lines))
        .collect();
    let mut outcome = Outcome {
        id: task.id.clone(),
        repo: task.repo.clone(),
        files: [0.0; 5],
        lines: [0.0; 5],
        seconds: [0.0; 5],
        ranks: BTreeMap::new(),
    };
    let outcomes = outcome
        .files
        .iter_mut()
        .zip(&mut outcome.lines)
        .zip(&mut outcome.seconds);
    for (budget, ((files, lines), seconds)) in BUDGETS.into_iter().zip(outcomes) {
        let request = SelectRequest::new(&task.query, budget);
        let start = Instant::now();
        let pack = select(&request, &trees.index, trees.texts(), &O200k);
        *seconds = start.elapsed().as_secs_f64();
        (*files, *lines) = recall(&pack, &gold);
        for path in task.gold.keys() {
            let mut ranked = pack.trace.iter();
            let rank = ranked.position(|traced| *traced.path == **path);
            outcome
                .ranks
                .insert(path.clone(), rank.map(|rank| rank + 1));
        }
    }
    outcome
}

fn recall(pack: &Pack, gold: &BTreeMap<&str, &Vec<(u32, u32)>>) -> (f64, f64) {
    let (mut shown, mut all) = (0_u32, 0_u32);
    let mut files = 0_u32;
    for (path, ranges) in gold {
        let items: Vec<_> = pack
            .items
            .iter()
            .filter(|item| *item.path == **path)
            .collect();
        files += u32::from(!items.is_empty());
        for line in ranges.iter().flat_map(|(from, to)| *from..=*to) {
            all += 1;
            shown += u32::from(items.iter().any(|item| item.lines.contains(&line)));
        }
    }
    let gold = u32::try_from(gold.len()).unwrap_or(u32::MAX);
    (
        f64::from(files) / f64::from(gold.max(1)),
        f64::from(shown) / f64::from(all.max(1)),
    )
}
