//! The process: start and end, socket, and error messages.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use ghbox::{Fault, FaultOn, story};
use release_governor::clock::Clock;

use crate::town::{Done, Town, until};

#[test]
fn it_ends_within_five_seconds_of_a_signal_and_takes_its_socket_along() {
    let (town, _, _) = Town::with_shop();
    for signal in ["-TERM", "-INT"] {
        let running = town.govern();
        let found = std::fs::symlink_metadata(town.socket()).unwrap();
        assert!(found.file_type().is_socket());
        assert_eq!(found.permissions().mode() & 0o777, 0o600);
        running.signal(signal);
        let (code, took) = running.ended();
        assert_eq!(code, 0);
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert!(!town.socket().exists());
    }
}

#[test]
fn it_ends_in_time_while_github_does_not_answer() {
    let (town, _, _) = Town::with_shop();
    town.github.fail(FaultOn::any().always(), Fault::Hang);
    let running = town.govern();
    // A command that waits for the pass does not delay the exit, either.
    let waiting = town.start(&["reconcile", "--once"]);
    let began = Clock::system();
    until(|| began.monotonic() > Duration::from_secs(1));
    let (code, took) = running.end();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let told = Done::of(waiting.wait_with_output().unwrap());
    assert_eq!(told.code(), 3, "{}", told.error());
}

#[test]
fn a_second_one_on_the_same_state_directory_is_refused() {
    let (town, _, _) = Town::with_shop();
    let first = town.govern();
    let refused = town.run(&["run"]).with(3).error();
    assert!(refused.contains("another release-governor holds it"), "{refused}");
    assert!(town.socket().exists(), "the first one's socket stays");
    town.run(&["status"]).with(0);
    assert_eq!(first.end().0, 0);
}

#[test]
fn a_dead_ones_socket_is_replaced_and_anything_else_is_not() {
    let (town, _, _) = Town::with_shop();
    std::fs::create_dir(town.state()).unwrap();
    drop(UnixListener::bind(town.socket()).unwrap());
    assert!(town.socket().exists());
    town.run(&["pause", "--reason", "a try"]).with(0);
    let running = town.govern();
    town.run(&["status"]).with(0);
    drop(running);
    // The process was killed: its socket exists, and nobody answers.
    assert!(town.socket().exists());
    town.run(&["status"]).with(0);
    std::fs::remove_file(town.socket()).unwrap();
    std::fs::write(town.socket(), "mine").unwrap();
    let refused = town.run(&["run"]).with(3).error();
    assert!(refused.contains("something else has that name"), "{refused}");
    assert_eq!(std::fs::read_to_string(town.socket()).unwrap(), "mine");
}

#[test]
fn a_state_directory_whose_socket_would_have_too_long_a_path_is_refused() {
    let (town, _, _) = Town::with_shop();
    let deep = town.directory.path().join("d".repeat(100));
    town.configure_at(&deep, "127.0.0.1:0", "repositories: [{name: acme/shop}]\n");
    for command in [&["run"][..], &["status"], &["resume"]] {
        let refused = town.run(command).with(2).error();
        assert!(refused.contains("at most 107") && refused.contains("state.dir"), "{refused}");
    }
}

