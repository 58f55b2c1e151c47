//! What `mcpo2 artifact` does with trees and stores, and how it exits.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support/in_order.rs"]
mod in_order;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use mcpo2_artifact::{
    blob::FsBlobs,
    facts::{ANALYSER_NAME, Facts, Language},
    manifest::{Derived, Manifest},
};
use serde_json::Value;
use tempfile::TempDir;

/// What no output and no store may have.
const SECRETS: [&str; 3] = [
    concat!("gh", "p_q9W8e7R6t5Y4q9W8e7R6t5Y4q9W8e7R6t5Y4"),
    "hunter2-of-the-example",
    concat!("AK", "IAQ9W8E7R6T5Y4U3I2"),
];

/// A directory with a tree in `tree`.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (path, text) in [
            ("README.md", "# Dates\n\nReads dates.\n"),
            (
                "src/parser.rs",
                "/// Reads a date.\npub fn parse_date(text: &str) -> Option<u32> {\n    \
                 text.parse().ok()\n}\n",
            ),
            ("src/report.rs", "pub fn print_report() {}\n"),
            ("tools/run.sh", "#!/bin/sh\necho run\n"),
            (".gitignore", "*.log\n"),
        ] {
            place.write(path, text);
        }
        let script = place.tree().join("tools/run.sh");
        fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
        symlink("README.md", place.tree().join("latest")).unwrap();
        place
    }

    fn with_secrets(self) -> Self {
        let [token, password, key] = SECRETS;
        self.write(
            "src/client.rs",
            &format!("const TOKEN: &str = \"{token}\";\n"),
        );
        self.write(".env", &format!("PASSWORD={password}\n"));
        self.write("deploy.yaml", &format!("aws_access_key_id: {key}\n"));
        self
    }

    fn tree(&self) -> PathBuf {
        self.0.path().join("tree")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.tree().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs `mcpo2 artifact` with these words; `~` stands for a space in one.
    fn run(&self, line: &str) -> Output {
        let words = line.split(' ').map(|word| word.replace('~', " "));
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcpo2"));
        let command = command.arg("artifact").args(words);
        command
            .env("COLUMNS", "100")
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }

    #[track_caller]
    fn exits(&self, code: i32, line: &str) -> Output {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
        output
    }

    /// What is said on standard output, all being well.
    #[track_caller]
    fn says(&self, line: &str) -> String {
        String::from_utf8(self.exits(0, line).stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.says(&format!("{line} --format json"))).unwrap()
    }

    /// What is said on standard error, something being wrong.
    #[track_caller]
    fn complains(&self, code: i32, line: &str) -> String {
        String::from_utf8(self.exits(code, line).stderr).unwrap()
    }

    #[track_caller]
    fn root(&self, line: &str) -> String {
        self.json(&format!("manifest {line}"))["root"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn git(&self, line: &str) {
        let mut command = Command::new("git");
        let command = command
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .arg("-C")
            .arg(self.tree())
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(["-c", "core.autocrlf=false"])
            .args(line.split(' '));
        assert!(command.status().unwrap().success(), "{line}");
    }

    fn commit(&self) {
        self.git("init --quiet");
        self.git("add --all --force");
        self.git("commit --quiet --message a");
    }
}

#[test]
fn a_tree_has_one_root_wherever_it_is_read() {
    let place = Place::new().with_secrets();
    place.commit();
    // Whatever the names say.
    for (format, name) in [("tar", "one"), ("tar.gz", "two.txt"), ("zip", "three.tar")] {
        place.git(&format!("archive --format={format} -o ../{name} HEAD"));
    }
    place.git("archive --format=tar.gz --prefix=dates-1.0/ -o ../four HEAD");
    let root = place.root("tree");
    assert!(root.starts_with("b3:"), "{root}");
    for line in [
        "tree --threads 1",
        "tree --threads 7",
        "tree --git HEAD",
        "one",
        "two.txt",
        "three.tar",
        "four --strip 1",
    ] {
        assert_eq!(place.root(line), root, "{line}");
    }
    assert_ne!(place.root("tree --exclude *.md"), root, "other rules");
    assert_ne!(place.root("four"), root, "another tree");
    let file = place.json("manifest two.txt --as-file --list");
    assert_eq!(file["entries"][0]["path"], "two.txt");
}

#[test]
fn a_flipped_bit_is_named() {
    let place = Place::new();
    let root = place.root("tree --out tree.manifest");
    for known in ["tree.manifest", &root] {
        place.exits(0, &format!("verify {known} tree"));
    }
    let path = place.tree().join("src/report.rs");
    let mut bytes = fs::read(&path).unwrap();
    bytes[3] ^= 1;
    fs::write(&path, bytes).unwrap();
    let output = place.exits(1, "verify tree.manifest tree");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("changed      src/report.rs\n"), "{text}");
    assert!(text.contains("0 added, 0 removed, 1 changed"), "{text}");
    place.exits(1, &format!("verify {root} tree"));

    let output = place.exits(1, "verify tree.manifest tree --exclude *.md --format json");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&said["holds"], &said["other_rules"]),
        (&false.into(), &true.into())
    );
}

