//! A line of a ledger has one text: what reads as a line is written as it was read, and no other
//! record has its hash.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_audit::parse_line;

fuzz_target!(|bytes: &[u8]| {
    let Ok(line) = parse_line(bytes) else { return };
    let mut again = format!(
        r#"{{"seq":{},"prev":"{}","hash":"{}","record":"#,
        line.seq(),
        line.prev(),
        line.hash()
    )
    .into_bytes();
    again.extend_from_slice(line.record_bytes());
    again.push(b'}');
    assert_eq!(again, bytes);
    let _ = line.record();
    if line.is_intact() {
        let mut other = bytes.to_vec();
        let at = other.len() - line.record_bytes().len();
        other[at] ^= 1;
        assert!(!parse_line(&other).is_ok_and(|other| other.is_intact()));
    }
});
