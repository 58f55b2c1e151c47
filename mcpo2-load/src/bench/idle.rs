//! What it takes to keep clients that say nothing.

use anyhow::Context as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::setting::Setting;
use crate::{Client, Era, Exchange, Expected, Target, Work, child::Running, load::number};

/// KiB for each of so many streams or sessions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Idle {
    pub(super) count: usize,
    pub(super) kib_each: f64,
}

/// How a client stays.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stays {
    /// With `subscriptions/listen`, on its connection.
    Listening,
    /// With a session and its stream, on its connection.
    InSession,
    /// With a session, and no connection.
    Away,
}

/// Lets `count` clients come and stay, and says what the gateway grew by.
pub(super) async fn measure(
    setting: &Setting,
    running: &Running,
    stays: Stays,
    count: usize,
) -> anyhow::Result<Idle> {
    let process = running.process();
    // What comes with the first clients is no part of what each takes.
    let mut kept = come(setting, &running.target, stays, 50).await?;
    let before = process.rss_kib()?;
    kept.extend(come(setting, &running.target, stays, count).await?);
    let after = process.rss_kib()?;
    drop(kept);
    let grown = number(after.saturating_sub(before));
    Ok(Idle {
        count,
        kib_each: grown / number(u64::try_from(count.max(1))?),
    })
}

type Kept = (Client, Option<Incoming>);

async fn come(
    setting: &Setting,
    target: &Target,
    stays: Stays,
    count: usize,
) -> anyhow::Result<Vec<Kept>> {
    let listen = Exchange::new(Era::Modern, &Work::Listen, Expected::Result);
    let mut kept = Vec::new();
    let mut only = None;
    for number in 0..count {
        let target = setting.known(target.clone(), number)?;
        match stays {
            Stays::Listening => {
                let mut client = Client::connect(&target, Era::Modern).await?;
                let opened = client.begin_call(&listen).await?;
                let mut body = opened.into_body();
                // It stands once it is acknowledged.
                let first = body
                    .frame()
                    .await
                    .context("a stream that ended at once")??;
                drop(first);
                kept.push((client, Some(body)));
            }
            Stays::InSession => {
                let mut client = Client::connect(&target, Era::Legacy).await?;
                let opened = client.stream().await?;
                anyhow::ensure!(
                    opened.status().is_success(),
                    "a stream: {}",
                    opened.status()
                );
                kept.push((client, Some(opened.into_body())));
            }
            Stays::Away => {
                let client = match &mut only {
                    Some(client) => client,
                    none => none.insert(Client::connect(&target, Era::Modern).await?),
                };
                client.speak_for(&target);
                client.begin().await?;
            }
        }
    }
    kept.extend(only.map(|client| (client, None)));
    Ok(kept)
}
