//! The table in `REGRESSIONS.md`, and the entries in it that are properties of the sources.
//!
//! A table of tests is worth what it says only while the tests are there, so it is read, and so are the
//! sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The numbers of the catalogue. Those between were never given.
const ENTRIES: [RangeInclusive<u32>; 7] = [1..=18, 20..=42, 50..=55, 57..=58, 60..=72, 80..=91, 100..=107];

/// What a row without any reference has to say.
const COMES_LATER: &str = "comes with its part";

/// The repository's own folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in a workspace").to_owned()
}

/// Every Rust source below `folder`, with its path from the repository's folder.
fn sources(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in
        fs::read_dir(folder).expect("the folder can be read").map(|entry| entry.expect("it has a name"))
    {
        let path = entry.path();
        if path.is_dir() {
            if entry.file_name() != "target" && !entry.file_name().to_string_lossy().starts_with('.') {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name =
                path.strip_prefix(root()).expect("it lies there").to_str().expect("plain letters").to_owned();
            found.insert(name, fs::read_to_string(&path).expect("it can be read"));
        }
    }
}

fn all_sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    sources(&root(), &mut found);
    found
}

/// The tests in a source, each with the comment above it.
fn tests_of(source: &str) -> Vec<(&str, String)> {
    let (mut tests, mut comment, mut is_test) = (Vec::new(), String::new(), false);
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            comment += text;
        } else if line.starts_with("#[test]") {
            is_test = true;
        } else if !line.starts_with("#[") {
            if let Some((name, _)) = line.strip_prefix("fn ").and_then(|rest| rest.split_once('('))
                && is_test
            {
                tests.push((name, std::mem::take(&mut comment)));
            }
            (comment, is_test) = (String::new(), false);
        }
    }
    tests
}

/// The rows of the table: the entry's number, and the rest.
fn rows() -> Vec<(u32, Vec<String>)> {
    let table = fs::read_to_string(root().join("tests/REGRESSIONS.md")).expect("the table can be read");
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        let number = cells.first()?.strip_prefix("R-")?.parse().ok()?;
        Some((number, cells[1..].to_vec()))
    };
    table.lines().filter_map(row).collect()
}

/// What a row refers to: everything between back-ticks that looks like a path, a test or a model.
fn references(cell: &str) -> impl Iterator<Item = &str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.contains('/') || text.starts_with("loom_") || text.starts_with("shuttle_"))
}

#[test]
fn every_entry_has_its_row_once_and_says_what_stands_for_it() {
    let rows = rows();
    let mut numbers: Vec<_> = rows.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    let wanted: Vec<_> = ENTRIES.into_iter().flatten().collect();
    assert_eq!(wanted.len(), 82);
    assert_eq!(numbers, wanted, "entries are missing, doubled or made up");
    for (number, cells) in rows {
        let [bug, evidence] = cells.as_slice() else { panic!("R-{number:02} has {} cells", cells.len() + 1) };
        assert!(!bug.is_empty(), "R-{number:02} does not say what the bug was");
        let refers = references(evidence).next().is_some();
        assert!(refers || evidence.contains(COMES_LATER), "R-{number:02} refers to nothing: {evidence}");
    }
}

#[test]
fn whatever_the_table_refers_to_exists() {
    let sources = all_sources();
    let tests: BTreeMap<_, BTreeSet<_>> = sources
        .iter()
        .map(|(path, source)| (path.as_str(), tests_of(source).into_iter().map(|(name, _)| name).collect()))
        .collect();
    let mut missing = Vec::new();
    for (number, cells) in rows() {
        for reference in cells.iter().flat_map(|cell| references(cell)) {
            let exists = match reference.split_once("::") {
                Some((path, name)) => tests.get(path).is_some_and(|tests| tests.contains(name)),
                None if reference.contains('/') => root().join(reference).is_file(),
                // Models move between files more often than they change their names.
                None => tests.values().any(|tests| tests.contains(reference)),
            };
            if !exists {
                missing.push(format!("R-{number:02}: {reference}"));
            }
        }
    }
    assert!(missing.is_empty(), "the table refers to what is not there:\n{}", missing.join("\n"));
}

#[test]
fn every_regression_test_is_in_the_row_it_claims() {
    let sources = all_sources();
    let rows: BTreeMap<_, _> = rows().into_iter().collect();
    let mut seen = 0;
    for (path, source) in &sources {
        if !path.starts_with("tests/tests/regressions_") || path.ends_with("_table.rs") {
            continue;
        }
        for (name, comment) in tests_of(source) {
            seen += 1;
            let claims = comment.split(':').next().unwrap_or_default().trim();
            for claim in claims.split(", ") {
                let number = claim.strip_prefix("R-").and_then(|number| number.parse().ok());
                let number: u32 =
                    number.unwrap_or_else(|| panic!("{path}::{name} does not begin with its entry"));
                let row =
                    rows.get(&number).unwrap_or_else(|| panic!("{path}::{name}: there is no R-{number:02}"));
                let reference = format!("{path}::{name}");
                assert!(
                    row.iter().any(|cell| references(cell).any(|named| named == reference)),
                    "{reference} is not in the row of R-{number:02}"
                );
            }
        }
    }
    assert!(seen > 10, "only {seen} tests were found");
}

/// The library's own sources, without their tests.
fn library() -> impl Iterator<Item = (String, String)> {
    const CRATES: [&str; 7] = ["blocking", "executor", "net", "primitive", "reactor", "sync", "timer"];
    let is_library = |path: &str| CRATES.iter().any(|name| path.starts_with(&format!("{name}/src/")));
    all_sources().into_iter().filter(move |(path, _)| is_library(path) && !path.contains("tests"))
}

/// pointers to trait objects, addresses and values were made of memory that was believed to
/// be laid out so.
#[test]
fn no_source_takes_a_layout_for_granted() {
    let mut seen = 0;
    for (path, source) in library() {
        seen += 1;
        for way in ["transmute", "zeroed", "sockaddr", "TraitObject", "from_raw_parts"] {
            assert!(!source.contains(way), "{path}: {way}");
        }
    }
    assert!(seen > 50, "only {seen} sources were found");
}

/// a `&mut` to a node of a list says that nobody else points at it, and its neighbours do.
#[test]
fn no_linked_node_is_borrowed_for_writing() {
    // The nodes of the two lists whose members lie in futures, with the type that is pinned around each.
    for (path, node, pinned) in [
        ("primitive/src/wait_list", "Node", "primitive/src/wait_list/list.rs"),
        ("timer/src", "Entry", "timer/src/entry.rs"),
    ] {
        let mut seen = 0;
        for (file, source) in library().filter(|(file, _)| file.starts_with(path)) {
            seen += 1;
            for way in
                [format!("&mut {node}"), format!("&'a mut {node}"), format!("NonNull<{node}>>().as_mut")]
            {
                let taken = source.match_indices(&way).any(|(at, _)| {
                    // Not the beginning of a longer name.
                    !source[at + way.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_')
                });
                assert!(!taken, "{file}: {way}");
            }
        }
        assert!(seen > 0, "no sources in {path}");
        let source = fs::read_to_string(root().join(pinned)).expect("it can be read");
        assert!(source.contains(&format!("struct {node}")), "{pinned} has no {node} any more");
        assert!(source.contains("PhantomPinned"), "{node} can be moved while others point at it");
        assert!(source.contains("UnsafeCell"), "{node}'s fields are not said to be shared");
    }
}
