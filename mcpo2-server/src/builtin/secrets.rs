mod preview;
mod rules;
mod scan;

use rmcp::{
    ErrorData, Json, RoleServer, ServerHandler,
    handler::server::wrapper::Parameters,
    model::{
        Implementation, ListResourcesResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, ServerCapabilities,
        ServerConfig,
    },
    service::RequestContext,
    tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::Deserialize;

use self::scan::{DirReport, TextReport};
use super::Root;

/// The resource that says what is looked for.
const RULES_URI: &str = "secrets://rules";

/// Finds credentials in text and in files, by rules. It says where they are and never what.
#[derive(Debug, Clone)]
pub(super) struct Secrets {
    root: Root,
}

/// A text to look through.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TextArguments {
    /// The text, at most 1 MiB.
    text: String,
}

/// A place to look through.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DirArguments {
    /// A directory or a file below the root of this module.
    path: String,
}

#[tool_router]
impl Secrets {
    /// Looks below this root.
    pub(super) fn new(root: Root) -> Self {
        Self { root }
    }

    /// Finds secrets in a text: rule, line, column and a masked preview of each, never the value.
    #[tool(annotations(
        title = "Scan a text for secrets",
        read_only_hint = true,
        open_world_hint = false
    ))]
    async fn scan_text(
        &self,
        Parameters(TextArguments { text }): Parameters<TextArguments>,
    ) -> Result<Json<TextReport>, String> {
        scan::text(&text).map(Json)
    }

    /// Finds secrets in the files of a directory. Binaries, links and files over 1 MiB are skipped.
    #[tool(annotations(
        title = "Scan a directory for secrets",
        read_only_hint = true,
        open_world_hint = false
    ))]
    async fn scan_dir(
        &self,
        Parameters(DirArguments { path }): Parameters<DirArguments>,
    ) -> Result<Json<DirReport>, String> {
        let root = self.root.clone();
        let scan = move || root.find(&path).map(|start| Json(scan::dir(&start)));
        tokio::task::spawn_blocking(scan)
            .await
            .map_err(|_| "the scan was stopped".to_owned())?
    }
}

#[tool_handler]
impl ServerHandler for Secrets {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("secrets", env!("CARGO_PKG_VERSION")))
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let rules = Resource::new(RULES_URI, "rules")
            .with_title("What is looked for")
            .with_mime_type("text/markdown");
        Ok(ListResourcesResult::with_all_items(vec![rules]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if request.uri != RULES_URI {
            return Err(ErrorData::resource_not_found("resource not found", None));
        }
        let text = ResourceContents::text(rules::described(), RULES_URI);
        Ok(ReadResourceResult::new(vec![text.with_mime_type("text/markdown")]).into())
    }
}
