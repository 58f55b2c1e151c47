use mcpo2_audit::{Event, Ledger, Note};
use mcpo2_core::ModuleId;
use mcpo2_route::{Catalog, CatalogOptions, News, PageLimits};

use crate::config::Lists;

/// How lists are kept. What is new of modules goes to the ledger.
pub(super) fn options(lists: &Lists, ledger: &Ledger, before: Option<&Catalog>) -> CatalogOptions {
    let mut pages = PageLimits::default();
    (pages.entries, pages.bytes) = (lists.page_entries, lists.page_bytes);
    let ledger = ledger.clone();
    let options = CatalogOptions::new()
        .keep(lists.refresh)
        .deadline(lists.deadline)
        .interval(lists.changes)
        .pages(pages)
        .observer(move |module, news| {
            if let Some(note) = note(module, news) {
                if let Err(error) = ledger.append(Event::Module(note)) {
                    tracing::error!(%error, "not recorded");
                }
            }
        });
    match before {
        Some(before) => options.after(before),
        None => options,
    }
}

fn note(module: &ModuleId, news: News<'_>) -> Option<Note> {
    match news {
        News::Presence(presence) => {
            let missing = presence.is_missing();
            let action = if missing { "missing" } else { "returned" };
            Some(Note::new(action).with("module", module.as_str()))
        }
        News::Quarantine(tools) => {
            let of = tools.iter().map(|left| {
                let tool = left.tool.escape_default().to_string();
                (tool, left.reason.as_str())
            });
            Some(listed("quarantined", module, of))
        }
        _ => None,
    }
}

/// One note of all names and of what is wrong with them, however many there are: of more than a
/// note holds it has the number.
fn listed(
    action: &'static str,
    module: &ModuleId,
    of: impl ExactSizeIterator<Item = (String, &'static str)>,
) -> Note {
    let note = Note::new(action)
        .with("module", module.as_str())
        .with("count", of.len().to_string());
    let names: Vec<_> = of
        .take(MOST)
        .map(|(name, why)| format!("{name} ({why})"))
        .collect();
    note.with("names", names.join(", "))
}

/// Names that are worth to be put together for a note, which is cut to its length.
const MOST: usize = 64;
