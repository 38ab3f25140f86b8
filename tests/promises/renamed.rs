//! A repository that is renamed while it is governed is governed under its new name from the
//! next pass on. One that was transferred to another owner is no longer touched.

use ghbox::FaultOn;

use crate::s2_answers::about_to_ship;
use crate::story::Story;

const SHIPPED: &str = "success: ALLOW SHA · LOW · Triggered: deploy workflow run";

/// A repository that deploys a commit. Returns the commit.
fn deploying() -> (Story, String) {
    let (mut shop, a1) = about_to_ship();
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    (shop, a1)
}

/// What is in production, as far as the governor knows.
fn production(shop: &mut Story) -> Option<String> {
    shop.release().production().sha().map(|sha| sha.as_str().to_owned())
}

#[test]
fn a_deploy_in_flight_is_followed_under_the_new_name_in_the_very_next_pass() {
    let (mut shop, a1) = deploying();
    shop.later(10).good_pass();
    shop.repo.rename("acme/store");
    shop.deploy_ends(&a1, "success").good_pass();
    assert_eq!(shop.status(&a1), SHIPPED);
    assert_eq!(production(&mut shop), Some(a1));
    shop.settled();
}

#[test]
fn a_settled_repository_that_is_renamed_ships_what_comes_next() {
    let (mut shop, a1) = deploying();
    shop.deploy_ends(&a1, "success").good_pass().settled();
    shop.repo.rename("acme/store");
    shop.later(60).good_pass();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1);
    shop.deploy_ends(&a2, "success").good_pass();
    assert_eq!(shop.status(&a2), SHIPPED);
    shop.settled();
}

#[test]
fn a_rename_while_no_governor_runs_is_followed_by_the_first_pass() {
    let (mut shop, a1) = deploying();
    shop.later(10).good_pass();
    shop.repo.rename("acme/store");
    shop.restart().deploy_ends(&a1, "success").good_pass();
    assert_eq!(shop.status(&a1), SHIPPED);
    shop.settled();
}

#[test]
fn a_renamed_repository_answers_operators_at_once() {
    let (mut shop, a1) = deploying();
    shop.deploy_ends(&a1, "success").good_pass();
    shop.repo.rename("acme/store");
    let decision = shop.simulates(&a1[..8]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(decision.reason().code(), "deployed");
}

#[test]
fn a_rename_at_any_moment_of_the_pass_that_ships_starts_one_deploy_within_two_passes() {
    for nth in 1.. {
        let (mut shop, a1) = about_to_ship();
        let (repo, before) = (shop.repo.clone(), shop.github.requests().len());
        let renaming = shop.meanwhile(FaultOn::any().nth(nth), move || repo.rename("acme/store"));
        shop.pass();
        let asked = shop.github.requests().len() - before;
        let happened = shop.happened(&renaming);
        shop.later(60).good_pass().later(60).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "at request {nth}");
        assert_eq!(shop.status(&a1), SHIPPED, "at request {nth}");
        shop.deploy_ends(&a1, "success").good_pass();
        shop.settled();
        if !happened {
            assert!(u64::try_from(asked).unwrap() < nth);
            break;
        }
    }
}

#[test]
fn a_repository_that_went_to_another_owner_is_not_touched_any_more() {
    let (mut shop, a1) = deploying();
    shop.later(10).good_pass();
    shop.repo.rename("others/bought");
    shop.deploy_ends(&a1, "success");
    drop(shop.requests());
    insta::assert_snapshot!(shop.failed_pass(), @"acme/shop was transferred to others/bought: put its new name into the config");
    shop.passes(20, 60);
    assert!(shop.requests().iter().all(|one| !one.is_write()));
    assert_ne!(production(&mut shop).as_ref(), Some(&a1));
    shop.repo.rename("acme/shop");
    shop.later(60).good_pass();
    assert_eq!(production(&mut shop), Some(a1));
    shop.settled();
}

#[test]
fn a_name_that_somebody_else_took_after_the_rename_is_not_followed() {
    let (mut shop, a1) = deploying();
    shop.repo.rename("acme/store");
    shop.deploy_ends(&a1, "success").good_pass();
    shop.github.create_repository("acme/shop");
    shop.minutes_later(11);
    insta::assert_snapshot!(shop.failed_pass(), @"acme/shop is another repository than before: it was number 500000001, it is number 500000002. It was re-created, or its name was taken over. Nothing is read or written there until its entry leaves the config, or its old one comes back");
}
