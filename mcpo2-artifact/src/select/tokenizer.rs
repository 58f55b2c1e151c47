use crate::facts::TokenEstimate;

/// Counts the tokens of a text, so that a pack fits a budget.
pub trait Tokenizer {
    /// Its name, as a pack states it.
    fn name(&self) -> &str;

    /// How many tokens this text takes.
    fn count(&self, text: &str) -> u64;
}

/// Counts without a tokenizer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Estimator;

impl Tokenizer for Estimator {
    fn name(&self) -> &str {
        "estimate"
    }

    fn count(&self, text: &str) -> u64 {
        TokenEstimate::of(text).about
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
}
