//! Where conditions begin and where they end: the last value that holds, and the first that does not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{ada, call_tool, compile, effect, policy, read, tool};
use mcpo2_core::{Effect, Method};
use mcpo2_policy::{Config, Query, Situation};
use serde_json::{Value, json};

fn asking(argument: Value) -> Value {
    json!([{"id": "a", "effect": "allow", "tools": ["q"], "arguments": [argument]}])
}

#[test]
fn a_statement_is_within_the_verbs_that_it_has_and_no_others() {
    let policy = policy(asking(json!({"pointer": "/sql", "sql_within": ["SELECT"]})));
    for (sql, allowed) in [
        ("select 1", true),
        ("select a - b / c from t -- all", true),
        ("select a /* b */ from t", true),
        ("select [a b] from t", true),
        ("select a from t where b = $1", true),
        ("select insert(a, 1, 2, b) from t", true),
        ("with x as (select 1) select * from x", true),
        ("delete from t", false),
        ("select 1; drop table t", false),
        (
            "with x as (delete from t returning 1) select * from x",
            false,
        ),
        ("insert into t values (1)", false),
        ("select [a;b] from t", false),
        ("select [a--b] from t", false),
        ("select [a/*b] from t", false),
        ("select $$a$$", false),
        ("select $1$a", false),
        ("select $tag$a$tag$", false),
        ("select 'a", false),
    ] {
        let arguments = json!({"sql": sql}).to_string();
        let expected = if allowed { Effect::Allow } else { Effect::Deny };
        assert_eq!(call_tool(&policy, "q", &arguments), expected, "{sql}");
    }
    for sql in [json!(1), json!(["select 1"]), Value::Null] {
        let arguments = json!({ "sql": sql }).to_string();
        assert_eq!(call_tool(&policy, "q", &arguments), Effect::Deny, "{sql}");
    }
}

#[test]
fn a_file_is_of_this_machine_where_no_other_is_named() {
    let policy = policy(json!([{"id": "a", "effect": "allow", "resources": ["file:///srv/**"]}]));
    for (uri, expected) in [
        ("file:///srv/a", Effect::Allow),
        ("file://localhost/srv/a", Effect::Allow),
        ("file://LOCALHOST/srv/a", Effect::Allow),
        ("file://other/srv/a", Effect::Deny),
        ("file://localhost.example.com/srv/a", Effect::Deny),
        ("file:///srv/../etc/a", Effect::Deny),
    ] {
        assert_eq!(read(&policy, uri), expected, "{uri}");
    }
}

#[test]
fn a_time_of_the_day_ends_before_its_last_minute_and_the_same_twice_is_a_whole_day() {
    let at = |from: &str, until: &str, time: &str| {
        let rules = json!([{"id": "a", "effect": "allow",
            "times": [{"zone": "UTC", "from": from, "until": until}]}]);
        let (item, ada) = (tool("q"), ada());
        let time: jiff::Timestamp = format!("2026-11-28T{time}:00Z").parse().unwrap();
        let situation = Situation::default().at(time.into());
        let query = Query::new(&Method::ToolsCall, Some(&item), &ada);
        effect(&policy(rules), &query.with_situation(&situation))
    };
    for (from, until, time, expected) in [
        ("08:00", "17:00", "07:59", Effect::Deny),
        ("08:00", "17:00", "08:00", Effect::Allow),
        ("08:00", "17:00", "16:59", Effect::Allow),
        ("08:00", "17:00", "17:00", Effect::Deny),
        ("08:00", "08:00", "08:00", Effect::Allow),
        ("08:00", "08:00", "07:59", Effect::Allow),
        ("22:00", "06:00", "05:59", Effect::Allow),
        ("22:00", "06:00", "06:00", Effect::Deny),
        ("22:00", "24:00", "23:59", Effect::Allow),
    ] {
        assert_eq!(
            at(from, until, time),
            expected,
            "{from} to {until} at {time}"
        );
    }
}

#[test]
fn times_are_written_in_one_way() {
    for time in [
        "8:00", "08:0", "8:000", "08", "+8:00", "08:+1", "25:00", "08:60", "24:01", "",
    ] {
        let times = json!([{"zone": "UTC", "from": time, "until": "23:00"}]);
        let rules = json!([{"id": "a", "effect": "allow", "times": times}]);
        let refused = serde_json::from_value::<Config>(json!({ "rules": rules }))
            .map_or(true, |config| config.compile().is_err());
        assert!(refused, "{time}");
    }
}

#[test]
fn limits_of_conditions_are_the_last_that_are_taken() {
    let text = |bytes: usize| "a".repeat(bytes);
    let steps = |count: usize| "/a".repeat(count);
    for (argument, taken) in [
        (json!({"pointer": steps(64), "prefix": "a"}), true),
        (json!({"pointer": steps(65), "prefix": "a"}), false),
        (
            json!({"pointer": format!("/{}", text(4095)), "prefix": "a"}),
            true,
        ),
        (
            json!({"pointer": format!("/{}", text(4096)), "prefix": "a"}),
            false,
        ),
        (json!({"pointer": "/a~2", "prefix": "a"}), false),
        (json!({"pointer": "/a", "prefix": text(4096)}), true),
        (json!({"pointer": "/a", "prefix": text(4097)}), false),
        (json!({"pointer": "/a", "prefix": ""}), false),
        (json!({"pointer": "/a", "regex": text(4096)}), true),
        (json!({"pointer": "/a", "regex": text(4097)}), false),
        (json!({"pointer": "/a", "one_of": [text(4096)]}), true),
        (json!({"pointer": "/a", "one_of": [text(4097)]}), false),
        (json!({"pointer": "/a", "sql_within": [text(64)]}), true),
        (json!({"pointer": "/a", "sql_within": [text(65)]}), false),
        (
            json!({"pointer": "/a", "sql_within": ["drop table"]}),
            false,
        ),
        (json!({"pointer": "/a", "sql_within": [""]}), false),
        (json!({"pointer": "/a", "sql_within": []}), false),
    ] {
        assert_eq!(
            compile(asking(argument.clone())).is_ok(),
            taken,
            "{argument}"
        );
    }
}
