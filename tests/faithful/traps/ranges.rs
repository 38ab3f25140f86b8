//! Comparisons, trees, files and abbreviated commit ids.

use ghbox::story;
use ghbox::{GhBox, NewCommit, Repo};
use serde_json::Value;

use crate::client::{Client, github};
use crate::openapi::check_all;

fn shop(github: &GhBox) -> (Repo, Client) {
    (story::repository(github, "acme/shop"), Client::app(github))
}

fn compare(client: &Client, range: &str) -> Value {
    let answer = client.get(&format!("/repos/acme/shop/compare/{range}"));
    assert_eq!(answer.status, 200, "{range}");
    answer.json()
}

fn files(comparison: &Value) -> Vec<String> {
    let files = comparison["files"].as_array().expect("files");
    files.iter().map(|file| file["filename"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn compare_lists_files_on_the_first_page_only_and_at_most_300() {
    let github = github();
    let (shop, app) = shop(&github);
    let base = shop.tip("main");
    let many = (0..310).map(|number| format!("many/{number:03}"));
    shop.push(many.fold(NewCommit::on("main"), |commit, path| commit.file(&path, &path)));
    for number in 0..260 {
        shop.push_paths(&[&format!("single/{number}")]);
    }
    let first = compare(&app, &format!("{base}...main"));
    assert_eq!(files(&first).len(), 300);
    assert_eq!(first["commits"].as_array().map(Vec::len), Some(250));
    assert_eq!((&first["total_commits"], &first["ahead_by"]), (&261.into(), &261.into()));
    let paged = format!("/repos/acme/shop/compare/{base}...main?per_page=250");
    assert_eq!(files(&app.get(&paged).json()).len(), 300);
    let second = app.get(&format!("{paged}&page=2"));
    assert_eq!(files(&second.json()).len(), 0);
    assert_eq!(second.json()["commits"].as_array().map(Vec::len), Some(11));
    assert!(second.header("link").contains("rel=\"first\""));
    check_all(&github.requests());
}

#[test]
fn compare_without_pages_lists_the_newest_250_commits_and_with_pages_the_oldest_first() {
    let github = github();
    let (shop, app) = shop(&github);
    let base = shop.tip("main");
    let shas: Vec<String> = (0..260).map(|one| shop.push_paths(&[&format!("{one}")])).collect();
    let listed = |query: &str| -> Vec<String> {
        let answer = app.get(&format!("/repos/acme/shop/compare/{base}...main{query}")).json();
        let commits = answer["commits"].as_array().expect("commits").clone();
        commits.iter().map(|one| one["sha"].as_str().expect("a sha").to_owned()).collect()
    };
    assert_eq!(listed(""), shas[10..]);
    assert_eq!(listed("?per_page=250"), shas[..250]);
    assert_eq!(listed("?per_page=250&page=2"), shas[250..]);
    assert_eq!(listed("?page=1"), shas[..30]);
    github.set_compare_page(100);
    assert_eq!(listed("?per_page=250&page=3"), shas[200..]);
    let first = app.get(&format!("/repos/acme/shop/compare/{base}...main?per_page=1")).json();
    assert_eq!(first["commits"][0]["parents"][0]["sha"], base);
}

#[test]
fn compare_counts_from_the_merge_base() {
    let github = github();
    let (shop, app) = shop(&github);
    let base = shop.tip("main");
    shop.force_push("side", &base, "dev");
    shop.commit("side", "On the side", "dev", &[("side.rs", Some("1"))]);
    shop.commit("main", "Ahead", "dev", &[("main.rs", Some("2"))]);

    let diverged = compare(&app, "main...side");
    assert_eq!(diverged["status"], "diverged");
    assert_eq!(diverged["merge_base_commit"]["sha"], base);
    assert_eq!(files(&diverged), ["side.rs"]);
    assert_eq!(compare(&app, &format!("main...{base}"))["status"], "behind");
    assert_eq!(compare(&app, &format!("{base}...main"))["status"], "ahead");
    assert_eq!(compare(&app, "main...main")["status"], "identical");
    let merged = shop.merge_branch("main", "side", "dev");
    let after = compare(&app, &format!("{base}...{merged}"));
    assert_eq!(files(&after), ["main.rs", "side.rs"]);
    assert_eq!(after["ahead_by"], 3);
}

#[test]
fn compare_finds_no_way_between_histories_without_a_common_ancestor() {
    let github = github();
    let (shop, app) = shop(&github);
    let orphan = shop.push(NewCommit::on("orphan").parents(&[]).file("a", "b"));
    let answer = app.get(&format!("/repos/acme/shop/compare/main...{orphan}"));
    assert_eq!(answer.status, 404);
    assert!(answer.json()["message"].as_str().expect("words").starts_with("No common ancestor"));
}

#[test]
fn a_moved_file_is_one_entry_with_both_names() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.commit("main", "Add", "dev", &[("auth/key.rs", Some("a secret\n"))]);
    let base = shop.tip("main");
    shop.push(NewCommit::on("main").rename("auth/key.rs", "docs/key.rs").delete("README.md"));
    let comparison = compare(&app, &format!("{base}...main"));
    let (gone, moved) = (&comparison["files"][0], &comparison["files"][1]);
    assert_eq!((&gone["filename"], &gone["status"]), (&"README.md".into(), &"removed".into()));
    assert_eq!(moved["filename"], "docs/key.rs");
    assert_eq!(moved["status"], "renamed");
    assert_eq!(moved["previous_filename"], "auth/key.rs");
}

#[test]
fn an_unknown_sha_is_422_as_a_commit_and_404_in_a_comparison() {
    let github = github();
    let (_shop, app) = shop(&github);
    let sha = "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";
    let answer = app.get(&format!("/repos/acme/shop/commits/{sha}"));
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["message"], format!("No commit found for SHA: {sha}"));
    assert_eq!(app.get(&format!("/repos/acme/shop/compare/{sha}...main")).status, 404);
}

#[test]
fn a_large_tree_is_cut_off_and_says_so() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.commit("main", "Deep", "dev", &[("a/b/c.rs", Some("1")), ("a/d.rs", Some("2"))]);
    let tree = |query: &str| app.get(&format!("/repos/acme/shop/git/trees/main{query}")).json();
    let names = |tree: &Value| -> Vec<String> {
        let entries = tree["tree"].as_array().expect("entries");
        entries.iter().map(|one| one["path"].as_str().expect("a path").to_owned()).collect()
    };
    assert_eq!(names(&tree("")), [".github", "README.md", "a"]);
    let whole = tree("?recursive=1");
    assert!(names(&whole).ends_with(&["a", "a/b", "a/b/c.rs", "a/d.rs"].map(str::to_owned)));
    assert_eq!(whole["truncated"], false);
    github.set_tree_limit(3);
    let cut = tree("?recursive=1");
    assert_eq!((names(&cut).len(), &cut["truncated"]), (3, &true.into()));
}

#[test]
fn content_is_base64_in_lines() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.commit("main", "Long", "dev", &[("long.txt", Some(&"x".repeat(100)))]);
    let file = app.get("/repos/acme/shop/contents/long.txt?ref=main").json();
    let content = file["content"].as_str().expect("content");
    assert_eq!(content.lines().next().map(str::len), Some(60));
    assert_eq!(file["size"], 100);
}

#[test]
fn commits_since_a_time_go_by_dates_that_a_pusher_chose() {
    let github = github();
    let (shop, app) = shop(&github);
    let early = "2020-01-01T00:00:00Z".parse().expect("a time");
    let sha = shop.push(NewCommit::on("main").file("a", "b").dated(early));
    let commits = app.get("/repos/acme/shop/commits?since=2026-01-01T00:00:00Z").json();
    let listed = commits.as_array().expect("a list");
    assert!(listed.iter().all(|commit| commit["sha"] != sha));
    assert_eq!(app.get("/repos/acme/shop/commits").json()[0]["sha"], sha);
}
