use mcpo2_audit::{Event, Ledger, Note};
use mcpo2_route::{Catalog, CatalogOptions, PageLimits};

use crate::config::Lists;

/// How lists are kept. That a module begins or ceases to answer goes to the ledger.
pub(super) fn options(lists: &Lists, ledger: &Ledger, before: Option<&Catalog>) -> CatalogOptions {
    let mut pages = PageLimits::default();
    (pages.entries, pages.bytes) = (lists.page_entries, lists.page_bytes);
    let ledger = ledger.clone();
    let options = CatalogOptions::new()
        .keep(lists.refresh)
        .deadline(lists.deadline)
        .interval(lists.changes)
        .pages(pages)
        .observer(move |module, presence| {
            let missing = presence.is_missing();
            let action = if missing { "missing" } else { "returned" };
            let note = Note::new(action).with("module", module.as_str());
            if let Err(error) = ledger.append(Event::Module(note)) {
                tracing::error!(%error, "not recorded");
            }
        });
    match before {
        Some(before) => options.after(before),
        None => options,
    }
}