#[test]
fn differences_are_told_of_sources_and_manifests() {
    let place = Place::new();
    place.commit();
    place.says("manifest tree --out old");
    place.exits(0, "diff old tree");
    place.write("added.txt", "new\n");
    place.write("README.md", "# Other\n");
    fs::remove_file(place.tree().join("src/report.rs")).unwrap();
    let script = place.tree().join("tools/run.sh");
    fs::set_permissions(script, fs::Permissions::from_mode(0o644)).unwrap();
    for line in ["diff old tree", "diff tree tree --old-git HEAD"] {
        let output = place.exits(1, line);
        let text = String::from_utf8(output.stdout).unwrap();
        let expected = "changed      README.md\nadded        added.txt\nremoved      \
                        src/report.rs\nmode         tools/run.sh\n1 added, 1 removed, 2 changed\n";
        assert_eq!(text, expected, "{line}");
    }
    let output = place.exits(1, "diff old tree -n 1");
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("and 3 more")
    );
}

#[test]
fn lines_and_absence_are_proven_to_who_has_the_root() {
    let place = Place::new();
    place.write("long.txt", &"a line\n".repeat(9000));
    let root = place.root("tree --prove src/parser.rs:2-3 --proof lines");
    let said = place.json(&format!("verify {root} --excerpt lines --out bytes"));
    assert_eq!(said["lines"], serde_json::json!([2, 3]));
    assert_eq!(said["entry"]["path"], "src/parser.rs");
    let text = fs::read_to_string(place.tree().join("src/parser.rs")).unwrap();
    let second: String = text.split_inclusive('\n').skip(1).take(2).collect();
    assert_eq!(
        fs::read_to_string(place.0.path().join("bytes")).unwrap(),
        second
    );

    place.says("manifest tree --prove long.txt --proof whole");
    place.exits(0, &format!("verify {root} --proof whole --out bytes"));
    let whole = fs::read(place.0.path().join("bytes")).unwrap();
    assert_eq!(whole, fs::read(place.tree().join("long.txt")).unwrap());
    place.says("manifest tree --prove latest --proof link");
    place.exits(0, &format!("verify {root} --proof link"));
    place.says("manifest tree --prove-absent src/lexer.rs --proof absent");
    place.exits(
        0,
        &format!("verify {root} --proof absent --absent src/lexer.rs"),
    );
    place.exits(
        1,
        &format!("verify {root} --proof absent --absent src/parser.rs"),
    );

    let file = place.0.path().join("lines");
    let mut proof = fs::read(&file).unwrap();
    *proof.last_mut().unwrap() ^= 1;
    fs::write(&file, proof).unwrap();
    place.exits(1, &format!("verify {root} --proof lines"));
    let why = place.complains(2, "manifest tree --prove src/lexer.rs --proof no");
    assert!(why.contains("--prove-absent"), "{why}");
    let why = place.complains(2, "manifest tree --prove src/parser.rs:90-91 --proof no");
    assert!(why.contains("no such lines"), "{why}");
}

