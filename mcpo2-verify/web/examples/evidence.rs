//! Writes proofs of an honest ledger into a directory, for the test of the page.
#![allow(clippy::unwrap_used, reason = "only tests run it")]

use std::{env, fs, path::PathBuf};

use serde_json::json;

#[path = "../tests/evidence/mod.rs"]
mod evidence;

fn main() {
    let dir = PathBuf::from(env::args_os().nth(1).unwrap());
    fs::create_dir_all(&dir).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).unwrap();
    let story = evidence::story();
    for (name, evidence) in [("before", &story.before), ("after", &story.after)] {
        write(&format!("{name}.tlog-proof"), evidence.proof.as_bytes());
        write(&format!("{name}.body"), &evidence.body);
    }
    let (path, salt, value) = story.field;
    let fields = json!([{ "path": path, "salt": evidence::hex(&salt), "value": value }]);
    write("before.fields.json", fields.to_string().as_bytes());
    let other = json!([{ "path": path, "salt": evidence::hex(&salt), "value": "\"bob\"" }]);
    write("other.fields.json", other.to_string().as_bytes());
    write("epoch-0000000001.note", story.note.as_bytes());
    write("log.vkey", story.key.as_bytes());
    write("stranger.vkey", story.stranger.as_bytes());
}
