//! No segment holds but what a log signed: of a log whose key nobody here has, only what it once
//! wrote is ever proven.
#![no_main]

use std::{
    collections::BTreeSet,
    io::{self, Read},
    sync::LazyLock,
};

use libfuzzer_sys::fuzz_target;
use mcpo2_verify::{
    FrameKind, Hash, empty_root,
    log::{Event, Files, Options, verify, verify_with},
    segment_name,
    trust::Trust,
    write_frame,
};

const KEY: &str = "example.com/log+bf122f5c+Aflcal3/Ax+sexpqVLZhDK64Ozn36KZr4W/1+qSlEe0t";
const HONEST: &[u8] = include_bytes!("../corpus/segment/honest");

/// A ledger of one segment.
struct Ledger(Vec<u8>);

impl Files for Ledger {
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        match path {
            "origin" => Ok(Box::new(io::Cursor::new(format!(
                "example.com/log\n{KEY}\n"
            )))),
            _ if path == format!("seg/{}", segment_name(0)) => Ok(Box::new(&self.0[..])),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        match path {
            "seg" => Ok(vec![segment_name(0)]),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

static TRUST: LazyLock<Trust> =
    LazyLock::new(|| Trust::without_witnesses(KEY.parse().expect("a key")));

/// How many records the log had when it signed, and their roots.
static SIGNED: LazyLock<BTreeSet<(u64, Hash)>> = LazyLock::new(|| {
    let mut signed = BTreeSet::from([(0, empty_root())]);
    let mut frames = mcpo2_verify::Frames::new(&HONEST[1..]);
    let mut sizes = Vec::new();
    let ledger = Ledger(HONEST[1..].to_vec());
    let watch = &mut |event: Event<'_>| {
        if let Event::Commit(size) = event {
            sizes.push(size);
        }
    };
    verify_with(&ledger, &TRUST, &Options::default(), watch).expect("it is honest");
    assert!(sizes.len() > 2);
    while let Ok(Some((offset, frame))) = frames.next() {
        if frame.kind == FrameKind::Commit {
            let before = Ledger(HONEST[1..1 + offset + frame.length()].to_vec());
            let report = verify(&before, &TRUST, &Options::default()).expect("it is honest");
            signed.insert((report.extent.size, report.extent.root));
        }
    }
    signed
});

fuzz_target!(|bytes: &[u8]| {
    let Some((mode, bytes)) = bytes.split_first() else {
        return;
    };
    let segment = match mode {
        0 => bytes.to_vec(),
        _ => framed(bytes),
    };
    if let Ok(report) = verify(&Ledger(segment), &TRUST, &Options::default()) {
        let proven = (report.extent.size, report.extent.root);
        assert!(SIGNED.contains(&proven), "{report:?}");
    }
});

/// Frames whose CRC is right, which chance would not find: a kind, a number, a length, a payload.
fn framed(mut bytes: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    while let [kind, seq, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        bytes = rest;
        let kind = FrameKind::from_number(1 + kind % 4).expect("it is one of four");
        // an empty frame is none
        let _ = write_frame(&mut segment, kind, u64::from(*seq), &[payload]);
    }
    segment
}
