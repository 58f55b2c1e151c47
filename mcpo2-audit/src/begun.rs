//! What is known of a call when it comes, shared by the layers that record it.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use mcpo2_core::{
    Call, Digest, Durability, Fact, Given, Meta, Offloaded, Passed, Principal, Routing,
};

use crate::{
    Asked, Committed, Ended, ItemRef, Ledger, RecordId, Source,
    record::{Shape, Way, WrittenCall},
    text::trace_id,
    vault::Person,
};

/// The longest arguments that are kept.
const MAX_ARGUMENTS: usize = 32 * 1024;

/// A call under way. It is in the extensions of the call, so that the layer before the modules
/// records the same call as the outermost one.
#[derive(Debug)]
pub(crate) struct Begun {
    origin: Arc<str>,
    asker: Asker,
    asked: Asked,
    arguments: Option<Bytes>,
    intent: OnceLock<Intended>,
    committed: OnceLock<Committed>,
}

/// Who asks, and from where.
#[derive(Debug)]
struct Asker {
    principal: Arc<Principal>,
    person: Arc<Person>,
    generation: Option<u64>,
    source: Option<Source>,
    trace: Option<Arc<str>>,
}

/// The intent that was recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Intended {
    pub(crate) id: RecordId,
    /// How many facts it has.
    pub(crate) facts: usize,
    pub(crate) durability: Durability,
}

impl Begun {
    pub(crate) fn new(
        ledger: &Ledger,
        call: &Call,
        generation: Option<u64>,
    ) -> Result<Self, crate::Error> {
        let request = call.request();
        let source = call.extensions().get::<Source>().cloned();
        let trace = source.as_ref().and_then(Source::shared_trace).cloned();
        let trace = trace.or_else(|| {
            let traceparent = Meta::text(request.meta().traceparent())?;
            trace_id(&traceparent).map(Arc::from)
        });
        let person = ledger.person(call.principal())?;
        let arguments = request
            .arguments()
            .filter(|arguments| ledger.keeps_arguments() && arguments.len() <= MAX_ARGUMENTS);
        Ok(Self {
            origin: ledger.shared_origin(),
            asker: Asker {
                principal: Arc::clone(call.principal()),
                person,
                generation,
                source,
                trace,
            },
            asked: Asked::new(call, ledger.digest(request.bytes())),
            arguments: arguments.map(Bytes::copy_from_slice),
            intent: OnceLock::new(),
            committed: OnceLock::new(),
        })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn person(&self) -> &Person {
        &self.asker.person
    }

    pub(crate) fn intent(&self) -> Option<Intended> {
        self.intent.get().copied()
    }

    /// The call goes to a module now. False where it went to one before.
    pub(crate) fn intend(&self, intent: Intended) -> bool {
        self.intent.set(intent).is_ok()
    }

    pub(crate) fn committed(&self) -> Option<Committed> {
        self.committed.get().copied()
    }

    pub(crate) fn commit(&self, committed: Committed) {
        // Whoever set it before knew the same.
        let _ = self.committed.set(committed);
    }

    /// The facts without what they would tell of contents: a name that is personal, and the digest
    /// of a result or of files, which here is one of this ledger and of the tenant: whoever reads
    /// records of two tenants cannot tell that both got the same.
    pub(crate) fn public<'a>(&self, ledger: &Ledger, facts: &'a [Fact]) -> Cow<'a, [Fact]> {
        let is_personal = self.asked.item.as_ref().is_some_and(ItemRef::is_personal);
        let tells = |fact: &Fact| match fact {
            Fact::Routed(_) => is_personal,
            Fact::Offloaded(_) | Fact::Passed(_) | Fact::Context(_) => true,
            _ => false,
        };
        if !facts.iter().any(tells) {
            return Cow::Borrowed(facts);
        }
        let tenant = self.asker.principal.tenant().as_str().as_bytes();
        let keyed = |digest: &Digest| {
            let mut messages = ledger.messages();
            messages.update(tenant).update(digest.as_bytes()).digest()
        };
        let public = facts.iter().cloned().map(|fact| match fact {
            Fact::Routed(routing) if is_personal => Fact::Routed(Routing {
                item: None,
                ..routing
            }),
            Fact::Offloaded(stored) => Fact::Offloaded(Offloaded {
                digest: keyed(&stored.digest),
                ..stored
            }),
            Fact::Passed(passed) => Fact::Passed(Passed {
                digest: keyed(&passed.digest),
                ..passed
            }),
            Fact::Context(given) => Fact::Context(Given {
                root: keyed(&given.root),
                text: keyed(&given.text),
                ..given
            }),
            other => other,
        });
        Cow::Owned(public.collect())
    }

    /// What is written before the call goes to a module.
    pub(crate) fn before<'a>(
        &'a self,
        stamp: (RecordId, jiff::Timestamp),
        facts: &'a [Fact],
    ) -> WrittenCall<'a> {
        let shape = Shape::Intent(self.way());
        WrittenCall {
            stamp,
            shape,
            facts,
        }
    }

    /// What is written when it has ended: all of it, or what its intent does not say.
    pub(crate) fn after<'a>(
        &'a self,
        stamp: (RecordId, jiff::Timestamp),
        facts: &'a [Fact],
        end: &'a Ended,
    ) -> WrittenCall<'a> {
        match self.intent.get() {
            None => WrittenCall {
                stamp,
                shape: Shape::Call(self.way(), end),
                facts,
            },
            Some(intent) => WrittenCall {
                stamp,
                shape: Shape::Outcome(intent.id, end),
                facts: facts.get(intent.facts..).unwrap_or_default(),
            },
        }
    }

    fn way(&self) -> Way<'_> {
        let asker = &self.asker;
        Way {
            principal: &asker.principal,
            source: asker.source.as_ref(),
            trace: asker.trace.as_deref(),
            generation: asker.generation,
            pseudonym: &asker.person.pseudonym,
            request: &self.asked,
            arguments: self.arguments.as_deref(),
        }
    }
}
