mod language;
mod symbols;
mod tree;

use rmcp::{
    Json, ServerHandler,
    handler::server::wrapper::Parameters,
    model::{Implementation, ServerCapabilities, ServerConfig},
    tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::Deserialize;

use self::tree::FileOutline;
use super::Root;

/// Says what is in a repository: its files, their languages, and what each declares at its top.
#[derive(Debug, Clone)]
pub(super) struct Outline {
    root: Root,
}

/// A directory to outline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DirArguments {
    /// A directory below the root of this module.
    path: String,
    /// How many files and directories at most, 1 to 10000; 2000 if none is given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10000))]
    max_entries: Option<usize>,
}

/// A file to outline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FileArguments {
    /// A file below the root of this module.
    path: String,
}

#[tool_router]
impl Outline {
    /// Reads below this root.
    pub(super) fn new(root: Root) -> Self {
        Self { root }
    }

    /// Outlines a directory: a tree of its files with language, lines and top-level symbols.
    ///
    /// The answer is text without a schema: a gateway that keeps large results and sends a
    /// reference may then do so, while clients check what has a schema.
    #[tool(
        description = "Outlines a directory: a tree (JSON) of its files with language, lines and \
                       top-level symbols.",
        annotations(
            title = "Outline a directory",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    async fn outline_dir(
        &self,
        Parameters(DirArguments { path, max_entries }): Parameters<DirArguments>,
    ) -> Result<String, String> {
        let root = self.root.clone();
        let outline = move || {
            let tree = tree::dir(&root.find(&path)?, max_entries)?;
            serde_json::to_string(&tree).map_err(|error| error.to_string())
        };
        tokio::task::spawn_blocking(outline)
            .await
            .map_err(|_| "it was stopped".to_owned())?
    }

    /// Outlines one file: language, lines and top-level symbols with their lines.
    #[tool(annotations(
        title = "Outline a file",
        read_only_hint = true,
        open_world_hint = false
    ))]
    async fn outline_file(
        &self,
        Parameters(FileArguments { path }): Parameters<FileArguments>,
    ) -> Result<Json<FileOutline>, String> {
        let root = self.root.clone();
        let outline = move || tree::file(&root.find(&path)?).map(Json);
        tokio::task::spawn_blocking(outline)
            .await
            .map_err(|_| "it was stopped".to_owned())?
    }
}

#[tool_handler]
impl ServerHandler for Outline {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("outline", env!("CARGO_PKG_VERSION")))
    }
}
