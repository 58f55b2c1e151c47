use clap::ValueEnum;
use mcpo2_artifact::token::{Audience, Label, Presenter};
use mcpo2_core::{AuthMethod, Principal, PrincipalId, TenantId};

use super::super::Problem;

/// Who reads.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Who reads")]
pub(in crate::cli::artifact) struct Whom {
    /// The id of who reads, in the tenant
    #[arg(long, value_name = "ID")]
    principal: Option<PrincipalId>,
    /// How they show who they are
    #[arg(long, value_enum, default_value_t)]
    auth: Auth,
    /// The client that they come through
    #[arg(long, value_name = "ID")]
    client: Option<Label>,
    /// The run of an agent in which they read
    #[arg(long, value_name = "ID")]
    run: Option<Label>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Auth {
    /// By an API key
    #[default]
    ApiKey,
    /// By a JWT
    Jwt,
    /// As the process that started the gateway
    Process,
}

impl Whom {
    /// Who of a tenant may present a reference.
    pub(super) fn audience(&self, tenant: &TenantId) -> Result<Audience, Problem> {
        let audience = match (&self.principal, &self.client) {
            (Some(_), None) => Audience::principal(&self.principal(tenant)?),
            (Some(_), Some(client)) => {
                Audience::principal(&self.principal(tenant)?).with_client(client.clone())
            }
            (None, Some(client)) => Audience::client(client.clone()),
            (None, None) => {
                return Err(Problem::wrong(
                    "say for whom the reference is: --principal ID or --client ID",
                ));
            }
        };
        Ok(match &self.run {
            Some(run) => audience.with_run(run.clone()),
            None => audience,
        })
    }

    pub(in crate::cli::artifact) fn principal(
        &self,
        tenant: &TenantId,
    ) -> Result<Principal, Problem> {
        let nobody = || Problem::wrong("say who reads: --principal ID");
        let id = self.principal.clone().ok_or_else(nobody)?;
        let auth = match self.auth {
            Auth::ApiKey => AuthMethod::ApiKey,
            Auth::Jwt => AuthMethod::Jwt,
            Auth::Process => AuthMethod::Process,
        };
        Ok(Principal::new(tenant.clone(), id, auth))
    }

    pub(in crate::cli::artifact) fn presenter<'p>(
        &'p self,
        principal: &'p Principal,
    ) -> Presenter<'p> {
        let mut presenter = Presenter::new(principal);
        if let Some(client) = &self.client {
            presenter = presenter.with_client(client.as_str());
        }
        if let Some(run) = &self.run {
            presenter = presenter.with_run(run.as_str());
        }
        presenter
    }
}
