//! What is done to keys.

use mcpo2_verify::log::Attack;

use super::{
    super::{Ledger, Pair, rng::Rng},
    Attacked, done,
};

pub fn change_a_key_note(ledger: &mut Ledger, other: &Ledger, rng: &mut Rng) -> Option<Attacked> {
    let name = ledger
        .notes
        .keys()
        .nth(rng.index(ledger.notes.len()))?
        .clone();
    let epoch = ledger.notes.keys().position(|it| *it == name)?;
    let is_last = epoch + 1 == ledger.notes.len();
    let used = ledger
        .commits()
        .iter()
        .any(|it| it.0 > ledger.rotations[epoch]);
    match rng.below(4) {
        0 => {
            // without the last note, nothing tells unless its key was used
            (!is_last || used).then_some(())?;
            ledger.notes.remove(&name);
        }
        1 => {
            let theirs = other.notes.values().next()?.clone();
            (ledger.notes.get(&name) != Some(&theirs)).then_some(())?;
            // by the same key, of records that were removed: who has that key may say so
            let removed = ledger.rotations[epoch] <= ledger.segments[0].first;
            (!removed || ledger.origin != other.origin).then_some(())?;
            ledger.notes.insert(name, theirs);
            let expected = [Attack::KeyListSwapped, Attack::Forged, Attack::Truncated];
            return done(ledger, 0, &expected).map(|attacked| Attacked {
                first: u64::MAX,
                ..attacked
            });
        }
        2 => {
            // signed by the key that it brings
            let size = ledger.rotations[epoch];
            let stranger = Pair::log(&ledger.origin, 98);
            let (origin, key) = (&ledger.origin, &stranger.key);
            let number = epoch + 1;
            let text = format!("mcpo2.dev/rotation/v1\n{origin}\n{number}\n{size}\n{key}\n");
            ledger.notes.insert(name, stranger.note(&text));
        }
        _ => {
            // signed as it must be, and of a key that the log never named
            let size = ledger.rotations[epoch];
            let stranger = Pair::log(&ledger.origin, 98);
            let (origin, key) = (&ledger.origin, &stranger.key);
            let number = epoch + 1;
            let text = format!("mcpo2.dev/rotation/v1\n{origin}\n{number}\n{size}\n{key}\n");
            (is_last && size > ledger.segments[0].first).then_some(())?;
            let note = ledger.pairs[epoch].note(&text);
            ledger.notes.insert(name, note);
            return done(ledger, size - 1, &[Attack::KeyListSwapped, Attack::Forged]);
        }
    }
    done(ledger, 0, &[Attack::KeyListSwapped]).map(|attacked| Attacked {
        first: u64::MAX,
        ..attacked
    })
}

pub fn another_first_key(ledger: &mut Ledger, _: &Ledger, _: &mut Rng) -> Option<Attacked> {
    let stranger = Pair::log(&ledger.origin, 97);
    ledger.origin_file = format!("{}\n{}\n", ledger.origin, stranger.key);
    done(ledger, 0, &[Attack::KeyListSwapped])
}
