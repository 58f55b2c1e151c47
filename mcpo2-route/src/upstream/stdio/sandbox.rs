use std::{
    io,
    path::{Path, PathBuf},
    thread,
};

use tokio::{
    process::{Child, Command as Process},
    runtime::Handle,
    sync::oneshot,
};

use super::{child::Group, confine::Confinement, rlimits::ProcessLimits};

/// What a child process is kept from, and all that it starts.
///
/// On Linux a child never gets privileges that its user does not have (`no_new_privs`), is under
/// [`ProcessLimits`], and is confined where a [`Confinement`] says to what. Elsewhere there are no
/// limits, and a module that is to be confined does not start. A confined one has no capabilities,
/// not even where the gateway runs as root.
///
/// It is a fence around programs that were chosen with care. One to be held against its will
/// belongs into a container or a machine of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sandbox {
    /// The most that each process may use.
    pub limits: ProcessLimits,
    /// What may be reached; anything that the gateway's user can, if nothing is said.
    pub confinement: Option<Confinement>,
}

/// A process that runs, and its group. Dropping both ends all of it.
// INVARIANT: the group comes first, so that it is killed before its leader is reaped.
pub(super) type Spawned = (Group, Child);

/// Starts a process in a sandbox.
///
/// `program` is where it lies, if that is known.
pub(super) async fn spawn(
    process: Process,
    program: Option<PathBuf>,
    sandbox: Sandbox,
) -> io::Result<Spawned> {
    let runtime = Handle::current();
    let (give, spawned) = oneshot::channel();
    // What a thread has given up it cannot have again, and its children never have it. So this
    // one lives for one child.
    thread::Builder::new()
        .name("mcpo2-spawn".into())
        .spawn(move || {
            let _context = runtime.enter();
            let child = spawn_here(process, program.as_deref(), &sandbox);
            // Where nobody waits any more it comes back, and ends.
            drop(give.send(child));
        })?;
    let lost = |_| io::Error::other("the thread that starts a module ended");
    spawned.await.map_err(lost)?
}

#[cfg(target_os = "linux")]
fn spawn_here(
    mut process: Process,
    program: Option<&Path>,
    sandbox: &Sandbox,
) -> io::Result<Spawned> {
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};

    set_no_new_privs(true)?;
    if let Some(confinement) = &sandbox.confinement {
        super::confine::confine(confinement, program)?;
        // Landlock does not keep one who has capabilities out of other processes.
        let none = CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        };
        set_capabilities(None, none)?;
    }
    let child = process.spawn()?;
    let spawned = (Group::of(&child), child);
    if let Some(pid) = spawned.0.leader() {
        super::rlimits::impose(&sandbox.limits, pid)?;
    }
    Ok(spawned)
}

#[cfg(not(target_os = "linux"))]
fn spawn_here(mut process: Process, _: Option<&Path>, sandbox: &Sandbox) -> io::Result<Spawned> {
    match &sandbox.confinement {
        Some(_) => Err(io::Error::other("this system keeps no confinement")),
        None => {
            let child = process.spawn()?;
            Ok((Group::of(&child), child))
        }
    }
}
