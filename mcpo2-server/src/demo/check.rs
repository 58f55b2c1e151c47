//! What the demonstration claims, and whether it holds.

use serde_json::Value;

use super::{
    client::Answer,
    row::Row,
    script::{DENIED, Fate, Id, RANGE, Step, UNKNOWN, reference},
};

/// What is said of a tool that is not there: invalid params, since 2025-11-25.
const NOT_THERE: i64 = -32602;

/// One claim.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) says: String,
    pub(super) holds: bool,
}

/// Compares what was answered and what stands in the ledger with what was expected.
pub(super) fn check(steps: &[Step], rows: &[Row]) -> Vec<Check> {
    let claim = |says: &str, holds: bool| Check {
        says: says.to_owned(),
        holds,
    };
    let of = |id: Id| {
        steps
            .iter()
            .find(|step| step.id == id)
            .map(|step| &step.answer)
    };
    let mut checks = vec![claim(
        "every call and refusal has exactly one record, in order, by the caller of the call",
        steps.len() == rows.len()
            && steps
                .iter()
                .zip(rows)
                .all(|(s, r)| s.caller == r.asked.caller),
    )];
    let odd = steps
        .iter()
        .zip(rows)
        .filter(|(step, row)| !is_fate(step.fate, row));
    checks.extend(odd.map(|(step, row)| Check {
        says: format!(
            "{:?} is {:?}, not {:?} by {:?}",
            step.id, step.fate, row.outcome, row.found.rules
        ),
        holds: false,
    }));
    checks.extend([
        claim(
            "each tenant sees its own tools",
            lists_differ(of(Id::ListOfAna), of(Id::ListOfDora)),
        ),
        claim(
            "the modules do real work, each under the preamble of its family",
            work(&of, rows),
        ),
        claim(
            "a denied tool and an unknown one answer the same",
            answers_the_same(of(Id::DeniedTool), of(Id::UnknownTool)),
        ),
        claim(
            "a path outside is denied by its argument; a scan of files waits for approval",
            code(of(Id::DeniedPath)) == Some(NOT_THERE)
                && code(of(Id::Approval)).is_some_and(|code| code != NOT_THERE),
        ),
        claim(
            "a large result becomes a reference, which its caller reads in ranges",
            of(Id::Reference).and_then(reference).is_some() && is_range(of(Id::OwnRange)),
        ),
        claim(
            "for a colleague of the same tenant that reference is not there",
            code(of(Id::OthersRange)).is_some() && !is_range(of(Id::OthersRange)),
        ),
        claim(
            "a message with a key twice is refused before anybody decides",
            of(Id::DuplicateKey).is_some_and(|answer| answer.status == 400),
        ),
    ]);
    checks
}

fn is_fate(fate: Fate, row: &Row) -> bool {
    let by = |effect: &str, rule: &str| {
        row.found.effect.as_deref() == Some(effect)
            && row.found.rules.iter().any(|known| known == rule)
    };
    match fate {
        Fate::Allowed(rule) => by("allow", rule) && row.outcome == "ok",
        Fate::Denied(Some(rule)) => by("deny", rule) && row.outcome == "denied",
        Fate::Denied(None) => {
            row.found.effect.as_deref() == Some("deny")
                && row.found.rules.is_empty()
                && row.outcome == "denied"
        }
        Fate::Waits(rule) => by("require_approval", rule) && row.outcome == "approval_required",
        Fate::Absent(rule) => by("allow", rule) && row.outcome != "ok",
        Fate::Refused => row.found.effect.is_none() && row.found.route.is_empty(),
    }
}

fn lists_differ(ana: Option<&Answer>, dora: Option<&Answer>) -> bool {
    let names = |answer: Option<&Answer>| {
        let tools = answer?.json.pointer("/result/tools")?.as_array()?;
        let mut names: Vec<_> = tools
            .iter()
            .filter_map(|tool| tool.get("name")?.as_str())
            .collect();
        names.sort_unstable();
        Some(names.join(" "))
    };
    let (ana, dora) = (names(ana), names(dora));
    let expected =
        "outline__outline_dir outline__outline_file secrets__scan_dir secrets__scan_text";
    ana.as_deref() == Some(expected)
        && dora.as_deref() == Some("contrast__audit_css contrast__check_pair contrast__suggest")
}

fn work<'a>(of: &impl Fn(Id) -> Option<&'a Answer>, rows: &[Row]) -> bool {
    let told = |id: Id, pointer: &str| -> Option<&Value> {
        of(id)?
            .json
            .pointer(&format!("/result/structuredContent{pointer}"))
    };
    let ledger = |family: &str| {
        rows.iter().any(|row| {
            row.asked.family.as_deref() == Some(family)
                && row
                    .found
                    .preamble
                    .as_ref()
                    .is_some_and(|(id, _)| id == family)
        })
    };
    told(Id::Scan, "/findings/0/rule").is_some_and(|rule| rule == "aws-access-key")
        && told(Id::Contrast, "/aa").is_some_and(|passes| passes == false)
        && told(Id::Outline, "/symbols/0/name").is_some_and(|name| name == "Store")
        && ["security", "design", "engineering"]
            .into_iter()
            .all(ledger)
}

/// Whether two answers are the same but for the name that was asked for.
fn answers_the_same(denied: Option<&Answer>, unknown: Option<&Answer>) -> bool {
    let (Some(denied), Some(unknown)) = (denied, unknown) else {
        return false;
    };
    let unnamed = |answer: &Answer, name: &str| answer.json.to_string().replace(name, "…");
    denied.status == unknown.status
        && code(Some(denied)) == Some(NOT_THERE)
        && unnamed(denied, DENIED) == unnamed(unknown, UNKNOWN)
}

fn code(answer: Option<&Answer>) -> Option<i64> {
    answer?.json.pointer("/error/code")?.as_i64()
}

fn is_range(answer: Option<&Answer>) -> bool {
    let text = answer.and_then(|answer| answer.json.pointer("/result/contents/0/text")?.as_str());
    text.is_some_and(|text| text.len() == RANGE)
}
