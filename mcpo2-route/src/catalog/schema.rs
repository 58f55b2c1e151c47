//! Schemas that do harm to who follows them. They are looked at, and nothing is fetched.

use std::{borrow::Cow, collections::HashMap};

use mcpo2_core::json::{Token, tokens, unescape};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::quarantine::Quarantine;

/// Bytes of one schema.
const MAX_BYTES: usize = 256 << 10;

/// How deep arrays and objects may nest in one.
const MAX_DEPTH: usize = 64;

/// Objects and arrays of one, with what its references stand for in their places.
const MAX_EXPANDED: u64 = 100_000;

/// Why nobody should read the schemas of this tool (JSON text), if there is a reason.
///
/// References that lead out of a schema count wherever they stand, in examples too: not all who
/// resolve them tell schemas from other values.
pub(super) fn fault(tool: &str) -> Option<Quarantine> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Tool<'a> {
        #[serde(borrow, default)]
        input_schema: Option<&'a RawValue>,
        #[serde(borrow, default)]
        output_schema: Option<&'a RawValue>,
    }
    let Ok(tool) = serde_json::from_str::<Tool<'_>>(tool) else {
        return Some(Quarantine::Unreadable);
    };
    let schemas = [tool.input_schema, tool.output_schema];
    let schemas = schemas.into_iter().flatten();
    schemas
        .map(RawValue::get)
        .find_map(|schema| look(schema).err())
}

fn look(schema: &str) -> Result<(), Quarantine> {
    if schema.len() > MAX_BYTES {
        return Err(Quarantine::TooLarge);
    }
    let mut graph = Graph::read(schema)?;
    graph.resolve()?;
    if graph.is_endless() {
        return Err(Quarantine::Endless);
    }
    match graph.expanded() > MAX_EXPANDED {
        true => Err(Quarantine::Explosive),
        false => Ok(()),
    }
}

/// The objects and arrays of a schema, and which leads to which. The first is the schema itself.
#[derive(Default)]
struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    anchors: HashMap<Cow<'a, str>, usize>,
    references: Vec<(usize, Cow<'a, str>)>,
}

#[derive(Default)]
struct Node<'a> {
    edges: Vec<Edge<'a>>,
    /// Whether what is in it is about the same value as what it is in: `allOf` and its like.
    gathers: bool,
}

struct Edge<'a> {
    /// The key or the index; none for what a reference leads to.
    name: Option<Cow<'a, str>>,
    to: usize,
    /// Whether both are about the same value: who follows such edges in a circle never ends.
    in_place: bool,
}

/// Keywords whose schemas are about the value that the schema itself is about.
const IN_PLACE: [&str; 9] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
];

