//! Issues, labels and statuses.

use ghbox::story::{self, GOVERNOR};
use ghbox::{GhBox, NewCommit, Repo, Token};
use serde_json::{Value, json};

use crate::client::{Client, github};
use crate::openapi::check_all;

const ISSUES: &str = "/repos/acme/shop/issues";

fn shop(github: &GhBox) -> (Repo, Client) {
    (story::repository(github, "acme/shop"), Client::app(github))
}

fn pull(shop: &Repo, branch: &str) -> u64 {
    shop.push(NewCommit::on(branch).file(&format!("src/{branch}.rs"), "1"));
    shop.open_pull_request(branch, "main", "Add it", "dev")
}

pub(super) fn numbers(list: &Value) -> Vec<u64> {
    let list = list.as_array().expect("a list");
    list.iter().map(|one| one["number"].as_u64().expect("a number")).collect()
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
fn an_issue_that_was_deleted_is_gone_and_its_number_is_not_given_again() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = shop.open_issue("It broke", "", &[], GOVERNOR);
    shop.delete_issue(number);
    let one = format!("{ISSUES}/{number}");
    let gone = app.get(&one);
    assert_eq!((gone.status, &gone.json()["message"]), (410, &"This issue was deleted".into()));
    assert_eq!(app.get(&format!("{one}/comments")).status, 410);
    assert_eq!(app.post(&format!("{one}/comments"), &json!({ "body": "Again" })).status, 410);
    assert_eq!(app.patch(&one, &json!({ "state": "open" })).status, 410);
    assert!(numbers(&app.get(&format!("{ISSUES}?state=all")).json()).is_empty());
    assert_eq!(shop.open_issue("It broke again", "", &[], GOVERNOR), number + 1);
    check_all(&github.requests());
}

#[test]
fn an_issue_that_was_transferred_leads_to_where_it_is_for_whom_may_see_that() {
    let github = github();
    let (shop, app) = shop(&github);
    let docs = story::repository(&github, "acme/docs");
    let number = shop.open_issue("It broke", "", &[], GOVERNOR);
    shop.comment(number, "Again", GOVERNOR);
    let there = shop.transfer_issue(number, &docs);
    let comments = format!("{ISSUES}/{number}/comments?per_page=100");
    let moved = app.get(&comments);
    assert_eq!(moved.status, 301);
    let way = moved.header("location").trim_start_matches("https://api.github.com");
    assert_eq!(way, format!("/repositories/{}/issues/{there}/comments?per_page=100", docs.id()));
    assert_eq!(app.get(way).json()[0]["body"], "Again");
    assert_eq!(app.patch(&format!("{ISSUES}/{number}"), &json!({ "state": "open" })).status, 301);
    assert!(numbers(&app.get(&format!("{ISSUES}?state=all")).json()).is_empty());
    docs.set_hidden(true);
    assert_eq!(app.get(&comments).status, 404);
    check_all(&github.requests());
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
    // Contexts are case-insensitive: the forged status replaced ours.
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

#[test]
fn a_scanner_has_a_context_and_a_name_of_its_own() {
    let github = github();
    let (shop, app) = shop(&github);
    let sha = shop.tip("main");
    for state in ["pending", "failure", "success"] {
        shop.set_status(&sha, "security/scan", state, "scan", "scanner[bot]");
    }
    shop.set_status(&sha, "security/scan", "success", "trust me", "eve");
    let statuses = app.get(&format!("/repos/acme/shop/commits/{sha}/statuses")).json();
    let statuses = statuses.as_array().expect("a list");
    let shown = |one: &Value| (one["state"].clone(), one["creator"]["type"].clone());
    assert_eq!(shown(&statuses[0]), (json!("success"), json!("User")));
    assert_eq!(shown(&statuses[1]), (json!("success"), json!("Bot")));
    assert_eq!(shown(&statuses[3]), (json!("pending"), json!("Bot")));
}

#[test]
fn a_label_is_found_in_any_spelling_and_may_be_called_anything() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = pull(&shop, "feature");
    for name in ["Release:Approved", "risk, high/low", "gr\u{fc}n \u{1f680}", "50%"] {
        shop.add_label(number, name, "lead");
        shop.add_label(number, &name.to_uppercase(), "eve");
    }
    let shown = app.get(&format!("/repos/acme/shop/pulls/{number}")).json();
    let names: Vec<&Value> =
        shown["labels"].as_array().expect("labels").iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["Release:Approved", "risk, high/low", "gr\u{fc}n \u{1f680}", "50%"]);
    let listed = app.get(&format!("{ISSUES}?labels=RELEASE%3Aapproved")).json();
    assert_eq!(numbers(&listed), [number]);
    app.get("/repos/acme/shop/labels");
    check_all(&github.requests());
}

#[test]
fn a_label_that_is_renamed_keeps_its_old_name_in_what_happened() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = pull(&shop, "feature");
    shop.add_label(number, "approved", "lead");
    shop.rename_label("approved", "release:approved");
    let shown = app.get(&format!("/repos/acme/shop/pulls/{number}")).json();
    assert_eq!(shown["labels"][0]["name"], "release:approved");
    let events = app.get(&format!("{ISSUES}/{number}/events")).json();
    assert_eq!(events[0]["label"]["name"], "approved");
    shop.remove_label(number, "Release:Approved", "lead");
    let events = app.get(&format!("{ISSUES}/{number}/events")).json();
    assert_eq!(events[1]["label"]["name"], "release:approved");
}

#[test]
fn a_label_that_is_deleted_leaves_its_pull_requests_without_a_word() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = pull(&shop, "feature");
    shop.add_label(number, "release:approved", "lead");
    shop.delete_label("RELEASE:approved");
    assert_eq!(app.get(&format!("{ISSUES}/{number}")).json()["labels"], json!([]));
    let events = app.get(&format!("{ISSUES}/{number}/events")).json();
    assert_eq!(events.as_array().expect("a list").len(), 1);
    assert_eq!(events[0]["event"], "labeled");
}
