//! GitHub's official JavaScript client and the most used Python client make the same calls,
//! each to its own fake GitHub. Both must see the same data, which is the data that the test
//! set up.

mod install;

use std::process::Command;
use std::sync::Arc;

use ghbox::story::{self, DEPLOY, VERIFY};
use ghbox::{
    APP_TEST_KEY, GhBox, GhClock, MergeMethod, NewApp, NewCommit, Repo, Role, StartRun, Token,
    UserKind,
};
use release_governor::clock::Clock;
use serde_json::{Value, json};

use crate::openapi::check_all;

const TOKEN: &str = "ghp_the-token-of-dev";

/// A fake GitHub with data for every call, and the settings for its clients.
struct Stage {
    github: GhBox,
    shop: Repo,
    app: u64,
    installations: [u64; 3],
    base: String,
    tip: String,
    green: Vec<u64>,
}

fn stage() -> Stage {
    // The clients sign with the time of this machine.
    let clock = Clock::system();
    let github = GhBox::new(GhClock::following(Arc::new(move || clock.now())));
    github.add_user("acme", UserKind::Organization);
    let shop = story::repository(&github, "acme/shop");
    story::repository(&github, "ben/blog");
    for name in ["acme/till", "acme/site", "eve/secret"] {
        github.create_repository(name);
    }
    shop.add_in_custom_role("dev", "release-manager", Role::Maintain);
    github.add_token_with(TOKEN, Token::classic("dev", &["repo", "read:org"]));
    github.team("acme/release-captains", &["bea", "dev"]);
    let base = shop.tip("main");
    shop.push(NewCommit::on("cart").message("Add the cart").file("src/cart.rs", "fn f() {}\n"));
    let pull = shop.open_pull_request("cart", "main", "Add the cart", "dev");
    talk(&shop, pull);
    let tip = shop.merge_pull_request(pull, MergeMethod::Squash, "lead");
    let green = [&base, &tip, &tip].map(|sha| shop.verify(sha, "success"));
    shop.verify(&tip, "failure");
    shop.start_run(VERIFY, StartRun::of("merge_group", "gh-readonly-queue/main/pr-1-abc", &tip));
    shop.dispatch_by_hand(DEPLOY, "main", &base, "dev");
    let app = github.register_app(NewApp::new("release-governor"));
    let installed = [app.install("acme"), app.install_on("ben", &["blog"]), app.install("cleo")];
    Stage {
        github,
        shop,
        app: app.id(),
        installations: installed.map(|one| one.id()),
        base,
        tip,
        green: green.into_iter().rev().collect(),
    }
}

/// Comments and reviews on a pull request. One author's account is deleted, and so is another
/// one's fork.
fn talk(shop: &Repo, pull: u64) {
    shop.add_label(pull, "release:approved", "bea");
    let comment = shop.comment(pull, "hello", "bea");
    shop.edit_comment(pull, comment, "/approve\r\n\u{1f680}");
    shop.comment(pull, "/approve", "eve");
    shop.review(pull, "approved", "", "bea");
    shop.note_event(pull, "approved_by_telepathy", "bea");
    shop.push(NewCommit::on("eve:fix").author("eve").file("src/fix.rs", "fn g() {}\n"));
    shop.open_pull_request("eve:fix", "main", "Fix it", "eve");
    shop.github().repository("eve/shop").delete();
    shop.github().delete_user("eve");
}

/// Serves the fake GitHub and runs a client against it. Returns the client's output.
fn seen_by(stage: &Stage, prefix: &str, command: Command) -> Value {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let told = json!({
            "api": format!("http://{address}{prefix}"),
            "repository": "acme/shop",
            "others": ["acme/till", "ben/blog", "eve/secret"],
            "sha": stage.tip,
            "base": stage.base,
            "token": TOKEN,
            "app": stage.app,
            "key": APP_TEST_KEY,
        });
        let (done, stop) = tokio::sync::oneshot::channel();
        let asking = tokio::task::spawn_blocking(move || {
            let printed = install::run(command, &told.to_string());
            // If the server has ended, there is no receiver.
            let _ = done.send(());
            printed
        });
        let stop = async {
            // A client that failed is reported below.
            let _ = stop.await;
        };
        stage.github.serve(listener, stop).await.expect("it serves");
        asking.await.expect("the client's answers")
    })
}

