//! What may be shown of a value, and which values are worth it.

/// The most bits of randomness a character of a word or an identifier has.
const MIN_ENTROPY: f64 = 3.2;

/// The beginning that everybody knows, and how long the whole is.
pub(super) fn masked(value: &str, public_prefix: usize) -> String {
    let prefix: String = value.chars().take(public_prefix).collect();
    format!("{prefix}**** ({} characters)", value.chars().count())
}

/// Whether a value is a placeholder: documentation and templates are full of them.
pub(super) fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 9] = [
        "example",
        "changeme",
        "placeholder",
        "redacted",
        "your",
        "dummy",
        "xxxx",
        "****",
        "${",
    ];
    let lower = value.to_lowercase();
    let (first, mut rest) = (value.chars().next(), value.chars());
    WORDS.iter().any(|word| lower.contains(word)) || rest.all(|c| Some(c) == first)
}

/// Whether a value looks as if nobody had thought it up: its characters are spread, and digits
/// stand between letters more than once.
pub(super) fn looks_random(value: &str) -> bool {
    let digits = value
        .split(|c: char| !c.is_ascii_digit())
        .filter(|run| !run.is_empty())
        .count();
    digits >= 2
        && value.contains(|c: char| c.is_ascii_alphabetic())
        && entropy(value) >= MIN_ENTROPY
}

/// The entropy of a character of this text, in bits (Shannon).
fn entropy(text: &str) -> f64 {
    let (mut counts, mut total) = ([0_u32; 256], 0_u32);
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
        total += 1;
    }
    let share = |count: u32| f64::from(count) / f64::from(total);
    counts
        .into_iter()
        .filter(|count| *count > 0)
        .map(share)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_holds_nothing_of_the_value() {
        assert_eq!(masked("ghp_abcdefgh", 4), "ghp_**** (12 characters)");
        assert_eq!(masked("hunter2hunter2", 0), "**** (14 characters)");
    }

    #[test]
    fn random_values_differ_from_thought_up_ones() {
        for random in [
            "wJalrXUtnFEMI7K7MDENGbPxRfiCY",
            "9f86d081884c7d659a2feaa0c55ad015",
        ] {
            assert!(looks_random(random), "{random}");
        }
        for word in [
            "correct-horse-battery",
            "a1a1a1a1a1a1a1a1",
            "HmacSha256Signature",
            "2026-11-21",
        ] {
            assert!(!looks_random(word), "{word}");
        }
        assert!((entropy("abcd") - 2.0).abs() < 1e-9);
        assert!(entropy("").abs() < 1e-9);
    }

    #[test]
    fn placeholders_are_known() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "your-token-here",
            "${TOKEN}",
            "0000000000000000",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        assert!(!is_placeholder("wJalrXUtnFEMI7K7MDENG"));
    }
}
