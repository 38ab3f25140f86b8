//! Runs: re-runs, attempts, and lists that lag.

use std::time::Duration;

use ghbox::story::{self, DEPLOY, VERIFY};
use ghbox::{AutoProgress, GhBox, JobSpec, Repo, StartRun, WorkflowFile};
use serde_json::Value;

use crate::client::{Client, github};
use crate::openapi::check_all;

const RUNS: &str = "/repos/acme/shop/actions/workflows/verify.yml/runs";

fn shop(github: &GhBox) -> (Repo, Client) {
    (story::repository(github, "acme/shop"), Client::app(github))
}

/// The ids of the runs in a list.
fn listed(client: &Client, path: &str) -> Vec<u64> {
    let answer = client.get(path).json();
    let runs = answer["workflow_runs"].as_array().expect("a list").clone();
    runs.iter().map(|run| run["id"].as_u64().expect("an id")).collect()
}

fn run(client: &Client, id: u64) -> Value {
    client.get(&format!("/repos/acme/shop/actions/runs/{id}")).json()
}

#[test]
fn a_rerun_keeps_its_id_and_its_place_in_the_list() {
    let github = github();
    let (shop, app) = shop(&github);
    let first = shop.verify(&shop.push_paths(&["a"]), "failure");
    github.advance(Duration::from_secs(60));
    let second = shop.verify(&shop.push_paths(&["b"]), "success");
    let before = run(&app, first);
    github.advance(Duration::from_secs(60));
    shop.rerun(first, "lead");

    assert_eq!(listed(&app, RUNS), [second, first]);
    let after = run(&app, first);
    assert_eq!(after["created_at"], before["created_at"]);
    assert_eq!(after["run_attempt"], 2);
    assert_eq!(after["run_started_at"], "2026-11-20T14:02:00Z");
    assert_eq!(after["status"], "queued");
    assert_eq!(after["conclusion"], Value::Null);
    assert_eq!(after["actor"]["login"], "dev");
    assert_eq!(after["triggering_actor"]["login"], "lead");
}

#[test]
fn an_earlier_attempt_stays_readable() {
    let github = github();
    let (shop, app) = shop(&github);
    let id = shop.verify(&shop.push_paths(&["a"]), "success");
    shop.rerun(id, "lead");
    shop.finish_run(id, "failure");

    let attempts = format!("/repos/acme/shop/actions/runs/{id}/attempts");
    assert_eq!(app.get(&format!("{attempts}/1")).json()["conclusion"], "success");
    assert_eq!(app.get(&format!("{attempts}/2")).json()["conclusion"], "failure");
    assert_eq!(app.get(&format!("{attempts}/3")).status, 404);
}

#[test]
fn a_new_run_is_there_by_its_id_before_any_list_shows_it() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.set_list_lag(Duration::from_secs(5));
    shop.set_index_lag(Duration::from_secs(120));
    let id = shop.verify(&shop.push_paths(&["a"]), "success");
    let filtered = format!("{RUNS}?branch=main");

    assert_eq!(run(&app, id)["status"], "completed");
    assert_eq!(listed(&app, RUNS), [0_u64; 0]);
    github.advance(Duration::from_secs(5));
    assert_eq!(listed(&app, RUNS), [id]);
    assert_eq!(listed(&app, &filtered), [0_u64; 0]);
    github.advance(Duration::from_secs(115));
    assert_eq!(listed(&app, &filtered), [id]);
}

#[test]
fn a_filtered_list_may_never_show_a_run_that_the_unfiltered_one_shows() {
    let github = github();
    let (shop, app) = shop(&github);
    let sha = shop.push_paths(&["a"]);
    let id = shop.verify(&sha, "success");
    shop.index_misses(id, true);
    github.advance(Duration::from_secs(86_400));

    for filter in ["branch=main", "event=push", "status=success", &format!("head_sha={sha}")] {
        assert_eq!(listed(&app, &format!("{RUNS}?{filter}")), [0_u64; 0]);
    }
    assert_eq!(listed(&app, RUNS), [id]);
}

#[test]
fn a_stopped_index_answers_304_while_the_world_moves_on() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.verify(&shop.push_paths(&["a"]), "success");
    github.advance(Duration::from_secs(60));
    shop.stop_index(true);
    let filtered = format!("{RUNS}?branch=main");
    let etag = app.get(&filtered).header("etag").to_owned();
    github.advance(Duration::from_secs(60));
    let new = shop.verify(&shop.push_paths(&["b"]), "success");

    let again = app.clone().header("if-none-match", &etag);
    assert_eq!(again.get(&filtered).status, 304);
    assert!(listed(&app, RUNS).contains(&new));
    shop.stop_index(false);
    assert_eq!(again.get(&filtered).status, 200);
}

#[test]
fn what_the_index_finds_late_is_shown_as_it_is_now() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.set_index_lag(Duration::from_secs(60));
    let id = shop.start_run(VERIFY, StartRun::push("main", &shop.tip("main")));
    github.advance(Duration::from_secs(90));
    shop.finish_run(id, "success");

    let queued = app.get(&format!("{RUNS}?status=queued")).json();
    assert_eq!(queued["workflow_runs"][0]["status"], "completed");
    assert_eq!(listed(&app, &format!("{RUNS}?status=success")), [0_u64; 0]);
}

