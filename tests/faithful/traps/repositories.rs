//! Repositories that are renamed, archived or deleted; tokens without permission.

use std::time::Duration;

use ghbox::story;
use ghbox::{Permission, Role, Token};
use serde_json::json;

use crate::client::{Client, github};

#[test]
fn a_renamed_repository_answers_at_its_old_name_with_the_way_to_the_new_one() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    let app = Client::app(&github).host("ghe.example.com");
    shop.rename("acme/store");
    let moved = app.get("/api/v3/repos/acme/shop/commits?per_page=1");
    assert_eq!(moved.status, 301);
    let to =
        format!("https://ghe.example.com/api/v3/repositories/{}/commits?per_page=1", shop.id());
    assert_eq!(moved.header("location"), to);
    let path = to.trim_start_matches("https://ghe.example.com");
    assert_eq!(app.get(path).status, 200);
    let status = format!("/repos/acme/shop/statuses/{}", shop.tip("main"));
    assert_eq!(app.post(&status, &json!({ "state": "success" })).status, 307);
    assert_eq!(app.get("/repos/acme/shop").status, 301);
    assert_eq!(app.get("/repos/acme/store").json()["id"], shop.id());
}

#[test]
fn a_name_that_is_taken_again_leads_to_another_id() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    let app = Client::app(&github);
    shop.rename("acme/store");
    let other = github.create_repository("acme/shop");
    assert_eq!(app.get("/repos/acme/shop").json()["id"], other.id());
    assert_ne!(other.id(), shop.id());
    other.delete();
    assert_eq!(app.get("/repos/acme/shop").status, 404);
}

#[test]
fn a_list_of_runs_speaks_of_the_repository_by_its_name_of_now() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    shop.in_production();
    let app = Client::app(&github);
    let name = |path: &str| {
        let runs = app.get(&format!("{path}/actions/runs")).json();
        runs["workflow_runs"][0]["repository"]["full_name"].clone()
    };
    assert_eq!(name("/repos/acme/shop"), "acme/shop");
    shop.rename("acme/store");
    assert_eq!(name("/repos/acme/store"), "acme/store");
}

#[test]
fn an_archived_repository_can_be_read_and_not_written() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    let app = Client::app(&github);
    shop.set_archived(true);
    assert_eq!(app.get("/repos/acme/shop").json()["archived"], true);
    let status = format!("/repos/acme/shop/statuses/{}", shop.tip("main"));
    assert_eq!(app.post(&status, &json!({ "state": "success" })).status, 403);
}

#[test]
fn what_one_may_not_see_is_not_there() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    github.add_token("stranger", "stranger");
    let stranger = Client::with_token(&github, "stranger");
    assert_eq!(stranger.get("/repos/acme/shop").status, 404);
    shop.set_private(false);
    assert_eq!(stranger.get("/repos/acme/shop").status, 200);
    shop.set_hidden(true);
    assert_eq!(Client::app(&github).get("/repos/acme/shop").status, 404);
}

#[test]
fn an_emptied_repository_has_no_commits_to_speak_of() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    shop.empty();
    let app = Client::app(&github);
    assert_eq!(app.get("/repos/acme/shop/commits").status, 409);
    assert_eq!(app.get("/repos/acme/shop/branches/main").status, 404);
    assert_eq!(app.get("/repos/acme/shop").status, 200);
}

#[test]
fn a_missing_permission_is_named() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    let body = json!({ "ref": "main", "inputs": { "sha": shop.tip("main") } });
    let path = "/repos/acme/shop/actions/workflows/deploy.yml/dispatches";
    let lacking = Token::installation("some[bot]").without(Permission::Actions);
    github.add_token_with("lacking", lacking);
    let refused = Client::with_token(&github, "lacking").post(path, &body);
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("x-accepted-github-permissions"), "actions=write");
    assert_eq!(refused.json()["message"], "Resource not accessible by integration");

    shop.add_collaborator("reader", Role::Read);
    github.add_token("reads", "reader");
    let refused = Client::with_token(&github, "reads").post(path, &body);
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("x-oauth-scopes"), "repo");
    assert_eq!(shop.dispatches().len(), 0);
}

#[test]
fn a_token_says_when_it_ends_and_then_is_no_good() {
    let github = github();
    story::repository(&github, "acme/shop");
    let end = "2026-11-20T15:00:00Z".parse().expect("a time");
    github.add_token_with("short", Token::installation("some[bot]").expires_at(end));
    let client = Client::with_token(&github, "short");
    let answer = client.get("/repos/acme/shop");
    let header = "github-authentication-token-expiration";
    assert_eq!(answer.header(header), "2026-11-20 15:00:00 UTC");
    github.advance(Duration::from_secs(3_600));
    assert_eq!(client.get("/repos/acme/shop").status, 401);
    github.add_token("short", "some[bot]");
    assert_eq!(client.get("/repos/acme/shop").status, 200);
    github.revoke_token("short");
    assert_eq!(client.get("/repos/acme/shop").json()["message"], "Bad credentials");
}
