use std::{path::PathBuf, time::SystemTime};

use mcpo2_artifact::token::{MAX_LIFETIME, Object, Revocations, Unverified, Uri};
use mcpo2_core::TenantId;
use serde_json::json;

use super::{super::format::Format, Done, Outcome, Problem, tell};
use crate::library::Place;

#[derive(Debug, clap::Args)]
pub(super) struct Revoke {
    /// The directory of the store, which a gateway may have open
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    #[command(flatten)]
    what: What,
    /// Whose object it is
    #[arg(long, requires = "object")]
    tenant: Option<TenantId>,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is revoked.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// This reference, and all that was made of it
    #[arg(long = "ref", value_name = "URI")]
    reference: Option<Uri>,
    /// All references so far to this object: `b3:…`, `b3:…/` with all its files, `b3:…/PATH`
    #[arg(long, requires = "tenant")]
    object: Option<Object>,
    /// All references so far of this tenant
    #[arg(long, value_name = "TENANT")]
    all_of: Option<TenantId>,
    /// All references so far
    #[arg(long)]
    all: bool,
}

impl Revoke {
    /// Writes what is revoked beside the store, and not into it: a gateway that has it open takes it
    /// up when it is reloaded.
    pub(super) fn run(self) -> Done {
        if !self.store.join("references").is_dir() {
            let why = "nothing was ever signed here";
            return Err(Problem::wrong(why).at(&self.store));
        }
        let (said, change) = self.what.change(self.tenant.as_ref())?;
        let revoked = Place::new(&self.store).revoke(SystemTime::now(), change);
        revoked.map_err(|error| Problem::Failed(error.to_string()).at(&self.store))?;
        let text = format!("revoked: {said}; reload a gateway that has the store open\n");
        tell(self.format, &text, &json!({ "revoked": said }))?;
        Ok(Outcome::Well)
    }
}

/// How what is revoked changes.
type Change = Box<dyn FnOnce(&Revocations)>;

impl What {
    /// In words, and as it is done.
    fn change(self, tenant: Option<&TenantId>) -> Result<(String, Change), Problem> {
        let now = SystemTime::now();
        Ok(
            match (self.reference, self.object, tenant.cloned(), self.all_of) {
                (Some(Uri::Signed(reference, ..)), ..) => {
                    let token = Unverified::from_token(reference.token())
                        .map_err(|error| Problem::failed(&error))?;
                    let (id, tenant) = (reference.id(), token.tenant().clone());
                    let until = now.checked_add(MAX_LIFETIME).unwrap_or(now);
                    let change = move |it: &Revocations| it.revoke_id(&tenant, id, until, now);
                    (format!("the reference {id}"), Box::new(change))
                }
                (Some(_), ..) => {
                    let why = "a reference that is not signed ends with its gateway";
                    return Err(Problem::wrong(why));
                }
                (_, Some(object), Some(tenant), _) => {
                    let said = format!("references of {tenant} to {object}");
                    let change = move |it: &Revocations| it.revoke_object(&tenant, object, now);
                    (said, Box::new(change))
                }
                (.., Some(tenant)) => {
                    let said = format!("references of {tenant}");
                    let change = move |it: &Revocations| it.revoke_tenant(&tenant, now);
                    (said, Box::new(change))
                }
                _ => {
                    let change = move |it: &Revocations| it.revoke_all(now);
                    ("all references".to_owned(), Box::new(change))
                }
            },
        )
    }
}
