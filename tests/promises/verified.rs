//! What counts as verified, whatever was read before, however busy or odd the branch is.

use ghbox::story::{VERIFY, verify_file};
use ghbox::{Fault, FaultOn, NewCommit, StartRun};
use jiff::{SignedDuration, Timestamp};

use crate::story::Story;

const HIGH: &[&str] = &["infra/dns.tf"];

/// A verified commit that is held for its risk and was seen by a governor.
fn held() -> (Story, String) {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(HIGH);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    (shop, a1)
}

#[test]
fn a_commit_that_was_verified_by_an_event_that_counts_no_more_does_not_ship() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.pushed(HIGH);
    let run = shop.repo.start_run(VERIFY, StartRun::of("schedule", "main", &a1));
    shop.repo.finish_run(run, "success");
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    shop.change_policy("verification_events", "[push]").approve(&a1);
    shop.passes(3, 60);
    assert_eq!(shop.dispatches_of(&a1), 0);

    // It used to count, and does again.
    shop.change_policy("verification_events", "[push, schedule]").passes(2, 60);
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_commit_that_another_workflow_verified_does_not_ship_once_that_is_not_the_configured_one() {
    let (mut shop, a1) = held();
    let other = verify_file().yaml().replace("Verify main", "End to end");
    shop.repo.push(NewCommit::on("main").file(".github/workflows/e2e.yml", &other));
    shop.change_policy("verification_workflow_name", "e2e.yml").approve(&a1);
    shop.passes(3, 60);
    assert_eq!(shop.dispatches_of(&a1), 0);
}

#[test]
fn a_commit_that_was_verified_on_another_branch_does_not_ship_from_this_one() {
    let (mut shop, a1) = held();
    shop.repo.force_push("release", &a1, "dev");
    shop.change_policy("branch", "release").approve(&a1);
    shop.passes(3, 60);
    assert_eq!(shop.dispatches_of(&a1), 0);
    let run = shop.repo.start_run(VERIFY, StartRun::push("release", &a1));
    shop.repo.finish_run(run, "success");
    shop.passes(2, 60);
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_commit_does_not_ship_by_the_runs_of_a_file_whose_name_another_file_has_taken() {
    let (mut shop, a1) = held();
    let renamed = verify_file().yaml().replace("Verify main", "Verify main (old)");
    shop.repo.push(
        NewCommit::on("main")
            .file(".github/workflows/verify.yml", &renamed)
            .file(".github/workflows/verify2.yml", &verify_file().yaml()),
    );
    // Slow-changing facts are read every ten minutes.
    shop.passes(12, 60).approve(&a1).passes(3, 60);
    assert_eq!(shop.dispatches_of(&a1), 0);
}

/// Successful scheduled runs of the branch, on a commit that is in production anyway.
fn busy(shop: &mut Story, sha: &str, runs: usize) {
    scheduled(shop, sha, runs, "success");
}

fn scheduled(shop: &mut Story, sha: &str, runs: usize, conclusion: &str) {
    for _ in 0..runs {
        let run = shop.repo.start_run(VERIFY, StartRun::of("schedule", "main", sha));
        shop.repo.finish_run(run, conclusion);
    }
}

fn starts_verification(shop: &mut Story, sha: &str) -> u64 {
    let run = shop.repo.start_run(VERIFY, StartRun::push("main", sha));
    shop.later(1);
    run
}

#[test]
fn a_run_that_goes_on_while_hundreds_of_younger_ones_begin_is_seen_when_it_ends() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let run = starts_verification(&mut shop, &a1);
    shop.good_pass();
    for _ in 0..6 {
        busy(&mut shop, &a0, 90);
        shop.later(60).good_pass();
    }
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.repo.finish_run(run, "success");
    shop.later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_governor_that_knows_nothing_yet_finds_a_run_that_hundreds_of_younger_ones_hide() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let run = starts_verification(&mut shop, &a1);
    busy(&mut shop, &a0, 120);
    shop.later(60).good_pass();
    shop.repo.finish_run(run, "success");
    shop.later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn each_of_many_unfinished_runs_that_left_the_page_is_asked_for_in_its_turn() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let begun: Vec<(String, u64)> = (0..12)
        .map(|number| {
            let sha = shop.pushed(&[&format!("src/{number}.rs")]);
            let run = starts_verification(&mut shop, &sha);
            (sha, run)
        })
        .collect();
    shop.good_pass();
    busy(&mut shop, &a0, 100);
    shop.later(60).good_pass();
    for (sha, run) in [&begun[2], &begun[9]] {
        shop.repo.finish_run(*run, "success");
        shop.passes(3, 60);
        assert_eq!(shop.dispatches_of(sha), 1);
        shop.deploy_ends(sha, "success");
    }
}

