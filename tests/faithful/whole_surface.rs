//! Validates every endpoint of the fake GitHub, with successful responses and errors, against
//! GitHub's description.

use std::collections::BTreeSet;
use std::time::Duration;

use ghbox::story::{self, DEPLOY, GOVERNOR};
use ghbox::{
    Access, Exchange, GhBox, JobSpec, Limits, MergeMethod, NewCommit, Permission, Repo, Role,
    StartRun, Token,
};
use http::Method;
use serde_json::json;

use crate::client::{Client, github};
use crate::openapi::{check, check_all};
use crate::traps::apps::{mint, two_accounts};

/// A repository with data of every kind.
fn busy_shop(github: &GhBox) -> Repo {
    let shop = story::repository(github, "acme/shop");
    shop.in_production();
    for (branch, method) in [
        ("feature/cart", MergeMethod::Squash),
        ("feature/pay", MergeMethod::Merge),
        ("feature/tax", MergeMethod::Rebase),
    ] {
        let path = format!("src/{branch}.rs");
        shop.push(NewCommit::on(branch).message("Add it\n\nWith care.").file(&path, "fn f() {}\n"));
        let number = shop.open_pull_request(branch, "main", "Add it", "dev");
        shop.push(NewCommit::on(branch).rename(&path, &format!("{path}.new")));
        shop.add_label(number, "release:approved", "lead");
        shop.remove_label(number, "release:approved", "lead");
        shop.add_label(number, "release:approved", "lead");
        let comment = shop.comment(number, "/approve", "lead");
        shop.edit_comment(number, comment, "/approve please");
        shop.merge_pull_request(number, method, "lead");
    }
    let open = shop.push(NewCommit::on("feature/open").delete("README.md"));
    let number = shop.open_pull_request("feature/open", "main", "Still open", "stranger");
    shop.force_push("feature/open", &shop.tip("main"), "stranger");
    shop.force_push("feature/open", &open, "stranger");
    shop.comment(number, "Why?", "dev");
    shop.tag("v1.0.0", &shop.tip("main"));
    let issue = shop.open_issue("It is slow", "Very.", &["bug"], "dev");
    shop.comment(issue, "Indeed.", "lead");
    shop.close_issue(issue, "lead");
    shop.reopen_issue(issue, "dev");
    shop
}

#[test]
fn every_read_is_answered_as_github_describes_it() {
    check_all(&reads());
}

#[test]
fn every_write_is_answered_as_github_describes_it() {
    check_all(&writes());
}

fn reads() -> Vec<Exchange> {
    let github = github();
    let shop = busy_shop(&github);
    let tip = shop.tip("main");
    let app = Client::app(&github);
    let failed = shop.dispatch_by_hand(DEPLOY, "main", &tip, "dev");
    shop.set_jobs(failed, &[JobSpec::new("deploy").step("health check", "failure")]);
    shop.finish_run(failed, "failure");
    shop.rerun(failed, "lead");
    shop.set_run(failed, "waiting", None);
    shop.start_run(DEPLOY, StartRun::of("push", "v1", &tip).without_branch());
    shop.start_run(DEPLOY, StartRun::of("pull_request", "main", &tip).from_fork("eve/shop"));
    shop.set_status(&tip, "ci/lint", "success", "fine", "ci[bot]");
    shop.set_status(&tip, "ci/lint", "failure", "not fine", GOVERNOR);
    for path in paths(&shop, &app, failed) {
        for by in ["/repos/acme/shop".to_owned(), format!("/repositories/{}", shop.id())] {
            assert_eq!(app.get(&format!("{by}{path}")).status, 200, "{by}{path}");
        }
    }
    let dev = Client::writer(&github, "acme/shop", "dev");
    assert_eq!(dev.get("/user").status, 200);
    assert_eq!(app.get("/rate_limit").status, 200);
    let sha = dev.header("accept", "application/vnd.github.sha");
    assert_eq!(sha.get("/repos/acme/shop/commits/main").body, tip.as_bytes());
    github.requests()
}

