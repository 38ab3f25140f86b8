//! S2, answers: whatever happens to a request, the sha is dispatched once.

use std::time::Duration;

use ghbox::{Access, Fault, FaultOn, Permission, Token, story as stage};

use crate::story::{Story, TOKEN, a_look_at_statuses, the_dispatch, the_mark};

const SHIPPED: &str = "success: ALLOW SHA · LOW · Triggered: deploy workflow run";

/// A commit that the next pass ships.
pub(crate) fn about_to_ship() -> (Story, String) {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.good_pass().later(60);
    let a1 = shop.verified(&["src/cart.rs"]);
    (shop, a1)
}

/// It shipped once, and nothing is left to do.
fn shipped_once(shop: &mut Story, a1: &str) {
    assert_eq!(shop.dispatches_of(a1), 1);
    assert_eq!(shop.status(a1), SHIPPED);
    shop.deploy_ends(a1, "success").good_pass();
    shop.settled();
    assert_eq!(shop.dispatched(), [a1]);
}

fn assert_late_runs(shop: &mut Story, count: f64) {
    let counted = shop.metric("release_governor_late_runs_total");
    assert!((counted - count).abs() < 0.1, "{counted} late runs");
}

#[test]
fn a_dispatch_that_started_its_run_is_never_sent_again_whatever_the_answer() {
    let faults = [
        Fault::LoseAnswer,
        Fault::StatusAfter(500),
        Fault::StatusAfter(502),
        Fault::StatusAfter(503),
        Fault::StatusAfter(408),
        Fault::StatusAfter(200),
        Fault::StatusAfter(204),
        Fault::Hang,
        Fault::Truncate,
        Fault::MalformedJson,
        Fault::Html(502),
        Fault::Html(200),
    ];
    for fault in faults {
        let (mut shop, a1) = about_to_ship();
        shop.github.fail(the_dispatch(), fault.clone());
        shop.pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "{fault:?}");
        shop.recovers();
        assert_eq!(shop.asked("create-workflow-dispatch"), 1, "{fault:?}");
        shipped_once(&mut shop, &a1);
    }
}

#[test]
fn a_dispatch_that_may_have_started_a_run_is_sent_again_only_when_none_shows_for_long() {
    for fault in [Fault::Status(500), Fault::Status(502), Fault::Status(408), Fault::LoseRequest] {
        let (mut shop, a1) = about_to_ship();
        let marked = shop.time.wall();
        shop.github.fail(the_dispatch(), fault.clone());
        shop.pass();
        assert_eq!(shop.dispatches_of(&a1), 0, "{fault:?}");
        while shop.time.wall().duration_since(marked).as_secs() < 300 {
            shop.later(10).good_pass();
            assert_eq!(shop.dispatches_of(&a1), 0, "{fault:?}: not before the time is over");
            assert!(shop.status(&a1).contains("dispatching"), "{fault:?}");
        }
        // Two reads, a fifth of the time apart.
        shop.later(2).good_pass().later(50).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 0, "{fault:?}: one look is not enough");
        shop.later(20).good_pass();
        shipped_once(&mut shop, &a1);
    }
}

