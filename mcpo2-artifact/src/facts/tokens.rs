/// How many tokens a text takes, without a tokenizer.
#[derive(
    serde::Serialize, serde::Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq, Hash,
)]
#[non_exhaustive]
pub struct TokenEstimate {
    /// About as many as `o200k_base` makes of it.
    pub about: u64,
    /// No byte-level BPE makes more of it: each token is a byte at least.
    pub at_most: u64,
}

impl TokenEstimate {
    /// Of this text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let (mut about, mut run, mut class) = (0_u64, 0_u64, Class::Space);
        for c in text.chars() {
            let next = Class::of(c);
            if next != class {
                about = about.saturating_add(class.tokens(run));
                (run, class) = (0, next);
            }
            run += 1;
        }
        Self {
            about: about.saturating_add(class.tokens(run)),
            at_most: u64::try_from(text.len()).unwrap_or(u64::MAX),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Space,
    Newline,
    Mark,
    Wide,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' => Self::Lower,
            'A'..='Z' => Self::Upper,
            '0'..='9' => Self::Digit,
            '\n' | '\r' => Self::Newline,
            c if c.is_ascii_whitespace() => Self::Space,
            c if c.is_ascii() => Self::Mark,
            _ => Self::Wide,
        }
    }

    /// Tokens of a run of this many characters: measured on source code.
    fn tokens(self, run: u64) -> u64 {
        match self {
            _ if run == 0 => 0,
            Self::Lower => run.div_ceil(8),
            Self::Upper => run / 3,
            Self::Digit => run.div_ceil(3),
            Self::Space => u64::from(run > 1),
            Self::Newline => 1,
            Self::Mark => run.div_ceil(2),
            Self::Wide => run,
        }
    }
}
