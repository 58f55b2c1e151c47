use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// How short memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// There is enough.
    Normal,
    /// No sessions and no streams begin, since those stay.
    Tight,
    /// Of calls, one at a time.
    Critical,
}

impl Stage {
    /// The stage where so much is used of so much, after this one: it is entered at a bound, and
    /// left a twentieth below it.
    pub(super) fn next(self, used: u64, limit: u64) -> Self {
        let percent = u128::from(used) * 100 / u128::from(limit.max(1));
        let over = |bound: u128, stage: Self| {
            let bound = if self >= stage { bound - 5 } else { bound };
            percent >= bound
        };
        if over(90, Self::Critical) {
            Self::Critical
        } else if over(80, Self::Tight) {
            Self::Tight
        } else {
            Self::Normal
        }
    }

    pub(super) fn as_number(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::Tight => 1,
            Self::Critical => 2,
        }
    }

    fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Normal,
            1 => Self::Tight,
            _ => Self::Critical,
        }
    }
}

/// The stage, for those who let in.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    stage: AtomicU8,
    reading: Arc<AtomicUsize>,
}

/// How often it is looked at.
const LOOKS: Duration = Duration::from_millis(200);

impl Pressure {
    pub(super) fn stage(&self) -> Stage {
        Stage::from_number(self.stage.load(Relaxed))
    }

    pub(super) fn set(&self, stage: Stage) {
        self.stage.store(stage.as_number(), Relaxed);
    }

    /// Counts a body that is being read, and says how many others are.
    pub(super) fn begin_reading(&self) -> (Reading, usize) {
        let others = self.reading.fetch_add(1, Relaxed);
        (Reading(Arc::clone(&self.reading)), others)
    }

    pub(super) async fn watch(
        &self,
        configured: impl Fn() -> Option<u64>,
        changed: impl Fn(Stage),
    ) {
        let group = group_limit();
        loop {
            if let (Some(limit), Some(used)) = (configured().or(group), used()) {
                let (before, stage) = (self.stage(), self.stage().next(used, limit));
                if stage != before {
                    tracing::warn!(?stage, used, limit, "memory");
                    self.set(stage);
                    changed(stage);
                }
            }
            tokio::time::sleep(LOOKS).await;
        }
    }
}

/// A body that is being read.
#[derive(Debug)]
pub(crate) struct Reading(Arc<AtomicUsize>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The memory of this process, where the system says.
fn used() -> Option<u64> {
    resident(&fs::read_to_string("/proc/self/status").ok()?)
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The least that the control groups of this process allow, of both versions.
fn group_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups
        .lines()
        .filter_map(|line| {
            let (root, path, file) = place(line)?;
            limit_along(Path::new(root), path, file)
        })
        .min()
}

/// Where the limit of a line of `/proc/self/cgroup` stands.
fn place(line: &str) -> Option<(&'static str, &str, &'static str)> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    match controllers {
        "" => Some(("/sys/fs/cgroup", path, "memory.max")),
        v1 if v1.split(',').any(|controller| controller == "memory") => {
            Some(("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"))
        }
        _ => None,
    }
}

/// The least limit of a group and those above it.
fn limit_along(root: &Path, path: &str, file: &str) -> Option<u64> {
    let group = root.join(path.trim_start_matches('/'));
    let groups = group
        .ancestors()
        .take_while(|group| group.starts_with(root));
    groups
        .filter_map(|group| limit(&fs::read_to_string(group.join(file)).ok()?))
        .min()
}

/// A limit that is one: `max`, or what no machine has, is none.
fn limit(text: &str) -> Option<u64> {
    let bytes: u64 = text.trim().parse().ok()?;
    (bytes < 1 << 60).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_entered_at_a_bound_and_left_below_it() {
        let mut stage = Stage::Normal;
        let mut stages = Vec::new();
        for percent in [79, 80, 76, 74, 85, 90, 86, 84, 76, 74, 95, 10] {
            stage = stage.next(percent, 100);
            stages.push(stage.as_number());
        }
        assert_eq!(stages, [0, 1, 1, 0, 1, 2, 2, 1, 1, 0, 2, 0]);
        assert_eq!(Stage::Normal.next(u64::MAX, 0), Stage::Critical);
    }

    #[test]
    fn what_the_system_says_is_read() {
        assert_eq!(
            resident("VmPeak:\t 10 kB\nVmRSS:\t  2048 kB\n"),
            Some(2 << 20)
        );
        assert_eq!(resident("VmRSS: lots"), None);
        assert_eq!(
            place("0::/a/b"),
            Some(("/sys/fs/cgroup", "/a/b", "memory.max"))
        );
        let v1 = Some(("/sys/fs/cgroup/memory", "/x", "memory.limit_in_bytes"));
        assert_eq!(place("4:cpu,memory:/x"), v1);
        assert_eq!(place("3:cpu:/x"), None);
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("9223372036854771712\n"), None);
        assert_eq!(limit("1048576\n"), Some(1 << 20));
        assert!(used().is_some());
    }

    #[test]
    fn the_least_limit_on_the_way_up_holds() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(root.path().join("memory.max"), "max\n").unwrap();
        fs::write(root.path().join("a/memory.max"), "1000\n").unwrap();
        fs::write(deep.join("memory.max"), "5000\n").unwrap();
        assert_eq!(limit_along(root.path(), "/a/b", "memory.max"), Some(1000));
        assert_eq!(limit_along(root.path(), "/", "memory.max"), None);
    }
}
