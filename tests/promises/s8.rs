//! S8: a settled repository gets no writes, and a settled pass costs next to nothing.

use ghbox::{Fault, FaultOn, StartRun, story as stage};
use release_governor::domain::OperatorAction;

use crate::story::Story;

/// A repository whose candidate shipped.
fn shipped() -> Story {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    shop
}

/// A repository whose candidate is held as HIGH.
fn held() -> Story {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.verified(&["infra/dns.tf"]);
    shop.good_pass();
    shop
}

/// The requests of the next pass, each as `304 GET path`, without the repository.
fn asked(shop: &mut Story) -> Vec<String> {
    drop(shop.requests());
    shop.good_pass();
    let told = shop.requests().into_iter().map(|one| {
        let path = one.path.replace("/repos/acme/shop/", "");
        format!("{} {} {path}", one.response_status, one.method)
    });
    told.collect()
}

/// Asserts that sixty passes, a minute apart, write nothing and get only 304s.
fn settled_for_an_hour(shop: &mut Story) {
    shop.good_pass().later(60).good_pass().later(60);
    // The first reads of slow-changing facts and of the unfiltered list are done.
    shop.passes(12, 60);
    drop(shop.requests());
    for minute in 0..60 {
        shop.good_pass().later(60);
        let requests = shop.requests();
        let charged: Vec<String> = requests
            .iter()
            .filter(|one| one.response_status != 304)
            .map(|one| format!("{} {} → {}", one.method, one.path, one.response_status))
            .collect();
        assert!(charged.is_empty(), "minute {minute}: {charged:#?}");
    }
}

#[test]
fn a_shipped_repository_costs_three_requests() {
    let mut shop = shipped();
    shop.settled();
    let requests = asked(shop.later(30));
    insta::assert_snapshot!(tamed(&shop, &requests), @r"
    304 GET actions/workflows/DEPLOY/runs?per_page=100
    304 GET actions/workflows/VERIFY/runs?per_page=100&branch=main
    304 GET commits/TIP/statuses?per_page=100
    ");
    settled_for_an_hour(&mut shop);
}

/// Replaces ids and shas, which differ from story to story.
fn tamed(shop: &Story, requests: &[String]) -> String {
    let deploy = shop.repo.workflow_id(stage::DEPLOY).to_string();
    let verify = shop.repo.workflow_id(stage::VERIFY).to_string();
    let tip = shop.repo.tip("main");
    let text = requests.join("\n").replace(&deploy, "DEPLOY").replace(&verify, "VERIFY");
    text.replace(&tip, "TIP")
}

#[test]
fn a_high_hold_costs_three_requests() {
    let mut shop = held();
    shop.settled();
    settled_for_an_hour(&mut shop);
}

#[test]
fn a_head_costs_one_more() {
    let mut shop = shipped();
    let a2 = shop.pushed(&["src/cart.rs"]);
    shop.repo.verify(&a2, "failure");
    shop.later(60).good_pass().settled_within(4);
    settled_for_an_hour(&mut shop);
}

#[test]
fn a_merge_queue_costs_one_more() {
    let mut shop = shipped();
    let base = shop.repo.tip("main");
    let queue = "gh-readonly-queue/main/pr-1";
    shop.repo.force_push(queue, &base, "dev");
    let a2 = shop.repo.push(ghbox::NewCommit::on(queue).file("src/cart.rs", "from the queue"));
    let run = shop.repo.start_run(stage::VERIFY, StartRun::of("merge_group", queue, &a2));
    shop.repo.finish_run(run, "success");
    // It is not on the branch yet, and a list filtered by branch does not show it.
    shop.minutes_later(11).passes(11, 60);
    shop.repo.force_push("main", &a2, "dev");
    shop.later(60).passes(10, 60);
    assert_eq!(shop.dispatches_of(&a2), 1);
    shop.deploy_ends(&a2, "success").good_pass().settled_within(4);
    settled_for_an_hour(&mut shop);
}

#[test]
fn a_verified_queue_commit_that_is_not_on_the_branch_yet_costs_the_branch_too() {
    let mut shop = shipped();
    let base = shop.repo.tip("main");
    let queue = "gh-readonly-queue/main/pr-1";
    shop.repo.force_push(queue, &base, "dev");
    let a2 = shop.repo.push(ghbox::NewCommit::on(queue).file("src/cart.rs", "from the queue"));
    let run = shop.repo.start_run(stage::VERIFY, StartRun::of("merge_group", queue, &a2));
    shop.repo.finish_run(run, "success");
    shop.passes(11, 60);
    shop.settled_within(5);
    shop.repo.force_push("main", &a2, "dev");
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1, "in the very next pass");
}

#[test]
fn a_pause_costs_nothing_more() {
    let mut shop = shipped();
    let why = "incident 42".to_owned();
    shop.operator_says(OperatorAction::Paused { why, by: Story::operator() });
    shop.verified(&["src/cart.rs"]);
    shop.good_pass().settled();
    settled_for_an_hour(&mut shop);
}

#[test]
fn a_failed_deploy_costs_nothing_more() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass().settled();
    settled_for_an_hour(&mut shop);
}

#[test]
fn a_repository_without_any_verified_commit_costs_nothing_more() {
    let mut shop = Story::repository("acme/shop");
    shop.good_pass().settled();
    settled_for_an_hour(&mut shop);
}

