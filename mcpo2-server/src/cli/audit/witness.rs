use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    net::SocketAddr,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use mcpo2_audit::witness::{Cosigner, DirectoryStore};
use mcpo2_core::BoxError;
use mcpo2_verify::key::{KeyName, VerifierKey};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::super::{fail, print, runtime, say};
use crate::{config::Log, init_log, serve::serve_witness};

/// Longer than any key.
const LONGEST_KEY: u64 = 1024;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Witness {
    /// Where to listen, for plain HTTP: from elsewhere, behind a proxy that speaks TLS
    #[arg(long, value_name = "ADDR", required_unless_present = "new_key", requires_all = ["state", "log"])]
    listen: Option<SocketAddr>,
    /// Where what was signed last is kept: who loses it can be shown another history
    #[arg(long, value_name = "DIR", required_unless_present = "new_key")]
    state: Option<PathBuf>,
    /// The secret key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Make the key first, for a witness of this name, such as witness.example/1
    #[arg(long, value_name = "NAME")]
    new_key: Option<KeyName>,
    /// A log that is witnessed, by its verifier key; again for another
    #[arg(long, value_name = "VKEY", required_unless_present = "new_key")]
    log: Vec<VerifierKey>,
}

impl Witness {
    pub(super) fn run(self) -> ExitCode {
        match self.start() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }

    fn start(self) -> Result<(), BoxError> {
        if let Some(name) = self.new_key {
            make(&self.key, name).map_err(|error| named(&self.key, &error))?;
        }
        let cosigner = read(&self.key).map_err(|error| named(&self.key, &error))?;
        print(&format!("{}\n", cosigner.key()));
        let (Some(listen), Some(state)) = (self.listen, self.state) else {
            return Ok(());
        };
        init_log(&Log::default());
        let store = DirectoryStore::open(&state).map_err(|error| named(&state, &error))?;
        let witness = mcpo2_audit::witness::Witness::new(cosigner, self.log, store)?;
        let runtime = runtime().ok_or("there is no runtime")?;
        runtime.block_on(serve(witness, listen))
    }
}

async fn serve(
    witness: mcpo2_audit::witness::Witness<DirectoryStore>,
    listen: SocketAddr,
) -> Result<(), BoxError> {
    let listener = TcpListener::bind(listen).await?;
    let closing = CancellationToken::new();
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let version = env!("CARGO_PKG_VERSION");
    let address = listener.local_addr()?;
    say(&format!(
        "mcpo2 {version}, a witness, listens on http://{address}/"
    ));
    let serving = serve_witness(Arc::new(witness), listener, closing.clone());
    let stopping = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        closing.cancel();
    };
    tokio::join!(serving, stopping);
    Ok(())
}

/// Writes a key that nobody but its owner reads, and over no other.
fn make(path: &Path, name: KeyName) -> io::Result<()> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secret).map_err(io::Error::other)?;
    let cosigner = Cosigner::new(name, &secret).map_err(io::Error::other)?;
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(cosigner.to_secret().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn read(path: &Path) -> io::Result<Cosigner> {
    let invalid = |text| io::Error::new(io::ErrorKind::InvalidData, text);
    let file = File::open(path)?;
    if file.metadata()?.mode() & 0o077 != 0 {
        return Err(invalid(
            "others than its owner may read or write this key: chmod 600",
        ));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST_KEY).read_to_string(&mut text)?;
    text.parse()
        .map_err(|_| invalid("this is no secret key of a witness"))
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
