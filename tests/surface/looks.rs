//! Read-only commands: before the first pass, about the past, and continuously.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ghbox::{NewCommit, story};
use insta::assert_snapshot;
use release_governor::clock::Clock;
use serde_json::Value;

use crate::town::{Done, Town, until};

#[test]
fn what_would_go_wrong_at_github_is_said_and_nothing_is_written() {
    let town = Town::new();
    story::repository(&town.github, "acme/shop");
    let api = story::repository(&town.github, "acme/api");
    api.push(
        NewCommit::on("main").file(".github/workflows/deploy.yml", "name: Deploy\non: push\n"),
    );
    api.set_has_issues(false);
    town.configure(
        "repositories: [{name: acme/shop}, {name: acme/api, verification_workflow_name: CI},
         {name: acme/gone}]\n",
    );
    let checked = town.run(&["check-config", "--github"]).with(2);
    let text = checked.text();
    let (_, found) = text.rsplit_once("\n\n").unwrap();
    assert_snapshot!(found, @r"
    error    acme/api deploy_workflow_name `deploy.yml`: it has no `workflow_dispatch` trigger, so that GitHub refuses to start it: add one with the input `sha`
    error    acme/api verification_workflow_name `CI`: there is no such workflow, so that no commit is ever verified: correct it; there are `deploy.yml`, `verify.yml`
    warning  acme/api name `acme/api`: issues are disabled: a failed deploy cannot open one. Enable them in the repository's settings
    error    acme/gone name `acme/gone`: GitHub knows no such repository, or hides it from the token: correct the name, or give the token access to it
    note     GitHub does not tell what this token may write: whether it may start workflows, set statuses and open issues shows with the first of them. Grant it actions, statuses and issues: write
    GitHub: 3 errors, 1 warning
    ");
    let json = town.run(&["check-config", "--github", "--json"]).with(2).json();
    assert_eq!(json["findings"].as_array().unwrap().len(), 4, "{json:#}");
    assert_eq!(json["unchecked"], serde_json::json!([]));
    assert!(town.github.requests().iter().all(|one| !one.is_write()));
}

#[test]
fn a_github_that_is_as_it_should_be_exits_0_and_one_that_is_away_3() {
    let (mut town, _, _) = Town::with_shop();
    let good = town.run(&["check-config", "--github"]).with(0).text();
    assert!(good.ends_with("GitHub matches the configuration\n"), "{good}");
    town.use_token("ghp_another");
    let refused = town.run(&["check-config", "--github"]).with(3).text();
    assert!(refused.contains("GitHub does not accept the token"), "{refused}");
    town.lose_github();
    town.configure("repositories: [{name: acme/shop}]\n");
    let away = town.run(&["check-config", "--github"]).with(3).text();
    assert!(away.ends_with("GitHub: 1 repository could not be checked completely\n"), "{away}");
}

#[test]
fn history_gives_what_is_asked_for() {
    let (town, shop, _) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    town.run(&["reconcile", "--once"]).with(0);
    town.run(&["pause", "--reason", "incident 42", "--as", "ada"]).with(0);
    let told = |filters: &[&str]| -> Vec<String> {
        let arguments: Vec<&str> = ["history", "--json"].iter().chain(filters).copied().collect();
        let history = town.run(&arguments).with(0).json();
        let entries = history["entries"].as_array().unwrap();
        entries.iter().map(|line| line["told"].as_str().unwrap().to_owned()).collect()
    };
    let words = told(&["--kind", "word"]);
    assert_eq!(words.len(), 1);
    assert!(words[0].starts_with("paused by ada (uid "), "{words:?}");
    assert_eq!(told(&["--by", "ada"]), words);
    assert_eq!(told(&["--by", "bob"]), [""; 0]);
    assert!(told(&["--sha", &sha[..7], "--kind", "attempt,outcome"]).len() >= 3);
    assert_eq!(told(&["--since", "1h"]).len(), told(&[]).len());
    assert_eq!(told(&["--until", "1h"]), [""; 0]);
    let refused = town.run(&["history", "--since", "1h", "--until", "2h"]).with(2).error();
    assert!(refused.contains("nothing lies between"), "{refused}");
    town.run(&["history", "--since", "soon"]).with(2);
}

