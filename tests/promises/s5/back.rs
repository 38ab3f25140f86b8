//! What lifts the hold of a rollback, and `trigger --rollback`.

use ghbox::{Fault, story};
use release_governor::controller::{NotDone, ResumedFrom, Shipped};
use release_governor::domain::Reason;

use super::in_production_by_us;
use crate::story::{Story, the_dispatch};

/// Three verified commits, each deployed to production by us after the previous one.
fn three_deploys() -> (Story, [String; 3]) {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let deployed = ["src/a.rs", "src/b.rs", "src/c.rs"].map(|path| {
        let sha = shop.verified(&[path]);
        shop.good_pass().deploy_ends(&sha, "success").good_pass();
        sha
    });
    shop.settled();
    (shop, deployed)
}

#[test]
fn a_rollback_holds_after_thirty_more_moves_by_hand() {
    let (mut shop, [a1, a2, a3]) = three_deploys();
    for _ in 0..15 {
        shop.deployed_by_hand(&a1, "success");
        shop.good_pass();
        shop.deployed_by_hand(&a2, "success");
        shop.good_pass();
    }
    let a4 = shop.verified(&["src/d.rs"]);
    shop.good_pass().minutes_later(60).good_pass().restart().good_pass().settled();
    assert_eq!(shop.verdict(&a4), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatched(), [a1, a2, a3]);
}

#[test]
fn a_rollback_past_the_production_before_is_compared_with_all_of_them() {
    let (mut shop, [a1, a2, a3]) = three_deploys();
    // Somebody goes back two, and forward one: a3 is still missing.
    shop.deployed_by_hand(&a1, "success");
    shop.deployed_by_hand(&a2, "success");
    shop.good_pass();
    assert_eq!(shop.verdict(&a3), "failure: HOLD SHA · LOW · rolled_back");
    let a4 = shop.verified(&["src/d.rs"]);
    shop.good_pass().settled();
    assert_eq!(shop.verdict(&a4), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatched(), [a1, a2, a3]);
}

#[test]
fn setting_production_lifts_what_that_commit_contains_and_nothing_else() {
    let (mut shop, [a1, a2, a3]) = three_deploys();
    shop.deployed_by_hand(&a1, "success");
    shop.good_pass();
    shop.operator_sets_production(&a1).good_pass();
    assert_eq!(shop.verdict(&a3), "failure: HOLD SHA · LOW · rolled_back");
    shop.operator_sets_production(&a2).good_pass();
    assert_eq!(shop.verdict(&a3), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatches_of(&a3), 1);
    shop.resumes().unwrap();
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a3), 2);
}

#[test]
fn a_deploy_that_ran_while_an_operator_spoke_is_what_runs_once_it_succeeded() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/a.rs"]);
    shop.good_pass().later(60);
    shop.operator_sets_production(&a0).later(60);
    shop.deploy_ends(&a1, "success").good_pass();
    assert_eq!(shop.release().production().sha().unwrap().as_str(), a1);
    shop.minutes_later(60).good_pass().settled();
    assert_eq!(shop.dispatches_of(&a1), 1);
    // An action after its end is later.
    shop.pauses("looking").unwrap();
    shop.operator_sets_production(&a0).good_pass();
    assert_eq!(shop.release().production().sha().unwrap().as_str(), a0);
}