#[test]
fn a_filtered_list_stops_at_a_thousand() {
    let github = github();
    let (shop, app) = shop(&github);
    for _ in 0..1_005 {
        shop.start_run(VERIFY, StartRun::push("main", &shop.tip("main")));
    }
    let page = |filter: &str| listed(&app, &format!("{RUNS}?per_page=100&page=11{filter}")).len();
    assert_eq!(page(""), 5);
    assert_eq!(page("&branch=main"), 0);
}

#[test]
fn created_is_a_filter_with_ranges() {
    let github = github();
    let (shop, app) = shop(&github);
    let id = shop.verify(&shop.tip("main"), "success");
    for (range, found) in [
        ("2026-11-20", true),
        ("%3E%3D2026-11-20T14:00:00Z", true),
        ("%3E2026-11-20", false),
        ("%3C2026-11-20", false),
        ("2026-11-01..2026-11-20", true),
        ("*..2026-11-19", false),
        ("2026-11-20T13:59:59Z..*", true),
    ] {
        let runs = listed(&app, &format!("{RUNS}?created={range}"));
        assert_eq!(runs.contains(&id), found, "{range}");
    }
}

#[test]
fn a_deleted_run_is_gone() {
    let github = github();
    let (shop, app) = shop(&github);
    let id = shop.verify(&shop.tip("main"), "success");
    shop.delete_run(id);
    assert_eq!(app.get(&format!("/repos/acme/shop/actions/runs/{id}")).status, 404);
    assert_eq!(listed(&app, RUNS), [0_u64; 0]);
}

#[test]
fn a_fork_and_a_tag_can_carry_the_branchs_name() {
    let github = github();
    let (shop, app) = shop(&github);
    let sha = shop.tip("main");
    let fork = StartRun::of("pull_request", "main", &sha).from_fork("eve/shop");
    let forked = run(&app, shop.start_run(VERIFY, fork));
    let tagged = run(&app, shop.start_run(VERIFY, StartRun::push("v1.0.0", &sha)));

    assert_eq!(forked["head_branch"], "main");
    assert_eq!(forked["repository"]["full_name"], "acme/shop");
    assert_eq!(forked["head_repository"]["full_name"], "eve/shop");
    assert_eq!(tagged["head_branch"], "v1.0.0");
}

#[test]
fn runs_go_on_by_themselves_at_the_times_that_were_due() {
    let github = github();
    let (shop, app) = shop(&github);
    let (queued, runs) = (Duration::from_secs(10), Duration::from_secs(60));
    shop.runs_on_push(VERIFY, true);
    shop.auto_progress(
        VERIFY,
        AutoProgress::new(queued, runs).conclusion("failure").failed_step("health check"),
    );
    let sha = shop.push_paths(&["a"]);
    let id = listed(&app, RUNS)[0];

    assert_eq!(run(&app, id)["head_sha"], sha);
    assert_eq!(run(&app, id)["status"], "queued");
    github.advance(queued);
    assert_eq!(run(&app, id)["status"], "in_progress");
    github.advance(Duration::from_secs(3_600));
    assert_eq!(run(&app, id)["conclusion"], "failure");
    assert_eq!(run(&app, id)["updated_at"], "2026-11-20T14:01:10Z");
    let jobs = app.get(&format!("/repos/acme/shop/actions/runs/{id}/jobs")).json();
    let failed = &jobs["jobs"][0]["steps"][1];
    assert_eq!(
        (&failed["name"], &failed["conclusion"]),
        (&"health check".into(), &"failure".into())
    );
    check_all(&github.requests());
}

#[test]
fn a_newer_run_of_its_group_cancels_a_pending_one_before_any_job_starts() {
    let github = github();
    let (shop, app) = shop(&github);
    let deploy = WorkflowFile::new("Deploy").on_dispatch(&["sha"]).concurrency("production");
    let file = ".github/workflows/deploy.yml";
    let sha = shop.commit("main", "Group", "dev", &[(file, Some(&deploy.yaml()))]);
    let dispatch = || shop.dispatch_by_hand(DEPLOY, "main", &sha, "dev");
    let (running, pending) = (dispatch(), dispatch());
    shop.set_run(running, "in_progress", None);
    assert_eq!(shop.run(pending).status, "pending");
    let newest = dispatch();

    assert_eq!(shop.run(pending).conclusion.as_deref(), Some("cancelled"));
    let jobs = app.get(&format!("/repos/acme/shop/actions/runs/{pending}/jobs")).json();
    assert_eq!(jobs["total_count"], 0);
    shop.finish_run(running, "success");
    assert_eq!(shop.run(newest).status, "queued");
}

#[test]
fn jobs_are_those_of_the_latest_attempt_unless_all_are_asked_for() {
    let github = github();
    let (shop, app) = shop(&github);
    let id = shop.start_run(VERIFY, StartRun::push("main", &shop.tip("main")));
    shop.set_jobs(id, &[JobSpec::new("test").step("cargo test", "failure")]);
    shop.finish_run(id, "failure");
    shop.rerun(id, "lead");
    let count = |query: &str| {
        let path = format!("/repos/acme/shop/actions/runs/{id}/jobs{query}");
        app.get(&path).json()["total_count"].clone()
    };
    assert_eq!(count(""), 0);
    assert_eq!(count("?filter=all"), 1);
}