#[test]
fn a_connection_that_was_never_made_started_nothing_and_is_tried_again() {
    let (mut shop, a1) = about_to_ship();
    shop.github.fail(the_dispatch(), Fault::RefuseConnection);
    insta::assert_snapshot!(shop.failed_pass().replace(&a1[..7], "SHA"), @r"
    cannot dispatch SHA in acme/shop: never sent: connection refused
    ");
    shop.later(10).good_pass();
    shipped_once(&mut shop, &a1);
}

#[test]
fn a_limit_is_no_attempt_and_is_waited_for() {
    let limits = [
        Fault::SecondaryLimit { status: 429, retry_after: Some(120) },
        Fault::SecondaryLimit { status: 403, retry_after: Some(120) },
        Fault::SecondaryLimit { status: 403, retry_after: None },
        Fault::SecondaryLimit { status: 429, retry_after: None },
    ];
    for limit in limits {
        let (mut shop, a1) = about_to_ship();
        shop.github.fail(the_dispatch(), limit.clone());
        assert!(shop.failed_pass().contains("told us to wait"), "{limit:?}");
        drop(shop.requests());
        shop.later(30).pass();
        assert_eq!(shop.requests().len(), 0, "{limit:?}: nothing is asked meanwhile");
        shop.later(100).good_pass();
        shipped_once(&mut shop, &a1);
    }
}

#[test]
fn the_primary_limit_is_no_attempt_and_is_waited_for() {
    let (mut shop, a1) = about_to_ship();
    shop.github.fail(the_dispatch(), Fault::PrimaryLimit);
    shop.pass().minutes_later(10).pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.minutes_later(61).good_pass();
    shipped_once(&mut shop, &a1);
}

#[test]
fn an_enterprise_server_is_asked_once_more_without_the_key_that_it_does_not_know() {
    let (mut shop, a1) = about_to_ship();
    shop.github.enterprise();
    shop.good_pass();
    assert_eq!(shop.asked("create-workflow-dispatch"), 2);
    shipped_once(&mut shop, &a1);
    // This is remembered: the next dispatch omits the parameter immediately.
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.asked("create-workflow-dispatch"), 1, "and one more since it had settled");
    assert_eq!(shop.dispatches_of(&a2), 1);
}

/// For each dispatch that the fake GitHub received, whether it requested the run's details.
fn asked_for_details(shop: &mut Story) -> Vec<bool> {
    let dispatches = shop.requests().into_iter().filter(|one| {
        one.operation.is_some_and(|operation| operation.ends_with("create-workflow-dispatch"))
    });
    let asks = |body: &[u8]| String::from_utf8_lossy(body).contains("return_run_details");
    dispatches.map(|one| asks(&one.request_body)).collect()
}

#[test]
fn a_server_that_refuses_the_key_as_unprocessable_is_asked_once_more_without_it_too() {
    for words in [
        "Invalid request.\n\n\"return_run_details\" is not a permitted key.",
        "Unknown property: return_run_details",
    ] {
        let (mut shop, a1) = about_to_ship();
        let refuse = Fault::Refuse { status: 422, message: words.to_owned() };
        shop.github.fail(the_dispatch(), refuse);
        drop(shop.requests());
        shop.good_pass();
        assert_eq!(asked_for_details(&mut shop), [true, false], "{words}");
        shipped_once(&mut shop, &a1);
        // This is remembered: the next dispatch omits the parameter immediately.
        let a2 = shop.verified(&["src/till.rs"]);
        drop(shop.requests());
        shop.good_pass();
        assert_eq!(asked_for_details(&mut shop), [false], "{words}");
        assert_eq!(shop.dispatches_of(&a2), 1, "{words}");
    }
}

#[test]
fn an_input_that_bears_the_keys_name_is_no_reason_to_ask_again() {
    for words in [
        "Required input 'return_run_details' not provided",
        "Unexpected inputs provided: [\"return_run_details\"]",
    ] {
        let (mut shop, a1) = about_to_ship();
        let refuse = Fault::Refuse { status: 422, message: words.to_owned() };
        shop.github.fail(the_dispatch(), refuse);
        drop(shop.requests());
        shop.pass().later(10).good_pass();
        assert_eq!(asked_for_details(&mut shop), [true], "{words}");
        assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · dispatch_rejected", "{words}");
    }
}

#[test]
fn a_run_that_nobody_named_is_found_when_the_list_shows_it() {
    let (mut shop, a1) = about_to_ship();
    shop.github.enterprise();
    shop.repo.set_list_lag(Duration::from_secs(120));
    shop.good_pass();
    insta::assert_snapshot!(shop.status(&a1).split("dispatching").next().unwrap(), @"pending: ALLOW SHA · LOW ·");
    for _ in 0..5 {
        shop.later(20).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1);
        assert!(shop.status(&a1).contains("dispatching"));
    }
    shop.later(60).good_pass();
    shipped_once(&mut shop, &a1);
}

