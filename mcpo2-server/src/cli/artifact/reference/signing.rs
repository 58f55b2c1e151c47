use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mcpo2_artifact::token::{Authority, Issuer, Keys, Limits, Revocations, Secret, Verifier};
use zeroize::Zeroizing;

use super::super::{Problem, store::Store};

/// Longer than any secret.
const LONGEST: u64 = 1024;

/// What references are signed with.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What signs references")]
pub(in crate::cli::artifact) struct KeyFile {
    /// The secret that references are signed with; STORE/references/secret if nothing is said
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// The keys of a store, and where its revocations stand.
#[derive(Debug)]
pub(in crate::cli::artifact) struct Signing {
    keys: Arc<Keys>,
    revocations: Arc<Revocations>,
}

impl KeyFile {
    /// The secret that is there.
    pub(in crate::cli::artifact) fn open(&self, store: &Store) -> Result<Signing, Problem> {
        let path = self.path(store);
        let secret = read(&path).map_err(|error| unusable(&error, &path))?;
        signing(store, &secret)
    }

    /// The same, made first where there is none.
    pub(super) fn make(&self, store: &Store) -> Result<Signing, Problem> {
        let path = self.path(store);
        let dir = store.references();
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&dir);
        made.map_err(|error| Problem::failed(&error).at(&dir))?;
        match new(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(unusable(&error, &path))
            }
            _ => self.open(store),
        }
    }

    fn path(&self, store: &Store) -> PathBuf {
        let own = || store.references().join("secret");
        self.key.clone().unwrap_or_else(own)
    }
}

impl Signing {
    pub(super) fn issuer(&self, authority: Authority) -> Issuer {
        let revocations = Arc::clone(&self.revocations);
        Issuer::new(
            authority,
            Arc::clone(&self.keys),
            revocations,
            Limits::default(),
        )
    }

    pub(in crate::cli::artifact) fn verifier(&self, authority: Authority) -> Verifier {
        let revocations = Arc::clone(&self.revocations);
        Verifier::new(
            authority,
            Arc::clone(&self.keys),
            revocations,
            Arc::default(),
        )
    }
}

fn unusable(error: &io::Error, path: &Path) -> Problem {
    Problem::Wrong(error.to_string()).at(path)
}

/// With what was revoked, which begins where the first reference is signed: the references of one
/// command hold in the next.
fn signing(store: &Store, secret: &Secret) -> Result<Signing, Problem> {
    let revocations = store.place().revocations(SystemTime::now());
    let revocations = revocations.map_err(|error| Problem::Failed(error.to_string()))?;
    Ok(Signing {
        keys: Arc::new(Keys::new(secret)),
        revocations: Arc::new(revocations),
    })
}

/// Writes a secret that nobody but its owner reads, and over no other.
fn new(path: &Path) -> io::Result<()> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secret).map_err(io::Error::other)?;
    let text = Zeroizing::new(BASE64_STANDARD.encode(*secret));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn read(path: &Path) -> io::Result<Secret> {
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidData, why);
    let file = File::open(path)?;
    if file.metadata()?.mode() & 0o077 != 0 {
        return Err(invalid(
            "others than its owner may read or write this secret: chmod 600",
        ));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST).read_to_string(&mut text)?;
    text.parse()
        .map_err(|_| invalid("this is no secret: 32 bytes in base64, as `openssl rand -base64 32`"))
}
