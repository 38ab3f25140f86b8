//! A failure issue that was deleted or transferred is closed: passes continue, and later
//! failures are reported in a new one.

use ghbox::{Fault, FaultOn, Issue, story as stage};

use super::{failed, the_issue};
use crate::story::Story;

/// What happens to an issue.
const ENDS: [&str; 3] = ["deleted", "transferred", "transferred out of sight"];

fn ends(shop: &Story, issue: &Issue, end: &str) {
    if end == "deleted" {
        return shop.repo.delete_issue(issue.number);
    }
    let elsewhere = stage::repository(&shop.github, "acme/elsewhere");
    shop.repo.transfer_issue(issue.number, &elsewhere);
    elsewhere.set_hidden(end == "transferred out of sight");
}

/// How often the ledger contains a step of an issue, by name.
fn recorded(shop: &mut Story, step: &str) -> usize {
    let history = shop.history();
    let steps = history.iter().filter_map(|(_, entry)| {
        let entry = serde_json::to_value(entry).unwrap();
        entry.to_string().contains(&format!("\"step\":\"{step}\"")).then_some(())
    });
    steps.count()
}

#[test]
fn a_recovery_has_nowhere_to_be_said_and_passes_go_on() {
    for end in ENDS {
        let (mut shop, _) = failed();
        ends(&shop, &the_issue(&shop), end);
        let a2 = shop.verified(&["src/cart.rs"]);
        shop.good_pass().deploy_ends(&a2, "success").good_pass();
        assert_eq!(shop.repo.issues().len(), 0, "{end}");
        assert_eq!(recorded(&mut shop, "recovery_written"), 1, "{end}: it is over");
        assert_eq!(shop.metric("release_governor_issues_unavailable"), 0.0, "{end}");
        shop.settled();
        let a3 = shop.verified(&["src/till.rs"]);
        shop.good_pass().deploy_ends(&a3, "success").good_pass().settled();
        assert_eq!(shop.asked("issues/create-comment"), 0, "{end}");
    }
}

#[test]
fn a_further_failure_opens_one_more_issue_and_no_second() {
    for end in ENDS {
        let (mut shop, a1) = failed();
        let before = the_issue(&shop);
        ends(&shop, &before, end);
        shop.repo.rerun(shop.deploy_run(), "dev");
        shop.later(60).deploy_ends(&a1, "failure").good_pass();
        let issue = the_issue(&shop);
        assert!(issue.number > before.number, "{end}");
        assert!(issue.body.contains("attempt 2"), "{end}: {}", issue.body);
        assert_eq!(shop.metric("release_governor_issues_unavailable"), 0.0, "{end}");
        shop.settled();
        // From now on it is the commit's issue.
        shop.restart();
        shop.repo.rerun(shop.deploy_run(), "dev");
        shop.later(60).deploy_ends(&a1, "failure").good_pass();
        assert_eq!(the_issue(&shop).comments.len(), 1, "{end}");
        shop.settled();
        // Without the ledger, the comments of the deleted issue are unknown: they are added
        // here, once.
        shop.lose_the_disk().later(60).good_pass().later(61).good_pass();
        assert_eq!(the_issue(&shop).comments.len(), 2, "{end}");
        shop.settled();
    }
}

#[test]
fn an_issue_in_the_place_of_one_that_is_gone_is_not_opened_twice_where_its_answer_is_lost() {
    for end in ENDS {
        let (mut shop, a1) = failed();
        ends(&shop, &the_issue(&shop), end);
        shop.repo.rerun(shop.deploy_run(), "dev");
        shop.later(60).deploy_ends(&a1, "failure");
        shop.github.lose_the_answer_to("issues/create");
        assert!(shop.try_pass().is_err(), "it is told");
        shop.crash().later(10).good_pass().later(60).good_pass().later(60).good_pass();
        assert_eq!(the_issue(&shop).comments.len(), 0, "{end}");
        shop.settled();
    }
}

/// An outage also answers with 404. What the list of issues shows exists.
#[test]
fn one_404_for_its_comments_makes_no_issue_gone() {
    let (mut shop, a1) = failed();
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "failure");
    shop.github.fail(FaultOn::operation("issues/list-comments"), Fault::Status(404));
    assert!(shop.try_pass().is_err(), "it is told");
    shop.later(60).good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 1, "said on the issue that there is");
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "success");
    shop.github.fail(FaultOn::operation("issues/list-comments"), Fault::Status(404));
    assert!(shop.try_pass().is_err(), "it is told");
    shop.later(60).good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 2, "and the recovery, too");
    shop.settled();
}

#[test]
fn a_failure_after_a_recovery_that_could_not_be_said_opens_another() {
    let (mut shop, a1) = failed();
    ends(&shop, &the_issue(&shop), "deleted");
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "success").good_pass();
    assert_eq!(shop.repo.issues().len(), 0);
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "failure").good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 0);
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "success").good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 1, "the recovery is said there");
    shop.settled();
}

#[test]
fn a_rename_at_any_moment_of_the_pass_takes_no_issue_for_gone() {
    for nth in 1.. {
        let (mut shop, _) = failed();
        let a2 = shop.verified(&["src/cart.rs"]);
        shop.good_pass().deploy_ends(&a2, "success");
        let repo = shop.repo.clone();
        let renaming = shop.meanwhile(FaultOn::any().nth(nth), move || repo.rename("acme/store"));
        shop.pass();
        if !shop.happened(&renaming) {
            break;
        }
        shop.later(60).good_pass().minutes_later(11).good_pass();
        assert_eq!(the_issue(&shop).comments.len(), 1, "at request {nth}: the recovery is said");
        shop.settled();
    }
}

#[test]
fn issues_that_are_switched_off_are_not_taken_for_gone() {
    let (mut shop, _) = failed();
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    // The repository was read a moment ago, so only this answer shows that issues are disabled.
    shop.repo.set_has_issues(false);
    shop.deploy_ends(&a2, "success").good_pass();
    assert_eq!(shop.metric("release_governor_issues_unavailable"), 1.0);
    shop.repo.set_has_issues(true);
    shop.minutes_later(11).good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 1, "the recovery is said once it can be");
    shop.settled();
}
