use std::borrow::Cow;

use super::{Exported, Format, PRODUCT, VERSION, exported::Went, jsonl::lines};

/// Lines of the Common Event Format, version 0.
///
/// Custom fields: `cs1` tenant, `cs2` rules, `cs3` module, `cs4` what is addressed, `cs5` trace,
/// `cs6` the hash of the leaf, `cn1` the number of the record, `cn2` microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Cef;

impl Format for Cef {
    fn encode(&self, records: &[Exported]) -> Vec<u8> {
        lines(records, |record| {
            let header = header(record).map(|field| escaped(&field, &['\\', '|'], " "));
            let extension = extension(record).into_iter().map(|(key, value)| {
                let value = escaped(&value, &['\\', '='], "\\n");
                format!("{key}={value}")
            });
            let extension: Vec<_> = extension.collect();
            format!("CEF:0|{}|{}", header.join("|"), extension.join(" "))
        })
    }
}

/// Vendor, product, version, class of event, name and severity.
fn header(record: &Exported) -> [Cow<'_, str>; 6] {
    let severity = match record.result() {
        Went::Well | Went::Unknown => "3",
        Went::Wrong => "5",
        Went::Denied => "6",
    };
    [
        PRODUCT.into(),
        "mcpo2".into(),
        VERSION.into(),
        record.kind().into(),
        record.operation().into(),
        severity.into(),
    ]
}

fn extension(record: &Exported) -> Vec<(&'static str, Cow<'_, str>)> {
    let text = |pointer| record.text(pointer).map(Cow::from);
    let number = |pointer| record.number(pointer).map(|it| Cow::from(it.to_string()));
    let remote = record.remote();
    let rules = record.rules().join(" ");
    let mut pairs = vec![("rt", Cow::from(record.time().as_millisecond().to_string()))];
    let mut put = |key, value: Option<Cow<'_, str>>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            pairs.push((key, Cow::from(value.into_owned())));
        }
    };
    put("externalId", text("/id"));
    put("deviceExternalId", Some((&*record.origin).into()));
    put("suid", text("/principal/pseudonym"));
    put("suser", text("/principal/id"));
    put("src", remote.map(|(ip, _)| ip.to_string().into()));
    put(
        "spt",
        remote.and_then(|(_, port)| Some(port?.to_string().into())),
    );
    put("app", text("/transport"));
    put("act", record.effect().map(Cow::from));
    put("outcome", record.outcome().map(Cow::from));
    put("reason", record.fault().map(Cow::from));
    put("in", number("/request/bytes"));
    put("out", number("/end/bytes"));
    let labelled = [
        (("cs1Label", "tenant"), "cs1", text("/principal/tenant")),
        (("cs2Label", "rules"), "cs2", Some(rules.into())),
        (
            ("cs3Label", "module"),
            "cs3",
            record.module().map(Cow::from),
        ),
        (("cs4Label", "item"), "cs4", text("/request/item/name")),
        (("cs5Label", "trace"), "cs5", text("/trace")),
        (("cs6Label", "leaf"), "cs6", Some(record.leaf().into())),
        (
            ("cn1Label", "seq"),
            "cn1",
            Some(record.seq.to_string().into()),
        ),
        (
            ("cn2Label", "microseconds"),
            "cn2",
            number("/end/duration_us"),
        ),
    ];
    for ((label, name), key, value) in labelled {
        if value.as_ref().is_some_and(|value| !value.is_empty()) {
            put(label, Some(name.into()));
            put(key, value);
        }
    }
    pairs
}

/// The text with a backslash before each of these characters, and its line breaks replaced, so
/// that what a caller named ends neither a field nor a line.
fn escaped(text: &str, special: &[char], line_break: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\r' => escaped.push_str(line_break),
            // Some readers take these for line breaks, and none has a use for them.
            _ if char.is_control() || matches!(char, '\u{2028}' | '\u{2029}') => escaped.push(' '),
            _ => {
                if special.contains(&char) {
                    escaped.push('\\');
                }
                escaped.push(char);
            }
        }
    }
    escaped
}
