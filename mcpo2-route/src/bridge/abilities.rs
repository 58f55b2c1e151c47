use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// What a client can be asked while a request of it is under way, in its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Abilities(BTreeMap<&'static str, Box<str>>);

/// What can be asked, and the capability that says so.
const QUESTIONS: [(&str, &str); 3] = [
    ("elicitation/create", "elicitation"),
    ("sampling/createMessage", "sampling"),
    ("roots/list", "roots"),
];

impl Abilities {
    /// Picks from the capabilities of a client (JSON text) those that let it be asked.
    pub(crate) fn of(capabilities: &str) -> Self {
        let all: BTreeMap<String, &RawValue> =
            serde_json::from_str(capabilities).unwrap_or_default();
        let picked = QUESTIONS.into_iter().filter_map(|(_, ability)| {
            let said = all.get(ability)?.get();
            said.starts_with('{').then(|| (ability, said.into()))
        });
        Self(picked.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The capabilities as JSON text.
    pub(crate) fn json(&self) -> String {
        let members = self.0.iter();
        let members: Vec<_> = members
            .map(|(ability, said)| format!("\"{ability}\":{said}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    /// Whether the client said that it can be asked this.
    pub(crate) fn allow(&self, method: &str) -> bool {
        ability(method).is_some_and(|ability| self.0.contains_key(ability))
    }
}

/// The capability that a client needs to be asked this; none where no client can be.
pub(crate) fn ability(method: &str) -> Option<&'static str> {
    let known = QUESTIONS.into_iter().find(|(known, _)| *known == method);
    known.map(|(_, ability)| ability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_be_asked_what_it_says_and_no_more() {
        let said = r#"{"roots":{"listChanged":true},"sampling":null,"x":1e400,"elicitation":{}}"#;
        let abilities = Abilities::of(said);
        assert!(abilities.allow("roots/list") && abilities.allow("elicitation/create"));
        assert!(!abilities.allow("sampling/createMessage") && !abilities.allow("tools/list"));
        assert_eq!(
            abilities.json(),
            r#"{"elicitation":{},"roots":{"listChanged":true}}"#
        );
        assert!(Abilities::of("{}").is_empty() && Abilities::of("x").is_empty());
    }
}
