//! What is compared.

use super::{
    figures::{Figure, Target as To},
    setting::{Gateway, Setting, http_module},
};
use crate::{Target, child::Running, report::Row};

/// The upstream, the floor and the gateway, each before the same upstream.
pub(super) struct Field {
    pub(super) upstream: Running,
    pub(super) floor: Running,
    pub(super) chained: Running,
    pub(super) gateway: Running,
    pub(super) durable: Running,
}

/// One number of each of the field.
pub(super) struct Each([Option<f64>; 5]);

impl Field {
    /// Starts them before an upstream with so many tools.
    pub(super) fn start(setting: &Setting, tools: usize) -> anyhow::Result<Self> {
        let upstream = setting.upstream("upstream", tools)?;
        let chain = setting.path("chain");
        Ok(Self {
            floor: setting.floor("floor", &upstream.target, None)?,
            chained: setting.floor("floor, chained", &upstream.target, Some(&chain))?,
            gateway: setting.start(&gateway("gateway", "async", &upstream))?,
            durable: setting.start(&gateway("gateway, durable", "group", &upstream))?,
            upstream,
        })
    }

    pub(super) fn all(&self) -> Vec<&Target> {
        self.each().map(|running| &running.target).into()
    }

    fn each(&self) -> [&Running; 5] {
        [
            &self.upstream,
            &self.floor,
            &self.chained,
            &self.gateway,
            &self.durable,
        ]
    }

    pub(super) fn rss(&self, of: impl Fn(&Running) -> anyhow::Result<f64>) -> Each {
        Each(self.each().map(|running| of(running).ok()))
    }
}

impl Each {
    /// It as a row of the table.
    pub(super) fn figure(self, name: &str, target: To) -> Figure {
        let [upstream, floor, chained, gateway, durable] = self.0;
        Figure {
            name: name.into(),
            digits: 1,
            upstream,
            floor,
            chained,
            gateway,
            durable,
            target: Some(target),
        }
    }
}

/// What these rows show, as a row of the table.
pub(super) fn figure(
    name: &str,
    digits: usize,
    rows: &[Row],
    of: impl Fn(&Row) -> Option<f64>,
) -> Figure {
    let of = |target: &str| of(rows.iter().find(|row| row.target == target)?);
    Figure {
        name: name.into(),
        digits,
        upstream: of("upstream"),
        floor: of("floor"),
        chained: of("floor, chained"),
        gateway: of("gateway"),
        durable: of("gateway, durable"),
        target: None,
    }
}

/// A gateway before the upstream alone, that allows everything.
pub(super) fn gateway<'a>(name: &'a str, durability: &'a str, upstream: &Running) -> Gateway<'a> {
    Gateway {
        name,
        durability,
        modules: http_module(&upstream.target),
        rules: Vec::new(),
    }
}