#[test]
fn a_rollback_costs_nothing_more() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    shop.repo.deploy(&a0, "dev", "success");
    shop.later(60);
    shop.verified(&["src/cart.rs"]);
    assert_eq!(shop.decides(), "HOLD LOW rolled_back");
    shop.settled();
    settled_for_an_hour(&mut shop);
}

#[test]
fn a_hold_that_rests_on_the_deploy_file_at_the_tip_reads_the_branch_too() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.verified(&["src/cart.rs"]);
    shop.edit_the_deploy_file();
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    shop.settled_within(4);
    settled_for_an_hour(&mut shop);
}

#[test]
fn a_missing_deploy_workflow_is_looked_for_in_every_pass() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    shop.repo.set_workflow_state(stage::DEPLOY, "disabled_manually");
    let a1 = shop.minutes_later(11).verified(&["src/cart.rs"]);
    assert_eq!(shop.decides(), "HOLD LOW deploy_not_configured");
    shop.settled_within(7);
    shop.repo.set_workflow_state(stage::DEPLOY, "active");
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1, "in the very next pass");
}

#[test]
fn a_rejected_dispatch_looks_at_what_it_rests_on() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let refused = shop.github.fail(
        FaultOn::operation("create-workflow-dispatch").always(),
        Fault::Refuse { status: 422, message: "No".into() },
    );
    shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.decides(), "HOLD LOW dispatch_rejected");
    shop.settled_within(7);
    shop.github.mend(refused);
    drop(shop.requests());
    shop.passes(20, 60);
    assert_eq!(shop.writes(), 0);
}

#[test]
fn more_than_three_hundred_files_cost_nothing_once_they_are_read() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let commit = (0..320).fold(ghbox::NewCommit::on("main"), |commit, number| {
        commit.file(&format!("infra/{number}.tf"), "new\n")
    });
    shop.verified_commit(commit);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    shop.settled();
    settled_for_an_hour(&mut shop);
}

#[test]
fn commits_below_a_held_one_cost_nothing_once_they_are_judged() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    for number in 0..12 {
        shop.verified(&[format!("infra/{number}.tf").as_str()]);
    }
    shop.good_pass().settled();
    settled_for_an_hour(&mut shop);
}

#[test]
fn the_very_first_pass_after_a_restart_is_a_settled_one() {
    for mut shop in [shipped(), held()] {
        shop.settled();
        for end in ["restart", "crash"] {
            if end == "crash" {
                shop.crash()
            } else {
                shop.restart()
            };
            let requests = asked(shop.later(30));
            assert!(requests.iter().all(|one| one.starts_with("304")), "{end}: {requests:#?}");
            // A start compares the ledger with GitHub, which adds the newest deploy's statuses.
            assert!(requests.len() <= 4, "{end}: {requests:#?}");
        }
    }
}

#[test]
fn what_changes_seldom_comes_on_top_every_ten_minutes() {
    let mut shop = shipped();
    shop.settled();
    let mut on_top = Vec::new();
    for minute in 0..40 {
        let requests = asked(shop.later(60));
        if requests.len() > 4 {
            on_top.push(minute);
        }
        assert!(requests.iter().all(|one| one.starts_with("304 GET")), "{requests:#?}");
        assert!(requests.len() <= 13, "{requests:#?}");
    }
    assert_eq!(on_top.len(), 4, "{on_top:?}");
}

#[test]
fn every_tenth_pass_reads_the_unfiltered_list() {
    let mut shop = shipped();
    shop.settled();
    let verify = shop.repo.workflow_id(stage::VERIFY);
    let unfiltered = |requests: &[String]| {
        let whole = format!("actions/workflows/{verify}/runs?per_page=100");
        requests.iter().any(|one| one.ends_with(&whole))
    };
    let passes = (0..40).filter(|_| {
        let requests = asked(shop.later(10));
        unfiltered(&requests)
    });
    assert_eq!(passes.count(), 4);
}

#[test]
fn a_verification_run_that_the_index_misses_is_seen_by_the_tenth_pass() {
    let mut shop = shipped();
    shop.settled();
    let a2 = shop.pushed(&["src/cart.rs"]);
    let run = shop.repo.verify(&a2, "success");
    shop.repo.index_misses(run, true);
    shop.passes(11, 60);
    assert_eq!(shop.dispatches_of(&a2), 1);
}

#[test]
fn pull_requests_and_their_runs_cost_nothing() {
    let mut shop = shipped();
    shop.settled();
    for number in 0..5 {
        let branch = format!("feature-{number}");
        let commit = ghbox::NewCommit::on(&branch).file("src/new.rs", &branch);
        let sha = shop.repo.push(commit);
        let run = shop.repo.start_run(stage::VERIFY, StartRun::of("pull_request", &branch, &sha));
        shop.repo.finish_run(run, "success");
    }
    shop.later(60).good_pass().settled();
}

#[test]
fn a_held_range_of_more_than_a_megabyte_of_names_costs_three_requests_too() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let long = "x".repeat(250);
    let path = |number: usize| format!("infra/{long}/{long}/{long}/{long}/{long}/{number}.tf");
    let paths: Vec<String> = (0..1_000).map(path).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    shop.verified(&paths);
    shop.good_pass();
    shop.settled();
    shop.good_pass().later(60).good_pass().later(60);
    shop.passes(12, 60);
    drop(shop.requests());
    for minute in 0..10 {
        shop.good_pass().later(60);
        let requests = shop.requests();
        let charged = requests.iter().filter(|one| one.response_status != 304).count();
        assert_eq!(charged, 0, "minute {minute}");
    }
}
