//! Writes a ledger, verifies it, edits one byte, and shows that this is noticed, and where.

use std::{fs, path::Path};

use mcpo2_audit::{AuditLayer, Fault, Ledger, Options, VerifyError, verify, verify_since};
use mcpo2_core::{AuthMethod, Call, Error, Message, Principal, Reply};
use tower::{ServiceBuilder, ServiceExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    write(dir.path()).await?;

    let report = verify(dir.path())?;
    println!(
        "{} records are whole; the head is {}",
        report.records, report.head.hash
    );

    let segment = dir.path().join("00000000.jsonl");
    let honest = fs::read_to_string(&segment)?;

    // Somebody who can write the file makes one caller another.
    let edited = honest.replacen("\"ada\"", "\"eve\"", 1);
    assert_ne!(edited, honest);
    fs::write(&segment, edited)?;
    let Err(VerifyError::Damaged(damage)) = verify(dir.path()) else {
        return Err("the edit was not noticed".into());
    };
    println!("{damage}");
    assert_eq!((damage.line, damage.fault), (2, Fault::Edited));

    // A chain alone cannot tell that its end is missing. A head that was kept elsewhere can.
    let cut = honest.lines().count() - 1;
    let short: String = honest.split_inclusive('\n').take(cut).collect();
    fs::write(&segment, short)?;
    verify(dir.path())?;
    let Err(VerifyError::Damaged(damage)) = verify_since(dir.path(), report.head) else {
        return Err("the cut was not noticed".into());
    };
    println!("{damage}");
    assert_eq!(
        damage.fault,
        Fault::Truncated {
            seq: report.head.seq
        }
    );
    Ok(())
}

async fn write(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
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
    Ok(())
}
