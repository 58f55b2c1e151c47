use std::{fs, path::Path, time::Duration};

use mcpo2_core::Digest;
use tokio::task::spawn_blocking;

use super::{Reloader, Trigger};
use crate::config::Seen;

/// How often the files are looked at.
const LOOKING: Duration = Duration::from_secs(1);

/// Reloads when a file changes that the configuration was made of, until it is dropped.
///
/// It looks instead of being told: that also sees what is swapped behind symbolic links, as
/// Kubernetes does with mounted files, and what changes on a network drive.
pub(crate) async fn watch(reloader: Reloader) {
    let Some(file) = reloader.source().map(|source| source.file().to_owned()) else {
        return std::future::pending().await;
    };
    // They may have changed since they were read for the start.
    let mut seen = reloader.now().config().seen().clone();
    seen = seen.or(look(&reloader, &file).await);
    let mut changing = !is_what_serves(&reloader, &file).await;
    loop {
        tokio::time::sleep(LOOKING).await;
        let now = look(&reloader, &file).await;
        // What a reload named anew was seen before it was read, too.
        seen = seen.or(reloader.now().config().seen().clone());
        if now.differs_from(&seen) {
            // Once more, until it has been the same twice: it may still be written.
            changing = true;
        } else if std::mem::take(&mut changing) {
            // What is wrong with it has been told.
            let _ = reloader.reload(Trigger::File).await;
        }
        // INVARIANT: what was seen before it was read, or a change under the reload goes unnoticed.
        seen = now;
    }
}

/// The files that are watched; none where that is not wanted.
async fn look(reloader: &Reloader, file: &Path) -> Seen {
    let (now, file) = (reloader.now(), file.to_owned());
    if !now.config().reload.watch {
        return Seen::default();
    }
    let look = move || Seen::of([&*file].into_iter().chain(now.config().files()));
    spawn_blocking(look).await.unwrap_or_default()
}

async fn is_what_serves(reloader: &Reloader, file: &Path) -> bool {
    let (now, file) = (reloader.now(), file.to_owned());
    let read = spawn_blocking(move || fs::read(file)).await;
    let digest = read.ok().and_then(Result::ok).map(|text| Digest::of(&text));
    !now.config().reload.watch || digest == now.config().digest()
}
