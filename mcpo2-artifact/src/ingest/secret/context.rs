//! Values that look random where the text before says that they are secret.

use memchr::memmem;

use super::{
    Found, Place, RuleId,
    random::{is_placeholder, looks_random},
};

/// What is secret by its name; `_` and `-` are left out of names before they are compared.
const WORDS: [&[u8]; 14] = [
    b"secret",
    b"token",
    b"passw",
    b"pwd",
    b"credential",
    b"apikey",
    b"accesskey",
    b"accountkey",
    b"privatekey",
    b"authkey",
    b"signingkey",
    b"encryptionkey",
    b"masterkey",
    b"encryptkey",
];

/// What is said of the value that begins at this place, which is the beginning of a run.
pub(super) fn find(place: Place<'_>) -> Option<Found> {
    let value = value(place.after)?;
    let rule = if is_assigned(place, value.len()) {
        RuleId("assigned-secret")
    } else if follows_scheme(place.before, value.len()) {
        RuleId("authorization-header")
    } else if is_password_of_url(place, value.len()) {
        RuleId("password-in-url")
    } else if is_bot_token(place, value.len()) {
        RuleId("telegram-token")
    } else {
        return None;
    };
    let secret = looks_random(value) && !is_placeholder(value);
    secret.then_some(Found {
        rule,
        before: 0,
        after: value.len(),
    })
}

/// The run, where it has two digits: without them nothing looks random.
fn value(after: &[u8]) -> Option<&[u8]> {
    let is_value = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
    let length = after.iter().take_while(is_value).count();
    let value = after.get(..length).filter(|value| value.len() >= 16)?;
    let digits = value.iter().filter(|b| b.is_ascii_digit());
    (digits.count() >= 2).then_some(value)
}

/// `"api_key": "…"`, `API_KEY = …`, `let api_key: &str = "…"`, `apiKey => SecretString::from("…")`.
fn is_assigned(place: Place<'_>, length: usize) -> bool {
    let behind = place.after.get(length..).unwrap_or_default();
    let padding = behind.iter().take_while(|b| **b == b'=').count().min(2);
    let behind = behind.get(padding..).unwrap_or_default();
    let (name, closed) = match place.before.split_last() {
        Some((quote @ (b'"' | b'\'' | b'`'), before)) => {
            let before = before.strip_suffix(b"\\").unwrap_or(before);
            let behind = behind.strip_prefix(b"\\").unwrap_or(behind);
            (
                constructor(literal_prefix(before)),
                behind.first() == Some(quote),
            )
        }
        _ => (place.before, length >= 20 && is_end(behind)),
    };
    closed && operand(name.trim_ascii_end()).is_some_and(is_secret_name)
}

/// Without what stands before the quotes of a literal: `b`, `r#`, `f`.
fn literal_prefix(before: &[u8]) -> &[u8] {
    let before = before.strip_suffix(b"#").unwrap_or(before);
    let letter = |b: &u8| matches!(b, b'b' | b'r' | b'f' | b'u' | b'@');
    match before {
        [rest @ .., last]
            if letter(last) && !rest.last().is_some_and(u8::is_ascii_alphanumeric) =>
        {
            rest
        }
        _ => before,
    }
}

/// Without the call that the literal is given to: `Some(`, `String::from(`.
fn constructor(before: &[u8]) -> &[u8] {
    let Some(before) = before.strip_suffix(b"(") else {
        return before;
    };
    let is_path = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'.');
    let path = before.iter().rev().take_while(is_path).count();
    before.get(..before.len() - path).unwrap_or_default()
}

/// What a value may be followed by where it has no quotes.
fn is_end(behind: &[u8]) -> bool {
    let ends = |b: &u8| b.is_ascii_whitespace() || b",;&#\"'<}])\\".contains(b);
    behind.first().is_none_or(ends)
}

/// What stands before `=`, `:` or `=>`, on the same line.
fn operand(before: &[u8]) -> Option<&[u8]> {
    let is_operator = |b: &&u8| matches!(b, b'=' | b':' | b'>');
    let operator = before.iter().rev().take_while(is_operator).count();
    let before = before.get(..before.len() - operator)?;
    let cuts = |b: &&u8| !matches!(b, b'\n' | b';' | b',' | b'{' | b'(' | b'?');
    let length = before.iter().rev().take(64).take_while(cuts).count();
    let name = before.get(before.len() - length..)?;
    (operator > 0).then_some(name)
}

fn is_secret_name(text: &[u8]) -> bool {
    let kept = text.iter().filter(|b| !matches!(b, b'_' | b'-' | b'.'));
    let name: Vec<u8> = kept.map(u8::to_ascii_lowercase).collect();
    WORDS.iter().any(|word| memmem::find(&name, word).is_some())
}

/// `Authorization: Bearer …` (RFC 6750) and `Basic …` (RFC 7617).
fn follows_scheme(before: &[u8], length: usize) -> bool {
    let schemes: [&[u8]; 4] = [b"Bearer ", b"bearer ", b"Basic ", b"basic "];
    length >= 20 && schemes.iter().any(|scheme| before.ends_with(scheme))
}

/// `scheme://user:…@host` (RFC 3986, section 3.2.1).
fn is_password_of_url(place: Place<'_>, length: usize) -> bool {
    let Some(user) = place.before.strip_suffix(b":") else {
        return false;
    };
    let is_user = |b: &&u8| b.is_ascii_alphanumeric() || b"-._~%+".contains(b);
    let name = user.iter().rev().take_while(is_user).count();
    let scheme = user.get(..user.len() - name).unwrap_or_default();
    scheme.ends_with(b"://") && place.after.get(length) == Some(&b'@')
}

/// `123456789:AA…`, 35 bytes behind the colon.
fn is_bot_token(place: Place<'_>, length: usize) -> bool {
    let Some(bot) = place.before.strip_suffix(b":") else {
        return false;
    };
    let digits = bot.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    (8..=10).contains(&digits) && length == 35 && place.after.starts_with(b"AA")
}
