use serde_json::Value;

use super::{Exported, Format};

/// A JSON object a line: `origin`, `seq`, the hash of the `leaf` and the `record` as it is.
#[derive(Debug, Clone, Copy)]
pub struct Jsonl;

impl Format for Jsonl {
    fn encode(&self, records: &[Exported]) -> Vec<u8> {
        lines(records, |it| {
            let origin = Value::from(&*it.origin);
            let (seq, leaf, record) = (it.seq, it.leaf(), &it.record);
            // In this order, which an object of serde_json would not keep.
            format!(r#"{{"origin":{origin},"seq":{seq},"leaf":"{leaf}","record":{record}}}"#)
        })
    }
}

/// A line for each record. Of JSON there is no line break in any.
pub(super) fn lines(records: &[Exported], line: impl Fn(&Exported) -> String) -> Vec<u8> {
    let mut text = Vec::new();
    for record in records {
        text.extend_from_slice(line(record).as_bytes());
        text.push(b'\n');
    }
    text
}