impl<'a> Graph<'a> {
    fn read(schema: &'a str) -> Result<Self, Quarantine> {
        let mut graph = Self::default();
        let (mut open, mut key): (Vec<usize>, Option<Cow<'a, str>>) = (Vec::new(), None);
        for token in tokens(schema) {
            match token.map_err(|_| Quarantine::Unreadable)? {
                Token::Object | Token::Array => {
                    if open.len() >= MAX_DEPTH {
                        return Err(Quarantine::TooDeep);
                    }
                    open.push(graph.enter(open.last().copied(), key.take()));
                }
                Token::End => drop(open.pop()),
                Token::Key(raw) => key = Some(unescape(raw).ok_or(Quarantine::Unreadable)?),
                Token::Text(raw) => {
                    if let (Some(key), Some(&at)) = (key.take(), open.last()) {
                        let text = unescape(raw).ok_or(Quarantine::Unreadable)?;
                        graph.note(at, &key, text);
                    }
                }
                Token::Word(_) => key = None,
            }
        }
        Ok(graph)
    }

    /// Adds what begins under `key`, or as the next of an array.
    fn enter(&mut self, above: Option<usize>, key: Option<Cow<'a, str>>) -> usize {
        let at = self.nodes.len();
        let (mut gathers, keyword) = (false, key.as_deref().is_some_and(is_in_place));
        if let Some(above) = above.and_then(|above| self.nodes.get_mut(above)) {
            let name = key.unwrap_or_else(|| above.edges.len().to_string().into());
            let holds = matches!(
                &*name,
                "allOf" | "anyOf" | "oneOf" | "dependentSchemas" | "dependencies"
            );
            gathers = keyword && holds && !above.gathers;
            above.edges.push(Edge {
                name: Some(name),
                to: at,
                in_place: keyword || above.gathers,
            });
        }
        let edges = Vec::new();
        self.nodes.push(Node { edges, gathers });
        at
    }

    fn note(&mut self, at: usize, key: &str, text: Cow<'a, str>) {
        match key {
            "$ref" | "$dynamicRef" | "$recursiveRef" => self.references.push((at, text)),
            "$anchor" | "$dynamicAnchor" => drop(self.anchors.insert(text, at)),
            _ => {}
        }
    }

    /// Finds what references lead to. One that leads nowhere does no harm.
    fn resolve(&mut self) -> Result<(), Quarantine> {
        for (at, reference) in std::mem::take(&mut self.references) {
            let fragment = match reference.strip_prefix('#') {
                Some(fragment) => fragment,
                None if reference.is_empty() => "",
                None => return Err(Quarantine::RemoteReference),
            };
            let to = self.find(&decoded(fragment));
            if let (Some(to), Some(node)) = (to, self.nodes.get_mut(at)) {
                node.edges.push(Edge {
                    name: None,
                    to,
                    in_place: true,
                });
            }
        }
        Ok(())
    }

    fn find(&self, fragment: &str) -> Option<usize> {
        let Some(pointer) = fragment.strip_prefix('/') else {
            return match fragment {
                "" => Some(0),
                anchor => self.anchors.get(anchor).copied(),
            };
        };
        pointer.split('/').try_fold(0, |at, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            let mut edges = self.nodes.get(at)?.edges.iter();
            let found = edges.find(|edge| edge.name.as_deref() == Some(&*step));
            found.map(|edge| edge.to)
        })
    }

    /// Whether who looks at one value is led in a circle.
    fn is_endless(&self) -> bool {
        let mut is_circle = false;
        self.walk(
            |edge| edge.in_place,
            |step| is_circle |= matches!(step, Step::Back(_)),
        );
        is_circle
    }

    /// How many objects and arrays there are where each reference is replaced by what it leads to;
    /// one that leads back to where it stands counts as one.
    fn expanded(&self) -> u64 {
        let mut sizes = vec![1_u64; self.nodes.len()];
        self.walk(
            |_| true,
            |step| {
                let (at, more) = match step {
                    Step::Back(at) => (at, 1),
                    Step::Over(at, to) => (at, sizes.get(to).copied().unwrap_or(1)),
                };
                if let Some(size) = sizes.get_mut(at) {
                    *size = size.saturating_add(more);
                }
            },
        );
        sizes.first().copied().unwrap_or_default()
    }