#[test]
fn history_is_followed_until_a_signal_and_until_nobody_reads_it() {
    let (town, _, _) = Town::with_shop();
    let mut follower = town.start(&["history", "--follow", "--json"]);
    town.run(&["pause", "--reason", "incident 42", "--as", "ada"]).with(0);
    let running = town.govern();
    town.run(&["resume", "--as", "grace"]).with(0);
    let began = Clock::system();
    until(|| began.monotonic() > Duration::from_secs(3));
    let pid = follower.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let told = Done::of(follower.wait_with_output().unwrap()).with(0).text();
    for word in ["incident 42", "grace"] {
        let lines = told.lines().filter(|line| line.contains(word));
        assert_eq!(lines.count(), 1, "{word}: {told}");
    }
    follower = town.start(&["history", "--follow"]);
    drop(follower.stdout.take());
    assert!(until(|| follower.try_wait().unwrap().is_some()));
    assert_eq!(running.end().0, 0);
}

/// The snapshots of a `status --watch --json`, as they arrive.
fn snapshots_of(watcher: &mut Child) -> impl Fn() -> Vec<Value> + use<> {
    let (lines, output) = (Arc::new(Mutex::new(Vec::new())), watcher.stdout.take().unwrap());
    let kept = Arc::clone(&lines);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            kept.lock().unwrap().push(serde_json::from_str(&line).unwrap());
        }
    });
    move || lines.lock().unwrap().clone()
}

#[test]
fn a_status_watched_in_a_pipe_comes_once_for_each_change() {
    let (town, _, _) = Town::with_shop();
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "deployed");
    let mut watcher = town.start(&["status", "--watch", "1", "--json"]);
    let snapshots = snapshots_of(&mut watcher);
    assert!(until(|| !snapshots().is_empty()));
    let passed = |snapshot: &Value| snapshot["repositories"][0]["last_pass"].clone();
    let began = Clock::system();
    assert!(until(|| began.monotonic() > Duration::from_secs(3)));
    let first = snapshots();
    assert_eq!(first.len(), 1, "nothing changed: {first:#?}");
    assert_ne!(passed(&first[0]), town.row("acme/shop")["last_pass"], "passes went by");

    town.run(&["pause", "--reason", "incident 42"]).with(0);
    let newest = || snapshots().last().unwrap()["repositories"][0]["paused"].clone();
    assert!(until(|| newest().as_str().is_some_and(|why| why.contains("incident 42"))));
    town.run(&["resume"]).with(0);
    assert!(until(|| newest().is_null()));
    let pid = watcher.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(Done::of(watcher.wait_with_output().unwrap()).with(0).error(), "");
    let mut told = snapshots();
    assert!(told.len() >= 3, "{told:#?}");
    told.iter_mut().for_each(|snapshot| snapshot["repositories"][0]["last_pass"] = Value::Null);
    assert!(told.windows(2).all(|two| two[0] != two[1]), "one was said twice: {told:#?}");
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_watched_status_ends_where_nobody_reads_it_and_outlives_the_controller() {
    let (town, _, _) = Town::with_shop();
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "deployed");
    let mut unread = town.start(&["status", "--watch"]);
    drop(unread.stdout.take());
    assert!(until(|| unread.try_wait().unwrap().is_some()));
    assert_eq!(Done::of(unread.wait_with_output().unwrap()).with(0).error(), "");

    let mut watcher = town.start(&["status", "--watch", "1", "--json"]);
    let snapshots = snapshots_of(&mut watcher);
    assert!(until(|| !snapshots().is_empty()));
    assert_eq!(running.end().0, 0);
    let running = town.govern();
    town.run(&["pause", "--reason", "incident 43"]).with(0);
    assert!(until(|| snapshots().last().unwrap().to_string().contains("incident 43")));
    let pid = watcher.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    Done::of(watcher.wait_with_output().unwrap()).with(0);
    assert_eq!(running.end().0, 0);
}

