use mcpo2_audit::{Event, Ledger, Note};
use mcpo2_core::ModuleId;
use mcpo2_route::{Catalog, CatalogOptions, News, PageLimits};

use crate::{config::Lists, lookalikes::Lookalikes};

/// How lists are kept. What is new of modules goes to the ledger, and into the log where it is
/// suspicious.
pub(super) fn options(
    lists: &Lists,
    ledger: &Ledger,
    lookalikes: &Lookalikes,
    before: Option<&Catalog>,
) -> CatalogOptions {
    let mut pages = PageLimits::default();
    (pages.entries, pages.bytes) = (lists.page_entries, lists.page_bytes);
    let (ledger, lookalikes) = (ledger.clone(), lookalikes.clone());
    let options = CatalogOptions::new()
        .keep(lists.refresh)
        .deadline(lists.deadline)
        .interval(lists.changes)
        .pages(pages)
        .observer(move |module, news| {
            for note in notes(module, news, &lookalikes) {
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

fn notes(module: &ModuleId, news: News<'_>, lookalikes: &Lookalikes) -> Vec<Note> {
    match news {
        News::Presence(presence) => {
            let missing = presence.is_missing();
            let action = if missing { "missing" } else { "returned" };
            vec![Note::new(action).with("module", module.as_str())]
        }
        News::Quarantine(tools) => {
            let of = tools.iter();
            let of = of.map(|left| (left.tool.escape_default().to_string(), left.reason.as_str()));
            vec![listed("quarantined", module, of)]
        }
        News::Lists(shown) => {
            let new = lookalikes.look(module, shown).into_iter();
            new.map(|(module, found)| {
                let names = found.len();
                tracing::warn!(%module, names, "names that readers may take for others");
                let of = found.iter().map(|one| (one.name.clone(), one.why.as_str()));
                listed("suspicious_names", &module, of)
            })
            .collect()
        }
        _ => Vec::new(),
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
