//! The calls of the demonstration, and what is expected of each.

use mcpo2_core::BoxError;
use mcpo2_policy::reserved::{OWN_REFERENCE, PROTOCOL};
use serde_json::{Value, json};

use super::client::{Answer, Client};
use crate::identity::NewKey;

/// A tool that is there, and one that is not; to dora both are not.
pub(super) const DENIED: &str = "secrets__scan_text";
pub(super) const UNKNOWN: &str = "secrets__nonesuch";

/// How many bytes of the large result are read.
pub(super) const RANGE: usize = 160;

const READS: &str = "analysts-read-inside";

/// The keys of those who call.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) ana: NewKey,
    pub(super) ben: NewKey,
    pub(super) dora: NewKey,
}

impl Keys {
    pub(super) fn generate() -> Result<Self, BoxError> {
        let key = |id: &str| Ok::<_, BoxError>(NewKey::generate(id.parse()?)?);
        Ok(Self {
            ana: key("ana")?,
            ben: key("ben")?,
            dora: key("dora")?,
        })
    }
}

/// What is made of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on to a module, by this rule.
    Allowed(&'static str),
    /// It is denied, by this rule or because none allows it.
    Denied(Option<&'static str>),
    /// It waits for somebody.
    Waits(&'static str),
    /// It is allowed, and what it asks for is not there for this caller.
    Absent(&'static str),
    /// It is no call at all.
    Refused,
}

/// One call that was made.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) id: Id,
    pub(super) caller: String,
    pub(super) fate: Fate,
    pub(super) answer: Answer,
}

/// What a step is there to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    ListOfAna,
    ListOfDora,
    Scan,
    Contrast,
    Outline,
    DeniedTool,
    UnknownTool,
    DeniedPath,
    Approval,
    Reference,
    OwnRange,
    OthersRange,
    DuplicateKey,
}

/// A key that looks real to a scanner. It is put together here so that this file has none.
fn planted() -> String {
    format!("aws_key = AKIA{}\nname = demo\n", "Q7RK2VT5XBLM4NCZ")
}

/// Makes all calls, one after the other.
pub(super) async fn play(client: &Client, keys: &Keys) -> Result<Vec<Step>, BoxError> {
    let mut play = Play {
        client,
        keys,
        steps: Vec::new(),
    };
    play.lists().await?;
    play.work().await?;
    play.refusals().await?;
    play.references().await?;
    play.duplicate().await?;
    Ok(play.steps)
}

/// The reference in a result that became one.
pub(super) fn reference(answer: &Answer) -> Option<&str> {
    let content = answer.json.pointer("/result/content")?.as_array()?;
    let link = content
        .iter()
        .find(|part| part.get("type") == Some(&json!("resource_link")))?;
    link.get("uri")?.as_str()
}

struct Play<'a> {
    client: &'a Client,
    keys: &'a Keys,
    steps: Vec<Step>,
}

impl Play<'_> {
    async fn lists(&mut self) -> Result<(), BoxError> {
        let keys = self.keys;
        let fate = Fate::Allowed(PROTOCOL);
        for (id, key) in [(Id::ListOfAna, &keys.ana), (Id::ListOfDora, &keys.dora)] {
            self.call(id, key, fate, "tools/list", None, json!({}))
                .await?;
        }
        Ok(())
    }

    /// One call to each family.
    async fn work(&mut self) -> Result<(), BoxError> {
        let keys = self.keys;
        let (name, fate) = ("secrets__scan_text", Fate::Allowed("analysts-scan-text"));
        self.tool(
            Id::Scan,
            &keys.ana,
            fate,
            name,
            json!({ "text": planted() }),
        )
        .await?;
        let (name, fate) = ("contrast__check_pair", Fate::Allowed("designers-design"));
        let pair = json!({ "foreground": "#777", "background": "white" });
        self.tool(Id::Contrast, &keys.dora, fate, name, pair)
            .await?;
        let (name, fate) = ("outline__outline_file", Fate::Allowed(READS));
        let path = json!({ "path": "services/billing/lib.rs" });
        self.tool(Id::Outline, &keys.ana, fate, name, path).await?;
        Ok(())
    }

    async fn refusals(&mut self) -> Result<(), BoxError> {
        let keys = self.keys;
        let fate = Fate::Denied(None);
        for (id, name) in [(Id::DeniedTool, DENIED), (Id::UnknownTool, UNKNOWN)] {
            self.tool(id, &keys.dora, fate, name, json!({ "text": planted() }))
                .await?;
        }
        let (name, fate) = (
            "outline__outline_file",
            Fate::Denied(Some("no-absolute-paths")),
        );
        self.tool(
            Id::DeniedPath,
            &keys.ana,
            fate,
            name,
            json!({ "path": "/etc/passwd" }),
        )
        .await?;
        let (name, fate) = ("secrets__scan_dir", Fate::Waits("file-scans-need-a-lead"));
        self.tool(
            Id::Approval,
            &keys.ana,
            fate,
            name,
            json!({ "path": "services" }),
        )
        .await?;
        Ok(())
    }

    /// A result that is large, and parts of it for its caller and for another.
    async fn references(&mut self) -> Result<(), BoxError> {
        let keys = self.keys;
        let (name, fate) = ("outline__outline_dir", Fate::Allowed(READS));
        let path = json!({ "path": "services" });
        let answer = self
            .tool(Id::Reference, &keys.ana, fate, name, path)
            .await?;
        let uri = format!("{}?bytes=0-{RANGE}", reference(&answer).unwrap_or_default());
        let (own, others) = (Fate::Allowed(OWN_REFERENCE), Fate::Absent(OWN_REFERENCE));
        for (id, key, fate) in [
            (Id::OwnRange, &keys.ana, own),
            (Id::OthersRange, &keys.ben, others),
        ] {
            let params = json!({ "uri": uri });
            self.call(id, key, fate, "resources/read", Some(&uri), params)
                .await?;
        }
        Ok(())
    }

    async fn tool(
        &mut self,
        id: Id,
        key: &NewKey,
        fate: Fate,
        name: &str,
        arguments: Value,
    ) -> Result<Answer, BoxError> {
        let params = json!({ "name": name, "arguments": arguments });
        self.call(id, key, fate, "tools/call", Some(name), params)
            .await
    }

    async fn call(
        &mut self,
        id: Id,
        key: &NewKey,
        fate: Fate,
        method: &str,
        name: Option<&str>,
        params: Value,
    ) -> Result<Answer, BoxError> {
        let answer = self.client.call(key.text(), method, name, params).await?;
        self.note(id, key, fate, answer.clone());
        Ok(answer)
    }

    /// Sends what two readers would read differently.
    async fn duplicate(&mut self) -> Result<(), BoxError> {
        let key = &self.keys.ana;
        let (method, name) = ("tools/call", "secrets__scan_text");
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"{name}","name":"x"}}}}"#
        );
        let answer = self
            .client
            .send(key.text(), method, Some(name), body)
            .await?;
        self.note(Id::DuplicateKey, key, Fate::Refused, answer);
        Ok(())
    }

    fn note(&mut self, id: Id, key: &NewKey, fate: Fate, answer: Answer) {
        let caller = key.id().to_string();
        self.steps.push(Step {
            id,
            caller,
            fate,
            answer,
        });
    }
}
