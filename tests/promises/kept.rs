//! The cache of GitHub's answers is bounded for each repository separately, so that a fleet of
//! any size settles: one repository's activity causes no charged requests for another.

use crate::story::Story;

/// More answers than were ever cached for all repositories together.
const MANY: usize = 25_000;
/// More than are cached for one repository.
const TOO_MANY: usize = 5_000;

/// A settled repository.
fn settled() -> Story {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.passes(12, 60).settled();
    shop
}

/// The number of requests since the last call that count towards GitHub's rate limit.
fn charged(shop: &mut Story) -> usize {
    shop.requests().iter().filter(|one| one.response_status != 304).count()
}

#[test]
fn a_busy_repository_costs_another_one_no_request_that_counts() {
    let mut shop = settled();
    shop.keeps_answers_about("acme/busy", MANY);
    drop(shop.requests());
    // These passes include what is read every ten minutes.
    shop.passes(12, 60).restart().passes(12, 60);
    assert_eq!(charged(&mut shop), 0);
    assert!(shop.metric("release_governor_repeated_requests_total") < 1.0);
}

#[test]
fn what_a_repository_has_no_room_for_is_counted_when_it_is_asked_for_again() {
    let mut shop = settled();
    shop.keeps_answers_about("acme/shop", TOO_MANY);
    drop(shop.requests());
    shop.passes(12, 60);
    let charged = charged(&mut shop);
    assert!(charged > 0);
    let counted = shop.metric("release_governor_repeated_requests_total");
    assert!((counted - f64::from(u32::try_from(charged).unwrap())).abs() < 0.5, "{counted}");
    // It is cached again.
    drop(shop.requests());
    shop.passes(12, 60).settled();
}

#[test]
fn what_a_start_goes_on_from_is_driven_out_by_no_number_of_facts() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.verified(&["infra/dns.tf"]);
    shop.passes(12, 60).settled_within(4);
    let held_since = shop.metric("release_governor_holds_since_timestamp_seconds");
    assert!(held_since > 0.0);
    shop.keeps_facts(TOO_MANY);
    drop(shop.requests());
    shop.restart().passes(1, 60);
    assert_eq!(shop.metric("release_governor_holds_since_timestamp_seconds"), held_since);
    let looked_back = shop.requests().iter().filter(|one| one.path.contains("created=")).count();
    assert_eq!(looked_back, 0, "the sweep of thirty days is remembered");
}
