//! Tests of the selection, in directories created by git.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion: it names the line that was wrong"
)]

use std::path::Path;
use std::process::Command;

use super::*;

/// A configuration of three repositories on the GitHub instance with this API URL.
fn three(api_url: &str) -> GovernedRepositories {
    config(&format!(
        "github: {{api_url: '{api_url}'}}\n\
         repositories: [{{name: acme/shop}}, {{name: acme/api}}, {{name: acme/sub}}]\n"
    ))
}

fn config(text: &str) -> GovernedRepositories {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("governor.yaml");
    std::fs::write(&file, text).unwrap();
    GovernedRepositories::by(&crate::config::load(&file, std::iter::empty()).unwrap())
}

/// Runs git in a directory, without the user's or the system's settings.
#[track_caller]
fn git(directory: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            git.env_remove(name);
        }
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git.args(["-c", "user.name=ada", "-c", "user.email=ada@example.com"]);
    git.args(["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"]);
    let done = git.args(arguments).current_dir(directory).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Creates a git repository with one commit and these remotes.
fn repository(remotes: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    git(directory.path(), &["init", "-q"]);
    git(directory.path(), &["commit", "-q", "--allow-empty", "-m", "first"]);
    for (name, url) in remotes {
        git(directory.path(), &["remote", "add", name, url]);
    }
    directory
}

/// The selected repository, or the error message.
fn chosen_in(config: &GovernedRepositories, directory: &Path, git_dir: Option<&Path>) -> String {
    let here = Here { directory: directory.to_owned(), git_dir: git_dir.map(Path::to_owned) };
    match choose(config, None, &here) {
        Ok(name) => name.to_string(),
        Err(CommandFailure::Usage(said)) => said,
        Err(other) => panic!("{other:?}"),
    }
}

const GITHUB: &str = "https://api.github.com";
const API: &str = "git@github.com:acme/api.git";

#[test]
fn a_repository_is_named_or_is_the_directorys_or_the_only_one() {
    let three = three(GITHUB);
    let nowhere = tempfile::tempdir().unwrap();
    let here = Here { directory: nowhere.path().to_owned(), git_dir: None };
    let named = |name: &str| choose(&three, Some(&name.parse().unwrap()), &here);
    assert_eq!(named("Acme/API").unwrap().to_string(), "acme/api");
    assert!(matches!(named("acme/web"), Err(CommandFailure::NotFound(_))));
    assert_eq!(
        chosen_in(&three, nowhere.path(), None),
        "which repository? Give OWNER/NAME or --repo OWNER/NAME; configured are acme/shop, \
         acme/api, acme/sub"
    );
    let one = config("repositories: [{name: acme/shop}]\n");
    assert_eq!(chosen_in(&one, nowhere.path(), None), "acme/shop");
    let elsewhere = repository(&[("origin", "https://gitlab.com/acme/api")]);
    assert_eq!(chosen_in(&one, elsewhere.path(), None), "acme/shop");
    assert_eq!(chosen_in(&three, repository(&[("origin", API)]).path(), None), "acme/api");
}

#[test]
fn what_the_remote_is_and_why_it_is_not_taken_is_said() {
    let enterprise = "https://ghe.example.com/api/v3";
    let loopback = "http://127.0.0.1:4000";
    for (api_url, remotes, said) in [
        (
            GITHUB,
            &[("origin", "https://ada:ghp_x@gitlab.com/acme/api")][..],
            "this directory's remote is of gitlab.com, not of github.com. Give",
        ),
        (
            GITHUB,
            &[("origin", "git@ghe.example.com:acme/api")],
            "this directory's remote is of ghe.example.com, not of github.com. Give",
        ),
        (
            enterprise,
            &[("origin", API)],
            "this directory's remote is of github.com, not of ghe.example.com. Give",
        ),
        (enterprise, &[("origin", "https://ghe.example.com/acme/api")], "acme/api"),
        (loopback, &[("origin", API)], "acme/api"),
        (loopback, &[("origin", "http://localhost:1/acme/api")], "acme/api"),
        (
            GITHUB,
            &[("origin", "https://github.com/acme/web")],
            "this directory is of acme/web, which is not configured. Give",
        ),
        (
            GITHUB,
            &[("origin", "/srv/git/acme/api")],
            "this directory's remote names no repository of github.com. Give",
        ),
        (
            GITHUB,
            &[("fork", API), ("upstream", API)],
            "this directory has 2 remotes, and none of them is `origin`. Give",
        ),
        (GITHUB, &[("fork", "git@github.com:me/api"), ("origin", API)], "acme/api"),
        (GITHUB, &[("upstream", API)], "acme/api"),
        (GITHUB, &[], "which repository? Give"),
    ] {
        let directory = repository(remotes);
        let got = chosen_in(&three(api_url), directory.path(), None);
        assert!(got.contains(said), "{remotes:?} at {api_url}: {got}");
        assert!(!got.contains("ghp_x"), "{got}");
    }
}

#[test]
fn it_is_found_from_wherever_git_finds_it() {
    let three = three(GITHUB);
    let main = repository(&[("origin", API)]);
    let deep = main.path().join("src/deep");
    std::fs::create_dir_all(&deep).unwrap();
    // Like git, the search skips a `.git` that is not a git directory.
    std::fs::create_dir(main.path().join("src/.git")).unwrap();
    assert_eq!(chosen_in(&three, &deep, None), "acme/api");
    assert_eq!(chosen_in(&three, &main.path().join(".git/objects"), None), "acme/api");

    let elsewhere = tempfile::tempdir().unwrap();
    let linked = elsewhere.path().join("linked");
    git(main.path(), &["worktree", "add", "-q", linked.to_str().unwrap()]);
    assert!(linked.join(".git").is_file());
    assert_eq!(chosen_in(&three, &linked, None), "acme/api");

    let outer = repository(&[("origin", "git@github.com:acme/shop")]);
    let source = main.path().to_str().unwrap();
    git(outer.path(), &["submodule", "add", "-q", source, "vendor/sub"]);
    let sub = outer.path().join("vendor/sub");
    assert!(sub.join(".git").is_file());
    git(&sub, &["remote", "set-url", "origin", "https://github.com/acme/sub.git"]);
    assert_eq!(chosen_in(&three, &sub, None), "acme/sub");
    assert_eq!(chosen_in(&three, &outer.path().join("vendor"), None), "acme/shop");

    let bare = elsewhere.path().join("bare.git");
    git(main.path(), &["clone", "-q", "--bare", source, bare.to_str().unwrap()]);
    git(&bare, &["remote", "set-url", "origin", API]);
    assert_eq!(chosen_in(&three, &bare, None), "acme/api");
}

#[test]
fn git_dir_comes_before_the_directory() {
    let three = three(GITHUB);
    let api = repository(&[("origin", API)]);
    let shop = repository(&[("origin", "git@github.com:acme/shop")]);
    let git_dir = api.path().join(".git");
    assert_eq!(chosen_in(&three, shop.path(), Some(&git_dir)), "acme/api");
    assert_eq!(chosen_in(&three, api.path(), Some(Path::new(".git"))), "acme/api");
    assert_eq!(chosen_in(&three, shop.path(), Some(Path::new(""))), "acme/shop");
    let none = chosen_in(&three, shop.path(), Some(Path::new("nowhere")));
    assert!(none.starts_with("which repository? Give"), "{none}");
}