#[test]
fn what_is_secret_is_never_said_or_stored() {
    let place = Place::new().with_secrets();
    place.commit();
    place.git("archive --format=tar.gz -o ../tree.tgz HEAD");
    let told = place.says("manifest tree");
    for path in [".env", "src/client.rs", "deploy.yaml"] {
        assert!(told.contains(&format!("  {path}\n")), "{told}");
    }
    place.says("manifest tree --out tree.manifest");
    for line in [
        "manifest tree --list --facts",
        "manifest tree --list --facts --format json",
        "manifest tree.tgz --list --format json",
        "manifest tree --git HEAD --list",
        "verify tree.manifest tree",
        "diff tree.manifest tree.tgz --format json",
        "select tree --task token~password~aws_access_key_id --budget 5000 --cache cache",
        "select tree --task-file tree/.env --budget 5000 --format json",
        "select tree.tgz --task client --budget 5000 --format tool-result --pin src/client.rs",
        "ingest tree --store store --tenant acme --name dates --format json",
        "ingest tree.tgz --store store --tenant acme",
        "read --store store --tenant acme dates",
        "read --store store --tenant acme dates .env",
        "read --store store --tenant acme dates src/client.rs",
        "manifest tree --prove src/client.rs --proof proof",
    ] {
        let output = place.run(line);
        let said = [output.stdout, output.stderr].concat();
        assert!(
            !has_secret(&said),
            "{line}: {}",
            String::from_utf8_lossy(&said)
        );
    }
    let mut files = 0;
    for dir in ["store", "cache"] {
        each_file(&place.0.path().join(dir), &mut |path| {
            files += 1;
            assert!(!has_secret(&fs::read(path).unwrap()), "{}", path.display());
        });
    }
    assert!(files > 10, "{files}");
}

fn has_secret(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    SECRETS.iter().any(|secret| text.contains(secret))
}

fn each_file(dir: &Path, run: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => each_file(&path, run),
            false => run(&path),
        }
    }
}

#[test]
fn a_pack_is_within_its_budget_and_the_second_run_is_warm() {
    let place = Place::new();
    for number in 0..40 {
        let text = format!("pub fn parse_date_{number}(text: &str) -> u32 {{ {number} }}\n");
        place.write(&format!("src/dates_{number}.rs"), &text.repeat(9));
    }
    let line = "select tree --task dates~are~parsed~wrongly --tokenizer bytes";
    for budget in [0, 20, 300, 4000] {
        for format in ["xml", "markdown"] {
            let text = place.says(&format!("{line} --budget {budget} --format {format}"));
            assert!(text.len() <= budget, "{budget}: {}", text.len());
        }
    }
    let line = "select tree --task dates~are~parsed~wrongly --budget 600 --cache cache";
    let cold = place.json(line);
    assert!(cold["used"].as_u64().unwrap() <= 600, "{cold}");
    assert!(!cold["items"].as_array().unwrap().is_empty(), "{cold}");
    assert!(!cold["omitted"].as_array().unwrap().is_empty(), "{cold}");
    assert!(cold["trace"][0]["signals"]["text"].is_number(), "{cold}");
    let mut warm = place.json(line);
    assert_eq!(
        (&warm["analysed"], &warm["cached"]),
        (&0.into(), &cold["analysed"])
    );
    for counted in ["analysed", "cached"] {
        warm[counted] = cold[counted].clone();
    }
    assert_eq!(warm, cold);
    assert_eq!(place.says(line), cold["text"].as_str().unwrap());

    let pinned = place.json(&format!("{line} --pin tools/"));
    let first = &pinned["items"];
    assert!(first.to_string().contains("tools/run.sh"), "{pinned}");
    let result: Value =
        serde_json::from_str(&place.says(&format!("{line} --format tool-result"))).unwrap();
    assert_eq!(result["content"][0]["text"], cold["text"]);
    assert_eq!(result["isError"], false);
}

