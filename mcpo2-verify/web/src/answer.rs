use std::error::Error as _;

use mcpo2_verify::{
    log::{Disclosed, Finding, Recorded, verify_record},
    note::Note,
    proof::Proof,
    trust::Trust,
};
use serde_json::{Value, json};

use crate::{Part, Question};

/// Answers a question, as a JSON object.
///
/// `holds` says whether all that was asked holds. If it does, `origin`, `seq`, `size`, `kind`,
/// `wall_ns`, `public`, `fields` and `cosigners` say what is proved. If not, `code` is that with
/// which the command `mcpo2-verify` exits, 2 where the question makes no sense; `attack` has a name
/// for what was found, `why` a sentence, `because` what stands behind it. Numbers that may be larger
/// than those of JavaScript are texts.
#[must_use]
pub fn answer(question: &Question) -> String {
    let answer = match verified(question) {
        Ok(proved) => proved,
        Err(Refusal::Asked(why)) => json!({
            "holds": false, "attack": null, "code": 2, "seq": null, "why": why, "because": [],
            "explanation": "What was asked makes no sense.",
        }),
        Err(Refusal::Found(finding)) => found(&finding),
    };
    answer.to_string()
}

/// Why something is not said to hold.
enum Refusal {
    /// The question makes no sense.
    Asked(String),
    /// Something does not hold.
    Found(Finding),
}

impl From<&str> for Refusal {
    fn from(why: &str) -> Self {
        Self::Asked(why.to_owned())
    }
}

fn verified(question: &Question) -> Result<Value, Refusal> {
    if question.is_overfull() {
        return Err("there is more than can be looked at".into());
    }
    let proof = question.one(Part::Proof).ok_or("one proof is needed")?;
    let body = question.one(Part::Body).ok_or("one body is needed")?;
    let trust = question.one(Part::Trust).ok_or("one key is needed")?;
    let (trust, notes, fields) = (trusted(trust)?, notes(question)?, fields(question)?);
    let proof = Proof::parse(proof).map_err(|error| {
        Refusal::Found(Finding::unreadable(format!("the proof is none: {error}")))
    })?;
    let recorded = verify_record(&proof, body, &fields, &trust, &notes).map_err(Refusal::Found)?;
    Ok(proved(&proof, &recorded, &fields))
}

fn proved(proof: &Proof, recorded: &Recorded<'_>, fields: &[Disclosed<'_>]) -> Value {
    let fields = fields.iter();
    let fields = fields.map(|field| json!({ "path": field.path, "value": field.value }));
    json!({
        "holds": true,
        "origin": proof.checkpoint().checkpoint().origin(),
        "seq": recorded.leaf.seq.to_string(),
        "size": recorded.size.to_string(),
        "kind": recorded.leaf.kind.to_string(),
        "wall_ns": recorded.leaf.wall_ns.to_string(),
        "public": recorded.body.public(),
        "fields": fields.collect::<Value>(),
        "cosigners": recorded.cosigners,
    })
}

fn found(finding: &Finding) -> Value {
    let mut because = Vec::new();
    let mut cause = finding.source();
    while let Some(error) = cause {
        because.push(error.to_string());
        cause = error.source();
    }
    json!({
        "holds": false,
        "attack": finding.attack().name(),
        "code": finding.attack().exit_code(),
        "seq": finding.seq().map(|seq| seq.to_string()),
        "why": finding.why(),
        "because": because,
        "explanation": finding.attack().explanation(),
    })
}

/// A key is one word; a policy has more.
fn trusted(bytes: &[u8]) -> Result<Trust, Refusal> {
    let text = text(bytes, "the key")?.trim();
    if text.contains(char::is_whitespace) {
        let trust = Trust::parse(bytes);
        return trust.map_err(|error| Refusal::Asked(format!("the policy is none: {error}")));
    }
    let key = text.parse();
    let key = key.map_err(|error| Refusal::Asked(format!("the key is none: {error}")))?;
    Ok(Trust::without_witnesses(key))
}

fn notes(question: &Question) -> Result<Vec<Note>, Refusal> {
    let notes = question.all(Part::Rotation).map(Note::parse);
    let notes = notes.collect::<Result<_, _>>();
    notes.map_err(|error| Refusal::Asked(format!("a rotation note is none: {error}")))
}

fn fields(question: &Question) -> Result<Vec<Disclosed<'_>>, Refusal> {
    let [paths, salts, values] =
        [Part::Path, Part::Salt, Part::Value].map(|part| question.all(part).collect::<Vec<_>>());
    if paths.len() != salts.len() || salts.len() != values.len() {
        return Err("a field has a path, a salt and a value".into());
    }
    let fields = paths.iter().zip(salts).zip(values);
    let fields = fields.map(|((path, salt), value)| {
        Ok(Disclosed {
            path: text(path, "the path of a field")?,
            salt: hex(salt).ok_or("a salt is not 32 bytes in hexadecimal digits")?,
            value: text(value, "the value of a field")?,
        })
    });
    fields.collect()
}

fn text<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, Refusal> {
    std::str::from_utf8(bytes).map_err(|_| Refusal::Asked(format!("{what} is no text")))
}

fn hex(digits: &[u8]) -> Option<[u8; 32]> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes?.try_into().ok()
}
