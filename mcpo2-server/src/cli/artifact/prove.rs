use std::{
    io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use mcpo2_artifact::{
    ingest::{Sink, SinkFile},
    manifest::{
        Content, Entry, Manifest, RelPath,
        excerpt::{Cover, lines},
    },
};

use super::{Problem, part::Lines, shown, source::How, write};

/// What is proven to those who have the root alone.
#[derive(Debug, clap::Args)]
pub(super) struct Proving {
    /// Prove this file, or these lines of it, to who has the root alone
    #[arg(long, value_name = "PATH[:FROM-TO]", requires = "proof")]
    prove: Option<Part>,
    /// Prove that no entry has this path
    #[arg(
        long,
        value_name = "PATH",
        requires = "proof",
        conflicts_with = "prove"
    )]
    prove_absent: Option<RelPath>,
    /// Write the proof here; it has whole groups of 16 KiB of the file from its beginning on
    #[arg(long, value_name = "FILE", conflicts_with = "facts")]
    proof: Option<PathBuf>,
}

impl Proving {
    /// The manifest of what is there; a proof is written where one is wanted.
    pub(super) fn run(&self, source: &Path, how: &How) -> Result<Manifest, Problem> {
        let keeping = Keeping::of(self.prove.as_ref().map(|part| part.path.as_str()));
        let made = how.manifest(source, &keeping)?;
        let Some(out) = &self.proof else {
            return Ok(made);
        };
        let proof = match (&self.prove, &self.prove_absent) {
            (Some(part), _) => {
                let content = match keeping.kept() {
                    Some(content) => content,
                    None => part.twin(&made, source, how)?,
                };
                part.proof(&made, &content)?
            }
            (_, Some(path)) => {
                let proof = made.prove_absent(path);
                let there = || Problem::Wrong(format!("{} is there", shown(path.as_str())));
                proof.ok_or_else(there)?.to_bytes()
            }
            (None, None) => {
                return Err(Problem::wrong(
                    "say what to prove: --prove PATH or --prove-absent PATH",
                ));
            }
        };
        write(out, &proof)?;
        Ok(made)
    }
}

/// A file, or lines of it.
#[derive(Debug, Clone)]
struct Part {
    path: RelPath,
    lines: Option<RangeInclusive<u64>>,
}

impl FromStr for Part {
    type Err = mcpo2_artifact::manifest::InvalidPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lines = text
            .rsplit_once(':')
            .and_then(|(path, lines)| Some((path, lines.parse().ok()?)));
        Ok(match lines {
            Some((path, Lines(lines))) => Self {
                path: path.parse()?,
                lines: Some(lines),
            },
            None => Self {
                path: text.parse()?,
                lines: None,
            },
        })
    }
}

impl Part {
    /// The bytes under another path: an archive gives those of a hard link once.
    fn twin(&self, made: &Manifest, source: &Path, how: &How) -> Result<Vec<u8>, Problem> {
        let digest = made.get(self.path.as_str()).and_then(Entry::digest);
        let mut entries = made.entries().iter();
        let twin = digest.and_then(|digest| {
            entries.find(|it| it.digest() == Some(digest) && it.path() != &self.path)
        });
        let Some(twin) = twin else {
            return Ok(Vec::new());
        };
        let keeping = Keeping::of(Some(twin.path().as_str()));
        how.manifest(source, &keeping)?;
        Ok(keeping.kept().unwrap_or_default())
    }

    fn proof(&self, made: &Manifest, content: &[u8]) -> Result<Vec<u8>, Problem> {
        let path = self.path.as_str();
        let wrong = |why: &str| Problem::Wrong(format!("{}: {why}", shown(path)));
        let proof = made.prove(path);
        let proof = proof.ok_or_else(|| match withheld(made, path) {
            true => wrong("it is withheld, so nothing of it can be proven"),
            false => wrong("no entry has this path; --prove-absent proves that"),
        })?;
        let is_file = matches!(
            made.get(path).map(Entry::content),
            Some(Content::File { .. })
        );
        let range = match &self.lines {
            None if !is_file => return Ok(proof.to_bytes()),
            None => 0..content.len().try_into().unwrap_or(u64::MAX),
            Some(_) if !is_file => return Err(wrong("it is no file, and has no lines")),
            Some(numbers) => {
                let range = lines(content, numbers.clone());
                range.ok_or_else(|| wrong("it has no such lines"))?
            }
        };
        let proof = made.excerpt(path, content, range, Cover::Beginning);
        Ok(proof.map_err(|error| Problem::failed(&error))?.to_bytes())
    }
}

fn withheld(made: &Manifest, path: &str) -> bool {
    made.withheld().iter().any(|it| it.path() == path)
}

/// Keeps the bytes of one file while all are read.
#[derive(Debug)]
struct Keeping<'p> {
    path: Option<&'p str>,
    kept: Mutex<Option<Vec<u8>>>,
}

impl<'p> Keeping<'p> {
    fn of(path: Option<&'p str>) -> Self {
        let kept = Mutex::default();
        Self { path, kept }
    }

    fn kept(self) -> Option<Vec<u8>> {
        let kept = self.kept.into_inner();
        kept.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Keeping<'_> {
    fn file(&self, path: &RelPath, _: Option<u64>) -> io::Result<Box<dyn SinkFile + '_>> {
        Ok(match self.path == Some(path.as_str()) {
            true => Box::new(Kept {
                keeping: self,
                bytes: Vec::new(),
            }),
            false => Box::new(()),
        })
    }
}

struct Kept<'k> {
    keeping: &'k Keeping<'k>,
    bytes: Vec<u8>,
}

impl SinkFile for Kept<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Entry) -> io::Result<()> {
        let kept = self.keeping.kept.lock();
        *kept.unwrap_or_else(PoisonError::into_inner) = Some(self.bytes);
        Ok(())
    }
}
