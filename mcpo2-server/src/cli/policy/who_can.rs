use std::{fmt::Write as _, path::PathBuf};

use mcpo2_policy::{Survey, Visibility};
use serde_json::json;

use super::{
    Done, Format, Found, Of,
    survey::{Asked, Catalogue, Subjects, width, word},
    tell,
};

#[derive(Debug, clap::Args)]
pub(super) struct WhoCan {
    /// The tool, by the name that callers use
    tool: String,
    #[command(flatten)]
    of: Of,
    /// The tools that there are: a list of { tool, module, family, region, tier }. Without it,
    /// the module of the configuration whose name the tool begins with is taken
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl WhoCan {
    pub(super) fn run(self) -> Done {
        let read = self.of.read()?;
        let subjects = Subjects::read(&self.asked.subjects)?;
        let owner = read.owner(&self.tool);
        let tool = Catalogue::only(self.catalogue.as_deref(), &self.tool, owner)?;
        let items = tool.items()?;
        let situation = self.asked.situation();
        let rows = Survey::new(&subjects.principals, &items, &situation).who_can(&*read.engine()?);
        read.mention_remote();
        let access = rows.iter().map(|row| row.first().copied());
        let access = access.map(|access| access.unwrap_or(Visibility::Denied));
        let access: Vec<(&String, Visibility)> = subjects.names.iter().zip(access).collect();
        let names = width(subjects.names.iter().map(String::as_str));
        let mut text = format!("{}\n", self.tool);
        for (name, access) in &access {
            let _ = writeln!(text, "  {name:names$}  {}", word(*access));
        }
        let each = access
            .iter()
            .map(|(name, access)| json!({ "name": name, "access": access }));
        let said = json!({ "tool": self.tool, "subjects": each.collect::<Vec<_>>() });
        tell(self.format, &text, &said)?;
        let nobody = access
            .iter()
            .all(|(_, access)| *access == Visibility::Denied);
        Ok(Found::of(nobody))
    }
}
