//! How long the engines take to decide on the same policy: `cargo bench -p mcpo2-policy --features
//! cedar,rego --bench engines`. Arguments are the time in milliseconds for each figure, and then the
//! numbers of rules.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark")]

use std::{
    env,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use mcpo2_core::{AuthMethod, Effect, Facts, Item, ItemKind, Method, Principal};
use mcpo2_policy::{
    CedarEngine, CedarSchema, Config, Engine, Query, Reference, RegoBundle, RegoEngine,
    RegoOptions, export,
};
use serde_json::{Value, json};

const SIZES: [usize; 3] = [10, 100, 1000];

fn main() {
    // Cargo passes `--bench` too.
    let given: Vec<usize> = env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let (time, sizes) = match given.as_slice() {
        [] => (1000, &SIZES[..]),
        [time] => (*time, &SIZES[..]),
        [time, sizes @ ..] => (*time, sizes),
    };
    let time = Duration::from_millis(time.try_into().unwrap());
    println!(
        "mean time of a decision in µs, and how many times as long as the native engine takes"
    );
    println!(
        "{:>6} {:>10} {:>18} {:>18} {:>18}",
        "rules", "native", "reference", "cedar", "rego"
    );
    for &size in sizes {
        let config: Config = serde_json::from_value(json!({"rules": rules(size)})).unwrap();
        let [native, others @ ..] = engines(&config).map(|engine| mean(&*engine, size, time));
        let ratio = |one: f64| format!("{one:10.2} {:6.0}x", one / native);
        let [reference, cedar, rego] = others.map(ratio);
        println!("{size:>6} {native:10.2} {reference:>18} {cedar:>18} {rego:>18}");
    }
}

/// One in ten denies by an argument, and of the others each allows some tools of one module.
fn rules(size: usize) -> Vec<Value> {
    let rule = |at: usize| match at % 10 {
        0 => json!({"id": format!("r{at}"), "effect": "deny", "tools": [format!("m{at}__*")],
            "arguments": [{"pointer": "/path", "glob": "/etc/**"}]}),
        _ => json!({"id": format!("r{at}"), "effect": "allow", "roles": ["analyst"],
            "tools": [format!("m{at}__get_*"), format!("m{at}__list_*")], "min_tier": 1,
            "families": ["engineering"]}),
    };
    (0..size).map(rule).collect()
}

/// The engines, all of which decide the same.
fn engines(config: &Config) -> [Arc<dyn Engine>; 4] {
    let schema = CedarSchema::any_tools().unwrap();
    let cedar = CedarEngine::new(&export::cedar(config).unwrap(), &schema).unwrap();
    let bundle = RegoBundle::from_modules([("policy.rego", export::rego(config).unwrap())]);
    let options = RegoOptions::default().with_time_limit(Duration::from_secs(60));
    let rego = RegoEngine::with_options(&bundle, &options).unwrap();
    [
        Arc::new(config.clone().compile().unwrap()),
        Arc::new(Reference::compile(config.clone()).unwrap()),
        Arc::new(cedar),
        Arc::new(rego),
    ]
}

/// The mean time of a decision, in microseconds.
fn mean(engine: &dyn Engine, size: usize, time: Duration) -> f64 {
    let caller = Principal::new(
        "acme".parse().unwrap(),
        "ada".parse().unwrap(),
        AuthMethod::Host,
    );
    let caller = caller.with_roles(["analyst"]);
    let facts = Facts::new("m".parse().unwrap(), "engineering".parse().unwrap()).with_tier(2);
    let facts = Arc::new(facts);
    let items: Vec<Item> = (0..16)
        .map(|at| Item::new(ItemKind::Tool, format!("m{}__get_it", at * 7 % size)))
        .collect();
    let decide = |item| {
        let query = Query::new(&Method::ToolsCall, Some(item), &caller);
        let query = query.with_facts(Some(Arc::clone(&facts)));
        engine.decide(&query.with_arguments(br#"{"path": "/srv/data/x", "depth": 3}"#))
    };
    // Of the rules that deny, none matches, and of the others each.
    for (at, item) in items.iter().enumerate() {
        let allowed = decide(item).decided().effect == Effect::Allow;
        assert_eq!(
            allowed,
            !(at * 7 % size).is_multiple_of(10),
            "{}",
            item.name()
        );
    }
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < time {
        for item in &items {
            let _ = black_box(decide(black_box(item)));
            count += 1;
        }
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(count)
}
