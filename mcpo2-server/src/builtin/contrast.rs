mod colour;
mod css;
mod named;
mod sheet;
mod suggest;
mod wcag;

use rmcp::{
    Json, ServerHandler,
    handler::server::wrapper::Parameters,
    model::{Implementation, PromptMessage, Role, ServerCapabilities, ServerConfig},
    prompt, prompt_handler, prompt_router, tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::Deserialize;

use self::{colour::Colour, css::Audit, suggest::Suggestion, wcag::Verdict};

/// Checks the contrast of colours after WCAG 2.2, success criteria 1.4.3 and 1.4.6.
#[derive(Debug, Clone)]
pub(super) struct Contrast;

/// A text on a background.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PairArguments {
    /// The colour of the text: `#rgb`, `#rrggbb`, `rgb(…)` or a CSS name.
    foreground: String,
    /// The colour behind it, opaque.
    background: String,
    /// The size of the text in CSS pixels; 16 if none is given.
    #[serde(default)]
    size: Option<f64>,
    /// Whether the text is bold.
    #[serde(default)]
    bold: bool,
}

/// A text on a background, and the contrast that it should have.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SuggestArguments {
    /// The colour of the text, which may change.
    foreground: String,
    /// The colour behind it, which stays.
    background: String,
    /// The least ratio, 1 to 21; 4.5 (AA for normal text) if none is given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 21))]
    target: Option<f64>,
}

/// A style sheet.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CssArguments {
    /// The text of the style sheet, at most 1 MiB.
    css: String,
}

#[tool_router]
impl Contrast {
    /// Gives the contrast ratio of two colours, and whether it passes AA and AAA.
    #[tool(annotations(title = "Check a pair", read_only_hint = true, open_world_hint = false))]
    async fn check_pair(
        &self,
        Parameters(pair): Parameters<PairArguments>,
    ) -> Result<Json<Verdict>, String> {
        let (foreground, background) = colours(&pair.foreground, &pair.background)?;
        Ok(Json(wcag::verdict(
            foreground,
            background,
            wcag::is_large(pair.size, pair.bold),
        )))
    }

    /// Finds the nearest colour of the same hue, lighter or darker, that has the contrast.
    #[tool(annotations(
        title = "Suggest a colour",
        read_only_hint = true,
        open_world_hint = false
    ))]
    async fn suggest(
        &self,
        Parameters(asked): Parameters<SuggestArguments>,
    ) -> Result<Json<Suggestion>, String> {
        let (foreground, background) = colours(&asked.foreground, &asked.background)?;
        suggest::suggest(foreground, background, asked.target.unwrap_or(wcag::AA)).map(Json)
    }

    /// Checks every rule of a style sheet that sets both a colour and a background.
    #[tool(annotations(title = "Audit CSS", read_only_hint = true, open_world_hint = false))]
    async fn audit_css(
        &self,
        Parameters(CssArguments { css }): Parameters<CssArguments>,
    ) -> Result<Json<Audit>, String> {
        css::audit(&css).map(Json)
    }
}

#[prompt_router]
impl Contrast {
    /// Reviews a style sheet for contrast and proposes colours that pass.
    #[prompt(name = "review_contrast")]
    async fn review_contrast(
        &self,
        Parameters(CssArguments { css }): Parameters<CssArguments>,
    ) -> Vec<PromptMessage> {
        let text = format!(
            "Audit this style sheet with `audit_css`. For each pair that fails AA, call `suggest` \
             and answer with a table: selector, ratio, colour now, colour proposed.\n\n{css}"
        );
        vec![PromptMessage::new_text(Role::User, text)]
    }
}

#[tool_handler]
#[prompt_handler]
impl ServerHandler for Contrast {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("contrast", env!("CARGO_PKG_VERSION")))
    }
}

/// A text colour laid over an opaque background, and the background.
fn colours(foreground: &str, background: &str) -> Result<(Colour, Colour), String> {
    let background = Colour::parse(background)?;
    if !background.is_opaque() {
        return Err("the background is not opaque: what is behind it is not known".to_owned());
    }
    Ok((Colour::parse(foreground)?.over(background), background))
}
