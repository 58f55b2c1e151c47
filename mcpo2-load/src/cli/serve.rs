use std::{path::PathBuf, process::ExitCode};

use crate::serve::{Floor, Upstream, serve_stdio};

/// Serves something to measure against, until it is stopped.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// An upstream on raw hyper that does next to nothing
    Upstream {
        /// Where it listens
        #[arg(long, default_value = "127.0.0.1:3001")]
        listen: String,
        /// How many tools it lists
        #[arg(long, default_value_t = 10)]
        tools: usize,
    },
    /// Bare hyper on both sides: reads the envelope, looks the name up, forwards
    Floor {
        /// Where it listens
        #[arg(long, default_value = "127.0.0.1:3002")]
        listen: String,
        /// Where it forwards to
        #[arg(long)]
        upstream: String,
        /// Chains a BLAKE3 record of each call into this file, without syncing it
        #[arg(long)]
        chain: Option<PathBuf>,
    },
    /// The upstream on standard streams
    Stdio {
        /// How many tools it lists
        #[arg(long, default_value_t = 10)]
        tools: usize,
    },
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self.what {
            // As cheap as can be: it is the same in all comparisons.
            What::Upstream { listen, tools } => super::one_thread(async move {
                let upstream = Upstream::start(&listen, tools).await?;
                println!("listening on {}", upstream.url());
                std::future::pending().await
            }),
            What::Floor {
                listen,
                upstream,
                chain,
            } => tokio::runtime::Runtime::new()?.block_on(async move {
                let floor = Floor::start(&listen, &upstream, chain.as_deref()).await?;
                println!("listening on {}", floor.url());
                std::future::pending().await
            }),
            What::Stdio { tools } => super::one_thread(async move {
                serve_stdio(tools).await?;
                Ok(ExitCode::SUCCESS)
            }),
        }
    }
}
