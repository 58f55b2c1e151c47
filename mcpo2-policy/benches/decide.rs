//! What a decision, a filtered list and a load cost: `cargo bench -p mcpo2-policy --bench decide`.
//!
//! Policies of 10 to 10,000 rules over a catalogue of 20,000 tools, asked about calls of which each
//! has its own caller, tool and arguments. A decision is the whole verdict: all rule ids, the
//! obligations and the reason. It prints, and judges nothing. Means and lists are in the time of the
//! processor where the system tells it (Linux does), so that what else the machine does counts less.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement that fails should say so"
)]

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use allocation_counter::measure;
use mcpo2_core::{AuthMethod, Facts, Item, ItemKind, Method, Principal};
use mcpo2_policy::{Config, Engine, Policy, Query, Reference, Situation, Visibility};
use serde_json::{Value, json};

const MODULES: usize = 200;
const VERBS: [&str; 10] = [
    "get", "list", "search", "create", "update", "write", "delete", "merge", "run", "export",
];
const NOUNS: usize = 10;
const CALLS: usize = 20_000;
const TIMES: u32 = 10;

fn main() {
    let quick = !std::env::args().any(|argument| argument == "--bench");
    let world = World::new();
    println!(
        "{:>7} {:>9} {:>9} {:>9} {:>9} {:>7} {:>10} {:>9} {:>10}",
        "rules",
        "mean ns",
        "p50 ns",
        "p99 ns",
        "plain µs",
        "allocs",
        "list µs",
        "load ms",
        "load MiB"
    );
    // Numbers of rules may be named: `cargo bench -p mcpo2-policy --bench decide -- 5000`.
    let named: Vec<usize> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes: &[usize] = match (quick, &named[..]) {
        (true, _) => &[10, 100],
        (false, []) => &[10, 100, 1_000, 10_000],
        (false, named) => named,
    };
    for rules in sizes {
        row(*rules, &world, if quick { 100 } else { CALLS });
    }
}

/// Callers and tools, and what is known of them.
struct World {
    tools: Vec<(Item, Arc<Facts>)>,
    callers: Vec<Principal>,
    situation: Situation,
}

impl World {
    fn new() -> Self {
        let module = |at: usize| {
            let id = format!("m{at:03}").parse().unwrap();
            let family = ["engineering", "security", "design"][at % 3]
                .parse()
                .unwrap();
            let region = ["eu", "us"][at % 2].parse().unwrap();
            let tier = u8::try_from(at % 5).unwrap();
            Arc::new(Facts::new(id, family).with_region(region).with_tier(tier))
        };
        let modules: Vec<_> = (0..MODULES).map(module).collect();
        let tools = modules.iter().enumerate().flat_map(|(at, facts)| {
            VERBS.iter().flat_map(move |verb| {
                (0..NOUNS).map(move |noun| {
                    let name = format!("m{at:03}__{verb}_thing{noun}");
                    (Item::new(ItemKind::Tool, name), Arc::clone(facts))
                })
            })
        });
        let callers = (0..500).map(|at| {
            let tenant = format!("tenant{}", at % 10).parse().unwrap();
            let roles = [format!("role{}", at % 50), format!("role{}", (at * 7) % 50)];
            Principal::new(
                tenant,
                format!("user{at}").parse().unwrap(),
                AuthMethod::Jwt,
            )
            .with_roles(roles)
        });
        Self {
            tools: tools.collect(),
            callers: callers.collect(),
            situation: Situation::default()
                .at(std::time::SystemTime::now())
                .in_environment("prod"),
        }
    }

    fn query(&self, at: usize) -> Query<'_> {
        let (item, facts) = &self.tools[(at * 7_919) % self.tools.len()];
        let caller = &self.callers[(at * 31) % self.callers.len()];
        Query::new(&Method::ToolsCall, Some(item), caller)
            .with_facts(Some(Arc::clone(facts)))
            .with_situation(&self.situation)
            .with_arguments(ARGUMENTS[at % ARGUMENTS.len()].as_bytes())
    }
}

const ARGUMENTS: [&str; 3] = [
    r#"{"path":"/srv/data/report.txt","limit":20}"#,
    r#"{"owner":"acme","repo":"app","issue":12,"path":"/etc/passwd"}"#,
    r#"{"query":"select 1","path":"/srv/data/../x"}"#,
];

