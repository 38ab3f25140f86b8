//! Cases that random histories do not produce: lists filled by others, re-runs beyond them,
//! several names for the same thing.

use std::time::Duration;

use ghbox::{NewCommit, StartRun, WorkflowFile, story as stage};

use crate::story::Story;

#[test]
fn a_failed_run_that_only_a_status_of_a_twin_names_uses_its_attempt() {
    let mut shop = Story::repository("acme/shop");
    let file = WorkflowFile::new("Deploy").on_dispatch(&["sha"]);
    shop.repo.push(NewCommit::on("main").file(".github/workflows/deploy.yml", &file.yaml()));
    let twin = shop.second_governor();
    shop.good_pass();
    shop.pass_of(&twin).unwrap();
    shop.later(5);
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.deploy_ends(&a1, "failure").good_pass();
    shop.later(30);
    let _ = shop.pass_of(&twin);
    shop.later(60);
    let _ = shop.pass_of(&twin);
    assert_eq!(shop.dispatches_of(&a1), 1, "{:?}", shop.said(&a1));
}

#[test]
fn a_re_run_of_any_verification_of_a_commit_is_seen_before_it_ships() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.pushed(&["db/migrations/7.sql"]);
    let first = shop.verified_again(&a1, "success");
    shop.good_pass();
    shop.verified_again(&a1, "success");
    shop.good_pass();
    for _ in 0..110 {
        shop.repo.verify(&a0, "success");
    }
    shop.later(60).good_pass();
    shop.repo.rerun(first, "dev");
    shop.later(60);
    shop.repo.finish_run(first, "failure");
    shop.later(60).good_pass().minutes_later(15).good_pass();
    shop.approve(&a1).good_pass().later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0, "{}", shop.said(&a1));
}

/// A commit in production, a verified one whose run is hidden behind a page of newer runs, and
/// a newer verified one; nothing was read yet. Returns the hidden one and the newer one.
fn hidden_behind_a_page() -> (Story, String, String) {
    let mut shop = Story::repository("acme/shop").policy("paused", "incident");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    for _ in 0..100 {
        shop.repo.verify(&a0, "success");
    }
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    (shop, a1, a2)
}

#[test]
fn the_commit_before_a_candidate_that_fails_is_found_behind_a_page_of_younger_runs() {
    let (mut shop, a1, a2) = hidden_behind_a_page();
    shop.verified_again(&a2, "failure");
    shop.change_policy("paused", "null").later(60).good_pass().later(60).good_pass();
    assert_eq!(shop.dispatched(), [a1]);
}

/// More runs than the scanned pages show, none of which deploys anything.
fn crowd(shop: &mut Story, sha: &str) {
    for _ in 0..1_005 {
        let run = shop.repo.start_run(stage::DEPLOY, StartRun::of("pull_request", "feature", sha));
        shop.repo.finish_run(run, "success");
    }
    shop.later(60).good_pass();
}

#[test]
fn a_rollback_by_a_re_run_behind_a_thousand_other_runs_is_seen() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.verified(&["src/lib.rs"]);
    let run0 = shop.deployed_by_hand(&a0, "success");
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    crowd(&mut shop, &a0);
    shop.repo.rerun(run0, "dev");
    shop.later(60);
    shop.repo.finish_run(run0, "success");
    shop.minutes_later(20).good_pass().minutes_later(20).good_pass();
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass().later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a2), 0, "{}", shop.said(&a2));
}

#[test]
fn a_re_run_of_a_failed_deploy_behind_a_thousand_other_runs_is_seen() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["infra/main.tf"]);
    let failed = shop.deployed_by_hand(&a1, "failure");
    shop.good_pass();
    crowd(&mut shop, &a1);
    shop.repo.rerun(failed, "dev");
    shop.later(60);
    shop.repo.finish_run(failed, "success");
    shop.minutes_later(20).good_pass();
    assert_eq!(shop.release().production().sha().unwrap().as_str(), a1);
}

#[test]
fn a_re_run_of_a_deploy_by_the_former_workflow_is_seen_before_a_first_deploy() {
    let mut shop = Story::repository("acme/shop");
    let file = WorkflowFile::new("Ship").run_name("Deploy ${{ inputs.sha }}");
    let text = file.on_dispatch(&["sha"]).yaml();
    shop.repo.push(NewCommit::on("main").file(".github/workflows/ship.yml", &text));
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    let run = shop.repo.dispatches().last().unwrap().run_id;
    shop.change_policy("deploy_workflow_name", "ship.yml").later(60);
    shop.repo.rerun(run, "dev");
    shop.repo.finish_run(run, "success");
    let a2 = shop.verified(&["src/till.rs"]);
    shop.later(60).good_pass();
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    assert_eq!(shop.dispatches_of(&a2), 0);
}

