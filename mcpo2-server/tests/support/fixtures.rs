//! The fixture of the conformance suite as a module without sessions.

use mcpo2_server::Mode;
use mcpo2_testkit::fixture::{Fixture, serve_pipe};
use serde_json::json;

use super::{Gateway, serving};

/// The fixture as a child process, over a descriptor that the test harness knows nothing of.
#[test]
fn fixture_child_serves() {
    if std::env::var_os("FIXTURE_CHILD").is_none() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let output = std::fs::OpenOptions::new().write(true).open("/dev/fd/3");
        let output = tokio::fs::File::from_std(output.unwrap());
        let fixture = Fixture::new().unwrap().modern();
        serve_pipe(fixture, tokio::io::stdin(), output).await.ok();
    });
}

/// A gateway before it, over HTTP.
pub async fn over_http() -> Gateway {
    let url = serving(Fixture::new().unwrap().modern()).await;
    Gateway::before(&url).await
}

/// A gateway before it, as a child process.
pub async fn over_stdio() -> Gateway {
    let yaml = format!(
        "version: 1\nidentity: {{ anonymous: {{ tenant: local }} }}\nmodules:\n  - {{ id: module, \
         family: general, approval: approved, {} }}\npolicy:\n  rules:\n    - {{ id: all, effect: \
         allow, modules: [module] }}\n",
        child()
    );
    Gateway::start(&yaml, Mode::Observed).await
}

/// How a module in a file says that it is this child process.
pub fn child() -> String {
    let program = std::env::current_exe().unwrap();
    let script = r#"FIXTURE_CHILD=1 exec "$0" --exact support::fixtures::fixture_child_serves --nocapture 3>&1 1>/dev/null"#;
    let args = json!(["-c", script, program.to_str().unwrap()]);
    format!("stdio: {{ command: sh, args: {args} }}")
}
