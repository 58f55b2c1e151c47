//! Where the parts of a message stand, found in the one pass that checks it.

use std::ops::Range;

use super::meta::{Known, Places};
use crate::json::{self, Fault, Note};

/// Where the members of a message stand that a gateway reads.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) envelope: Envelope,
    pub(super) params: Params,
    /// `isError` of a result.
    pub(super) is_error: Place,
    /// `code` of an error.
    pub(super) code: Place,
    /// The members of `_meta`, counted from where the message begins.
    known: Places,
    /// The member of the envelope that is being read, and the member of that.
    within: (Option<Part>, Option<Part>),
}

/// Where a value stands, without the space around it.
pub(super) type Place = Option<Range<usize>>;

/// The members of the message itself.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    pub(super) jsonrpc: Place,
    pub(super) id: Place,
    pub(super) method: Place,
    pub(super) params: Place,
    pub(super) result: Place,
    pub(super) error: Place,
}

/// The members of `params`, or of the `ref` in them.
#[derive(Debug, Default)]
pub(super) struct Params {
    pub(super) name: Place,
    pub(super) uri: Place,
    pub(super) reference: Place,
    pub(super) task: Place,
    pub(super) arguments: Place,
    pub(super) meta: Place,
}

/// A member that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Jsonrpc,
    Id,
    Method,
    Params,
    Result,
    Error,
    Name,
    Uri,
    Reference,
    Task,
    Arguments,
    Meta,
    IsError,
    Code,
    Known(Known),
}

impl Outline {
    /// Checks a message and finds its parts.
    pub(super) fn read(bytes: &[u8]) -> Result<(&str, Self), Fault> {
        // Its places are numbers of 32 bits.
        if u32::try_from(bytes.len()).is_err() {
            return Err(Fault::new("longer than 4 GiB", bytes.len()));
        }
        let mut outline = Self::default();
        let text = json::check_noting(bytes, &mut outline)?;
        Ok((text, outline))
    }

    /// The members of `_meta`, counted from where that begins.
    pub(super) fn known(&self) -> Places {
        let meta = self.params.meta.as_ref();
        let start = meta.and_then(|at| u32::try_from(at.start).ok());
        start.map_or_else(Places::default, |start| {
            self.known.moved(|at| at.saturating_sub(start))
        })
    }

    fn place(&mut self, part: Part) -> Option<&mut Place> {
        let (envelope, params) = (&mut self.envelope, &mut self.params);
        Some(match part {
            Part::Jsonrpc => &mut envelope.jsonrpc,
            Part::Id => &mut envelope.id,
            Part::Method => &mut envelope.method,
            Part::Params => &mut envelope.params,
            Part::Result => &mut envelope.result,
            Part::Error => &mut envelope.error,
            Part::Name => &mut params.name,
            Part::Uri => &mut params.uri,
            Part::Reference => &mut params.reference,
            Part::Task => &mut params.task,
            Part::Arguments => &mut params.arguments,
            Part::Meta => &mut params.meta,
            Part::IsError => &mut self.is_error,
            Part::Code => &mut self.code,
            Part::Known(_) => return None,
        })
    }
}

impl Note for Outline {
    type Member = Part;

    fn member(&mut self, depth: usize, key: &str) -> Option<Part> {
        match depth {
            1 => {
                self.within = (Part::of_message(key), None);
                self.within.0
            }
            2 => {
                self.within.1 = self.within.0.and_then(|outer| Part::within(outer, key));
                self.within.1
            }
            3 if self.within.1 == Some(Part::Meta) => Known::of(key).map(Part::Known),
            _ => None,
        }
    }

    fn value(&mut self, member: Part, at: Range<usize>) {
        match (member, self.place(member)) {
            (Part::Known(known), _) => self.known.note(known, at),
            (_, Some(place)) => *place = Some(at),
            (_, None) => {}
        }
    }
}

impl Part {
    fn of_message(key: &str) -> Option<Self> {
        Some(match key {
            "jsonrpc" => Self::Jsonrpc,
            "id" => Self::Id,
            "method" => Self::Method,
            "params" => Self::Params,
            "result" => Self::Result,
            "error" => Self::Error,
            _ => return None,
        })
    }

    fn within(outer: Self, key: &str) -> Option<Self> {
        Some(match (outer, key) {
            (Self::Params, "name") => Self::Name,
            (Self::Params, "uri") => Self::Uri,
            (Self::Params, "ref") => Self::Reference,
            (Self::Params, "taskId") => Self::Task,
            (Self::Params, "arguments") => Self::Arguments,
            (Self::Params, "_meta") => Self::Meta,
            (Self::Result, "isError") => Self::IsError,
            (Self::Error, "code") => Self::Code,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_their_names_however_these_are_written_and_nowhere_else() {
        let text = r#" { "x":{"params":1,"name":2}, "\u0070arams" : { "arguments":{"name":3,"_meta":{}} ,"n\u0061me" :"a" , "_meta":{"k":[1]}}, "id":-7 }"#;
        let (_, outline) = Outline::read(text.as_bytes()).unwrap();
        let part = |place: &Place| place.as_ref().and_then(|at| text.get(at.clone()));
        assert_eq!(part(&outline.envelope.id), Some("-7"));
        assert_eq!(part(&outline.params.name), Some("\"a\""));
        assert_eq!(
            part(&outline.params.arguments),
            Some(r#"{"name":3,"_meta":{}}"#)
        );
        assert_eq!(part(&outline.params.meta), Some(r#"{"k":[1]}"#));
        assert_eq!(part(&outline.envelope.method), None);
        let known = |text: &str| {
            let (_, outline) = Outline::read(text.as_bytes()).unwrap();
            let meta = outline.params.meta.clone().unwrap_or_default();
            let meta = text.as_bytes().get(meta).unwrap();
            outline.known().meta(meta).traceparent().map(str::to_owned)
        };
        let said = r#"{"params":{"x":{"traceparent":1},"_meta":{"y":{"traceparent":2},"tr\u0061ceparent" : [3] }}}"#;
        assert_eq!(known(said).as_deref(), Some("[3]"));
        for elsewhere in [
            r#"{"params":{"_meta":{},"x":{"traceparent":1}}}"#,
            r#"{"params":{"_meta":{}},"x":{"y":{"traceparent":1}}}"#,
            r#"{"params":{"_meta":{}},"x":[{"traceparent":1}]}"#,
            r#"{"params":{"_meta":[{"traceparent":1}]}}"#,
            r#"{"params":[{"_meta":{"traceparent":1}}]}"#,
            r#"{"result":{"_meta":{"traceparent":1}}}"#,
        ] {
            assert_eq!(known(elsewhere), None, "{elsewhere}");
        }
        let (_, outline) = Outline::read(br#"[{"id":1,"params":{"name":2}}]"#).unwrap();
        assert_eq!((outline.envelope.id, outline.params.name), (None, None));
    }
}
