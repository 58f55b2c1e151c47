use crate::{Frame, FrameFault, FrameKind};

use super::{
    super::{Attack, Files, Finding, window::Next, window::Window},
    Walk, io,
};

impl<F: Files + ?Sized> Walk<'_, F> {
    /// Bytes that are no frame: a tail that nobody was told of, or damage.
    pub(super) fn torn(
        &mut self,
        window: &mut Window<'_>,
        fault: Option<FrameFault>,
        is_last: bool,
        (first, offset): (u64, u64),
    ) -> Result<(), Finding> {
        let committed = self.state.proven.size;
        let proves = |frame: &Frame<'_>| {
            frame.seq > committed
                && self
                    .keys
                    .signed(frame.payload)
                    .is_ok_and(|it| it > committed)
        };
        let found = window.find_commit(self.keys.origin(), proves);
        if is_last && !found.map_err(|error| io(first, error))? {
            self.tail.torn = true;
            return Ok(());
        }
        let torn = Finding::new(Attack::Torn, "a frame that was whole is damaged");
        let torn = torn.seq_at(self.state.next).at(first, offset);
        Err(match fault {
            Some(fault) => torn.of(fault),
            None => torn,
        })
    }
}

/// What is missing here may stand further on.
pub(super) fn or_reordered(finding: Finding, window: &mut Window<'_>) -> Finding {
    if finding.attack() != Attack::Removed {
        return finding;
    }
    while let Ok(Next::Frame(_, frame)) = window.next() {
        if frame.kind == FrameKind::Record && Some(frame.seq) == finding.seq() {
            return finding.with_attack(Attack::Reordered);
        }
    }
    finding
}
