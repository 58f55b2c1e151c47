use schemars::JsonSchema;
use serde::Serialize;

use super::{Colour, colour::byte, wcag};

/// How finely lightness is searched.
const STEPS: u16 = 1000;

/// A colour that has the contrast.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Suggestion {
    /// The colour, `#rrggbb`; the one that was given if it passes.
    pub(super) colour: String,
    /// Its ratio, cut to two digits.
    pub(super) ratio: f64,
    /// How far its lightness (HSL) moved, in points of a hundred; darker is negative.
    pub(super) moved: f64,
}

/// The nearest colour in lightness, of the same hue and saturation, that has this ratio.
pub(super) fn suggest(
    colour: Colour,
    background: Colour,
    target: f64,
) -> Result<Suggestion, String> {
    if !(1.0..=21.0).contains(&target) {
        return Err("the target is a ratio from 1 to 21".to_owned());
    }
    let passes = |candidate| wcag::ratio(candidate, background) >= target;
    let suggestion = |colour: Colour, moved: f64| Suggestion {
        colour: colour.to_string(),
        ratio: wcag::cut(wcag::ratio(colour, background)),
        moved,
    };
    if passes(colour) {
        return Ok(suggestion(colour, 0.0));
    }
    let from = Hsl::of(colour);
    for step in 1..=STEPS {
        let moved = f64::from(step) / f64::from(STEPS);
        for moved in [-moved, moved] {
            let lightness = from.lightness + moved;
            let candidate = Hsl {
                lightness: lightness.clamp(0.0, 1.0),
                ..from
            }
            .to_rgb();
            if (-0.001..=1.001).contains(&lightness) && passes(candidate) {
                return Ok(suggestion(candidate, (moved * 1000.0).round() / 10.0));
            }
        }
    }
    let most = [Colour::rgb(0, 0, 0), Colour::rgb(255, 255, 255)]
        .map(|end| wcag::ratio(end, background))
        .into_iter()
        .fold(1.0, f64::max);
    Err(format!(
        "no colour has {target}:1 on {background}; the most is {}:1",
        wcag::cut(most)
    ))
}

/// Hue in sixths of the circle, saturation and lightness in 0 to 1.
#[derive(Debug, Clone, Copy)]
struct Hsl {
    hue: f64,
    saturation: f64,
    lightness: f64,
}

impl Hsl {
    fn of(colour: Colour) -> Self {
        let channels = [colour.red, colour.green, colour.blue].map(|c| f64::from(c) / 255.0);
        let [red, green, blue] = channels;
        let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
        let (chroma, lightness) = (most - least, (most + least) / 2.0);
        if chroma <= 0.0 {
            return Self {
                hue: 0.0,
                saturation: 0.0,
                lightness,
            };
        }
        let hue = if most <= red {
            ((green - blue) / chroma).rem_euclid(6.0)
        } else if most <= green {
            (blue - red) / chroma + 2.0
        } else {
            (red - green) / chroma + 4.0
        };
        Self {
            hue,
            saturation: chroma / (1.0 - (2.0 * lightness - 1.0).abs()),
            lightness,
        }
    }

    fn to_rgb(self) -> Colour {
        // CSS Color 4, section 7.1.
        let amplitude = self.saturation * self.lightness.min(1.0 - self.lightness);
        let channel = |offset: f64| {
            let k = (offset + self.hue * 2.0).rem_euclid(12.0);
            byte(255.0 * (self.lightness - amplitude * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0)))
        };
        Colour::rgb(channel(0.0), channel(8.0), channel(4.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Colour {
        Colour::parse(text).unwrap()
    }

    #[test]
    fn hsl_goes_there_and_back() {
        for text in [
            "#000000", "#ffffff", "#ff0000", "#00ff00", "#0000ff", "#1a2b3c", "#663399",
        ] {
            assert_eq!(Hsl::of(parse(text)).to_rgb().to_string(), text);
        }
    }

    #[test]
    fn the_nearest_colour_that_passes_is_found() {
        let found = suggest(parse("#777777"), parse("white"), 4.5).unwrap();
        assert_eq!((found.colour.as_str(), found.ratio), ("#767676", 4.54));
        assert!(found.moved < 0.0);
        let lighter = suggest(parse("#0000ff"), parse("black"), 4.5).unwrap();
        assert!(lighter.moved > 0.0 && lighter.ratio >= 4.5, "{lighter:?}");
        let same = suggest(parse("black"), parse("white"), 21.0).unwrap();
        assert_eq!((same.colour.as_str(), same.moved), ("#000000", 0.0));
    }

    #[test]
    fn what_cannot_be_reached_says_how_far_one_gets() {
        let refusal = suggest(parse("red"), parse("#808080"), 7.0).unwrap_err();
        assert!(refusal.contains("the most is 5.31:1"), "{refusal}");
        for target in [0.0, 22.0, f64::NAN] {
            assert!(suggest(parse("red"), parse("white"), target).is_err());
        }
    }
}
