//! S1: never dispatches a sha whose latest run of the configured verification workflow is not a
//! success.

use ghbox::story::{VERIFY, verify_file};
use ghbox::{Fault, FaultOn, NewCommit, StartRun};
use jiff::SignedDuration;

use crate::story::{Story, a_look_at_statuses};

/// A path that makes a commit HIGH, so that it is judged and not shipped.
const HIGH: &[&str] = &["db/migrations/7.sql"];

#[test]
fn two_workflows_of_the_configured_name_ship_nothing_and_a_file_name_picks_one() {
    let mut shop = Story::repository("acme/shop").policy("high_risk_paths", "[\"infra/**\"]");
    let copy = NewCommit::on("main").file(".github/workflows/copy.yml", &verify_file().yaml());
    shop.repo.push(copy);
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    insta::assert_snapshot!(shop.failed_pass(), @"2 workflows are called `Verify main` (.github/workflows/verify.yml, .github/workflows/copy.yml): give the file's name as verification_workflow_name");
    assert_eq!(shop.dispatches_of(&a1), 0);
    assert_eq!(shop.status(&a1), "none");

    shop.change_policy("verification_workflow_name", "verify.yml").good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.deploy_ends(&a1, "success").settled();
}

#[test]
fn a_success_of_another_workflow_verifies_nothing() {
    let mut shop = Story::repository("acme/shop").policy("high_risk_paths", "[\"infra/**\"]");
    let lint = verify_file().yaml().replace("Verify main", "Lint");
    shop.repo.push(NewCommit::on("main").file(".github/workflows/lint.yml", &lint));
    shop.in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let run = shop.repo.start_run("lint.yml", StartRun::push("main", &a1));
    shop.repo.finish_run(run, "success");
    shop.good_pass().settled();
    assert_eq!(shop.dispatched(), [""; 0]);
}

#[test]
fn runs_of_forks_tags_pull_requests_and_other_branches_verify_nothing() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let aside = shop.repo.push(NewCommit::on("feature").file("src/x.rs", "x"));
    shop.repo.tag("main", &aside);
    let runs = [
        StartRun::push("main", &a1).from_fork("stranger/shop"),
        StartRun::of("pull_request", "main", &a1),
        StartRun::of("pull_request_target", "main", &a1),
        StartRun::of("workflow_run", "main", &a1),
        StartRun::push("feature", &a1),
        StartRun::push("v1.0", &a1),
        StartRun::push("main", &a1).without_branch(),
        StartRun::of("merge_group", "main", &a1),
        StartRun::of("merge_group", "gh-readonly-queue/develop/pr-1-abc", &a1),
        // A push of a tag named `main`, at a commit that the branch does not contain.
        StartRun::push("main", &aside),
    ];
    for run in runs {
        let run = shop.repo.start_run(VERIFY, run);
        shop.repo.finish_run(run, "success");
    }
    shop.good_pass().later(60).good_pass();
    assert_eq!(shop.dispatched(), [""; 0]);
    assert_eq!((shop.status(&a1), shop.status(&aside)), ("none".into(), "none".into()));
    shop.settled();
}

#[test]
fn runs_by_hand_and_by_schedule_count_on_the_branch() {
    for event in ["workflow_dispatch", "schedule"] {
        let mut shop = Story::repository("acme/shop");
        shop.in_production();
        let a1 = shop.pushed(&["src/cart.rs"]);
        let run = shop.repo.start_run(VERIFY, StartRun::of(event, "main", &a1));
        shop.repo.finish_run(run, "success");
        shop.good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "{event}");
    }
    let mut shop = Story::repository("acme/shop").policy("verification_events", "[push]");
    shop.in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let run = shop.repo.start_run(VERIFY, StartRun::of("schedule", "main", &a1));
    shop.repo.finish_run(run, "success");
    shop.good_pass().settled();
    assert_eq!(shop.dispatches_of(&a1), 0);
}

