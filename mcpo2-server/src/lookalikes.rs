//! Names and titles that a reader takes for others, by UTS #39. Calls are matched by the bytes of
//! names and nothing here decides about one: it is for who approves modules.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mcpo2_core::{ItemKind, ModuleId};
use mcpo2_route::Shown;
use serde::Deserialize;
use unicode_security::{MixedScript as _, confusable_detection::skeleton};

/// Why a name is suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Why {
    /// It, or its title, holds what is not seen: controls of direction, zero width, and others.
    Invisible,
    /// A word of it, or of its title, is written in several scripts.
    MixedScripts,
    /// Another name of its kind looks the same.
    LooksAlike,
}

impl Why {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Invisible => "invisible",
            Self::MixedScripts => "mixed_scripts",
            Self::LooksAlike => "looks_alike",
        }
    }
}

/// A suspicious name of a tool or prompt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Suspicious {
    /// The name, where all that is not ASCII is escaped: it is for logs and terminals.
    pub(crate) name: String,
    pub(crate) why: Why,
}

/// What is suspicious among the names of all modules.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lookalikes(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<ModuleId, Vec<Name>>,
    found: BTreeMap<ModuleId, BTreeSet<Suspicious>>,
}

#[derive(Debug)]
struct Name {
    kind: ItemKind,
    name: Box<str>,
    /// Two names with the same one look the same.
    skeleton: Box<str>,
    /// What is suspicious of it alone.
    why: Option<Why>,
}

impl Lookalikes {
    /// Looks at what a module lists now. Gives the modules of which something else is suspicious
    /// than before, and what.
    pub(crate) fn look(
        &self,
        module: &ModuleId,
        shown: Shown<'_>,
    ) -> Vec<(ModuleId, BTreeSet<Suspicious>)> {
        let named = |kind: &ItemKind| matches!(kind, ItemKind::Tool | ItemKind::Prompt);
        let entries = shown.entries().filter(|(kind, ..)| named(kind));
        let names = entries.map(|(kind, name, json)| Name::new(kind, name, json));
        let names = names.collect();
        let mut state = self.lock();
        state.names.insert(module.clone(), names);
        let found = suspicious(&state.names);
        let before = std::mem::replace(&mut state.found, found);
        let none = BTreeSet::new();
        let of = |found: &(&ModuleId, &BTreeSet<Suspicious>)| {
            before.get(found.0).unwrap_or(&none) != found.1
        };
        let new = state.found.iter().filter(of);
        new.map(|(module, found)| (module.clone(), found.clone()))
            .collect()
    }

    /// What is suspicious of this module.
    pub(crate) fn of(&self, module: &ModuleId) -> BTreeSet<Suspicious> {
        self.lock().found.get(module).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn suspicious(names: &BTreeMap<ModuleId, Vec<Name>>) -> BTreeMap<ModuleId, BTreeSet<Suspicious>> {
    // Of each look the first name, and whether there is another.
    let mut looks: HashMap<(ItemKind, &str), (&str, bool)> = HashMap::new();
    for name in names.values().flatten() {
        let look = looks.entry((name.kind, &name.skeleton));
        let (first, shared) = look.or_insert((&name.name, false));
        *shared |= *first != &*name.name;
    }
    let alike = |name: &Name| {
        looks
            .get(&(name.kind, &*name.skeleton))
            .is_some_and(|look| look.1)
    };
    let of = |name: &Name| {
        let alike = alike(name).then_some(Why::LooksAlike);
        let why = name.why.into_iter().chain(alike);
        let name = name.name.escape_default().to_string();
        why.map(move |why| Suspicious {
            name: name.clone(),
            why,
        })
        .collect::<Vec<_>>()
    };
    let found = names.iter().map(|(module, names)| {
        let found = names.iter().flat_map(of).collect();
        (module.clone(), found)
    });
    found.collect()
}

impl Name {
    fn new(kind: ItemKind, name: &str, json: &str) -> Self {
        let titles = titles(json);
        let of_titles = titles.iter().find_map(|title| look(title, is_joiner));
        Self {
            kind,
            name: name.into(),
            skeleton: skeleton(name).collect::<String>().into(),
            why: look(name, |_| false).or(of_titles),
        }
    }
}

/// The titles of an entry: its own, and that among its annotations.
fn titles(json: &str) -> Vec<String> {
    #[derive(Default, Deserialize)]
    struct Titled {
        #[serde(default)]
        title: Option<String>,
        #[serde(default)]
        annotations: Annotations,
    }
    #[derive(Default, Deserialize)]
    struct Annotations {
        #[serde(default)]
        title: Option<String>,
    }
    let Titled { title, annotations } = serde_json::from_str(json).unwrap_or_default();
    title.into_iter().chain(annotations.title).collect()
}

fn look(text: &str, may_hold: impl Fn(char) -> bool) -> Option<Why> {
    if text.chars().any(|c| is_invisible(c) && !may_hold(c)) {
        return Some(Why::Invisible);
    }
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.any(is_mixed).then_some(Why::MixedScripts)
}

/// Whether the letters of a word are of scripts that are not written together. Latin beside
/// Chinese, Japanese or Korean is (the level "highly restrictive" of UTS #39).
fn is_mixed(word: &str) -> bool {
    if word.is_ascii() || word.is_single_script() {
        return false;
    }
    let rest: String = word.chars().filter(|c| !c.is_ascii()).collect();
    let scripts = rest.as_str().resolve_script_set();
    !(scripts.hanb || scripts.jpan || scripts.kore)
}

/// Controls of text and of its direction, marks of no width, fillers and tags.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// What text for readers needs within words and emoji: joiners, and how an emoji looks.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(name: &str, title: &str) -> Option<Why> {
        let json = serde_json::json!({ "name": name, "title": title }).to_string();
        Name::new(ItemKind::Tool, name, &json).why
    }

