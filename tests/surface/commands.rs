//! Every command of the real program against a fake GitHub: on its own, and through the socket
//! of a running controller.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ghbox::{Fault, FaultOn};
use release_governor::clock::Clock;

use crate::town::{Town, until};

const KEYS: [&str; 23] = [
    "branch_tip",
    "candidate_sha",
    "decision",
    "dry_run",
    "enabled",
    "error",
    "forecast",
    "head_reason",
    "head_sha",
    "last_deploy_attempt_sha",
    "last_deploy_result",
    "last_deploy_time",
    "last_health_check",
    "last_pass",
    "paused",
    "production_approvals",
    "production_sha_current",
    "production_sha_previous",
    "reason",
    "repository",
    "risk_class",
    "ships_at",
    "unverified_commits",
];

fn keys(value: &serde_json::Value) -> Vec<String> {
    let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}

#[test]
fn a_commit_is_simulated_triggered_and_shown_without_a_controller() {
    let (town, shop, production) = Town::with_shop();
    let low = shop.verified(&["src/cart.rs"]);

    let status = town.run(&["status", "--json"]).with(0).json();
    assert_eq!(keys(&status["repositories"][0]), KEYS);
    assert_eq!(status["repositories"][0]["production_sha_current"], serde_json::Value::Null);
    assert!(!town.state().exists(), "asking makes no store");

    let simulated = town.run(&["simulate", "acme/shop", &low[..8], "--json"]).with(0).json();
    assert_eq!(
        keys(&simulated),
        [
            "approvals",
            "counted_approvals",
            "decision",
            "evidence",
            "forecast",
            "paths",
            "reason",
            "repository",
            "risk_class",
            "rules",
            "sha",
            "ships_at",
            "supposed",
            "unblock_hints"
        ]
    );
    assert_eq!(simulated["decision"], "ALLOW");
    assert_eq!(simulated["reason"], "allow_low");
    assert_eq!(simulated["sha"], low.as_str());
    assert!(town.github.requests().iter().all(|one| !one.is_write()), "simulate writes nothing");

    let triggered = town.run(&["trigger", &low, "--as", "ada"]).with(0);
    let text = triggered.text();
    let run = shop.runs().into_iter().find(|run| run.input_sha.as_ref() == Some(&low)).unwrap();
    assert!(text.contains(&low) && text.contains(&run.html_url) && text.contains("UTC"), "{text}");
    assert_eq!(shop.dispatches_of(&low), 1);

    let again = town.run(&["trigger", &low, "--json"]).with(0).json();
    assert_eq!(again["reason"], "deploying");
    assert_eq!(again["run_url"], run.html_url.as_str());
    assert_eq!(again["time"], serde_json::Value::Null);
    assert_eq!(shop.dispatches_of(&low), 1);

    let row = town.row("acme/shop");
    assert_eq!(row["last_deploy_attempt_sha"], low.as_str());
    assert_eq!(row["last_deploy_result"], serde_json::Value::Null);
    shop.finish_run(run.id, "success");
    town.run(&["reconcile", "--once"]).with(0);
    let row = town.row("acme/shop");
    assert_eq!(row["production_sha_current"], low.as_str());
    assert_eq!(row["production_sha_previous"], production.as_str());
    assert_eq!(row["last_deploy_result"], "success");
    assert_eq!(row["reason"], "deployed");
    assert!(row["last_pass"].is_string());
    let deployed = town.run(&["trigger", &low]).with(0).text();
    assert!(deployed.contains("deployed") && deployed.contains("Nothing to start"), "{deployed}");
    assert_eq!(shop.dispatches_of(&low), 1);
}

