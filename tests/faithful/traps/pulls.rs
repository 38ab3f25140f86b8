//! Pull requests: their sources, merge methods, and how to find them again.

use std::time::Duration;

use ghbox::story;
use ghbox::{GhBox, Ghost, MergeMethod, NewCommit, Repo};
use serde_json::{Value, json};

use super::issues::numbers;
use crate::client::{Client, github};
use crate::openapi::check_all;

fn shop(github: &GhBox) -> (Repo, Client) {
    (story::repository(github, "acme/shop"), Client::app(github))
}

fn pull(shop: &Repo, branch: &str) -> u64 {
    shop.push(NewCommit::on(branch).file(&format!("src/{branch}.rs"), "1"));
    shop.open_pull_request(branch, "main", "Add it", "dev")
}

/// The pull requests of a commit or branch.
fn pulls_of(client: &Client, name: &str) -> Value {
    client.get(&format!("/repos/acme/shop/commits/{name}/pulls")).json()
}

fn shown(client: &Client, number: u64) -> Value {
    client.get(&format!("/repos/acme/shop/pulls/{number}")).json()
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
fn a_merge_commit_sha_is_no_sign_that_something_was_merged() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = pull(&shop, "open");
    let open = shown(&app, number);
    assert_eq!((&open["merged"], open["merge_commit_sha"].is_string()), (&json!(false), true));
    let sha = open["merge_commit_sha"].as_str().expect("a sha").to_owned();
    shop.close_issue(number, "dev");
    assert_eq!(shown(&app, number)["merge_commit_sha"], sha);
    assert_eq!(shown(&app, number)["merged_at"], Value::Null);
    shop.reopen_issue(number, "dev");
    let merged = shop.merge_pull_request(number, MergeMethod::Merge, "lead");
    assert_eq!(shown(&app, number)["merge_commit_sha"], merged);
}

#[test]
fn what_was_closed_without_a_merge_leads_nowhere() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = pull(&shop, "open");
    shop.close_issue(number, "dev");
    assert_eq!(numbers(&pulls_of(&app, "open")), [0_u64; 0]);
}

#[test]
fn a_pull_request_may_come_from_a_fork_that_is_gone_later() {
    let github = github();
    let (shop, app) = shop(&github);
    let sha = shop.push(NewCommit::on("eve:fix").author("eve").file("src/fix.rs", "1"));
    let number = shop.open_pull_request("eve:fix", "main", "Fix it", "eve");
    let pull = shown(&app, number);
    let head = &pull["head"];
    assert_eq!(head["label"], "eve:fix");
    assert_eq!((&head["ref"], &head["sha"]), (&json!("fix"), &json!(sha)));
    assert_eq!(
        (&head["repo"]["full_name"], &head["repo"]["fork"]),
        (&json!("eve/shop"), &json!(true))
    );
    assert_eq!(pull["base"]["repo"]["full_name"], "acme/shop");
    assert_eq!(app.get("/repos/acme/shop/branches/eve:fix").status, 404);
    let compared = app.get("/repos/acme/shop/compare/main...eve:fix").json();
    assert_eq!(compared["ahead_by"], 1);
    shop.push(NewCommit::on("eve:fix").author("eve").file("src/more.rs", "1"));
    assert_eq!(shown(&app, number)["commits"], 2);

    let merged = shop.merge_pull_request(number, MergeMethod::Squash, "lead");
    github.repository("eve/shop").delete();
    let pull = shown(&app, number);
    assert_eq!((&pull["head"]["repo"], &pull["head"]["label"]), (&Value::Null, &json!("eve:fix")));
    assert_eq!(numbers(&pulls_of(&app, &merged)), [number]);
    check_all(&github.requests());
}

#[test]
fn a_pull_request_of_an_account_that_is_gone_has_no_author() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.push(NewCommit::on("eve:fix").author("eve").file("src/fix.rs", "1"));
    let number = shop.open_pull_request("eve:fix", "main", "Fix it", "eve");
    shop.merge_pull_request(number, MergeMethod::Merge, "eve");
    github.delete_user("eve");
    let pull = shown(&app, number);
    let of = |pull: &Value| {
        json!([pull["user"], pull["merged_by"], pull["head"]["user"], pull["head"]["repo"]])
    };
    assert_eq!(of(&pull), json!([null, null, null, null]));
    pulls_of(&app, "main");
    github.show_ghosts_as(Ghost::Named);
    assert_eq!(shown(&app, number)["user"]["login"], "ghost");
    check_all(&github.requests());
}

