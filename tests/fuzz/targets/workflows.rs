//! Any workflow file, and any `uses` in it. A file is parsed, or rejected with a short line.
//! Its parsed declarations are consistent, and a workflow called from this repository is never
//! omitted.

use release_governor::domain::{RepoName, WorkflowFile};
use serde_json::{Map, Value, json};

use crate::support::REPOSITORY;
use crate::workflow_calls::local_calls;

/// The maximum length of an error, in characters.
const LONGEST_COMPLAINT: usize = 200;

pub fn run(text: &str) {
    match WorkflowFile::parse(text) {
        Ok(file) => agrees_with_itself(&file),
        Err(why) => {
            let length = why.chars().count();
            assert!((1..=LONGEST_COMPLAINT).contains(&length), "{why:?}");
        }
    }
    // JSON is YAML, so a simple JSON parser shows what must be found.
    if let Ok(file) = serde_json::from_str::<Value>(text)
        && WorkflowFile::parse(text).is_ok()
        && let Some(jobs) = file["jobs"].as_object()
    {
        calls_are_found(text, jobs);
    }
    let uses = text.lines().take(40).enumerate();
    let jobs: Map<String, Value> = uses
        .map(|(number, line)| (format!("job{number}"), json!({ "uses": line, "steps": [] })))
        .collect();
    calls_are_found(&json!({ "on": "push", "jobs": jobs }).to_string(), &jobs);
}

fn agrees_with_itself(file: &WorkflowFile) {
    for event in file.events() {
        assert!(file.has(event), "{event} is declared, and is not");
        if !file.has("push") {
            assert!(file.never_runs("push", "main"), "it never runs by what it does not name");
        }
    }
    let inputs = file.inputs_besides("sha");
    assert!(inputs.iter().all(|input| *input != "sha" && file.has_input(input)));
    assert!(file.required_besides("sha").iter().all(|input| inputs.contains(input)));
    for used in file.unpinned() {
        assert!(!used.starts_with("./"), "{used} is of this repository");
    }
    if file.title_carries("sha") {
        let title = file.run_name().expect("a title that carries something");
        assert!(title.contains("${{") && title.to_lowercase().contains("sha"), "{title:?}");
    }
}

fn calls_are_found(text: &str, jobs: &Map<String, Value>) {
    let name: RepoName = REPOSITORY.parse().unwrap();
    let found = local_calls(text, &name, &"main".into());
    let uses: Vec<&str> = jobs.values().filter_map(|job| job["uses"].as_str()).collect();
    let local = |uses: &str| uses.strip_prefix("./").map(str::to_owned);
    // The same repository by name: GitHub compares names case-insensitively.
    let ours = |uses: &&str| {
        let lower = uses.to_ascii_lowercase();
        lower.starts_with(&format!("{REPOSITORY}/")) && lower.contains('@')
    };
    let expected: Vec<String> = uses.iter().filter_map(|uses| local(uses)).collect();
    match found {
        Some(found) => {
            for call in &expected {
                assert!(found.contains(call), "{call} is left out of {found:?}");
            }
            for call in uses.iter().filter(|uses| ours(uses)) {
                let (path, at) = call.rsplit_once('@').unwrap();
                let path = &path[REPOSITORY.len() + 1..];
                let at = at.strip_prefix("refs/heads/").unwrap_or(at);
                let is_fixed =
                    matches!(at.len(), 40 | 64) && at.bytes().all(|b| b.is_ascii_hexdigit());
                let is_found = found.iter().any(|found| found == path);
                assert!(is_found || is_fixed, "{call} is followed nowhere");
                assert!(at == "main" || is_fixed, "{call} is followed at another ref");
            }
        }
        // `None` means that every workflow file counts. That is only right if the file is
        // unreadable or refers to another version.
        None => {
            let is_elsewhere = |uses: &&str| {
                let at = uses.rsplit_once('@').map_or("", |(_, at)| at);
                ours(uses) && !is_a_commit(at) && !matches!(at, "main" | "refs/heads/main")
            };
            let is_read = WorkflowFile::parse(text).is_ok();
            assert!(!is_read || uses.iter().any(is_elsewhere), "not followed: {text}");
        }
    }
}

fn is_a_commit(at: &str) -> bool {
    matches!(at.len(), 40 | 64) && at.bytes().all(|byte| byte.is_ascii_hexdigit())
}