#[test]
fn several_sources_are_searched_under_their_names() {
    let place = Place::new();
    fs::create_dir(place.0.path().join("other")).unwrap();
    fs::write(
        place.0.path().join("other/date.py"),
        "def parse_date(): pass\n",
    )
    .unwrap();
    let said = place.json("select tree other --task parse_date --budget 2000");
    let items = said["items"].to_string();
    assert!(items.contains("\"tree/src/parser.rs\""), "{items}");
    assert!(items.contains("\"other/date.py\""), "{items}");
    let why = place.complains(2, "select tree ./tree --task dates --budget 9");
    assert!(why.contains("two sources have the name tree"), "{why}");
}

#[test]
fn a_stored_tree_is_read_byte_by_byte_until_it_is_forgotten() {
    let place = Place::new();
    let long: String = (0..400_000).map(|line| format!("line {line}\n")).collect();
    place.write("long.txt", &long);
    place.write("empty.txt", "");
    place.write("twice.txt", "# Dates\n\nReads dates.\n");
    let store = "--store store --tenant acme";
    let first = place.json(&format!("ingest tree {store} --name dates --pin test"));
    assert_eq!(first["root"], place.root("tree"));
    assert_eq!(
        first["stored"]["blobs"], 7,
        "what is there twice is stored once"
    );
    let second = place.json(&format!("ingest tree {store}"));
    assert_eq!(
        (&second["root"], &second["stored"]["blobs"]),
        (&first["root"], &0.into())
    );

    let root = first["root"].as_str().unwrap();
    for path in [
        "README.md",
        "tools/run.sh",
        "long.txt",
        "empty.txt",
        "twice.txt",
    ] {
        let stored = place
            .exits(0, &format!("read {store} {root} {path}"))
            .stdout;
        assert_eq!(stored, fs::read(place.tree().join(path)).unwrap(), "{path}");
    }
    let read = |part: &str| place.says(&format!("read {store} dates long.txt {part}"));
    assert_eq!(read("--bytes 5-6,14-"), format!("0\n{}", &long[14..]));
    assert_eq!(read("--lines 200001-200002"), "line 200000\nline 200001\n");
    assert_eq!(read("--lines 400000-"), "line 399999\n");
    place.exits(2, &format!("read {store} dates long.txt --lines 400001"));
    place.exits(2, &format!("read {store} dates latest"));
    place.exits(2, &format!("read {store} dates nothing"));
    place.exits(2, "read --store store --tenant globex dates README.md");
    assert!(
        place
            .says(&format!("read {store} dates"))
            .contains(" long.txt\n")
    );

    let swept = place.json("gc --store store --grace 0s");
    assert_eq!(
        (&swept["roots_kept"], &swept["blobs_deleted"]),
        (&2.into(), &0.into()),
        "the tree and its name"
    );
    let would = "gc --store store --grace 0s --dry-run";
    assert_eq!(place.json(would)["bytes_freed"], 0);
    let gone = place.json(&format!(
        "gc --store store --grace 0s --tenant acme --root {root} --forget"
    ));
    assert_eq!(
        (&gone["roots_deleted"], &gone["roots_kept"]),
        (&0.into(), &0.into())
    );
    assert!(gone["blobs_deleted"].as_u64().unwrap() >= 8, "{gone}");
    place.exits(2, &format!("read {store} dates README.md"));
}

