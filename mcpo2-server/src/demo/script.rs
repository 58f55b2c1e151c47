//! The calls of the demonstration, and what is expected of each.

use mcpo2_core::BoxError;
use serde_json::{Value, json};

use super::client::{Answer, Client};
use crate::identity::NewKey;

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
    let protocol = Fate::Allowed("sys:protocol");
    let mut play = Play {
        client,
        steps: Vec::new(),
    };
    play.call(
        Id::ListOfAna,
        &keys.ana,
        protocol,
        "tools/list",
        None,
        json!({}),
    )
    .await?;
    play.call(
        Id::ListOfDora,
        &keys.dora,
        protocol,
        "tools/list",
        None,
        json!({}),
    )
    .await?;

    let fate = Fate::Allowed("analysts-scan-text");
    let text = json!({ "text": planted() });
    play.tool(
        Id::Scan,
        &keys.ana,
        fate,
        "secrets__scan_text",
        text.clone(),
    )
    .await?;
    let fate = Fate::Allowed("designers-design");
    let pair = json!({ "foreground": "#777", "background": "white" });
    play.tool(Id::Contrast, &keys.dora, fate, "contrast__check_pair", pair)
        .await?;
    let reads = Fate::Allowed("analysts-read-inside");
    let path = json!({ "path": "services/billing/lib.rs" });
    play.tool(Id::Outline, &keys.ana, reads, "outline__outline_file", path)
        .await?;

    let denied = Fate::Denied(None);
    play.tool(
        Id::DeniedTool,
        &keys.dora,
        denied,
        "secrets__scan_text",
        text.clone(),
    )
    .await?;
    play.tool(
        Id::UnknownTool,
        &keys.dora,
        denied,
        "secrets__nonesuch",
        text,
    )
    .await?;
    let fate = Fate::Denied(Some("no-absolute-paths"));
    let path = json!({ "path": "/etc/passwd" });
    play.tool(
        Id::DeniedPath,
        &keys.ana,
        fate,
        "outline__outline_file",
        path,
    )
    .await?;
    let fate = Fate::Waits("file-scans-need-a-lead");
    let path = json!({ "path": "services" });
    play.tool(
        Id::Approval,
        &keys.ana,
        fate,
        "secrets__scan_dir",
        path.clone(),
    )
    .await?;

    let answer = play
        .tool(
            Id::Reference,
            &keys.ana,
            reads,
            "outline__outline_dir",
            path,
        )
        .await?;
    let uri = format!("{}?bytes=0-160", reference(&answer).unwrap_or_default());
    let params = json!({ "uri": uri });
    let read = "resources/read";
    let fate = Fate::Allowed("sys:own-reference");
    play.call(
        Id::OwnRange,
        &keys.ana,
        fate,
        read,
        Some(&uri),
        params.clone(),
    )
    .await?;
    let fate = Fate::Absent("sys:own-reference");
    play.call(Id::OthersRange, &keys.ben, fate, read, Some(&uri), params)
        .await?;

    play.duplicate(&keys.ana).await?;
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
    steps: Vec<Step>,
}

impl Play<'_> {
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
    async fn duplicate(&mut self, key: &NewKey) -> Result<(), BoxError> {
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