fn expected(stage: &Stage, html_url: &str, limit: &Value) -> Value {
    let (tip, base) = (&stage.tip, &stage.base);
    let [acme, ben, cleo] = stage.installations;
    let deploy = stage.shop.runs().last().expect("a run").id;
    let green: Vec<Value> = stage
        .green
        .iter()
        .zip([tip, tip, base])
        .map(|(run, sha)| json!([run, sha, "success"]))
        .collect();
    let before = stage.shop.runs().into_iter().rev().skip(1);
    let all_runs: Vec<Value> = before.map(|run| json!([run.id, run.status])).collect();
    let said = |state: &str, words: &str, page: u8| {
        let page = format!("https://example.com/{page}");
        json!([state, "booty/release-governor", words, page, "dev"])
    };
    let mut seen = json!({
        "user": ["dev", "User"],
        "repository": [stage.shop.id(), "acme/shop", "main", true, format!("{html_url}/acme/shop")],
        "missing": 404,
        "branch": tip,
        "commits": [tip, base],
        "commit": ["Add the cart (#1)", [["src/cart.rs", "added"]]],
        "compare": ["ahead", 1, ["src/cart.rs"]],
        "pulls": [[1, true]],
        "contents": "# Shop\n",
        "tree": [
            [".github", "tree"],
            [".github/workflows", "tree"],
            [".github/workflows/deploy.yml", "blob"],
            [".github/workflows/verify.yml", "blob"],
            ["README.md", "blob"],
            ["src", "tree"],
            ["src/cart.rs", "blob"],
        ],
        "workflows": [
            ["Deploy", ".github/workflows/deploy.yml", "active"],
            ["Verify main", ".github/workflows/verify.yml", "active"],
        ],
        "green": [3, green],
        "all_runs": all_runs,
        "dispatched": true,
        "deploy": [deploy, format!("Deploy {tip}"), "workflow_dispatch", "dev"],
        "statuses": [said("success", "ALLOW", 2), said("pending", "WAIT", 1)],
        "combined": ["success", 1, ["success"]],
        "limit": limit,
    });
    let more = json!({
        "issue": [3, "It broke", "closed", "completed", "dev"],
        "issue_has": [["deploy-failure"], ["Again."]],
        "issues": [3],
        "permission": ["write", "release-manager"],
        "member": ["active", "member"],
        "no_member": 404,
        "said": [["bea", "/approve\r\n\u{1f680}"], [null, "/approve"]],
        "happened": [
            ["committed", null],
            ["labeled", "bea"],
            ["commented", "bea"],
            ["commented", null],
            ["reviewed", null],
            ["approved_by_telepathy", "bea"],
            ["merged", "lead"],
            ["closed", "lead"],
        ],
        "pull": [["release:approved"], "acme/shop", "lead", 2],
        "fork": ["eve:fix", "fix", true, true],
        "app": [stage.app, "release-governor"],
        "installations": [[acme, "acme", "all"], [ben, "ben", "selected"], [cleo, "cleo", "all"]],
        "found": [acme, acme],
        "token": ["ghs_", {
            "actions": "write", "contents": "read", "issues": "write", "metadata": "read",
            "pull_requests": "read", "statuses": "write",
        }],
        "bot_reads": ["acme/shop", "acme/till", "acme/site"],
        "bot_writes": ["release-governor[bot]", "Bot"],
        "bot_is_nobody": 403,
        "bot_sees": [200, 404, 404],
    });
    let (into, from) = (seen.as_object_mut().expect("one"), more.as_object().expect("one"));
    into.extend(from.clone());
    seen
}

/// Compares key by key, so that a difference is easy to find.
#[track_caller]
fn assert_same(client: &str, seen: &Value, expected: &Value) {
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(keys(seen), keys(expected), "{client}");
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&seen[key], value, "{client} saw another {key}");
    }
}

#[test]
fn pygithub_and_octokit_see_the_same_github() {
    for (client, command) in [("PyGithub", install::python()), ("Octokit", install::node())] {
        let stage = stage();
        let seen = seen_by(&stage, "", command);
        assert_same(client, &seen, &expected(&stage, "https://github.com", &json!(5_000)));
        assert!(stage.github.tokens_minted() >= 2, "{client} minted none of its own");
        check_all(&stage.github.requests());
    }
}

#[test]
fn pygithub_and_octokit_see_the_same_enterprise_server() {
    let page = "https://ghe.example.com";
    for (client, command) in [("PyGithub", install::python()), ("Octokit", install::node())] {
        let stage = stage();
        stage.github.enterprise_server(page);
        let seen = seen_by(&stage, "/api/v3", command);
        let limit = json!("Rate limiting is not enabled.");
        assert_same(client, &seen, &expected(&stage, page, &limit));
        check_all(&stage.github.requests());
    }
}
