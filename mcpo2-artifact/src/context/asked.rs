use std::{num::NonZeroU64, sync::LazyLock};

use mcpo2_core::{
    Error, ErrorKind, Request,
    json::{self, Needle, Token, tokens, unescape},
};
use serde::Deserialize;

use super::WORKSPACE;
use crate::{Reference, facts::cut};

/// How long the name of a workspace may be, in bytes.
const MAX_NAME: usize = 128;
/// How long a task may be, in bytes; of arguments no more is read.
const MAX_TASK: usize = 16 << 10;
/// How many paths may be pinned, and how long each may be, in bytes.
const MAX_PINNED: (usize, usize) = (32, 4096);

/// What a call asks for, within bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) task: String,
    pub(super) budget: Option<NonZeroU64>,
    pub(super) pinned: Vec<String>,
}

/// The same, as it is written in `_meta`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    task: Option<String>,
    #[serde(default)]
    budget: Option<NonZeroU64>,
    #[serde(default)]
    pinned: Vec<String>,
}

impl Asked {
    /// None where the call names no workspace.
    pub(super) fn of(request: &Request) -> Result<Option<Self>, Error> {
        static NAMES: LazyLock<Needle> = LazyLock::new(|| Needle::new(WORKSPACE));
        let meta = request.meta_json().filter(|meta| NAMES.may_stand_in(meta));
        let meta = meta.and_then(|meta| json::text(meta).ok());
        let mut members = json::members(meta.unwrap_or_default());
        let Some((_, value)) = members.find(|(key, _)| key == WORKSPACE) else {
            return Ok(None);
        };
        let written: Written = serde_json::from_str(value).map_err(|error| {
            refused("is not of the form {name, task?, budget?, pinned?}").with_source(error)
        })?;
        written.bounded(request).map(Some)
    }
}

impl Written {
    fn bounded(self, request: &Request) -> Result<Asked, Error> {
        let task = self.task.as_ref().map_or(0, String::len);
        let pins = self.pinned.iter().map(String::len).max().unwrap_or(0);
        for (keeps, what) in [
            (self.name.len() <= MAX_NAME, "has a `name` over 128 bytes"),
            (task <= MAX_TASK, "has a `task` over 16384 bytes"),
            (
                self.pinned.len() <= MAX_PINNED.0,
                "has over 32 paths in `pinned`",
            ),
            (
                pins <= MAX_PINNED.1,
                "has a path over 4096 bytes in `pinned`",
            ),
        ] {
            if !keeps {
                return Err(refused(what));
            }
        }
        Ok(Asked {
            name: self.name,
            task: self.task.unwrap_or_else(|| said(request)),
            budget: self.budget,
            pinned: self.pinned,
        })
    }
}

/// The strings of the arguments, each on a line, as far as a task goes. References among them are
/// left out: they say nothing, and are not resolved here.
fn said(request: &Request) -> String {
    let arguments = request.arguments().and_then(|text| json::text(text).ok());
    let texts = tokens(arguments.unwrap_or("{}")).filter_map(|token| match token {
        Ok(Token::Text(raw)) => unescape(raw),
        _ => None,
    });
    let mut task = String::new();
    for text in texts.filter(|text| !Reference::has_scheme(text)) {
        task.push_str(cut(&text, MAX_TASK.saturating_sub(task.len())));
        if task.len() >= MAX_TASK {
            break;
        }
        task.push('\n');
    }
    task
}

fn refused(what: &str) -> Error {
    Error::new(ErrorKind::InvalidParams, format!("`{WORKSPACE}` {what}"))
}

#[cfg(test)]
mod tests {
    use mcpo2_core::Message;
    use serde_json::json;

    use super::*;

    fn asked(arguments: &str, workspace: &str) -> Result<Option<Asked>, Error> {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","arguments":{arguments},"_meta":{{"x":"\n","dev.mcpo2\/workspace":{workspace}}}}}}}"#
        );
        match Message::parse(text).unwrap() {
            Message::Request(request) => Asked::of(&request),
            Message::Response(_) => unreachable!(),
        }
    }

    #[test]
    fn the_strings_of_the_arguments_are_the_task_where_none_is_said() {
        let arguments = r#"{"issue":"fix \"it\"","n":1,"see":["mcpo2+artifact://r/AA","now"]}"#;
        let found = asked(arguments, r#"{"name":"web"}"#).unwrap().unwrap();
        assert_eq!((&*found.name, &*found.task), ("web", "fix \"it\"\nnow\n"));
        let found = asked(arguments, r#"{"name":"web","task":"t","budget":9}"#);
        let found = found.unwrap().unwrap();
        assert_eq!((&*found.task, found.budget), ("t", NonZeroU64::new(9)));
        let long = json!({"a": "ö".repeat(MAX_TASK), "b": "more"}).to_string();
        let found = asked(&long, r#"{"name":"web"}"#).unwrap().unwrap();
        assert!(found.task.len() <= MAX_TASK && !found.task.contains("more"));
    }

    #[test]
    fn what_is_of_another_form_or_out_of_bounds_is_refused() {
        for workspace in [
            json!("web"),
            json!({}),
            json!({"name": 1}),
            json!({"name": "web", "budget": 0}),
            json!({"name": "web", "budget": -1}),
            json!({"name": "web", "other": 1}),
            json!({"name": "n".repeat(129)}),
            json!({"name": "web", "task": "t".repeat(MAX_TASK + 1)}),
            json!({"name": "web", "pinned": vec!["a"; 33]}),
            json!({"name": "web", "pinned": ["p".repeat(4097)]}),
        ] {
            let error = asked("{}", &workspace.to_string()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidParams, "{workspace}");
        }
    }
}
