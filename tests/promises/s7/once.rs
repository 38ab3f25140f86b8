//! Never twice: lost answers, crashes, a lost state directory, look-alikes, disabled issues.

use ghbox::{Fault, FaultOn, story as stage};

use super::{deploying, failed, the_issue};
use crate::story::{CONTEXT, Story};

#[test]
fn an_issue_whose_answer_was_lost_is_not_opened_twice() {
    for restarts in [false, true] {
        let (mut shop, a1) = deploying();
        shop.github.lose_the_answer_to("issues/create");
        shop.deploy_ends(&a1, "failure");
        assert!(shop.try_pass().is_err(), "it is told");
        if restarts {
            shop.crash();
        }
        shop.later(10).good_pass().later(60).good_pass().later(60).good_pass();
        the_issue(&shop);
        shop.settled();
    }
}

#[test]
fn an_issue_that_github_never_got_is_opened_after_all() {
    for fault in [Fault::LoseRequest, Fault::Status(502), Fault::RefuseConnection] {
        let (mut shop, a1) = deploying();
        shop.github.fail(FaultOn::operation("issues/create"), fault.clone());
        shop.deploy_ends(&a1, "failure").pass();
        assert_eq!(shop.repo.issues().len(), 0, "{fault:?}");
        shop.later(70).good_pass();
        the_issue(&shop);
        shop.settled();
    }
}

#[test]
fn a_comment_whose_answer_was_lost_is_not_written_twice() {
    for restarts in [false, true] {
        let (mut shop, a1) = failed();
        shop.repo.rerun(shop.deploy_run(), "dev");
        shop.later(60).deploy_ends(&a1, "failure");
        shop.github.lose_the_answer_to("issues/create-comment");
        assert!(shop.try_pass().is_err(), "it is told");
        if restarts {
            shop.crash();
        }
        shop.later(10).good_pass().later(60).good_pass().later(60).good_pass();
        assert_eq!(the_issue(&shop).comments.len(), 1);
        shop.settled();
    }
}

#[test]
fn a_recovery_whose_answer_was_lost_is_not_said_twice() {
    let (mut shop, _) = failed();
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a2, "success");
    shop.github.lose_the_answer_to("issues/create-comment");
    shop.pass().crash().later(10).good_pass().later(60).good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 1);
    shop.settled();
}

#[test]
fn a_crash_at_any_moment_makes_no_second_issue() {
    for changes in 0..40 {
        let (mut shop, a1) = deploying();
        shop.deploy_ends(&a1, "failure");
        shop.stop_the_disk_after(changes);
        shop.pass().crash().later(10).pass().later(61).pass().later(61).good_pass();
        assert_eq!(the_issue(&shop).comments.len(), 0, "after {changes} changes");
        shop.settled();
    }
}

#[test]
fn a_lost_state_directory_makes_no_second_issue_and_no_second_comment() {
    let (mut shop, a1) = failed();
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "failure").good_pass();
    for _ in 0..2 {
        shop.lose_the_disk().later(60).good_pass().later(61).good_pass();
        let issue = the_issue(&shop);
        assert_eq!(issue.comments.len(), 1);
        shop.settled();
    }
}

#[test]
fn a_state_directory_that_was_lost_with_the_answer_makes_no_second_issue() {
    let (mut shop, a1) = deploying();
    shop.github.lose_the_answer_to("issues/create");
    shop.deploy_ends(&a1, "failure").pass();
    shop.lose_the_disk().later(10).good_pass().later(70).good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 0);
    shop.settled();
}

#[test]
fn an_issue_is_found_whatever_its_state_labels_and_title() {
    let (mut shop, a1) = failed();
    let issue = the_issue(&shop);
    for label in ["deploy-failure", "severity:high", "deploy:failed"] {
        shop.repo.remove_label(issue.number, label, "dev");
    }
    shop.repo.close_issue(issue.number, "dev");
    shop.lose_the_disk().later(60).good_pass();
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "failure").good_pass();
    let issue = the_issue(&shop);
    assert_eq!((issue.open, issue.comments.len()), (true, 1));
    shop.settled();
}

#[test]
fn someone_elses_look_alike_is_ignored() {
    let (mut shop, a1) = deploying();
    let run = shop.deploy_run();
    let marker = format!(
        "<!-- release-governor {{\"repository\":\"acme/shop\",\"sha\":\"{a1}\",\"run\":{run},\
         \"run_attempt\":1,\"status_context\":\"{CONTEXT}\",\"recovered\":false}} -->"
    );
    let title = format!("Deploy failure: {}", &a1[..7]);
    shop.repo.open_issue(&title, &marker, &["deploy-failure"], "dev");
    shop.deploy_ends(&a1, "failure").good_pass();
    let ours = |shop: &Story| {
        let issues = shop.repo.issues();
        issues.into_iter().filter(|issue| issue.author == stage::GOVERNOR).count()
    };
    assert_eq!((shop.repo.issues().len(), ours(&shop)), (2, 1));
    assert_eq!(shop.repo.issues()[0].comments.len(), 0);
    shop.settled();
    shop.lose_the_disk().good_pass();
    assert_eq!((shop.repo.issues().len(), ours(&shop)), (2, 1));
}

