mod said;

use std::path::PathBuf;

use self::said::Said;
pub(super) use self::said::line;
use super::{
    super::format::Format,
    Done, Outcome, Problem,
    facts::{Deriving, block},
    prove::Proving,
    select::Counter,
    source::How,
    tell, write,
};

#[derive(Debug, clap::Args)]
pub(super) struct Manifest {
    /// The tree
    source: PathBuf,
    /// Write the canonical bytes of the manifest here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Say each entry
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    deriving: Facts,
    #[command(flatten)]
    proving: Proving,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, clap::Args)]
struct Facts {
    /// Derive languages, lines and estimates of tokens
    #[arg(long)]
    facts: bool,
    /// Count tokens exactly, as o200k_base does
    #[arg(long, requires = "facts")]
    exact: bool,
    /// Write what is derived here, symbols included, as a block beside the manifest
    #[arg(long, value_name = "FILE", requires = "facts")]
    derived: Option<PathBuf>,
}

impl Manifest {
    pub(super) fn run(mut self) -> Done {
        self.how.beside(self.format);
        let counter = match self.deriving.exact {
            true => Counter::O200k,
            false => Counter::Estimate,
        };
        counter.check()?;
        let (made, found) = match self.deriving.facts {
            true => {
                let deriving = Deriving::new(counter, self.deriving.derived.is_some());
                let made = self.how.manifest(&self.source, &deriving)?;
                (made, Some(deriving.found()))
            }
            false => (self.proving.run(&self.source, &self.how)?, None),
        };
        if let Some(out) = &self.out {
            write(out, &made.to_bytes())?;
        }
        if let (Some(out), Some(found)) = (&self.deriving.derived, &found) {
            let block = block(&made, found);
            let block = block.map_err(|error| Problem::Failed(error.to_string()))?;
            write(out, &block.to_bytes())?;
        }
        let said = Said {
            manifest: &made,
            facts: found.as_ref().map(|found| (counter, found)),
            list: self.list,
        };
        tell(self.format, &said.text(), &said.json()?)?;
        Ok(Outcome::Well)
    }
}
