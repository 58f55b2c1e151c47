use mcpo2_artifact::{
    Key,
    blob::{PinRecord, RootRecord, conformance},
};
use proptest::{collection::vec, prelude::*};

use crate::support::{Faulty, TestClock, memory, run};

#[test]
fn memory_and_what_wraps_it_keep_what_every_store_promises() {
    let clock = TestClock::default();
    run(conformance::check(&memory(&clock))).unwrap();
    run(conformance::check(&*Faulty::new(memory(&clock)))).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_are_read_as_they_were_written_and_no_flipped_bit_is_missed(
        logical in any::<u64>(),
        members in vec(any::<[u8; 32]>().prop_map(Key::from_bytes), 0..5),
        subject in any::<[u8; 32]>(),
        until in proptest::option::of(0..u64::MAX),
        bit in any::<proptest::sample::Index>(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let root = RootRecord::new(logical, members.clone()).with_subject(subject);
        let pin = PinRecord { root: Key::from_bytes([3; 32]), until };
        let mut reversed = members;
        reversed.reverse();
        let other = RootRecord::new(logical, reversed).with_subject(subject);
        prop_assert_eq!(other.to_bytes(), root.to_bytes());
        prop_assert_eq!(RootRecord::from_bytes(&root.to_bytes()), Ok(root.clone()));
        prop_assert_eq!(PinRecord::from_bytes(&pin.to_bytes()), Ok(pin));
        for bytes in [root.to_bytes(), pin.to_bytes()] {
            let mut flipped = bytes.to_vec();
            let bit = bit.index(bytes.len() * 8);
            flipped[bit / 8] ^= 1 << (bit % 8);
            let cut = &bytes[..cut.index(bytes.len())];
            for bad in [&flipped, cut] {
                prop_assert!(RootRecord::from_bytes(bad).is_err() && PinRecord::from_bytes(bad).is_err());
            }
        }
    }
}