#[test]
fn a_high_risk_commit_ships_once_somebody_approves_it() {
    let (town, shop, _) = Town::with_shop();
    let high = shop.verified(&["infra/main.tf"]);
    let held = town.run(&["simulate", &high, "--json", "--show-paths"]).with(1).json();
    assert_eq!(held["reason"], "high_risk_no_approval");
    assert_eq!(held["paths"][0]["path"], "infra/main.tf");
    assert_eq!(
        keys(&held["paths"][0]),
        ["brought_by", "commit", "path", "pattern", "pull_request", "risk_class"]
    );
    let hint = held["unblock_hints"][0].as_str().unwrap();
    assert!(hint.contains("release-governor approve acme/shop"), "{hint}");
    let refused = town.run(&["trigger", &high]).with(1).text();
    assert!(refused.contains("high_risk_no_approval") && refused.contains("Nothing was started"));

    let running = town.govern();
    town.row_when("acme/shop", |row| row["decision"] == "HOLD");
    let said = ["approve", &high[..7], "--reason", "rehearsed", "--as", "ada", "--json"];
    let approved = town.run(&said).with(0).json();
    assert_eq!(approved["sha"], high.as_str());
    assert!(approved["by"].as_str().unwrap().starts_with("ada (uid "), "{approved}");
    assert!(until(|| shop.dispatches_of(&high) == 1), "{}", running.log());
    assert_eq!(running.end().0, 0);
}

#[test]
fn status_tells_a_dry_run_a_failed_head_what_is_not_verified_and_that_no_controller_runs() {
    let (town, shop, _) = Town::with_shop();
    town.configure("repositories:\n- {name: acme/shop, dry_run: true}\n");
    let low = shop.verified(&["src/cart.rs"]);
    let failed = shop.push_paths(&["src/cart.rs"]);
    shop.verify(&failed, "failure");
    let tip = shop.push_paths(&["src/till.rs"]);
    let running = town.govern();
    let row = town.row_when("acme/shop", |row| row["head_sha"] == failed.as_str());
    assert_eq!((&row["candidate_sha"], &row["reason"]), (&low.into(), &"allow_low".into()));
    assert_eq!(
        (&row["dry_run"], &row["head_reason"]),
        (&true.into(), &"verification_failed".into())
    );
    assert_eq!((&row["unverified_commits"], &row["branch_tip"]), (&1.into(), &tip.into()));
    let text = town.run(&["status"]).with(0).text();
    assert!(text.contains("would deploy") && text.contains("1 newer commit up to"), "{text}");
    assert_eq!(town.run(&["status", "--json"]).with(0).json()["controller_running"], true);
    let held = town.run(&["status", "--held", "--json"]).with(0).json();
    assert_eq!(held["repositories"][0]["repository"], "acme/shop");
    let broken = town.run(&["status", "--error"]).with(0).text();
    assert_eq!(broken, "No repository matches.\n");
    assert_eq!(running.end().0, 0);

    let left = town.run(&["status", "--json"]).with(0).json();
    assert_eq!(left["controller_running"], false);
    assert_eq!(left["repositories"][0]["head_sha"], failed.as_str());
    let text = town.run(&["status"]).with(0).text();
    assert!(text.starts_with("No controller is running. The last pass ended "), "{text}");
}

#[test]
fn what_does_not_exist_or_is_not_one_is_said() {
    let (town, shop, _) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    let unknown = town.run(&["simulate", "0123456789"]).with(4).error();
    assert_eq!(unknown, "error: there is no commit 0123456789 in acme/shop\n");
    town.run(&["approve", "0123456789", "--reason", "x"]).with(4);
    town.run(&["trigger", "acme/other", &sha]).with(4);
    // A branch name may look like a commit id.
    shop.force_push("abcdef1", &sha, "dev");
    let branch = town.run(&["trigger", "abcdef1"]).with(2).error();
    assert!(branch.contains("a branch or a tag of that name"), "{branch}");
    assert_eq!(shop.dispatches_of(&sha), 0);
}