#[test]
fn a_run_that_began_and_left_the_page_between_two_passes_is_seen_in_the_second() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    busy(&mut shop, &a0, 3);
    shop.passes(2, 60);
    let a1 = shop.verified(&["src/cart.rs"]);
    busy(&mut shop, &a0, 250);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_first_run_that_left_the_page_before_the_second_pass_is_seen() {
    let mut shop = Story::repository("acme/shop");
    let a1 = shop.pushed(&["src/cart.rs"]);
    shop.good_pass();
    shop.repo.verify(&a1, "success");
    let a2 = shop.pushed(&["src/till.rs"]);
    scheduled(&mut shop, &a2, 105, "cancelled");
    shop.later(5).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

/// A commit in the merge queue, and its run.
fn queued(shop: &mut Story, number: u32, on: &str) -> (String, u64) {
    let queue = format!("gh-readonly-queue/main/pr-{number}-abc");
    shop.repo.force_push(&queue, on, "dev");
    let path = format!("src/queued-{number}.rs");
    let sha = shop.repo.push(NewCommit::on(&queue).file(&path, "queued"));
    let run = shop.repo.start_run(VERIFY, StartRun::of("merge_group", &queue, &sha));
    shop.later(5);
    (sha, run)
}

/// Asserts that for some minutes every pass reads the branch.
fn asks_for_the_branch(shop: &mut Story, minutes: usize) {
    for minute in 0..minutes {
        drop(shop.requests());
        shop.good_pass().later(60);
        assert!(shop.asked("get-branch") > 0, "minute {minute}");
    }
}

#[test]
fn a_commit_whose_queue_run_took_two_hours_ships_in_the_pass_after_the_branch_reached_it() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    shop.good_pass();
    let (q1, run) = queued(&mut shop, 1, &a0);
    shop.passes(120, 60);
    shop.repo.finish_run(run, "success");
    asks_for_the_branch(&mut shop, 15);
    shop.repo.force_push("main", &q1, "dev");
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&q1), 1);
}

#[test]
fn a_commit_that_passed_is_awaited_while_the_queue_works_on_the_one_before_it() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    shop.good_pass();
    let (q1, first) = queued(&mut shop, 1, &a0);
    let (q2, second) = queued(&mut shop, 2, &q1);
    shop.repo.finish_run(second, "success");
    shop.passes(100, 60);
    asks_for_the_branch(&mut shop, 12);
    shop.repo.finish_run(first, "success");
    shop.repo.force_push("main", &q2, "dev");
    shop.good_pass();
    assert_eq!(shop.dispatched(), [q2]);
}

/// A branch whose newest commit merges many others and is not verified yet. Returns the
/// verified commit below it.
fn below_a_great_merge(shop: &mut Story, commits: usize) -> String {
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.repo.force_push("feature", &a1, "dev");
    let a2 = shop.verified(&["src/till.rs"]);
    shop.later(60);
    for number in 0..commits {
        let path = format!("src/feature/{}.rs", number % 7);
        shop.repo.push(NewCommit::on("feature").file(&path, &number.to_string()));
    }
    shop.later(60);
    shop.repo.merge_branch("main", "feature", "dev");
    a2
}

#[test]
fn a_verified_commit_below_a_merge_that_fills_pages_is_the_candidate() {
    let mut shop = Story::repository("acme/shop");
    let a2 = below_a_great_merge(&mut shop, 600);
    shop.good_pass();
    assert_eq!(shop.dispatched(), [a2]);
}

