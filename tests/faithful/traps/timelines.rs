//! Timelines: content, order, and events that disappear.

use std::time::Duration;

use ghbox::story;
use ghbox::{GhBox, Ghost, NewApp, NewCommit, Repo, Role};
use serde_json::{Value, json};

use crate::client::{Client, github};
use crate::openapi::check_all;

const ISSUES: &str = "/repos/acme/shop/issues";

/// A pull request by `dev`, opened from `feature` with one commit.
fn pull(github: &GhBox) -> (Repo, Client, u64) {
    let shop = story::repository(github, "acme/shop");
    shop.push(NewCommit::on("feature").file("src/feature.rs", "1"));
    let number = shop.open_pull_request("feature", "main", "Add it", "dev");
    (shop, Client::app(github), number)
}

fn list(client: &Client, path: &str) -> Vec<Value> {
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{path}");
    answer.json().as_array().expect("a list").clone()
}

fn timeline(client: &Client, number: u64) -> Vec<Value> {
    list(client, &format!("{ISSUES}/{number}/timeline"))
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|one| one["event"].as_str().expect("a word")).collect()
}

#[test]
fn a_commit_stands_where_it_was_pushed_and_has_a_date_and_no_actor() {
    let github = github();
    let (shop, app, number) = pull(&github);
    shop.add_label(number, "release:approved", "lead");
    let early = "2020-01-01T00:00:00Z".parse().expect("a time");
    shop.push(NewCommit::on("feature").file("src/x.rs", "sneaked in").dated(early));
    shop.remove_label(number, "release:approved", "lead");
    let shown = timeline(&app, number);
    assert_eq!(kinds(&shown), ["committed", "labeled", "committed", "unlabeled"]);
    assert_eq!(shown[2]["committer"]["date"], "2020-01-01T00:00:00Z");
    assert!(shown[2].get("actor").is_none() && shown[2].get("created_at").is_none());
    let events = list(&app, &format!("{ISSUES}/{number}/events"));
    assert_eq!(kinds(&events), ["labeled", "unlabeled"]);
}

#[test]
fn a_timeline_by_dates_lets_a_pusher_choose_the_place_of_a_commit() {
    let github = github();
    let (shop, app, number) = pull(&github);
    github.advance(Duration::from_secs(60));
    shop.add_label(number, "release:approved", "lead");
    github.advance(Duration::from_secs(60));
    let early = "2020-01-01T00:00:00Z".parse().expect("a time");
    let sneaked = shop.push(NewCommit::on("feature").file("src/x.rs", "sneaked in").dated(early));
    assert_eq!(kinds(&timeline(&app, number)), ["committed", "labeled", "committed"]);
    shop.place_commits_by_date(true);
    let shown = timeline(&app, number);
    assert_eq!(kinds(&shown), ["committed", "committed", "labeled"]);
    assert_eq!(shown[0]["sha"], sneaked);
}

#[test]
fn a_force_push_stays_and_the_commits_that_it_dropped_do_not() {
    let github = github();
    let (shop, app, number) = pull(&github);
    let before = shop.tip("feature");
    let dropped = shop.push(NewCommit::on("feature").file("src/x.rs", "1"));
    shop.comment(number, "/approve", "lead");
    shop.force_push("feature", &before, "dev");
    let shown = timeline(&app, number);
    assert_eq!(kinds(&shown), ["committed", "commented", "head_ref_force_pushed"]);
    assert_eq!(shown[0]["sha"], before);
    assert_eq!(shown[2]["commit_id"], before);
    // The commit is shown again, after everything that happened meanwhile.
    shop.force_push("feature", &dropped, "dev");
    let shown = timeline(&app, number);
    let again = ["committed", "commented", "head_ref_force_pushed", "committed"];
    assert_eq!(kinds(&shown), again);
}

#[test]
fn commits_may_show_long_after_their_push() {
    let github = github();
    let (shop, app, number) = pull(&github);
    shop.lag_commits_in_timelines(Duration::from_secs(30));
    shop.comment(number, "/approve", "lead");
    assert_eq!(kinds(&timeline(&app, number)), ["commented"]);
    github.advance(Duration::from_secs(30));
    assert_eq!(kinds(&timeline(&app, number)), ["committed", "commented"]);
}

