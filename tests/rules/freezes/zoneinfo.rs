//! Every minute around every change of the clocks, and around the turn of the year, against Python's
//! zoneinfo: `oracle.py` says what is held by a definition of its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::json;

use super::*;

/// What the oracle says of one range of minutes.
#[derive(Deserialize)]
struct Said {
    from: i64,
    to: i64,
    held: Vec<Vec<(i64, i64)>>,
}

/// Boundaries inside of, before and after each hour that comes twice or never in these zones.
const WEEKLY: &[&[(&str, &str)]] = &[
    &[("Fri 16:00", "Mon 08:00")],
    &[("Sun 02:30", "Sun 02:15")],
    &[("Sun 01:45", "Sun 02:45"), ("Sat 23:30", "Sun 01:30")],
    &[("Sun 00:00", "Sun 02:00"), ("Sun 03:00", "Mon 00:00")],
    &[("Sun 02:00", "Sun 03:00")],
    &[("Sun 01:15", "Sun 01:45"), ("Sun 02:10", "Sun 02:20")],
];

const ONCE: &[(&str, &str)] = &[
    ("2026-12-19T00:00", "2027-01-04T08:00"),
    ("2026-03-29T02:30", "2026-10-25T02:30"),
    ("2027-03-14T02:15", "2027-11-07T01:30"),
    ("2026-04-05T01:40", "2026-10-04T02:10"),
];

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/freezes").join(file)
}

/// A folder with the time zones of PyPI's `tzdata`, in the version of `requirements.txt`.
fn installed_zones() -> PathBuf {
    let wanted = fs::read_to_string(here("requirements.txt")).unwrap();
    let wanted = wanted.trim();
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/zones");
    let folder = above.join(wanted.replace("==", "-"));
    if !folder.join("tzdata").is_dir() {
        fs::create_dir_all(&above).unwrap();
        let made = above.join(format!("{}.{}", wanted, std::process::id()));
        let venv = made.join("venv");
        done(Command::new("python3").args(["-m", "venv"]).arg(&venv), "python3 with its venv");
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
        done(pip.arg(&made).arg(wanted), "PyPI within reach");
        // Another process may have been faster: it installed the same.
        let _ = fs::rename(&made, &folder);
    }
    folder
}

fn done(command: &mut Command, needs: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}: {needs}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} needs {needs}:\n{said}");
}

fn oracle(zone: &str, entries: &[serde_json::Value]) -> Vec<Said> {
    let mut asking = Command::new("python3")
        .arg(here("oracle.py"))
        .env("PYTHONPATH", installed_zones())
        // Not those of the machine: only the package's.
        .env("PYTHONTZPATH", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed: `apt-get install python3`");
    let question = json!({ "zone": zone, "entries": entries }).to_string();
    asking.stdin.take().unwrap().write_all(question.as_bytes()).unwrap();
    let output = asking.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// All entries, as ours and as the oracle reads them.
fn entries(zone: &str) -> Vec<(CalendarEntry, serde_json::Value)> {
    let mut entries = Vec::new();
    for kind in [Freeze, Window] {
        for intervals in WEEKLY {
            let asked = json!({ "kind": kind.as_str(), "weekly": intervals });
            entries.push((weekly(kind, zone, intervals), asked));
        }
        for (from, to) in ONCE {
            let asked = json!({ "kind": kind.as_str(), "once": [from, to] });
            entries.push((once(kind, zone, from, to), asked));
        }
    }
    entries
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

/// What differs between us and the oracle in one range, for one entry.
fn differences(entry: &CalendarEntry, said: &Said, held: &[(i64, i64)]) -> Vec<String> {
    let is_held = |minute: i64| held.iter().any(|(begin, end)| *begin <= minute && minute < *end);
    let mut wrong = Vec::new();
    let mut boundary = entry.next_boundary(at(said.from));
    for minute in said.from..said.to {
        let now = at(minute);
        let (ours, theirs) = (entry.holds(now), is_held(minute));
        if ours != theirs {
            wrong.push(format!("{now}: held {ours}, and the oracle says {theirs}"));
        }
        // A change is a boundary that was said before it came.
        if minute > said.from && theirs != is_held(minute - 1) && boundary != Some(now) {
            wrong.push(format!("{now}: it changes, and the next boundary was {boundary:?}"));
        }
        if boundary.is_some_and(|boundary| boundary <= now) {
            boundary = entry.next_boundary(now);
        }
    }
    for (begin, end) in held.iter().filter(|(_, end)| *end < said.to) {
        let until = entry.end_after(at(*begin));
        if until != Some(at(*end)) {
            wrong.push(format!("{}: ends {until:?}, and not {}", at(*begin), at(*end)));
        }
    }
    wrong
}

#[test]
fn not_one_minute_differs_from_pythons_zoneinfo_through_the_changes_of_2026_and_2027() {
    let zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];
    // Once, and not by each thread.
    let _ = installed_zones();
    std::thread::scope(|scope| {
        let compared = zones.map(|zone| scope.spawn(move || compare(zone)));
        for one in compared {
            one.join().unwrap();
        }
    });
}

fn compare(zone: &str) {
    let entries = entries(zone);
    let asked: Vec<serde_json::Value> = entries.iter().map(|(_, asked)| asked.clone()).collect();
    let said = oracle(zone, &asked);
    assert_eq!(said.len(), 6, "{zone}: four changes, or their days, and two turns of the year");
    let mut minutes = 0;
    for range in &said {
        for ((entry, asked), held) in entries.iter().zip(&range.held) {
            let wrong = differences(entry, range, held);
            assert!(wrong.is_empty(), "{zone} {asked}:\n{}", wrong.join("\n"));
            minutes += range.to - range.from;
        }
    }
    assert!(minutes > 300_000, "{zone}: {minutes} minutes were compared");
    let is_held = said.iter().flat_map(|range| &range.held).any(|held| !held.is_empty());
    assert!(is_held, "{zone}: the oracle holds something");
}
