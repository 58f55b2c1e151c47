use clap::ValueEnum;
use mcpo2_artifact::select::{Bytes, Estimator, Tokenizer};

use super::super::Problem;

/// What counts tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli::artifact) enum Counter {
    /// About as o200k_base does
    #[default]
    Estimate,
    /// As o200k_base does, exactly; not in every build
    O200k,
    /// Bytes, of which no byte-level tokenizer makes more tokens
    Bytes,
}

impl Counter {
    /// That this build has it.
    pub(in crate::cli::artifact) fn check(self) -> Result<(), Problem> {
        self.tokenizer().map(|_| ())
    }

    pub(super) fn tokenizer(self) -> Result<Box<dyn Tokenizer>, Problem> {
        Ok(match self {
            Self::Estimate => Box::new(Estimator),
            Self::Bytes => Box::new(Bytes),
            #[cfg(feature = "tokenizer")]
            Self::O200k => Box::new(mcpo2_artifact::select::O200k),
            #[cfg(not(feature = "tokenizer"))]
            Self::O200k => {
                return Err(Problem::wrong(
                    "this mcpo2 is built without the feature `tokenizer`, so it cannot count \
                     exactly: build it with `--features tokenizer`, or take an estimate, or bytes, \
                     which are never fewer than tokens",
                ));
            }
        })
    }

    /// Its name, as a pack states it.
    pub(in crate::cli::artifact) fn name(self) -> &'static str {
        match self {
            Self::Estimate => "estimate",
            Self::O200k => "o200k_base",
            Self::Bytes => "bytes",
        }
    }

    /// The tokens of a text, if this is no estimate.
    pub(in crate::cli::artifact) fn exactly(self, text: &str) -> Option<u64> {
        let counts = (self != Self::Estimate).then(|| self.tokenizer().ok());
        counts.flatten().map(|tokenizer| tokenizer.count(text))
    }
}
