use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use mcpo2_core::Digest;
use tokio::task::spawn_blocking;

use super::{Reloader, Trigger};

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
    let mut seen = look(&reloader, &file).await;
    // It may have changed since it was read for the start.
    let mut changing = !is_what_serves(&reloader, &file).await;
    loop {
        tokio::time::sleep(LOOKING).await;
        let now = look(&reloader, &file).await;
        let differs = |(file, state): (&PathBuf, &State)| {
            seen.get(file).is_some_and(|before| before != state)
        };
        if now.iter().any(differs) {
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

/// What tells one state of a file from another: whose bytes they are, how many, and since when.
/// None while it is not there.
type State = Option<(u64, u64, u64, i64, i64)>;

/// The files that are watched; none where that is not wanted.
async fn look(reloader: &Reloader, file: &Path) -> BTreeMap<PathBuf, State> {
    let now = reloader.now();
    if !now.config().reload.watch {
        return BTreeMap::new();
    }
    let files: Vec<_> = [file].into_iter().chain(now.config().files()).collect();
    let files: Vec<_> = files.into_iter().map(Path::to_owned).collect();
    let states = spawn_blocking(move || {
        let states = files.into_iter().map(|file| {
            let state = state(&file).ok();
            (file, state)
        });
        states.collect()
    });
    states.await.unwrap_or_default()
}

async fn is_what_serves(reloader: &Reloader, file: &Path) -> bool {
    let (now, file) = (reloader.now(), file.to_owned());
    let read = spawn_blocking(move || fs::read(file)).await;
    let digest = read.ok().and_then(Result::ok).map(|text| Digest::of(&text));
    !now.config().reload.watch || digest == now.config().digest()
}

fn state(file: &Path) -> io::Result<(u64, u64, u64, i64, i64)> {
    let at = fs::metadata(file)?;
    Ok((at.dev(), at.ino(), at.size(), at.mtime(), at.mtime_nsec()))
}
