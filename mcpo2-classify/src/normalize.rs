//! One spelling for what looks the same, so that a disguised word is the word.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Lower case without what cannot be seen, accents, compatibility forms and letters that only look
/// Latin.
///
/// Leet, letter-spacing and ciphers stay as they are: no table undoes them.
pub(crate) fn text(raw: &str) -> String {
    if raw.is_ascii() {
        return raw.to_ascii_lowercase();
    }
    raw.chars()
        .filter(|c| !is_invisible(*c))
        .map(fold)
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .map(fold)
        .flat_map(char::to_lowercase)
        .collect()
}

/// The name of a tool as words: `scanSecrets` and `scan_secrets` are `scan secrets`.
pub(crate) fn tool_name(raw: &str) -> String {
    let mut words = String::with_capacity(raw.len() + 8);
    let mut lower = false;
    for c in raw.chars() {
        if lower && c.is_uppercase() {
            words.push(' ');
        }
        lower = c.is_lowercase() || c.is_numeric();
        words.push(if c.is_alphanumeric() { c } else { ' ' });
    }
    text(&words)
}

/// Default-ignorable code points: zero-width, bidi controls, variation selectors, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The Latin letter that a Cyrillic, Greek or other letter is drawn like.
///
/// Not the skeletons of UTS 39: those make `m` into `rn`, which no rule is written in.
fn fold(c: char) -> char {
    match c {
        'а' | 'А' | 'α' | 'Α' | 'ɑ' => 'a',
        'в' | 'В' | 'Β' | 'β' | 'Ь' => 'b',
        'с' | 'С' | 'ϲ' | 'Ϲ' => 'c',
        'ԁ' | 'đ' | 'Đ' | 'ɗ' => 'd',
        'е' | 'Е' | 'є' | 'Ε' | 'ε' => 'e',
        'ғ' | 'ƒ' | 'Ϝ' => 'f',
        'ɡ' | 'ց' => 'g',
        'һ' | 'Һ' | 'н' | 'Н' | 'Η' | 'հ' => 'h',
        'і' | 'І' | 'ı' | 'Ι' | 'ι' | 'ɩ' => 'i',
        'ј' | 'Ј' | 'ϳ' => 'j',
        'к' | 'К' | 'Κ' | 'κ' => 'k',
        'ӏ' | 'Ӏ' | 'ł' | 'Ł' | 'ǀ' => 'l',
        'м' | 'М' | 'Μ' => 'm',
        'η' | 'Ν' | 'ո' | 'п' => 'n',
        'о' | 'О' | 'ο' | 'Ο' | 'ø' | 'Ø' | 'օ' | 'σ' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' => 'p',
        'ԛ' | 'Ԛ' | 'գ' => 'q',
        'г' | 'ꭇ' => 'r',
        'ѕ' | 'Ѕ' | 'ꜱ' => 's',
        'т' | 'Т' | 'τ' | 'Τ' => 't',
        'υ' | 'ս' | 'ʋ' => 'u',
        'ν' | 'ѵ' | 'Ѵ' => 'v',
        'ԝ' | 'Ԝ' | 'ω' => 'w',
        'х' | 'Х' | 'χ' | 'Χ' => 'x',
        'у' | 'У' | 'Υ' | 'ү' | 'Ү' | 'γ' => 'y',
        'Ζ' => 'z',
        '‐' | '‑' | '‒' | '–' | '—' | '−' => '-',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disguised_word_is_the_word() {
        let tagged: String = "vuln\u{e0001}\u{e0076}erability".into();
        for disguised in [
            "Vulnerability",
            "ｖｕｌｎｅｒａｂｉｌｉｔｙ",
            "vul\u{200b}ner\u{2060}a\u{202e}bility",
            "vúlnérabîlity",
            "vuln\u{435}rability",
            "𝐯𝐮𝐥𝐧𝐞𝐫𝐚𝐛𝐢𝐥𝐢𝐭𝐲",
            "vulnerabi\u{0301}\u{0302}lity",
            "νulnerаbilitу",
            &tagged,
        ] {
            assert_eq!(text(disguised), "vulnerability", "{disguised}");
        }
    }

    #[test]
    fn the_name_of_a_tool_is_read_as_words() {
        assert_eq!(tool_name("scanSecrets"), "scan secrets");
        assert_eq!(
            tool_name("git-hub__create.pullRequest2"),
            "git hub  create pull request2"
        );
    }
}