/// Rules as teams write them: most about the tools of one module and one role, some about families
/// and verbs, some on arguments.
fn config(rules: usize) -> Config {
    let rule = |at: usize| -> Value {
        let (id, module, role) = (format!("rule{at:05}"), at % MODULES, (at / 7) % 50);
        let (tenant, verb) = (at % 10, VERBS[(at / 3) % VERBS.len()]);
        match at % 20 {
            0..=9 => json!({"id": id, "effect": "allow", "roles": [format!("role{role}")],
                "tools": [format!("m{module:03}__{verb}_*")], "obligations": {"max_result_bytes": 65536 + at}}),
            10..=12 => json!({"id": id, "effect": "allow", "tenants": [format!("tenant{tenant}")],
                "tools": [format!("m{module:03}__{verb}_thing{}", at % NOUNS), format!("m{module:03}__get_*")]}),
            13 | 14 => json!({"id": id, "effect": "allow", "roles": [format!("role{role}")],
                "families": ["engineering"], "min_tier": 2, "tools": ["*__get_*", "*__list_*"]}),
            15 | 16 => {
                json!({"id": id, "effect": "deny", "tools": [format!("m{module:03}__write_*")],
                "arguments": [{"pointer": "/path", "glob": format!("/etc/{module}/**")}]})
            }
            17 => {
                json!({"id": id, "effect": "deny", "roles": [format!("role{role}")], "regions": ["us"],
                "tools": ["*__delete_*"], "environments": ["prod"]})
            }
            18 => {
                json!({"id": id, "effect": "require_approval", "tools": [format!("m{module:03}__delete_*")],
                "approval": {"group": "sre"}})
            }
            _ => json!({"id": id, "effect": "allow", "principals": [format!("user{at}")],
                "modules": [format!("m{module:03}")]}),
        }
    };
    let rules: Vec<Value> = (0..rules).map(rule).collect();
    serde_json::from_value(json!({ "rules": rules })).unwrap()
}

fn row(rules: usize, world: &World, calls: usize) {
    let config = config(rules);
    let (load, policy) = timed(|| config.clone().compile().unwrap());
    let mut kept = None;
    let memory = measure(|| kept = Some(config.clone().compile().unwrap()));
    drop(kept);
    let queries = |at| world.query(at);
    (0..calls).for_each(|at| drop(black_box(policy.decide(&queries(at)))));
    let mut each: Vec<Duration> = (0..calls)
        .map(|at| {
            let query = queries(at);
            timed(|| black_box(policy.decide(&query))).0
        })
        .collect();
    each.sort_unstable();
    let allocations =
        measure(|| (0..calls).for_each(|at| drop(black_box(policy.decide(&queries(at))))));
    let of_queries = measure(|| (0..calls).for_each(|at| drop(black_box(queries(at)))));
    let all = spent(|| (0..calls).for_each(|at| drop(black_box(policy.decide(&queries(at))))));
    let making = spent(|| (0..calls).for_each(|at| drop(black_box(queries(at)))));
    let plain = Reference::compile(config).unwrap();
    let some = calls.min(200_000 / rules);
    let (slow, _) = timed(|| (0..some).for_each(|at| drop(black_box(plain.decide(&queries(at))))));
    println!(
        "{rules:>7} {:>9.0} {:>9} {:>9} {:>9.1} {:>7.1} {:>10.1} {:>9.1} {:>10.1}",
        per(all.saturating_sub(making), calls) * 1e9,
        each[calls / 2].as_nanos(),
        each[calls * 99 / 100].as_nanos(),
        per(slow, some) * 1e6,
        (allocations.count_total - of_queries.count_total) as f64 / calls as f64,
        list(&policy, world),
        load.as_secs_f64() * 1e3,
        memory.bytes_current as f64 / f64::from(1 << 20),
    );
}

/// Microseconds for a list of 1,000 tools, for each caller another.
fn list(policy: &Policy, world: &World) -> f64 {
    let page = &world.tools[..1_000];
    let one = |caller: &Principal| -> Vec<Visibility> {
        policy.visible_of(&mut page.iter().map(|(item, _)| item), &|item| {
            // Where in the page it stands: a directory would take a look-up by name.
            let from = page.as_ptr().addr();
            let at = (std::ptr::from_ref(item).addr() - from) / size_of::<(Item, Arc<Facts>)>();
            Query::listed(item, caller)
                .with_facts(Some(Arc::clone(&page[at].1)))
                .with_situation(&world.situation)
        })
    };
    let callers = world.callers.iter().take(100);
    callers
        .clone()
        .for_each(|caller| drop(black_box(one(caller))));
    let all = spent(|| {
        callers
            .clone()
            .for_each(|caller| drop(black_box(one(caller))))
    });
    per(all, 100) * 1e6
}

/// How long something takes, of some times.
fn spent(work: impl Fn()) -> Duration {
    let (began, before) = (Instant::now(), processor());
    (0..TIMES).for_each(|_| work());
    let passed = match (before, processor()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => began.elapsed(),
    };
    passed / TIMES
}

/// What this thread has had of a processor. The system counts in milliseconds.
fn processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let made = work();
    (began.elapsed(), made)
}

fn per(time: Duration, times: usize) -> f64 {
    time.as_secs_f64() / times as f64
}
