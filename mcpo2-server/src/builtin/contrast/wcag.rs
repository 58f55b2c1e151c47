//! The formulas of WCAG 2.2: relative luminance, contrast ratio, and what passes.

use schemars::JsonSchema;
use serde::Serialize;

use super::Colour;

/// The ratio that AA asks of normal text.
pub(super) const AA: f64 = 4.5;

/// The ratio that AA asks of large text.
const AA_LARGE: f64 = 3.0;

/// The ratio that AAA asks of normal text; of large text it asks [`AA`].
const AAA: f64 = 7.0;

/// What a pair of colours comes to.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Verdict {
    /// The contrast ratio, 1 to 21, cut (never rounded up) to two digits.
    pub(super) ratio: f64,
    /// Whether the text counts as large: 24 px, or 18.66 px and bold.
    pub(super) large: bool,
    /// Whether it passes level AA (1.4.3).
    pub(super) aa: bool,
    /// Whether it passes level AAA (1.4.6).
    pub(super) aaa: bool,
}

pub(super) fn verdict(foreground: Colour, background: Colour, large: bool) -> Verdict {
    let ratio = ratio(foreground, background);
    let (aa, aaa) = if large { (AA_LARGE, AA) } else { (AA, AAA) };
    Verdict {
        ratio: cut(ratio),
        large,
        aa: ratio >= aa,
        aaa: ratio >= aaa,
    }
}

/// Whether text of this size in CSS pixels is large: 18 pt, or 14 pt and bold.
pub(super) fn is_large(size: Option<f64>, bold: bool) -> bool {
    let size = size.unwrap_or(16.0);
    size >= 24.0 || (bold && size >= 18.66)
}

/// The contrast ratio (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
pub(super) fn ratio(one: Colour, two: Colour) -> f64 {
    let (one, two) = (luminance(one), luminance(two));
    (one.max(two) + 0.05) / (one.min(two) + 0.05)
}

/// Two digits, cut: 4.499 must not read as 4.5.
pub(super) fn cut(ratio: f64) -> f64 {
    // A ratio such as 21 may be a little less in floating point.
    ((ratio + 1e-9) * 100.0).floor() / 100.0
}

/// The relative luminance (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance).
fn luminance(colour: Colour) -> f64 {
    let linear = |channel: u8| match f64::from(channel) / 255.0 {
        low if low <= 0.04045 => low / 12.92,
        high => ((high + 0.055) / 1.055).powf(2.4),
    };
    0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(foreground: &str, background: &str) -> f64 {
        let colour = |text| Colour::parse(text).unwrap();
        cut(ratio(colour(foreground), colour(background)))
    }

    /// Pairs that WCAG's techniques and WebAIM's checker publish; those round where this cuts.
    #[test]
    fn published_ratios_come_out() {
        for (foreground, background, published) in [
            ("black", "white", 21.0),
            ("white", "white", 1.0),
            ("#777777", "#ffffff", 4.47),
            ("#767676", "#ffffff", 4.54),
            ("#959595", "#ffffff", 2.99),
            ("#949494", "#ffffff", 3.03),
            ("#595959", "#ffffff", 7.0),
            ("#5a5a5a", "#ffffff", 6.89),
            ("red", "white", 3.99),
            ("blue", "white", 8.59),
            ("lime", "white", 1.37),
        ] {
            let found = of(foreground, background);
            assert!(
                (found - published).abs() < 1e-9,
                "{foreground} on {background}: {found}"
            );
            assert!((found - of(background, foreground)).abs() < 1e-9);
        }
    }

    #[test]
    fn verdicts_follow_the_exact_ratio_and_the_size() {
        let verdict = |text, size, bold| {
            let colour = |text| Colour::parse(text).unwrap();
            let found = super::verdict(colour(text), colour("white"), is_large(size, bold));
            (found.large, found.aa, found.aaa)
        };
        assert_eq!(verdict("#777777", None, false), (false, false, false));
        assert_eq!(verdict("#767676", None, false), (false, true, false));
        assert_eq!(verdict("#595959", None, false), (false, true, true));
        assert_eq!(verdict("#767676", Some(24.0), false), (true, true, true));
        assert_eq!(verdict("#777777", Some(18.66), true), (true, true, false));
        assert_eq!(
            verdict("#777777", Some(18.66), false),
            (false, false, false)
        );
        assert_eq!(verdict("#959595", Some(32.0), true), (true, false, false));
    }
}
