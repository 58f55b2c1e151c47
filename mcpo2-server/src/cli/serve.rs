use std::{
    env,
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::ArgGroup;
use mcpo2_audit::DirDisk;
use mcpo2_core::BoxError;
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use super::{USAGE, fail, runtime, say};
use crate::{
    App, BuildError, Listener, Mode, Shutdown,
    config::{Anonymous, Config, HttpModule, Module, Network, StdioModule, Transport},
    init_log,
    reload::{Reloader, Source, Trigger},
};

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("what").required(true).args(["file", "upstream", "command"])))]
pub(super) struct Serve {
    /// The configuration
    #[arg(short, long)]
    file: Option<PathBuf>,
    /// One module over HTTP, under its own names: everything is allowed and recorded
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Where that module is [default: what its URL says; for a name, public]
    #[arg(long, requires = "upstream", value_enum)]
    network: Option<Network>,
    /// One module that is a command, likewise
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// Where to listen [default: what the file says, or 127.0.0.1:8808]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where the ledger is kept [default: what the file says, or the user's state directory]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Serve the process that starts this one, on standard input and output
    #[arg(long, conflicts_with = "listen")]
    stdio: bool,
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        let (config, mode) = match self.config() {
            Ok(found) => found,
            Err(refused) => return refused,
        };
        init_log(&config.log);
        if let Err(refused) = self.loopback_only(&config, mode) {
            return refused;
        }
        let Some(runtime) = runtime() else {
            return ExitCode::FAILURE;
        };
        let served = runtime.block_on(serve(config, mode, self.source(), self.stdio));
        // A blocked read of standard input must not hold up the end.
        runtime.shutdown_background();
        match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }

    fn config(&self) -> Result<(Config, Mode), ExitCode> {
        if let Some(source) = self.source() {
            return match source.load() {
                Ok(config) => Ok((config, Mode::Governed)),
                Err(diagnostics) => {
                    say(diagnostics.to_string().trim_end());
                    Err(ExitCode::from(USAGE))
                }
            };
        }
        let transport = match (&self.upstream, self.command.split_first()) {
            (Some(url), _) => {
                let mut module = HttpModule::new(url);
                module.network = self.network;
                Transport::Http(module)
            }
            (None, Some((program, args))) => {
                Transport::Stdio(StdioModule::new(program, args.to_vec()))
            }
            (None, None) => return Err(ExitCode::from(USAGE)),
        };
        let mut config = observed(transport).map_err(|error| fail(&error))?;
        config.listen = self.listen.unwrap_or(config.listen);
        if let Some(dir) = &self.dir {
            config.audit.dir = dir.join("ledger");
        }
        Ok((config, Mode::Observed))
    }

    /// The file, and what of the arguments wins over it.
    fn source(&self) -> Option<Source> {
        let mut source = Source::new(self.file.as_ref()?);
        if let Some(listen) = self.listen {
            source = source.listen(listen);
        }
        if let Some(dir) = &self.dir {
            source = source.ledger(dir.join("ledger"));
        }
        Some(source)
    }

    /// A file was checked where it says where to listen; without one, or with another address,
    /// nobody may be let in unknown from elsewhere.
    fn loopback_only(&self, config: &Config, mode: Mode) -> Result<(), ExitCode> {
        let unknown = mode == Mode::Observed || config.identity.anonymous.is_some();
        if config.listen.ip().is_loopback() || !unknown || self.stdio {
            return Ok(());
        }
        say(
            "mcpo2: callers that show no credential are let in from this machine only: listen on a \
             loopback address, or write a file with `identity`",
        );
        Err(ExitCode::from(USAGE))
    }
}

/// One module, and whoever is on this machine.
fn observed(transport: Transport) -> Result<Config, BoxError> {
    let mut config = Config::default();
    config.identity.anonymous = Some(Anonymous::new("local".parse()?));
    config.modules.push(Module::new(
        "module".parse()?,
        "general".parse()?,
        transport,
    ));
    config.audit.dir = state_dir().join("ledger");
    Ok(config)
}

