use mcpo2_artifact::TOOLS;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};

/// Lists the tools that read what became a reference. The artifact layer answers their calls: who
/// calls is known there, and not here.
#[derive(Debug, Clone)]
pub(super) struct Artifact;

impl Artifact {
    fn tools() -> Result<Vec<Tool>, ErrorData> {
        serde_json::from_str(TOOLS)
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }
}

impl ServerHandler for Artifact {
    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(Self::tools()?))
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let why = "only one module of a gateway answers for its artifacts";
        Err(ErrorData::invalid_request(why, None))
    }

    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("artifact", env!("CARGO_PKG_VERSION")))
    }
}
