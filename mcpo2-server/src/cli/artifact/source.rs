use std::{
    fs::{self, File},
    io::{self, Seek as _},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    thread::available_parallelism,
    time::Duration,
};

use mcpo2_artifact::{
    ingest::{Archive, Format as ArchiveFormat, Ingest, Limits, Rules, Sink, Spec},
    manifest::{Manifest, RelPath},
};

use super::{
    super::{format::Format, progress::Watch},
    Problem, chain,
};
use crate::config::{Diagnostics, read_as};

/// How sources are read.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How a source is read")]
pub(super) struct How {
    /// Read this revision of the git repository that the source is
    #[arg(long, value_name = "REV")]
    pub(super) git: Option<String>,
    /// Leave out as many parts at the beginning of each path of an archive
    #[arg(long, value_name = "PARTS", default_value_t)]
    strip: usize,
    /// Take an archive as the one file that it is
    #[arg(long)]
    as_file: bool,
    #[command(flatten)]
    choice: Choice,
    /// How many threads read; as many as the machine has if nothing is said
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(super) watch: Watch,
}

/// What of a source is taken.
#[derive(Debug, clap::Args)]
struct Choice {
    /// Take only what this glob matches, even if an ignore file names it; again for another
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Take nothing that this glob matches; again for another
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Begin with these rules: a file in YAML or JSON with include, exclude, ignore_files,
    /// allow_secrets, max_file_bytes, max_depth
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
}

impl Choice {
    fn rules(&self) -> Result<Rules, Problem> {
        let unusable = |found: Box<Diagnostics>| Problem::Wrong(found.to_string());
        let mut spec = match &self.spec {
            Some(path) => read_as(path).map_err(unusable)?,
            None => Spec::default(),
        };
        spec.include.extend_from_slice(&self.include);
        spec.exclude.extend_from_slice(&self.exclude);
        let wrong = |error| Problem::Wrong(chain(&error));
        spec.compile().map_err(wrong)
    }
}

impl How {
    /// The manifest of what is there.
    pub(super) fn manifest(&self, path: &Path, sink: &dyn Sink) -> Result<Manifest, Problem> {
        self.reader(path)?.read("reading", sink)
    }

    /// Something that reads what is there, as often as it is asked to.
    pub(super) fn reader(&self, path: &Path) -> Result<Reader<'_>, Problem> {
        Ok(Reader {
            rules: self.choice.rules()?,
            source: self.source(path).map_err(|problem| problem.at(path))?,
            path: path.to_owned(),
            how: self,
        })
    }

    fn source(&self, path: &Path) -> Result<Source, Problem> {
        let there = fs::metadata(path).map_err(|error| Problem::Wrong(error.to_string()))?;
        if let Some(revision) = &self.git {
            let revision = revision.clone();
            return Ok(Source::Git(revision));
        }
        if there.is_dir() {
            return Ok(Source::Directory);
        }
        if !there.is_file() {
            return Err(Problem::wrong(
                "neither a directory nor a file: nothing is read from pipes and devices",
            ));
        }
        let unreadable = |error: io::Error| Problem::failed(&error);
        let file = File::open(path).map_err(unreadable)?;
        if !self.as_file
            && let Some(format) = ArchiveFormat::detect(&file).map_err(unreadable)?
        {
            return Ok(Source::Archive(
                file,
                Archive::new(format).with_strip(self.strip),
            ));
        }
        Ok(Source::File(file, name_of(path)?))
    }

    /// Nor is it shown how far it is, beside what is for tools.
    pub(super) fn beside(&mut self, format: Format) {
        self.watch = self.watch.beside(format);
    }

    fn threads(&self) -> NonZeroUsize {
        let there = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(there)
    }
}

fn name_of(path: &Path) -> Result<RelPath, Problem> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let wrong =
        |error| Problem::Wrong(format!("the name of the file cannot be in a tree: {error}"));
    RelPath::try_from(name).map_err(wrong)
}

/// Reads one source.
#[derive(Debug)]
pub(super) struct Reader<'h> {
    rules: Rules,
    source: Source,
    path: PathBuf,
    how: &'h How,
}

#[derive(Debug)]
enum Source {
    Directory,
    Git(String),
    Archive(File, Archive),
    File(File, RelPath),
}

impl Reader<'_> {
    pub(super) fn read(&self, doing: &'static str, sink: &dyn Sink) -> Result<Manifest, Problem> {
        let bar = self.how.watch.files(doing);
        // Whoever waits can end it.
        let mut limits = Limits::default();
        limits.time = Duration::MAX;
        let ingest = Ingest::new(&self.rules)
            .with_limits(limits)
            .with_threads(self.how.threads())
            .with_sink(sink)
            .with_progress(&bar);
        let read = match &self.source {
            Source::Directory => ingest.directory(&self.path),
            Source::Git(revision) => ingest.git(&self.path, revision),
            Source::Archive(file, archive) => ingest.archive(*archive, file),
            Source::File(file, path) => {
                let mut file = file;
                let begun = file.rewind();
                begun.map_err(|error| Problem::failed(&error))?;
                ingest.object(path.clone(), file)
            }
        };
        read.map_err(|error| Problem::from(error).at(&self.path))
    }
}