#[test]
fn a_command_and_a_controller_that_start_together_wait_for_each_other() {
    let (town, shop, _) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    let command = town.start(&["simulate", &sha]);
    let running = town.govern_at_once();
    let told = Done::of(command.wait_with_output().unwrap());
    assert_eq!(told.code(), 0, "{}", told.error());
    running.until_said("governing");
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_port_that_is_taken_and_a_token_that_lacks_are_said() {
    let (mut town, _, _) = Town::with_shop();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    town.configure_at(&town.state(), &address, "repositories: [{name: acme/shop}]\n");
    let refused = town.run(&["run"]).with(3).error();
    assert!(refused.contains(&format!("cannot listen on {address}")), "{refused}");
    town.use_token("");
    for command in [&["run"][..], &["simulate", "1234567"]] {
        let refused = town.run(command).with(2).error();
        assert!(refused.contains("no GitHub token"), "{refused}");
    }
    town.run(&["status"]).with(0);
}

#[test]
fn one_repositorys_trouble_is_said_once_and_delays_no_other() {
    let town = Town::new();
    let shop = story::repository(&town.github, "acme/shop");
    shop.in_production();
    let sold = story::repository(&town.github, "acme/sold");
    sold.rename("others/bought");
    let old = story::repository(&town.github, "acme/old");
    let renamed = old.in_production();
    old.rename("acme/new");
    town.configure(
        "repositories: [{name: acme/gone}, {name: acme/sold}, {name: acme/shop}, {name: acme/old},
         {name: acme/off, enabled: false}]\n",
    );
    let running = town.govern();
    let sha = shop.verified(&["src/cart.rs"]);
    town.row_when("acme/shop", |row| row["last_deploy_attempt_sha"] == sha.as_str());
    let gone = town.row_when("acme/gone", |row| row["error"].is_string());
    assert!(gone["error"].as_str().unwrap().contains("404"), "{gone}");
    let other = town.row_when("acme/sold", |row| row["error"].is_string());
    assert!(other["error"].as_str().unwrap().contains("others/bought"), "{other}");
    town.row_when("acme/old", |row| row["production_sha_current"] == renamed.as_str());
    running.until_said("acme/new");
    town.row_when("acme/shop", |row| row["reason"] == "deploying");
    let said = |name: &str| {
        running.log().lines().filter(|line| line.contains("WARN") && line.contains(name)).count()
    };
    assert_eq!((said("acme/gone"), said("acme/sold"), said("acme/shop")), (1, 1, 0));
    assert_eq!(said("acme/old"), 1, "a rename is followed, and said once");
    let names: Vec<String> = town.run(&["status", "--json"]).json()["repositories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["repository"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["acme/gone", "acme/sold", "acme/shop", "acme/old", "acme/off"]);
    town.run(&["simulate", "acme/gone", "1234567"]).with(4);
    town.run(&["simulate", "acme/sold", "1234567"]).with(2);
    town.run(&["simulate", "acme/old", &renamed[..7]]).with(0);
    let passes = town.run(&["reconcile", "--once", "--json"]).with(3).json();
    assert_eq!(passes["repositories"][2]["error"], serde_json::Value::Null);
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_repository_that_is_renamed_while_it_is_governed_is_governed_on_and_that_is_said_once() {
    let (town, shop, _) = Town::with_shop();
    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    shop.rename("acme/store");
    let sha = shop.verified(&["src/cart.rs"]);
    town.row_when("acme/shop", |row| row["reason"] == "deploying");
    assert_eq!(shop.dispatches_of(&sha), 1);
    shop.dispatches().iter().for_each(|one| shop.finish_run(one.run_id, "success"));
    town.row_when("acme/shop", |row| row["production_sha_current"] == sha.as_str());
    town.run(&["simulate", "acme/shop", &sha[..7]]).with(0);
    let said = running.log().matches("acme/shop was renamed to acme/store").count();
    assert_eq!(said, 1, "{}", running.log());
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_token_that_is_refused_and_a_github_that_is_away_are_said() {
    let (mut town, _, _) = Town::with_shop();
    town.use_token("ghp_another");
    let running = town.govern();
    let row = town.row_when("acme/shop", |row| row["error"].is_string());
    assert!(row["error"].as_str().unwrap().contains("GitHub does not accept the token"), "{row}");
    let (code, _, body) = running.ask("GET", "/readyz");
    assert_eq!(code, 503);
    assert!(body.contains("GitHub refused the token"), "{body}");
    assert_eq!(running.end().0, 0);
    town.run(&["simulate", "1234567"]).with(3);

    town.lose_github();
    town.configure("repositories: [{name: acme/shop}]\n");
    let running = town.govern();
    let (code, _, body) = running.ask("GET", "/readyz");
    assert_eq!(code, 503);
    assert!(body.starts_with("not ready: GitHub was not reached yet\n"), "{body}");
    assert_eq!(running.ask("GET", "/healthz").0, 200);
    let row = town.row_when("acme/shop", |row| {
        row["error"].as_str().is_some_and(|error| error.contains("refused"))
    });
    assert!(row["error"].as_str().unwrap().contains("acme/shop"), "{row}");
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_repository_that_has_nothing_to_judge_is_named_by_status_probe_and_log() {
    let (town, _, _) = Town::with_shop();
    town.configure("repositories: [{name: acme/shop, branch: trunk}]\n");
    let running = town.govern();
    let row = town.row_when("acme/shop", |row| row["error"].is_string());
    let why = "the branch `trunk` does not exist: push it, or correct `branch`";
    assert_eq!(row["error"], why);
    let (code, _, body) = running.ask("GET", "/readyz");
    assert_eq!((code, body), (200, format!("ok\nacme/shop: {why}\n")));
    assert!(running.log().contains(&format!("acme/shop: {why}")), "{}", running.log());
    assert_eq!(running.end().0, 0);
}

#[test]
fn probes_and_metrics_answer_at_once() {
    let (town, _, _) = Town::with_shop();
    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    assert_eq!(
        running.ask("GET", "/healthz"),
        (200, running.ask("GET", "/healthz").1, "ok\n".into())
    );
    assert_eq!(running.ask("GET", "/readyz").0, 200);
    let (code, head, body) = running.ask("GET", "/metrics");
    assert_eq!(code, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(body.contains("release_governor_passes_total{repository=\"acme/shop\""), "{body}");
    assert_eq!(running.ask("GET", "/nothing").0, 404);
    let (code, head, _) = running.ask("POST", "/healthz");
    assert_eq!(code, 405);
    assert!(head.contains("allow: get"), "{head}");

    // A pass that hangs does not block read-only commands.
    town.github.fail(FaultOn::any().always(), Fault::Hang);
    let began = Clock::system();
    assert_eq!(running.ask("GET", "/readyz").0, 200);
    town.run(&["status"]).with(0);
    assert!(began.monotonic() < Duration::from_secs(5));
}

#[test]
fn a_running_governor_is_probed_from_elsewhere() {
    let (mut town, _, _) = Town::with_shop();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap().to_string();
    drop(free);
    let shop = "repositories: [{name: acme/shop}]\n";
    town.configure_at(&town.state(), &listen, shop);
    let nobody = town.run(&["probe"]).with(3).error();
    assert!(nobody.contains(&format!("http://{listen}/healthz does not answer")), "{nobody}");

    let running = town.govern();
    let url = format!("http://{}", running.address());
    until(|| town.run(&["probe", &url]).code() == 0);
    for asked in [&["probe"][..], &["probe", &url]] {
        let said = town.run(asked).with(0).text();
        assert!(said.starts_with("/healthz 200: ok\n/readyz 200: "), "{said}");
    }
    assert_eq!(running.end().0, 0);

    town.lose_github();
    town.configure_at(&town.state(), &listen, shop);
    let running = town.govern();
    let unready = town.run(&["probe", &url]).with(3).text();
    assert!(unready.contains("/healthz 200: ok\n/readyz 503: not ready"), "{unready}");
    assert_eq!(running.end().0, 0);
}
