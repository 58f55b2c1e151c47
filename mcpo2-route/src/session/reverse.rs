use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use mcpo2_core::{Id, Message, Method, ModuleId, Request};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Requests of modules that the client has yet to answer, by the ids that the client knows.
///
/// Modules choose ids without knowing of each other, so two of them may ask under the same one.
/// The second then gets another towards the client, and its own back with the answer.
#[derive(Debug, Default)]
pub(super) struct Reverse(HashMap<Id, Asked>);

/// Who asked, and under which id of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) module: ModuleId,
    pub(super) id: Id,
}

/// More than this many at once, of all modules, find no answer.
const MAX_OPEN: usize = 1024;

impl Reverse {
    /// A message of a module as the client gets it.
    pub(super) fn outgoing(&mut self, module: &ModuleId, message: &Bytes) -> Bytes {
        let Ok(Message::Request(request)) = Message::parse(message.clone()) else {
            return message.clone();
        };
        let changed = match request.id() {
            Some(id) => self.ask(module, id, &request),
            None if *request.method() == Method::Cancelled => self.cancel(module, &request),
            None => None,
        };
        changed.unwrap_or_else(|| message.clone())
    }

    /// Whether as many questions are open as there may be.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX_OPEN
    }

    /// Takes out who asked what the client answers.
    pub(super) fn answered(&mut self, id: &Id) -> Option<Asked> {
        self.0.remove(id)
    }

    /// The request under another id, where its own is taken.
    fn ask(&mut self, module: &ModuleId, id: &Id, request: &Request) -> Option<Bytes> {
        let asked = Asked {
            module: module.clone(),
            id: id.clone(),
        };
        let known = self.free(&asked);
        if self.0.len() < MAX_OPEN {
            self.0.insert(known.clone(), asked);
        }
        (known != *id).then(|| request.with_id(&known).bytes().clone())
    }

    /// An id that the client has from nobody else.
    fn free(&self, asked: &Asked) -> Id {
        let minted = (0..=self.0.len()).map(|n| Id::string(&format!("{}/{n}", asked.module)));
        let fits = |id: &Id| self.0.get(id).is_none_or(|known| known == asked);
        let mut ids = std::iter::once(asked.id.clone()).chain(minted);
        ids.find(fits).unwrap_or_else(|| asked.id.clone())
    }

    /// The module takes a question back: under the id that the client has it by.
    fn cancel(&self, module: &ModuleId, notification: &Request) -> Option<Bytes> {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, rename = "requestId")]
            request: &'a RawValue,
        }
        let params: Params<'_> = serde_json::from_slice(notification.params()?).ok()?;
        let own = params.request.get();
        let mut open = self.0.iter();
        let is_it = |asked: &Asked| asked.module == *module && asked.id.as_json() == own;
        let (known, _) = open.find(|(known, asked)| is_it(asked) && known.as_json() != own)?;
        let bytes = notification.bytes();
        let start = own.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
        let mut out = BytesMut::from(bytes.get(..start)?);
        out.extend_from_slice(known.as_json().as_bytes());
        out.extend_from_slice(bytes.get(start + own.len()..)?);
        Some(out.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(reverse: &mut Reverse, module: &str, message: &str) -> String {
        let module = module.parse().unwrap();
        let out = reverse.outgoing(&module, &Bytes::copy_from_slice(message.as_bytes()));
        String::from_utf8(out.to_vec()).unwrap()
    }

    const ROOTS: &str = r#"{ "id":0,"z":1.0,"method":"roots/list","jsonrpc":"2.0"}"#;

    #[test]
    fn one_module_keeps_its_ids_and_of_two_the_second_gets_another() {
        let mut reverse = Reverse::default();
        assert_eq!(ask(&mut reverse, "alpha", ROOTS), ROOTS);
        // What is sent again, to a client that comes back, is the same again.
        assert_eq!(ask(&mut reverse, "alpha", ROOTS), ROOTS);
        let other = ROOTS.replace("\"id\":0", "\"id\":\"beta/0\"");
        assert_eq!(ask(&mut reverse, "beta", ROOTS), other);
        assert_eq!(ask(&mut reverse, "beta", ROOTS), other);

        let taken = reverse.answered(&Id::string("beta/0")).unwrap();
        assert_eq!(taken.module.as_str(), "beta");
        assert_eq!(taken.id, Id::number(0));
        assert_eq!(reverse.answered(&Id::string("beta/0")), None);
        let taken = reverse.answered(&Id::number(0)).unwrap();
        assert_eq!(taken.module.as_str(), "alpha");
    }

    #[test]
    fn nobody_can_take_the_place_of_another() {
        let mut reverse = Reverse::default();
        ask(&mut reverse, "alpha", ROOTS);
        ask(
            &mut reverse,
            "mallory",
            &ROOTS.replace("\"id\":0", "\"id\":\"beta/0\""),
        );
        let third = ask(&mut reverse, "beta", ROOTS);
        assert!(third.contains("\"id\":\"beta/1\""), "{third}");
    }

    #[test]
    fn a_question_is_taken_back_under_the_id_that_the_client_knows() {
        let mut reverse = Reverse::default();
        let back = r#"{"params":{"requestId":0,"reason":"0"},"method":"notifications/cancelled","jsonrpc":"2.0"}"#;
        ask(&mut reverse, "alpha", ROOTS);
        ask(&mut reverse, "beta", ROOTS);
        assert_eq!(ask(&mut reverse, "alpha", back), back);
        let known = back.replace("\"requestId\":0", "\"requestId\":\"beta/0\"");
        assert_eq!(ask(&mut reverse, "beta", back), known);
        assert_eq!(ask(&mut reverse, "gamma", back), back);
    }

    #[test]
    fn how_many_are_open_is_bounded() {
        let mut reverse = Reverse::default();
        for n in 0..2 * MAX_OPEN {
            ask(
                &mut reverse,
                "alpha",
                &ROOTS.replace("\"id\":0", &format!("\"id\":{n}")),
            );
        }
        assert_eq!(reverse.0.len(), MAX_OPEN);
        // The answer to one that did not fit goes nowhere, least of all to another module.
        assert_ne!(ask(&mut reverse, "beta", ROOTS), ROOTS);
    }
}