fn state_dir() -> PathBuf {
    let of = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let state = of("XDG_STATE_HOME").or_else(|| Some(of("HOME")?.join(".local/state")));
    state.map_or_else(|| PathBuf::from("mcpo2-data"), |state| state.join("mcpo2"))
}

/// A ledger has one writer, and a client may start several of us: each takes the first directory
/// that no other holds.
fn build_beside_others(config: &Config, mode: Mode) -> Result<App, BuildError> {
    let dir = config.audit.dir.clone();
    let name = dir
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let beside = (2..=64).map(|number| dir.with_file_name(format!("{name}-{number}")));
    for dir in [dir.clone()].into_iter().chain(beside) {
        if DirDisk::is_held(&dir) {
            continue;
        }
        let mut beside = config.clone();
        beside.audit.dir = dir;
        let built = App::build(beside, mode);
        if !built.as_ref().is_err_and(BuildError::is_ledger_held) {
            return built;
        }
    }
    App::build(config.clone(), mode)
}

async fn serve(
    config: Config,
    mode: Mode,
    source: Option<Source>,
    over_stdio: bool,
) -> Result<(), BoxError> {
    let path = config.http.path.clone();
    let scheme = if config.http.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let ledger = config.audit.dir.clone();
    if over_stdio {
        let app = reading(build_beside_others(&config, mode)?, source);
        reload_on_signals(app.reloader().clone())?;
        stop_on_signals(app.shutdown().clone())?;
        app.serve_stdio().await;
        return Ok(());
    }
    // Before all that takes time: who connects from here on waits, and is not refused.
    let listener = Listener::bind(&config)?;
    let app = match listener.is_handed_over() {
        true => build_after_another(config, mode).await?,
        false => App::build(config, mode)?,
    };
    let app = reading(app, source);
    reload_on_signals(app.reloader().clone())?;
    stop_on_signals(app.shutdown().clone())?;
    let address = listener.local_addr()?;
    say(&format!(
        "mcpo2 {} listens on {scheme}://{address}{path}",
        env!("CARGO_PKG_VERSION")
    ));
    if mode == Mode::Observed {
        say("  everything is allowed and recorded; write a file to govern it: mcpo2 schema");
    }
    say(&format!("  ledger: {}", ledger.display()));
    tell(&[NotifyState::Ready]);
    app.serve(listener).await?;
    Ok(())
}

/// Who takes over waits until the one before has closed the ledger.
async fn build_after_another(config: Config, mode: Mode) -> Result<App, BuildError> {
    let timeouts = &config.http.timeouts;
    let patience = timeouts.notice + timeouts.drain + Duration::from_secs(10);
    let began = Instant::now();
    loop {
        let is_late = began.elapsed() >= patience;
        if is_late || !DirDisk::is_held(&config.audit.dir) {
            match App::build(config.clone(), mode) {
                Err(error) if error.is_ledger_held() && !is_late => {}
                built => return built,
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Tells the service manager, where there is one that listens.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager was not told");
    }
}

fn reading(app: App, source: Option<Source>) -> App {
    match source {
        Some(source) => app.reading(source),
        None => app,
    }
}

fn reload_on_signals(reloader: Reloader) -> std::io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            if let Ok(now) = NotifyState::monotonic_usec_now() {
                tell(&[NotifyState::Reloading, now]);
            }
            // How it went is in the log.
            let _ = reloader.reload(Trigger::Signal).await;
            tell(&[NotifyState::Ready]);
        }
    });
    Ok(())
}

/// The first signal drains, the second ends the calls that still run.
fn stop_on_signals(shutdown: Shutdown) -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::spawn(async move {
        for stop in [Shutdown::leave, Shutdown::abort] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stop(&shutdown);
            tell(&[NotifyState::Stopping]);
        }
    });
    Ok(())
}