#[test]
fn a_run_that_shows_after_the_time_was_up_is_adopted_by_its_closed_attempt_and_counted() {
    let (mut shop, a1) = about_to_ship();
    shop.repo.set_list_lag(Duration::from_secs(600));
    shop.github.fail(the_dispatch(), Fault::LoseAnswer);
    shop.pass();
    let lost = shop.repo.dispatches().last().unwrap().run_id;
    // The exception that the design allows: the answer is lost, and so is its run for ten
    // minutes.
    shop.later(305).good_pass().later(70);
    shop.repo.set_list_lag(Duration::ZERO);
    shop.repo.hide_run_for(lost, Duration::from_secs(400));
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
    assert_late_runs(&mut shop, 0.0);
    shop.later(410).good_pass();
    assert_late_runs(&mut shop, 1.0);
    shop.repo.finish_run(lost, "success");
    shop.deploy_ends(&a1, "success").good_pass().settled();
    assert_eq!(shop.dispatches_of(&a1), 2);
}

#[test]
fn an_accepted_dispatch_whose_run_never_shows_holds_every_commit_until_trigger() {
    let (mut shop, a1) = about_to_ship();
    shop.github.enterprise();
    shop.repo.set_list_lag(Duration::from_secs(100_000));
    shop.good_pass().later(305).good_pass();
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · LOW · dispatch_unconfirmed: no run appeared for SHA, dispatched 09:03 UTC: check the workflow's runs, then `trigger`");
    shop.settled();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass().minutes_later(120).good_pass().restart().minutes_later(120).good_pass();
    insta::assert_snapshot!(shop.verdict(&a2), @"failure: HOLD SHA · LOW · dispatch_unconfirmed");
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a1));

    shop.operator_resumes().good_pass();
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a1), "resume is not enough");
    shop.operator_triggered(&a2).good_pass();
    assert_eq!(shop.dispatched(), [a1, a2]);
}

#[test]
fn an_unconfirmed_dispatch_is_ended_by_a_run_that_shows_after_all() {
    let (mut shop, a1) = about_to_ship();
    shop.github.enterprise();
    shop.repo.set_list_lag(Duration::from_secs(900));
    shop.good_pass().later(305).good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · dispatch_unconfirmed");
    shop.minutes_later(11).good_pass();
    assert_late_runs(&mut shop, 1.0);
    shipped_once(&mut shop, &a1);
}

#[test]
fn a_refused_dispatch_started_nothing_uses_no_attempt_and_says_what_github_said() {
    let words = "Required input 'region' not provided";
    for status in [422, 404, 403, 400, 409, 410] {
        let (mut shop, a1) = about_to_ship();
        let refuse = Fault::Refuse { status, message: words.to_owned() };
        shop.github.fail(the_dispatch(), refuse);
        shop.pass().later(10).good_pass();
        let said = shop.status(&a1);
        assert!(
            said.starts_with("failure: HOLD SHA · LOW · dispatch_rejected: "),
            "{status}: {said}"
        );
        assert!(said.contains(words), "{status}: {said}");
        shop.settled_within(8);
        shop.minutes_later(30).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 0, "{status}: nothing has changed");
        // It is tried again hourly, and used no attempt.
        shop.minutes_later(31).good_pass();
        shipped_once(&mut shop, &a1);
    }
}

#[test]
fn a_refused_dispatch_is_tried_again_when_the_tip_of_its_ref_moves() {
    let (mut shop, a1) = about_to_ship();
    let refuse = Fault::Refuse { status: 422, message: "No".to_owned() };
    shop.github.fail(the_dispatch(), refuse);
    shop.pass().later(10).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.pushed(&["docs/how.md"]);
    shop.good_pass();
    shipped_once(&mut shop, &a1);
}

