use std::borrow::Cow;

use super::{Found, key_block, scanner::first};

/// The text with `[redacted: RULE]` in place of each secret.
///
/// It is for what goes out: excerpts, previews, results of tools. A text that is cut in the middle
/// of a secret may not show what it is part of; so scan the whole before a part is given out.
#[must_use]
pub fn redact(text: &[u8]) -> Cow<'_, [u8]> {
    let mut redacted = Vec::new();
    let mut done = 0;
    while let Some((at, found)) = first(text, done, text.len()) {
        let start = at.saturating_sub(found.before).max(done);
        redacted.extend_from_slice(text.get(done..start).unwrap_or_default());
        redacted.extend_from_slice(format!("[redacted: {}]", found.rule).as_bytes());
        done = end(text, at, found);
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    redacted.extend_from_slice(text.get(done..).unwrap_or_default());
    Cow::Owned(redacted)
}

/// Where the secret ends; a rule need not have seen so far.
fn end(text: &[u8], at: usize, found: Found) -> usize {
    if let Some(end) = key_block::end(text, found.rule, at) {
        return end;
    }
    let end = at.saturating_add(found.after.max(1)).min(text.len());
    let more = text.get(end..).unwrap_or_default().iter();
    let is_more = |b: &&u8| b.is_ascii_alphanumeric() || b"+/=_-".contains(b);
    end + more.take_while(is_more).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_cut_out_with_its_armour() {
        let words = "PRIVATE KEY-----";
        let body = "Ab3dEfGh".repeat(8);
        let text = format!("a\n-----BEGIN RSA {words}\n{body}\n{body}\n-----END RSA {words}\nb");
        let redacted = redact(text.as_bytes());
        assert_eq!(&*redacted, b"a\n[redacted: private-key-block]\nb");
        let cut = redact(&text.as_bytes()[..150]);
        assert_eq!(&*cut, b"a\n[redacted: private-key-block]");
    }

    #[test]
    fn a_text_without_secrets_stays_as_it_is() {
        assert!(matches!(
            redact(b"no secret here"),
            Cow::Borrowed(b"no secret here")
        ));
    }

    #[test]
    fn no_part_of_a_secret_remains() {
        let key = "Zx9Qk2Lm8Vb4Nn1T".repeat(20);
        let text = format!("token = \"{key}\"; token = \"{key}\"");
        let redacted = redact(text.as_bytes()).into_owned();
        assert!(!String::from_utf8(redacted).unwrap().contains("Zx9Q"));
    }
}