    #[test]
    fn what_is_not_seen_and_mixed_scripts_are_told() {
        for (name, why) in [
            ("search_files", None),
            ("caf\u{e9}", None),
            ("cafe\u{301}", None),
            ("поиск", None),
            ("search_поиск", None),
            ("検索する", None),
            ("API検索", None),
            ("get-\u{1f600}", None),
            ("sеarch", Some(Why::MixedScripts)), // Cyrillic е
            ("αdmin", Some(Why::MixedScripts)),
            ("search\u{200b}", Some(Why::Invisible)),
            ("\u{202e}hcraes", Some(Why::Invisible)),
            ("a\u{e0061}", Some(Why::Invisible)),
            ("a\u{200d}b", Some(Why::Invisible)),
            ("a\nb", Some(Why::Invisible)),
        ] {
            assert_eq!(alone(name, "Fine"), why, "{name:?}");
        }
        assert_eq!(alone("a", "\u{1f469}\u{200d}\u{1f4bb} Поиск files"), None);
        assert_eq!(alone("a", "Del\u{2066}ete"), Some(Why::Invisible));
        assert_eq!(alone("a", "Dеlete"), Some(Why::MixedScripts));
        let annotated = r#"{"name":"a","annotations":{"title":"Dеlete"}}"#;
        let annotated = Name::new(ItemKind::Tool, "a", annotated);
        assert_eq!(annotated.why, Some(Why::MixedScripts));
    }

    #[test]
    fn names_of_one_kind_that_look_the_same_are_told_of_all_their_modules() {
        let tool = |name: &str| Name::new(ItemKind::Tool, name, "{}");
        let prompt = |name: &str| Name::new(ItemKind::Prompt, name, "{}");
        let [a, b, c]: [ModuleId; 3] = ["a", "b", "c"].map(|id| id.parse().unwrap());
        let names = BTreeMap::from([
            (a.clone(), vec![tool("scope"), tool("paypal"), tool("same")]),
            (
                b.clone(),
                vec![tool("\u{455}\u{441}\u{43e}\u{440}\u{435}"), tool("same")],
            ),
            (c.clone(), vec![prompt("paypa1"), prompt("scope")]),
        ]);
        let alike = |name: &str| Suspicious {
            name: name.into(),
            why: Why::LooksAlike,
        };
        let escaped = r"\u{455}\u{441}\u{43e}\u{440}\u{435}";
        assert_eq!(
            suspicious(&names),
            BTreeMap::from([
                (a, BTreeSet::from([alike("scope")])),
                (b, BTreeSet::from([alike(escaped)])),
                (c, BTreeSet::new()),
            ])
        );
    }
}
