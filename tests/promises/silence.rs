//! Nothing stays silent: a repository with nothing to judge reports that, with the reason.

use ghbox::story::VERIFY;
use ghbox::{NewCommit, StartRun};
use release_governor::messages;

use crate::story::Story;

/// What is reported about the repository after a successful pass.
fn told(shop: &mut Story) -> String {
    shop.good_pass();
    let trouble = shop.trouble();
    let is_said = shop.metric("release_governor_no_candidate");
    assert!((is_said > 0.0) == trouble.is_some(), "{is_said} {trouble:?}");
    trouble.unwrap_or_else(|| "nothing".to_owned())
}

#[test]
fn a_branch_that_does_not_exist_is_named() {
    let mut shop = Story::repository("acme/shop").policy("branch", "trunk");
    let a0 = shop.in_production();
    insta::assert_snapshot!(told(&mut shop), @"the branch `trunk` does not exist: push it, or correct `branch`");

    shop.repo.force_push("trunk", &a0, "dev");
    let run = shop.repo.start_run(VERIFY, StartRun::push("trunk", &a0));
    shop.repo.finish_run(run, "success");
    shop.later(660);
    insta::assert_snapshot!(told(&mut shop), @"nothing");
}

#[test]
fn a_repository_in_which_no_run_counts_names_the_run_that_came_nearest() {
    let mut shop = Story::repository("acme/shop");
    let a1 = shop.pushed(&["src/cart.rs"]);
    insta::assert_snapshot!(told(&mut shop), @"no run of `Verify main` counts as a verification on the default branch: start one, or correct verification_workflow_name, verification_events or branch");

    let run = shop.repo.start_run(VERIFY, StartRun::of("pull_request", "feature", &a1));
    shop.repo.finish_run(run, "success");
    shop.passes(10, 60);
    insta::assert_snapshot!(told(&mut shop), @"no run of `Verify main` counts as a verification: run 17000000001 succeeded, but its event does not count: add `pull_request` to verification_events");

    let run = shop.repo.start_run(VERIFY, StartRun::push("main", &a1));
    insta::assert_snapshot!(told(&mut shop), @"no verification has finished yet: run 17000000002 is the first, and still running");
    shop.repo.finish_run(run, "success");
    shop.later(60);
    insta::assert_snapshot!(told(&mut shop), @"nothing");
}

#[test]
fn a_verified_commit_that_the_branch_does_not_contain_is_named_by_its_run() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.pushed(&["src/till.rs"]);
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.repo.force_push("main", &a0, "dev");
    insta::assert_snapshot!(told(&mut shop), @"verification run 17000000001 is of a commit that the default branch does not contain");
    assert_eq!(shop.dispatches_of(&a1), 0);
}

#[test]
fn a_queued_commit_that_never_comes_is_named_by_its_run_once_the_queue_rests() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    shop.good_pass();
    let queue = "gh-readonly-queue/main/pr-1-abc";
    shop.repo.force_push(queue, &a0, "dev");
    let q1 = shop.repo.push(NewCommit::on(queue).file("src/cart.rs", "queued"));
    let run = shop.repo.start_run(VERIFY, StartRun::of("merge_group", queue, &q1));
    shop.repo.finish_run(run, "success");
    shop.passes(30, 60);
    insta::assert_snapshot!(told(&mut shop), @"nothing");
    shop.passes(40, 60);
    insta::assert_snapshot!(told(&mut shop), @"run 17000000003 passed in the queue; its commit never came to the default branch");
    shop.settled_within(5);
}

#[test]
fn a_search_that_ended_at_its_limit_is_said() {
    let mut shop = Story::repository("acme/shop");
    let a1 = shop.verified(&["src/cart.rs"]);
    for number in 0..650 {
        shop.repo.push(NewCommit::on("main").file("src/till.rs", &number.to_string()));
    }
    insta::assert_snapshot!(told(&mut shop), @"run 17000000001 passed, and its commit was not found among the newest 600 commits of the default branch, where the search ended: verify a newer commit");
    shop.passes(3, 60).settled();
    assert_eq!(shop.dispatches_of(&a1), 0);
}

#[test]
fn a_hint_names_the_run_that_succeeded_and_why_it_does_not_count() {
    let mut shop = Story::repository("acme/shop").policy("verification_events", "[push]");
    shop.in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let hint = |shop: &mut Story| {
        let decision = shop.simulates(&a1).unwrap();
        messages::hints(&decision, &"acme/shop".parse().unwrap()).join("\n")
    };
    insta::assert_snapshot!(hint(&mut shop), @"start a verification run for this commit");
    let run = shop.repo.start_run(VERIFY, StartRun::of("schedule", "main", &a1));
    shop.repo.finish_run(run, "success");
    insta::assert_snapshot!(hint(&mut shop), @"run 17000000003 succeeded, but its event does not count: add `schedule` to verification_events");
}
