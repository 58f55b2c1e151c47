//! Plots as SVG: latency by share of answers, one line for each target.

use std::fmt::Write as _;

use crate::report::Row;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
const COLOURS: [&str; 6] = [
    "#1b6ca8", "#c8553d", "#3a7d44", "#8e5aa8", "#b8860b", "#555555",
];

/// One line of a plot.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// How a plot is labelled, and what its x-axis is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axes<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    /// Where the x-axis has marks, and what stands there.
    pub(crate) marks: &'a [(f64, &'a str)],
}

/// Latencies of these lines of a table, the slower the rarer to the right.
pub(crate) fn latencies(title: &str, rows: &[Row]) -> String {
    let nines = |share: f64| -(1.0 - share).max(1e-5).log10();
    let lines: Vec<Line> = rows
        .iter()
        .map(|row| Line {
            name: row.target.clone(),
            points: row
                .latency
                .quantiles
                .iter()
                .map(|(share, us)| (nines(*share), *us))
                .collect(),
        })
        .collect();
    let axes = Axes {
        title,
        x: "share of answers",
        y: "latency, µs",
        marks: &[
            (0.0, "0"),
            (nines(0.5), "50 %"),
            (1.0, "90 %"),
            (2.0, "99 %"),
            (3.0, "99.9 %"),
            (4.0, "99.99 %"),
        ],
    };
    svg(&axes, &lines)
}

/// Lines over a logarithmic y-axis.
pub(crate) fn svg(axes: &Axes<'_>, lines: &[Line]) -> String {
    let ys = || {
        lines
            .iter()
            .flat_map(|line| line.points.iter().map(|(_, y)| y.max(1.0)))
    };
    let low = 10_f64.powf(ys().fold(f64::MAX, f64::min).min(1e9).log10().floor());
    let high = 10_f64
        .powf(ys().fold(10.0, f64::max).log10().ceil())
        .max(low * 10.0);
    let (first, last) = axes
        .marks
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), (x, _)| {
            (low.min(*x), high.max(*x))
        });
    let x = |value: f64| LEFT + (value - first) / (last - first).max(1e-9) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| {
        let share = (value.max(low) / low).log10() / (high / low).log10();
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{}</text>\n",
        escaped(axes.title)
    );
    let mut decade = low;
    while decade <= high * 1.001 {
        let (right, at) = (WIDTH - RIGHT, y(decade));
        let _ = writeln!(
            text,
            "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{decade}</text>",
            LEFT - 6.0,
            at + 4.0
        );
        decade *= 10.0;
    }
    for (at, label) in axes.marks {
        let (at, foot) = (x(*at), HEIGHT - BOTTOM);
        let _ = writeln!(
            text,
            "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{foot}\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            foot + 16.0,
            escaped(label)
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text x=\"16\" y=\"{:.1}\" transform=\"rotate(-90 16 {:.1})\" text-anchor=\"middle\">{}</text>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 12.0,
        escaped(axes.x),
        HEIGHT / 2.0,
        HEIGHT / 2.0,
        escaped(axes.y)
    );
    for ((line, colour), row) in lines.iter().zip(COLOURS.iter().cycle()).zip(0_u32..) {
        let points: Vec<String> = line
            .points
            .iter()
            .filter(|(at, _)| (first..=last).contains(at))
            .map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)))
            .collect();
        text += &polyline(
            &line.name,
            colour,
            &points,
            TOP + 14.0 + 18.0 * f64::from(row),
        );
    }
    text + "</svg>\n"
}

fn polyline(name: &str, colour: &str, points: &[String], at: f64) -> String {
    format!(
        "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>\
         <rect x=\"{:.1}\" y=\"{:.1}\" width=\"12\" height=\"4\" fill=\"{colour}\"/>\
         <text x=\"{:.1}\" y=\"{at:.1}\">{}</text>\n",
        points.join(" "),
        WIDTH - RIGHT + 12.0,
        at - 6.0,
        WIDTH - RIGHT + 30.0,
        escaped(name)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_in_the_plot_and_within_it() {
        let lines = [
            Line {
                name: "a<b".into(),
                points: vec![(0.0, 1.0), (1.0, 10_000.0)],
            },
            Line {
                name: "c".into(),
                points: vec![(0.5, 50.0), (9.0, 50.0)],
            },
        ];
        let axes = Axes {
            title: "t",
            x: "x",
            y: "y",
            marks: &[(0.0, "0"), (1.0, "1")],
        };
        let svg = svg(&axes, &lines);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(
            svg.contains("a&lt;b") && !svg.contains("NaN") && !svg.contains("inf"),
            "{svg}"
        );
        // What lies beyond the last mark is left out.
        assert!(svg.contains("points=\"70.0,350.0 530.0,40.0\""), "{svg}");
    }
}
