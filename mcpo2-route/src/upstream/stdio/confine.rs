use std::path::PathBuf;

/// What a module that is confined may reach: the programs and libraries of the system, its own
/// program, and what is listed here. The kernel keeps it by Landlock.
///
/// It holds for the child and all that it starts, and cannot be left. It covers files and TCP.
/// It does not cover UDP, sockets in the file system, and what other processes do for the module
/// when it asks them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Confinement {
    /// Files and directories that it may read, with all below, and execute.
    pub read: Vec<PathBuf>,
    /// Files and directories that it may write as well, with all below.
    pub write: Vec<PathBuf>,
    /// TCP ports that it may connect to, on any host, in place of all; with it, it listens at
    /// none.
    pub connect: Option<Vec<u16>>,
}

/// What the kernel can keep of a [`Confinement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Support {
    /// Files can be kept from it: Linux 5.13, with Landlock switched on.
    pub files: bool,
    /// TCP ports can be: Linux 6.7.
    pub tcp: bool,
    /// All else that [`Confinement`] keeps where it can: truncation of files that it may not
    /// write (Linux 6.2), devices (6.10), and signals and abstract sockets to processes outside
    /// (6.12).
    pub all: bool,
}

impl Support {
    /// What this kernel can keep.
    #[must_use]
    pub fn of_this_kernel() -> Self {
        probe()
    }

    /// Whether all that a confinement asks for can be kept.
    #[must_use]
    pub fn suffices(self, confinement: &Confinement) -> bool {
        self.files && (self.tcp || confinement.connect.is_none())
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::{confine, probe};

#[cfg(target_os = "linux")]
mod linux {
    use std::{io, path::Path};

    use landlock::{
        ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath,
        PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
        RulesetStatus, Scope, path_beneath_rules,
    };

    use mcpo2_core::BoxError;

    use super::{Confinement, Support};

    /// What programs are made of. Where one is not there, nothing is missing.
    const SYSTEM: [&str; 9] = [
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/nix/store",
        "/proc",
    ];

    /// What programs read of a system's settings, none of it secret. `/etc` has secrets beside.
    const SETTINGS: [&str; 32] = [
        "/etc/alternatives",
        "/etc/ca-certificates",
        "/etc/crypto-policies",
        "/etc/default/locale",
        "/etc/fonts",
        "/etc/gai.conf",
        "/etc/group",
        "/etc/host.conf",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/etc/ld.so.preload",
        "/etc/locale.conf",
        "/etc/localtime",
        "/etc/mime.types",
        "/etc/nsswitch.conf",
        "/etc/os-release",
        "/etc/passwd",
        "/etc/pki/ca-trust/extracted",
        "/etc/pki/tls/cert.pem",
        "/etc/pki/tls/certs",
        "/etc/protocols",
        "/etc/resolv.conf",
        "/etc/services",
        "/etc/ssl/cert.pem",
        "/etc/ssl/certs",
        "/etc/ssl/openssl.cnf",
        "/etc/timezone",
        "/sys/devices/system",
        "/sys/fs/cgroup",
    ];

    const DEVICES: [&str; 5] = [
        "/dev/full",
        "/dev/null",
        "/dev/random",
        "/dev/urandom",
        "/dev/zero",
    ];

    /// The newest revision of Landlock that this was tried with.
    const NEWEST: ABI = ABI::V7;

    pub(in crate::upstream::stdio) fn probe() -> Support {
        let can = |abi: ABI| {
            let rules = ruleset(abi, abi >= ABI::V4, CompatLevel::HardRequirement);
            rules.and_then(Ruleset::create).is_ok()
        };
        Support {
            files: can(ABI::V1),
            tcp: can(ABI::V4),
            all: can(NEWEST),
        }
    }

    /// Confines the calling thread and all that it starts, and no other thread.
    ///
    /// `program` is what it starts next.
    pub(in crate::upstream::stdio) fn confine(
        confinement: &Confinement,
        program: Option<&Path>,
    ) -> io::Result<()> {
        let rules = rules(confinement, program).map_err(io::Error::other)?;
        let status = rules.restrict_self().map_err(io::Error::other)?;
        match status.ruleset {
            RulesetStatus::FullyEnforced => Ok(()),
            RulesetStatus::PartiallyEnforced => {
                tracing::debug!("the kernel keeps a part of a confinement only");
                Ok(())
            }
            RulesetStatus::NotEnforced => Err(io::Error::other("the kernel keeps no confinement")),
        }
    }

    fn rules(
        confinement: &Confinement,
        program: Option<&Path>,
    ) -> Result<RulesetCreated, BoxError> {
        let read = AccessFs::from_read(NEWEST);
        let all = AccessFs::from_all(NEWEST);
        let device = AccessFs::ReadFile | AccessFs::WriteFile;
        // The least is what must not be missing; what comes on top is kept where it can be.
        ruleset(ABI::V1, false, CompatLevel::HardRequirement)?.create()?;
        let tcp = confinement.connect.is_some();
        if tcp {
            ruleset(ABI::V4, true, CompatLevel::HardRequirement)?.create()?;
        }
        let mut rules = ruleset(NEWEST, tcp, CompatLevel::BestEffort)?
            .create()?
            .add_rules(path_beneath_rules(SYSTEM, read))?
            .add_rules(path_beneath_rules(SETTINGS, read))?
            .add_rules(path_beneath_rules(DEVICES, device))?
            .add_rules(path_beneath_rules(program, read))?;
        // What is listed has to be there: a module that lacks it would fail later, and less clearly.
        for (paths, access) in [(&confinement.read, read), (&confinement.write, all)] {
            for path in paths {
                rules = rules.add_rule(beneath(path, access)?)?;
            }
        }
        for port in confinement.connect.iter().flatten() {
            rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
        Ok(rules)
    }

    fn beneath(path: &Path, access: BitFlags<AccessFs>) -> Result<PathBeneath<PathFd>, BoxError> {
        let access = match path.is_dir() {
            true => access,
            false => access & AccessFs::from_file(NEWEST),
        };
        Ok(PathBeneath::new(PathFd::new(path)?, access))
    }

    fn ruleset(abi: ABI, tcp: bool, level: CompatLevel) -> Result<Ruleset, RulesetError> {
        let mut rules = Ruleset::default()
            .set_compatibility(level)
            .handle_access(AccessFs::from_all(abi))?;
        if tcp {
            rules = rules.handle_access(AccessNet::from_all(abi))?;
        }
        if abi >= ABI::V6 {
            rules = rules.scope(Scope::from_all(abi))?;
        }
        Ok(rules)
    }
}

#[cfg(not(target_os = "linux"))]
fn probe() -> Support {
    Support {
        files: false,
        tcp: false,
        all: false,
    }
}
