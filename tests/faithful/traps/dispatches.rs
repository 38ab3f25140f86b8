//! Dispatches: effects, responses, and rejections.

use std::time::Duration;

use ghbox::story::{self, DEPLOY, GOVERNOR};
use ghbox::{GhBox, NewCommit, Repo, WorkflowFile};
use serde_json::{Value, json};

use crate::client::{Answer, Client, github};
use crate::openapi::check_all;

const DISPATCHES: &str = "/repos/acme/shop/actions/workflows/deploy.yml/dispatches";
const DEPLOY_PATH: &str = ".github/workflows/deploy.yml";

fn shop(github: &GhBox) -> (Repo, Client) {
    (story::repository(github, "acme/shop"), Client::app(github))
}

fn refused_with(answer: &Answer) -> String {
    assert_eq!(answer.status, 422);
    answer.json()["message"].as_str().expect("words").to_owned()
}

#[test]
fn a_dispatched_run_stands_at_the_refs_tip_and_not_at_its_input() {
    let github = github();
    let (shop, app) = shop(&github);
    let wanted = shop.push_paths(&["a"]);
    let tip = shop.push_paths(&["b"]);
    let body = json!({ "ref": "main", "inputs": { "sha": wanted } });
    assert_eq!(app.post(DISPATCHES, &body).status, 204);

    let runs = app.get("/repos/acme/shop/actions/workflows/deploy.yml/runs").json();
    let run = &runs["workflow_runs"][0];
    assert_eq!(run["head_sha"], tip);
    assert_eq!(run["display_title"], format!("Deploy {wanted}"));
    assert_eq!(run["event"], "workflow_dispatch");
    assert_eq!(run["actor"]["login"], GOVERNOR);
    assert!(run.get("inputs").is_none());
    assert_eq!(shop.dispatches_of(&wanted), 1);
}

#[test]
fn without_run_name_the_title_does_not_tell_the_sha() {
    let github = github();
    let (shop, app) = shop(&github);
    let silent = WorkflowFile::new("Deploy").on_dispatch(&["sha"]).yaml();
    let sha = shop.commit("main", "No title", "dev", &[(DEPLOY_PATH, Some(&silent))]);
    app.post(DISPATCHES, &json!({ "ref": "main", "inputs": { "sha": sha } }));
    assert_eq!(shop.runs()[0].title, "Deploy");
}

#[test]
fn a_dispatch_tells_its_run_only_when_asked_to() {
    let github = github();
    let (shop, app) = shop(&github);
    let sha = shop.tip("main");
    let silent = json!({ "ref": "main", "inputs": { "sha": sha } });
    let asking = json!({ "ref": "main", "inputs": { "sha": sha }, "return_run_details": true });

    let answer = app.post(DISPATCHES, &silent);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let answer = app.post(DISPATCHES, &asking);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["workflow_run_id"], shop.dispatches()[1].run_id);
    assert_eq!(answer.json()["html_url"], shop.runs()[1].html_url);
    check_all(&github.take_requests());

    // From this version on, the response always has the run's details, and the parameter no
    // longer exists.
    let newer = app.header("x-github-api-version", "2026-03-10");
    assert_eq!(newer.post(DISPATCHES, &silent).status, 200);
    assert_eq!(newer.post(DISPATCHES, &asking).status, 400);
    assert_eq!(shop.dispatches().len(), 3);
}

#[test]
fn an_older_enterprise_server_refuses_the_key_and_has_no_limits() {
    let github = github();
    let (shop, app) = shop(&github);
    github.enterprise();
    let path = format!("/api/v3{DISPATCHES}");
    let inputs = json!({ "sha": shop.tip("main") });
    let asking = json!({ "ref": "main", "inputs": inputs, "return_run_details": true });
    let answer = app.post(&path, &asking);
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("x-ratelimit-remaining"), "");
    assert_eq!(shop.dispatches().len(), 0);
    assert_eq!(app.post(&path, &json!({ "ref": "main", "inputs": inputs })).status, 204);
    assert_eq!(app.get("/api/v3/rate_limit").status, 404);
}

#[test]
fn the_file_must_be_on_the_default_branch() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.force_push("release", &shop.tip("main"), "dev");
    shop.push(NewCommit::on("main").delete(DEPLOY_PATH));
    let body = json!({ "ref": "release", "inputs": { "sha": shop.tip("main") } });
    assert_eq!(app.post(DISPATCHES, &body).status, 404);
    assert_eq!(app.post(&DISPATCHES.replace("deploy", "nothing"), &body).status, 404);
    let workflow = app.get("/repos/acme/shop/actions/workflows/deploy.yml").json();
    assert_eq!(workflow["state"], "deleted");
    check_all(&github.requests());
}

#[test]
fn the_trigger_and_the_inputs_must_be_in_the_file_at_the_ref() {
    let github = github();
    let (shop, app) = shop(&github);
    let sha = shop.tip("main");
    let file = |branch: &str, file: &WorkflowFile| {
        shop.force_push(branch, &sha, "dev");
        shop.commit(branch, "Change it", "dev", &[(DEPLOY_PATH, Some(&file.yaml()))]);
    };
    file("pushed", &WorkflowFile::new("Deploy").on_push(&[]));
    file("bare", &WorkflowFile::new("Deploy").on_dispatch(&[]));
    file("more", &WorkflowFile::new("Deploy").on_dispatch(&["sha", "region"]));
    let post = |branch: &str, inputs: Value| {
        refused_with(&app.post(DISPATCHES, &json!({ "ref": branch, "inputs": inputs })))
    };
    let inputs = || json!({ "sha": sha });

    assert_eq!(post("pushed", inputs()), "Workflow does not have 'workflow_dispatch' trigger");
    assert_eq!(post("bare", inputs()), "Unexpected inputs provided: [\"sha\"]");
    assert_eq!(post("more", inputs()), "Required input 'region' not provided");
    assert_eq!(post("gone", inputs()), "No ref found for: gone");
    assert_eq!(post(&sha, inputs()), format!("No ref found for: {sha}"));
    assert_eq!(shop.dispatches().len(), 0);
}

#[test]
fn a_disabled_workflow_starts_nothing() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.set_workflow_state(DEPLOY, "disabled_manually");
    let body = json!({ "ref": "main", "inputs": { "sha": shop.tip("main") } });
    let words = refused_with(&app.post(DISPATCHES, &body));
    assert_eq!(words, "Cannot trigger a 'workflow_dispatch' on a disabled workflow");
}

#[test]
fn a_workflow_may_be_hidden_from_lists_for_minutes() {
    let github = github();
    let (shop, app) = shop(&github);
    let id = shop.dispatch_by_hand(DEPLOY, "main", &shop.tip("main"), "dev");
    shop.hide_run_for(id, Duration::from_secs(600));
    let count = || {
        let runs = app.get("/repos/acme/shop/actions/workflows/deploy.yml/runs").json();
        runs["total_count"].clone()
    };
    assert_eq!(count(), 0);
    assert_eq!(app.get(&format!("/repos/acme/shop/actions/runs/{id}")).status, 200);
    github.advance(Duration::from_secs(600));
    assert_eq!(count(), 1);
}
