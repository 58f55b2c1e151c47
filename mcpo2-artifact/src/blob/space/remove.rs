use super::SpaceState;
use crate::blob::{
    BlobError, BlobErrorKind, Head, Kind, Usage,
    ledger::{Ledger, Place},
    turns::Turn,
};

impl SpaceState {
    /// Deletes an object; nothing may be there. False where somebody holds it.
    pub(crate) async fn delete(&self, place: Place) -> Result<bool, BlobError> {
        self.delete_unless(Ledger::is_held, place).await
    }

    /// The same for a sweep: false as well where somebody held it since that began.
    pub(crate) async fn sweep(&self, place: Place) -> Result<bool, BlobError> {
        self.delete_unless(Ledger::is_protected, place).await
    }

    /// A damaged root no longer says what it stood for: that counts until the store is opened again.
    async fn delete_unless(
        &self,
        spared: fn(&Ledger, &Place) -> bool,
        place: Place,
    ) -> Result<bool, BlobError> {
        let _turn = self.turns.take(&place.1).await;
        self.settle(place).await?;
        let Some(head) = self.store.head(&self.name(place)).await? else {
            return Ok(true);
        };
        let mut charged = Usage::object(head.size);
        if place.0 == Kind::Root {
            match self.logical(&place.1).await {
                Ok(logical) => charged = charged.plus(logical),
                Err(error) if error.kind() == BlobErrorKind::Corrupt => {}
                Err(error) => return Err(error),
            }
        }
        {
            let mut ledger = self.ledger();
            if spared(&ledger, &place) {
                return Ok(false);
            }
            ledger.begin_delete(place, charged);
        }
        self.store.delete(&self.name(place)).await?;
        self.ledger().resolve(&place, None);
        Ok(true)
    }

    /// Deletes everything that is not held.
    pub(crate) async fn clear(&self) -> Result<(), BlobError> {
        // One damaged root must not keep the rest: then the books are made when they are next needed.
        let counted = self.count().await;
        if let Err(error) = counted.as_ref().map_err(BlobError::kind)
            && error != BlobErrorKind::Corrupt
        {
            return counted;
        }
        for kind in [Kind::Pin, Kind::Root, Kind::Blob] {
            let mut after = None;
            while let Some(page) = self.page(kind, &mut after).await? {
                for listed in page {
                    self.delete((kind, listed.key)).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes away a blob that is damaged, in its turn.
    pub(crate) async fn discard(&self, place: Place, _turn: &Turn<'_>) -> Result<(), BlobError> {
        self.settle(place).await?;
        match self.store.head(&self.name(place)).await? {
            Some(head) => self.take_away(place, head).await,
            None => Ok(()),
        }
    }

    /// The same, of what the store says is there.
    pub(super) async fn take_away(&self, place: Place, head: Head) -> Result<(), BlobError> {
        let charged = Usage::object(head.size);
        self.ledger().begin_delete(place, charged);
        self.store.delete(&self.name(place)).await?;
        self.ledger().resolve(&place, None);
        Ok(())
    }
}
