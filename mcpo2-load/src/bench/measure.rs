//! The parts of a run.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::{
    field::{Field, figure, gateway},
    figures::{Figure, Figures, Target as To},
    idle::{self, Stays},
    setting::Setting,
};
use crate::{
    Client, Era, Exchange, Expected, Load, Pace, Target, Work,
    child::Running,
    governance::{MODULE, VISIBLE},
    load::number,
    plot::latencies,
    report::{Row, interleave, median, rows},
};

/// A run, on its way.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    setting: &'a Setting,
    scale: f64,
    figures: &'a mut Figures,
}

impl<'a> Bench<'a> {
    pub(super) fn new(setting: &'a Setting, scale: f64, figures: &'a mut Figures) -> Self {
        Self {
            setting,
            scale,
            figures,
        }
    }

    /// Small calls: on 16, 1 and 64 connections, at a rate, of more bytes, and in sessions.
    pub(super) async fn calls(&mut self) -> anyhow::Result<()> {
        let field = Field::start(self.setting, 10)?;
        let rss = |one: &Running| Ok(number(one.process().rss_kib()?) / 1024.0);
        let idle = field.rss(rss);
        let slowest = self.sixteen(&field).await?;
        self.single(&field).await?;
        let many = self.compare(&field.all(), &echo(64, 32), 1.0, 3).await?;
        self.plot(
            "64-connections",
            "64 connections, as fast as they can",
            &many,
        );
        let mut open = echo(16, 32);
        open.pace = Pace::Open((slowest * 0.6).clamp(100.0, 20_000.0));
        let open = self.compare(&field.all(), &open, 1.5, 3).await?;
        self.plot(
            "open-loop",
            "open loop, from when each request was due",
            &open,
        );
        self.figures.rows(many);
        self.figures.rows(open);
        self.others(&field).await?;
        self.figures
            .push(idle.figure("RSS MiB, idle", To::AtMost(12.0)));
        let after = field.rss(rss);
        self.figures
            .push(after.figure("RSS MiB, after load", To::AtMost(30.0)));
        Ok(())
    }

    /// Gives the rate of the slowest.
    async fn sixteen(&mut self, field: &Field) -> anyhow::Result<f64> {
        let rows = self.compare(&field.all(), &echo(16, 32), 1.5, 6).await?;
        self.plot(
            "16-connections",
            "16 connections, as fast as they can",
            &rows,
        );
        let named = |what: &str| format!("{what}, 16 connections");
        self.figures
            .push(figure(&named("CPU µs a call"), 1, &rows, |row| row.cpu.us).to(To::AtMost(35.0)));
        self.figures.push(
            figure(&named("of the floor's CPU"), 2, &rows, |row| row.cpu.ratio).to(To::AtMost(2.1)),
        );
        self.figures.push(
            figure(&named("calls/s"), 0, &rows, |row| Some(row.rate.of)).to(To::AtLeast(28_000.0)),
        );
        self.figures.push(
            figure(&named("of the floor's calls/s"), 2, &rows, |row| {
                row.rate.ratio
            })
            .to(To::AtLeast(0.62)),
        );
        let slowest = rows.iter().map(|row| row.rate.of).fold(f64::MAX, f64::min);
        self.figures.rows(rows);
        Ok(slowest)
    }

    async fn single(&mut self, field: &Field) -> anyhow::Result<()> {
        let rows = self.compare(&field.all(), &echo(1, 32), 1.0, 5).await?;
        self.plot("1-connection", "1 connection, as fast as it can", &rows);
        let bare = rows.iter().find(|row| row.target == "upstream");
        let (p50, p99) = bare.map_or((0.0, 0.0), |row| (row.latency.p50_us, row.latency.p99_us));
        self.figures.push(
            figure("CPU µs a call, 1 connection", 1, &rows, |row| row.cpu.us).to(To::AtMost(70.0)),
        );
        self.figures.push(
            figure("added p50 µs, 1 connection", 0, &rows, |row| {
                Some(row.latency.p50_us - p50)
            })
            .to(To::AtMost(70.0)),
        );
        self.figures.push(
            figure("added p99 µs, 1 connection", 0, &rows, |row| {
                Some(row.latency.p99_us - p99)
            })
            .to(To::AtMost(120.0)),
        );
        self.figures.rows(rows);
        Ok(())
    }

