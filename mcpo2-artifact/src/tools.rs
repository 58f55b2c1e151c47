//! Tools by which a model reads what became a reference, answered by the layer itself.

mod arguments;
mod outline;
mod read;
mod search;
mod view;

use mcpo2_core::{Error, ErrorKind, Method, ModuleId, Reply, Routed, message::result_response};
use serde::Serialize;

use self::arguments::Tool;
pub(crate) use self::view::View;
use crate::{Artifacts, ErrorKind as Kind, Reader};

/// The tools as `tools/list` gives them: a JSON array.
///
/// A host lists them as those of a module of its own, and gives the module's id to
/// [`ArtifactLayer::with_tools`](crate::ArtifactLayer::with_tools), which answers their calls: only
/// there is known who calls.
///
/// ```
/// let tools: serde_json::Value = serde_json::from_str(mcpo2_artifact::TOOLS)?;
/// let names: Vec<_> = tools.as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
/// assert_eq!(names, ["artifact_read", "artifact_search", "artifact_outline"]);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub const TOOLS: &str = include_str!("tools/tools.json");

/// A call to one of the tools.
#[derive(Debug)]
pub(crate) struct Asked {
    tool: Result<Tool, String>,
    routed: Routed,
}

impl Asked {
    /// The call, if it is one of a tool of this module.
    pub(crate) fn of(module: &ModuleId, routed: &Routed) -> Option<Self> {
        let facts = routed.target().facts()?;
        let item = routed.request().item();
        if facts.module() != module || *routed.call().method() != Method::ToolsCall {
            return None;
        }
        let arguments = routed.request().arguments().unwrap_or(b"{}");
        Some(Self {
            tool: Tool::parse(item.map_or("", |item| item.name()), arguments),
            routed: routed.clone(),
        })
    }

    /// What the tool says. What is wrong with a call is said to the model, which may do better.
    pub(crate) async fn answer(self, artifacts: &Artifacts) -> Result<Reply, Error> {
        let Some(id) = self.routed.call().request().id() else {
            return Ok(Reply::accepted());
        };
        let said = match self.tool {
            Ok(tool) => said(&tool, artifacts, &self.routed).await?,
            Err(wrong) => Said::wrong(wrong),
        };
        let stateless = self.routed.call().version().is_stateless();
        let result = serde_json::to_string(&ToolResult {
            result_type: stateless.then_some("complete"),
            content: [Text {
                kind: "text",
                text: &said.text,
            }],
            is_error: said.is_wrong,
        });
        let result = result.map_err(|error| {
            Error::new(ErrorKind::Internal, "internal error").with_source(error)
        })?;
        Ok(Reply::complete(result_response(id, &result)))
    }
}

/// What a tool says.
#[derive(Debug)]
pub(crate) struct Said {
    text: String,
    is_wrong: bool,
}

impl Said {
    fn right(text: String) -> Self {
        let is_wrong = false;
        Self { text, is_wrong }
    }

    fn wrong(text: impl Into<String>) -> Self {
        let (text, is_wrong) = (text.into(), true);
        Self { text, is_wrong }
    }
}

async fn said(tool: &Tool, artifacts: &Artifacts, routed: &Routed) -> Result<Said, Error> {
    let limit = artifacts.object_bytes();
    let reader = Reader::routed(routed, tool.verb());
    let whole = match artifacts.take(&reader, tool.uri(), limit).await {
        Ok(whole) => whole,
        Err(error) if error.kind() == Kind::NotFound => {
            return Ok(Said::wrong("no such artifact, or none of yours"));
        }
        Err(error) => {
            tracing::warn!(%error, "an artifact could not be read");
            return Err(error.into());
        }
    };
    let Some(view) = View::of(&whole) else {
        return Ok(Said::wrong(format!("no text: {} bytes", whole.size)));
    };
    let most = usize::try_from(artifacts.read_bytes()).unwrap_or(usize::MAX);
    Ok(match tool {
        Tool::Read(asked) => read::read(asked, &view, most),
        Tool::Search(asked) => search::search(asked, &view, most),
        Tool::Outline(_) => Said::right(outline::outline(&view, most)),
    })
}

#[derive(Serialize)]
struct ToolResult<'a> {
    #[serde(rename = "resultType", skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    content: [Text<'a>; 1],
    #[serde(rename = "isError")]
    is_error: bool,
}

#[derive(Serialize)]
struct Text<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}
