//! What is looked for, the surest first: where two match at one place, the first has it.

use std::{fmt::Write as _, sync::LazyLock};

use regex::Regex;

/// A rule: the first group of the pattern, or the whole match, is the secret.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    pattern: &'static str,
    /// How many leading characters say only what kind of secret it is.
    pub(super) public_prefix: usize,
    /// Whether any value may match, so that only one that looks random counts.
    pub(super) must_look_random: bool,
}

const fn rule(
    id: &'static str,
    what: &'static str,
    public_prefix: usize,
    pattern: &'static str,
) -> Rule {
    Rule {
        id,
        what,
        pattern,
        public_prefix,
        must_look_random: false,
    }
}

const fn guess(id: &'static str, what: &'static str, pattern: &'static str) -> Rule {
    Rule {
        id,
        what,
        pattern,
        public_prefix: 0,
        must_look_random: true,
    }
}

/// The private key needs key material behind its first line: code that only knows the line, as
/// this file does, is none.
static RULES: [Rule; 15] = [
    rule(
        "private-key",
        "a private key in PEM or OpenSSH form",
        10,
        concat!(
            r"-----BEGIN (?:[A-Z0-9]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr])+",
            r"(?:[A-Za-z-]+: [^\n]*\s+)*[A-Za-z0-9+/]{16}",
        ),
    ),
    rule(
        "github-token",
        "a GitHub token",
        4,
        r"\bgh[oprsu]_[A-Za-z0-9]{36}\b",
    ),
    rule(
        "github-pat",
        "a fine-grained GitHub token",
        11,
        r"\bgithub_pat_[A-Za-z0-9_]{60,}",
    ),
    rule(
        "gitlab-token",
        "a GitLab token",
        6,
        r"\bglpat-[A-Za-z0-9_-]{20,}",
    ),
    rule(
        "aws-access-key",
        "an AWS access key id",
        4,
        r"\bA(?:KIA|SIA)[A-Z2-7]{16}\b",
    ),
    rule(
        "slack-token",
        "a Slack token",
        5,
        r"\bxox[abeoprs]-[A-Za-z0-9]+-[A-Za-z0-9-]{8,}",
    ),
    rule(
        "stripe-key",
        "a live Stripe key",
        8,
        r"\b[rs]k_live_[A-Za-z0-9]{16,}",
    ),
    rule(
        "google-api-key",
        "a Google API key",
        4,
        r"\bAIza[A-Za-z0-9_-]{35}\b",
    ),
    rule("npm-token", "an npm token", 4, r"\bnpm_[A-Za-z0-9]{36}\b"),
    rule(
        "anthropic-key",
        "an Anthropic API key",
        7,
        r"\bsk-ant-[A-Za-z0-9_-]{24,}",
    ),
    rule(
        "openai-key",
        "an OpenAI API key",
        3,
        r"\bsk-(?:proj-)?[A-Za-z0-9]{32,}",
    ),
    rule(
        "jwt",
        "a signed JSON Web Token",
        3,
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}",
    ),
    guess(
        "url-password",
        "a password in a URL",
        r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:([^\s/@:]{8,})@",
    ),
    guess(
        "quoted-secret",
        "a random value in quotes under a name that speaks of a secret",
        concat!(
            r#"(?i)(?:passw(?:or)?d|secret|token|credential|api[_-]?key|access[_-]?key)[a-z0-9_-]*"#,
            r#"["']?\s*(?::=|=>|[:=])\s*["'`]([A-Za-z0-9+/=_.~!@#%^&*-]{16,200})["'`]"#,
        ),
    ),
    guess(
        "bare-secret",
        "a random value without quotes under such a name",
        concat!(
            r"(?mi)^\s*(?:export\s+)?[a-z0-9_.-]*",
            r"(?:passw(?:or)?d|secret|token|credential|api[_-]?key|access[_-]?key)[a-z0-9_-]*",
            r"\s*[:=]\s*([A-Za-z0-9+/_~-]{16,200}={0,2})\s*$",
        ),
    ),
];

static COMPILED: LazyLock<Vec<(&'static Rule, Regex)>> = LazyLock::new(|| {
    // Each pattern is a constant, and a test compiles them all.
    RULES
        .iter()
        .filter_map(|rule| Some((rule, Regex::new(rule.pattern).ok()?)))
        .collect()
});

/// The rules, ready to match.
pub(super) fn all() -> &'static [(&'static Rule, Regex)] {
    &COMPILED
}

/// The rules in words.
pub(super) fn described() -> String {
    let mut text = String::from("| rule | finds |\n|---|---|\n");
    for Rule { id, what, .. } in &RULES {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{id}` | {what} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles_and_has_a_name_of_its_own() {
        assert_eq!(all().len(), RULES.len());
        let ids: std::collections::HashSet<_> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len());
        assert_eq!(described().lines().count(), RULES.len() + 2);
    }
}
