mod output;

use std::path::PathBuf;

use mcpo2_artifact::{
    manifest::{Entry, Manifest},
    range::Ranges,
    token::{Access, Object, Uri, Verb},
};
use mcpo2_core::{Decision, Digest, Obligations, TenantId};
use serde_json::json;

pub(super) use self::output::Output;
use super::{
    super::format::Format,
    Done, Outcome, Problem,
    part::Part,
    reference::{KeyFile, Whom},
    shown,
    store::{At, Store, entry},
    tell,
};

#[derive(Debug, clap::Args)]
pub(super) struct Read {
    #[command(flatten)]
    at: At,
    /// Whose it is
    #[arg(long)]
    tenant: TenantId,
    /// The root or the name of the tree; with --ref to a tree, the path
    root: Option<String>,
    /// The path; without one, the entries of the tree are listed
    path: Option<String>,
    #[command(flatten)]
    part: Part,
    /// Read by this reference, as its holder would; a PATH alone says which file of a tree
    #[arg(long = "ref", value_name = "URI", requires = "principal")]
    reference: Option<Uri>,
    /// Write it here, in place of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    key: KeyFile,
}

impl Read {
    pub(super) fn run(self) -> Done {
        let store = self.at.open()?;
        let access = match &self.reference {
            Some(uri) => Some(self.access(&store, uri)?),
            None => None,
        };
        let (root, path) = self.named(access.as_ref())?;
        let record = store.record(&self.tenant, &root)?;
        let (blobs, manifest) = store.tree(&record)?;
        let Some(path) = path else {
            return self.list(&manifest);
        };
        let entry = entry(&manifest, &path)?;
        let no_file = || Problem::Wrong(format!("{} is no file", shown(&path)));
        let digest = entry.digest().ok_or_else(no_file)?;
        let reader = store.runtime.block_on(blobs.open(&digest))?;
        let granted = access
            .as_ref()
            .map_or(Ranges::all(), |it| *it.grant().ranges());
        let output = Output::new(&store, reader);
        let wanted = output.wanted(&self.part, &granted)?;
        let reading = match &access {
            Some(access) => {
                let opened = access.open(&wanted, std::time::SystemTime::now());
                let mut reading = opened.map_err(|refused| no_access(refused.reason().as_str()))?;
                let paid = reading.deliver(wanted.bytes());
                paid.map_err(|refused| no_access(refused.reason().as_str()))?;
                Some(reading)
            }
            None => None,
        };
        output.write((self.format, self.out.as_deref()), entry, &wanted)?;
        drop(reading);
        Ok(Outcome::Well)
    }

    fn access(&self, store: &Store, uri: &Uri) -> Result<Access, Problem> {
        let Uri::Signed(reference, ..) = uri else {
            let why = "only the gateway that keeps a result can read it by this reference";
            return Err(Problem::wrong(why));
        };
        let signing = self.key.open(store)?;
        let principal = self.whom.principal(&self.tenant)?;
        let verifier = signing.verifier(reference.authority().clone());
        let presenter = self.whom.presenter(&principal);
        let now = std::time::SystemTime::now();
        let grant = verifier.verify(reference.token(), presenter, &Verb::Read, now);
        // The policy is the gateway's: who has the store may read it at any rate.
        let decision = Decision::Allow(Obligations::default());
        let access = grant.and_then(|grant| grant.decide(decision));
        access.map_err(|refused| no_access(refused.reason().as_str()))
    }

    /// The root or name, and the path.
    fn named(&self, access: Option<&Access>) -> Result<(String, Option<String>), Problem> {
        let unclear = "say ROOT and PATH, or --ref";
        let of_tree = |root: &Digest, path: &String| (root.to_string(), Some(path.clone()));
        let said: Vec<&String> = self.root.iter().chain(&self.path).collect();
        match (access.map(|access| access.grant().object()), &*said) {
            (None, [root]) => Ok(((*root).clone(), None)),
            (None, [root, path]) => Ok(((*root).clone(), Some((*path).clone()))),
            (Some(Object::Entry { root, path }), []) => {
                Ok((root.to_string(), Some(path.as_str().to_owned())))
            }
            (Some(Object::Manifest(root)), [path]) => Ok(of_tree(root, path)),
            (Some(Object::Manifest(root)), []) => Ok((root.to_string(), None)),
            _ => Err(Problem::wrong(unclear)),
        }
    }

    fn list(&self, manifest: &Manifest) -> Done {
        let lines = manifest.entries().iter().map(super::manifest::line);
        let text: String = lines.map(|line| line + "\n").collect();
        let entries: &[Entry] = manifest.entries();
        let said = json!({ "root": manifest.root(), "entries": entries });
        tell(self.format, &text, &said)?;
        Ok(Outcome::Well)
    }
}

fn no_access(reason: &str) -> Problem {
    Problem::Failed(format!("the reference opens nothing here: {reason}"))
}