#[test]
fn a_merge_group_run_counts_once_the_branch_reaches_its_commit() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    shop.good_pass();
    let queue = "gh-readonly-queue/main/pr-7-abc";
    shop.repo.force_push(queue, &a0, "dev");
    let q1 = shop.repo.push(NewCommit::on(queue).file("src/cart.rs", "queued"));
    let run = shop.repo.start_run(VERIFY, StartRun::of("merge_group", queue, &q1));
    shop.repo.finish_run(run, "success");
    // At the latest, the tenth pass reads the unfiltered list.
    shop.passes(11, 60);
    assert_eq!(shop.dispatches_of(&q1), 0);
    for _ in 0..3 {
        drop(shop.requests());
        shop.good_pass().later(60);
        assert!(shop.asked("get-branch") > 0, "the branch is asked while it is awaited");
    }
    shop.repo.force_push("main", &q1, "dev");
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&q1), 1);
    shop.deploy_ends(&q1, "success").settled_within(5);
}

#[test]
fn a_commit_that_is_verified_again_waits_in_its_place() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.pushed(HIGH);
    let run = shop.verified_again(&a1, "success");
    shop.good_pass();
    insta::assert_snapshot!(shop.verdict(&a1), @"failure: HOLD SHA · HIGH · high_risk_no_approval");

    shop.repo.rerun(run, "dev");
    shop.later(5).good_pass();
    insta::assert_snapshot!(shop.verdict(&a1), @"pending: WAIT SHA · HIGH · not_verified");

    shop.repo.finish_run(run, "success");
    shop.good_pass();
    insta::assert_snapshot!(shop.verdict(&a1), @"failure: HOLD SHA · HIGH · high_risk_no_approval");
    shop.settled();
}

#[test]
fn a_commit_that_fails_its_second_verification_loses_its_place() {
    let mut shop = Story::repository("acme/shop").policy("paused", "not yet");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    let a2 = shop.pushed(&["src/till.rs"]);
    let run = shop.verified_again(&a2, "success");
    shop.good_pass();
    insta::assert_snapshot!(shop.verdict(&a2), @"failure: HOLD SHA · LOW · paused");
    assert_eq!(shop.status(&a1), "none");

    shop.repo.rerun(run, "dev");
    shop.repo.finish_run(run, "failure");
    shop.later(5).good_pass();
    insta::assert_snapshot!(shop.verdict(&a2), @"failure: HOLD SHA · LOW · verification_failed");
    insta::assert_snapshot!(shop.verdict(&a1), @"failure: HOLD SHA · LOW · paused");
    shop.settled_within(4);
}

#[test]
fn the_newest_start_decides_also_where_an_older_run_was_run_again() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let old = shop.verified_again(&a1, "failure");
    shop.verified_again(&a1, "success");
    shop.repo.rerun(old, "dev");
    shop.later(5);
    shop.repo.finish_run(old, "failure");
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · LOW · verification_failed: fix and push, or re-run verification run 17000000003 (failure)");
    shop.settled_within(4);

    shop.repo.rerun(old, "dev");
    shop.repo.finish_run(old, "success");
    shop.later(5).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn every_end_but_success_holds() {
    let ends = [
        "failure",
        "cancelled",
        "timed_out",
        "startup_failure",
        "action_required",
        "skipped",
        "neutral",
        "stale",
    ];
    for end in ends {
        let mut shop = Story::repository("acme/shop");
        shop.in_production();
        let a1 = shop.pushed(&["src/cart.rs"]);
        shop.verified_again(&a1, end);
        shop.good_pass();
        assert_eq!(shop.dispatches_of(&a1), 0, "{end}");
        assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · verification_failed", "{end}");
    }
}

#[test]
fn a_commit_that_was_pushed_away_is_not_shipped() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    shop.good_pass();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.repo.force_push("main", &a0, "dev");
    shop.good_pass().later(600).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.settled();
}

/// A commit that a pass is about to ship. `change` happens between the pass's decision and the
/// uncached reads before the dispatch.
fn changed_before_the_dispatch(
    change: impl FnOnce(&Story, &str, u64) -> Box<dyn FnOnce() + Send>,
) -> (Story, String) {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.good_pass().later(60);
    let a1 = shop.pushed(&["src/cart.rs"]);
    let run = shop.verified_again(&a1, "success");
    let change = change(&shop, &a1, run);
    let meanwhile = shop.meanwhile(a_look_at_statuses(), change);
    shop.good_pass();
    assert!(shop.happened(&meanwhile));
    (shop, a1)
}

#[test]
fn a_verification_that_turns_red_after_the_decision_is_seen_before_the_dispatch() {
    let (mut shop, a1) = changed_before_the_dispatch(|shop, _, run| {
        let repo = shop.repo.clone();
        Box::new(move || {
            // The index keeps showing the success.
            repo.stop_index(true);
            repo.rerun(run, "dev");
            repo.finish_run(run, "failure");
        })
    });
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.passes(3, 60);
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.repo.stop_index(false);
    shop.good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · verification_failed");
}

