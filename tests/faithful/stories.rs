//! The builder API for people and pull requests has the effects that GitHub would show.

use ghbox::{MergeMethod, Role};
use serde_json::{Value, json};

use crate::client::Client;
use crate::openapi::check_all;
use crate::story::{PullRequest, Story, TOKEN};

const SHOP: &str = "/repos/acme/shop";

fn shop() -> (Story, Client) {
    let story = Story::repository("acme/shop");
    let client = Client::with_token(&story.github, TOKEN);
    (story, client)
}

fn get(client: &Client, path: &str) -> Value {
    let answer = client.get(&format!("{SHOP}{path}"));
    assert_eq!(answer.status, 200, "{path}");
    answer.json()
}

/// The events of a pull request, with their actors: `labeled by bea`.
fn happened(client: &Client, pull: &PullRequest) -> Vec<String> {
    let events = get(client, &format!("/issues/{}/timeline", pull.number()));
    let told = |event: &Value| {
        let who = event.get("actor").or(event.get("user"));
        let who = who.and_then(|who| who["login"].as_str());
        let word = event["event"].as_str().expect("a word");
        who.map_or_else(|| word.to_owned(), |who| format!("{word} by {who}"))
    };
    events.as_array().expect("a list").iter().map(told).collect()
}

#[test]
fn a_pull_request_is_told_in_the_order_of_its_sentences() {
    let (mut shop, client) = shop();
    let pull = shop.pull("ada", &["db/migrations/1.sql"]);
    pull.labeled("release:approved", "bea")
        .unlabeled("release:approved", "cy")
        .commented("/approve", "bea")
        .reviewed("approved", "bea")
        .pushed(&["src/more.rs"]);
    let sha = pull.merged(MergeMethod::Squash, "ada");
    let expected = [
        "committed",
        "labeled by bea",
        "unlabeled by cy",
        "commented by bea",
        "reviewed by bea",
        "committed",
        "merged by ada",
        "closed by ada",
    ];
    assert_eq!(happened(&client, &pull), expected);
    assert_eq!(shop.repo.tip("main"), sha);
    let pulls = get(&client, &format!("/commits/{sha}/pulls"));
    assert_eq!(
        (&pulls[0]["number"], &pulls[0]["user"]["login"]),
        (&json!(pull.number()), &json!("ada"))
    );
    let shown = get(&client, &format!("/pulls/{}", pull.number()));
    assert_eq!(
        (&shown["head"]["ref"], &shown["changed_files"]),
        (&json!(pull.branch()), &json!(2))
    );
    check_all(&shop.github.requests());
}

#[test]
fn a_force_push_leaves_one_commit_of_what_was_there() {
    let (mut shop, client) = shop();
    let pull = shop.pull("ada", &["src/a.rs"]);
    let before = pull.head();
    pull.pushed(&["src/b.rs"]).force_pushed(&["src/c.rs"]);
    assert_eq!(happened(&client, &pull), ["head_ref_force_pushed by ada", "committed"]);
    assert_ne!(pull.head(), before);
    let files = get(&client, &format!("/compare/main...{}", pull.head()))["files"].clone();
    let files = files.as_array().expect("files");
    assert!(files.len() == 1 && files[0]["filename"] == "src/c.rs", "{files:?}");
}

#[test]
fn a_commit_may_say_that_it_is_older_than_the_approval_that_it_follows() {
    let (mut shop, client) = shop();
    let pull = shop.pull("ada", &["src/a.rs"]);
    pull.labeled("release:approved", "bea").pushed_with_an_old_date(&["src/sneaked.rs"]);
    assert_eq!(happened(&client, &pull), ["committed", "labeled by bea", "committed"]);
    shop.repo.place_commits_by_date(true);
    assert_eq!(happened(&client, &pull), ["committed", "committed", "labeled by bea"]);
}

#[test]
fn a_comment_is_edited_and_deleted_later_than_it_was_written() {
    let (mut shop, client) = shop();
    let pull = shop.pull("ada", &["src/a.rs"]);
    let (kept, gone) = (pull.comment("hello", "bea"), pull.comment("/approve", "bea"));
    pull.edit_comment(kept, "/approve").delete_comment(gone, "bea");
    let comments = get(&client, &format!("/issues/{}/comments", pull.number()));
    assert_eq!(comments.as_array().map(Vec::len), Some(1));
    assert_eq!((&comments[0]["id"], &comments[0]["body"]), (&json!(kept), &json!("/approve")));
    let at = |key: &str| comments[0][key].as_str().expect("a time").to_owned();
    assert!(at("updated_at") > at("created_at"));
    assert_eq!(
        happened(&client, &pull),
        ["committed", "commented by bea", "comment_deleted by bea"]
    );
}

