//! Tokens that begin as their provider says.

use super::{Found, Place, RuleId};

/// What follows a prefix.
#[derive(Clone, Copy)]
enum Class {
    Hex,
    Upper,
    Alnum,
    Url,
    Dotted,
}

struct Token {
    prefix: &'static [u8],
    rule: RuleId,
    class: Class,
    /// How many bytes may follow the prefix, and how many of them are digits at least: names in
    /// source code have few.
    length: (usize, usize),
    digits: usize,
}

const ANY: usize = usize::MAX;

const fn token(
    prefix: &'static str,
    rule: &'static str,
    class: Class,
    length: (usize, usize),
    digits: usize,
) -> Token {
    Token {
        prefix: prefix.as_bytes(),
        rule: RuleId(rule),
        class,
        length,
        digits,
    }
}

const TOKENS: [Token; 64] = [
    token("ABIA", "aws-key-id", Class::Upper, (16, 16), 1),
    token("ACCA", "aws-key-id", Class::Upper, (16, 16), 1),
    token("AGE-SECRET-KEY-1", "age-key", Class::Alnum, (50, 64), 4),
    token("AIza", "google-api-key", Class::Url, (35, 35), 1),
    token("AKIA", "aws-key-id", Class::Upper, (16, 16), 0),
    token("ASIA", "aws-key-id", Class::Upper, (16, 16), 0),
    token("GOCSPX-", "google-client-secret", Class::Url, (24, 40), 1),
    token("NRAK-", "new-relic-key", Class::Alnum, (25, 32), 1),
    token("PMAK-", "postman-key", Class::Url, (50, 70), 4),
    token("dapi", "databricks-token", Class::Hex, (32, 34), 4),
    token("dckr_pat_", "docker-token", Class::Url, (20, ANY), 1),
    token("dop_v1_", "digitalocean-token", Class::Hex, (64, 64), 4),
    token("doo_v1_", "digitalocean-token", Class::Hex, (64, 64), 4),
    token("dor_v1_", "digitalocean-token", Class::Hex, (64, 64), 4),
    token("figd_", "figma-token", Class::Url, (38, ANY), 2),
    token("ghp_", "github-token", Class::Alnum, (36, 255), 1),
    token("gho_", "github-token", Class::Alnum, (36, 255), 1),
    token("ghu_", "github-token", Class::Alnum, (36, 255), 1),
    token("ghs_", "github-token", Class::Alnum, (36, 255), 1),
    token("ghr_", "github-token", Class::Alnum, (36, 255), 1),
    token("github_pat_", "github-token", Class::Url, (60, 255), 2),
    token("glpat-", "gitlab-token", Class::Dotted, (20, ANY), 1),
    token("gldt-", "gitlab-token", Class::Url, (20, ANY), 1),
    token("glrt-", "gitlab-token", Class::Dotted, (20, ANY), 1),
    token("glcbt-", "gitlab-token", Class::Url, (20, ANY), 1),
    token("glptt-", "gitlab-token", Class::Hex, (40, 40), 2),
    token("glsoat-", "gitlab-token", Class::Url, (20, ANY), 1),
    token("glc_", "grafana-token", Class::Url, (40, ANY), 2),
    token("glsa_", "grafana-token", Class::Url, (40, 42), 2),
    token("gsk_", "groq-key", Class::Alnum, (48, 60), 2),
    token("hf_", "hugging-face-token", Class::Alnum, (34, 40), 0),
    token("key-", "mailgun-key", Class::Hex, (32, 32), 4),
    token("lin_api_", "linear-key", Class::Alnum, (40, 48), 2),
    token("npm_", "npm-token", Class::Alnum, (36, 36), 1),
    token("ntn_", "notion-token", Class::Alnum, (40, 50), 2),
    token("pplx-", "perplexity-key", Class::Alnum, (40, 64), 2),
    token("pul-", "pulumi-token", Class::Hex, (40, 40), 4),
    token("pypi-", "pypi-token", Class::Url, (60, ANY), 2),
    token("r8_", "replicate-token", Class::Alnum, (37, 40), 2),
    token("rk_live_", "stripe-key", Class::Alnum, (16, ANY), 1),
    token("rk_test_", "stripe-key", Class::Alnum, (16, ANY), 1),
    token("rubygems_", "rubygems-key", Class::Hex, (48, 48), 4),
    token("sbp_", "supabase-token", Class::Hex, (40, 40), 4),
    token("shpat_", "shopify-token", Class::Hex, (32, 32), 2),
    token("shpca_", "shopify-token", Class::Hex, (32, 32), 2),
    token("shppa_", "shopify-token", Class::Hex, (32, 32), 2),
    token("shpss_", "shopify-token", Class::Hex, (32, 32), 2),
    token("sk-", "secret-key", Class::Url, (20, ANY), 2),
    token("sk_live_", "stripe-key", Class::Alnum, (16, ANY), 1),
    token("sk_test_", "stripe-key", Class::Alnum, (16, ANY), 1),
    token("sq0atp-", "square-token", Class::Url, (22, ANY), 1),
    token("sq0csp-", "square-token", Class::Url, (40, ANY), 1),
    token("tskey-", "tailscale-key", Class::Url, (20, ANY), 2),
    token("whsec_", "webhook-secret", Class::Alnum, (24, ANY), 2),
    token("xapp-", "slack-token", Class::Url, (24, ANY), 6),
    token("xkeysib-", "brevo-key", Class::Url, (64, ANY), 8),
    token("xoxa-", "slack-token", Class::Url, (20, ANY), 6),
    token("xoxb-", "slack-token", Class::Url, (20, ANY), 6),
    token("xoxc-", "slack-token", Class::Url, (20, ANY), 6),
    token("xoxd-", "slack-token", Class::Url, (20, ANY), 2),
    token("xoxe-", "slack-token", Class::Url, (20, ANY), 6),
    token("xoxp-", "slack-token", Class::Url, (20, ANY), 6),
    token("xoxr-", "slack-token", Class::Url, (20, ANY), 6),
    token("xoxs-", "slack-token", Class::Url, (20, ANY), 6),
];