    /// Follows such edges from every node, depth first and each once.
    fn walk(&self, follow: impl Fn(&Edge<'_>) -> bool, mut step: impl FnMut(Step)) {
        let mut states = vec![State::New; self.nodes.len()];
        for start in 0..self.nodes.len() {
            let mut path = vec![(start, 0)];
            if !begin(&mut states, start) {
                continue;
            }
            while let Some((at, next)) = path.last_mut() {
                let at = *at;
                let edge = self.nodes.get(at).and_then(|node| node.edges.get(*next));
                *next += 1;
                let Some(edge) = edge else {
                    path.pop();
                    if let Some(state) = states.get_mut(at) {
                        *state = State::Done;
                    }
                    if let Some((above, _)) = path.last() {
                        step(Step::Over(*above, at));
                    }
                    continue;
                };
                if !follow(edge) {
                    continue;
                }
                match states.get(edge.to).copied() {
                    Some(State::Open) => step(Step::Back(at)),
                    Some(State::Done) => step(Step::Over(at, edge.to)),
                    _ if begin(&mut states, edge.to) => path.push((edge.to, 0)),
                    _ => {}
                }
            }
        }
    }
}

/// One edge of a walk.
enum Step {
    /// From here to what is on the way here.
    Back(usize),
    /// From the first to the second, which is done.
    Over(usize, usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

fn begin(states: &mut [State], at: usize) -> bool {
    let state = states.get_mut(at).filter(|state| **state == State::New);
    state.map(|state| *state = State::Open).is_some()
}

fn is_in_place(key: &str) -> bool {
    IN_PLACE.contains(&key)
}

/// The fragment of a URI without its percent signs.
fn decoded(fragment: &str) -> Cow<'_, str> {
    if !fragment.contains('%') {
        return Cow::Borrowed(fragment);
    }
    let (mut out, mut rest) = (Vec::new(), fragment.as_bytes());
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = behind.first_chunk::<2>();
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        (out, rest) = match (byte, value) {
            (b'%', Some(value)) => {
                out.push(value);
                (out, behind.get(2..).unwrap_or_default())
            }
            _ => {
                out.push(byte);
                (out, behind)
            }
        };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(schema: &str) -> Option<Quarantine> {
        super::fault(&format!(r#"{{"name":"t","inputSchema":{schema}}}"#))
    }

    /// Definitions of which each refers to the next as often as `each` says.
    fn chain(length: usize, each: usize) -> String {
        let reference = |to: usize| format!(r##"{{"$ref":"#/$defs/d{to}"}}"##);
        let definition = |n: usize| {
            let references = vec![reference(n + 1); each].join(",");
            format!(r#""d{n}":{{"allOf":[{references}]}}"#)
        };
        let mut all: Vec<_> = (0..length).map(definition).collect();
        all.push(format!(r#""d{length}":{{}}"#));
        format!(r#"{{"$defs":{{{}}}}}"#, all.join(","))
    }

    #[test]
    fn what_can_be_followed_is_left_alone() {
        for fine in [
            "{}",
            "true",
            r#"{"maximum":1e400,"type":["object","null"]}"#,
            r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://example.com/a"}"#,
            // What is defined once and used twice, and a tree.
            r##"{"$defs":{"a":{"type":"string"}},"properties":{"x":{"$ref":"#/$defs/a"},"y":{"$ref":"#/$defs/a"}}}"##,
            r##"{"properties":{"children":{"items":{"$ref":"#"}}}}"##,
            r##"{"$defs":{"n":{"$anchor":"n","anyOf":[{"type":"null"},{"properties":{"next":{"$ref":"#n"}}}]}},"$ref":"#n"}"##,
            r##"{"properties":{"next":{"$dynamicRef":"#n"},"$ref":{"type":"string"}},"$dynamicAnchor":"n"}"##,
            r##"{"$ref":"#/$defs/nowhere","allOf":[{"$ref":"#none"}]}"##,
            r##"{"properties":{"allOf":{"items":{"$ref":"#"}}},"enum":["$ref","http://example.com"]}"##,
        ] {
            assert_eq!(fault(fine), None, "{fine}");
        }
        assert_eq!(super::fault(r#"{"name":"t"}"#), None);
        assert_eq!(fault(&chain(12, 2)), None);
        assert_eq!(fault(&chain(200, 1)), None);
    }

    #[test]
    fn a_reference_that_leads_elsewhere_is_found_wherever_it_stands() {
        for elsewhere in [
            r#"{"$ref":"http://127.0.0.1/x"}"#,
            r#"{"$ref":"HTTPS://example.com/x#/a"}"#,
            r#"{"$ref":"file:///etc/passwd"}"#,
            r#"{"$ref":"//example.com/x"}"#,
            r#"{"$ref":"other.json"}"#,
            r#"{"$ref":"?x"}"#,
            r#"{"$re\u0066":"http:\u002f/example.com"}"#,
            r#"{"properties":{"a":{"items":[{"$dynamicRef":"a#b"}]}}}"#,
            r#"{"$recursiveRef":"a"}"#,
            r#"{"examples":[{"$ref":"http://example.com"}]}"#,
        ] {
            assert_eq!(
                fault(elsewhere),
                Some(Quarantine::RemoteReference),
                "{elsewhere}"
            );
        }
        let tool = r#"{"name":"t","inputSchema":{},"outputSchema":{"$ref":"a"}}"#;
        assert_eq!(super::fault(tool), Some(Quarantine::RemoteReference));
    }

    #[test]
    fn who_is_led_in_a_circle_never_ends() {
        for circle in [
            r##"{"$ref":"#"}"##,
            r##"{"$ref":""}"##,
            r##"{"$ref":"#/"}"##.replace("#/", "#").as_str(),
            r##"{"allOf":[{"not":{"$ref":"#"}}]}"##,
            r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"anyOf":[{"$ref":"#/%24defs/a"}]}}}"##,
            r##"{"$defs":{"a/b":{"if":{"$ref":"#/$defs/a~1b"}}}}"##,
            r##"{"dependentSchemas":{"x":{"$ref":"#"}}}"##,
            r##"{"properties":{"p":{"$anchor":"p","oneOf":[{"$ref":"#p"}]}}}"##,
        ] {
            assert_eq!(fault(circle), Some(Quarantine::Endless), "{circle}");
        }
    }

    #[test]
    fn what_is_too_much_is_left_out() {
        assert_eq!(fault(&chain(17, 2)), Some(Quarantine::Explosive));
        assert_eq!(fault(&chain(100, 9)), Some(Quarantine::Explosive));
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(fault(&nested(MAX_DEPTH)), None);
        assert_eq!(fault(&nested(MAX_DEPTH + 1)), Some(Quarantine::TooDeep));
        let long = |bytes: usize| format!(r#""{}""#, "a".repeat(bytes - 2));
        assert_eq!(fault(&long(MAX_BYTES)), None);
        assert_eq!(fault(&long(MAX_BYTES + 1)), Some(Quarantine::TooLarge));
        assert_eq!(super::fault("7"), Some(Quarantine::Unreadable));
        assert_eq!(fault(r#"{"$ref":"\ud800"}"#), Some(Quarantine::Unreadable));
    }

    /// Schemas of few keywords, where references find each other.
    fn any_schema() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("{}".to_owned()),
            "(#|#/\\$defs/[ab]|#x|#/allOf/0)".prop_map(|to| format!(r#"{{"$ref":"{to}"}}"#)),
            Just(r#"{"$anchor":"x"}"#.to_owned()),
        ];
        leaf.prop_recursive(4, 32, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone())
                    .prop_map(|(a, b)| format!(r#"{{"$defs":{{"a":{a},"b":{b}}},"items":{a}}}"#)),
                (inner.clone(), inner.clone())
                    .prop_map(|(a, b)| format!(r#"{{"allOf":[{a},{b}]}}"#)),
                inner.prop_map(|a| format!(r#"{{"properties":{{"p":{a}}}}}"#)),
            ]
        })
    }

    /// Follows the keywords that are about one value as one who checks it would.
    fn ends(schema: &serde_json::Value, root: &serde_json::Value, steps: &mut usize) -> bool {
        *steps += 1;
        if *steps > 5_000 {
            return false;
        }
        let anchored = |value: &serde_json::Value| value["$anchor"] == "x";
        let target = match schema["$ref"].as_str() {
            Some("#x") => first(root, &anchored),
            Some(pointer) => root.pointer(&pointer[1..]),
            None => None,
        };
        let of_all = schema["allOf"].as_array().into_iter().flatten();
        of_all.chain(target).all(|next| ends(next, root, steps))
    }

    fn first<'a>(
        value: &'a serde_json::Value,
        wanted: &impl Fn(&serde_json::Value) -> bool,
    ) -> Option<&'a serde_json::Value> {
        let below = match value {
            serde_json::Value::Object(members) => members.values().collect(),
            serde_json::Value::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        };
        let mut below = below.into_iter();
        wanted(value)
            .then_some(value)
            .or_else(|| below.find_map(|value| first(value, wanted)))
    }

    proptest! {
        #[test]
        fn whatever_the_text_there_is_an_end_to_the_look(text in "\\PC{0,64}") {
            let _ = super::fault(&text);
            let _ = look(&text);
        }

        #[test]
        fn a_schema_that_is_let_through_can_be_followed_to_its_end(schema in any_schema()) {
            prop_assume!(schema.matches("$anchor").count() < 2);
            if fault(&schema).is_none() {
                let root: serde_json::Value = serde_json::from_str(&schema).unwrap();
                let mut nodes = vec![&root];
                while let Some(node) = nodes.pop() {
                    prop_assert!(ends(node, &root, &mut 0), "{schema}");
                    match node {
                        serde_json::Value::Object(members) => nodes.extend(members.values()),
                        serde_json::Value::Array(items) => nodes.extend(items),
                        _ => {}
                    }
                }
            }
        }
    }
}
