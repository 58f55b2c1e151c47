/// Whether a value looks as if chance had made it: letters and digits, mixed, and few of them often.
// Only whole numbers: a logarithm may differ by the platform, and with it what is withheld.
pub(super) fn looks_random(value: &[u8]) -> bool {
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = value.iter().filter(|b| b.is_ascii_alphabetic()).count();
    digits >= 2 && letters >= 2 && turns(value) > value.len() / 8 && is_spread(value)
}

/// How often a letter follows a digit, a digit a letter, or an upper-case letter a lower-case one.
fn turns(value: &[u8]) -> usize {
    let pairs = value.iter().zip(value.iter().skip(1));
    let turn = |one: &u8, two: &u8| {
        one.is_ascii_digit() && two.is_ascii_alphabetic()
            || one.is_ascii_alphabetic() && two.is_ascii_digit()
            || one.is_ascii_lowercase() && two.is_ascii_uppercase()
    };
    pairs.filter(|(one, two)| turn(one, two)).count()
}

/// Whether it has as many different bytes as 7 that are equally frequent would make.
fn is_spread(value: &[u8]) -> bool {
    let mut counts = [0_usize; 256];
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let squares: usize = counts
        .iter()
        .map(|count| count.saturating_mul(*count))
        .sum();
    value.len().saturating_mul(value.len()) >= squares.saturating_mul(7)
}

/// Whether it says that it is none.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 9] = [
        b"example",
        b"placeholder",
        b"changeme",
        b"dummy",
        b"fake",
        b"sample",
        b"your",
        b"xxxx",
        b"12345678",
    ];
    let lower = value.to_ascii_lowercase();
    WORDS
        .iter()
        .any(|word| memchr::memmem::find(&lower, word).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_made_by_chance_look_it_and_names_do_not() {
        for random in [
            "9f86d081884c7d659a2feaa0c55ad015",
            "tGzv3JOkF0XG5Qx2TlKWIA",
            "550e8400-e29b-41d4-a716-446655440000",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzz1zzKEY",
        ] {
            assert!(looks_random(random.as_bytes()), "{random}");
        }
        for name in [
            "test_user_token_2024_01",
            "abcabcabcabcabcabcabc123",
            "authorization_code_v2",
            "00000000000000000000",
            "crates/clap_builder/src",
        ] {
            assert!(!looks_random(name.as_bytes()), "{name}");
        }
    }
}
