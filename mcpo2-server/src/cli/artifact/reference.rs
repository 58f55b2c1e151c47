mod said;
mod signing;
mod terms;
mod whom;

use std::{path::PathBuf, time::SystemTime};

use mcpo2_artifact::{
    blob::Keep,
    range::Ranges,
    token::{Mint, Object, SignedReference, Uri},
};
use mcpo2_core::TenantId;

use self::{said::Said, terms::Terms};
pub(super) use self::{signing::KeyFile, whom::Whom};
use super::{
    super::format::Format,
    Done, Outcome, Problem,
    part::Part,
    read::Output,
    shown,
    store::{At, Store, entry},
    tell,
};

#[derive(Debug, clap::Args)]
pub(super) struct Ref {
    /// Say what this reference says of itself: nobody verifies that
    #[arg(long, value_name = "URI", conflicts_with_all = ["store", "tenant", "root", "principal"])]
    inspect: Option<Uri>,
    /// The directory of the store, which no gateway may have open
    #[arg(long, value_name = "DIR", required_unless_present = "inspect")]
    store: Option<PathBuf>,
    /// Whose the tree is
    #[arg(long, required_unless_present = "inspect")]
    tenant: Option<TenantId>,
    /// The root or the name of the tree
    #[arg(required_unless_present = "inspect")]
    root: Option<String>,
    /// The path of one file of it
    path: Option<String>,
    #[command(flatten)]
    part: Part,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    key: KeyFile,
}

impl Ref {
    pub(super) fn run(self) -> Done {
        if let Some(uri) = &self.inspect {
            let Uri::Signed(reference, ..) = uri else {
                let why = "a reference that is not signed says nothing: it is the name of a result";
                return Err(Problem::wrong(why));
            };
            let said = Said::of(reference)?;
            tell(self.format, &said.text(), &said.json())?;
            return Ok(Outcome::Well);
        }
        let (Some(store), Some(tenant)) = (self.store.clone(), self.tenant.clone()) else {
            return Err(Problem::wrong("say which store, and whose tree"));
        };
        let store = At { store }.open()?;
        let reference = self.sign(&store, &tenant)?;
        let said = Said::of(&reference)?;
        tell(self.format, &format!("{}\n", reference.uri()), &said.json())?;
        Ok(Outcome::Well)
    }

    fn sign(&self, store: &Store, tenant: &TenantId) -> Result<SignedReference, Problem> {
        let audience = self.whom.audience(tenant)?;
        let which = || Problem::wrong("say which tree: its root or its name");
        let root = self.root.as_ref().ok_or_else(which)?;
        let record = store.record(tenant, root)?;
        let (blobs, manifest) = store.tree(&record)?;
        let (object, ranges) = match &self.path {
            None if self.part.is_all() => (Object::Manifest(record.root), Ranges::all()),
            None => return Err(Problem::wrong("a part is of one file: say its PATH")),
            Some(path) => {
                let entry = entry(&manifest, path)?;
                let no_file = || Problem::Wrong(format!("{} is no file", shown(path)));
                let digest = entry.digest().ok_or_else(no_file)?;
                let reader = store.runtime.block_on(blobs.open(&digest))?;
                let all = Ranges::all();
                let wanted = match self.part.is_all() {
                    true => all,
                    false => Output::new(store, reader).wanted(&self.part, &all)?,
                };
                let (root, path) = (record.root, entry.path().clone());
                (Object::Entry { root, path }, wanted)
            }
        };
        let mint = Mint::new(tenant.clone(), object, audience).with_ranges(ranges);
        let mint = self.terms.apply(mint);
        let signing = self.key.make(store)?;
        let now = SystemTime::now();
        let signed = signing.issuer(self.terms.authority()).sign(mint, now);
        let reference = signed.map_err(|error| Problem::Wrong(error.to_string()))?;
        if let Some(expires) = reference.expires() {
            let label = record.label();
            let kept = blobs.keep(&label, Keep::Until(expires));
            store.runtime.block_on(kept)?;
        }
        Ok(reference)
    }
}