#[test]
fn a_verification_that_runs_again_after_the_decision_is_seen_before_the_dispatch() {
    let (shop, a1) = changed_before_the_dispatch(|shop, _, run| {
        let repo = shop.repo.clone();
        Box::new(move || repo.rerun(run, "dev"))
    });
    assert_eq!(shop.dispatches_of(&a1), 0);
}

#[test]
fn a_newer_failure_that_the_index_misses_is_seen_before_the_dispatch() {
    let (mut shop, a1) = changed_before_the_dispatch(|shop, sha, _| {
        let (repo, sha) = (shop.repo.clone(), sha.to_owned());
        let time = shop.time.clone();
        Box::new(move || {
            time.advance(std::time::Duration::from_secs(3));
            let run = repo.verify(&sha, "failure");
            repo.index_misses(run, true);
        })
    });
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.passes(12, 60);
    assert_eq!(shop.dispatches_of(&a1), 0);
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · verification_failed");
}

#[test]
fn a_force_push_after_the_decision_is_seen_before_the_dispatch() {
    let (mut shop, a1) = changed_before_the_dispatch(|shop, sha, _| {
        let (repo, sha) = (shop.repo.clone(), sha.to_owned());
        Box::new(move || {
            let parent = repo.runs().first().unwrap().head_sha.clone();
            assert_ne!(parent, sha);
            repo.force_push("main", &parent, "dev");
        })
    });
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.passes(3, 60);
    assert_eq!(shop.dispatches_of(&a1), 0);
}

#[test]
fn a_newer_verified_commit_goes_first() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a2));
    shop.deploy_ends(&a2, "success").good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.settled();
}

#[test]
fn a_verification_run_that_was_deleted_verifies_nothing() {
    let (mut shop, a1) = changed_before_the_dispatch(|shop, _, run| {
        let repo = shop.repo.clone();
        Box::new(move || repo.delete_run(run))
    });
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.passes(3, 60);
    assert_eq!(shop.dispatches_of(&a1), 0);
}

#[test]
fn a_verification_that_runs_is_not_gone_with_one_404() {
    let (mut shop, a1) = changed_before_the_dispatch(|shop, sha, _| {
        let (repo, github, sha) = (shop.repo.clone(), shop.github.clone(), sha.to_owned());
        Box::new(move || {
            let event = "workflow_dispatch";
            let again = repo.start_run(VERIFY, StartRun::of(event, "main", &sha));
            let on = FaultOn::path(&format!("/repos/acme/shop/actions/runs/{again}")).always();
            github.fail(on, Fault::Status(404));
        })
    });
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.pass();
    assert_eq!(shop.dispatches_of(&a1), 0, "it is in the list, and runs");
    assert_eq!(shop.verdict(&a1), "pending: WAIT SHA · LOW · not_verified");
}

#[test]
fn a_verification_workflow_that_is_gone_ships_nothing_and_says_so() {
    let mut shop = Story::repository("acme/shop").policy("verification_workflow_name", "nightly");
    shop.in_production();
    shop.verified(&["src/cart.rs"]);
    insta::assert_snapshot!(shop.failed_pass(), @"acme/shop has no workflow `nightly`: correct verification_workflow_name");
    assert_eq!(shop.dispatched(), [""; 0]);
}

#[test]
fn a_re_run_is_later_than_what_it_repeats_whatever_githubs_clocks_say() {
    for (first, again, shipped) in [("failure", "success", 1), ("success", "failure", 0)] {
        let mut shop = Story::repository("acme/shop").policy("paused", "incident");
        shop.in_production();
        let a1 = shop.pushed(&["src/cart.rs"]);
        let run = shop.repo.verify(&a1, first);
        shop.good_pass();
        // The clock that dates the re-run is behind the one that dated the run.
        shop.repo.set_clock_of_runs(SignedDuration::from_secs(-3));
        shop.repo.rerun(run, "dev");
        shop.repo.finish_run(run, again);
        shop.change_policy("paused", "null").good_pass().later(60).good_pass();
        assert_eq!(shop.dispatches_of(&a1), shipped, "{first}, then {again}");
    }
}
