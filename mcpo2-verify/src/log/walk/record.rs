use crate::{Body, Flags, Frame, Kind, LEAF, Leaf, SCHEMA, chain_next, leaf_hash, record_digest};

use super::{
    super::{Attack, Event, Files, Finding, clock::Times, json},
    Behind, Walk,
};

/// The least that a vault frame has: a tag, a nonce and the mark of the cipher.
const LEAST_VALUES: usize = 16 + 24 + 16;

impl<F: Files + ?Sized> Walk<'_, F> {
    pub(super) fn record(&mut self, frame: &Frame<'_>) -> Result<(), Finding> {
        let next = self.state.next;
        let edited = |why| Finding::new(Attack::Edited, why).seq_at(next);
        let parts = frame.payload.split_first_chunk::<LEAF>();
        let (bytes, body) = parts.ok_or_else(|| edited("a record has no leaf"))?;
        let leaf = Leaf::decode(bytes).map_err(|error| edited("a leaf is none").of(error))?;
        in_order(frame.seq, next)?;
        if leaf.seq != next {
            return Err(edited("a leaf has another number than its frame"));
        }
        let proven = self.state.proven.size;
        // the commit before the first record went with its segment
        if next > self.state.first {
            let follows = self.keys.may_follow(next, proven);
            follows.map_err(|finding| finding.seq_at(proven))?;
        }
        if leaf.record_digest != record_digest(body) {
            return Err(edited("a body does not have the digest in its leaf"));
        }
        if self.state.chain.is_some_and(|it| it != leaf.prev_chain) {
            let why = format!("record {next} does not continue the chain");
            return Err(Finding::new(Attack::Edited, why).seq_at(self.state.proven.size));
        }
        let body = readable(&leaf, body).map_err(|finding| finding.seq_at(next))?;
        if let Some(why) = self.state.before.and_then(|before| before.wrong(&leaf)) {
            return Err(Finding::new(Attack::Clock, why).seq_at(next));
        }
        self.state.chain = Some(chain_next(&leaf.prev_chain, bytes));
        self.state.before = Some(Times::of(&leaf));
        self.push(Some(bytes), leaf_hash(bytes), Some(leaf.wall_ns))?;
        self.note(&leaf, &body)
    }

    /// What a record means for those behind it, and for the report.
    fn note(&mut self, leaf: &Leaf, body: &Body<'_>) -> Result<(), Finding> {
        let size = self.state.next;
        let named = self.keys.names_key(size, leaf.kind, body);
        named.map_err(|finding| finding.seq_at(self.state.proven.size))?;
        match leaf.kind {
            Kind::KEY_ROTATION => {
                self.state.said.rotation = self.keys.rotation_at(size).is_none();
            }
            Kind::RETENTION => {
                let before = json::find(body.public(), "retention", "before");
                let before = before.and_then(|text| text.parse().ok()).unwrap_or(0);
                let allowed = &mut self.state.said.retention;
                *allowed = (*allowed).max(before.min(leaf.seq));
            }
            _ => {}
        }
        self.state.behind = match body.commitments().count() {
            0 => Behind::Record,
            _ => Behind::Commitments,
        };
        *self.counts.kinds.entry(leaf.kind).or_default() += 1;
        self.counts.odd_times += u64::from(leaf.flags != Flags::NONE);
        (self.watch)(Event::Record(leaf, *body));
        Ok(())
    }

    pub(super) fn values(&mut self, frame: &Frame<'_>) -> Result<(), Finding> {
        let of_record_before = frame.seq.checked_add(1) == Some(self.state.next);
        if self.state.behind == Behind::Other || !of_record_before {
            let why = "values do not stand behind their record";
            return Err(Finding::new(Attack::Reordered, why).seq_at(self.state.proven.size));
        }
        if frame.payload.len() < LEAST_VALUES {
            let why = "values are too short";
            return Err(Finding::new(Attack::Edited, why).seq_at(frame.seq));
        }
        self.state.behind = Behind::Record;
        self.counts.vault += 1;
        Ok(())
    }

    /// Called behind a record and its values, where something else follows.
    pub(super) fn values_are_there(&mut self) -> Result<(), Finding> {
        if !self.count_missing_values() || !self.vault_is_required() {
            return Ok(());
        }
        let seq = self.state.next.saturating_sub(1);
        let why = "a record has commitments, and their values are missing";
        Err(Finding::new(Attack::Erased, why).seq_at(seq))
    }

    pub(super) fn count_missing_values(&mut self) -> bool {
        if self.state.behind != Behind::Commitments {
            return false;
        }
        self.state.behind = Behind::Record;
        self.counts.without_values += 1;
        true
    }
}

fn in_order(seq: u64, next: u64) -> Result<(), Finding> {
    let (attack, why) = match seq.cmp(&next) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Greater => (
            Attack::Removed,
            format!("record {seq} stands where {next} should"),
        ),
        std::cmp::Ordering::Less => (Attack::Inserted, format!("record {seq} is there twice")),
    };
    Err(Finding::new(attack, why).seq_at(next.min(seq)))
}

fn readable<'a>(leaf: &Leaf, body: &'a [u8]) -> Result<Body<'a>, Finding> {
    if leaf.schema != SCHEMA {
        let why = format!("a body has schema {}, which is not known here", leaf.schema);
        return Err(Finding::new(Attack::Unreadable, why));
    }
    Body::decode(body).map_err(|error| {
        let why = "a body was signed, and is not written as it must be";
        Finding::new(Attack::Unreadable, why).of(error)
    })
}
