//! The rules as one automaton, and sentences to run it on.

use regex::{RegexBuilder, RegexSet, RegexSetBuilder};

use crate::{ConfigError, ConfigErrorKind, RuleConfig};

/// All patterns of a pack.
///
/// A set tells for each rule whether it matches, not how often: a word that is repeated a thousand
/// times weighs as much as once.
#[derive(Debug)]
pub(crate) struct Matcher(RegexSet);

impl Matcher {
    pub(crate) fn compile(rules: &[RuleConfig], max_bytes: usize) -> Result<Self, ConfigError> {
        let patterns: Vec<String> = rules.iter().map(pattern).collect::<Result<_, _>>()?;
        let set = RegexSetBuilder::new(&patterns)
            .size_limit(max_bytes)
            .build();
        set.map(Self).map_err(|error| {
            // Each alone, to name the rule whose it is. Where it is none's, it is that of all.
            let alone = rules.iter().zip(&patterns).find_map(|(rule, pattern)| {
                let mut builder = RegexBuilder::new(pattern);
                let error = builder.size_limit(max_bytes).build().err()?;
                Some(ConfigError::regex(rule.id.as_str(), error))
            });
            alone.unwrap_or_else(|| ConfigError::regex("rules", error))
        })
    }

    /// The rules that match, by their place in the pack.
    pub(crate) fn matches(&self, segment: &str) -> impl Iterator<Item = usize> {
        self.0.matches(segment).into_iter()
    }
}

/// The sentences of a normalised text. What stands in two of them is not one thought.
pub(crate) fn segments(text: &str) -> impl Iterator<Item = &str> {
    let mut ended = false;
    text.split(move |c: char| {
        let ends = matches!(c, '\n' | ';' | '!' | '?') || (ended && c.is_whitespace());
        ended = c == '.';
        ends
    })
    .map(str::trim)
    .filter(|segment| !segment.is_empty())
}

fn pattern(rule: &RuleConfig) -> Result<String, ConfigError> {
    let refuse = |reason| ConfigError::new(ConfigErrorKind::NeverMatches, rule.id.as_str(), reason);
    let mut alternatives = Vec::with_capacity(rule.any.len() + 1);
    for literal in &rule.any {
        let (word, end) = match literal.strip_suffix('*') {
            Some(stem) => (stem, ""),
            None => (literal.as_str(), r"\b"),
        };
        if word.trim().is_empty() {
            return Err(refuse("an empty word matches everything or nothing"));
        }
        if crate::normalize::text(word) != word {
            return Err(refuse("words are lower case, without accents"));
        }
        alternatives.push(format!(r"\b{}{end}", regex::escape(word)));
    }
    alternatives.extend(rule.regex.as_ref().map(|regex| format!("(?:{regex})")));
    if alternatives.is_empty() {
        return Err(refuse("it has neither `any` nor `regex`"));
    }
    Ok(alternatives.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_stop_within_a_number_ends_no_sentence() {
        let found: Vec<_> = segments("deploy 2.3.1 now. then rest!\n\nwhy? ; end.").collect();
        assert_eq!(found, ["deploy 2.3.1 now.", "then rest", "why", "end."]);
    }
}
