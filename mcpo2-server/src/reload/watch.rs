use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

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
    let mut changing = false;
    loop {
        tokio::time::sleep(LOOKING).await;
        let now = look(&reloader, &file).await;
        if now != seen {
            // Once more, until it has been the same twice: it may still be written.
            (seen, changing) = (now, true);
        } else if changing {
            changing = false;
            // What is wrong with it has been told.
            let _ = reloader.reload(Trigger::File).await;
            seen = look(&reloader, &file).await;
        }
    }
}

/// What tells one state of a file from another: whose bytes they are, how many, and since when.
type State = Option<(u64, u64, u64, i64, i64)>;

async fn look(reloader: &Reloader, file: &Path) -> Vec<State> {
    let now = reloader.now();
    if !now.config().reload.watch {
        return Vec::new();
    }
    let files: Vec<PathBuf> = [file.to_owned()]
        .into_iter()
        .chain(now.config().files().map(Path::to_owned))
        .collect();
    let states =
        tokio::task::spawn_blocking(move || files.iter().map(|file| state(file).ok()).collect());
    states.await.unwrap_or_default()
}

fn state(file: &Path) -> io::Result<(u64, u64, u64, i64, i64)> {
    let at = fs::metadata(file)?;
    Ok((at.dev(), at.ino(), at.size(), at.mtime(), at.mtime_nsec()))
}
