use std::{error::Error as _, ops::Range};

use mcpo2_verify::{
    checkpoint::Checkpoint,
    hash_to_base64,
    log::{Disclosed, Finding, Recorded, Report},
    segment_name,
};

use super::json::{Object, array};

pub(super) fn report(report: &Report, json: bool) -> String {
    if json {
        return report_as_json(report);
    }
    let (extent, counts) = (&report.extent, &report.counts);
    let mut text = format!("{}: {} records hold\n", report.origin, extent.size);
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<11} {value}\n"));
    line("root", hash_to_base64(&extent.root));
    line(
        "commits",
        format!("{}, by {} keys", counts.commits, counts.epochs),
    );
    if extent.first > 0 {
        line("removed", format!("{} records, by retention", extent.first));
    }
    if let Some(newest) = extent.newest_ns {
        line(
            "newest",
            format!("{} seconds since 1970", newest / 1_000_000_000),
        );
    }
    line(
        "values",
        format!("{} there, {} missing", counts.vault, counts.without_values),
    );
    match report.published {
        Some(size) => line("published", format!("{size} records")),
        None => line("published", "nothing".to_owned()),
    }
    if !report.cosigners.is_empty() {
        line("witnesses", report.cosigners.join(", "));
    }
    if report.tail.records > 0 || report.tail.torn {
        let torn = if report.tail.torn {
            " and a torn frame"
        } else {
            ""
        };
        line(
            "tail",
            format!(
                "{} records{torn}, acknowledged to nobody",
                report.tail.records
            ),
        );
    }
    text
}

fn report_as_json(report: &Report) -> String {
    let (extent, counts) = (&report.extent, &report.counts);
    let mut kinds = Object::new();
    for (kind, count) in &counts.kinds {
        kinds = kinds.with(&kind.to_string(), *count);
    }
    let tail = Object::new()
        .with("records", report.tail.records)
        .with("torn", report.tail.torn);
    let root = hash_to_base64(&extent.root);
    let object = Object::new()
        .with("holds", true)
        .with("origin", report.origin.as_str())
        .with("first", extent.first)
        .with("size", extent.size)
        .with("root", root.as_str())
        .with("newest_ns", extent.newest_ns)
        .with("tail", tail.end())
        .with("segments", counts.segments)
        .with("commits", counts.commits)
        .with("epochs", counts.epochs)
        .with("kinds", kinds.end())
        .with("vault", counts.vault)
        .with("without_values", counts.without_values)
        .with("odd_times", counts.odd_times)
        .with("tiles", counts.tiles)
        .with("torn_tiles", counts.torn_tiles)
        .with("published", report.published)
        .with("cosigners", array(&report.cosigners));
    object.end() + "\n"
}

pub(super) fn range(report: &Report, records: &Range<u64>, json: bool) -> String {
    if json {
        return report_as_json(report);
    }
    format!(
        "{}: records {} to {} hold, by the commit of {}\n",
        report.origin,
        records.start,
        records.end.saturating_sub(1),
        report.extent.size
    )
}

pub(super) fn recorded(recorded: &Recorded<'_>, fields: &[Disclosed<'_>], json: bool) -> String {
    let Recorded { leaf, body, .. } = recorded;
    if json {
        let kind = leaf.kind.to_string();
        let object = Object::new()
            .with("holds", true)
            .with("seq", leaf.seq)
            .with("size", recorded.size)
            .with("wall_ns", leaf.wall_ns)
            .with("kind", kind.as_str())
            .with("public", body.public().to_owned())
            .with("cosigners", array(&recorded.cosigners));
        return object.end() + "\n";
    }
    let mut text = format!(
        "record {} of {} holds: {}, {} seconds since 1970\n{}\n",
        leaf.seq,
        recorded.size,
        leaf.kind,
        leaf.wall_ns / 1_000_000_000,
        body.public()
    );
    for field in fields {
        text.push_str(&format!("{} was {}\n", field.path, field.value));
    }
    text
}

pub(super) fn consistent(old: &Checkpoint, new: &Checkpoint, json: bool) -> String {
    if json {
        let object = Object::new()
            .with("holds", true)
            .with("origin", new.origin())
            .with("old", old.size())
            .with("new", new.size());
        return object.end() + "\n";
    }
    format!(
        "{}: the log of {} records begins with that of {}\n",
        new.origin(),
        new.size(),
        old.size()
    )
}

pub(super) fn finding(finding: &Finding) -> String {
    let mut text = format!("{finding}\n");
    let mut cause = finding.source();
    while let Some(error) = cause {
        text.push_str(&format!("  because: {error}\n"));
        cause = error.source();
    }
    let code = finding.attack().exit_code();
    text + &format!("  code {code}: {}\n", finding.attack().explanation())
}

pub(super) fn finding_as_json(finding: &Finding) -> String {
    let segment = finding.place().map(|place| segment_name(place.segment));
    let cause = finding.source().map(ToString::to_string);
    let object = Object::new()
        .with("holds", false)
        .with("attack", finding.attack().name())
        .with("code", u64::from(finding.attack().exit_code()))
        .with("seq", finding.seq())
        .with("proven", finding.proven())
        .with("segment", segment.as_deref())
        .with("offset", finding.place().map(|place| place.offset))
        .with("why", finding.why())
        .with("cause", cause.as_deref());
    object.end() + "\n"
}