/// All paths to request, relative to the repository.
fn paths(shop: &Repo, app: &Client, run: u64) -> Vec<String> {
    let root = app.get("/repos/acme/shop/git/trees/main").json();
    let root = root["sha"].as_str().expect("a sha").to_owned();
    let (tip, workflow) = (shop.tip("main"), shop.workflow_id(DEPLOY));
    let base = shop.tip("feature/cart");
    let mut paths: Vec<String> = PATHS.iter().map(|&path| path.to_owned()).collect();
    paths.extend([
        format!("/commits/{}", &tip[..7]),
        format!("/compare/{base}...{tip}"),
        format!("/compare/{base}...main?per_page=1&page=2"),
        format!("/git/trees/{tip}?recursive=1"),
        format!("/git/trees/{root}"),
        format!("/actions/workflows/{workflow}"),
        format!("/actions/runs?head_sha={tip}&created=%3E%3D2026-01-01&actor=dev&per_page=1"),
        format!("/actions/runs/{run}"),
        format!("/actions/runs/{run}/attempts/1"),
        format!("/actions/runs/{run}/jobs?filter=all"),
        format!("/actions/runs/{run}/jobs"),
        format!("/actions/runs/{run}/attempts/1/jobs"),
        format!("/commits/{tip}/statuses?per_page=1"),
        format!("/commits/{tip}/status"),
        format!("/commits/{tip}/pulls"),
        format!("/commits/{base}/pulls"),
    ]);
    paths
}

/// Paths that contain no id.
const PATHS: [&str; 37] = [
    "",
    "/branches/main",
    "/branches/feature/cart",
    "/branches/feature%2Fcart",
    "/git/ref/heads/feature/cart",
    "/git/ref/tags/v1.0.0",
    "/commits",
    "/commits?sha=feature%2Fcart&per_page=2&page=2&since=2026-01-01T00:00:00Z",
    "/commits?path=src",
    "/commits/main",
    "/commits/feature/cart",
    "/contents/README.md",
    "/contents/.github/workflows/deploy.yml?ref=main",
    "/contents/src",
    "/contents",
    "/actions/workflows",
    "/actions/workflows/deploy.yml",
    "/actions/workflows/deploy.yml/runs",
    "/actions/workflows/verify.yml/runs?branch=main&status=success&event=push",
    "/commits/feature/cart/status",
    "/pulls/1",
    "/pulls/4",
    "/pulls/1/commits",
    "/pulls/1/files",
    "/pulls/1/files?per_page=1&page=2",
    "/issues/1/timeline",
    "/issues/4/timeline",
    "/issues/5/timeline",
    "/issues/1/events",
    "/issues/5/events",
    "/issues/1/comments",
    "/issues?state=all&labels=bug&creator=dev&sort=updated&direction=asc",
    "/issues?state=closed",
    "/issues/5",
    "/labels",
    "/collaborators/dev/permission",
    "/collaborators/stranger/permission",
];

/// The requests of an App, as itself and with an installation token.
fn app_calls() -> Vec<Exchange> {
    let github = github();
    let (app, acme, _) = two_accounts(&github);
    let as_app = Client::with_token(&github, &app.jwt());
    for path in [
        "/app",
        "/app/installations?per_page=1",
        &format!("/app/installations/{}", acme.id()),
        "/orgs/acme/installation",
        "/users/ben/installation",
        "/repos/acme/shop/installation",
    ] {
        assert_eq!(as_app.get(path).status, 200, "{path}");
    }
    let (status, minted) = mint(&github, &app, &acme, &json!({ "repositories": ["shop"] }));
    assert_eq!(status, 201);
    let client = Client::with_token(&github, minted["token"].as_str().expect("a token"));
    assert_eq!(client.get("/installation/repositories?per_page=1").status, 200);
    assert_eq!(client.get("/meta").status, 200);
    let bot = client.get("/users/release-governor%5Bbot%5D").json();
    assert_eq!((&bot["login"], &bot["type"]), (&json!(app.bot()), &json!("Bot")));
    assert_eq!(client.get("/users/ben").status, 200);
    github.team("acme/release-captains", &["bea"]);
    acme.grant(Permission::Members, Access::Read);
    let (_, minted) = mint(&github, &app, &acme, &json!({}));
    let member = Client::with_token(&github, minted["token"].as_str().expect("a token"));
    assert_eq!(member.get("/orgs/acme/teams/release-captains/memberships/bea").status, 200);
    assert_eq!(client.get("/users/nobody-of-that-name").status, 404);
    let revoked = client.send(Method::DELETE, "/installation/token", None).expect("an answer");
    assert_eq!(revoked.status, 204);
    github.requests()
}

