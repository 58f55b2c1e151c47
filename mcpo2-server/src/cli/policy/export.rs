use mcpo2_policy::export::{cedar, rego};
use serde_json::json;

use super::{Done, Format, Found, Of, say, tell};

#[derive(Debug, clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    language: Language,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// In which language.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Language {
    /// As policies in Cedar
    #[arg(long)]
    cedar: bool,
    /// As a module in Rego
    #[arg(long)]
    rego: bool,
}

impl Export {
    pub(super) fn run(self) -> Done {
        let read = self.of.read()?;
        let (language, text) = match self.language.cedar {
            true => ("cedar", cedar(&read.config)),
            false => ("rego", rego(&read.config)),
        };
        match text {
            Ok(text) => {
                tell(
                    self.format,
                    &text,
                    &json!({ "language": language, "text": text }),
                )?;
                Ok(Found::Nothing)
            }
            Err(inexact) => {
                say(&format!("mcpo2: not exported: {inexact}"));
                Ok(Found::Something)
            }
        }
    }
}
