//! Issues, pull requests, approvals' raw material, statuses.

use std::time::Duration;

use release_governor::ghbox::story::{self, GOVERNOR};
use release_governor::ghbox::{GhBox, MergeMethod, NewCommit, Repo, Token};
use serde_json::{Value, json};

use crate::client::{Client, github};

const ISSUES: &str = "/repos/acme/shop/issues";

fn shop(github: &GhBox) -> (Repo, Client) {
    (story::repository(github, "acme/shop"), Client::app(github))
}

fn pull(shop: &Repo, branch: &str) -> u64 {
    shop.push(NewCommit::on(branch).file(&format!("src/{branch}.rs"), "1"));
    shop.open_pull_request(branch, "main", "Add it", "dev")
}

fn numbers(list: &Value) -> Vec<u64> {
    let list = list.as_array().expect("a list");
    list.iter().map(|one| one["number"].as_u64().expect("a number")).collect()
}

#[test]
fn each_way_to_merge_leads_from_its_commit_to_the_pull_request() {
    let github = github();
    let (shop, app) = shop(&github);
    for method in [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase] {
        let number = pull(&shop, &format!("{method:?}"));
        let sha = shop.merge_pull_request(number, method, "lead");
        let pulls = app.get(&format!("/repos/acme/shop/commits/{sha}/pulls")).json();
        assert_eq!(numbers(&pulls), [number], "{method:?}");
        assert_eq!(pulls[0]["base"]["ref"], "main");
        assert!(pulls[0]["merged_at"].is_string());
    }
    let direct = shop.push_paths(&["direct"]);
    let pulls = app.get(&format!("/repos/acme/shop/commits/{direct}/pulls")).json();
    assert_eq!(numbers(&pulls), [0_u64; 0]);
}

#[test]
fn a_commit_off_the_default_branch_leads_to_open_pull_requests_too() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = pull(&shop, "open");
    let pulls = app.get("/repos/acme/shop/commits/open/pulls").json();
    assert_eq!(numbers(&pulls), [number]);
    assert_eq!(pulls[0]["merged_at"], Value::Null);
}

#[test]
fn the_timeline_shows_what_came_after_an_approval_by_its_place() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = pull(&shop, "feature");
    let before = shop.tip("feature");
    shop.add_label(number, "release:approved", "lead");
    let early = "2020-01-01T00:00:00Z".parse().expect("a time");
    shop.push(NewCommit::on("feature").file("src/x.rs", "sneaked in").dated(early));
    shop.force_push("feature", &before, "dev");
    shop.comment(number, "/approve", "lead");
    shop.remove_label(number, "release:approved", "lead");

    let kinds = |path: &str| -> Vec<String> {
        let events = app.get(&format!("{ISSUES}/{number}/{path}")).json();
        let events = events.as_array().expect("a list").clone();
        events.iter().map(|one| one["event"].as_str().expect("a word").to_owned()).collect()
    };
    let timeline =
        ["committed", "labeled", "committed", "head_ref_force_pushed", "commented", "unlabeled"];
    assert_eq!(kinds("timeline"), timeline);
    assert_eq!(kinds("events"), ["labeled", "head_ref_force_pushed", "unlabeled"]);
    let committed = app.get(&format!("{ISSUES}/{number}/timeline")).json()[2].clone();
    assert_eq!(committed["committer"]["date"], "2020-01-01T00:00:00Z");
}

#[test]
fn an_edited_comment_shows_by_its_times() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = pull(&shop, "feature");
    let comment = shop.comment(number, "hello", "lead");
    github.advance(Duration::from_secs(60));
    shop.edit_comment(number, comment, "/approve");
    let shown = app.get(&format!("{ISSUES}/{number}/comments")).json()[0].clone();
    assert_eq!(shown["body"], "/approve");
    assert_ne!(shown["created_at"], shown["updated_at"]);
}

#[test]
fn unknown_labels_are_made_for_who_may_push_and_silently_dropped_for_others() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.set_private(false);
    let body = json!({ "title": "It broke", "labels": ["deploy-failure"] });
    assert_eq!(app.post(ISSUES, &body).json()["labels"][0]["name"], "deploy-failure");
    github.add_token_with("passer-by", Token::classic("passer-by", &["public_repo"]));
    let answer = Client::with_token(&github, "passer-by").post(ISSUES, &body);
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["labels"], json!([]));
}

#[test]
fn lists_of_issues_hold_pull_requests_too() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = pull(&shop, "feature");
    let issue = shop.open_issue("It broke", "", &["deploy-failure"], GOVERNOR);
    let all = app.get(&format!("{ISSUES}?state=all")).json();
    assert_eq!(numbers(&all), [issue, number]);
    assert!(all[1]["pull_request"].is_object());
    let ours = app.get(&format!("{ISSUES}?creator={GOVERNOR}&labels=deploy-failure")).json();
    assert_eq!(numbers(&ours), [issue]);
    shop.close_issue(issue, "dev");
    assert_eq!(numbers(&app.get(ISSUES).json()), [number]);
}

#[test]
fn issues_may_be_off() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = pull(&shop, "feature");
    shop.set_has_issues(false);
    assert_eq!(app.post(ISSUES, &json!({ "title": "It broke" })).status, 410);
    assert_eq!(app.get(&format!("{ISSUES}/{number}/timeline")).status, 200);
}

#[test]
fn statuses_are_newest_first_and_say_who_wrote_them() {
    let github = github();
    let (shop, app) = shop(&github);
    let sha = shop.tip("main");
    let path = format!("/repos/acme/shop/statuses/{sha}");
    for description in ["first", "second"] {
        let body = json!({ "state": "pending", "context": "us", "description": description });
        assert_eq!(app.post(&path, &body).status, 201);
    }
    shop.set_status(&sha, "US", "success", "forged", "eve");
    let statuses = app.get(&format!("/repos/acme/shop/commits/{sha}/statuses")).json();
    assert_eq!(statuses[0]["creator"]["login"], "eve");
    assert_eq!(statuses[1]["description"], "second");
    assert_eq!(statuses[2]["creator"]["login"], GOVERNOR);
    // A context has no case: the forged one took the place of ours.
    let combined = app.get(&format!("/repos/acme/shop/commits/{sha}/status")).json();
    assert_eq!((&combined["total_count"], &combined["state"]), (&1.into(), &"success".into()));
    assert!(combined["statuses"][0].get("creator").is_none());
}

#[test]
fn a_sha_and_context_take_a_thousand_statuses() {
    let github = github();
    let (shop, app) = shop(&github);
    let sha = shop.tip("main");
    let path = format!("/repos/acme/shop/statuses/{sha}");
    for _ in 0..1_000 {
        shop.set_status(&sha, "us", "pending", "again", GOVERNOR);
    }
    let body = |context: &str| json!({ "state": "success", "context": context });
    assert_eq!(app.post(&path, &body("us")).status, 422);
    assert_eq!(app.post(&path, &body("others")).status, 201);
}