#[test]
fn every_answer_to_an_app_is_as_github_describes_it() {
    check_all(&app_calls());
}

fn writes() -> Vec<Exchange> {
    let github = github();
    let shop = busy_shop(&github);
    let tip = shop.tip("main");
    let app = Client::app(&github);
    let at = |path: &str| format!("/repos/acme/shop{path}");
    let status = json!({ "state": "pending", "context": "booty/release-governor",
        "description": "WAIT", "target_url": "https://example.com/1" });
    assert_eq!(app.post(&at(&format!("/statuses/{tip}")), &status).status, 201);
    let dispatch = json!({ "ref": "main", "inputs": { "sha": tip } });
    let dispatches = at("/actions/workflows/deploy.yml/dispatches");
    assert_eq!(app.post(&dispatches, &dispatch).status, 204);
    let dispatch = json!({ "ref": "main", "inputs": { "sha": tip }, "return_run_details": true });
    assert_eq!(app.post(&dispatches, &dispatch).status, 200);
    let issue = json!({ "title": "Deploy failure: 1a2b3c4", "body": "It broke.",
        "labels": ["deploy-failure", "severity:high"] });
    let made = app.post(&at("/issues"), &issue);
    assert_eq!(made.status, 201);
    let number = made.json()["number"].as_u64().expect("a number");
    let comment = json!({ "body": "Again." });
    assert_eq!(app.post(&at(&format!("/issues/{number}/comments")), &comment).status, 201);
    for body in [
        json!({ "state": "closed", "state_reason": "completed", "labels": ["deploy-failure"] }),
        json!({ "state": "open", "title": "Deploy failure: again", "body": "More." }),
    ] {
        assert_eq!(app.patch(&at(&format!("/issues/{number}")), &body).status, 200);
    }
    app.get(&at(&format!("/issues/{number}/timeline")));
    github.requests()
}

