use std::cmp::Ordering;

/// A decimal number that every reader reads alike: as a double or exactly, it compares the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// Sixteen significant digits, the first of them not zero; zero is all zeros.
    digits: u64,
    /// Where the point stands, counted from in front of the first digit.
    point: i64,
}

/// The largest integer up to which doubles have every integer.
const EXACT_INTEGERS: u64 = 1 << 53;

impl Decimal {
    /// The value of a JSON number; none where a double cannot tell it from its neighbours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let significant = all.trim_start_matches('0');
        let leading = i64::try_from(all.len() - significant.len()).ok()?;
        let significant = significant.trim_end_matches('0');
        if significant.is_empty() {
            return Some(Self {
                negative: false,
                digits: 0,
                point: 0,
            });
        }
        let point = i64::try_from(whole.len())
            .ok()?
            .checked_sub(leading)?
            .checked_add(exponent)?;
        if !(-300..=300).contains(&point) || significant.len() > 16 {
            return None;
        }
        let padded = format!("{significant:0<16}");
        let digits: u64 = padded.parse().ok()?;
        let safe_integer = point == 16 && digits <= EXACT_INTEGERS;
        (significant.len() <= 15 || safe_integer).then_some(Self {
            negative,
            digits,
            point,
        })
    }
}

impl Decimal {
    /// One spelling, the same for equal numbers: `0.75e3`, and `0` for zero.
    pub(crate) fn canonical(&self) -> String {
        if self.digits == 0 {
            return "0".into();
        }
        let sign = if self.negative { "-" } else { "" };
        let digits = self.digits.to_string();
        format!("{sign}0.{}e{}", digits.trim_end_matches('0'), self.point)
    }

    /// The integers next to it, below and above: both are the number where it is one. They stop
    /// at the ends of 64 bits.
    pub(crate) fn bounds(&self) -> (i64, i64) {
        let (whole, rest) = self.split();
        let below = if self.negative { -whole - rest } else { whole };
        let above = if self.negative { -whole } else { whole + rest };
        (saturated(below), saturated(above))
    }

    /// Whether it is an integer.
    pub(crate) fn is_integer(&self) -> bool {
        self.split().1 == 0
    }

    /// The integer part of its size, and one where something follows it.
    fn split(&self) -> (i128, i128) {
        let digits = i128::from(self.digits);
        let power = |exponent: i64| {
            let exponent = u32::try_from(exponent).ok()?;
            10_i128.checked_pow(exponent)
        };
        match self.point {
            _ if digits == 0 => (0, 0),
            ..=0 => (0, 1),
            1..16 => {
                let unit = power(16 - self.point).unwrap_or(1);
                (digits / unit, i128::from(digits % unit != 0))
            }
            point => {
                let scaled = power(point - 16).and_then(|unit| digits.checked_mul(unit));
                (scaled.unwrap_or(i128::MAX / 2), 0)
            }
        }
    }
}

fn saturated(number: i128) -> i64 {
    let end = if number < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(number).unwrap_or(end)
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |n: &Self| match (n.digits, n.negative) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        let size = |n: &Self| (n.point, n.digits);
        sign(self).cmp(&sign(other)).then_with(|| {
            if self.negative {
                size(other).cmp(&size(self))
            } else {
                size(self).cmp(&size(other))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_numbers() {
        let ascending = [
            "-1e3",
            "-999.5",
            "-1",
            "-0.001",
            "0",
            "1e-300",
            "0.1",
            "0.11",
            "1",
            "9",
            "10",
            "11",
            "100.5",
            "9007199254740991",
            "9007199254740992",
            "1e200",
        ];
        let numbers: Vec<_> = ascending.map(|n| Decimal::parse(n).unwrap()).to_vec();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        for (one, two) in [("1", "1.0"), ("1e2", "100"), ("-0", "0.0"), ("0.5", "5E-1")] {
            assert_eq!(Decimal::parse(one), Decimal::parse(two));
        }
    }

    #[test]
    fn equal_numbers_have_one_spelling_and_each_stands_between_two_integers() {
        for (text, spelling, bounds) in [
            ("0", "0", (0, 0)),
            ("-0.0", "0", (0, 0)),
            ("750", "0.75e3", (750, 750)),
            ("7.5e2", "0.75e3", (750, 750)),
            ("-0.5", "-0.5e0", (-1, 0)),
            ("6.5", "0.65e1", (6, 7)),
            ("-6.5", "-0.65e1", (-7, -6)),
            (
                "9007199254740992",
                "0.9007199254740992e16",
                (1 << 53, 1 << 53),
            ),
            ("1e200", "0.1e201", (i64::MAX, i64::MAX)),
            ("-1e30", "-0.1e31", (i64::MIN, i64::MIN)),
            ("1e-200", "0.1e-199", (0, 1)),
        ] {
            let number = Decimal::parse(text).unwrap();
            assert_eq!(
                (&*number.canonical(), number.bounds()),
                (spelling, bounds),
                "{text}"
            );
        }
    }

    #[test]
    fn what_a_double_would_round_is_none() {
        for lossy in [
            "9007199254740993",
            "100.00000000000000001",
            "18446744073709551617",
            "1e400",
            "1e-400",
            "1e99999999999999999999",
        ] {
            assert_eq!(Decimal::parse(lossy), None, "{lossy}");
        }
    }
}
