use std::{fs, time::Duration};

use anyhow::Context as _;

/// A process, as Linux tells of it in `/proc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    /// User and system time of all its threads so far, in ticks of 10 ms as a rule.
    ///
    /// # Errors
    ///
    /// Where there is no such process.
    pub fn cpu(self) -> anyhow::Result<Duration> {
        let stat = self.read("stat")?;
        // The name in parentheses may hold spaces, and parentheses too.
        let (_, fields) = stat
            .rsplit_once(')')
            .context("a stat line without a name")?;
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        let nanos = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
        Ok(Duration::from_nanos(ticks.saturating_mul(nanos)))
    }

    /// The memory that it holds, in KiB.
    ///
    /// # Errors
    ///
    /// Where there is no such process.
    pub fn rss_kib(self) -> anyhow::Result<u64> {
        self.status("VmRSS:")
    }

    /// How many threads it has.
    ///
    /// # Errors
    ///
    /// Where there is no such process.
    pub fn threads(self) -> anyhow::Result<u64> {
        self.status("Threads:")
    }

    /// How many file descriptors it has open.
    ///
    /// # Errors
    ///
    /// Where there is no such process, or it is another user's.
    pub fn fds(self) -> anyhow::Result<u64> {
        let open = fs::read_dir(format!("/proc/{}/fd", self.0))?.count();
        Ok(u64::try_from(open)?)
    }

    /// How many processes it has started that still are.
    pub(crate) fn children(self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0));
        let tasks = tasks.into_iter().flatten().flatten();
        tasks
            .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
            .map(|children| u64::try_from(children.split_whitespace().count()).unwrap_or(0))
            .sum()
    }

    fn status(self, key: &str) -> anyhow::Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number
            .with_context(|| format!("no {key} in status"))?
            .parse()?)
    }

    fn read(self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.0);
        fs::read_to_string(&path).with_context(|| path)
    }
}

/// Lets this process, and those that it starts, have this many descriptors, if it may.
pub(crate) fn allow_fds(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let maximum = limit.maximum.unwrap_or(u64::MAX);
    let attempts = [
        Rlimit {
            current: Some(wanted),
            maximum: Some(maximum.max(wanted)),
        },
        Rlimit {
            current: Some(maximum.min(wanted)),
            maximum: limit.maximum,
        },
    ];
    for attempt in attempts {
        if setrlimit(Resource::Nofile, attempt).is_ok() {
            break;
        }
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there_and_works() {
        let own = Process(std::process::id());
        let before = own.cpu().unwrap();
        let mut number = 1_u64;
        while own.cpu().unwrap() == before {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
        }
        assert!(
            own.rss_kib().unwrap() > 0 && own.threads().unwrap() > 0,
            "{number}"
        );
        assert!(own.fds().unwrap() > 2);
    }
}