#[test]
fn an_edited_comment_keeps_its_place_and_shows_by_its_times_and_etags() {
    let github = github();
    let (shop, app, number) = pull(&github);
    let comment = shop.comment(number, "hello", "lead");
    shop.comment(number, "and then?", "dev");
    let paths = ["comments", "timeline"].map(|path| format!("{ISSUES}/{number}/{path}"));
    let etags = paths.clone().map(|path| app.get(&path).header("etag").to_owned());
    github.advance(Duration::from_secs(60));
    shop.edit_comment(number, comment, "/approve");
    for (path, etag) in paths.iter().zip(&etags) {
        assert_eq!(app.clone().header("if-none-match", etag).get(path).status, 200, "{path}");
        let shown = list(&app, path);
        let edited = shown.iter().find(|one| one["id"] == comment).expect("the comment");
        assert_eq!(edited["body"], "/approve");
        assert_eq!(edited["created_at"], "2026-11-20T14:00:00Z");
        assert_eq!(edited["updated_at"], "2026-11-20T14:01:00Z");
    }
    let said = |one: &Value| one["body"].clone();
    assert_eq!(said(&list(&app, &paths[0])[1]), "and then?");
    let pull = app.get(&format!("/repos/acme/shop/pulls/{number}")).json();
    assert_eq!(
        (&pull["updated_at"], &pull["comments"]),
        (&json!("2026-11-20T14:01:00Z"), &json!(2))
    );
}

#[test]
fn a_deleted_comment_leaves_nothing_but_the_word_that_there_was_one() {
    let github = github();
    let (shop, app, number) = pull(&github);
    let comment = shop.comment(number, "/approve", "lead");
    shop.delete_comment(number, comment, "eve");
    assert_eq!(list(&app, &format!("{ISSUES}/{number}/comments")), [Value::Null; 0]);
    let shown = timeline(&app, number);
    assert_eq!(kinds(&shown), ["committed", "comment_deleted"]);
    assert_eq!(shown[1]["actor"]["login"], "eve");
    assert_eq!(app.get(&format!("{ISSUES}/{number}")).json()["comments"], 0);
    check_all(&github.requests());
}

#[test]
fn a_thousand_comments_come_oldest_first_a_hundred_a_page() {
    let github = github();
    let (shop, app, number) = pull(&github);
    for count in 0..1_000 {
        shop.comment(number, &format!("{count}"), "lead");
    }
    let path = format!("{ISSUES}/{number}/comments?per_page=100");
    let first = app.get(&path);
    let links = first.header("link");
    assert!(links.contains("&page=2>; rel=\"next\""), "{links}");
    assert!(links.contains("&page=10>; rel=\"last\""), "{links}");
    let last = app.get(&format!("{path}&page=10"));
    assert_eq!((&first.json()[0]["body"], &last.json()[99]["body"]), (&json!("0"), &json!("999")));
    assert!(!last.header("link").contains("rel=\"next\""));
    assert_eq!(list(&app, &format!("{ISSUES}/{number}/timeline?per_page=100&page=11")).len(), 1);
    assert_eq!(app.get(&format!("{ISSUES}/{number}")).json()["comments"], 1_000);
}

#[test]
fn a_comment_is_kept_to_the_letter_up_to_65536_characters() {
    let github = github();
    let (shop, app, number) = pull(&github);
    let odd = "\u{feff}/approve\r\n\u{a0}\u{202e}x\u{0}\t\u{1f680}\n\n";
    shop.comment(number, odd, "lead");
    let path = format!("{ISSUES}/{number}/comments");
    let longest = "\u{fc}".repeat(65_536);
    assert_eq!(app.post(&path, &json!({ "body": longest })).status, 201);
    let longer = json!({ "body": "x".repeat(65_537) });
    assert_eq!(app.post(&path, &longer).status, 422);
    let bodies: Vec<Value> = list(&app, &path).iter().map(|one| one["body"].clone()).collect();
    assert_eq!(bodies, [json!(odd), json!(longest)]);
    check_all(&github.requests());
}

#[test]
fn who_wrote_a_comment_shows_by_type_app_and_association() {
    let github = github();
    let (shop, app, number) = pull(&github);
    let chat = github.register_app(NewApp::new("chat"));
    github.team("acme/release-captains", &["bea"]);
    shop.comment(number, "mine", "acme");
    shop.comment(number, "/approve", "bea");
    shop.comment(number, "/approve", "dev");
    shop.comment(number, "/approve", "stranger");
    shop.comment(number, "/approve", &chat.bot());
    shop.comment_through(number, "/approve", "bea", &chat);
    let shown: Vec<Value> = list(&app, &format!("{ISSUES}/{number}/comments"))
        .iter()
        .map(|one| {
            let app = &one["performed_via_github_app"]["slug"];
            json!([one["user"]["login"], one["user"]["type"], one["author_association"], app])
        })
        .collect();
    let expected = json!([
        ["acme", "Organization", "OWNER", null],
        ["bea", "User", "MEMBER", null],
        ["dev", "User", "COLLABORATOR", null],
        ["stranger", "User", "NONE", null],
        ["chat[bot]", "Bot", "NONE", "chat"],
        ["bea", "User", "MEMBER", "chat"],
    ]);
    assert_eq!(json!(shown), expected);
    timeline(&app, number);
    check_all(&github.requests());
}