#[test]
fn a_pause_holds_until_it_is_undone_and_says_who() {
    let (town, shop, _) = Town::with_shop();
    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    let paused = ["pause", "acme/shop", "--reason", "incident 42", "--as", "grace"];
    let text = town.run(&paused).with(0).text();
    assert!(text.contains("paused: incident 42") && text.contains("grace (uid "), "{text}");
    let log = running.until_said("paused by");
    assert!(log.contains("grace (uid ") && log.contains("incident 42"), "{log}");

    let history = town.run(&["history", "acme/shop", "--json"]).with(0).json();
    let entries = history["entries"].as_array().unwrap();
    let pause = entries.iter().find(|line| line["entry"]["word"] == "paused").unwrap();
    assert_eq!(pause["entry"]["by"]["name"], "grace");
    assert!(pause["entry"]["by"]["peer"].as_str().unwrap().starts_with("uid "));

    let sha = shop.verified(&["src/cart.rs"]);
    let held = town.row_when("acme/shop", |row| row["reason"] == "paused");
    assert_eq!(held["paused"], "incident 42");
    town.run(&["simulate", &sha]).with(1);
    assert_eq!(running.end().0, 0);

    // The pause outlives the process, and can be lifted while no controller runs.
    assert_eq!(town.row("acme/shop")["paused"], "incident 42");
    town.run(&["resume"]).with(0);
    let history = town.run(&["history", "--limit", "1"]).with(0).text();
    assert!(history.contains("uid ") && history.contains("resumed by"), "{history}");
    assert_eq!(town.row("acme/shop")["paused"], serde_json::Value::Null);
    let running = town.govern();
    assert!(until(|| shop.dispatches_of(&sha) == 1), "{}", running.log());
}

