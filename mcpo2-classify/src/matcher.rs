//! The rules as one automaton, and sentences to run it on.

use regex_automata::{
    Input, MatchKind, PatternSet,
    meta::{BuildError, Config, Regex},
    nfa::thompson::WhichCaptures,
};

use crate::{ConfigError, ConfigErrorKind, RuleConfig};

/// All patterns of a pack.
///
/// It tells for each rule whether it matches, not how often: a word that is repeated a thousand
/// times weighs as much as once.
#[derive(Debug)]
pub(crate) struct Matcher(Regex);

impl Matcher {
    pub(crate) fn compile(rules: &[RuleConfig], max_bytes: usize) -> Result<Self, ConfigError> {
        let patterns: Vec<String> = rules.iter().map(pattern).collect::<Result<_, _>>()?;
        build(&patterns, max_bytes).map(Self).map_err(|error| {
            // Each alone, to name the rule whose it is. Where it is none's, it is that of all.
            let alone = rules.iter().zip(&patterns).find_map(|(rule, pattern)| {
                let error = build(std::slice::from_ref(pattern), max_bytes).err()?;
                Some(ConfigError::regex(rule.id.as_str(), error))
            });
            alone.unwrap_or_else(|| ConfigError::regex("rules", error))
        })
    }

    /// The rules that match, by their place in the pack.
    pub(crate) fn matches(&self, segment: &str) -> impl Iterator<Item = usize> {
        let mut matching = PatternSet::new(self.0.pattern_len());
        let segment = Input::new(segment);
        self.0.which_overlapping_matches(&segment, &mut matching);
        let places: Vec<_> = matching.iter().map(|pattern| pattern.as_usize()).collect();
        places.into_iter()
    }
}

/// A set of patterns, without the automata that are built whole: they take most of the time and the
/// memory, and a set is asked for all that match, which they do not say.
fn build(patterns: &[String], max_bytes: usize) -> Result<Regex, Box<BuildError>> {
    let config = Config::new()
        .match_kind(MatchKind::All)
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(max_bytes))
        .onepass(false)
        .dfa(false);
    Ok(Regex::builder().configure(config).build_many(patterns)?)
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
        alternatives.push(format!(r"\b{}{end}", regex_syntax::escape(word)));
    }
    alternatives.extend(rule.regex.as_ref().map(|regex| format!("(?:{regex})")));
    if alternatives.is_empty() {
        return Err(refuse("it has neither `any` nor `regex`"));
    }
    Ok(alternatives.join("|"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // The reference is the set of `regex`, which builds all its automata.
        #[test]
        fn those_match_that_match_in_a_set_of_regex(
            parts in proptest::collection::vec(
                proptest::collection::vec(proptest::sample::select(PARTS), 1..5), 0..6),
            texts in proptest::collection::vec("[abä ]{0,9}", 1..5),
        ) {
            let patterns: Vec<String> = parts.iter().map(|parts| parts.concat()).collect();
            let (ours, reference) = (build(&patterns, 1 << 20), regex::RegexSet::new(&patterns));
            match (ours, reference) {
                (Ok(ours), Ok(reference)) => for text in texts {
                    let expected: Vec<_> = reference.matches(&text).into_iter().collect();
                    prop_assert_eq!(Matcher(ours.clone()).matches(&text).collect::<Vec<_>>(), expected);
                },
                (ours, reference) => prop_assert!(ours.is_err() && reference.is_err()),
            }
        }
    }

    const PARTS: &[&str] = &[
        r"\b", "a", "b", "ä", "ab", "|", ".*", "(b|)", "[^a]", "a+", "(?i:Ä)", "$", "(",
    ];

    #[test]
    fn a_full_stop_within_a_number_ends_no_sentence() {
        let found: Vec<_> = segments("deploy 2.3.1 now. then rest!\n\nwhy? ; end.").collect();
        assert_eq!(found, ["deploy 2.3.1 now.", "then rest", "why", "end."]);
    }
}
