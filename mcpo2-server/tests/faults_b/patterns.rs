//! B10, B11 and B12: patterns, schemas and configurations that would take too much.

use mcpo2_audit::{Event, Note, Record};
use mcpo2_server::config;
use mcpo2_testkit::raw::{Answer, Canned, RawUpstream, vendor::Era};

use crate::{
    bench::Bench,
    support::{
        self, Gateway, client,
        process::{mcpo2, path},
        soon,
    },
};

const EVIL: [&str; 5] = [
    "(a+)+$",
    "(a|a)*b",
    "(a|aa)+$",
    "(.*)*x",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
];

/// A matcher that goes back would not be done with one of these in the time that there is.
#[tokio::test]
async fn b10_patterns_that_explode_elsewhere_are_matched_in_one_pass() {
    let rules: String = EVIL
        .iter()
        .enumerate()
        .map(|(n, regex)| {
            format!(
                "    - {{ id: evil-{n}, effect: deny, tools: [\"*\"], arguments: [{{ pointer: /q, regex: \"{regex}\" }}] }}\n"
            )
        })
        .collect();
    let globs = r#"    - { id: globs, effect: deny, tools: ["*a*a*a*a*a*a*a*a*a*a*a*a*a*b"] }
    - { id: paths, effect: deny, tools: ["*"], arguments: [{ pointer: /q, glob: "/**/a/**/a/**/a/**/a/**/a/**/b" }] }
    - { id: rest, effect: allow, tools: ["*"] }
"#;
    let bench = Bench::governed(&(rules + globs)).await;
    let long = "a".repeat(1 << 20);
    let params = format!(r#""name":"module__vendor_call","arguments":{{"q":"{long}!"}}"#);
    let answer = soon("a decision", bench.ask("tools/call", &params)).await;
    // Whatever is decided, it is.
    assert!(
        [None, Some(-32602)].contains(&answer.code()),
        "{}",
        answer.text()
    );
    let deep = format!("/{}", "a/".repeat(100_000));
    let params = format!(r#""name":"module__vendor_call","arguments":{{"q":"{deep}"}}"#);
    soon("a decision", bench.ask("tools/call", &params)).await;
    let name = format!("module__{}", "a".repeat(4096));
    soon(
        "a decision",
        bench.ask("tools/call", &format!(r#""name":"{name}""#)),
    )
    .await;
    let small = r#""name":"module__vendor_call","arguments":{"q":"/zz"}"#;
    assert_eq!(bench.ask("tools/call", small).await.code(), None);
}

fn checked(rules: &str) -> config::Checked {
    let dir = tempfile::tempdir().unwrap();
    let yaml = support::observed("http://127.0.0.1:1/mcp", "");
    let (before, _) = yaml.split_once("policy:").unwrap();
    let yaml = format!("{before}policy:\n  rules:\n{rules}");
    config::check_text("test.yaml", dir.path(), &yaml, &|_| None)
}

#[test]
fn b10_a_pattern_that_takes_too_much_is_refused_when_it_is_read() {
    let rule = |regex: &str| {
        format!(
            "    - {{ id: r, effect: allow, tools: [\"*\"], arguments: [{{ pointer: /q, regex: '{regex}' }}] }}\n"
        )
    };
    assert!(checked(&rule("[a-z]+")).config.is_some());
    for regex in [
        "((a{100}){100}){100}",
        r"\pL{1000}{100}",
        "(?=a)b",
        r"(a)\1",
        "(",
        &"a".repeat(100_000),
    ] {
        let refused = checked(&rule(regex));
        let said = refused.diagnostics.to_string();
        assert!(refused.config.is_none(), "{regex}");
        assert!(said.contains("test.yaml:"), "{said}");
    }
    let glob = format!(
        "    - {{ id: g, effect: allow, tools: [\"{}\"] }}\n",
        "*a".repeat(10_000)
    );
    assert!(checked(&glob).config.is_none());
}

#[tokio::test]
async fn b11_nothing_that_a_schema_points_to_is_fetched() {
    let elsewhere = support::vendor(Era::Modern).await;
    let url = elsewhere.url();
    let bomb = (0..20).fold(r#"{"type":"string"}"#.to_owned(), |inner, _| {
        // References keep it small; what follows them doubles at each step.
        format!(r##"{{"allOf":[{inner},{{"$ref":"#"}}]}}"##)
    });
    let schemas = [
        format!(r#"{{"type":"object","properties":{{"a":{{"$ref":"{url}"}}}}}}"#),
        format!(r#"{{"$schema":"{url}","$dynamicRef":"{url}#x"}}"#),
        r##"{"$ref":"#"}"##.to_owned(),
        r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}"##
            .to_owned(),
        bomb,
    ];
    let tools = schemas.iter().enumerate();
    let tools: Vec<_> = tools
        .map(|(n, schema)| format!(r#"{{"name":"t{n}","inputSchema":{schema}}}"#))
        .collect();
    let list = format!(
        r#"{{"resultType":"complete","tools":[{}],"ttlMs":0,"cacheScope":"public"}}"#,
        tools.join(",")
    );
    let canned = Canned::vendor(Era::Modern).with("tools/list", Answer::result(&list));
    let upstream = RawUpstream::start(canned).await.unwrap();
    let observed = Gateway::before(&upstream.url()).await;
    let yaml = support::observed(&upstream.url(), "");
    let governed = Gateway::governed(&yaml).await;
    // Under its own names whatever the one module says passes; of several it is left out.
    for (gateway, prefix, shown) in [(&observed, "", schemas.len()), (&governed, "module__", 0)] {
        let ask = |method: &str, params: &str| {
            client::modern(gateway.address, client::stateless("1", method, params)).answer()
        };
        let listed = ask("tools/list", "").await;
        assert_eq!(listed.code(), None, "{}", listed.text());
        let listed = listed.json();
        assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), shown);
        for n in 0..schemas.len() {
            let params = format!(r#""name":"{prefix}t{n}","arguments":{{"a":1}}"#);
            let unknown = (shown == 0).then_some(-32602);
            assert_eq!(ask("tools/call", &params).await.code(), unknown);
        }
    }
    assert_eq!(upstream.log().of("tools/call").count(), schemas.len());
    assert!(elsewhere.log().received.is_empty());
}

#[tokio::test]
async fn b11_a_tool_whose_schema_does_harm_is_unknown_and_operators_are_told() {
    let tool = |name: &str, schema: &str| format!(r#"{{"name":"{name}","inputSchema":{schema}}}"#);
    let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
    let tools = [
        tool(
            "fine",
            r##"{"properties":{"more":{"items":{"$ref":"#"}}}}"##,
        ),
        tool("far", r#"{"$ref":"http://127.0.0.1:1/x"}"#),
        tool("round", r##"{"allOf":[{"$ref":"#"}]}"##),
        tool("deep", &format!(r#"{{"enum":{deep}}}"#)),
        tool("long", &format!(r#"{{"title":"{}"}}"#, "a".repeat(300_000))),
    ];
    let list = format!(
        r#"{{"resultType":"complete","tools":[{}],"ttlMs":0,"cacheScope":"public"}}"#,
        tools.join(",")
    );
    for era in [Era::Modern, Era::Legacy] {
        let canned = Canned::vendor(era).with("tools/list", Answer::result(&list));
        let upstream = RawUpstream::start(canned).await.unwrap();
        let gateway = Gateway::governed(&support::observed(&upstream.url(), "")).await;
        let session = client::begin(gateway.address, "{}").await;
        let ask = |method: &str, params: &str| match era {
            Era::Modern => {
                client::modern(gateway.address, client::stateless("1", method, params)).answer()
            }
            Era::Legacy => {
                let body = client::plain("1", method, params);
                client::in_session(gateway.address, &session, body).answer()
            }
        };
        let listed = ask("tools/list", "").await.json();
        let listed = listed["result"]["tools"].as_array().unwrap().clone();
        let names: Vec<_> = listed.iter().map(|tool| &tool["name"]).collect();
        assert_eq!(names, ["module__fine"], "{era:?}");
        let called = async |name: &str| {
            let answer = ask("tools/call", &format!(r#""name":"module__{name}""#)).await;
            answer.text().replace(name, "it")
        };
        let unknown = called("nothing").await;
        for name in ["far", "round", "deep", "long"] {
            assert_eq!(called(name).await, unknown, "{era:?}");
        }
        assert_eq!(upstream.log().of("tools/call").count(), 0);

        let get = |path: &str| {
            let ask = client::bare(gateway.address, "").method(http::Method::GET);
            ask.path(path).answer()
        };
        let detail = get("/readyz?verbose").await.json();
        assert_eq!(
            detail["modules"]["module"]["quarantined"],
            serde_json::json!([
                { "tool": "far", "reason": "remote_reference" },
                { "tool": "round", "reason": "endless" },
                { "tool": "deep", "reason": "too_deep" },
                { "tool": "long", "reason": "too_large" },
            ])
        );
        let metrics = get("/metrics").await;
        let sample = r#"mcpo2_modules_quarantined{module="module"} 4"#;
        assert!(metrics.text().lines().any(|line| line == sample));
        let notes = modules(&gateway.records(), "quarantined");
        let said = "far (remote_reference), round (endless), deep (too_deep), long (too_large)";
        assert_eq!(notes.len(), 1);
        assert_eq!(
            (&*notes[0].detail["count"], &*notes[0].detail["names"]),
            ("4", said)
        );
    }
}

/// What was noted of modules under this action.
pub(crate) fn modules(records: &[Record], action: &str) -> Vec<Note> {
    let note = |record: &Record| match &record.event {
        Event::Module(note) if note.action == action => Some(note.clone()),
        _ => None,
    };
    records.iter().filter_map(note).collect()
}

#[tokio::test]
async fn b11_a_list_that_is_too_deep_hides_no_other_module_s() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let list = format!(
        r#"{{"resultType":"complete","tools":[{{"name":"t","inputSchema":{{"enum":{deep}}}}}],"ttlMs":0,"cacheScope":"public"}}"#
    );
    let canned = Canned::vendor(Era::Modern).with("tools/list", Answer::result(&list));
    let (bad, good) = (
        RawUpstream::start(canned).await.unwrap(),
        support::vendor(Era::Modern).await,
    );
    let module = |id: &str, url: &str| {
        format!(
            "  - {{ id: {id}, family: general, approval: approved, http: {{ url: \"{url}\" }} }}\n"
        )
    };
    let yaml = format!(
        "version: 1\nidentity: {{ anonymous: {{ tenant: local }} }}\nmodules:\n{}{}policy:\n  rules:\n    - {{ id: all, effect: allow, modules: [bad, good] }}\n",
        module("bad", &bad.url()),
        module("good", &good.url()),
    );
    let gateway = Gateway::governed(&yaml).await;
    let ask = client::modern(gateway.address, client::stateless("1", "tools/list", ""));
    let text = ask.answer().await.text().to_owned();
    assert!(
        text.contains("good__vendor_call") && !text.contains("bad__"),
        "{text}"
    );
}

#[tokio::test]
async fn b12_a_bomb_or_an_unknown_key_is_told_with_its_place_and_nothing_starts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcpo2.yaml");
    let mut bomb = "version: 1\na: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (this, last) in ["b", "c", "d", "e", "f", "g", "h", "i"]
        .iter()
        .zip(["a", "b", "c", "d", "e", "f", "g", "h"])
    {
        let nine = vec![format!("*{last}"); 9].join(", ");
        bomb.push_str(&format!("{this}: &{this} [{nine}]\n"));
    }
    let unknown = "version: 1\nlisten: 127.0.0.1:0\nhttp:\n  max_body_byte: 1MiB\n";
    for text in [
        bomb.as_str(),
        unknown,
        "version: 1\nversion: 1\n",
        "a: [",
        "\u{0}",
    ] {
        std::fs::write(&file, text).unwrap();
        for command in [
            ["check", "--file", &path(&file)].as_slice(),
            &["serve", "--file", &path(&file)],
        ] {
            let (status, out, said) = mcpo2(command).await;
            assert!(
                status.is_some_and(|status| status != 0),
                "{command:?}: {out}{said}"
            );
            assert!(
                format!("{out}{said}").contains("mcpo2.yaml:"),
                "{command:?}: {out}{said}"
            );
        }
    }
}
