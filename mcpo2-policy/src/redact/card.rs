//! Numbers of payment cards: 13 to 19 digits, of which the last is the check digit (ISO/IEC 7812).

use std::ops::Range;

use super::finder::stands_apart;

/// Digits, with at most one space or hyphen between two.
pub(super) const RUN: &str = "[0-9](?:[ -]?[0-9]){12,}";

/// Of 19 digits, with a separator before each but the first.
const LONGEST: usize = 19 + 18;

/// The numbers in a run: whole groups of its digits, since some write other numbers beside them.
pub(super) fn numbers(text: &str, run: &Range<usize>) -> Vec<Range<usize>> {
    let groups = groups(text, run);
    let mut found = Vec::new();
    let mut first = 0;
    while let Some(from) = groups.get(first) {
        let ends = groups.iter().enumerate().skip(first);
        let numbers = ends.map(|(last, group)| (last, from.start..group.end));
        let mut short = numbers.take_while(|(_, span)| span.len() <= LONGEST);
        let number = short.find(|(_, span)| is_number(text, span));
        first = match number {
            Some((last, span)) => {
                found.push(span);
                last + 1
            }
            None => first + 1,
        };
    }
    found
}

/// The digits between two separators, each.
fn groups(text: &str, run: &Range<usize>) -> Vec<Range<usize>> {
    let mut at = run.start;
    let of_run = text.get(run.clone()).unwrap_or_default();
    let groups = of_run.split([' ', '-']).map(|group| {
        let span = at..at + group.len();
        at = span.end + 1;
        span
    });
    groups.collect()
}

fn is_number(text: &str, span: &Range<usize>) -> bool {
    let Some(number) = text.get(span.clone()) else {
        return false;
    };
    let digits = || number.chars().rev().filter_map(|sign| sign.to_digit(10));
    let sum = digits().enumerate().map(|(at, digit)| match at % 2 {
        0 => digit,
        _ => digit * 2 / 10 + digit * 2 % 10,
    });
    (13..=19).contains(&digits().count())
        && digits().any(|digit| digit != 0)
        && sum.sum::<u32>().is_multiple_of(10)
        && stands_apart(text, span)
}