#[test]
fn a_commit_keeps_its_place_when_a_great_merge_comes_upon_it() {
    let (mut shop, a1) = held();
    shop.repo.force_push("feature", &a1, "dev");
    shop.later(60);
    for number in 0..150 {
        shop.repo.push(NewCommit::on("feature").file("src/feature.rs", &number.to_string()));
    }
    shop.repo.push(NewCommit::on("main").file("src/other.rs", "other"));
    shop.repo.merge_branch("main", "feature", "dev");
    shop.later(700).good_pass();
    shop.approve(&a1).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

fn yesterday(shop: &Story) -> Timestamp {
    shop.time.wall() - SignedDuration::from_hours(24)
}

fn passes(shop: &mut Story, shas: &[&str]) {
    for sha in shas {
        let run = shop.repo.start_run(VERIFY, StartRun::push("main", sha));
        shop.repo.finish_run(run, "success");
        shop.later(5);
    }
}

#[test]
fn a_commit_that_was_merged_later_is_newer_though_it_is_dated_yesterday() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    shop.repo.force_push("side", &a0, "dev");
    let old = NewCommit::on("side").file("src/side.rs", "side").dated(yesterday(&shop));
    let side = shop.repo.push(old);
    let a1 = shop.pushed(&["src/cart.rs"]);
    shop.repo.merge_branch("main", "side", "dev");
    passes(&mut shop, &[&side, &a1]);
    shop.good_pass();
    assert_eq!(shop.dispatched(), [side]);
}

#[test]
fn a_commit_whose_clock_was_ahead_does_not_ship_in_the_place_of_one_that_came_later() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    shop.repo.force_push("side", &a0, "dev");
    let tomorrow = shop.time.wall() + SignedDuration::from_hours(24);
    let ahead = NewCommit::on("side").file("src/side.rs", "side").dated(tomorrow);
    let side = shop.repo.push(ahead);
    let a1 = shop.pushed(&["src/cart.rs"]);
    // The first-parent chain is that of the side branch: somebody pulled before pushing.
    let merge = shop.repo.merge_branch("side", "main", "dev");
    shop.repo.force_push("main", &merge, "dev");
    passes(&mut shop, &[&a1, &side]);
    shop.good_pass();
    assert_eq!(shop.dispatched(), [a1]);
}

#[test]
fn a_commit_that_contains_another_is_newer_though_the_list_shows_it_later() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let inner = shop.pushed(&["src/cart.rs"]);
    shop.repo.force_push("side", &inner, "dev");
    let old = NewCommit::on("side").file("src/side.rs", "side").dated(yesterday(&shop));
    let outer = shop.repo.push(old);
    shop.repo.merge_branch("main", "side", "dev");
    passes(&mut shop, &[&outer, &inner]);
    shop.good_pass();
    assert_eq!(shop.dispatched(), [outer]);
}

#[test]
fn a_list_that_is_empty_though_it_counts_some_is_not_taken_for_no_runs() {
    for operation in ["list-workflow-runs", "list-repo-workflows"] {
        let mut shop = Story::repository("acme/shop");
        shop.in_production();
        let a1 = shop.verified(HIGH);
        let on = FaultOn::operation(operation).always();
        let fault = shop.github.fail(on, Fault::EmptyList);
        let told = shop.failed_pass();
        assert!(told.ends_with("but lists none. It will be retried"), "{told}");
        shop.passes(3, 60);
        assert_eq!(shop.dispatches_of(&a1), 0, "{operation}");
        shop.github.mend(fault);
        shop.later(60).good_pass();
        assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    }
}

#[test]
fn a_new_governor_finds_the_newest_verified_commit_below_a_page_of_an_older_ones_runs() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    busy(&mut shop, &a0, 101);
    shop.later(5).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn the_newest_verified_commit_is_found_anew_after_the_events_that_count_changed() {
    let mut shop =
        Story::repository("acme/shop").policy("verification_events", "[workflow_dispatch]");
    let a0 = shop.in_production();
    shop.repo.start_run(VERIFY, StartRun::of("workflow_dispatch", "main", &a0));
    let runs = shop.repo.runs();
    shop.repo.finish_run(runs.last().unwrap().id, "success");
    let a1 = shop.verified(&["src/cart.rs"]);
    scheduled(&mut shop, &a0, 101, "cancelled");
    shop.later(5).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.change_policy("verification_events", "[push, workflow_dispatch]").good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_run_that_the_index_missed_and_younger_ones_pushed_off_the_page_is_seen_in_ten_minutes() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.settled_in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let run = shop.repo.verify(&a1, "success");
    shop.repo.index_misses(run, true);
    busy(&mut shop, &a0, 105);
    shop.later(5).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.repo.index_misses(run, false);
    shop.minutes_later(11).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}
