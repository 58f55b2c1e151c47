use std::path::PathBuf;

use mcpo2_policy::Known;

use super::{Done, Format, Found, Of, Unusable, survey::Catalogue, tell};

#[derive(Debug, clap::Args)]
pub(super) struct Lint {
    #[command(flatten)]
    of: Of,
    /// The tools that there are: a list of { tool, module, family, region, tier }
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Lint {
    pub(super) fn run(self) -> Done {
        let mut known = Known::default();
        if let Some(path) = &self.catalogue {
            known.tools = Some(Catalogue::read(path)?.known());
        }
        let sources = self.of.sources(&known);
        if sources.policy.is_none() {
            return Err(Unusable(sources.found.to_string()));
        }
        let found = sources.found;
        let text = match found.is_empty() {
            true => "nothing found\n".to_owned(),
            false => format!("{found}\n"),
        };
        tell(self.format, &text, &found.to_json())?;
        Ok(Found::of(!found.is_empty()))
    }
}