#[test]
fn a_reference_reads_what_it_says_for_whom_it_says() {
    let place = Place::new();
    let store = "--store store --tenant acme";
    place.says(&format!("ingest tree {store} --name dates"));
    let signed = place.says(&format!(
        "ref {store} dates src/parser.rs --principal ada --lines 1-2 --expires 5m"
    ));
    let uri = signed.trim();
    assert!(uri.starts_with("mcpo2+artifact://gateway/r/"), "{uri}");
    let secret = place.0.path().join("store/references/secret");
    let mode = fs::metadata(&secret).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let text = fs::read_to_string(place.tree().join("src/parser.rs")).unwrap();
    let lines: String = text.split_inclusive('\n').take(2).collect();
    let by = |who: &str| format!("read {store} --ref {uri} {who}");
    assert_eq!(place.says(&by("--principal ada")), lines);
    assert_eq!(place.says(&by("--principal ada --bytes 0-2")), "///");
    for (refused, reason) in [
        ("--principal bob", "audience"),
        ("--principal ada --auth jwt", "audience"),
        ("--principal ada --bytes 0-100", "range"),
    ] {
        let why = place.complains(1, &by(refused));
        assert!(why.contains(reason), "{refused}: {why}");
    }
    let said = place.json(&format!("ref --inspect {uri}"));
    assert_eq!(said["tenant"], "acme");
    assert_eq!(said["verbs"], "stat, read");
    assert!(said["object"].as_str().unwrap().ends_with("/src/parser.rs"));
    assert!(
        place
            .says(&format!("ref --inspect {uri}"))
            .starts_with("not verified")
    );

    let whole = place.says(&format!("ref {store} dates --principal ada --verb read"));
    let readme = format!(
        "read {store} --ref {} --principal ada README.md",
        whole.trim()
    );
    assert_eq!(place.says(&readme), "# Dates\n\nReads dates.\n");

    let nobody = place.complains(2, &format!("ref {store} dates"));
    assert!(nobody.contains("--principal"), "{nobody}");
    let long = place.complains(2, &format!("ref {store} dates --client ci --expires 25h"));
    assert!(long.contains("longer than allowed"), "{long}");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(
        place
            .complains(2, &by("--principal ada"))
            .contains("chmod 600")
    );
}

#[test]
fn a_store_that_another_process_has_is_left_alone() {
    let place = Place::new();
    place.says("ingest tree --store store --tenant acme --name dates");
    let held = FsBlobs::open(place.0.path().join("store")).unwrap();
    for line in [
        "ingest tree --store store --tenant acme",
        "read --store store --tenant acme dates README.md",
        "ref --store store --tenant acme dates --principal ada",
        "gc --store store",
    ] {
        let why = place.complains(1, line);
        assert!(
            why.contains("another process has this store"),
            "{line}: {why}"
        );
    }
    drop(held);
    // What another test forks has the lock as well, until it is another program.
    let is_free = || FsBlobs::open(place.0.path().join("store")).is_ok();
    assert!((0..60).any(|_| is_free()), "the lock stays taken");
    place.says("read --store store --tenant acme dates README.md");
}

#[test]
fn a_quota_holds_and_what_is_there_is_not_taken_for_a_store() {
    let place = Place::new();
    let line = "ingest tree --store store --tenant acme";
    let why = place.complains(1, &format!("{line} --quota 40B"));
    assert!(
        why.contains("quota of stored bytes") && why.contains("--quota"),
        "{why}"
    );
    // What was put before goes on from there.
    place.says(&format!("{line} --quota 1MiB"));
    let why = place.complains(2, "ingest tree --store tree --tenant acme");
    assert!(why.contains("neither a store nor empty"), "{why}");
    assert!(place.complains(2, "gc --store tree").contains("ingest"));
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let place = Place::new();
    fs::write(place.0.path().join("bad.yaml"), "includes: [a]\n").unwrap();
    fs::write(
        place.0.path().join("broken.gz"),
        b"\x1f\x8b\x08\x00 and no more",
    )
    .unwrap();
    for (code, line, said) in [
        (2, "manifest nowhere", "nowhere: No such file"),
        (2, "manifest tree --git HEAD", "tree: "),
        (2, "manifest tree --include [", "["),
        (2, "manifest tree --spec bad.yaml", "include"),
        (2, "manifest tree --prove README.md", "--proof"),
        (2, "verify README.md tree", "README.md: No such file"),
        (
            2,
            "verify tree/README.md tree",
            "manifest SOURCE --out FILE",
        ),
        (1, "manifest broken.gz", "broken.gz: "),
        (
            2,
            "read --store nowhere --tenant acme a b",
            "mcpo2 artifact ingest",
        ),
        (
            2,
            "ref --inspect mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA",
            "not signed",
        ),
    ] {
        let why = place.complains(code, line);
        assert!(why.contains(said), "{line}: {why}");
    }
}