#[test]
fn a_mark_behind_a_hundred_statuses_of_others_is_seen_before_a_dispatch() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let twin = shop.second_governor();
    shop.good_pass();
    shop.pass_of(&twin).unwrap();
    shop.later(5);
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.repo.set_list_lag(Duration::from_secs(100));
    shop.github.lose_the_answer_to("create-workflow-dispatch");
    shop.pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    for number in 0..100 {
        shop.repo.set_status(&a1, &format!("ci/{number}"), "success", "fine", "dev");
    }
    shop.later(20);
    let _ = shop.pass_of(&twin);
    assert_eq!(shop.dispatches_of(&a1), 1, "{}", shop.said(&a1));
}

#[test]
fn a_workflow_that_is_called_by_the_repositorys_own_name_counts_for_the_risk() {
    let mut shop = Story::repository("acme/shop");
    let deploy = "name: Deploy\nrun-name: Deploy ${{ inputs.sha }}\non:\n  workflow_dispatch:\n    \
                  inputs:\n      sha: {required: true}\njobs:\n  ship:\n    uses: \
                  acme/shop/.github/workflows/ship.yml@main\n";
    let ship = |what: &str| {
        format!(
            "name: Ship\non: workflow_call\njobs: {{a: {{runs-on: x, steps: [{{run: {what}}}]}}}}\n"
        )
    };
    shop.repo.push(
        NewCommit::on("main")
            .file(".github/workflows/deploy.yml", deploy)
            .file(".github/workflows/ship.yml", &ship("one")),
    );
    shop.in_production();
    shop.good_pass();
    let a1 = shop.verified(&["src/cart.rs"]);
    let a2 =
        shop.repo.push(NewCommit::on("main").file(".github/workflows/ship.yml", &ship("evil")));
    shop.repo.verify(&a2, "success");
    shop.later(5).good_pass().later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0, "it would run the unapproved ship.yml");
}

/// Only the status context changes.
fn a_new_context_bears_a_status_of(shop: &mut Story, sha: &str) {
    shop.change_policy("status_context", "ci/governor").good_pass().later(60).good_pass();
    let contexts: Vec<String> =
        shop.repo.statuses(sha).into_iter().map(|status| status.context).collect();
    assert!(contexts.iter().any(|context| context == "ci/governor"), "{contexts:?}");
}

#[test]
fn a_new_status_context_bears_what_is_held() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["db/migrations/7.sql"]);
    shop.good_pass();
    a_new_context_bears_a_status_of(&mut shop, &a1);
}

#[test]
fn a_new_status_context_bears_what_is_in_production() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    a_new_context_bears_a_status_of(&mut shop, &a1);
}

#[test]
fn a_pause_outlives_a_lost_disk_below_a_newer_deploy_by_somebody_else() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.good_pass();
    shop.pauses("incident 42").unwrap();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · paused");
    let a2 = shop.verified(&["src/till.rs"]);
    shop.deployed_by_hand(&a2, "success");
    let a3 = shop.verified(&["src/cart.rs"]);
    shop.lose_the_disk().good_pass().later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a3), 0, "{}", shop.said(&a3));
    assert_eq!(shop.verdict(&a3), "failure: HOLD SHA · LOW · paused");
}

#[test]
fn after_a_lost_disk_a_run_of_the_former_workflow_below_a_newer_deploy_is_waited_for() {
    let mut shop = Story::repository("acme/shop").policy("deploy_workflow_name", "ship.yml");
    let file = WorkflowFile::new("Ship").run_name("Deploy ${{ inputs.sha }}");
    let text = file.on_dispatch(&["sha"]).yaml();
    shop.repo.push(NewCommit::on("main").file(".github/workflows/ship.yml", &text));
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.change_policy("deploy_workflow_name", "deploy.yml").later(60);
    let a2 = shop.verified(&["src/till.rs"]);
    shop.deployed_by_hand(&a2, "success");
    shop.good_pass().later(60);
    shop.lose_the_disk();
    let a3 = shop.verified(&["src/door.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a3), "pending: WAIT SHA · LOW · deploy_in_progress");
    shop.deploy_ends(&a1, "success").later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a3), 1);
}
