use std::fmt;

use super::named;

/// A colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Colour {
    pub(super) red: u8,
    pub(super) green: u8,
    pub(super) blue: u8,
    alpha: f64,
}

impl Colour {
    pub(super) const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self {
            red,
            green,
            blue,
            alpha: 1.0,
        }
    }

    /// Reads a hex colour, `rgb()`, `rgba()` or a name of CSS.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        let colour = match lower.strip_prefix('#') {
            Some(digits) => hex(digits),
            None => function(&lower).or_else(|| named::find(&lower)),
        };
        colour.ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            format!("`{shown}` is no colour: write #rrggbb, rgb(r g b) or a CSS name")
        })
    }

    pub(super) fn is_opaque(self) -> bool {
        self.alpha >= 1.0
    }

    /// This colour laid over an opaque one.
    pub(super) fn over(self, below: Self) -> Self {
        let mix = |top: u8, below: u8| {
            byte(f64::from(top) * self.alpha + f64::from(below) * (1.0 - self.alpha))
        };
        let (red, green) = (mix(self.red, below.red), mix(self.green, below.green));
        Self::rgb(red, green, mix(self.blue, below.blue))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

/// Rounds to a channel.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to what a byte holds, and a cast of NaN is 0"
)]
pub(super) fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

fn hex(digits: &str) -> Option<Colour> {
    let doubled: String = match digits.len() {
        3 | 4 => digits.chars().flat_map(|c| [c, c]).collect(),
        6 | 8 => digits.to_owned(),
        _ => return None,
    };
    if !doubled.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let channel = |at: usize| u8::from_str_radix(doubled.get(at..at + 2)?, 16).ok();
    let alpha = match doubled.len() {
        8 => f64::from(channel(6)?) / 255.0,
        _ => 1.0,
    };
    Some(Colour {
        alpha,
        ..Colour::rgb(channel(0)?, channel(2)?, channel(4)?)
    })
}

/// Reads `rgb(1, 2, 3)`, `rgba(1 2 3 / 50%)` and what lies between.
fn function(text: &str) -> Option<Colour> {
    let arguments = text
        .strip_prefix("rgba")
        .or_else(|| text.strip_prefix("rgb"))?;
    let arguments = arguments.trim().strip_prefix('(')?.strip_suffix(')')?;
    let parts: Vec<_> = arguments
        .split([',', '/', ' '])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    let (red, green, blue, alpha) = match *parts.as_slice() {
        [red, green, blue] => (red, green, blue, 1.0),
        [red, green, blue, alpha] => (red, green, blue, number(alpha, 1.0)?.clamp(0.0, 1.0)),
        _ => return None,
    };
    let channel = |text| number(text, 255.0).map(byte);
    Some(Colour {
        alpha,
        ..Colour::rgb(channel(red)?, channel(green)?, channel(blue)?)
    })
}

/// A number, or a percentage of `whole`.
fn number(text: &str, whole: f64) -> Option<f64> {
    let value = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok()? / 100.0 * whole,
        None => text.parse().ok()?,
    };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        for (text, shown) in [
            ("#fff", "#ffffff"),
            ("#1A2b3C", "#1a2b3c"),
            ("rgb(26, 43, 60)", "#1a2b3c"),
            ("rgb(26 43 60)", "#1a2b3c"),
            ("RGBA(100%, 0%, 50%, 1)", "#ff0080"),
            ("rgb(300 -5 0)", "#ff0000"),
            (" RebeccaPurple ", "#663399"),
        ] {
            assert_eq!(Colour::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_colour_is_refused() {
        for text in [
            "",
            "#",
            "#12",
            "#ggg",
            "#é1",
            "rgb(1,2)",
            "rgb(1,2,nan)",
            "rgb(1 2 3",
            "blurple",
        ] {
            assert!(Colour::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_translucent_colour_is_mixed_with_what_is_below() {
        let white = Colour::rgb(255, 255, 255);
        for text in ["#00000080", "rgb(0 0 0 / 50%)", "rgba(0, 0, 0, 0.5)"] {
            let grey = Colour::parse(text).unwrap().over(white);
            assert!((127..=128).contains(&grey.red), "{text}: {grey}");
        }
    }
}