#[test]
fn what_is_derived_is_a_block_beside_the_manifest() {
    let place = Place::new();
    place.says("manifest tree --out tree.manifest --facts --derived tree.derived");
    let read = |name: &str| fs::read(place.0.path().join(name)).unwrap();
    let manifest = Manifest::from_bytes(&read("tree.manifest")).unwrap();
    let block = Derived::from_bytes(&read("tree.derived")).unwrap();
    assert_eq!(block.analyser(), ANALYSER_NAME);
    let files = manifest.entries().iter().filter(|it| it.digest().is_some());
    assert_eq!(block.iter().count(), files.count());
    let entry = manifest.get("src/report.rs").unwrap();
    let facts = Facts::from_bytes(block.facts(entry).unwrap()).unwrap();
    assert_eq!(facts.language, Some(Language::Rust));
    assert_eq!(&*facts.symbols[0].name, "print_report");
    place.complains(2, "manifest tree --derived alone");
}

#[cfg(not(feature = "tokenizer"))]
#[test]
fn a_build_without_the_vocabulary_says_so() {
    let place = Place::new();
    for line in [
        "manifest tree --facts --exact",
        "select tree --task a --budget 9 --tokenizer o200k",
    ] {
        let why = place.complains(2, line);
        assert!(why.contains("without the feature `tokenizer`"), "{why}");
    }
}

#[cfg(feature = "tokenizer")]
#[test]
fn tokens_are_counted_exactly() {
    let place = Place::new();
    let facts = place.json("manifest tree --facts --exact");
    assert_eq!(facts["facts"]["README.md"]["tokens"], 6);
    let line = "select tree --task dates --budget 60 --tokenizer o200k";
    let pack = place.json(line);
    assert_eq!(pack["tokenizer"], "o200k_base");
    assert!(pack["used"].as_u64().unwrap() <= 60, "{pack}");
}

/// Compares what is said with what was kept.
#[track_caller]
fn assert_kept(name: &str, said: &str) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/artifact-cli");
    let path = dir.join(name).with_extension("expected");
    if std::env::var_os("MCPO2_UPDATE").is_some() {
        fs::write(&path, said).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let hint = "run the test with MCPO2_UPDATE=1 and look at the difference";
    assert_eq!(kept, said, "{}: {hint}", path.display());
}

#[test]
fn the_help_is_as_it_was() {
    let place = Place::new();
    let commands = "manifest verify diff select ingest read ref gc";
    let mut said = place.says("--help");
    for command in commands.split(' ') {
        said += &format!("\n$ mcpo2 artifact {command} --help\n");
        said += &place.says(&format!("{command} --help"));
    }
    assert_kept("help", &said);
}

#[test]
fn the_json_of_each_command_is_as_it_was() {
    let place = Place::new().with_secrets();
    place.says("manifest tree --out old");
    place.write("src/report.rs", "pub fn print_report() { todo() }\n");
    let store = "--store store --tenant acme";
    let mut said = String::new();
    for line in [
        "manifest tree --facts --list",
        "manifest tree --prove src/parser.rs:1-2 --proof proof",
        "verify old tree",
        "verify old --proof proof",
        "diff old tree",
        "select tree --task parse_date --budget 150",
        &format!("ingest tree {store} --name dates --pin kept"),
        &format!("read {store} dates src/parser.rs --lines 1-2"),
        &format!("ref {store} dates src/parser.rs --client ci --bytes 0-9 --uses 3"),
        "gc --store store --dry-run",
    ] {
        let output = place.run(&format!("{line} --format json"));
        let (out, err) = (output.stdout, output.stderr);
        let [mut out, err] = [out, err].map(|it| String::from_utf8(it).unwrap());
        if line.starts_with("ref ") {
            out = without_chance(&out);
        }
        let (out, code) = (in_order::in_order(&out), output.status.code().unwrap());
        said += &format!("$ mcpo2 artifact {line} --format json\n{out}{err}exit {code}\n\n");
    }
    assert_kept("json", &said);
}

/// A reference without what is another each time.
fn without_chance(text: &str) -> String {
    let mut said: Value = serde_json::from_str(text).unwrap();
    for name in ["uri", "id", "key", "not_before", "expires"] {
        assert!(said[name].is_string(), "{name}");
        said[name] = "…".into();
    }
    format!("{said:#}\n")
}
