//! S2 and S9: an older copy of the state directory is brought up to date from GitHub before
//! anything is done.

use ghbox::{Fault, FaultOn, StartRun, story as stage};
use release_governor::domain::{Approval, AttemptOutcome, AttemptPhase, Operator, OperatorAction};

use crate::s2_answers::about_to_ship;
use crate::story::{Story, the_dispatch, the_mark};

#[test]
fn a_failed_attempt_since_the_copy_is_not_repeated() {
    let (mut shop, a1) = about_to_ship();
    let copy = shop.snapshot_of_the_disk();
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    assert_eq!(shop.repo.issues().len(), 1);
    shop.minutes_later(60).put_back(&copy).good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · deploy_failed");
    assert_eq!(shop.repo.issues().len(), 1);
    assert_eq!(shop.repo.issue(shop.repo.issues()[0].number).comments.len(), 0);
    shop.settled();
}

#[test]
fn a_dispatch_since_the_copy_is_looked_for_and_not_sent_again() {
    let (mut shop, a1) = about_to_ship();
    let copy = shop.snapshot_of_the_disk();
    shop.repo.set_list_lag(std::time::Duration::from_secs(120));
    shop.github.lose_the_answer_to("create-workflow-dispatch");
    shop.pass();
    shop.put_back(&copy).passes(10, 30);
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.deploy_ends(&a1, "success").good_pass();
    assert_eq!(shop.dispatched(), [a1]);
}

#[test]
fn a_copy_that_was_taken_before_the_dispatch_left_does_not_believe_that_nothing_left() {
    for answer_is_lost in [false, true] {
        let (mut shop, a1) = about_to_ship();
        if answer_is_lost {
            shop.github.lose_the_answer_to("create-workflow-dispatch");
        }
        let copy = shop.snapshot_during_a_pass(the_mark());
        assert_eq!(shop.dispatches_of(&a1), 1);
        shop.later(10).put_back(&copy);
        let phases: Vec<_> = shop.release().attempts.into_iter().map(|one| one.phase).collect();
        assert_eq!(phases, [AttemptPhase::Intent]);
        shop.passes(3, 30).minutes_later(10).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "answer lost: {answer_is_lost}");
        shop.deploy_ends(&a1, "success").good_pass();
        shop.settled();
    }
}

#[test]
fn an_attempt_that_the_copy_waits_for_is_not_given_up_beside_the_run_of_one_that_it_lost() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    shop.github.fail(the_dispatch(), Fault::LoseRequest);
    assert!(shop.triggers(&a0, true).is_ok());
    shop.minutes_later(6).good_pass();
    let copy = shop.snapshot_of_the_disk();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.minutes_later(2).good_pass().deploy_ends(&a2, "success");
    assert_eq!(shop.dispatched(), [a1.clone(), a2.clone()]);
    let a3 = shop.verified(&["src/list.rs"]);
    shop.later(30).put_back(&copy).passes(3, 60);
    assert_eq!(shop.dispatched(), [a1, a2, a3]);
}

#[test]
fn a_pause_since_the_copy_is_not_forgotten() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let copy = shop.snapshot_of_the_disk();
    let a1 = shop.pushed(&["src/cart.rs"]);
    shop.good_pass().operator_pauses("incident 42");
    shop.repo.verify(&a1, "success");
    shop.later(5).good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · paused");
    shop.minutes_later(10).put_back(&copy).good_pass().minutes_later(10).good_pass();
    assert_eq!(shop.dispatched(), [""; 0]);
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · paused");
    shop.operator_resumes().good_pass();
    assert_eq!(shop.dispatched(), [a1]);
}

