//! L2: the candidate and the head get their decision within one poll interval.

use ghbox::story as stage;
use release_governor::controller::PassPace;

use crate::story::Story;

#[test]
fn a_candidate_is_decided_in_the_first_pass_after_its_verification() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    for (paths, says) in [
        (["src/cart.rs"], "ALLOW LOW deploying"),
        (["Cargo.toml"], "ALLOW MEDIUM deploying"),
        (["infra/dns.tf"], "HOLD HIGH high_risk_no_approval"),
    ] {
        shop.later(60).good_pass().later(60).good_pass();
        let sha = shop.verified(&paths);
        assert_eq!(shop.decides(), says);
        assert_ne!(shop.status(&sha), "none");
        if shop.dispatches_of(&sha) > 0 {
            shop.deploy_ends(&sha, "success").good_pass();
        }
    }
}

#[test]
fn a_head_is_decided_in_the_first_pass_after_its_verification() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.later(60).good_pass();
    let a1 = shop.pushed(&["src/cart.rs"]);
    shop.repo.verify(&a1, "failure");
    shop.good_pass();
    assert!(shop.status(&a1).starts_with("failure: HOLD SHA"), "{}", shop.status(&a1));
}

#[test]
fn a_run_that_ended_between_two_passes_is_seen_in_the_next() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let start = ghbox::StartRun::push("main", &a1);
    let run = shop.repo.start_run(stage::VERIFY, start);
    shop.later(60).good_pass().later(60).good_pass();
    assert_eq!(shop.status(&a1), "none");
    shop.repo.finish_run(run, "success");
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_repository_is_looked_at_more_often_while_something_is_in_flight() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    assert_eq!(shop.try_pass().unwrap().pace, PassPace::Settled);
    let a1 = shop.verified(&["src/cart.rs"]);
    assert_eq!(shop.try_pass().unwrap().pace, PassPace::Active, "it was dispatched");
    assert_eq!(shop.later(10).try_pass().unwrap().pace, PassPace::Active, "it deploys");
    shop.deploy_ends(&a1, "success");
    shop.good_pass();
    assert_eq!(shop.later(10).try_pass().unwrap().pace, PassPace::Settled);
}

#[test]
fn a_hundred_unread_runs_do_not_hide_the_newest() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    for _ in 0..150 {
        let sha = shop.repo.push_paths(&["src/cart.rs"]);
        shop.repo.verify(&sha, "failure");
        shop.later(1);
    }
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_rollback_by_hand_ends_in_the_pass_after_the_operator_spoke() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    shop.repo.deploy(&a0, "dev", "success");
    shop.later(60);
    assert_eq!(shop.decides(), "HOLD LOW rolled_back");
    let by = Story::operator();
    shop.later(5).operator_says(release_governor::domain::OperatorAction::Resumed { by });
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
}
