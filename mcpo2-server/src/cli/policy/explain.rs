use std::fmt::Write as _;

use mcpo2_core::Effect;
use mcpo2_policy::{Explained, Explanation, Given, LevelConfig, Truth};
use serde::Serialize;

use super::{Done, Format, Found, Of, beside::Beside, request::Request, tell};

#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    #[command(flatten)]
    of: Of,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    request: Request,
}

impl Explain {
    pub(super) fn run(self) -> Done {
        let read = self.of.read()?;
        let mut given = self.request.given()?;
        if given.module.is_none() {
            let name = given.tool.as_ref().or(given.prompt.as_ref());
            given.module = name.and_then(|name| read.owner(name));
        }
        let given = Given::try_from(&given)?;
        let explanation = read.policy.explain(&given.query());
        let beside = Beside::of(&read.engines()?, &given.query());
        let outcome = explanation.effect.max(beside.strictest());
        let text = text(&explanation, &beside);
        let said = Said {
            explanation,
            outcome,
            beside,
        };
        tell(self.format, &text, &said)?;
        read.mention_remote();
        Ok(Found::of(outcome != Effect::Allow))
    }
}

/// What the rules say, and what the engines beside them do.
#[derive(Debug, Serialize)]
struct Said {
    #[serde(flatten)]
    explanation: Explanation,
    /// Of all together.
    outcome: Effect,
    #[serde(rename = "engines", skip_serializing_if = "Beside::is_empty")]
    beside: Beside,
}

fn text(explanation: &Explanation, beside: &Beside) -> String {
    let Explanation {
        effect,
        rules,
        reason,
        level,
        ..
    } = explanation;
    let rules: Vec<&str> = rules.iter().map(AsRef::as_ref).collect();
    let by = match rules.is_empty() {
        true => "no rule".to_owned(),
        false => format!("`{}`", rules.join("`, `")),
    };
    let mut text = format!("{} by {by}\n", word(*effect));
    let _ = writeln!(text, "reason   {reason}\nlevel    {}", level_word(*level));
    if let Some(code) = &explanation.public_code {
        let _ = writeln!(text, "code     {code}");
    }
    if !explanation.owed.approval.is_empty() {
        let _ = writeln!(text, "approval {}", explanation.owed.approval.join(", "));
    }
    let obligations = serde_json::to_value(&explanation.owed.obligations).unwrap_or_default();
    let owed = obligations.as_object().into_iter().flatten();
    for (key, value) in owed.filter(|(_, value)| !is_nothing(value)) {
        let _ = writeln!(text, "owes     {key}: {value}");
    }
    if let Some(shadow) = &explanation.shadow {
        let rules: Vec<&str> = shadow.rules.iter().map(AsRef::as_ref).collect();
        let _ = writeln!(
            text,
            "shadow   {} by `{}`",
            word(shadow.effect),
            rules.join("`, `")
        );
    }
    section(&mut text, "these match", &explanation.matched);
    section(&mut text, "these came near", &explanation.near);
    text += &beside.text();
    let _ = writeln!(text, "\npolicy   {}", explanation.bundle);
    text
}

fn is_nothing(value: &serde_json::Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn section(text: &mut String, title: &str, rules: &[Explained]) {
    if rules.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}:");
    for rule in rules {
        let shadow = if rule.shadow { ", in shadow mode" } else { "" };
        let (id, effect) = (&rule.rule, effect_word(rule.effect));
        let _ = write!(
            text,
            "  {effect:16} {id} ({}{shadow})",
            level_word(rule.level)
        );
        let missed: Vec<String> = rule
            .missed
            .iter()
            .map(|missed| {
                let why = match missed.truth {
                    Truth::False => "does not hold",
                    _ => "is not known to hold",
                };
                format!("`{}` {why}", missed.field)
            })
            .collect();
        let _ = match missed.is_empty() {
            true => writeln!(text),
            false => writeln!(text, ": {}", missed.join(", ")),
        };
    }
}

pub(super) fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allowed",
        Effect::RequireApproval => "asked to be approved",
        Effect::Deny => "denied",
    }
}

fn effect_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::RequireApproval => "require_approval",
        Effect::Deny => "deny",
    }
}

fn level_word(level: LevelConfig) -> &'static str {
    match level {
        LevelConfig::Platform => "platform",
        LevelConfig::Tenant => "tenant",
        LevelConfig::Project => "project",
    }
}
