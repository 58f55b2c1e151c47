//! What is called, and who calls, as files tell it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use mcpo2_core::{Facts, Item, ItemKind, Principal};
use mcpo2_policy::{
    AuthConfig, GivenCaller, GivenModule, KindConfig, KnownItem, Owned, Situation, Visibility,
};
use serde::Deserialize;

use super::Unusable;
use crate::config::read_as;

/// The tools that there are.
#[derive(Debug)]
pub(super) struct Catalogue(Vec<Tool>);

/// A tool of a catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    tool: String,
    module: Option<String>,
    family: Option<String>,
    region: Option<String>,
    #[serde(default)]
    tier: u8,
}

impl Catalogue {
    pub(super) fn read(path: &Path) -> Result<Self, Unusable> {
        Ok(Self(read_as(path)?))
    }

    /// For the linter.
    pub(super) fn known(self) -> Vec<KnownItem> {
        let items = self.0.into_iter().map(|tool| {
            let mut item = KnownItem::new(tool.tool);
            (item.module, item.family) = (tool.module, tool.family);
            item
        });
        items.collect()
    }

    /// For an engine.
    pub(super) fn items(&self) -> Result<Vec<Owned>, Unusable> {
        let items = self.0.iter().map(Tool::owned);
        Ok(items.collect::<Result<_, _>>()?)
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|tool| &*tool.tool).collect()
    }

    /// Only this tool; where there is no catalogue, as one of this module.
    pub(super) fn only(
        path: Option<&Path>,
        name: &str,
        owner: Option<GivenModule>,
    ) -> Result<Self, Unusable> {
        let Some(path) = path else {
            return Ok(Self(vec![Tool::of(name, owner)]));
        };
        let Self(mut tools) = Self::read(path)?;
        tools.retain(|tool| tool.tool == name);
        match tools.is_empty() {
            true => Err(format!("there is no tool `{name}` in the catalogue").into()),
            false => Ok(Self(tools)),
        }
    }
}

impl Tool {
    fn of(name: &str, owner: Option<GivenModule>) -> Self {
        let tool = name.to_owned();
        match owner {
            Some(owner) => Self {
                tool,
                module: owner.id,
                family: Some(owner.family),
                region: owner.region,
                tier: owner.tier,
            },
            None => Self {
                tool,
                module: None,
                family: None,
                region: None,
                tier: 0,
            },
        }
    }

    fn owned(&self) -> Result<Owned, String> {
        let item = Item::new(ItemKind::Tool, self.tool.as_str());
        let facts = match (&self.module, &self.family) {
            (None, None) => None,
            (module, Some(family)) => {
                let module = GivenModule {
                    id: module.clone(),
                    family: family.clone(),
                    region: self.region.clone(),
                    tier: self.tier,
                };
                Some(Arc::new(Facts::try_from(&module)?))
            }
            (Some(_), None) => return Err(format!("tool `{}` has no family", self.tool)),
        };
        Ok((item, facts))
    }
}

/// A caller with a name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    name: String,
    tenant: Option<String>,
    principal: Option<String>,
    project: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
    kind: Option<KindConfig>,
    auth: Option<AuthConfig>,
}

/// Who calls.
#[derive(Debug)]
pub(super) struct Subjects {
    pub(super) names: Vec<String>,
    pub(super) principals: Vec<Principal>,
}

impl Subjects {
    pub(super) fn read(path: &Path) -> Result<Self, Unusable> {
        let subjects: Vec<Subject> = read_as(path)?;
        let (mut names, mut principals) = (Vec::new(), Vec::new());
        for subject in subjects {
            let caller = GivenCaller {
                tenant: subject.tenant,
                principal: subject.principal,
                project: subject.project,
                roles: subject.roles,
                scopes: subject.scopes,
                kind: subject.kind,
                auth: subject.auth,
            };
            principals.push(Principal::try_from(&caller)?);
            names.push(subject.name);
        }
        Ok(Self { names, principals })
    }
}

/// Who and where.
#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Who calls: a list of { name, tenant, principal, project, roles, scopes, kind, auth }
    #[arg(long, value_name = "FILE")]
    pub(super) subjects: PathBuf,
    /// The environment that the gateway serves; unknown if nothing is said
    #[arg(long)]
    pub(super) environment: Option<String>,
}

impl Asked {
    pub(super) fn situation(&self) -> Situation {
        let situation = Situation::default();
        match &self.environment {
            Some(environment) => situation.in_environment(environment.as_str()),
            None => situation,
        }
    }
}

pub(super) fn word(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Allowed => "allowed",
        Visibility::DependsOnArguments => "depends on arguments",
        Visibility::Denied => "denied",
    }
}

/// The width of a column with these texts.
pub(super) fn width<'t>(texts: impl IntoIterator<Item = &'t str>) -> usize {
    let widths = texts.into_iter().map(|text| text.chars().count());
    widths.max().unwrap_or_default()
}