#[test]
fn a_rollback_that_ran_while_an_operator_spoke_holds() {
    let (mut shop, [a1, _, a3]) = three_deploys();
    let rollback = shop.repo.dispatch_by_hand("deploy.yml", "main", &a1, "dev");
    shop.later(60).good_pass();
    shop.operator_sets_production(&a3).later(60);
    shop.repo.finish_run(rollback, "success");
    let a4 = shop.verified(&["src/d.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a4), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatches_of(&a4), 0);
}

#[test]
fn a_rollback_whose_commit_an_operator_tells_afterwards_holds() {
    let (mut shop, [a1, _, a3]) = three_deploys();
    let by_feel = ghbox::StartRun::of("workflow_dispatch", "main", &a1);
    let deploy = ghbox::story::DEPLOY;
    let run = shop.repo.start_run(deploy, by_feel.title("Deploy by feel"));
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    // The hint suggests this, and it does not lift the rollback.
    shop.operator_sets_production(&a1).good_pass();
    assert_eq!(shop.verdict(&a3), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatches_of(&a3), 1);
}

#[test]
fn a_resume_of_a_pause_leaves_the_rollback_and_names_the_second_resume() {
    let (mut shop, a0, a1) = in_production_by_us();
    shop.operator_pauses("incident 42");
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    let first = shop.resumes().unwrap();
    let ResumedFrom::Pause { rollback: Some(rollback) } = first.of else { panic!("{first:?}") };
    assert_eq!(rollback.reason(), Reason::RolledBack);
    let name = "acme/shop".parse().unwrap();
    let said = release_governor::messages::still_rolled_back(&rollback, &name);
    assert!(said.contains("`release-governor resume acme/shop` once more"), "{said}");
    shop.good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · rolled_back");
    let second = shop.resumes().unwrap();
    assert_eq!(second.of, ResumedFrom::Hold { rollback: true });
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
}

#[test]
fn a_resume_of_what_is_not_stopped_says_so_and_lifts_nothing_beforehand() {
    let (mut shop, a0, a1) = in_production_by_us();
    assert!(matches!(shop.resumes(), Err(NotDone::NotStopped(_))));
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · rolled_back");
}

#[test]
fn a_trigger_lifts_the_rollback_for_what_it_contains_only() {
    let (mut shop, [a1, a2, a3]) = three_deploys();
    shop.deployed_by_hand(&a1, "success");
    shop.good_pass();
    shop.triggers(&a2, false).unwrap();
    shop.deploy_ends(&a2, "success").good_pass();
    assert_eq!(shop.verdict(&a3), "failure: HOLD SHA · LOW · rolled_back");
    let a4 = shop.verified(&["src/d.rs"]);
    shop.good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.verdict(&a4), "failure: HOLD SHA · LOW · rolled_back");
    shop.triggers(&a4, false).unwrap();
    shop.deploy_ends(&a4, "success").good_pass();
    let a5 = shop.verified(&["src/e.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a5), 1, "nothing is lost any more");
}

#[test]
fn a_rollback_by_trigger_goes_back_and_no_later_pass_undoes_it() {
    let (mut shop, [a1, a2, a3]) = three_deploys();
    let triggering = shop.triggers(&a1, true).unwrap();
    let Shipped::Dispatched { decision, .. } = triggering.shipped else { panic!() };
    assert_eq!(decision.reason(), Reason::AllowLow);
    assert_eq!(shop.dispatched(), [&a1, &a2, &a3, &a1].map(String::as_str));
    shop.deploy_ends(&a1, "success").good_pass();
    let run = shop.repo.dispatches().last().unwrap().run_id;
    let said = shop.status(&a3).replace(&run.to_string(), "RUN");
    insta::assert_snapshot!(said, @"failure: HOLD SHA · LOW · rolled_back: run RUN rolled production back from SHA. To go forward: `resume` or `trigger SHA`");
    let a4 = shop.verified(&["src/d.rs"]);
    shop.good_pass().minutes_later(60 * 24).good_pass().restart().good_pass();
    assert_eq!(shop.verdict(&a4), "failure: HOLD SHA · LOW · rolled_back");
    // A lost disk does not, either: GitHub does not show what was requested.
    shop.lose_the_disk().good_pass().minutes_later(20).good_pass();
    assert_eq!(shop.verdict(&a4), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatches_of(&a4), 0);
    shop.resumes().unwrap();
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a4), 1);
}

#[test]
fn a_rollback_by_trigger_is_for_what_ran_before_and_only_when_asked_for() {
    let (mut shop, [a1, a2, a3]) = three_deploys();
    let Ok(without) = shop.triggers(&a1, false) else { panic!() };
    let Shipped::NotAllowed(decision) = without.shipped else { panic!() };
    assert_eq!(decision.reason(), Reason::OlderThanProduction);

    let a4 = shop.verified(&["src/d.rs"]);
    let Err(error) = shop.triggers(&a4, true) else { panic!() };
    let said = error.to_string();
    let said = [("A1", &a1), ("A2", &a2), ("A3", &a3), ("A4", &a4)]
        .iter()
        .fold(said, |said, (name, sha)| said.replace(&sha[..7], name));
    assert!(said.starts_with("A4 was never in production of acme/shop"), "{said}");
    assert!(said.contains("In production were last: A3, A2, A1"), "{said}");
}

#[test]
fn a_rollback_by_trigger_goes_back_from_a_migration() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["db/migrations/1.sql"]);
    shop.good_pass().approve(&a1).good_pass().deploy_ends(&a1, "success").good_pass();
    shop.triggers(&a0, true).unwrap();
    assert_eq!(shop.dispatched(), [a1, a0], "its risk is not judged: it ran before");
}

#[test]
fn a_rollback_by_trigger_that_fails_changes_nothing() {
    let (mut shop, [a1, ..]) = three_deploys();
    shop.triggers(&a1, true).unwrap();
    shop.deploy_ends(&a1, "failure").good_pass();
    let a4 = shop.verified(&["src/d.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a4), 1);
}

#[test]
fn a_paused_repository_holds_a_rollback_by_trigger_too() {
    let (mut shop, [a1, ..]) = three_deploys();
    shop.operator_pauses("incident 42").good_pass();
    let triggering = shop.triggers(&a1, true).unwrap();
    let Shipped::NotAllowed(decision) = triggering.shipped else { panic!() };
    assert_eq!(decision.reason(), Reason::Paused);
}

#[test]
fn a_triggered_deploy_that_failed_lifts_nothing_for_what_was_pushed_since() {
    let (mut shop, [a1, _, a3]) = three_deploys();
    shop.deployed_by_hand(&a1, "success");
    shop.good_pass();
    shop.triggers(&a3, false).unwrap();
    shop.deploy_ends(&a3, "failure").good_pass();
    let a4 = shop.verified(&["src/d.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a4), "failure: HOLD SHA · LOW · rolled_back");
    shop.triggers(&a4, false).unwrap();
    assert_eq!(shop.dispatches_of(&a4), 1);
}

#[test]
fn a_rollback_by_our_account_to_a_commit_whose_dispatch_was_given_up_holds() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/a.rs"]);
    shop.github.fail(the_dispatch(), Fault::Status(502));
    shop.pass().minutes_later(7).good_pass();
    let a2 = shop.verified(&["src/b.rs"]);
    shop.later(70).good_pass().deploy_ends(&a2, "success").good_pass();
    assert_eq!((shop.dispatches_of(&a1), shop.dispatches_of(&a2)), (0, 1));
    // Somebody with the token starts it on GitHub's page.
    let back = shop.repo.dispatch_by_hand("deploy.yml", "main", &a1, story::GOVERNOR);
    shop.repo.finish_run(back, "success");
    shop.later(60).good_pass();
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatches_of(&a2), 1);
}