#[test]
fn a_pause_since_the_copy_outlives_a_word_about_production() {
    for says_it_first in [false, true] {
        let mut shop = Story::repository("acme/shop");
        shop.settled_in_production();
        let (copy, production) = (shop.snapshot_of_the_disk(), shop.repo.tip("main"));
        let a1 = shop.pushed(&["src/cart.rs"]);
        shop.good_pass().operator_pauses("incident 42");
        shop.repo.verify(&a1, "success");
        shop.later(5).good_pass().minutes_later(120).put_back(&copy);
        if says_it_first {
            shop.operator_sets_production(&production);
        } else {
            shop.operator_says(OperatorAction::Approved {
                approval: Approval {
                    sha: a1.parse().unwrap(),
                    deploy_file: None,
                    why: "looked at it".into(),
                    by: Operator { peer: "uid 1000".into(), name: None },
                },
            });
        }
        shop.good_pass().minutes_later(10).good_pass();
        assert_eq!(shop.dispatched(), [""; 0], "set-production: {says_it_first}");
        assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · paused");
    }
}

#[test]
fn nothing_is_done_before_the_copy_is_brought_up_to_date() {
    let (mut shop, a1) = about_to_ship();
    let copy = shop.snapshot_of_the_disk();
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.put_back(&copy);
    let on = FaultOn::path(&format!("*/commits/{a1}/statuses*")).always();
    let fault = shop.github.fail(on, Fault::Status(500));
    drop(shop.requests());
    shop.passes(3, 30);
    assert_eq!(shop.writes(), 0);
    shop.github.mend(fault);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.dispatches_of(&a2), 1);
}

#[test]
fn a_deploy_run_by_us_that_no_status_names_is_a_sign_of_an_older_copy() {
    let (mut shop, a1) = about_to_ship();
    shop.github.fail(the_dispatch(), Fault::LoseRequest);
    shop.pass();
    let copy = shop.snapshot_of_the_disk();
    shop.recovers();
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.deploy_ends(&a1, "failure").good_pass();
    shop.minutes_later(60).put_back(&copy).passes(5, 60);
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · deploy_failed");
}

#[test]
fn a_restart_on_the_same_disk_reads_no_more_than_the_telling_commits() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    for number in 0..10 {
        let sha = shop.verified(&[&format!("src/{number}.rs")]);
        shop.good_pass().deploy_ends(&sha, "success").good_pass().minutes_later(15);
    }
    shop.minutes_later(120).good_pass();
    drop(shop.requests());
    shop.restart().good_pass();
    let requests = shop.requests();
    let asked = |name: &str| requests.iter().filter(|one| one.path.contains(name)).count();
    assert!(asked("/statuses") <= 8, "{}", asked("/statuses"));
    assert_eq!(shop.writes(), 0);
}

#[test]
fn an_operators_word_since_the_last_pass_is_kept_beside_a_sign_of_an_older_copy() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    shop.good_pass().operator_pauses("incident 42");
    shop.repo.verify(&a1, "success");
    shop.later(5).good_pass().operator_resumes();
    // While no governor runs, somebody with the same account manually deploys what is already
    // in production.
    let start = StartRun::of("workflow_dispatch", "main", &a1).by(stage::GOVERNOR);
    let run = shop.repo.start_run(stage::DEPLOY, start.title("Deploy by feel"));
    shop.repo.finish_run(run, "failure");
    shop.later(5).restart().good_pass();
    assert!(shop.release().pause.is_none());
    assert!(!matches!(
        shop.release().attempts.last().and_then(|one| one.outcome()),
        Some(AttemptOutcome::NotStarted)
    ));
}

#[test]
fn a_copy_from_before_the_first_write_learns_who_we_are_and_opens_no_second_issue() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.pushed(&["src/cart.rs"]);
    shop.good_pass();
    let copy = shop.snapshot_of_the_disk();
    shop.repo.verify(&a0, "success");
    shop.later(5).good_pass().deploy_ends(&a0, "failure").good_pass();
    assert_eq!(shop.repo.issues().len(), 1);
    shop.minutes_later(60).put_back(&copy).good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a0), 1);
    assert_eq!(shop.repo.issues().len(), 1);
    shop.settled();
}
