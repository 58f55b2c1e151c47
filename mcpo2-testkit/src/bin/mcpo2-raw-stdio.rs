//! Answers on standard output with fixed bytes: `mcpo2-raw-stdio [--modern | --legacy]`.
//!
//! With neither, `server/discover` and `initialize` are both answered, and the rest as a modern
//! server does. Each line received is appended as it is to the file that the environment names in
//! `RAW_LOG`.

use std::{
    env,
    fs::OpenOptions,
    io::{self, Write},
};

use anyhow::bail;
use mcpo2_testkit::raw::{
    Answer, Canned, serve_stdio,
    vendor::{self, Era},
};

fn main() -> anyhow::Result<()> {
    let canned = match env::args().nth(1).as_deref() {
        None => both_eras(),
        Some("--modern") => Canned::vendor(Era::Modern),
        Some("--legacy") => Canned::vendor(Era::Legacy),
        Some(_) => bail!("usage: mcpo2-raw-stdio [--modern | --legacy]"),
    };
    let log: Box<dyn Write> = match env::var_os("RAW_LOG") {
        Some(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
        None => Box::new(io::sink()),
    };
    serve_stdio(&canned, io::stdin().lock(), io::stdout().lock(), log)?;
    Ok(())
}

fn both_eras() -> Canned {
    let opening = vendor::result(Era::Legacy, "initialize").unwrap_or_default();
    Canned::vendor(Era::Modern)
        .with("initialize", Answer::result(&opening))
        .with("ping", Answer::result("{}"))
}
