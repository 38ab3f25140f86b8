//! S3: at most one deploy in flight that we started, and none while we see another.

use ghbox::{StartRun, story as stage};

use crate::story::{Story, a_look_at_statuses};

#[test]
fn nothing_is_started_while_somebody_elses_run_is_not_completed() {
    for state in ["queued", "in_progress", "waiting", "pending", "requested"] {
        let mut shop = Story::repository("acme/shop");
        let a0 = shop.in_production();
        let a1 = shop.verified(&["src/cart.rs"]);
        let run = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &a0, "dev");
        shop.repo.set_run(run, state, None);
        shop.later(5).good_pass().minutes_later(90).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 0, "{state}");
        assert_eq!(shop.verdict(&a1), "pending: WAIT SHA · LOW · deploy_in_progress", "{state}");
        shop.repo.finish_run(run, "success");
        shop.later(10).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "{state}");
    }
}

#[test]
fn a_wait_says_which_run_since_when_and_who_must_review_it() {
    let mut shop = Story::repository("acme/shop").policy("production_environment_name", "live");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    let run = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &a0, "dev");
    shop.repo.set_run(run, "in_progress", None);
    shop.good_pass();
    let said = shop.status(&a1).replace(&run.to_string(), "RUN");
    insta::assert_snapshot!(said, @"pending: WAIT SHA · LOW · deploy_in_progress: run RUN since 09:02 UTC");
    shop.repo.set_run(run, "waiting", None);
    shop.later(5).good_pass();
    let said = shop.status(&a1).replace(&run.to_string(), "RUN");
    insta::assert_snapshot!(said, @"pending: WAIT SHA · LOW · deploy_in_progress: run RUN since 09:02 UTC waits for the reviewers of live");
}

#[test]
fn a_run_whose_commit_nobody_can_tell_is_in_flight_all_the_same() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    let start = StartRun::of("workflow_dispatch", "main", &a1).title("Deploy by feel");
    let run = shop.repo.start_run(stage::DEPLOY, start);
    shop.later(5).good_pass();
    assert_eq!(shop.dispatched(), [""; 0]);
    assert_eq!(shop.verdict(&a1), "pending: WAIT SHA · LOW · deploy_in_progress");
    shop.repo.finish_run(run, "failure");
    shop.later(5).good_pass();
    assert_eq!(shop.dispatched(), [a1]);
}

#[test]
fn a_second_commit_waits_for_the_first_ones_deploy() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass().minutes_later(10).good_pass();
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a1));
    assert_eq!(shop.verdict(&a2), "pending: WAIT SHA · LOW · deploy_in_progress");
    shop.deploy_ends(&a1, "success").good_pass();
    assert_eq!(shop.dispatched(), [a1, a2.clone()]);
    shop.deploy_ends(&a2, "success").good_pass().settled();
}

#[test]
fn a_second_commit_waits_for_an_attempt_whose_run_is_not_known_yet() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.repo.set_list_lag(std::time::Duration::from_secs(200));
    shop.github.lose_the_answer_to("create-workflow-dispatch");
    shop.pass();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.passes(5, 20);
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a1));
    insta::assert_snapshot!(shop.status(&a2).replace(&a1[..7], "FIRST"), @"pending: WAIT SHA · LOW · deploy_in_progress: dispatch of FIRST since 09:02 UTC");
}

#[test]
fn a_run_that_begins_after_the_decision_is_seen_before_the_dispatch() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    shop.good_pass().later(60);
    let a1 = shop.verified(&["src/cart.rs"]);
    let repo = shop.repo.clone();
    let begins = move || {
        repo.dispatch_by_hand(stage::DEPLOY, "main", &a0, "dev");
    };
    let meanwhile = shop.meanwhile(a_look_at_statuses(), begins);
    shop.good_pass();
    assert!(shop.happened(&meanwhile));
    assert_eq!(shop.dispatches_of(&a1), 0);
}

#[test]
fn an_old_run_that_is_run_again_is_in_flight_again() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let run = shop.deployed_by_hand(&a0, "success");
    for _ in 0..120 {
        shop.repo.deploy(&a0, "dev", "success");
    }
    shop.later(60).good_pass();
    shop.repo.rerun(run, "dev");
    shop.later(5);
    // It is on page two of the list: the read before the dispatch continues as far as it must.
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.repo.finish_run(run, "success");
    shop.minutes_later(11).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn runs_that_are_no_deploys_block_nothing() {
    let mut shop = Story::repository("acme/shop").policy("preview_refs", "[feature]");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.repo.start_run(stage::DEPLOY, StartRun::of("pull_request", "main", &a1));
    shop.repo.start_run(stage::DEPLOY, StartRun::push("feature", &a1));
    let fork = StartRun::push("main", &a1).from_fork("stranger/shop");
    shop.repo.start_run(stage::DEPLOY, fork);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}
