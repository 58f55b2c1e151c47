//! Mixed traffic for a long time, and a look at what grows.

mod samples;
mod traffic;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::{
    samples::{Sample, Samples},
    traffic::Traffic,
};
use crate::{
    bench::setting::{Gateway, Setting, http_module},
    child::Running,
    process::allow_fds,
};

/// Fails on any wrong answer, and where memory, descriptors or threads grow after the warm-up.
#[derive(Debug, clap::Args)]
pub(crate) struct Soak {
    /// How long, as in `90s`, `10m` or `2h`
    #[arg(long, default_value = "10m", value_parser = duration)]
    duration: Duration,
    /// The gateway; the `mcpo2` beside this program, if none is given
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// Requests a second, about, of all kinds together
    #[arg(long, default_value_t = 400.0)]
    rate: f64,
    /// Writes all samples into this file
    #[arg(long)]
    json: Option<PathBuf>,
}

/// The module that is a child process.
pub(crate) const PIPE: &str = "pipe";

impl Soak {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        allow_fds(8_192);
        let setting = Setting::new(self.gateway.clone())?;
        let upstream = setting.upstream("upstream", 10)?;
        let mut gateway = setting.start(&Gateway {
            name: "soak",
            durability: "group",
            modules: modules(&setting, &upstream)?,
            rules: vec![
                json!({ "id": "pipe", "effect": "allow", "tools": [format!("{PIPE}__*")] }),
                json!({ "id": "others", "effect": "allow", "tools": ["bench__l*", "bench__stream"] }),
            ],
        })?;
        let traffic = Traffic::start(&setting, &gateway.target, self.rate)?;
        let samples = self.watch(&gateway).await?;
        let tally = traffic.stop().await;
        let mut faults = samples.growth();
        faults.extend(tally.faults.iter().cloned());
        if let Err(error) = settles(&gateway, &samples).await {
            faults.push(format!("{error:#}"));
        }
        gateway.stop().context("the end")?;
        println!("{}", samples.summary());
        println!("{}", tally.summary());
        if let Some(path) = &self.json {
            std::fs::write(path, serde_json::to_string(&samples)?)?;
        }
        for fault in &faults {
            eprintln!("soak: {fault}");
        }
        Ok(ExitCode::from(u8::from(!faults.is_empty())))
    }

    async fn watch(&self, gateway: &Running) -> anyhow::Result<Samples> {
        let every = (self.duration / 240).max(Duration::from_millis(500));
        let end = Instant::now() + self.duration;
        let mut samples = Samples::default();
        while Instant::now() < end {
            tokio::time::sleep(every).await;
            let sample = Sample::of(gateway.process()).context("the gateway is gone")?;
            samples.push(sample);
        }
        Ok(samples)
    }
}

/// Once nobody calls any more, nothing stays open of what callers had.
async fn settles(gateway: &Running, samples: &Samples) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(30);
    let most = samples.least_fds() + 24;
    loop {
        let fds = gateway.process().fds()?;
        if fds <= most {
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < until,
            "{fds} descriptors stay open when nobody calls any more, {most} would be in order"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn modules(setting: &Setting, upstream: &Running) -> anyhow::Result<Value> {
    let mut modules = http_module(&upstream.target);
    let own = setting.own_program().to_string_lossy().into_owned();
    let pipe = json!({
        "id": PIPE, "family": "engineering", "tier": 2, "approval": "approved",
        "stdio": { "command": own, "args": ["serve", "stdio", "--tools", "4"] },
    });
    let all = modules.as_array_mut().context("a list")?;
    all.push(pipe);
    Ok(modules)
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err("a duration is a number and s, m or h".into()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "a duration begins with a number")?;
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        for wrong in ["10", "m", "1d", "-1s"] {
            duration(wrong).unwrap_err();
        }
    }
}
