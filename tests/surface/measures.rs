//! The four DORA metrics, as Prometheus sees them.

use ghbox::Repo;

use crate::town::{Running, Town, until};

const PER_DAY: &str = "release_governor_dora_deploys_per_day";
const LEAD: &str = "release_governor_dora_lead_time_seconds";
const FAILURES: &str = "release_governor_dora_change_failure_ratio";
const RESTORE: &str = "release_governor_dora_time_to_restore_seconds";
const RESTORED: &str = "release_governor_time_to_restore_seconds_count";

fn of_shop(running: &Running, metric: &str) -> Option<f64> {
    running.metric(&format!("{metric}{{repository=\"acme/shop\"}}"))
}

/// A commit ships, and its deploy ends with this conclusion.
fn ships(town: &Town, shop: &Repo, paths: &[&str], conclusion: &str) {
    let sha = shop.verified(paths);
    town.row_when("acme/shop", |row| {
        row["last_deploy_attempt_sha"] == sha.as_str() && row["reason"] == "deploying"
    });
    let run = shop.runs().into_iter().find(|run| run.input_sha.as_ref() == Some(&sha)).unwrap();
    shop.finish_run(run.id, conclusion);
    town.row_when("acme/shop", |row| row["last_deploy_result"] == conclusion);
}

#[test]
fn the_four_measures_come_from_the_ledger_and_outlive_a_restart() {
    let (town, shop, _) = Town::with_shop();
    let running = town.govern();
    assert!(until(|| of_shop(&running, PER_DAY) == Some(1.0 / 30.0)), "what others deployed");
    assert_eq!((of_shop(&running, LEAD), of_shop(&running, RESTORE)), (None, None));
    assert_eq!(of_shop(&running, FAILURES), Some(0.0));

    ships(&town, &shop, &["src/a.rs"], "success");
    assert!(until(|| of_shop(&running, PER_DAY) == Some(2.0 / 30.0)));
    assert!(of_shop(&running, LEAD).is_some_and(|lead| (0.0..60.0).contains(&lead)));
    ships(&town, &shop, &["src/b.rs"], "failure");
    assert!(until(|| of_shop(&running, FAILURES) == Some(1.0 / 3.0)));
    assert_eq!(of_shop(&running, RESTORED), None, "nothing is mended yet");
    ships(&town, &shop, &["src/c.rs"], "success");
    assert!(until(|| of_shop(&running, RESTORED) == Some(1.0)));
    assert!(until(|| of_shop(&running, FAILURES) == Some(0.25)));
    let measured =
        |running: &Running| [PER_DAY, LEAD, FAILURES, RESTORE].map(|one| of_shop(running, one));
    let before = measured(&running);
    assert!(before.iter().all(Option::is_some), "{before:?}");
    assert_eq!(running.end().0, 0);

    let running = town.govern();
    assert!(until(|| measured(&running) == before), "{:?} were {before:?}", measured(&running));
    assert_eq!(of_shop(&running, RESTORED), None, "what happened before is not counted again");
    assert_eq!(running.end().0, 0);
}