#[test]
fn a_pull_request_comes_from_where_the_story_says_and_goes_where_it_says() {
    let (mut shop, client) = shop();
    shop.repo.force_push("release", &shop.repo.tip("main"), "dev");
    let fork = shop.pull_from_fork("eve", &["src/fix.rs"]);
    let side = shop.pull_to("release", "ada", &["src/side.rs"]);
    let closed = shop.pull("ada", &["src/wrong.rs"]);
    closed.closed("bea");
    let shown = |pull: &PullRequest| get(&client, &format!("/pulls/{}", pull.number()));
    assert_eq!(shown(&fork)["head"]["repo"]["full_name"], "eve/shop");
    assert_eq!(shown(&fork)["head"]["label"], fork.branch());
    assert_eq!(shown(&side)["base"]["ref"], "release");
    let wrong = shown(&closed);
    assert_eq!((&wrong["state"], &wrong["merged"]), (&json!("closed"), &json!(false)));
    let head = fork.fast_forwarded("bea");
    assert_eq!(shop.repo.tip("main"), head);
    assert_eq!(shown(&fork)["merged_by"]["login"], "bea");
}

#[test]
fn a_range_has_as_many_pull_requests_as_were_merged() {
    let (mut shop, client) = shop();
    let base = shop.in_production();
    let mut numbers = Vec::new();
    for (by, method) in
        [("ada", MergeMethod::Squash), ("bea", MergeMethod::Merge), ("cy", MergeMethod::Rebase)]
    {
        let pull = shop.pull(by, &[&format!("src/{by}.rs")]);
        pull.merged(method, by);
        numbers.push(pull.number());
        shop.pushed(&["src/by_hand.rs"]);
    }
    let range = get(&client, &format!("/compare/{base}...main?per_page=250&page=1"));
    let mut found: Vec<u64> = Vec::new();
    let mut by_hand = 0;
    for commit in range["commits"].as_array().expect("commits") {
        let sha = commit["sha"].as_str().expect("a sha");
        let pulls = get(&client, &format!("/commits/{sha}/pulls"));
        by_hand += usize::from(pulls.as_array().is_some_and(Vec::is_empty));
        found.extend(pulls[0]["number"].as_u64());
    }
    found.dedup();
    assert_eq!((found, by_hand), (numbers, 3));
}

#[test]
fn people_have_the_roles_that_the_story_gives_them_until_it_takes_them() {
    let (shop, client) = shop();
    let role = |login: &str| {
        let said = get(&client, &format!("/collaborators/{login}/permission"));
        said["role_name"].as_str().expect("a name").to_owned()
    };
    let bea = shop.person("bea");
    assert_eq!(role("bea"), "");
    bea.role(Role::Write);
    assert_eq!(role(bea.login()), "write");
    bea.custom_role("release-manager", Role::Maintain);
    assert_eq!(role("bea"), "release-manager");
    bea.no_role();
    assert_eq!(role("bea"), "");
    assert_eq!(shop.bot("scanner").role(Role::Write).login(), "scanner[bot]");
    assert_eq!(role("scanner%5Bbot%5D"), "write");
    shop.person("cy").delete_account();
    shop.delete_user("bea");
    for login in ["bea", "cy"] {
        assert_eq!(client.get(&format!("{SHOP}/collaborators/{login}/permission")).status, 404);
    }
}

#[test]
fn a_team_of_a_story_is_one_that_a_token_of_a_member_sees() {
    let (shop, _) = shop();
    shop.team("acme/release-captains", &["bea", "ada"]);
    let token = ghbox::Token::classic("ada", &["repo", "read:org"]);
    shop.github.add_token_with("ada", token);
    let ada = Client::with_token(&shop.github, "ada");
    let path = "/orgs/acme/teams/release-captains/memberships/bea";
    assert_eq!(ada.get(path).json()["state"], "active");
}
