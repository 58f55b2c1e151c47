//! The rows as a table of at most 120 columns.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::row::Row;

/// The columns: what stands above them, and how wide they are, with the space behind them.
const COLUMNS: [(&str, u16); 9] = [
    ("#", 3),
    ("who", 7),
    ("call", 22),
    ("family", 12),
    ("decision, rule", 23),
    ("route", 10),
    ("preamble", 12),
    ("outcome", 18),
    ("seq", 4),
];

pub(super) fn render(rows: &[Row]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(120)
        .set_header(COLUMNS.map(|(name, _)| name))
        .set_constraints(COLUMNS.map(|(_, width)| ColumnConstraint::Absolute(Width::Fixed(width))));
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 1));
    });
    for (number, row) in (1_u8..).zip(rows) {
        table.add_row([
            number.to_string(),
            format!("{}\n{}", row.asked.tenant, row.asked.caller),
            call(row),
            row.asked.family.clone().unwrap_or_default(),
            format!("{}\n{}", decision(row), rules(row)),
            route(row),
            preamble(row),
            outcome(row),
            row.seq.to_string(),
        ]);
    }
    table.trim_fmt()
}

fn call(row: &Row) -> String {
    match row.asked.method.as_str() {
        "" => "not a message".to_owned(),
        method => format!("{method}\n{}", item(row)),
    }
}

fn item(row: &Row) -> String {
    match row.asked.item.as_deref() {
        None => String::new(),
        // Long and random: what matters is that it is one, and of what a part is read.
        Some(uri) if uri.contains("://") => {
            let (scheme, _) = uri.split_once("://").unwrap_or((uri, ""));
            let range = uri.split_once('?').map(|(_, range)| format!("?{range}"));
            format!("{scheme}://…\n{}", range.unwrap_or_default())
        }
        Some(name) => name.to_owned(),
    }
}

fn decision(row: &Row) -> &'static str {
    match row.found.effect.as_deref() {
        Some("allow") => "✔ allow",
        Some("deny") => "✘ deny",
        Some("require_approval") => "◌ approval",
        _ => "✘ no call",
    }
}

fn rules(row: &Row) -> String {
    match (row.found.effect.as_deref(), row.found.rules.as_slice()) {
        (Some("deny"), []) => "no rule allows it".to_owned(),
        (_, rules) => rules.join("\n"),
    }
}

fn route(row: &Row) -> String {
    match row.found.route.as_slice() {
        [] if row.found.effect.as_deref() == Some("allow") => "gateway".to_owned(),
        candidates => {
            let told = |(module, verdict): &(String, String)| format!("{module}:\n{verdict}");
            candidates.iter().map(told).collect::<Vec<_>>().join("\n")
        }
    }
}

fn preamble(row: &Row) -> String {
    row.found
        .preamble
        .as_ref()
        .map(|(id, digest)| format!("{id}\n{}", short(digest)))
        .unwrap_or_default()
}

fn outcome(row: &Row) -> String {
    let more = match (row.found.filtered, &row.found.reference) {
        (Some((shown, hidden)), _) => format!("{shown} shown,\n{hidden} hidden"),
        (None, Some((bytes, digest))) => format!("{bytes} bytes →\nref {}", short(digest)),
        (None, None) => row
            .micros
            .map(|micros| format!("{micros} µs"))
            .unwrap_or_default(),
    };
    format!("{}\n{more}", row.outcome).trim_end().to_owned()
}

/// As much of a digest as a person compares.
fn short(digest: &str) -> &str {
    digest.get(..11).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::super::row::{Asked, Facts};
    use super::*;

    #[test]
    fn a_table_fits_120_columns_whatever_the_names() {
        let long = "x".repeat(200);
        let row = |effect: &str| Row {
            seq: 4_000_000_000,
            asked: Asked {
                tenant: long.clone(),
                method: long.clone(),
                item: Some(format!("mcpo2+artifact://r/{long}?bytes=0-160")),
                ..Asked::default()
            },
            found: Facts {
                effect: Some(effect.to_owned()),
                rules: vec![long.clone(); 3],
                route: vec![(long.clone(), "chosen".to_owned())],
                ..Facts::default()
            },
            outcome: long.clone(),
            ..Row::default()
        };
        let table = render(&[row("allow"), row("deny"), row("require_approval"), row("")]);
        for line in table.lines() {
            assert!(
                line.chars().count() <= 120,
                "{}: {line}",
                line.chars().count()
            );
        }
        for mark in ["✔ allow", "✘ deny", "◌ approval", "✘ no call"] {
            assert!(table.contains(mark), "{table}");
        }
    }
}
