//! Arrays and objects.

use serde::{Serialize, ser};

use super::{serializer::Json, text};

type Result<T = ()> = std::result::Result<T, serde_json::Error>;

/// An array or object that is being written.
pub(super) struct Compound<'a> {
    to: &'a mut Vec<u8>,
    /// What stands before the next entry: the bracket before the first, a comma later.
    before: u8,
    close: &'static str,
}

impl<'a> Compound<'a> {
    pub(super) fn array(to: &'a mut Vec<u8>) -> Self {
        Self::new(to, b'[', "]")
    }

    pub(super) fn object(to: &'a mut Vec<u8>) -> Self {
        Self::new(to, b'{', "}")
    }

    fn new(to: &'a mut Vec<u8>, before: u8, close: &'static str) -> Self {
        Self { to, before, close }
    }

    /// The same as the only member of an object.
    pub(super) fn of_variant(self, name: &'static str) -> Self {
        let close = match self.before {
            b'[' => "]}",
            _ => "}}",
        };
        text::name(self.to, b'{', name);
        Self { close, ..self }
    }

    fn next(&mut self) -> Json<'_> {
        self.to.push(self.before);
        self.before = b',';
        Json(self.to)
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result {
        text::name(self.to, self.before, name);
        self.before = b',';
        value.serialize(Json(self.to))
    }

    fn finish(self) {
        if self.before != b',' {
            self.to.push(self.before);
        }
        self.to.extend_from_slice(self.close.as_bytes());
    }
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        let Json(to) = self.next();
        let start = to.len();
        key.serialize(Json(to))?;
        match to.get(start) {
            Some(b'"') => {}
            // A number, `true` or `false`: as a string.
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => {
                to.insert(start, b'"');
                to.push(b'"');
            }
            _ => return Err(ser::Error::custom("key must be a string")),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.to.push(b':');
        value.serialize(Json(self.to))
    }

    fn end(self) -> Result {
        self.finish();
        Ok(())
    }
}

macro_rules! of_values {
    ($($trait:ident::$method:ident),*) => {$(
        impl ser::$trait for Compound<'_> {
            type Ok = ();
            type Error = serde_json::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
                value.serialize(self.next())
            }

            fn end(self) -> Result {
                self.finish();
                Ok(())
            }
        }
    )*};
}

of_values! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
}

macro_rules! of_members {
    ($($trait:ident),*) => {$(
        impl ser::$trait for Compound<'_> {
            type Ok = ();
            type Error = serde_json::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result {
                self.member(name, value)
            }

            fn end(self) -> Result {
                self.finish();
                Ok(())
            }
        }
    )*};
}

of_members!(SerializeStruct, SerializeStructVariant);
