use std::{fmt::Write as _, path::PathBuf};

use mcpo2_policy::{Changed, Difference, Survey};
use serde_json::{Value, json};

use super::{
    Done, Format, Found, Read, say,
    survey::{Asked, Catalogue, Subjects, width, word},
    tell,
};

#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// The old policy: a configuration or a bundle
    old: PathBuf,
    /// The new policy, likewise
    new: PathBuf,
    /// The tools that there are: a list of { tool, module, family, region, tier }
    #[arg(long, value_name = "FILE")]
    catalogue: PathBuf,
    #[command(flatten)]
    asked: Asked,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Diff {
    pub(super) fn run(self) -> Done {
        let (old, new) = (Read::either(&self.old)?, Read::either(&self.new)?);
        let catalogue = Catalogue::read(&self.catalogue)?;
        let subjects = Subjects::read(&self.asked.subjects)?;
        let (items, situation) = (catalogue.items()?, self.asked.situation());
        let survey = Survey::new(&subjects.principals, &items, &situation);
        let Difference {
            allowed, denied, ..
        } = survey.difference(&*old.engine()?, &*new.engine()?);
        match old.sources.engines.opa == new.sources.engines.opa {
            true => new.mention_remote(),
            false => say("mcpo2: the agents of `engines.opa` differ, and were not asked"),
        }
        let names = Names {
            subjects: &subjects.names,
            tools: &catalogue.names(),
        };
        let mut text = names.text("newly allowed", &allowed) + &names.text("newly denied", &denied);
        let (more, less) = (allowed.len(), denied.len());
        let _ = writeln!(text, "{more} newly allowed, {less} newly denied");
        let said = json!({
            "newly_allowed": names.json(&allowed),
            "newly_denied": names.json(&denied),
        });
        tell(self.format, &text, &said)?;
        Ok(Found::of(more + less > 0))
    }
}

/// Those that positions stand for.
struct Names<'n> {
    subjects: &'n [String],
    tools: &'n [&'n str],
}

impl Names<'_> {
    fn of(&self, changed: &Changed) -> (&str, &str) {
        let subject = self
            .subjects
            .get(changed.subject)
            .map_or("", String::as_str);
        (
            subject,
            self.tools.get(changed.item).copied().unwrap_or_default(),
        )
    }

    fn text(&self, title: &str, all: &[Changed]) -> String {
        let mut text = String::new();
        if all.is_empty() {
            return text;
        }
        let subjects = width(all.iter().map(|one| self.of(one).0));
        let tools = width(all.iter().map(|one| self.of(one).1));
        let _ = writeln!(text, "{title}:");
        for one in all {
            let ((subject, tool), before, after) =
                (self.of(one), word(one.before), word(one.after));
            let _ = writeln!(
                text,
                "  {subject:subjects$}  {tool:tools$}  {before} -> {after}"
            );
        }
        text.push('\n');
        text
    }

    fn json(&self, all: &[Changed]) -> Vec<Value> {
        let all = all.iter().map(|one| {
            let (subject, tool) = self.of(one);
            json!({
                "subject": subject, "tool": tool, "before": one.before, "after": one.after,
            })
        });
        all.collect()
    }
}
