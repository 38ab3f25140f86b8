//! How long releases are held, and since when nothing was successful, as Prometheus sees it.

use crate::town::{Running, Town, until};

const NO_APPROVAL: &str = "{repository=\"acme/shop\",reason=\"high_risk_no_approval\"}";

fn of_shop(running: &Running, metric: &str) -> Option<f64> {
    running.metric(&format!("release_governor_{metric}{{repository=\"acme/shop\"}}"))
}

fn held_since(running: &Running) -> Option<f64> {
    running.metric(&format!("release_governor_holds_since_timestamp_seconds{NO_APPROVAL}"))
}

#[test]
fn a_hold_counts_from_its_beginning_over_pushes_and_restarts_until_something_ships() {
    let (town, shop, _) = Town::with_shop();
    let running = town.govern();
    assert!(until(|| of_shop(&running, "dry_run") == Some(0.0)));
    assert_eq!(held_since(&running), None);
    shop.verified(&["infra/a.tf"]);
    assert!(until(|| held_since(&running).is_some()));
    let since = held_since(&running);
    // Wait until the next second, so that a hold that started over would have another time.
    let clock = release_governor::clock::Clock::system();
    assert!(until(|| clock.monotonic().as_millis() > 1_100));
    let newer = shop.verified(&["infra/b.tf"]);
    town.row_when("acme/shop", |row| row["candidate_sha"] == newer.as_str());
    assert_eq!(held_since(&running), since, "another candidate is no progress");
    assert_eq!(running.end().0, 0);

    let running = town.govern();
    assert!(until(|| held_since(&running).is_some()));
    assert_eq!(held_since(&running), since, "nor is a restart");
    town.run(&["approve", "acme/shop", &newer, "--reason", "rehearsed"]).with(0);
    assert!(until(|| held_since(&running).is_none()), "it was allowed");
    assert_eq!(running.metric(&format!("release_governor_holds{NO_APPROVAL}")), None);
    assert_eq!(running.end().0, 0);
}

#[test]
fn after_a_restart_the_last_good_pass_is_known_while_github_is_away() {
    let (mut town, _, _) = Town::with_shop();
    let running = town.govern();
    assert!(until(|| of_shop(&running, "last_good_pass_timestamp_seconds").is_some()));
    assert_eq!(running.end().0, 0);
    town.lose_github();
    town.configure("defaults: {dry_run: true}\nrepositories: [{name: acme/shop}]\n");
    let running = town.govern();
    assert!(until(|| of_shop(&running, "last_good_pass_timestamp_seconds").is_some()));
    town.row_when("acme/shop", |row| row["error"].is_string());
    let failed = "release_governor_passes_total{repository=\"acme/shop\",result=\"failed\"}";
    assert!(until(|| running.metric(failed).is_some_and(|passes| passes >= 1.0)));
    let good = "release_governor_passes_total{repository=\"acme/shop\",result=\"ok\"}";
    assert_eq!(running.metric(good), Some(0.0));
    assert_eq!(running.end().0, 0);
}

#[test]
fn failed_deploys_count_up_until_one_succeeds_over_a_restart() {
    let (town, shop, _) = Town::with_shop();
    let running = town.govern();
    let failed = |running: &Running| of_shop(running, "deploys_failed_since_success");
    assert!(until(|| failed(&running) == Some(0.0)));
    let ended = |paths: &[&str], conclusion: &str| {
        let sha = shop.verified(paths);
        town.row_when("acme/shop", |row| {
            row["reason"] == "deploying" && row["candidate_sha"] == sha.as_str()
        });
        let run = shop.runs().into_iter().find(|run| run.input_sha.as_ref() == Some(&sha));
        shop.finish_run(run.unwrap().id, conclusion);
    };
    ended(&["src/a.rs"], "failure");
    assert!(until(|| failed(&running) == Some(1.0)));
    ended(&["src/b.rs"], "timed_out");
    assert!(until(|| failed(&running) == Some(2.0)));
    assert_eq!(running.end().0, 0);
    let running = town.govern();
    assert!(until(|| failed(&running) == Some(2.0)));
    ended(&["src/c.rs"], "success");
    assert!(until(|| failed(&running) == Some(0.0)));
    assert_eq!(running.end().0, 0);
}