#[test]
fn someone_elses_look_alike_of_a_comment_is_ignored() {
    let (mut shop, a1) = failed();
    let issue = the_issue(&shop);
    let copied = issue.body.replace("\"run_attempt\":1", "\"run_attempt\":2");
    assert_ne!(copied, issue.body);
    shop.repo.comment(issue.number, &copied, "dev");
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "failure").good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 2);
    shop.settled();
}

#[test]
fn issues_that_are_switched_off_are_said_and_asked_for_no_more_than_now_and_then() {
    let (mut shop, a1) = deploying();
    shop.repo.set_has_issues(false);
    shop.minutes_later(11).good_pass();
    shop.deploy_ends(&a1, "failure").good_pass();
    assert_eq!(shop.metric("release_governor_issues_unavailable"), 1.0);
    drop(shop.requests());
    shop.passes(60, 60);
    let asked = shop.requests().iter().filter(|one| one.path.contains("/issues")).count();
    assert_eq!(asked, 0);
    shop.settled();
    shop.repo.set_has_issues(true);
    shop.minutes_later(11).good_pass().minutes_later(11).good_pass();
    the_issue(&shop);
    assert_eq!(shop.metric("release_governor_issues_unavailable"), 0.0);
}

#[test]
fn issues_that_are_gone_by_410_are_no_storm() {
    let (mut shop, a1) = deploying();
    // The repository was read a moment ago, so only this answer shows that issues are disabled.
    shop.repo.set_has_issues(false);
    shop.deploy_ends(&a1, "failure").good_pass();
    assert_eq!(shop.metric("release_governor_issues_unavailable"), 1.0);
    drop(shop.requests());
    shop.passes(60, 60);
    let asked = shop.requests().iter().filter(|one| one.path.contains("/issues")).count();
    assert!(asked <= 7, "{asked}");
}

#[test]
fn a_locked_issue_rests_and_keeps_no_other_from_being_written() {
    let (mut shop, a1) = failed();
    let number = the_issue(&shop).number;
    let locked = shop.github.fail(
        FaultOn::path(&format!("/repos/acme/shop/issues/{number}/comments"))
            .method(http::Method::POST)
            .always(),
        Fault::Refuse {
            status: 403,
            message: "Unable to create comment because issue is locked.".into(),
        },
    );
    let again = shop.repo.deploy(&a1, "dev", "failure");
    shop.good_pass();
    assert_eq!(shop.metric("release_governor_issues_unavailable"), 0.0);
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a2, "failure").good_pass();
    let of_a2 = shop.repo.issues().into_iter().filter(|issue| issue.title.contains(&a2[..7]));
    assert_eq!(of_a2.count(), 1, "the other commit's failure is told");
    drop(shop.requests());
    shop.passes(120, 60);
    let writes = shop.writes();
    assert!((2..=5).contains(&writes), "{writes} in two hours");
    shop.github.mend(locked);
    shop.minutes_later(24 * 60).good_pass();
    let comments = shop.repo.issue(number).comments;
    assert!(comments.iter().any(|one| one.body.contains(&again.to_string())), "{comments:?}");
    shop.settled();
}

#[test]
fn an_issue_that_github_refuses_is_no_storm_and_is_opened_once_it_may() {
    let (mut shop, a1) = deploying();
    let refused = shop.github.fail(
        FaultOn::operation("issues/create").always(),
        Fault::Refuse { status: 403, message: "Resource not accessible".into() },
    );
    shop.deploy_ends(&a1, "failure").good_pass();
    assert_eq!(shop.metric("release_governor_issues_unavailable"), 1.0);
    drop(shop.requests());
    shop.passes(60, 60);
    let writes = shop.writes();
    assert!((4..=7).contains(&writes), "{writes}");
    shop.github.mend(refused);
    shop.minutes_later(11).good_pass();
    the_issue(&shop);
    shop.settled();
}

#[test]
fn a_first_issue_whose_answer_was_lost_is_found_by_a_governor_that_does_not_know_its_own_name() {
    let mut shop = Story::repository("acme/shop");
    let a1 = shop.pushed(&["src/cart.rs"]);
    shop.good_pass();
    shop.deployed_by_hand(&a1, "failure");
    shop.github.lose_the_answer_to("issues/create");
    shop.pass();
    shop.restart().passes(3, 60).minutes_later(11).passes(2, 60);
    assert_eq!(shop.repo.issues().len(), 1);
}
