//! A repository with unchanged signals is only checked for changes, and misses no change of a
//! signal.

use super::{ALERTS, PROMETHEUS, Signalling, shop};
use crate::story::Story;

/// Passes at which a change may come, relative to those that read more than others. No more
/// than four passes in a row make new decisions.
const ANYWHERE: std::ops::Range<usize> = 24..29;

/// Runs passes, and asserts that fewer than half of them make new decisions.
fn quieted(shop: &mut Story, passes: usize, mut before_each: impl FnMut(usize)) {
    let mut judgements = Vec::new();
    for minute in 0..passes {
        before_each(minute);
        shop.later(60).good_pass();
        judgements.push(shop.judged_at());
    }
    let anew = judgements.windows(2).skip(4).filter(|two| two[0] != two[1]).count();
    assert!(anew * 2 < passes, "{anew} of {passes} passes judged anew");
}

fn errors(signalling: &Signalling) -> impl FnMut(usize) {
    |minute| signalling.error_ratio(&format!("0.01{minute}"))
}

#[test]
fn a_shop_that_is_well_is_quiet_whatever_its_error_ratio_is() {
    let (mut shop, signalling) = shop(PROMETHEUS);
    signalling.error_ratio("0.01");
    shop.verified(&["infra/net.tf"]);
    quieted(&mut shop, 40, errors(&signalling));
    shop.settled();
}

#[test]
fn an_incident_that_ends_lets_a_release_go_in_the_next_pass() {
    for passes in ANYWHERE {
        let (mut shop, signalling) = shop(ALERTS);
        signalling.alert("ShopDown");
        let a1 = shop.verified(&["Cargo.toml"]);
        quieted(&mut shop, passes, |_| ());
        signalling.says(200, "[]");
        shop.later(60).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1);
    }
}

#[test]
fn a_status_names_another_alert_in_the_next_pass() {
    for passes in ANYWHERE {
        let (mut shop, signalling) = shop(ALERTS);
        signalling.alert("ShopDown");
        let a1 = shop.verified(&["Cargo.toml"]);
        quieted(&mut shop, passes, |_| ());
        signalling.alert("ShopOnFire");
        shop.later(60).good_pass();
        let status = shop.status(&a1);
        assert!(status.ends_with("fix the incident: shop alerts (ShopOnFire)"), "{status}");
    }
}

#[test]
fn a_signal_that_is_not_read_for_too_long_counts_in_the_pass_after_that() {
    for passes in ANYWHERE {
        let (mut shop, signalling) = shop(PROMETHEUS);
        signalling.error_ratio("0.01");
        let high = shop.verified(&["infra/net.tf"]);
        quieted(&mut shop, passes, errors(&signalling));
        signalling.is_gone();
        // A good reading is valid for 105 s.
        shop.later(60).good_pass().later(60).good_pass();
        let status = shop.status(&high);
        assert!(status.contains("degraded_unknown_high_risk"), "{status}");
    }
}

#[test]
fn a_health_check_that_fails_is_written_down_in_the_next_pass() {
    for passes in ANYWHERE {
        let signalling = Signalling::default();
        let mut shop = Story::repository("acme/shop")
            .policy("health_check", "{url: \"http://shop/health\"}")
            .signals(signalling.carrier());
        shop.in_production();
        signalling.says(200, "up");
        quieted(&mut shop, passes, |_| ());
        signalling.says(500, "down");
        shop.later(60).good_pass();
        assert_eq!(shop.release().health.len(), 2);
        quieted(&mut shop, passes, |_| ());
    }
}
