use std::time::SystemTime;

use jiff::Timestamp;
use mcpo2_artifact::token::{Audience, Caveat, SignedReference, Unverified};
use serde_json::{Value, json};

use super::super::{Problem, shown};

/// What a reference says of itself.
pub(super) struct Said<'r> {
    reference: &'r SignedReference,
    claims: Unverified,
}

impl<'r> Said<'r> {
    pub(super) fn of(reference: &'r SignedReference) -> Result<Self, Problem> {
        let claims = Unverified::from_token(reference.token());
        Ok(Self {
            reference,
            claims: claims.map_err(|error| Problem::Wrong(error.to_string()))?,
        })
    }

    pub(super) fn text(&self) -> String {
        let (reference, claims) = (self.reference, &self.claims);
        let count = |count: Option<u64>| count.map_or("not counted".into(), |it| it.to_string());
        let mut text = format!(
            "not verified: this is what it says of itself\nid         {}\nauthority  {}\nkey        \
             {}\ntenant     {}\nobject     {}\nfor        {}\nverbs      {}\nbytes      {}\nfrom       \
             {}\nuntil      {}\nuses       {}\nmax bytes  {}\n",
            reference.id(),
            reference.authority(),
            claims.key(),
            claims.tenant(),
            shown(&claims.object().to_string()),
            whom(claims.audience()),
            claims.verbs(),
            claims.ranges(),
            time(claims.not_before()).unwrap_or_default(),
            time(reference.expires()).unwrap_or_default(),
            count(claims.uses().map(|it| it.get().into())),
            count(claims.max_bytes().map(|it| it.get())),
        );
        for caveat in claims.caveats() {
            text.push_str(&format!("only       {}\n", narrowed(caveat)));
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let (reference, claims) = (self.reference, &self.claims);
        let audience = claims.audience();
        json!({
            "uri": reference.uri(), "id": reference.id(),
            "authority": reference.authority().as_str(), "key": claims.key(),
            "tenant": claims.tenant(), "object": claims.object(),
            "principal": audience.binding(), "client": audience.of_client().map(|it| it.as_str()),
            "run": audience.of_run().map(|it| it.as_str()),
            "verbs": claims.verbs().to_string(), "bytes": claims.ranges().to_string(),
            "not_before": time(claims.not_before()), "expires": time(reference.expires()),
            "uses": claims.uses(), "max_bytes": claims.max_bytes(),
            "caveats": claims.caveats().iter().map(narrowed).collect::<Vec<_>>(),
        })
    }
}

fn whom(audience: &Audience) -> String {
    let parts = [
        audience.binding().map(|it| format!("principal {it}")),
        audience
            .of_client()
            .map(|it| format!("client {}", it.as_str())),
        audience.of_run().map(|it| format!("run {}", it.as_str())),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => "anybody of the tenant".to_owned(),
        false => parts.join(", "),
    }
}

/// What a holder took away.
fn narrowed(caveat: &Caveat) -> String {
    match caveat {
        Caveat::Ranges(ranges) => format!("bytes {ranges}"),
        Caveat::Before(seconds) => {
            let time = i64::try_from(*seconds).ok().map(Timestamp::from_second);
            let time = time.and_then(Result::ok).map(|it| it.to_string());
            format!("before {}", time.unwrap_or_else(|| seconds.to_string()))
        }
        Caveat::Verbs(verbs) => format!("verbs {verbs}"),
        Caveat::Principal(binding) => format!("principal {binding}"),
        Caveat::Client(client) => format!("client {}", client.as_str()),
        Caveat::Run(run) => format!("run {}", run.as_str()),
        _ => "something that is not known here".to_owned(),
    }
}

fn time(time: Option<SystemTime>) -> Option<String> {
    let time = Timestamp::try_from(time?).ok()?;
    Some(time.to_string())
}
