//! SECURITY.md names for each row the tests that show it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of the tests of each row.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let (_, section) = text.split_once("## Faults and their tests").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.splitn(3, " | ");
        let (row, tests) = (cells.next()?, cells.nth(1)?);
        let numbered = row.len() == 3 && row[1..].parse::<u8>().is_ok();
        let tests = tests.split('`').skip(1).step_by(2).map(str::to_owned);
        numbered.then(|| (row.to_owned(), tests.collect()))
    });
    rows.collect()
}

fn functions(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.split("fn ").skip(1);
            found.extend(names.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        }
    }
}

#[test]
fn every_test_that_the_table_of_faults_names_is_there() {
    let table = table();
    let rows = (1..=14)
        .map(|n| format!("B{n:02}"))
        .chain((1..=15).map(|n| format!("U{n:02}")));
    for row in rows {
        assert!(
            table.get(&row).is_some_and(|tests| !tests.is_empty()),
            "nothing shows {row}"
        );
    }
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(root()).unwrap().map(Result::unwrap) {
        let is_ours = entry.file_name().to_string_lossy().starts_with("mcpo2-");
        for part in ["src", "tests"] {
            let dir = entry.path().join(part);
            if is_ours && dir.is_dir() {
                functions(&dir, &mut found);
            }
        }
    }
    for (row, tests) in &table {
        for test in tests {
            assert!(found.contains(test), "{row}: there is no test {test}");
        }
    }
}

#[test]
fn every_test_of_a_row_is_in_the_table_of_faults() {
    let table = table();
    let mut found = BTreeSet::new();
    for dir in ["tests/faults_b", "tests/faults_u"] {
        functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut found);
    }
    let numbered = |name: &&String| {
        let row = name.get(..4).unwrap_or_default();
        row.starts_with(['b', 'u']) && row.ends_with('_') && row[1..3].parse::<u8>().is_ok()
    };
    for test in found.iter().filter(numbered) {
        let row = test[..3].to_uppercase();
        assert!(table[&row].contains(test), "{test} is not in the table");
    }
}
