use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::Path,
    time::Duration,
};

use mcpo2_verify::{
    Hash,
    checkpoint::SignedCheckpoint,
    hash_from_base64,
    log::{
        Attack, Disclosed, Event, Finding, Options, Vault, claimed_key, rotations,
        verify_checkpoints, verify_range, verify_record, verify_with,
    },
    note::Note,
    proof::Proof,
    trust::Trust,
};

use super::{
    Outcome,
    args::{Args, number},
    show,
};

type Said = Result<String, Outcome>;

impl From<String> for Outcome {
    fn from(why: String) -> Self {
        Self::Usage(why)
    }
}

pub(super) fn log(mut args: Args) -> Said {
    let dir = args.word("the directory of the ledger")?;
    let (json, trusted) = (args.flag("--json"), trust(&mut args)?);
    let mut options = Options::default();
    if let Some(path) = args.option("--since")? {
        options = options.with_since(checkpoint(&path)?);
    }
    if let Some(window) = args.option("--window")? {
        options = options.with_window(Duration::from_secs(number(&window)?));
    }
    if args.flag("--values") {
        options = options.with_vault(Vault::Required);
    }
    args.finish()?;
    let dir = Path::new(&dir);
    let trust = known_or_claimed(trusted, dir, json)?;
    let mut progress = Progress::new();
    let watch = &mut |event: Event<'_>| progress.take(event);
    let report = verify_with(dir, &trust, &options, watch);
    progress.end();
    let report = report.map_err(|finding| Outcome::Found(finding, json))?;
    Ok(show::report(&report, json))
}

pub(super) fn range(mut args: Args) -> Said {
    let dir = args.word("the directory of the ledger")?;
    let records = args.number("the first record")?..args.number("the record behind the last")?;
    let (json, trusted, print) = (args.flag("--json"), trust(&mut args)?, args.flag("--print"));
    args.finish()?;
    let dir = Path::new(&dir);
    let trust = known_or_claimed(trusted, dir, json)?;
    let mut printed = String::new();
    let watch = &mut |event: Event<'_>| {
        if let Event::Record(leaf, body) = event
            && print
            && records.contains(&leaf.seq)
        {
            printed.push_str(body.public());
            printed.push('\n');
        }
    };
    let report = verify_range(dir, &trust, records.clone(), watch);
    let report = report.map_err(|finding| Outcome::Found(finding, json))?;
    match print {
        true => Ok(printed),
        false => Ok(show::range(&report, &records, json)),
    }
}

pub(super) fn proof(mut args: Args) -> Said {
    let path = args.word("the proof")?;
    let (json, trusted) = (args.flag("--json"), trust(&mut args)?);
    let trust = trusted.ok_or_else(|| "--key or --trust is missing".to_owned())?;
    let record = args.option("--record")?;
    let record = read(&record.ok_or_else(|| "--record is missing".to_owned())?)?;
    let notes = notes(&mut args, json)?;
    let (paths, values) = (args.all("--field"), args.all("--value"));
    let salts = args.all("--salt");
    args.finish()?;
    let salts = salts.iter().map(|salt| hex(salt));
    let salts = salts.collect::<Result<Vec<_>, _>>()?;
    if paths.len() != salts.len() || salts.len() != values.len() {
        return Err(Outcome::Usage(
            "a field has a path, a salt and a value".to_owned(),
        ));
    }
    let fields = paths.iter().zip(salts).zip(&values);
    let fields = fields.map(|((path, salt), value)| Disclosed { path, salt, value });
    let fields: Vec<_> = fields.collect();
    let proof = Proof::parse(&read(&path)?).map_err(|error| {
        let why = format!("{path} is no proof: {error}");
        Outcome::Found(Finding::unreadable(why), json)
    })?;
    let recorded = verify_record(&proof, &record, &fields, &trust, &notes);
    let recorded = recorded.map_err(|finding| Outcome::Found(finding, json))?;
    Ok(show::recorded(&recorded, &fields, json))
}

