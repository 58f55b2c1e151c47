use super::{AFTER, BEFORE, Found, RuleId, key_block, runs};

/// Looks for secrets in a text that comes in pieces, and finds the same however it is cut.
///
/// It keeps some kilobytes, however long the text is.
///
/// ```
/// use mcpo2_artifact::ingest::secret::Scanner;
/// let mut scanner = Scanner::new();
/// scanner.update(b"the key is AKIA");
/// scanner.update(b"QWERTYUIOPASDF23");
/// assert_eq!(scanner.finish().map(|rule| rule.as_str()), Some("aws-key-id"));
/// ```
#[derive(Debug, Default)]
pub struct Scanner {
    found: Option<RuleId>,
    /// The end of what was given, of which the places from `decided` on wait for what follows.
    kept: Vec<u8>,
    decided: usize,
}

impl Scanner {
    /// A scanner of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The rule of the first secret in the text; none where it has none.
    #[must_use]
    pub fn scan(text: &[u8]) -> Option<RuleId> {
        first(text, 0, text.len()).map(|(_, found)| found.rule)
    }

    /// Looks on in what follows, and gives the rule of the first secret so far.
    pub fn update(&mut self, piece: &[u8]) -> Option<RuleId> {
        if self.found.is_some() {
            return self.found;
        }
        if let Some(head) = piece.get(..BEFORE + AFTER) {
            // Its other places have all before them that a rule may see.
            self.kept.extend_from_slice(head);
            self.decide(self.kept.len() - AFTER);
            let to = piece.len() - AFTER;
            self.look(piece, BEFORE, to);
            self.keep(piece, to);
        } else {
            self.kept.extend_from_slice(piece);
            let to = self.kept.len().saturating_sub(AFTER).max(self.decided);
            self.decide(to);
            let kept = std::mem::take(&mut self.kept);
            self.keep(&kept, to);
        }
        self.found
    }

    /// The rule of the first secret in the whole text; none where it has none.
    #[must_use]
    pub fn finish(mut self) -> Option<RuleId> {
        self.decide(self.kept.len());
        self.found
    }

    /// Looks at the places of what was kept.
    fn decide(&mut self, to: usize) {
        let kept = std::mem::take(&mut self.kept);
        self.look(&kept, self.decided, to);
        self.kept = kept;
    }

    fn look(&mut self, bytes: &[u8], from: usize, to: usize) {
        if self.found.is_none() && from < to {
            self.found = first(bytes, from, to).map(|(_, found)| found.rule);
        }
    }

    /// Keeps what the places from `decided` on need.
    fn keep(&mut self, bytes: &[u8], decided: usize) {
        let start = decided.saturating_sub(BEFORE);
        self.kept.clear();
        self.kept
            .extend_from_slice(bytes.get(start..).unwrap_or_default());
        self.decided = decided - start;
    }
}

/// The first place in `from..to` at which a rule finds something, and what.
pub(super) fn first(bytes: &[u8], from: usize, to: usize) -> Option<(usize, Found)> {
    let run = runs::find(bytes, from, to);
    let to = run.map_or(to, |(at, _)| at);
    key_block::find(bytes, from, to).or(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<Vec<u8>> {
        let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
        let key = format!(
            "-----BEGIN {} KEY-----\n{}\n",
            "PRIVATE",
            "Ab3dEfGh".repeat(8)
        );
        let long = "word ".repeat(300);
        vec![
            token.clone().into(),
            format!("{long}{token}").into(),
            format!("{long}{key}{long}").into(),
            format!("{}/{token}", "Qx/".repeat(500)).into(),
            format!("{long} password = 'Zx9Qk2Lm8Vb4Nn1T' {long}").into(),
            long.into(),
        ]
    }

    #[test]
    fn the_same_is_found_however_the_text_is_cut() {
        for text in texts() {
            let whole = Scanner::scan(&text);
            for size in [1, 7, 63, 64, 1000, 1151, 1152, 1153, 2000, 3000] {
                let mut scanner = Scanner::new();
                for piece in text.chunks(size) {
                    scanner.update(piece);
                }
                assert_eq!(scanner.finish(), whole, "{size}");
            }
            for cut in (0..text.len()).step_by(5) {
                let (one, two) = text.split_at(cut);
                let mut scanner = Scanner::new();
                scanner.update(one);
                scanner.update(two);
                assert_eq!(scanner.finish(), whole, "{cut}");
            }
        }
        assert!(
            texts()
                .iter()
                .rev()
                .skip(1)
                .all(|text| Scanner::scan(text).is_some())
        );
    }

    #[test]
    fn what_is_kept_does_not_grow() {
        let mut scanner = Scanner::new();
        for _ in 0..1000 {
            scanner.update(&[b'x'; 1500]);
            scanner.update(&[b'x'; 100]);
            assert!(scanner.kept.len() <= BEFORE + AFTER);
        }
    }
}
