//! A jump of the machine's clock has no effect: time is GitHub's.

use ghbox::Fault;
use jiff::SignedDuration;

use crate::story::{Story, the_dispatch};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[test]
fn a_cooldown_ends_in_its_time_however_the_clock_jumps() {
    for jump in [HOUR, -HOUR] {
        for restarts in [false, true] {
            let mut shop = Story::repository("acme/shop").policy("max_attempts_per_sha", "2");
            shop.settled_in_production();
            let a1 = shop.verified(&["src/cart.rs"]);
            shop.good_pass().deploy_ends(&a1, "failure").good_pass();
            let held = shop.status(&a1);
            assert!(held.contains("cooldown"), "{held}");

            shop.time.jump_wall(jump);
            if restarts {
                shop.restart();
            }
            shop.later(60).good_pass().minutes_later(27).good_pass();
            assert_eq!((shop.dispatches_of(&a1), shop.status(&a1)), (1, held), "{jump} {restarts}");
            shop.minutes_later(3).good_pass();
            assert_eq!(shop.dispatches_of(&a1), 2, "the cooldown is over: {jump} {restarts}");
        }
    }
}

#[test]
fn nothing_is_confirmed_early_however_the_clock_jumps() {
    for jump in [HOUR, -HOUR] {
        for restarts in [false, true] {
            let mut shop = Story::repository("acme/shop");
            shop.settled_in_production();
            let a1 = shop.verified(&["src/cart.rs"]);
            // GitHub executed nothing, and the program cannot know that.
            shop.github.fail(the_dispatch(), Fault::Status(502));
            shop.pass();
            assert_eq!(shop.release().open_attempts().count(), 1);

            shop.time.jump_wall(jump);
            if restarts {
                shop.restart();
            }
            for _ in 0..4 {
                shop.later(60).good_pass();
            }
            let open = shop.release().open_attempts().count();
            assert_eq!(open, 1, "{jump} {restarts}: four minutes are not five");
            assert_eq!(shop.dispatches_of(&a1), 0);
            for _ in 0..5 {
                shop.later(60).good_pass();
            }
            assert_eq!(shop.dispatches_of(&a1), 1, "{jump} {restarts}: now it is certain");
        }
    }
}

#[test]
fn the_difference_is_measured() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.time.jump_wall(HOUR);
    shop.later(60).good_pass();
    let difference = shop.metric("release_governor_clock_difference_seconds");
    assert!((3_598.0..=3_602.0).contains(&difference), "{difference}");
}