    async fn others(&mut self, field: &Field) -> anyhow::Result<()> {
        for bytes in [1 << 10, 16 << 10] {
            let targets = [&field.floor.target, &field.gateway.target];
            let rows = self.compare(&targets, &echo(16, bytes), 0.8, 3).await?;
            self.figures.rows(labelled(rows, &format!("{bytes} B")));
        }
        let load = Load {
            era: Era::Legacy,
            exchange: exchange(Era::Legacy, 32),
            ..echo(16, 32)
        };
        let targets = [&field.upstream.target, &field.gateway.target];
        let rows = self.compare(&targets, &load, 1.0, 3).await?;
        self.figures.rows(labelled(rows, "in sessions"));
        Ok(())
    }

    /// A text of 1 MiB, there and back.
    pub(super) async fn large(&mut self) -> anyhow::Result<()> {
        let field = Field::start(self.setting, 10)?;
        let mut rows = self
            .compare(&field.all(), &echo(2, 1 << 20), 1.5, 4)
            .await?;
        rows.iter_mut()
            .for_each(|row| row.load = format!("{}, 1 MiB echo", row.load));
        self.figures
            .push(figure("1 MiB echo: CPU µs", 0, &rows, |row| row.cpu.us).to(To::AtMost(1_900.0)));
        self.figures.rows(rows);
        Ok(())
    }

    /// Lists of which the caller may see a part.
    pub(super) async fn lists(&mut self) -> anyhow::Result<()> {
        for tools in [202, 1_000] {
            let field = Field::start(self.setting, tools)?;
            let load = |shown| Load {
                exchange: Exchange::new(Era::Modern, &Work::List, Expected::Tools(shown)),
                ..echo(2, 32)
            };
            // What is listed differs, so the floor, which shows all, is measured apart.
            let mut rows = self
                .compare(
                    &[&field.upstream.target, &field.floor.target],
                    &load(tools),
                    1.0,
                    3,
                )
                .await?;
            rows.extend(
                self.compare(
                    &[&field.gateway.target, &field.durable.target],
                    &load(VISIBLE),
                    1.0,
                    3,
                )
                .await?,
            );
            rows.iter_mut()
                .for_each(|row| row.load = format!("{}, list of {tools} tools", row.load));
            let figure = figure(
                &format!("filtered `tools/list` of {tools} tools, CPU µs"),
                0,
                &rows,
                |row| row.cpu.us,
            );
            self.figures.push(match tools {
                202 => figure.to(To::AtMost(30.0)),
                _ => figure,
            });
            self.figures.rows(rows);
        }
        Ok(())
    }

    /// Sessions begun and ended, one after another.
    pub(super) async fn sessions(&mut self) -> anyhow::Result<()> {
        let field = Field::start(self.setting, 10)?;
        let (mut rates, mut costs) = (Vec::new(), Vec::new());
        for running in [&field.upstream, &field.gateway] {
            let (rate, cpu) = self.session_rate(running).await?;
            rates.push(rate);
            costs.push(cpu);
        }
        let pair = |name: &str, digits, values: &[f64]| Figure {
            name: name.into(),
            digits,
            upstream: values.first().copied(),
            gateway: values.get(1).copied(),
            ..Figure::default()
        };
        self.figures
            .push(pair("sessions begun and ended, a second", 0, &rates));
        self.figures.push(pair("CPU µs a session", 0, &costs));
        Ok(())
    }

    async fn session_rate(&self, running: &Running) -> anyhow::Result<(f64, f64)> {
        let mut client = Client::connect(&running.target, Era::Modern).await?;
        let before = running.process().cpu()?;
        let start = Instant::now();
        let mut count = 0;
        while start.elapsed() < self.time(2.0) {
            client.begin().await?;
            let status = client.end().await?;
            anyhow::ensure!(status.is_success(), "the end of a session: {status}");
            count += 1;
        }
        let seconds = start.elapsed().as_secs_f64();
        let cpu = running.process().cpu()?.saturating_sub(before);
        let count = number(count);
        Ok((count / seconds, cpu.as_secs_f64() * 1e6 / count))
    }

