use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use clap::ValueEnum;
use mcpo2_artifact::token::{Authority, Mint, ToolPattern, Verbs};

use crate::config::unit::duration;

/// How far a reference goes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How far the reference goes")]
pub(super) struct Terms {
    /// What may be done, several with commas; stat and read if nothing is said
    #[arg(long, value_enum, value_delimiter = ',')]
    verb: Vec<Verb>,
    /// It may be passed to tools of these names, where * stands for anything
    #[arg(long, value_name = "PATTERN")]
    pass_to_tool: Option<ToolPattern>,
    /// How long it holds, a day at most
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "15m")]
    expires: Duration,
    /// How often it may be used, as long as the gateway runs
    #[arg(long)]
    uses: Option<NonZeroU32>,
    /// How many bytes may be read by it, all readers together, as long as the gateway runs
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<NonZeroU64>,
    /// The gateway in whose name it is signed
    #[arg(long, value_name = "NAME", default_value = "gateway")]
    authority: Authority,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verb {
    /// Learn size and digest
    Stat,
    /// Read bytes
    Read,
    /// Search
    Search,
}

impl Terms {
    pub(super) fn apply(&self, mint: Mint) -> Mint {
        let mut verbs = match self.verb.is_empty() {
            true => Verbs::NONE.stat().read(),
            false => Verbs::NONE,
        };
        for verb in &self.verb {
            verbs = match verb {
                Verb::Stat => verbs.stat(),
                Verb::Read => verbs.read(),
                Verb::Search => verbs.search(),
            };
        }
        if let Some(tools) = &self.pass_to_tool {
            verbs = verbs.pass_to_tool(tools.clone());
        }
        let mint = mint.with_verbs(verbs).expires_in(self.expires);
        let mint = match self.uses {
            Some(uses) => mint.with_uses(uses),
            None => mint,
        };
        match self.max_bytes {
            Some(bytes) => mint.with_max_bytes(bytes),
            None => mint,
        }
    }

    pub(super) fn authority(&self) -> Authority {
        self.authority.clone()
    }
}
