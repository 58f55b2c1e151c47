use super::*;
use crate::testing::Pair;

const ORIGIN: &str = "a.example/log";

fn rotation(by: &Pair, epoch: u64, size: u64, to: &Pair) -> Note {
    by.note(&Rotation::new(epoch, size, to.key.clone()).unwrap().text())
}

#[test]
fn each_key_signs_the_sizes_of_its_epoch() {
    let keys = [1, 2, 3].map(|seed| Pair::log(ORIGIN, seed));
    let mut epochs = Epochs::new(keys[0].key.clone());
    epochs.rotate(&rotation(&keys[0], 1, 10, &keys[1])).unwrap();
    epochs.rotate(&rotation(&keys[1], 2, 11, &keys[2])).unwrap();
    for (size, index) in [(0, 0), (1, 0), (10, 0), (11, 1), (12, 2), (u64::MAX, 2)] {
        assert_eq!(epochs.key(size), &keys[index].key, "{size}");
    }
    assert_eq!(epochs.newest(), &keys[2].key);
    assert_eq!(epochs.keys().count(), 3);
}

#[test]
fn text_is_what_the_format_says() {
    let log = Pair::log(ORIGIN, 1);
    let rotation = Rotation::new(1, 10, log.key.clone()).unwrap();
    let text = format!("mcpo2.dev/rotation/v1\n{ORIGIN}\n1\n10\n{}\n", log.key);
    assert_eq!(rotation.text(), text);
    assert_eq!(Rotation::parse(&text), Ok(rotation));
    let wrong = [
        text.replace("/v1", "/v2"),
        text.replace("\na.example", "\nb.example"),
        text.replace("\n10\n", "\n010\n"),
        text.replace("\n10\n", "\n0\n"),
        text.replace("\n1\n", "\n0\n"),
        text.replace("\n1\n", "\n"),
        format!("{text}\n"),
        format!("{text}more\n"),
        text.trim_end().to_owned(),
    ];
    for text in wrong {
        assert_eq!(Rotation::parse(&text), Err(RotationError::Form), "{text:?}");
    }
    let witness = Pair::witness(ORIGIN, 1);
    assert_eq!(Rotation::new(1, 10, witness.key), Err(RotationError::Form));
}

#[test]
fn notes_that_do_not_follow_are_refused() {
    let [a, b, c] = [1, 2, 3].map(|seed| Pair::log(ORIGIN, seed));
    let mut epochs = Epochs::new(a.key.clone());
    let first = rotation(&a, 1, 10, &b);
    let early = epochs.rotate(&rotation(&a, 2, 10, &b));
    assert_eq!(
        early,
        Err(RotationError::Epoch {
            expected: 1,
            found: 2
        })
    );
    epochs.rotate(&first).unwrap();

    let known = epochs.clone();
    let cases = [
        (first, NoteError::Unsigned.into()),
        (rotation(&a, 2, 20, &c), NoteError::Unsigned.into()),
        (
            rotation(&b, 1, 20, &c),
            RotationError::Epoch {
                expected: 2,
                found: 1,
            },
        ),
        (
            rotation(&b, 3, 20, &c),
            RotationError::Epoch {
                expected: 2,
                found: 3,
            },
        ),
        (
            rotation(&b, 2, 10, &c),
            RotationError::Size {
                before: 10,
                found: 10,
            },
        ),
        (
            rotation(&b, 2, 9, &c),
            RotationError::Size {
                before: 10,
                found: 9,
            },
        ),
        (rotation(&b, 2, 20, &a), RotationError::Reused),
        (
            rotation(&b, 2, 20, &Pair::log("b.example", 3)),
            RotationError::OtherOrigin,
        ),
        (
            b.note(&c.checkpoint(20, [0; 32]).checkpoint().text()),
            RotationError::Form,
        ),
    ];
    for (note, error) in cases {
        assert_eq!(epochs.rotate(&note), Err(error));
        assert_eq!(epochs, known);
    }
}
