use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    colours,
    sheet::{self, Rule},
    wcag,
};

const MAX_BYTES: usize = 1 << 20;

/// How many pairs one answer holds.
const MAX_PAIRS: usize = 1000;

/// What the rules of a style sheet come to, each by itself: the cascade is not known.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Audit {
    /// Rules that set both a colour and a background.
    pub(super) pairs: Vec<Pair>,
    /// How many of them fail AA.
    pub(super) failures: usize,
    /// How many rules set only one of the two, or a value that is not understood.
    pub(super) unpaired: usize,
    /// Whether there are more pairs than are listed.
    pub(super) truncated: bool,
}

/// The colours of one rule.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Pair {
    /// Its selector.
    pub(super) selector: String,
    /// The line on which its block begins, from 1.
    pub(super) line: usize,
    /// The colour of the text, as it is laid over the background.
    pub(super) foreground: String,
    /// The background.
    pub(super) background: String,
    #[serde(flatten)]
    pub(super) verdict: wcag::Verdict,
}

pub(super) fn audit(css: &str) -> Result<Audit, String> {
    if css.len() > MAX_BYTES {
        return Err("the style sheet is longer than 1 MiB".to_owned());
    }
    let css = sheet::without_comments(css);
    let rules = sheet::rules(&css);
    let variables: HashMap<_, _> = rules
        .iter()
        .flat_map(|rule| &rule.declarations)
        .filter_map(|(name, value)| name.starts_with("--").then_some((*name, *value)))
        .collect();
    let (mut pairs, mut unpaired) = (Vec::new(), 0);
    for rule in &rules {
        match rule.pair(&variables) {
            Some(Some(pair)) => pairs.push(pair),
            Some(None) => unpaired += 1,
            None => {}
        }
    }
    let failures = pairs.iter().filter(|pair| !pair.verdict.aa).count();
    let truncated = pairs.len() > MAX_PAIRS;
    pairs.truncate(MAX_PAIRS);
    Ok(Audit {
        pairs,
        failures,
        unpaired,
        truncated,
    })
}

impl Rule<'_> {
    /// None where no colour is set at all, `Some(None)` where there is no whole pair.
    fn pair(&self, variables: &HashMap<&str, &str>) -> Option<Option<Pair>> {
        let last = |names: &[&str]| {
            self.declarations
                .iter()
                .rev()
                .find(|(name, _)| names.contains(name))
                .map(|(_, v)| *v)
        };
        let background = last(&["background-color", "background"]);
        let (foreground, background) = match (last(&["color"]), background) {
            (None, None) => return None,
            (Some(foreground), Some(background)) => (foreground, background),
            _ => return Some(None),
        };
        let resolved = |value| resolve(value, variables);
        let Ok((foreground, background)) = colours(resolved(foreground), resolved(background))
        else {
            return Some(None);
        };
        let size = last(&["font-size"]).and_then(|size| size.strip_suffix("px")?.parse().ok());
        let bold = last(&["font-weight"]).is_some_and(|weight| {
            weight == "bold" || weight.parse::<u16>().is_ok_and(|weight| weight >= 700)
        });
        Some(Some(Pair {
            selector: self.selector.chars().take(200).collect(),
            line: self.line,
            foreground: foreground.to_string(),
            background: background.to_string(),
            verdict: wcag::verdict(foreground, background, wcag::is_large(size, bold)),
        }))
    }
}

/// What `var(--x)` stands for, one step deep, or the value itself.
fn resolve<'a>(value: &'a str, variables: &HashMap<&str, &'a str>) -> &'a str {
    let value = value.trim_end_matches("!important").trim();
    let Some(inner) = value
        .strip_prefix("var(")
        .and_then(|rest| rest.strip_suffix(')'))
    else {
        return value;
    };
    let (name, fallback) = inner.split_once(',').unwrap_or((inner, value));
    variables
        .get(name.trim())
        .copied()
        .unwrap_or(fallback.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_with_a_pair_is_judged() {
        let css = "
            :root { --ink: #777; --paper: white }
            /* color: red;
               in a comment */
            .muted { color: var(--ink); background: var(--paper) !important }
            h1 { color: #777; background-color: #fff; font-size: 24px; }
            a { color: blue }
            @media (min-width: 10px) { .b { background: var(--none, #000); color: #FFF } }
            .x { background: url(x.png); color: red }
            p { margin: 0 }";
        let found = audit(css).unwrap();
        let facts: Vec<_> = found
            .pairs
            .iter()
            .map(|pair| (pair.selector.as_str(), pair.line, pair.verdict.aa))
            .collect();
        assert_eq!(
            facts,
            [(".muted", 5, false), ("h1", 6, true), (".b", 8, true)]
        );
        assert_eq!(
            (found.failures, found.unpaired, found.truncated),
            (1, 2, false)
        );
    }

    #[test]
    fn broken_and_huge_text_is_no_trouble() {
        for css in [
            "",
            "}}}}",
            "a{color:red",
            "/*",
            "{;:}",
            "a{color:é;background:#é}",
        ] {
            assert_eq!(audit(css).unwrap().pairs.len(), 0, "{css}");
        }
        assert!(audit(&" ".repeat(MAX_BYTES + 1)).is_err());
    }
}
