use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use mcpo2_route::upstream::stdio::{self, Confinement, ProcessLimits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::unit::{duration, size};

/// What a child process is kept from, and all that it starts. On Linux alone; 0 is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Sandbox {
    /// Memory of each process that it alone can write to. What is only reserved does not count.
    #[serde(with = "size")]
    #[schemars(with = "super::schema::Size")]
    pub memory: usize,
    /// Open files of each process.
    pub open_files: u64,
    /// Bytes of each file that a process writes.
    #[serde(with = "size")]
    #[schemars(with = "super::schema::Size")]
    pub file_size: usize,
    /// Processes and threads of the user that it runs as, others than the module's own among
    /// them, up to which it can start one more. Never a limit for root.
    pub processes: u64,
    /// Time of each process on a processor, in whole seconds.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub cpu_time: Duration,
    /// What it may reach, in place of all that the user of the gateway can. Where the kernel does
    /// not keep it (Linux 5.13 with Landlock does), the module does not start.
    pub confine: Option<Confine>,
}

/// What a module may reach beside the programs and libraries of the system: nothing, if nothing
/// is written. It has no capabilities, and sends no signals to processes of others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Confine {
    /// Files and directories that it may read, with all below. Its `cwd` is one, where it is
    /// written.
    pub read: Vec<PathBuf>,
    /// Files and directories that it may write as well, with all below.
    pub write: Vec<PathBuf>,
    /// TCP ports that it may connect to, and then it listens at none; all if nothing is written.
    /// UDP is not covered. It takes Linux 6.7.
    pub connect: Option<Vec<u16>>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            memory: 8 << 30,
            open_files: 4096,
            file_size: 16 << 30,
            processes: 0,
            cpu_time: Duration::ZERO,
            confine: None,
        }
    }
}

impl Sandbox {
    /// Makes the paths relative to `base`, and a `cwd` that is written one that may be read.
    pub(super) fn resolve(&mut self, base: &Path, cwd: Option<&Path>) {
        let Some(confine) = &mut self.confine else {
            return;
        };
        confine.read.extend(cwd.map(Path::to_owned));
        for path in confine.read.iter_mut().chain(&mut confine.write) {
            *path = base.join(&*path);
        }
    }

    /// The same for the adapter.
    pub(crate) fn compile(&self) -> stdio::Sandbox {
        let limit = |limit: u64| (limit > 0).then_some(limit);
        let bytes = |size: usize| limit(u64::try_from(size).unwrap_or(u64::MAX));
        let mut limits = ProcessLimits::inherited();
        limits.memory = bytes(self.memory);
        limits.open_files = limit(self.open_files);
        limits.file_size = bytes(self.file_size);
        limits.processes = limit(self.processes);
        limits.cpu_time = Some(self.cpu_time).filter(|time| !time.is_zero());
        let mut sandbox = stdio::Sandbox::default();
        sandbox.limits = limits;
        sandbox.confinement = self.confine.as_ref().map(|confine| {
            let mut confinement = Confinement::default();
            confinement.read.clone_from(&confine.read);
            confinement.write.clone_from(&confine.write);
            confinement.connect.clone_from(&confine.connect);
            confinement
        });
        sandbox
    }
}
