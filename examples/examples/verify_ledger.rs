//! Writes a ledger, verifies it as an outsider does, edits one byte, cuts its end, and shows that
//! either is noticed, and where. Proves one record to somebody who has nothing but the key.

use std::{fs, path::Path};

use mcpo2_audit::{AuditLayer, Ledger, Options, prove};
use mcpo2_core::{AuthMethod, Call, Error, Message, Principal, Reply};
use mcpo2_verify::{
    checkpoint::SignedCheckpoint,
    key::VerifierKey,
    leaf_hash,
    log::{self, Attack},
    record_digest,
    trust::Trust,
};
use tower::{ServiceBuilder, ServiceExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let key = write(dir.path()).await?;
    println!("whoever verifies knows {key}");
    let trust = Trust::without_witnesses(key);
    let options = log::Options::default();
    let report = log::verify(dir.path(), &trust, &options)?;
    println!("{} records hold", report.extent.size);

    // What an outsider is given of one record, and what they check.
    let evidence = prove(dir.path(), 1)?;
    let leaf = evidence.proof.extra().ok_or("no leaf")?;
    evidence.proof.verify(&leaf_hash(leaf), &trust, &[])?;
    assert!(
        leaf.windows(32)
            .any(|it| it == record_digest(&evidence.body))
    );

    let seen = SignedCheckpoint::parse(&fs::read(dir.path().join("checkpoint"))?)?;
    let segment = dir.path().join("seg/00000000000000000000.seg");
    let honest = fs::read(&segment)?;

    // Somebody who can write the files makes one method another.
    let at = honest
        .windows(4)
        .position(|it| it == b"ping")
        .ok_or("no ping")?;
    let mut edited = honest.clone();
    edited.splice(at..at + 4, *b"pong");
    fs::write(&segment, edited)?;
    let finding = log::verify(dir.path(), &trust, &options)
        .err()
        .ok_or("not noticed")?;
    println!("edited: {finding}");
    assert_eq!(finding.seq(), Some(0));

    // Or takes all of it away, and the checkpoint as well. Who has seen one before notices.
    fs::remove_file(&segment)?;
    fs::remove_file(dir.path().join("checkpoint"))?;
    fs::remove_dir_all(dir.path().join("tile"))?;
    let options = options.with_since(seen);
    let finding = log::verify(dir.path(), &trust, &options)
        .err()
        .ok_or("not noticed")?;
    println!("rolled back: {finding}");
    assert_eq!(finding.attack(), Attack::RolledBack);
    Ok(())
}

async fn write(dir: &Path) -> Result<VerifierKey, Box<dyn std::error::Error>> {
    let ledger = Ledger::open(dir, Options::default())?;
    let stack = ServiceBuilder::new()
        .layer(AuditLayer::new(ledger.clone()))
        .service_fn(|_: Call| async {
            Ok::<_, Error>(Reply::complete(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#))
        });
    for _ in 0..3 {
        let Message::Request(request) =
            Message::parse(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)?
        else {
            return Err("no request".into());
        };
        let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
        stack.clone().oneshot(Call::new(request, ada)).await?;
    }
    ledger.close()?;
    Ok(ledger.verifier_key().clone())
}
