use std::{fmt::Write, sync::Arc};

use mcpo2_core::{Body, Frame, Message, Reply};

use crate::{Committed, Receipts, begun::Begun};

/// The member of `_meta` that holds a receipt.
pub const RECEIPT: &str = "dev.mcpo2/receipt";

/// Where the intent of a call stands: who keeps it can ask for the proof later, and shows the
/// ledger to be false if there is none.
#[derive(Debug)]
pub(crate) struct Receipt {
    begun: Arc<Begun>,
}

impl Receipt {
    pub(crate) fn of(begun: &Arc<Begun>, receipts: Receipts) -> Option<Self> {
        let begun = Arc::clone(begun);
        (receipts == Receipts::Give).then_some(Self { begun })
    }

    pub(crate) fn put_into(&self, reply: Reply) -> Reply {
        let Some(committed) = self.begun.committed() else {
            return reply;
        };
        let Some(response) = reply.response() else {
            return reply;
        };
        let bytes = response.with_result_meta(RECEIPT, &self.json(&committed));
        drop(response);
        reply.map_body(|_| Body::Complete(bytes))
    }

    pub(crate) fn put_into_frame(&self, frame: &mut Frame) {
        let Some(committed) = self.begun.committed() else {
            return;
        };
        if let Ok(Message::Response(response)) = Message::parse(frame.data().clone()) {
            let bytes = response.with_result_meta(RECEIPT, &self.json(&committed));
            *frame = frame.clone().with_data(bytes);
        }
    }

    fn json(&self, committed: &Committed) -> String {
        let Committed { seq, leaf, size } = committed;
        let mut hex = String::with_capacity(64);
        for byte in leaf {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        let origin = serde_json::Value::from(self.begun.origin());
        format!(r#"{{"origin":{origin},"seq":{seq},"leaf":"{hex}","size":{size}}}"#)
    }
}