#[test]
fn a_pull_request_into_another_branch_says_so_wherever_its_commits_went_since() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.force_push("release", &shop.tip("main"), "dev");
    shop.push(NewCommit::on("release").file("src/release.rs", "1"));
    shop.force_push("fix", &shop.tip("release"), "dev");
    shop.push(NewCommit::on("fix").file("src/fix.rs", "1"));
    let number = shop.open_pull_request("fix", "release", "Fix the release", "dev");
    let sha = shop.merge_pull_request(number, MergeMethod::Squash, "lead");
    shop.merge_branch("main", "release", "dev");
    let pulls = pulls_of(&app, &sha);
    assert_eq!(numbers(&pulls), [number]);
    assert_eq!(pulls[0]["base"]["ref"], "release");
}

#[test]
fn commits_that_were_pushed_by_hand_lead_to_no_pull_request() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.push(NewCommit::on("side").file("src/side.rs", "1"));
    let side = shop.tip("side");
    let merge = shop.merge_branch("main", "side", "dev");
    let direct = shop.push_paths(&["src/direct.rs"]);
    let revert = shop.revert("main", &direct, "dev");
    for sha in [&side, &merge, &direct, &revert] {
        assert_eq!(numbers(&pulls_of(&app, sha)), [0_u64; 0], "{sha}");
    }
    let reverted = app.get(&format!("/repos/acme/shop/commits/{revert}")).json();
    assert_eq!(reverted["files"][0]["status"], "removed");
    assert!(reverted["commit"]["message"].as_str().expect("words").contains(&direct));
}

#[test]
fn pushing_all_of_a_pull_request_to_its_base_merges_it() {
    let github = github();
    let (shop, app) = shop(&github);
    let forward = pull(&shop, "forward");
    let head = shop.tip("forward");
    shop.force_push("main", &head, "lead");
    let by_hand = pull(&shop, "by-hand");
    shop.push_paths(&["src/meanwhile.rs"]);
    let merge = shop.merge_branch("main", "by-hand", "lead");
    let after = shop.push_paths(&["src/after.rs"]);
    for (number, sha) in [(forward, &head), (by_hand, &merge)] {
        let pull = shown(&app, number);
        assert_eq!((&pull["merged"], &pull["merge_commit_sha"]), (&json!(true), &json!(sha)));
        assert_eq!(pull["merged_by"]["login"], "lead");
        assert_eq!(numbers(&pulls_of(&app, sha)), [number]);
    }
    assert_eq!(numbers(&pulls_of(&app, &after)), [0_u64; 0]);
}

#[test]
fn what_a_branch_took_from_its_base_is_not_the_pull_request_s() {
    let github = github();
    let (shop, app) = shop(&github);
    let number = pull(&shop, "feature");
    let others = shop.push_paths(&["src/others.rs"]);
    shop.merge_branch("feature", "main", "dev");
    let commits = app.get(&format!("/repos/acme/shop/pulls/{number}/commits")).json();
    let shas = commits.as_array().expect("a list");
    assert_eq!(shas.len(), 2);
    assert!(shas.iter().all(|one| one["sha"] != others));
    assert_eq!(shown(&app, number)["changed_files"], 1);
}

#[test]
fn a_merge_may_lead_to_its_pull_request_late() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.lag_associations(Duration::from_secs(60));
    let number = pull(&shop, "feature");
    let sha = shop.merge_pull_request(number, MergeMethod::Squash, "lead");
    assert_eq!(numbers(&pulls_of(&app, &sha)), [0_u64; 0]);
    assert_eq!(shown(&app, number)["merged"], true);
    github.advance(Duration::from_secs(60));
    assert_eq!(numbers(&pulls_of(&app, &sha)), [number]);
}
