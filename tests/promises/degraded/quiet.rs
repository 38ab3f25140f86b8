//! A repository whose signals keep saying the same is asked only whether anything changed, and
//! misses no word of theirs.

use super::{ALERTS, PROMETHEUS, Signalling, shop};
use crate::story::Story;

/// Wherever between two passes that read more than others what comes next comes: no more than four
/// passes running judge anew.
const ANYWHERE: std::ops::Range<usize> = 24..29;

/// So many passes, which come to nothing in the end.
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
        // A good reading is worth 105 s.
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