#[test]
fn a_timeline_has_much_that_is_no_approval() {
    let github = github();
    let (shop, app, number) = pull(&github);
    let issue = shop.open_issue("It is slow", "", &[], "dev");
    shop.request_review(number, "lead", "dev");
    shop.review(number, "approved", "/approve", "lead");
    shop.comment_on_line(number, "src/feature.rs", "/approve", "lead");
    shop.comment_on_commit(number, "/approve", "lead");
    shop.refer_to(number, issue, "dev");
    for kind in ["mentioned", "subscribed", "convert_to_draft", "approved_by_telepathy"] {
        shop.note_event(number, kind, "lead");
    }
    shop.delete_branch("feature", "dev");
    let shown = timeline(&app, number);
    let expected = [
        "committed",
        "review_requested",
        "reviewed",
        "line-commented",
        "commit-commented",
        "cross-referenced",
        "mentioned",
        "subscribed",
        "convert_to_draft",
        "approved_by_telepathy",
        "head_ref_deleted",
        "closed",
    ];
    assert_eq!(kinds(&shown), expected);
    assert_eq!(shown[2]["commit_id"], shown[0]["sha"], "a review says what it saw");
    let events = list(&app, &format!("{ISSUES}/{number}/events"));
    assert!(!kinds(&events).contains(&"reviewed"));
    check_all(&github.requests());
}

#[test]
fn an_app_and_a_person_label_under_names_of_their_own() {
    let github = github();
    let (shop, app, number) = pull(&github);
    let labeler = github.register_app(NewApp::new("labeler"));
    shop.add_label(number, "release:approved", &labeler.bot());
    shop.add_label(number, "size:small", "bea");
    let shown = timeline(&app, number);
    let who =
        |event: &Value| json!([event["actor"]["type"], event["performed_via_github_app"]["slug"]]);
    assert_eq!(who(&shown[1]), json!(["Bot", "labeler"]));
    assert_eq!(who(&shown[2]), json!(["User", null]));
    check_all(&github.requests());
}

#[test]
fn another_title_and_another_base_are_told_like_all_else() {
    let github = github();
    let (shop, app, number) = pull(&github);
    shop.force_push("release", &shop.tip("main"), "dev");
    shop.retitle(number, "Add all of it", "eve");
    shop.retarget(number, "release", "eve");
    let shown = timeline(&app, number);
    assert_eq!(kinds(&shown), ["committed", "renamed", "base_ref_changed"]);
    assert_eq!(shown[1]["rename"], json!({ "from": "Add it", "to": "Add all of it" }));
    let pull = app.get(&format!("/repos/acme/shop/pulls/{number}")).json();
    assert_eq!(
        (&pull["title"], &pull["base"]["ref"]),
        (&json!("Add all of it"), &json!("release"))
    );
    check_all(&github.requests());
}

#[test]
fn events_of_an_account_that_is_gone_have_nobody() {
    let github = github();
    let (shop, app, number) = pull(&github);
    shop.add_collaborator("bea", Role::Write);
    shop.add_label(number, "release:approved", "bea");
    shop.comment(number, "/approve", "bea");
    shop.review(number, "approved", "", "bea");
    github.delete_user("bea");
    github.delete_user("dev");
    for (ghost, who) in [(Ghost::Null, Value::Null), (Ghost::Named, json!("ghost"))] {
        github.show_ghosts_as(ghost);
        let shown = timeline(&app, number);
        assert_eq!(kinds(&shown), ["committed", "labeled", "commented", "reviewed"]);
        assert_eq!(shown[1]["actor"]["login"], who);
        assert_eq!((&shown[2]["actor"]["login"], &shown[2]["user"]["login"]), (&who, &who));
        assert_eq!(shown[3]["user"]["login"], who);
        let comments = list(&app, &format!("{ISSUES}/{number}/comments"));
        assert_eq!(comments[0]["user"]["login"], who);
        let pull = app.get(&format!("/repos/acme/shop/pulls/{number}")).json();
        assert_eq!(pull["user"]["login"], who);
    }
    check_all(&github.requests());
}