#[test]
fn the_directory_a_command_is_given_in_names_the_repository() {
    let town = Town::new();
    let shop = story::repository(&town.github, "acme/shop").in_production();
    story::repository(&town.github, "acme/api").in_production();
    town.configure("repositories: [{name: acme/api}, {name: acme/shop}]\n");
    let git = |arguments: &[&str]| {
        let done = Command::new("git").args(arguments).current_dir(town.directory.path()).output();
        assert!(done.unwrap().status.success());
    };
    git(&["init", "-q"]);
    git(&["remote", "add", "origin", "git@github.com:acme/shop.git"]);
    for remote in ["git@github.com:acme/shop.git", "http://localhost:4000/acme/shop.git"] {
        git(&["remote", "set-url", "origin", remote]);
        let told = town.run(&["simulate", &shop[..7], "--json"]).with(0).json();
        assert_eq!(told["repository"], "acme/shop", "{remote}");
    }
    git(&["remote", "set-url", "origin", "git@github.com:acme/other.git"]);
    let refused = town.run(&["simulate", &shop[..7]]).with(2).error();
    let said = "this directory is of acme/other, which is not configured. Give OWNER/NAME";
    assert!(refused.contains(said), "{refused}");
}

#[test]
fn a_name_that_hides_or_poses_is_refused() {
    let (town, _, _) = Town::with_shop();
    for name in ["", "a\u{1b}[2Jb", "a\nb", "ada (uid 0 root)", "a\u{202e}b", &"x".repeat(65)] {
        town.run(&["pause", "--reason", "x", "--as", name]).with(2);
    }
}

/// What bash completes the last of these words to.
fn completed(town: &Town, words: &[&str]) -> Vec<String> {
    let script = town.run(&["completions", "bash"]).with(0).text();
    let (last, all) = (words.len() - 1, words.join(" "));
    let asked = format!(
        "{script}\nCOMP_WORDS=({all}) COMP_CWORD={last} COMP_TYPE=9\n\
         _clap_complete_release_governor release-governor {} {}\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        words[last],
        words[last - 1],
    );
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_release-governor"));
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", program.parent().unwrap().display());
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-s"]).env_clear().env("PATH", path).env("GITHUB_TOKEN", "x");
    bash.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut bash = bash.spawn().unwrap();
    bash.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let said = Done::of(bash.wait_with_output().unwrap()).with(0).text();
    said.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_governed_repositories() {
    let town = Town::new();
    town.configure("repositories: [{name: acme/shop}, {name: acme/api}, {name: other/web}]\n");
    assert_eq!(completed(&town, &["release-governor", "sim"]), ["simulate"]);
    let config = town.config();
    let config = ["--config", config.to_str().unwrap()];
    let after = |word: &str, begun: &str| {
        completed(&town, &["release-governor", config[0], config[1], word, begun])
    };
    assert_eq!(after("pause", "acme/"), ["acme/shop", "acme/api"]);
    assert_eq!(after("approve", "other"), ["other/web"]);
    let asked = ["release-governor", config[0], config[1], "history", "--repo", "acme/s"];
    assert_eq!(completed(&town, &asked), ["acme/shop"]);
    // With an invalid configuration, completion offers nothing and prints nothing.
    town.configure("repositories: [{name: acme/shop, colour: red}]\n");
    assert!(after("pause", "acme/").is_empty());
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let script = town.run(&["completions", shell]).with(0).text();
        assert!(script.contains("release-governor"), "{shell}: {script}");
    }
}

#[test]
fn manual_pages_keep_their_examples_as_they_are_typed() {
    let town = Town::new();
    let page = town.run(&["man"]).with(0).text();
    assert!(page.contains(".SH NAME") && page.contains("check\\-config"), "{page}");
    town.run(&["man", "--dir", "pages"]).with(0);
    for page in ["release-governor.1", "release-governor-status.1", "release-governor-man.1"] {
        let text = std::fs::read_to_string(town.directory.path().join("pages").join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
        let (_, examples) = text.split_once("\n.SH EXAMPLES\n.nf\n").unwrap();
        let (examples, _) = examples.split_once("\n.fi\n").unwrap();
        assert!(examples.lines().all(|line| line.starts_with("  ")), "{page}: {examples}");
        assert!(!text.contains(".SH EXTRA"), "{page}");
    }
}
