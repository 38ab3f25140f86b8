//! S8 and L2 together: a repository that is only checked for changes misses nothing.

use ghbox::story as stage;

use crate::story::Story;

/// A repository whose candidate shipped a while ago: its passes find no change.
fn quiet() -> (Story, String) {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success");
    shop.passes(24, 60).good_pass().settled();
    (shop, a1)
}

/// The number of passes, a minute apart, until the condition holds.
fn minutes_until(shop: &mut Story, most: usize, mut is: impl FnMut(&Story) -> bool) -> usize {
    for minute in 0..=most {
        if is(shop) {
            return minute;
        }
        shop.later(60).good_pass();
    }
    panic!("not within {most} minutes");
}

#[test]
fn a_commit_that_passes_ships_in_the_next_pass_and_its_run_is_fetched_once() {
    let (mut shop, _) = quiet();
    drop(shop.requests());
    let a2 = shop.later(60).verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1);
    let list = format!("/{}/runs?", shop.repo.workflow_id(stage::VERIFY));
    let new = shop.requests().into_iter().filter(|one| {
        one.path.contains(&list)
            && one.response_status == 200
            && !one.request_headers.contains_key("cache-control")
    });
    assert_eq!(new.count(), 1, "before the look anew that a dispatch begins with");
}

#[test]
fn a_status_that_somebody_else_wrote_is_replaced_in_the_next_pass() {
    let (mut shop, a1) = quiet();
    let before = shop.status(&a1);
    shop.repo.set_status(&a1, "booty/release-governor", "failure", "HOLD", "mallory");
    assert_ne!(shop.status(&a1), before);
    shop.later(60).good_pass();
    assert_eq!(shop.status(&a1), before);
    shop.later(60).settled();
}

#[test]
fn a_cooldown_that_ends_is_acted_on_in_that_minute_though_nothing_changed() {
    let mut shop = Story::repository("acme/shop")
        .policy("max_attempts_per_sha", "2")
        .policy("cooldown_minutes", "25");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    let minutes = minutes_until(&mut shop, 40, |shop| shop.dispatches_of(&a1) == 2);
    assert!((25..=26).contains(&minutes), "{minutes}");
}

#[test]
fn a_cooldown_of_a_commit_below_a_held_one_is_acted_on_in_that_minute() {
    let mut shop = Story::repository("acme/shop")
        .policy("max_attempts_per_sha", "2")
        .policy("cooldown_minutes", "25");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    shop.verified(&["infra/dns.tf"]);
    let minutes = minutes_until(&mut shop, 40, |shop| shop.dispatches_of(&a1) == 2);
    assert!((25..=26).contains(&minutes), "{minutes}");
}

#[test]
fn an_hours_limit_that_is_over_is_acted_on_in_that_minute() {
    // A dispatch reads everything uncached, and then everything is read every ten minutes: also
    // at the end of the hour, unless some of these passes were missed.
    for missed in [0, 9, 11, 13, 15] {
        let mut shop = Story::repository("acme/shop").policy("max_deploys_per_hour", "1");
        shop.in_production();
        let a1 = shop.verified(&["src/cart.rs"]);
        shop.good_pass().deploy_ends(&a1, "success").good_pass();
        let a2 = shop.verified(&["src/till.rs"]);
        shop.good_pass().later(660).passes(3, 60).later(missed * 60);
        let minutes = minutes_until(&mut shop, 70, |shop| shop.dispatches_of(&a2) == 1);
        let since = u64::try_from(minutes).unwrap() + 14 + missed;
        assert!((59..=61).contains(&since), "{since} after {missed} were missed");
    }
}

#[test]
fn a_policy_that_changed_is_judged_by_at_once() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.passes(24, 60).good_pass().settled();
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.change_policy("high_risk_paths", "[nothing]").good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}
