//! The release workflow. It cannot run here, so linters check it; the scripts it calls are
//! tested.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::rendered::yaml;
use crate::tools::{actionlint, refusal, root, text, zizmor};

fn path() -> PathBuf {
    root().join(".github/workflows/release.yml")
}

fn written() -> String {
    fs::read_to_string(path()).unwrap()
}

fn workflow() -> Value {
    yaml(&written())
}

/// The jobs with their names.
fn jobs(workflow: &Value) -> Vec<(&str, &Value)> {
    workflow["jobs"].as_object().unwrap().iter().map(|(name, job)| (name.as_str(), job)).collect()
}

fn steps(job: &Value) -> &[Value] {
    job["steps"].as_array().unwrap()
}

/// The shell commands of a job.
fn shell(job: &Value) -> String {
    steps(job).iter().filter_map(|step| step["run"].as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_linters_find_nothing_to_say_of_the_release_workflow() {
    let said = text(&mut actionlint(&path()));
    assert!(said.contains("Checking 1 workflow"), "{said}");
    text(&mut zizmor(&path()));
}

#[test]
fn the_linters_refuse_a_release_workflow_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = |name: &str, from: &str, to: &str| {
        let written = written();
        assert!(written.contains(from), "{from}");
        let path = folder.path().join(name);
        fs::write(&path, written.replacen(from, to, 1)).unwrap();
        path
    };
    let unknown = wrong("unknown.yml", "steps.push.outputs.image ", "steps.pushed.outputs.image ");
    let said = refusal(&mut actionlint(&unknown));
    assert!(said.contains("\"pushed\" is not defined"), "{said}");
    let injected = wrong("injected.yml", ".ci/publish \"", ".ci/publish \"${{ github.ref_name }}");
    let said = refusal(&mut zizmor(&injected));
    assert!(said.contains("template-injection"), "{said}");
}

/// A tag of another repository can be moved to different code; a commit cannot.
#[test]
fn every_action_is_pinned_to_a_commit_and_says_its_version() {
    let written = written();
    let uses: Vec<&str> = written
        .lines()
        .filter_map(|line| line.split_once("uses: ").map(|(_, used)| used))
        .collect();
    assert!(uses.len() >= 6, "{uses:?}");
    for used in uses {
        let (action, version) = used.split_once(" # v").expect(used);
        let (_, commit) = action.split_once('@').expect(used);
        let hexadecimal = commit.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        assert!(commit.len() == 40 && hexadecimal, "{used}");
        assert_eq!(version.split('.').count(), 3, "{used}");
    }
}

#[test]
fn every_script_that_the_release_workflow_calls_is_here_and_can_be_run() {
    let workflow = workflow();
    let mut called = Vec::new();
    for (_, job) in jobs(&workflow) {
        let shell = shell(job);
        let words = shell.split_whitespace().filter(|word| word.starts_with(".ci/"));
        called.extend(words.map(str::to_owned));
    }
    assert_eq!(
        called,
        [".ci/release", ".ci/publish", ".ci/run"],
        "in the order of the jobs' names"
    );
    for script in called {
        let mode = fs::metadata(root().join(&script)).expect(&script).permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{script} cannot be executed");
    }
}

#[test]
fn what_compiles_can_write_nothing_and_what_publishes_compiles_nothing() {
    let workflow = workflow();
    assert_eq!(workflow["permissions"], json!({}));
    for (name, job) in jobs(&workflow) {
        if name == "publish" {
            assert_eq!(job["needs"], json!(["test", "build"]));
            assert!(!shell(job).contains("cargo"), "it compiles");
            let expected = json!({
                "attestations": "write", "contents": "write", "id-token": "write", "packages": "write"
            });
            assert_eq!(job["permissions"], expected);
        } else {
            assert_eq!(job["permissions"], json!({"contents": "read"}), "{name}");
            assert!(!job.to_string().contains("token"), "{name} is given a token");
        }
        assert!(job["timeout-minutes"].is_u64(), "{name} may run for ever");
        let checkouts = steps(job).iter().filter(|step| {
            step["uses"].as_str().is_some_and(|used| used.starts_with("actions/checkout@"))
        });
        for checkout in checkouts {
            assert_eq!(checkout["with"]["persist-credentials"], json!(false), "{name}");
        }
    }
}

/// Signatures must refer to digests, never to tags.
#[test]
fn image_chart_and_files_are_signed_and_attested_by_digest() {
    let workflow = workflow();
    let publish = &workflow["jobs"]["publish"];
    let attested: Vec<&Value> = steps(publish)
        .iter()
        .filter(|step| step["uses"].as_str().is_some_and(|used| used.contains("attest-build-prov")))
        .map(|step| &step["with"])
        .collect();
    let digests: Vec<&str> =
        attested.iter().filter_map(|with| with["subject-digest"].as_str()).collect();
    assert_eq!(
        digests,
        ["${{ steps.push.outputs.image-digest }}", "${{ steps.push.outputs.chart-digest }}"]
    );
    assert_eq!(attested[2]["subject-checksums"], "target/publish/SHA256SUMS");
    let signs = steps(publish)
        .iter()
        .find(|step| step["run"].as_str().is_some_and(|run| run.contains("cosign sign ")))
        .unwrap();
    for (name, output) in [("IMAGE", "image"), ("CHART", "chart")] {
        let named = signs["env"][name].as_str().unwrap();
        assert!(named.ends_with(&format!("@${{{{ steps.push.outputs.{output}-digest }}}}")));
        assert!(shell(publish).contains(&format!("cosign sign --yes \"${name}\"")));
    }
    assert!(shell(publish).contains("cosign sign-blob --yes --bundle"));
    assert!(shell(publish).contains("cosign attest --yes --type cyclonedx"));
}