#[test]
fn a_refused_dispatch_is_tried_again_when_an_operator_says_so() {
    let (mut shop, a1) = about_to_ship();
    let refuse = Fault::Refuse { status: 422, message: "No".to_owned() };
    shop.github.fail(the_dispatch(), refuse);
    shop.pass().later(10).good_pass();
    shop.operator_resumes().good_pass();
    shipped_once(&mut shop, &a1);
}

#[test]
fn a_refused_mark_keeps_the_dispatch_back_with_a_growing_wait() {
    let (mut shop, a1) = about_to_ship();
    let weak = Token::installation(stage::GOVERNOR).grant(Permission::Statuses, Access::Read);
    shop.github.add_token_with(TOKEN, weak);
    let began = shop.time.wall();
    let mut tries = Vec::new();
    for _ in 0..80 {
        let before = shop.asked("create-commit-status");
        shop.pass();
        if shop.asked("create-commit-status") > before {
            tries.push(shop.time.wall().duration_since(began).as_secs());
        }
        shop.later(1);
    }
    assert_eq!(shop.dispatches_of(&a1), 0);
    assert_eq!(shop.asked("create-workflow-dispatch"), 0);
    let waits: Vec<i64> = tries.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(waits, [5, 10, 20, 40]);
    shop.github.add_token(TOKEN, stage::GOVERNOR);
    shop.minutes_later(2).good_pass();
    shipped_once(&mut shop, &a1);
}

#[test]
fn a_mark_that_was_not_taken_for_certain_is_followed_by_no_dispatch() {
    let faults = [
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::RefuseConnection,
        Fault::Status(500),
        Fault::StatusAfter(502),
        Fault::StatusAfter(200),
        Fault::Hang,
        Fault::Truncate,
        Fault::MalformedJson,
        Fault::Html(200),
        Fault::Status(422),
        Fault::Status(403),
        Fault::SecondaryLimit { status: 429, retry_after: Some(5) },
    ];
    for fault in faults {
        let (mut shop, a1) = about_to_ship();
        shop.github.fail(the_mark(), fault.clone());
        shop.pass();
        assert_eq!(shop.asked("create-workflow-dispatch"), 0, "{fault:?}");
        shop.later(10).good_pass();
        assert_eq!(shop.asked("create-workflow-dispatch"), 1, "{fault:?}: it is tried again");
        shipped_once(&mut shop, &a1);
    }
}

#[test]
fn a_mark_that_cannot_be_read_back_is_withdrawn() {
    let (mut shop, a1) = about_to_ship();
    // The statuses are read for the plan, in step 0, and to read the mark back.
    let back = shop.github.fail(a_look_at_statuses().nth(3).always(), Fault::Status(500));
    drop(shop.requests());
    shop.pass();
    assert_eq!(shop.asked("create-commit-status"), 1);
    assert_eq!(shop.asked("create-workflow-dispatch"), 0);
    shop.github.mend(back);
    shop.later(10).good_pass();
    shipped_once(&mut shop, &a1);
}

#[test]
fn any_request_may_fail_in_any_way_and_the_commit_ships_once() {
    let faults = [Fault::LoseAnswer, Fault::StatusAfter(502), Fault::Hang, Fault::LoseRequest];
    for fault in faults {
        for nth in 1.. {
            let (mut shop, a1) = about_to_ship();
            let before = shop.github.requests().len();
            let id = shop.github.fail(FaultOn::any().nth(nth), fault.clone());
            shop.pass();
            shop.github.mend(id);
            let asked = shop.github.requests().len() - before;
            shop.recovers().recovers();
            assert_eq!(shop.dispatches_of(&a1), 1, "{fault:?} at request {nth}");
            assert_eq!(shop.status(&a1), SHIPPED, "{fault:?} at request {nth}");
            if u64::try_from(asked).unwrap() < nth {
                break;
            }
        }
    }
}