    /// From the start of the process to the first answer, and what there is to start.
    pub(super) async fn starts(&mut self) -> anyhow::Result<()> {
        let upstream = self.setting.upstream("upstream", 10)?;
        let gateway = gateway("starts", "async", &upstream);
        let (mut floors, mut gateways) = (Vec::new(), Vec::new());
        for _ in 0..9 {
            let start = Instant::now();
            let floor = self.setting.floor("floor-start", &upstream.target, None)?;
            floors.push(first_answer(&floor, start).await?);
            let start = Instant::now();
            let mut gateway = self.setting.start(&gateway)?;
            gateways.push(first_answer(&gateway, start).await?);
            gateway.stop()?;
        }
        self.figures.push(Figure {
            name: "exec to first answer, ms".into(),
            digits: 1,
            floor: median(floors.into_iter()),
            gateway: median(gateways.into_iter()),
            target: Some(To::AtMost(8.0)),
            ..Figure::default()
        });
        let size = |path| Ok::<_, std::io::Error>(number(std::fs::metadata(path)?.len()) / 1e6);
        self.figures.push(Figure {
            name: "binary, MB".into(),
            digits: 1,
            gateway: Some(size(self.setting.gateway_program())?),
            target: Some(To::AtMost(20.0)),
            ..Figure::default()
        });
        Ok(())
    }

    /// Streams and sessions in which nobody says anything.
    pub(super) async fn idle(&mut self, count: usize) -> anyhow::Result<()> {
        let upstream = self.setting.upstream("upstream", 10)?;
        let each = [
            ("subscriptions/listen", Stays::Listening, 32.0),
            ("session with its stream", Stays::InSession, 32.0),
            ("session, connection dropped", Stays::Away, 2.0),
        ];
        for (name, stays, most) in each {
            let gateway = self.setting.start(&gateway("idle", "async", &upstream))?;
            let floor = self.setting.floor("floor-idle", &upstream.target, None)?;
            let idle = idle::measure(self.setting, &gateway, stays, count)
                .await
                .context(name)?;
            let least = match stays {
                Stays::Away => None,
                _ => Some(
                    idle::measure(self.setting, &floor, stays, count)
                        .await?
                        .kib_each,
                ),
            };
            self.figures.push(Figure {
                name: format!("KiB for each of {} idle: {name}", idle.count),
                digits: 1,
                floor: least,
                gateway: Some(idle.kib_each),
                target: Some(To::AtMost(most)),
                ..Figure::default()
            });
        }
        Ok(())
    }

    async fn compare(
        &self,
        targets: &[&Target],
        load: &Load,
        seconds: f64,
        rounds: usize,
    ) -> anyhow::Result<Vec<Row>> {
        let load = Load {
            duration: self.time(seconds),
            ..load.clone()
        };
        let series = interleave(&load, targets, rounds).await?;
        Ok(rows(&load, &series, Some("floor")))
    }

    fn plot(&mut self, name: &str, title: &str, rows: &[Row]) {
        self.figures.plot(name, latencies(title, rows));
    }

    fn time(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds * self.scale).clamp(0.05, 3_600.0))
    }
}

fn exchange(era: Era, bytes: usize) -> Exchange {
    let (work, expected) = Work::echo(&format!("{MODULE}__echo"), bytes);
    Exchange::new(era, &work, expected)
}

fn echo(connections: usize, bytes: usize) -> Load {
    Load {
        connections,
        duration: Duration::ZERO,
        pace: Pace::Closed,
        era: Era::Modern,
        exchange: exchange(Era::Modern, bytes),
    }
}

fn labelled(mut rows: Vec<Row>, with: &str) -> Vec<Row> {
    for row in &mut rows {
        row.load = format!("{}, {with}", row.load);
    }
    rows
}

async fn first_answer(running: &Running, start: Instant) -> anyhow::Result<f64> {
    let mut client = Client::connect(&running.target, Era::Modern).await?;
    client.call(&exchange(Era::Modern, 32)).await?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}