#[test]
fn every_refusal_is_one_that_github_makes() {
    let github = github();
    let shop = busy_shop(&github);
    let tip = shop.tip("main");
    let app = Client::app(&github);
    let nowhere = "0000000000000000000000000000000000000000";
    let at = |path: &str| format!("/repos/acme/shop{path}");
    let statuses = at(&format!("/statuses/{tip}"));
    let dispatches = at("/actions/workflows/deploy.yml/dispatches");
    let get = |path: &str| app.get(path).status;
    assert_eq!(get("/repos/acme/nothing"), 404);
    assert_eq!(get(&at("/branches/nothing")), 404);
    assert_eq!(get(&at("/git/ref/heads/nothing")), 404);
    assert_eq!(get(&at(&format!("/commits/{nowhere}"))), 422);
    assert_eq!(get(&at(&format!("/compare/{nowhere}...main"))), 404);
    assert_eq!(get(&at(&format!("/git/trees/{nowhere}"))), 404);
    assert_eq!(get(&at("/contents/nothing")), 404);
    assert_eq!(get(&at("/actions/workflows/nothing.yml")), 404);
    assert_eq!(get(&at("/actions/workflows/nothing.yml/runs")), 404);
    assert_eq!(get(&at("/actions/runs/1")), 404);
    assert_eq!(get(&at("/issues/99/timeline")), 404);
    assert_eq!(get(&at("/pulls/5")), 404);
    assert_eq!(get(&at("/collaborators/nobody/permission")), 404);
    assert_eq!(get("/user"), 403);
    assert_eq!(get("/zen"), 404);
    let post = |path: &str, body| app.post(path, &body).status;
    assert_eq!(post(&statuses, json!({ "state": "fine" })), 422);
    assert_eq!(post(&at(&format!("/statuses/{nowhere}")), json!({ "state": "success" })), 422);
    let long = json!({ "state": "success", "description": "x".repeat(141) });
    assert_eq!(post(&statuses, long), 422);
    assert_eq!(post(&dispatches, json!({ "ref": "nothing", "inputs": { "sha": tip } })), 422);
    assert_eq!(post(&dispatches, json!({ "ref": "main" })), 422);
    assert_eq!(post(&at("/issues"), json!({ "title": "" })), 422);
    let read_only = Token::fine_grained("reader").without(Permission::Statuses);
    github.add_token_with("reader", read_only);
    shop.add_collaborator("reader", Role::Write);
    let reader = Client::with_token(&github, "reader");
    assert_eq!(reader.post(&statuses, &json!({ "state": "success" })).status, 403);
    assert_eq!(Client::with_token(&github, "wrong").get(&at("")).status, 401);
    assert_eq!(Client::with_token(&github, "").get("/user").status, 401);
    assert_eq!(app.clone().header("x-github-api-version", "2020-01-01").get(&at("")).status, 400);
    shop.set_has_issues(false);
    assert_eq!(post(&at("/issues"), json!({ "title": "It broke" })), 410);
    shop.set_archived(true);
    assert_eq!(post(&statuses, json!({ "state": "success" })), 403);
    shop.rename("acme/store");
    assert_eq!(get(&at("/commits?per_page=1")), 301);
    assert_eq!(post(&statuses, json!({ "state": "success" })), 307);
    github.create_repository("acme/empty");
    assert_eq!(get("/repos/acme/empty/commits"), 409);
    github.set_limits(Limits { requests_per_hour: 1, ..Limits::default() });
    assert_eq!(get("/repos/acme/store"), 403);
    github.advance(Duration::from_secs(3_600));
    let etag = app.get("/repos/acme/store").header("etag").to_owned();
    assert_eq!(app.clone().header("if-none-match", &etag).get("/repos/acme/store").status, 403);
    github.set_limits(Limits::default());
    assert_eq!(app.header("if-none-match", &etag).get("/repos/acme/store").status, 304);
    check_all(&github.requests());
}

#[test]
fn these_tests_reach_every_operation_of_the_box() {
    let exchanges = [reads(), writes(), app_calls()].concat();
    let reached: BTreeSet<&str> =
        exchanges.iter().filter_map(|exchange| exchange.operation).collect();
    let all: BTreeSet<&str> = GhBox::operations().iter().copied().collect();
    assert_eq!(reached, all);
}

#[test]
fn the_judge_sees_what_is_wrong() {
    let github = github();
    busy_shop(&github);
    let app = Client::app(&github);
    app.get("/repos/acme/shop/commits?brnach=main");
    app.get("/repos/acme/shop/issues?state=broken");
    app.get("/repos/acme/shop");
    let mut exchanges = github.take_requests();
    assert!(check(&exchanges[0]).is_err(), "an unknown parameter");
    assert!(check(&exchanges[1]).is_err(), "a value that is none");
    assert!(check(&exchanges[2]).is_ok(), "a good answer");
    exchanges[2].response_body = b"{\"id\": \"one\"}".as_slice().into();
    assert!(check(&exchanges[2]).is_err(), "a body of another shape");
    exchanges[2].method = Method::POST;
    assert!(check(&exchanges[2]).is_err(), "another method");
}
