use crate::{Frame, MAX_COMMIT, checkpoint::SignedCheckpoint};

use super::{
    super::{Attack, Event, Files, Finding, clock::Times},
    Behind, Walk,
    state::Proven,
};

impl<F: Files + ?Sized> Walk<'_, F> {
    pub(super) fn commit(&mut self, frame: &Frame<'_>) -> Result<(), Finding> {
        let proven = self.state.proven.size;
        let held = self.covers_all(frame).and_then(|()| self.marks.agree());
        held.map_err(|finding| finding.seq_at(proven))?;
        self.state.proven = Proven {
            size: self.state.next,
            root: self.state.tree.root(),
            newest_ns: self.state.before.map(Times::wall_ns),
            retention: self.state.said.retention,
        };
        self.state.behind = Behind::Other;
        self.counts.commits += 1;
        (self.watch)(Event::Commit(self.state.next));
        Ok(())
    }

    fn covers_all(&self, frame: &Frame<'_>) -> Result<(), Finding> {
        let next = self.state.next;
        if frame.payload.len() > MAX_COMMIT {
            return Err(Finding::new(Attack::Forged, "a commit is too long"));
        }
        let signed = SignedCheckpoint::parse(frame.payload)
            .map_err(|error| Finding::new(Attack::Forged, "a commit is no checkpoint").of(error))?;
        self.keys.verify(&signed).map_err(|finding| {
            let unnamed = self.state.said.rotation && finding.attack() == Attack::Forged;
            match unnamed {
                true => Finding::new(
                    Attack::KeyListSwapped,
                    "the log says that keys changed, and the note of that is missing",
                ),
                false => finding,
            }
        })?;
        let checkpoint = signed.checkpoint();
        let size = checkpoint.size();
        if size > next {
            let why = format!("a commit covers {size} records, and {next} are there");
            return Err(Finding::new(Attack::Removed, why));
        }
        if size < next {
            let why = format!("a commit covers {size} records, and stands behind {next}");
            return Err(Finding::new(Attack::Inserted, why));
        }
        if *checkpoint.root() != self.state.tree.root() {
            let why = format!("{next} records do not have the root that was signed");
            return Err(Finding::new(Attack::Edited, why));
        }
        if frame.seq != size {
            let why = "a commit has another number than its checkpoint";
            return Err(Finding::new(Attack::Edited, why));
        }
        Ok(())
    }
}
