//! Row U13: restarts leave nothing behind. The only test of its process, since it counts what that
//! holds.
#![cfg(all(feature = "stdio", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "tests")]

mod shell;

use std::{fs, time::Duration};

use mcpo2_core::ErrorKind;

use shell::{ask, module, open, until};

/// What this process holds: descriptors, threads, and children, dead or alive.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    files: usize,
    threads: usize,
    children: Vec<String>,
    /// What children started and did not end.
    grandchildren: usize,
}

/// How long grandchildren sleep, by which they are known.
fn nap() -> u32 {
    1_000_000 + std::process::id()
}

impl Held {
    fn now() -> Self {
        let count = |dir: &str| fs::read_dir(dir).unwrap().count();
        let parent = format!("PPid:\t{}\n", std::process::id());
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let statuses = processes.filter_map(|it| fs::read_to_string(it.path().join("status")).ok());
        Self {
            files: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            children: statuses.filter(|status| status.contains(&parent)).collect(),
            grandchildren: sleepers(),
        }
    }
}

fn sleepers() -> usize {
    let command = format!("sleep\0{}\0", nap());
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let commands = processes.filter_map(|it| fs::read_to_string(it.path().join("cmdline")).ok());
    commands.filter(|it| *it == command).count()
}

#[tokio::test]
async fn u13_a_thousand_restarts_leave_no_file_no_thread_no_process_and_no_zombie() {
    let upstreams = [
        // Ends when it is asked to.
        module("while read -r line; do :; done"),
        // Ends in a call, with an answer half said.
        module("read -r line; read -r line; printf '{\"jsonrpc\"'; exit 3"),
        // Is killed in a call.
        module("read -r line; read -r line; kill -9 $$"),
        // Ends in a call while what it started goes on with its pipes.
        module(&format!(
            "sleep {} & read -r line; read -r line; exit 0",
            nap()
        )),
        // Closes what it should read from, so that who writes there meets a broken pipe.
        module("read -r line; exec 0<&-; sleep 0.01; exit 0"),
    ];
    let threads = || fs::read_dir("/proc/self/task").unwrap().count();
    let alone = threads();
    open(&upstreams[0]).await.close().await;
    until("the thread that started it stayed", || threads() == alone).await;
    let before = Held::now();
    assert_eq!(before.children, Vec::<String>::new());
    for round in 0..200 {
        for (index, upstream) in upstreams.iter().enumerate() {
            let link = open(upstream).await;
            match index {
                0 if round % 2 == 0 => drop(link),
                0 => link.close().await,
                _ => {
                    assert_eq!(ask(&*link).await, ErrorKind::Unavailable);
                    assert!(!link.is_open());
                    link.close().await;
                }
            }
        }
    }
    // And nobody waits until it has greeted, or even started.
    let abandoned = module(&format!("sleep {} & while read -r line; do :; done", nap()));
    for round in 0..200 {
        let patience = Duration::from_micros(round * 20);
        drop(tokio::time::timeout(patience, open(&abandoned)).await);
    }
    until("something stayed", || Held::now() == before).await;
}
