use std::time::Duration;

/// The most that each process of a module may use. The kernel keeps it, for each process alone.
///
/// A limit that the gateway itself is under holds where it is lower. There never is a core dump:
/// it would write to disk what a module knows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessLimits {
    /// Bytes of memory that it alone can write to (`RLIMIT_DATA`); 8 GiB by default. Address space
    /// that is only reserved, as runtimes do it, does not count, and neither do files in memory.
    pub memory: Option<u64>,
    /// Open files (`RLIMIT_NOFILE`); 4,096 by default.
    pub open_files: Option<u64>,
    /// Bytes of a file that it writes (`RLIMIT_FSIZE`); 16 GiB by default.
    pub file_size: Option<u64>,
    /// Processes and threads of its user when it starts one more, the gateway's among them
    /// (`RLIMIT_NPROC`). Nobody by default, and never for root.
    pub processes: Option<u64>,
    /// Time on a processor (`RLIMIT_CPU`), in whole seconds; as much as it likes by default.
    pub cpu_time: Option<Duration>,
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self {
            memory: Some(8 << 30),
            open_files: Some(4096),
            file_size: Some(16 << 30),
            processes: None,
            cpu_time: None,
        }
    }
}

impl ProcessLimits {
    /// Only those that the gateway is under itself, and no core dump.
    #[must_use]
    pub fn inherited() -> Self {
        Self {
            memory: None,
            open_files: None,
            file_size: None,
            processes: None,
            cpu_time: None,
        }
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::impose;

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use rustix::{
        io::Errno,
        process::{Pid, Resource, Rlimit, getrlimit, prlimit},
    };

    use super::ProcessLimits;

    /// Puts a process under limits, for good.
    ///
    /// What it started before is not under them. A process that was just started cannot have
    /// done much, but nothing keeps one that knows of this from trying.
    pub(in crate::upstream::stdio) fn impose(
        limits: &ProcessLimits,
        process: Pid,
    ) -> io::Result<()> {
        let seconds = limits.cpu_time.map(|time| time.as_secs().max(1));
        for (resource, limit) in [
            (Resource::Core, Some(0)),
            (Resource::Data, limits.memory),
            (Resource::Nofile, limits.open_files),
            (Resource::Fsize, limits.file_size),
            (Resource::Nproc, limits.processes),
            (Resource::Cpu, seconds),
        ] {
            let Some(limit) = limit else {
                continue;
            };
            // Who is not root cannot raise one.
            let most = getrlimit(resource).maximum;
            let limit = Some(most.map_or(limit, |most| most.min(limit)));
            let limit = Rlimit {
                current: limit,
                maximum: limit,
            };
            match prlimit(Some(process), resource, limit) {
                Ok(_) => {}
                // It has ended already.
                Err(Errno::SRCH) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
