//! Runs the conformance fixture: `mcpo2-fixture [--modern] [--listen ADDR | --stdio]`, or with the
//! port in `PORT`. With `--modern` it knows the stateless revision only.

use std::{env, net::SocketAddr};

use anyhow::{Context as _, bail};
use mcpo2_testkit::fixture::{Fixture, Http, serve_stdio};

const USAGE: &str = "usage: mcpo2-fixture [--modern] [--listen ADDR | --stdio]";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (fixture, arguments) = match arguments.as_slice() {
        ["--modern", rest @ ..] => (Fixture::new()?.modern(), rest),
        all => (Fixture::new()?, all),
    };
    match *arguments {
        ["--stdio"] => serve_stdio(fixture).await,
        ["--listen", address] => serve_http(fixture, address.parse().context(USAGE)?).await,
        [] => {
            let port = env::var("PORT")
                .map_or(Ok(8001), |port| port.parse())
                .context("PORT")?;
            serve_http(fixture, ([127, 0, 0, 1], port).into()).await
        }
        _ => bail!(USAGE),
    }
}

async fn serve_http(fixture: Fixture, address: SocketAddr) -> anyhow::Result<()> {
    let http = Http::bind(fixture, address).await?;
    println!("listening on {}", http.url());
    http.serve(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
    .await
}
