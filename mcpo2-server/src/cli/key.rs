use std::process::ExitCode;

use mcpo2_core::TenantId;

use super::{fail, print};
use crate::identity::NewKey;

#[derive(Debug, clap::Args)]
pub(super) struct Key {
    /// The id of the key, which is also that of its caller
    id: String,
    /// Whose it is
    #[arg(long)]
    tenant: TenantId,
}

impl Key {
    pub(super) fn run(self) -> ExitCode {
        let id = match self.id.parse() {
            Ok(id) => id,
            Err(error) => return fail(&error),
        };
        match NewKey::generate(id) {
            Ok(key) => {
                print(&format!(
                    "{}\n\nThis is the only time it is shown. In the configuration, under \
                     identity.api_keys:\n\n{}\n",
                    key.text().expose(),
                    key.entry(&self.tenant)
                ));
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error),
        }
    }
}
