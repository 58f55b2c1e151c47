//! Revisions of git repositories, read through the `git` of the machine: it knows each form that a
//! repository has, and its process needs no library here. Its filters, hooks, replacements and
//! remotes are not asked: what is read is what the tree of the revision names.

mod batch;
mod command;

use std::path::Path;

use self::{batch::Batch, command::Repository};
use super::{
    Error, ErrorKind,
    flat::{self, Item, Kind},
    ignored::MAX_IGNORE_FILE,
    intake::{Context, File, Intake},
    queue::{Queue, on_threads},
};
use crate::manifest::{Content, Entry, Mode};

/// How many objects are asked for before the first is read. Their names fit the buffer of a pipe,
/// so that nobody waits for the other to read.
const BATCH: usize = 64;

type Object = Box<str>;

/// Takes the tree of a revision.
pub(super) fn take<'a>(
    context: &'a Context<'a>,
    threads: usize,
    repository: &Path,
    revision: &str,
) -> Result<Vec<Intake<'a>>, Error> {
    let repository = Repository::new(repository);
    let tree = repository.tree(revision)?;
    let mut intake = Intake::new(context);
    let items = list(&mut intake, &repository, &tree)?;
    let mut ignore_files = None;
    let mut read = |object: &Object| {
        let batch = match &mut ignore_files {
            Some(batch) => batch,
            none => none.insert(Batch::new(&repository)?),
        };
        batch.whole(object, MAX_IGNORE_FILE)
    };
    let mut items = flat::admit(&mut intake, items, &mut read)?;
    let mut jobs = Vec::new();
    while !items.is_empty() {
        jobs.push(items.split_off(items.len().saturating_sub(BATCH)));
    }
    let queue = Queue::new(jobs);
    let mut done = on_threads(threads, || {
        let mut intake = Intake::new(context);
        let mut batch = Batch::new(&repository)?;
        queue.work(|items| batch_of(&mut intake, &mut batch, items))?;
        Ok(intake)
    })?;
    done.push(intake);
    Ok(done)
}

/// What the tree has.
fn list(
    intake: &mut Intake<'_>,
    repository: &Repository,
    tree: &str,
) -> Result<Vec<Item<Object>>, Error> {
    let mut items = Vec::new();
    repository.each_entry(tree, &mut |entry| {
        intake.context.meter.entries(1)?;
        let (kind, object, path) = parse(entry)
            .ok_or_else(|| Error::new(ErrorKind::Malformed, "git lists what is no entry"))?;
        if let Some(path) = flat::path(intake, path) {
            items.push(Item {
                path,
                kind,
                at: object.into(),
            });
        }
        Ok(())
    })?;
    Ok(items)
}

/// `MODE TYPE OBJECT\tPATH`
fn parse(entry: &[u8]) -> Option<(Kind, &str, &[u8])> {
    let tab = entry.iter().position(|b| *b == b'\t')?;
    let (head, path) = entry.split_at_checked(tab)?;
    let mut head = std::str::from_utf8(head).ok()?.split(' ');
    let (mode, _, object) = (head.next()?, head.next()?, head.next()?);
    let kind = match mode {
        "120000" => Kind::Symlink,
        "160000" => Kind::Submodule,
        "100755" => Kind::File(Mode::Executable),
        _ if mode.starts_with("100") => Kind::File(Mode::Plain),
        _ => return None,
    };
    Some((kind, object, path.get(1..)?))
}

fn batch_of(
    intake: &mut Intake<'_>,
    batch: &mut Batch,
    items: Vec<Item<Object>>,
) -> Result<(), Error> {
    let objects = items.iter().filter(|item| item.kind != Kind::Submodule);
    batch.ask(objects.map(|item| &*item.at))?;
    items
        .into_iter()
        .try_for_each(|item| one(intake, batch, item))
}

fn one(intake: &mut Intake<'_>, batch: &mut Batch, item: Item<Object>) -> Result<(), Error> {
    let content = match item.kind {
        Kind::Submodule => Ok(Content::Submodule { revision: item.at }),
        Kind::Symlink => batch.next()?.target()?,
        Kind::File(mode) => {
            let mut object = batch.next()?;
            let file = File {
                path: &item.path,
                mode,
                size: Some(object.size()),
            };
            let taken = intake.take(&file, &mut object, &mut |_| true)?;
            object.finish()?;
            taken
        }
        #[cfg(feature = "archive")]
        Kind::Special => Err(crate::manifest::Reason::Special),
    };
    match content {
        Ok(content) => intake.entries.push(Entry::new(item.path, content)),
        Err(reason) => intake.withhold(item.path.as_str(), reason),
    }
    Ok(())
}
