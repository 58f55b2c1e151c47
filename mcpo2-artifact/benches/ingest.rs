//! What a manifest costs, beside other programs that read the same:
//!
//! ```text
//! cargo bench -p mcpo2-artifact --features ingest --bench ingest -- tree DIR \
//!     'find DIR -type f -print0 | xargs -0 b3sum' 'repomix DIR -o /dev/null'
//! cargo bench -p mcpo2-artifact --features ingest --bench ingest -- object FILE 'b3sum < FILE'
//! cargo bench -p mcpo2-artifact --features ingest --bench ingest -- scan DIR
//! ```
//!
//! Each is a process of its own, five times in turn. Prints the least wall time and CPU time and
//! the most memory of each; judges nothing. `scan` prints in which files of a tree a secret is
//! found, by rule.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement that fails should say so"
)]

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mcpo2_artifact::{
    ingest::{Ingest, Limits, Spec},
    manifest::Manifest,
};

const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|it| it != "--bench")
        .collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["once", what, path, threads] => drop(once(what, path, threads.parse().unwrap())),
        ["scan", path] => scan(path),
        [what @ ("tree" | "object"), path, others @ ..] => compare(what, path, others),
        _ => println!("nothing to measure: tree DIR, object FILE or scan DIR"),
    }
}

fn once(what: &str, path: &str, threads: NonZeroUsize) -> Manifest {
    let mut spec = Spec::default();
    spec.max_file_bytes = u64::MAX;
    let rules = spec.compile().unwrap();
    let mut limits = Limits::default();
    limits.bytes = u64::MAX;
    let ingest = Ingest::new(&rules)
        .with_limits(limits)
        .with_threads(threads);
    match what {
        "object" => {
            let file = fs::File::open(path).unwrap();
            ingest.object("object".parse().unwrap(), file).unwrap()
        }
        _ => ingest.directory(path).unwrap(),
    }
}

fn scan(path: &str) {
    let manifest = once("tree", path, NonZeroUsize::MIN);
    let mut rules: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for withheld in manifest.withheld() {
        let rule = withheld.reason().rule().map(ToOwned::to_owned);
        let rule = rule.unwrap_or_else(|| format!("{:?}", withheld.reason()));
        rules.entry(rule).or_default().push(withheld.path());
    }
    println!("{} files taken", manifest.entries().len());
    for (rule, paths) in rules {
        println!("{rule}: {}", paths.len());
        for path in paths {
            println!("  {path}");
        }
    }
}

fn compare(what: &str, path: &str, others: &[&str]) {
    let mine = |threads: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["once", what, path, threads]);
        command
    };
    let shell = |line: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        command
    };
    let mut best: BTreeMap<String, Cost> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mine = ["1", "2"].map(|threads| (format!("ours, {threads} threads"), mine(threads)));
        let others = others.iter().map(|line| ((*line).to_owned(), shell(line)));
        for (name, command) in mine.into_iter().chain(others) {
            let cost = measure(command);
            let kept = best.entry(name).or_insert(cost);
            *kept = Cost {
                wall: kept.wall.min(cost.wall),
                cpu: kept.cpu.min(cost.cpu),
                memory: kept.memory.max(cost.memory),
            };
        }
    }
    for (name, cost) in best {
        let (wall, cpu) = (cost.wall.as_secs_f64(), cost.cpu.as_secs_f64());
        println!(
            "{wall:8.3} s {cpu:8.3} s CPU {:8.1} MiB  {name}",
            cost.memory as f64 / 1024.0
        );
    }
}

#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
    /// The most of one process, in KiB.
    memory: u64,
}

fn measure(mut command: Command) -> Cost {
    let (started, cpu) = (Instant::now(), cpu_of_children());
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut memory = 0;
    while child.try_wait().unwrap().is_none() {
        memory = memory.max(memory_below(&child));
        thread::sleep(Duration::from_millis(1));
    }
    assert!(child.wait().unwrap().success());
    Cost {
        wall: started.elapsed(),
        cpu: cpu_of_children() - cpu,
        memory,
    }
}

/// The CPU time of the children that have ended, in ticks of 10 ms.
fn cpu_of_children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| fields.get(at).unwrap().parse::<u64>().unwrap();
    Duration::from_millis(10 * (ticks(13) + ticks(14)))
}

/// The memory that the largest of a process and its children has had.
fn memory_below(child: &Child) -> u64 {
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let children = fs::read_to_string(children).unwrap_or_default();
    let all = children.split_whitespace().map(ToOwned::to_owned);
    let all = all.chain([child.id().to_string()]);
    let memory = all.filter_map(|id| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))?
            .to_owned();
        line.split_whitespace().nth(1)?.parse().ok()
    });
    memory.max().unwrap_or_default()
}
