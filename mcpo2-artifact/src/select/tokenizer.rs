use crate::facts::TokenEstimate;

/// Counts the tokens of a text, so that a pack fits a budget.
pub trait Tokenizer {
    /// Its name, as a pack states it.
    fn name(&self) -> &str;

    /// How many tokens this text takes.
    fn count(&self, text: &str) -> u64;

    /// Whether the counts of two texts add up to that of both together where the first ends with a
    /// line feed and the second begins with what is no white space. It saves counting a whole pack.
    fn adds_up_at_lines(&self) -> bool {
        false
    }
}

/// Counts without a tokenizer, about as `o200k_base` does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Estimator;

impl Tokenizer for Estimator {
    fn name(&self) -> &str {
        "estimate"
    }

    fn count(&self, text: &str) -> u64 {
        TokenEstimate::of(text).about
    }

    fn adds_up_at_lines(&self) -> bool {
        true
    }
}

/// Counts bytes, of which no byte-level tokenizer makes more tokens: a budget under it holds under
/// each of these.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bytes;

impl Tokenizer for Bytes {
    fn name(&self) -> &str {
        "bytes"
    }

    fn count(&self, text: &str) -> u64 {
        u64::try_from(text.len()).unwrap_or(u64::MAX)
    }

    fn adds_up_at_lines(&self) -> bool {
        true
    }
}

/// Counts as `o200k_base` does, exactly.
#[cfg(feature = "tokenizer")]
#[derive(Debug, Clone, Copy, Default)]
pub struct O200k;

#[cfg(feature = "tokenizer")]
impl Tokenizer for O200k {
    fn name(&self) -> &str {
        "o200k_base"
    }

    fn count(&self, text: &str) -> u64 {
        u64::try_from(bpe_openai::o200k_base().count(text)).unwrap_or(u64::MAX)
    }

    /// It cuts a text into words first, and always there.
    fn adds_up_at_lines(&self) -> bool {
        true
    }
}
