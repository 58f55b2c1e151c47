//! Arguments that are also said in headers: `x-mcp-header` in the schema of a tool (SEP-2243).

mod annotation;

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use mcpo2_core::{Error, ErrorKind};
use serde_json::value::RawValue;

use crate::upstream::ForwardHeaders;

/// Which arguments of a tool are said in a header too, and in which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters(Vec<Parameter>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parameter {
    /// The names of the properties from the arguments to this one.
    path: Vec<String>,
    header: HeaderName,
}

impl Parameters {
    /// Reads the entry of a tool in a list.
    ///
    /// # Errors
    ///
    /// Why a client must not use the tool.
    pub(crate) fn of(tool: &str) -> Result<Self, &'static str> {
        // Few tools have any, and theirs is the only schema that is looked into.
        if !tool.contains(annotation::KEY) && !tool.contains("\\u") {
            return Ok(Self::default());
        }
        annotation::read(tool).map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the headers say what the arguments (JSON text) say: each of them, once, or not at
    /// all where the argument is not there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::HeaderMismatch`].
    pub(crate) fn check(
        &self,
        headers: &ForwardHeaders,
        arguments: Option<&[u8]>,
    ) -> Result<(), Error> {
        self.0.iter().try_for_each(|one| {
            let wrong = |what: &str| {
                let message = format!("the header `{}` {what}", one.header);
                Error::new(ErrorKind::HeaderMismatch, message)
            };
            let said = single(headers.as_map(), &one.header).map_err(wrong)?;
            match (said, one.value(arguments)) {
                (None, None) => Ok(()),
                (Some(_), None) => Err(wrong("is for an argument that is not there")),
                (None, Some(_)) => Err(wrong("is missing")),
                (Some(said), Some(value)) if value.is_said_by(&said) => Ok(()),
                (Some(_), Some(_)) => Err(wrong("does not match the body")),
            }
        })
    }

    /// The headers that go on, where those for arguments say what the arguments (JSON text) say
    /// that go on.
    pub(crate) fn mirror(
        &self,
        headers: &ForwardHeaders,
        arguments: Option<&[u8]>,
    ) -> ForwardHeaders {
        let mut all = headers.as_map().clone();
        for one in &self.0 {
            all.remove(&one.header);
            let value = one.value(arguments).map(|value| encode(value.text()));
            if let Some(Ok(value)) = value.map(|value| HeaderValue::from_str(&value)) {
                all.insert(one.header.clone(), value);
            }
        }
        ForwardHeaders::pick(&all)
    }
}

/// The value of an argument that a header can say.
enum Primitive<'a> {
    Text(String),
    Word(&'a str),
    Number(&'a str),
}

impl Primitive<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Word(text) | Self::Number(text) => text,
        }
    }

    /// Two writings of one number say the same; of all else only the very same does.
    fn is_said_by(&self, said: &str) -> bool {
        let number = |text: &str| {
            let first = text.bytes().next().unwrap_or_default();
            let value = text.parse::<f64>().ok();
            value.filter(|value| value.abs() < EXACT && (first == b'-' || first.is_ascii_digit()))
        };
        match self {
            Self::Number(written) if *written != said => {
                number(written).is_some_and(|value| number(said) == Some(value))
            }
            other => other.text() == said,
        }
    }
}

/// Below this each whole number has a double of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Parameter {
    fn value<'a>(&self, arguments: Option<&'a [u8]>) -> Option<Primitive<'a>> {
        let mut value = std::str::from_utf8(arguments?).ok()?;
        for name in &self.path {
            let members: BTreeMap<Cow<'a, str>, &'a RawValue> = serde_json::from_str(value).ok()?;
            value = members.get(name.as_str())?.get();
        }
        match value.trim().as_bytes().first()? {
            b'"' => serde_json::from_str(value).ok().map(Primitive::Text),
            b't' | b'f' => Some(Primitive::Word(value)),
            b'-' | b'0'..=b'9' => Some(Primitive::Number(value)),
            _ => None,
        }
    }
}

/// The one value of a header, decoded.
fn single(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, &'static str> {
    let mut values = headers.get_all(name).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().map_err(|_| "is not ASCII")?,
        (Some(_), Some(_)) => return Err("stands twice"),
    };
    let value = value.trim_matches([' ', '\t']);
    let wrapped = value.strip_prefix("=?base64?");
    let Some(inner) = wrapped.and_then(|value| value.strip_suffix("?=")) else {
        return Ok(Some(value.to_owned()));
    };
    let decoded = BASE64_STANDARD.decode(inner).ok();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some).ok_or("is no Base64 of UTF-8")
}

