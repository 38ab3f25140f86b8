//! Freezes and windows: rule `frozen`, from the configuration to the dispatch.

use std::time::Duration;

use release_governor::domain::Reason;

use crate::story::{Story, a_look_at_statuses, the_mark};

/// From Friday afternoon to Monday morning in Berlin. Stories begin on a Monday, at 09:00 UTC.
const WEEKEND: &str = r#"
freezes:
  - name: weekend
    weekly: [{ from: "Fri 16:00", to: "Mon 08:00" }]
    zone: Europe/Berlin
    reason: nobody is at work
    owner: "@acme/platform"
"#;

/// A freeze that begins an hour after the story does.
const FROM_TEN: &str = r#"
freezes:
  - { name: audit, from: 2026-11-02T10:00, to: 2026-11-02T18:00, zone: UTC }
"#;

const MORNINGS: &str = r#"
windows:
  - name: mornings
    weekly: [{ from: "Mon 08:00", to: "Mon 11:00" }, { from: "Tue 08:00", to: "Tue 11:00" }]
    zone: UTC
    environments: [production]
"#;

/// A repository that is settled in production, on Friday, 17:00 in Berlin.
fn on_friday_evening() -> Story {
    let mut shop = Story::repository("acme/shop").calendar(WEEKEND);
    shop.settled_in_production();
    shop.minutes_later((4 * 24 + 7) * 60);
    shop
}

#[test]
fn a_freeze_holds_what_is_verified_and_says_until_when_and_whom_to_ask() {
    let mut shop = on_friday_evening();
    let sha = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    insta::assert_snapshot!(shop.status(&sha), @"failure: HOLD SHA · LOW · frozen: until Mon 9 Nov 08:00 CET (freeze weekend of @acme/platform: nobody is at work)");
    insta::assert_snapshot!(shop.hints(), @"until Mon 9 Nov 2026 08:00 CET (freeze weekend of @acme/platform: nobody is at work)");
    insta::assert_snapshot!(shop.evidence(), @"
    nothing ships until Mon 9 Nov 2026 08:00 CET: freeze weekend of @acme/platform: nobody is at work
    production is 1fee7ec by run 17000000002, attempt 1, since 2026-11-02 09:01 UTC
    risk LOW: from the paths that differ from production
    ");
    assert!(shop.dispatched().is_empty());
    shop.settled();
}

#[test]
fn a_status_does_not_change_while_its_freeze_lasts_and_the_release_ships_at_its_end() {
    let mut shop = on_friday_evening();
    let sha = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    let said = shop.statuses(&sha).len();
    // From Friday, 17:00, to a moment before Monday, 08:00.
    for _ in 0..9 {
        shop.minutes_later(7 * 60 - 1).good_pass();
    }
    shop.restart().good_pass();
    assert_eq!(shop.statuses(&sha).len(), said, "not from pass to pass, nor after a restart");
    assert!(shop.dispatched().is_empty());
    shop.minutes_later(10).good_pass();
    assert_eq!(shop.dispatched(), [sha]);
}

#[test]
fn what_must_be_done_besides_is_said_before_the_freeze_ends() {
    let mut shop = on_friday_evening();
    let sha = shop.verified(&["infra/net.tf"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&sha), "failure: HOLD SHA · HIGH · frozen");
    let hints = shop.hints();
    assert!(hints.contains("until Mon 9 Nov 2026 08:00 CET"), "{hints}");
    assert!(hints.contains("release-governor approve acme/shop"), "{hints}");
}

#[test]
fn a_freeze_that_begins_after_the_decision_stops_the_dispatch() {
    for at in [a_look_at_statuses(), the_mark()] {
        let mut shop = Story::repository("acme/shop").calendar(FROM_TEN);
        shop.settled_in_production();
        let sha = shop.verified(&["src/cart.rs"]);
        let now = shop.github.clock().now();
        let ten: jiff::Timestamp = "2026-11-02T10:00:00Z".parse().unwrap();
        let left = Duration::try_from(ten.duration_since(now)).unwrap();
        shop.later(left.as_secs() - 20);
        let time = shop.time.clone();
        let begins = shop.meanwhile(at, move || time.advance(Duration::from_secs(30)));
        shop.pass();
        assert!(shop.happened(&begins));
        assert!(shop.dispatched().is_empty(), "it had not left when the freeze began");
        shop.pass().pass();
        assert_eq!(shop.verdict(&sha), "failure: HOLD SHA · LOW · frozen");
        shop.settled();
        shop.minutes_later(8 * 60).good_pass();
        assert_eq!(shop.dispatched(), [sha]);
    }
}

#[test]
fn a_deploy_that_runs_when_a_freeze_begins_is_watched_to_its_end() {
    let mut shop = Story::repository("acme/shop").calendar(FROM_TEN);
    shop.settled_in_production();
    let sha = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatched(), [sha.clone()]);
    shop.minutes_later(90).good_pass();
    assert_eq!(shop.decides(), "ALLOW LOW deploying");
    shop.deploy_ends(&sha, "success").good_pass();
    assert_eq!(shop.decides(), "ALLOW LOW deployed");
    shop.settled();
}

#[test]
fn trigger_is_held_by_a_freeze_and_a_rollback_is_not() {
    let mut shop = Story::repository("acme/shop").calendar(FROM_TEN);
    let first = shop.settled_in_production();
    let second = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&second, "success").good_pass();
    shop.minutes_later(90).good_pass();
    let third = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    shop.triggers(&third, false).unwrap();
    assert_eq!(shop.dispatches_of(&third), 0);
    assert_eq!(shop.decision().reason(), Reason::Frozen);
    let before = shop.dispatches_of(&first);
    shop.triggers(&first, true).unwrap();
    assert_eq!(shop.dispatches_of(&first), before + 1, "a rollback takes a change out");
}

#[test]
fn a_lane_that_a_window_names_ships_only_inside_one() {
    let mut shop = Story::repository("acme/shop").calendar(MORNINGS);
    shop.settled_in_production();
    let inside = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatched(), [inside.clone()], "Monday, a quarter past nine");
    shop.deploy_ends(&inside, "success").good_pass();
    shop.minutes_later(2 * 60);
    let outside = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    insta::assert_snapshot!(shop.status(&outside), @"failure: HOLD SHA · LOW · frozen: until Tue 3 Nov 08:00 UTC (outside window mornings)");
    shop.settled();
    shop.minutes_later(21 * 60).good_pass();
    assert_eq!(shop.dispatched(), [inside, outside]);
}

#[test]
fn names_and_reasons_are_cut_and_the_code_and_the_time_are_not() {
    let long = "x".repeat(200);
    let freeze = format!(
        "freezes:\n  - {{ name: {long}, zone: UTC, from: 2026-11-01T00:00, to: 2027-11-04T00:00, \
         owner: {long}, reason: \"{long} \u{1F525}\" }}\n"
    );
    let mut shop = Story::repository("acme/shop").calendar(&freeze);
    shop.in_production();
    let sha = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    let said = shop.status(&sha);
    assert!(said.contains("frozen: until Thu 4 Nov 2027 00:00 UTC (freeze xxx"), "{said}");
    assert!(shop.statuses(&sha)[0].description.chars().count() <= 140, "{said}");
    shop.settled();
}