#[test]
fn a_pause_before_the_first_pass_shows_while_no_controller_runs() {
    let (town, _, _) = Town::with_shop();
    assert_eq!(town.row("acme/shop")["paused"], serde_json::Value::Null);
    town.run(&["pause", "acme/shop", "--reason", "incident 41"]).with(0);
    town.run(&["pause", "acme/shop", "--reason", "incident 42"]).with(0);
    assert_eq!(town.row("acme/shop")["paused"], "incident 42");
    let running = town.govern();
    let held = town.row_when("acme/shop", |row| row["last_pass"].is_string());
    assert_eq!(held["paused"], "incident 42");
    town.run(&["resume", "acme/shop"]).with(0);
    assert_eq!(town.row("acme/shop")["paused"], serde_json::Value::Null);
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_pause_finds_its_place_beside_whatever_else_waits_for_github() {
    let (town, shop, _) = Town::with_shop();
    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    let sha = shop.verified(&["src/cart.rs"]);
    town.github.fail(FaultOn::any().always(), Fault::Hang);
    let ask =
        format!(r#"{{"repository":"acme/shop","sha":"{sha}","production":null,"policy":null}}"#);
    let asked: Vec<UnixStream> = (0..80)
        .map(|_| {
            let mut stream = UnixStream::connect(town.socket()).unwrap();
            let head = "POST /v1/simulate HTTP/1.1\r\nHost: x\r\ncontent-type: application/json";
            let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{ask}", ask.len());
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    // Requests beyond the limit are rejected immediately, so a pause is not delayed.
    let clock = Clock::system();
    town.run(&["pause", "acme/shop", "--reason", "incident 42"]).with(0);
    assert!(clock.monotonic() < Duration::from_secs(5), "{:?}", clock.monotonic());
    drop(asked);
    town.run(&["status"]).with(0);
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_pause_waits_for_no_slow_github_and_names_what_had_left() {
    let (town, shop, _) = Town::with_shop();
    let running = town.govern();
    let sha = shop.verified(&["src/cart.rs"]);
    town.row_when("acme/shop", |row| row["reason"] == "deploying");
    let run = shop.runs().into_iter().find(|run| run.input_sha.as_ref() == Some(&sha)).unwrap();
    town.github.fail(FaultOn::any().always(), Fault::Delay(Duration::from_secs(20)));
    let before = town.github.requests().len();
    assert!(until(|| town.github.requests().len() > before), "a pass is under way");

    let clock = Clock::system();
    let paused = ["pause", "acme/shop", "--reason", "incident 42", "--json"];
    let paused = town.run(&paused).with(0).json();
    assert!(clock.monotonic() < Duration::from_secs(10), "{:?}", clock.monotonic());
    assert_eq!(paused["left"].as_array().unwrap().len(), 1, "{paused}");
    assert_eq!(keys(&paused["left"][0]), ["attempt", "run", "sha", "url"]);
    assert_eq!(paused["left"][0]["sha"], sha.as_str());
    assert_eq!(paused["left"][0]["run"], run.id);
    assert_eq!(paused["left"][0]["url"], run.html_url.as_str());
    assert_eq!(town.row("acme/shop")["paused"], "incident 42", "at once");
    let text = town.run(&["pause", "acme/shop", "--reason", "incident 43"]).with(0).text();
    let line = format!("already sent, and continues: {sha} {}\n", run.html_url);
    assert!(text.contains(&line), "{text}");
    assert_eq!(running.end().0, 0);
    let history = town.run(&["history", "--kind", "word"]).with(0).text();
    assert!(history.contains("incident 42") && history.contains("incident 43"), "{history}");
}

#[test]
fn resume_does_not_undo_the_configurations_own_pause() {
    let (town, _, _) = Town::with_shop();
    town.configure("repositories: [{name: acme/shop, paused: freeze}]\n");
    assert_eq!(town.row("acme/shop")["paused"], "freeze");
    let refused = town.run(&["resume"]).with(4).error();
    let said = "acme/shop is paused by the configuration (freeze), and by nothing else. Nothing was \
                changed: remove `paused` there";
    assert!(refused.contains(said), "{refused}");
    town.run(&["pause", "--reason", "incident 42"]).with(0);
    let resumed = town.run(&["resume", "--json"]).with(0).json();
    let note = resumed["note"].as_str().unwrap();
    assert!(note.contains("it stays paused by the configuration (freeze)"), "{note}");
}

#[test]
fn an_operator_says_what_runs_in_production() {
    let (town, shop, production) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    // A deploy that began within the same second may have begun after the action.
    town.github.advance(Duration::from_secs(5));
    let said = ["set-production", &sha[..10], "--reason", "by hand", "--json"];
    let recorded = town.run(&said).with(0).json();
    assert_eq!(
        (&recorded["word"], &recorded["sha"]),
        (&"production_set".into(), &sha.as_str().into())
    );
    town.run(&["reconcile", "--once"]).with(0);
    let row = town.row("acme/shop");
    assert_eq!(row["production_sha_current"], sha.as_str());
    assert_eq!(row["production_sha_previous"], production.as_str());
    assert_eq!(shop.dispatches_of(&sha), 0);
}

#[test]
fn a_rehearsal_writes_nothing_and_a_pass_does_what_it_said() {
    let (town, shop, _) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    let rehearsed = town.run(&["reconcile", "--once", "--dry-run"]).with(0).text();
    assert!(rehearsed.contains(&format!("would deploy {}", &sha[..7])), "{rehearsed}");
    assert!(town.github.requests().iter().all(|one| !one.is_write()));
    let passes = town.run(&["reconcile", "--once", "--repo", "acme/shop", "--json"]).with(0).json();
    let actions = passes["repositories"][0]["actions"].to_string();
    assert!(actions.contains(&format!("deploy {}", &sha[..7])), "{passes:#}");
    assert_eq!(shop.dispatches_of(&sha), 1);

    let running = town.govern();
    drop(town.github.take_requests());
    town.run(&["reconcile", "--once", "--dry-run"]).with(0);
    town.run(&["reconcile", "--once"]).with(0);
    assert_eq!(running.end().0, 0);
}

#[test]
fn nothing_is_started_where_the_configuration_forbids_it() {
    let (town, shop, _) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    let high = shop.verified(&["infra/dns.tf"]);
    for (key, said) in [("dry_run: true", "dry_run: true"), ("enabled: false", "enabled: false")] {
        town.configure(&format!("repositories: [{{name: acme/shop, {key}}}]\n"));
        let refused = town.run(&["trigger", &sha]).with(2).error();
        assert!(refused.contains(said), "{refused}");
        town.run(&["simulate", &sha]).with(0);
        town.run(&["reconcile", "--once"]).with(0);
        // The decision about a commit that would not ship anyway is reported as usual.
        let production = town.row("acme/shop")["production_sha_current"].clone();
        let deployed = town.run(&["trigger", production.as_str().unwrap(), "--json"]).with(0);
        assert_eq!(deployed.json()["reason"], "deployed", "{key}");
        let held = town.run(&["trigger", &high, "--json"]).with(1).json();
        assert_eq!(held["reason"], "high_risk_no_approval", "{key}");
    }
    assert!(town.github.requests().iter().all(|one| !one.is_write()));
}

#[test]
fn a_trigger_whose_answer_is_lost_or_that_is_refused_is_told_so() {
    let (town, shop, _) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    let refusal =
        Fault::Refuse { status: 403, message: "Resource not accessible by integration".to_owned() };
    town.github.fail(FaultOn::operation("create-workflow-dispatch"), refusal);
    let refused = town.run(&["trigger", &sha]).with(3).error();
    assert!(
        refused.contains("nothing was started") && refused.contains("Resource not accessible"),
        "{refused}"
    );
    assert_eq!(shop.dispatches_of(&sha), 0);
    // The operator's `trigger` overrides the refusal.
    town.github.lose_the_answer_to("create-workflow-dispatch");
    let lost = town.run(&["trigger", &sha]).with(3).error();
    assert!(lost.contains("it is looked for, and nothing is sent again"), "{lost}");
    let again = town.run(&["trigger", &sha, "--json"]).with(0).json();
    assert_eq!(again["reason"], "deploying");
    assert_eq!(shop.dispatches_of(&sha), 1);
}

#[test]
fn a_trigger_whose_asker_goes_away_is_carried_out_to_its_end() {
    let (town, shop, _) = Town::with_shop();
    town.configure("repositories: [{name: acme/shop, cooldown_minutes: 0}]\n");
    let sha = shop.verified(&["src/cart.rs"]);
    shop.deploy(&sha, "dev", "failure");
    let running = town.govern();
    // The controller does not try again on its own.
    town.row_when("acme/shop", |row| row["reason"] == "deploy_failed");
    // The answer to the dispatch is slow, and the client disconnects before it arrives.
    let slow = Fault::Delay(Duration::from_secs(2));
    town.github.fail(FaultOn::operation("create-workflow-dispatch"), slow);
    let mut asker = town.start(&["trigger", &sha]);
    assert!(until(|| shop.dispatches_of(&sha) == 2), "{}", running.log());
    asker.kill().unwrap();
    asker.wait().unwrap();
    let row = town.row_when("acme/shop", |row| row["reason"] == "deploying");
    assert_eq!(row["last_deploy_attempt_sha"], sha.as_str());
    let history = town.run(&["history", "--json"]).with(0).json().to_string();
    assert!(history.contains("attempt_run") && !history.contains("its answer was lost"));
    assert_eq!(running.end().0, 0);
}

#[test]
fn an_operator_rolls_back_and_lifts_what_holds_since() {
    let (town, shop, production) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    town.run(&["reconcile", "--once"]).with(0);
    shop.finish_run(shop.dispatches().last().unwrap().run_id, "success");
    town.github.advance(Duration::from_secs(5));
    town.run(&["reconcile", "--once"]).with(0);
    let nothing = town.run(&["resume", "acme/shop"]).with(4).error();
    assert!(nothing.contains("acme/shop is not stopped"), "{nothing}");

    let held = shop.push_paths(&["src/till.rs"]);
    let never = town.run(&["trigger", &held, "--rollback"]).with(4).error();
    assert!(never.contains("was never in production of acme/shop"), "{never}");
    assert!(never.contains(&production[..7]) && never.contains(&sha[..7]), "{never}");

    town.run(&["trigger", &production]).with(1);
    let back = town.run(&["trigger", &production, "--rollback", "--as", "ada"]).with(0).text();
    assert!(back.contains("Started"), "{back}");
    shop.finish_run(shop.dispatches().last().unwrap().run_id, "success");
    town.github.advance(Duration::from_secs(5));
    town.run(&["reconcile", "--once"]).with(0);
    assert_eq!(town.row("acme/shop")["reason"], "rolled_back");
    let history = town.run(&["history", "--by", "ada"]).with(0).text();
    let back = format!("to roll back to {}, triggered by ada", &production[..7]);
    assert!(history.contains(&back), "{history}");

    town.run(&["pause", "--reason", "incident 42"]).with(0);
    let first = town.run(&["resume", "--json"]).with(0).json();
    assert_eq!(first["word"], "resumed");
    let note = first["note"].as_str().unwrap();
    assert!(note.contains("the rollback still holds"), "{note}");
    let second = town.run(&["resume"]).with(0).text();
    assert!(second.contains("the rollback no longer holds releases"), "{second}");
    town.run(&["resume"]).with(4);
}