/// The value as it is, or in Base64 where a header would not keep it.
pub(crate) fn encode(value: &str) -> String {
    let bytes = value.as_bytes();
    let visible = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let edged = value.starts_with(' ') || value.ends_with(' ');
    let looks_encoded = value.starts_with("=?base64?") && value.ends_with("?=");
    match visible && !edged && !looks_encoded {
        true => value.to_owned(),
        false => format!("=?base64?{}?=", BASE64_STANDARD.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOL: &str = r#"{"name":"t","inputSchema":{"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"},
        "count":{"type":"integer","x-mcp-header":"Count"},
        "flag":{"type":"boolean","x-mcp-header":"Flag"},
        "deep":{"type":"object","properties":{"er":{"type":"string","x-mcp-header":"Deeper"}}}}}}"#;

    fn headers(all: &[(&'static str, &str)]) -> ForwardHeaders {
        let mut map = HeaderMap::new();
        for (name, value) in all {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            map.append(HeaderName::from_static(name), value);
        }
        ForwardHeaders::pick(&map)
    }

    #[test]
    fn headers_that_say_what_the_arguments_say_pass_and_no_others() {
        let parameters = Parameters::of(TOOL).unwrap();
        let check = |all: &[(&'static str, &str)], arguments: &str| {
            parameters.check(&headers(all), Some(arguments.as_bytes()))
        };
        let region = "mcp-param-region";
        for (all, arguments) in [
            (&[] as &[_], "{}"),
            (&[], r#"{"region":null,"deep":{}}"#),
            (&[(region, "eu")], r#"{"r\u0065gion":"e\u0075"}"#),
            (&[(region, " eu ")], r#"{"region":"eu"}"#),
            (&[(region, "=?base64?w6Q=?=")], r#"{"region":"ä"}"#),
            (&[(region, "")], r#"{"region":""}"#),
            (&[("mcp-param-count", "42")], r#"{"count":42}"#),
            (&[("mcp-param-count", "42")], r#"{"count": 4.2e1 }"#),
            (
                &[("mcp-param-count", "99999999999999999999")],
                r#"{"count":99999999999999999999}"#,
            ),
            (&[("mcp-param-flag", "true")], r#"{"flag":true}"#),
            (&[("mcp-param-deeper", "x")], r#"{"deep":{"er":"x"}}"#),
            (&[("mcp-param-other", "x")], "{}"),
        ] {
            assert!(check(all, arguments).is_ok(), "{all:?} {arguments}");
        }
        for (all, arguments) in [
            (&[(region, "eu")] as &[_], "{}"),
            (&[(region, "eu")], r#"{"region":null}"#),
            (&[(region, "eu")], r#"{"region":["eu"]}"#),
            (&[], r#"{"region":"eu"}"#),
            (&[(region, "us")], r#"{"region":"eu"}"#),
            (&[(region, "EU")], r#"{"region":"eu"}"#),
            (&[(region, "eu"), (region, "eu")], r#"{"region":"eu"}"#),
            (&[(region, "=?base64?***?=")], r#"{"region":"eu"}"#),
            (&[(region, "ä")], r#"{"region":"ä"}"#),
            (&[("mcp-param-count", "43")], r#"{"count":42}"#),
            (&[("mcp-param-count", "inf")], r#"{"count":1e999}"#),
            (
                &[("mcp-param-count", "99999999999999999998")],
                r#"{"count":99999999999999999999}"#,
            ),
            (&[("mcp-param-flag", "True")], r#"{"flag":true}"#),
            (&[("mcp-param-deeper", "y")], r#"{"deep":{"er":"x"}}"#),
        ] {
            let error = check(all, arguments).expect_err(arguments);
            assert_eq!(error.kind(), ErrorKind::HeaderMismatch);
        }
    }

    #[test]
    fn what_goes_on_is_said_by_the_arguments_that_go_on() {
        let parameters = Parameters::of(TOOL).unwrap();
        let said = headers(&[
            ("mcp-param-region", "eu"),
            ("mcp-param-flag", "true"),
            ("mcp-param-other", "x"),
            ("traceparent", "00"),
        ]);
        let arguments = r#"{"region":" ä\r\n","count":7}"#;
        let mirrored = parameters.mirror(&said, Some(arguments.as_bytes()));
        let value = |name: &str| mirrored.as_map().get(name).map(|v| v.to_str().unwrap());
        assert_eq!(value("mcp-param-region"), Some("=?base64?IMOkDQo=?="));
        assert_eq!(value("mcp-param-count"), Some("7"));
        assert_eq!(value("mcp-param-flag"), None);
        assert_eq!(value("mcp-param-other"), Some("x"));
        assert_eq!(value("traceparent"), Some("00"));
    }

    #[test]
    fn an_argument_of_many_levels_or_none_is_read_without_harm() {
        let parameters = Parameters::of(TOOL).unwrap();
        for arguments in [
            None,
            Some(b"".as_slice()),
            Some(b"[]"),
            Some(b"\xff"),
            Some(b"7"),
        ] {
            assert!(
                parameters
                    .check(&ForwardHeaders::default(), arguments)
                    .is_ok()
            );
        }
    }
}