pub(super) fn consistency(mut args: Args) -> Said {
    let old = checkpoint(&args.word("the old checkpoint")?)?;
    let new = checkpoint(&args.word("the new checkpoint")?)?;
    let proof = hashes(&args.word("the proof")?)?;
    let (json, trusted) = (args.flag("--json"), trust(&mut args)?);
    let trust = trusted.ok_or_else(|| "--key or --trust is missing".to_owned())?;
    let notes = notes(&mut args, json)?;
    args.finish()?;
    verify_checkpoints(&old, &new, &proof, &trust, &notes)
        .map_err(|finding| Outcome::Found(finding, json))?;
    Ok(show::consistent(old.checkpoint(), new.checkpoint(), json))
}

pub(super) fn explain(mut args: Args) -> Said {
    let code = args.number("the code")?;
    args.finish()?;
    let attack = u8::try_from(code).ok().and_then(Attack::from_exit_code);
    let attack = attack.ok_or_else(|| format!("{code} is no code of something that was found"))?;
    Ok(format!(
        "{code} {}\n{}\n",
        attack.name(),
        attack.explanation()
    ))
}

/// The keys that are trusted, if any are given.
fn trust(args: &mut Args) -> Result<Option<Trust>, String> {
    match (args.option("--key")?, args.option("--trust")?) {
        (Some(_), Some(_)) => Err("--key and --trust exclude each other".to_owned()),
        (Some(key), None) => {
            let key = key.parse().map_err(|error| format!("--key: {error}"))?;
            Ok(Some(Trust::without_witnesses(key)))
        }
        (None, Some(path)) => {
            let trust = Trust::parse(&read(&path)?);
            Ok(Some(trust.map_err(|error| format!("{path}: {error}"))?))
        }
        (None, None) => Ok(None),
    }
}

/// Those, or the key that the ledger itself names, which is better than nothing by little.
fn known_or_claimed(trusted: Option<Trust>, dir: &Path, json: bool) -> Result<Trust, Outcome> {
    if let Some(trust) = trusted {
        return Ok(trust);
    }
    let key = claimed_key(dir).map_err(|finding| Outcome::Found(finding, json))?;
    say(&format!(
        "no key was given: believing the ledger's own, {key}\n\
         who can rewrite the ledger can rewrite that as well\n"
    ));
    Ok(Trust::without_witnesses(key))
}

fn notes(args: &mut Args, json: bool) -> Result<Vec<Note>, Outcome> {
    match args.option("--ledger")? {
        None => Ok(Vec::new()),
        Some(dir) => rotations(Path::new(&dir)).map_err(|finding| Outcome::Found(finding, json)),
    }
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{path}: {error}"))
}

fn checkpoint(path: &str) -> Result<SignedCheckpoint, String> {
    SignedCheckpoint::parse(&read(path)?).map_err(|error| format!("{path}: {error}"))
}

fn hashes(path: &str) -> Result<Vec<Hash>, String> {
    let text = String::from_utf8(read(path)?).map_err(|error| format!("{path}: {error}"))?;
    let hash = |line| hash_from_base64(line).ok_or_else(|| format!("{line} is no hash"));
    text.lines().map(hash).collect()
}

fn hex(text: &str) -> Result<[u8; 32], String> {
    let digits = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let pair = std::str::from_utf8(pair).ok()?;
        let digits = pair.bytes().all(|byte| byte.is_ascii_hexdigit());
        u8::from_str_radix(pair, 16).ok().filter(|_| digits)
    };
    let bytes: Option<Vec<u8>> = digits.0.iter().map(byte).collect();
    let bytes = bytes.filter(|_| digits.1.is_empty());
    let salt = bytes.and_then(|bytes| bytes.try_into().ok());
    salt.ok_or_else(|| "--salt is not 32 bytes in hexadecimal digits".to_owned())
}

/// How far a walk is, told to a terminal and to nobody else.
struct Progress {
    records: u64,
    shown: bool,
    told: bool,
}

impl Progress {
    fn new() -> Self {
        Self {
            records: 0,
            shown: std::io::stderr().is_terminal(),
            told: false,
        }
    }

    fn take(&mut self, event: Event<'_>) {
        if !matches!(event, Event::Record(..)) {
            return;
        }
        self.records = self.records.saturating_add(1);
        if self.shown && self.records.is_multiple_of(50_000) {
            self.told = true;
            say(&format!("\r{} records", self.records));
        }
    }

    fn end(&self) {
        if self.told {
            say("\r\x1b[K");
        }
    }
}

fn say(text: &str) {
    // who does not hear it still gets the outcome
    _ = std::io::stderr().write_all(text.as_bytes());
}