/// The same for tokens whose prefix no run has: it is before the place.
const BEHIND: [Token; 7] = [
    token("SG.", "sendgrid-key", Class::Dotted, (60, 72), 2),
    token(
        "discord.com/api/webhooks/",
        "discord-webhook",
        Class::Alnum,
        (16, 20),
        16,
    ),
    token(
        "hooks.slack.com/services/",
        "slack-webhook",
        Class::Alnum,
        (8, 14),
        1,
    ),
    token("hvb.", "vault-token", Class::Url, (24, ANY), 2),
    token("hvs.", "vault-token", Class::Url, (24, ANY), 2),
    token("atlasv1.", "terraform-token", Class::Url, (60, 72), 2),
    token("ya29.", "google-access-token", Class::Url, (24, ANY), 2),
];

pub(super) fn find(place: Place<'_>) -> Option<Found> {
    let known = || {
        let begins = |token: &&Token| place.after.starts_with(token.prefix);
        let known = TOKENS.iter().filter(begins);
        let mut known = known.filter_map(|token| token.of(place));
        known.next().or_else(|| web_token(place))
    };
    let known = may_begin(place.after).then(known).flatten();
    known.or_else(|| behind(place))
}

/// For the low bits of a first byte, those of the second bytes with which a token goes on.
const PAIRS: [u64; 64] = pairs();

/// Whether a token may begin with the first two bytes: few words do.
fn may_begin(text: &[u8]) -> bool {
    let [one, two, ..] = *text else {
        return false;
    };
    let seconds = PAIRS.get(usize::from(one % 64)).copied();
    seconds.unwrap_or_default() >> (two % 64) & 1 == 1
}

#[expect(
    clippy::indexing_slicing,
    reason = "a constant: it does not compile where it is wrong"
)]
const fn pairs() -> [u64; 64] {
    let mut pairs = [0; 64];
    pairs[(b'e' % 64) as usize] |= 1 << (b'y' % 64);
    let mut at = 0;
    while at < TOKENS.len() {
        let prefix = TOKENS[at].prefix;
        pairs[(prefix[0] % 64) as usize] |= 1 << (prefix[1] % 64);
        at += 1;
    }
    pairs
}

fn behind(place: Place<'_>) -> Option<Found> {
    if !matches!(place.before.last(), Some(b'.' | b'/')) {
        return None;
    }
    let known = BEHIND
        .iter()
        .find(|token| place.before.ends_with(token.prefix))?;
    known.body(place.after).map(|length| Found {
        rule: known.rule,
        before: 0,
        after: length,
    })
}

impl Token {
    fn of(&self, place: Place<'_>) -> Option<Found> {
        let body = place.after.get(self.prefix.len()..)?;
        // What documentation shows in place of a key.
        if body.get(..16).is_some_and(|key| key.ends_with(b"EXAMPLE")) {
            return None;
        }
        self.body(body).map(|length| Found {
            rule: self.rule,
            before: 0,
            after: self.prefix.len() + length,
        })
    }

    /// How long the body is that this begins with.
    fn body(&self, text: &[u8]) -> Option<usize> {
        let length = text.iter().take_while(|b| self.class.has(**b)).count();
        let body = text.get(..length)?;
        let digits = body.iter().filter(|b| b.is_ascii_digit()).count();
        let fits = (self.length.0..=self.length.1).contains(&length) && digits >= self.digits;
        let varied = body.iter().any(|b| Some(b) != body.first());
        (fits && varied && !is_words(body)).then_some(length)
    }
}

/// Whether it is words joined by `-` or `_`, as names are: `sk-fading-circle-2-of-12`.
fn is_words(body: &[u8]) -> bool {
    let mut parts = body.split(|b| matches!(b, b'-' | b'_' | b'.'));
    parts.all(|part| {
        part.len() < 16
            && (part.iter().all(u8::is_ascii_digit) && part.len() < 8
                || part.iter().all(u8::is_ascii_lowercase)
                || part.iter().all(u8::is_ascii_uppercase))
    })
}

impl Class {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
        }
    }
}

/// A JSON Web Token (RFC 7519): two objects in base64, of which each begins with `{"`.
fn web_token(place: Place<'_>) -> Option<Found> {
    let text = place.after;
    if !text.starts_with(b"eyJ") {
        return None;
    }
    let header = text.iter().take_while(|b| Class::Url.has(**b)).count();
    let claims = text.get(header..)?.strip_prefix(b".eyJ")?;
    let is_token = header >= 12
        && claims
            .iter()
            .take(8)
            .filter(|b| Class::Url.has(**b))
            .count()
            == 8;
    is_token.then(|| Found {
        rule: RuleId("json-web-token"),
        before: 0,
        after: text.iter().take_while(|b| Class::Dotted.has(**b)).count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_source_code_are_no_tokens() {
        for name in [
            "sk-fading-circle-2-of-12-more",
            "npm_config_registry_and_more_of_it_in_here",
            "key-0123456789abcdef-and-more-of-it",
            "AKIAIOSFODNN7EXAMPLE",
            "hf_hub_download_with_progress_and_more",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ] {
            assert_eq!(find(Place::at(name.as_bytes(), 0)), None, "{name}");
        }
    }
}
