//! The description itself: it is valid OpenAPI, and describes everything.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use release_governor::domain::{EntryKind, Reason};
use release_governor::http::api_paths;
use release_governor::queries::EntryWord;
use serde_json::Value;

use crate::described::{DESCRIPTION, description, judge};

/// Pinned, because another version may have other rules.
const PACKAGE: &str = "@redocly/openapi-core@2.64.0";

const LINT: &str = "
import { createConfig, lint } from '@redocly/openapi-core';
const config = await createConfig({ extends: ['recommended-strict'] });
const problems = await lint({ ref: process.argv[2], config });
for (const p of problems) console.log(`${p.ruleId} at ${p.location?.[0]?.pointer}: ${p.message}`);
process.exit(problems.length ? 1 : 0);
";

/// Installs the linter once.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/openapi-lint");
    std::fs::create_dir_all(&folder).unwrap();
    let lock = std::fs::File::create(folder.join(".lock")).unwrap();
    lock.lock().unwrap();
    let pinned = folder.join(".version");
    if std::fs::read_to_string(&pinned).is_ok_and(|text| text == PACKAGE) {
        return folder;
    }
    let done = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&folder)
        .arg(PACKAGE)
        .output()
        .expect("cannot run npm, which installs the linter of OpenAPI: install Node.js with npm");
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "npm could not install {PACKAGE}:\n{error}");
    std::fs::write(folder.join("lint.mjs"), LINT).unwrap();
    std::fs::write(pinned, PACKAGE).unwrap();
    folder
}

fn lint(text: &str) -> Output {
    let folder = installed();
    let file = tempfile::Builder::new().suffix(".json").tempfile_in(&folder).unwrap();
    std::fs::write(file.path(), text).unwrap();
    Command::new("node").arg(folder.join("lint.mjs")).arg(file.path()).output().unwrap()
}

#[test]
fn it_is_openapi_by_a_strict_linter() {
    let found = lint(DESCRIPTION);
    let text = String::from_utf8_lossy(&found.stdout);
    let error = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "{text}{error}");
    // Make sure that the linter detects a mistake.
    let mut broken = description().clone();
    broken["components"]["schemas"].as_object_mut().unwrap().remove("Commit");
    let found = lint(&broken.to_string());
    let text = String::from_utf8_lossy(&found.stdout);
    assert!(!found.status.success() && text.contains("no-unresolved-refs"), "{text}");
}

#[test]
fn it_describes_every_address_and_no_other() {
    let mut served: Vec<&str> = api_paths().collect();
    served.sort_unstable();
    let mut described: Vec<&str> =
        description()["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    described.sort_unstable();
    assert_eq!(served, described);
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn it_knows_every_reason_and_every_kind_of_entry() {
    let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(words(&description()["components"]["schemas"]["Reason"]["enum"]), codes);
    let parameters = &description()["paths"]["/api/v1/repos/{owner}/{name}/ledger"]["get"];
    let parameters = parameters["parameters"].as_array().unwrap();
    let kind = parameters.iter().find(|one| one["name"] == "kind").unwrap();
    let known: Vec<&str> = EntryWord::all().map(EntryWord::as_str).collect();
    assert_eq!(words(&kind["schema"]["items"]["enum"]), known);
    let entries =
        description()["components"]["schemas"]["LedgerEntry"]["oneOf"].as_array().unwrap();
    for name in EntryKind::NAMES {
        assert!(entries.iter().any(|one| one["properties"]["kind"]["const"] == name), "{name}");
    }
}

/// Guards against a validator that accepts everything.
#[test]
fn an_answer_that_is_not_described_is_found() {
    let good = serde_json::json!({"words": "no", "at": null, "retry_at": "2026-11-02T09:00:00Z"});
    assert_eq!(judge("Refused", &good), Ok(()));
    for (key, value) in [("more", Value::Null), ("at", "noon".into()), ("words", 1.into())] {
        let mut wrong = good.clone();
        wrong[key] = value;
        assert!(judge("Refused", &wrong).is_err(), "{wrong}");
    }
}
