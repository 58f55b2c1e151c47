//! `mcpo2 demo`: the real gateway on a loopback port, called by two tenants, and what its ledger
//! says of that.
//!
//! What is shown is read back from the ledger; that it is as it should be is checked, so that the
//! demonstration is a test too.

mod check;
mod client;
mod place;
mod row;
mod script;
mod table;
mod words;

use std::{
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Instant,
};

use mcpo2_audit::Ledger;
use mcpo2_core::BoxError;
use tokio::{net::TcpListener, task::JoinHandle};

use self::{client::Client, place::Place, script::Keys};
use crate::{App, BuildError, Mode, Shutdown, config};

/// What the demonstration is to do.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Where its state is kept; a directory of its own below the temporary one if none is given.
    pub dir: Option<PathBuf>,
    /// Whether it keeps running afterwards, until Ctrl-C.
    pub serve: bool,
    /// Where it listens.
    pub listen: SocketAddr,
}

/// Runs the demonstration and shows it on `out`, in colour on a terminal unless `NO_COLOR` is set.
///
/// # Errors
///
/// If the gateway cannot be started, or if anything is not as it should be.
pub async fn run(
    options: DemoOptions,
    out: &mut (impl Write + IsTerminal),
) -> Result<(), BoxError> {
    let place = Place::prepare(options.dir.as_deref())?;
    let keys = Keys::generate()?;
    let config = place.write_config(options.listen, &keys)?;
    let gateway = Gateway::start(&config, options.listen).await?;
    let before = gateway.ledger.stats().head.size;

    let started = Instant::now();
    let client = Client::new(gateway.address);
    let steps = script::play(&client, &keys).await?;
    let took = started.elapsed();

    let gateway = match options.serve {
        true => {
            gateway.flush().await?;
            Some(gateway)
        }
        false => {
            gateway.stop().await?;
            None
        }
    };
    let rows = row::read(&place.ledger(), before)?;
    let checks = check::check(&steps, &rows);
    let report = mcpo2_audit::verify(place.ledger())?;

    let words = words::Words {
        place: &place,
        is_colourful: is_colourful(out),
    };
    words.introduce(out)?;
    words.table(out, &table::render(&rows))?;
    words.checks(out, &checks, took)?;
    words.ledger(out, &report)?;
    if let Some(failed) = checks.iter().find(|check| !check.holds) {
        return Err(format!("not as it should be: {}", failed.says).into());
    }
    match gateway {
        None => words.next(out)?,
        Some(gateway) => {
            words.serving(out, gateway.address, &keys)?;
            tokio::signal::ctrl_c().await?;
            gateway.stop().await?;
        }
    }
    Ok(())
}

/// The gateway, serving on a task of its own.
struct Gateway {
    address: SocketAddr,
    ledger: Ledger,
    shutdown: Shutdown,
    serving: JoinHandle<Result<(), BuildError>>,
}

impl Gateway {
    async fn start(config: &Path, listen: SocketAddr) -> Result<Self, BoxError> {
        let config = config::load(config).map_err(|wrong| wrong.to_string())?;
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let app = App::build(config, Mode::Governed)?;
        let (ledger, shutdown) = (app.ledger().clone(), app.shutdown().clone());
        let serving = tokio::spawn(app.serve(listener));
        Ok(Self {
            address,
            ledger,
            shutdown,
            serving,
        })
    }

    /// Waits until all that was called is on the disk.
    async fn flush(&self) -> Result<(), BoxError> {
        let ledger = self.ledger.clone();
        Ok(tokio::task::spawn_blocking(move || ledger.flush()).await??)
    }

    async fn stop(self) -> Result<(), BoxError> {
        self.shutdown.drain();
        Ok(self.serving.await??)
    }
}

/// Colour on a terminal, unless somebody asked for none (https://no-color.org).
fn is_colourful(out: &impl IsTerminal) -> bool {
    out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
