//! The classifier alone: of a text, and as a layer that tells those below it.

use mcpo2_classify::{ClassifyLayer, Config, Outcome};
use mcpo2_core::{AuthMethod, Basis, Call, Error, Fact, Message, Principal, Reply};
use tower::{ServiceBuilder, ServiceExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rules = Config::builtin().compile()?;

    for text in [
        "Find hard-coded secrets in the last 50 commits",
        "Find hard-coded secrets. Then draw a logo in Figma.",
        "What a fine day",
    ] {
        let report = rules.classify_text(text);
        let rules: Vec<_> = report.evidence.iter().map(|found| &*found.rule).collect();
        match report.outcome {
            Outcome::Decided { family, score, .. } => {
                println!("{text}: {family} ({score}), {rules:?}")
            }
            Outcome::Ambiguous => println!("{text}: of more than one, {rules:?}"),
            _ => println!("{text}: of none"),
        }
    }

    // The layer refuses nothing: it sets the family, and records on what it rests.
    let stack = ServiceBuilder::new()
        .layer(ClassifyLayer::new(rules))
        .service_fn(|call: Call| async move {
            assert_eq!(
                call.family().map(|family| family.as_str()),
                Some("security")
            );
            Ok::<_, Error>(Reply::accepted())
        });
    let call = task("Find hard-coded secrets in the last 50 commits")?;
    let trail = call.trail().clone();
    stack.oneshot(call).await?;
    let facts = trail.facts();
    let Some(Fact::Classified(classified)) = facts.first() else {
        return Err("nothing was recorded".into());
    };
    assert_eq!(classified.basis, Basis::Rules);
    println!("recorded: {}", serde_json::to_string(classified)?);
    Ok(())
}

fn task(text: &str) -> Result<Call, Box<dyn std::error::Error>> {
    let message = serde_json::json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "run", "arguments": { "task": text } },
    });
    let Message::Request(request) = Message::parse(message.to_string())? else {
        return Err("no request".into());
    };
    let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
    Ok(Call::new(request, ada))
}
