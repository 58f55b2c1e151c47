use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use mcpo2_artifact::{
    manifest::Manifest,
    select::{Cache, Document, Index, Texts as _, Update},
};
use mcpo2_core::Digest;

use super::super::{Problem, source::How, texts::Kept};

/// The trees that are searched.
pub(super) struct Corpus {
    pub(super) texts: Kept,
    /// By what the paths of each begin with: nothing, where there is one.
    trees: BTreeMap<String, Manifest>,
}

impl Corpus {
    pub(super) fn read(sources: &[PathBuf], how: &How) -> Result<Self, Problem> {
        let mut corpus = Self {
            texts: Kept::default(),
            trees: BTreeMap::new(),
        };
        for source in sources {
            let prefix = match sources {
                [_] => String::new(),
                _ => name(source)?,
            };
            let tree = how.manifest(source, &corpus.texts)?;
            if corpus.trees.insert(prefix.clone(), tree).is_some() {
                return Err(Problem::Wrong(format!(
                    "two sources have the name {prefix}, so their paths could not be told apart"
                )));
            }
        }
        Ok(corpus)
    }

    pub(super) fn index(&self, cache: &mut dyn Cache) -> (Index, Update) {
        let mut documents = Vec::new();
        for (prefix, tree) in &self.trees {
            let files = tree.entries().iter().filter_map(|entry| {
                let digest = entry.digest()?;
                self.texts.read(&digest)?;
                let path = match prefix.as_str() {
                    "" => entry.path().as_str().into(),
                    prefix => format!("{prefix}/{}", entry.path().as_str()).into(),
                };
                Some(Document { path, digest })
            });
            documents.extend(files);
        }
        let mut index = Index::new();
        let update = index.update(&documents, &self.texts, cache);
        (index, update)
    }

    /// The root of each tree, and below which name its paths are.
    pub(super) fn roots(&self) -> Vec<(&str, Digest)> {
        let trees = self.trees.iter();
        let roots = trees.map(|(prefix, tree)| (prefix.as_str(), tree.root()));
        roots.collect()
    }
}

/// The last part of a path, whatever leads there.
fn name(source: &Path) -> Result<String, Problem> {
    let whole = source.canonicalize();
    let whole = whole.map_err(|error| Problem::Wrong(error.to_string()).at(source))?;
    let name = whole.file_name().map(|name| name.to_string_lossy());
    Ok(name.map_or_else(|| "root".to_owned(), |name| name.into_owned()))
}
