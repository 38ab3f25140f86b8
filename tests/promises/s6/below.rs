//! Commits below a held candidate that temporarily cannot be judged.

use ghbox::{Fault, FaultOn};

use crate::story::Story;

#[test]
fn a_commit_below_that_cannot_be_judged_does_not_take_the_candidates_decision_away() {
    for fault in [Fault::Status(502), Fault::LoseRequest] {
        let mut shop = Story::repository("acme/shop");
        let a0 = shop.settled_in_production();
        let a1 = shop.verified(&["src/a.rs"]);
        let high = shop.verified(&["infra/c.tf"]);
        let failing = FaultOn::path(&format!("*/compare/{a0}...{a1}*")).always();
        let failing = shop.github.fail(failing, fault.clone());
        shop.good_pass();
        assert_eq!(
            shop.verdict(&high),
            "failure: HOLD SHA · HIGH · high_risk_no_approval",
            "{fault:?}"
        );
        let evidence = shop.recorded_evidence(&high);
        let expected = format!("older commit {} was passed over", &a1[..7]);
        assert!(evidence.contains(&expected), "{fault:?}: {evidence}");
        assert_eq!(shop.dispatched(), [""; 0], "{fault:?}");
        shop.github.mend(failing);
        shop.later(60).good_pass();
        assert_eq!(shop.dispatched(), [a1], "{fault:?}");
    }
}

#[test]
fn comparisons_that_fail_for_good_cost_three_passes_and_not_three_for_each_commit() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.settled_in_production();
    let low = shop.verified(&["src/a.rs"]);
    let high = shop.verified(&["infra/b.tf"]);
    let below: Vec<String> =
        (0..6).map(|number| shop.verified(&[format!("src/{number}.rs").as_str()])).collect();
    let candidate = shop.verified(&["infra/c.tf"]);
    for sha in below.iter().chain([&high]) {
        let failing = FaultOn::path(&format!("*/compare/{a0}...{sha}*")).always();
        shop.github.fail(failing, Fault::Status(502));
    }
    shop.good_pass();
    assert_eq!(shop.dispatched(), std::slice::from_ref(&low), "in the first pass");
    shop.deploy_ends(&low, "success").good_pass();
    assert_eq!(shop.verdict(&candidate), "failure: HOLD SHA · HIGH · high_risk_no_approval");
}

#[test]
fn a_candidate_that_cannot_be_judged_itself_is_not_decided() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.settled_in_production();
    let a1 = shop.verified(&["src/a.rs"]);
    let failing = FaultOn::path(&format!("*/compare/{a0}...{a1}*")).always();
    shop.github.fail(failing, Fault::Status(502));
    shop.failed_pass();
    assert_eq!(shop.status(&a1), "none");
    assert_eq!(shop.dispatched(), [""; 0]);
}
