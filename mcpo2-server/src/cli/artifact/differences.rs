use std::fmt::Write as _;

use mcpo2_artifact::manifest::{Change, Manifest};
use serde_json::{Value, json};

use super::shown;

/// What differs between two trees, and whether other rules chose what is in them.
pub(super) struct Differences<'m> {
    changes: Vec<Change<'m>>,
    pub(super) other_rules: bool,
}

impl<'m> Differences<'m> {
    pub(super) fn of(old: &'m Manifest, new: &'m Manifest) -> Self {
        Self {
            changes: old.diff(new),
            other_rules: old.spec() != new.spec(),
        }
    }

    pub(super) fn is_none(&self) -> bool {
        self.changes.is_empty()
    }

    /// The first of them, and how many there are of each kind.
    pub(super) fn text(&self, limit: usize) -> String {
        let mut text = String::new();
        for change in self.changes.iter().take(limit) {
            let path = shown(change.path().as_str());
            let _ = writeln!(text, "{:12} {path}", words(change).join(", "));
        }
        let more = self.changes.len().saturating_sub(limit);
        if more > 0 {
            let _ = writeln!(text, "… and {more} more");
        }
        let count = |is: fn(&Change<'_>) -> bool| self.changes.iter().filter(|it| is(it)).count();
        let _ = writeln!(
            text,
            "{} added, {} removed, {} changed",
            count(|it| matches!(it, Change::Added(_))),
            count(|it| matches!(it, Change::Removed(_))),
            count(|it| matches!(it, Change::Edited(_))),
        );
        text
    }

    pub(super) fn json(&self) -> Vec<Value> {
        let changes = self.changes.iter().map(|change| {
            let (before, after) = match change {
                Change::Added(entry) => (None, Some(entry)),
                Change::Removed(entry) => (Some(entry), None),
                Change::Edited(edit) => (Some(&edit.before()), Some(&edit.after())),
            };
            json!({
                "path": change.path(), "what": words(change), "before": before, "after": after,
            })
        });
        changes.collect()
    }
}

/// What of an entry is another.
fn words(change: &Change<'_>) -> Vec<&'static str> {
    match change {
        Change::Added(_) => vec!["added"],
        Change::Removed(_) => vec!["removed"],
        Change::Edited(edit) => {
            let all = [
                (edit.changes_kind(), "kind"),
                (edit.changes_content(), "changed"),
                (edit.changes_mode(), "mode"),
            ];
            let holds = all.into_iter().filter(|(holds, _)| *holds);
            holds.map(|(_, word)| word).collect()
        }
    }
}
