//! Deploys on other refs and by other workflows.

use ghbox::{NewCommit, StartRun, WorkflowFile, story as stage};
use release_governor::domain::Production;

use crate::story::Story;

const ROLLBACK: &str = "rollback.yml";

/// Two commits, the second of which we deployed to production.
fn shipped() -> (Story, String, String) {
    let mut shop = Story::repository("acme/shop");
    let (a0, a1) = ship(&mut shop);
    (shop, a0, a1)
}

fn ship(shop: &mut Story) -> (String, String) {
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    (a0, a1)
}

fn production(shop: &mut Story) -> Option<String> {
    shop.release().production().sha().map(ToString::to_string)
}

fn next_low_commit_is_held(shop: &mut Story, shipped: &str) {
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass().minutes_later(20).good_pass();
    assert!(shop.verdict(&a2).ends_with("rolled_back"), "{}", shop.verdict(&a2));
    assert_eq!(shop.dispatched(), [shipped]);
}

#[test]
fn a_rollback_on_a_tag_is_seen() {
    let (mut shop, a0, a1) = shipped();
    shop.repo.tag("v1.0", &a0);
    let start = StartRun::of("workflow_dispatch", "v1.0", &a0).title(&format!("Deploy {a0}"));
    let run = shop.repo.start_run(stage::DEPLOY, start);
    shop.later(5).good_pass();
    let a2 = shop.verified(&["src/tax.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a2), "pending: WAIT SHA · LOW · deploy_in_progress");
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(production(&mut shop), Some(a0));
    next_low_commit_is_held(&mut shop, &a1);
}

#[test]
fn a_rollback_by_pushing_a_tag_is_seen() {
    let (mut shop, a0, a1) = shipped();
    let run = shop.repo.start_run(stage::DEPLOY, StartRun::push("v1.0", &a0));
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(production(&mut shop), Some(a0));
    next_low_commit_is_held(&mut shop, &a1);
}

#[test]
fn a_rollback_on_a_hotfix_branch_is_seen() {
    let (mut shop, a0, a1) = shipped();
    shop.repo.force_push("hotfix", &a0, "dev");
    let fix = shop.repo.push(NewCommit::on("hotfix").file("src/fix.rs", "fix"));
    let run = shop.repo.start_run(stage::DEPLOY, StartRun::push("hotfix", &fix));
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(production(&mut shop), None, "the branch does not have it");
    next_low_commit_is_held(&mut shop, &a1);
}

fn with_a_rollback_workflow() -> (Story, String, String) {
    let mut shop =
        Story::repository("acme/shop").policy("other_deploy_workflows", "[rollback.yml]");
    let file = WorkflowFile::new("Roll back")
        .run_name("Roll back to ${{ inputs.sha }}")
        .on_dispatch(&["sha"]);
    let path = format!(".github/workflows/{ROLLBACK}");
    shop.repo.push(NewCommit::on("main").file(&path, &file.yaml()));
    let (a0, a1) = ship(&mut shop);
    (shop, a0, a1)
}

#[test]
fn a_rollback_by_a_workflow_of_its_own_is_seen_and_costs_one_read_a_pass() {
    let (mut shop, a0, a1) = with_a_rollback_workflow();
    shop.settled_within(4);
    let run = shop.repo.dispatch_by_hand(ROLLBACK, "main", &a0, "dev");
    let a2 = shop.verified(&["src/tax.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a2), "pending: WAIT SHA · LOW · deploy_in_progress");
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(production(&mut shop), Some(a0));
    next_low_commit_is_held(&mut shop, &a1);
}

#[test]
fn a_rollback_workflow_that_names_no_commit_leaves_production_uncertain() {
    let (mut shop, a0, a1) = with_a_rollback_workflow();
    let start = StartRun::of("workflow_dispatch", "main", &a0).title("Roll back");
    let run = shop.repo.start_run(ROLLBACK, start);
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(production(&mut shop), None);
    next_low_commit_is_held(&mut shop, &a1);
}

#[test]
fn a_workflow_that_is_said_to_deploy_and_is_not_there_is_an_error() {
    let mut shop = Story::repository("acme/shop").policy("other_deploy_workflows", "[rolback.yml]");
    shop.in_production();
    insta::assert_snapshot!(shop.failed_pass(), @"acme/shop has no workflow `rolback.yml`: correct other_deploy_workflows");
}

#[test]
fn a_team_whose_deploys_all_run_on_tags_has_a_production() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.verified(&["src/lib.rs"]);
    for _ in 0..120 {
        let run = shop
            .repo
            .start_run(stage::DEPLOY, StartRun::of("pull_request", "feature", &a0).by("stranger"));
        shop.repo.finish_run(run, "success");
    }
    shop.repo.tag("v1.0", &a0);
    let run = shop.repo.start_run(stage::DEPLOY, StartRun::push("v1.0", &a0));
    shop.repo.finish_run(run, "success");
    shop.later(60);
    let high = shop.verified(&["infra/main.tf"]);
    shop.good_pass();
    assert_eq!(production(&mut shop), Some(a0));
    assert_eq!(shop.verdict(&high), "failure: HOLD SHA · HIGH · high_risk_no_approval");
}

#[test]
fn a_tag_tells_the_commit_of_a_workflow_that_takes_none() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.verified(&["src/lib.rs"]);
    let file = WorkflowFile::new("Deploy").on_dispatch(&[]).on("release").yaml();
    shop.repo.push(NewCommit::on("main").file(".github/workflows/deploy.yml", &file));
    let a1 = shop.verified(&["src/cart.rs"]);
    for (event, tag) in [("workflow_dispatch", "v1.0"), ("release", "v1.1")] {
        shop.repo.tag(tag, &a1);
        let start = StartRun::of(event, tag, &a1).title("Deploy");
        let run = shop.repo.start_run(stage::DEPLOY, start);
        shop.repo.finish_run(run, "success");
        shop.later(60).good_pass();
        assert_eq!(production(&mut shop), Some(a1.clone()), "{event}");
    }
    // At this commit the workflow has an input for the commit, so the tag does not name it.
    let start = StartRun::of("workflow_dispatch", "v1.0", &a0).title("Deploy");
    shop.repo.tag("v0.9", &a0);
    let run = shop.repo.start_run(stage::DEPLOY, start);
    shop.repo.finish_run(run, "success");
    shop.later(60).good_pass();
    assert_eq!(production(&mut shop), None);
}

#[test]
fn what_runs_on_a_preview_ref_is_no_deploy() {
    let mut shop = Story::repository("acme/shop").policy("preview_refs", "[preview/**, main]");
    let (a0, a1) = ship(&mut shop);
    let run = shop.repo.start_run(stage::DEPLOY, StartRun::push("preview/a/b", &a0));
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatched(), [a1, a2.clone()], "it is not waited for");
    shop.repo.finish_run(run, "success");
    shop.deploy_ends(&a2, "success").good_pass();
    assert_eq!(production(&mut shop), Some(a2));
}

#[test]
fn a_policy_that_makes_the_only_deploy_a_preview_reads_all_runs_again() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.verified(&["src/lib.rs"]);
    shop.repo.deploy(&a0, "dev", "success");
    for _ in 0..120 {
        let run = shop.repo.start_run(stage::DEPLOY, StartRun::push("preview", &a0));
        shop.repo.finish_run(run, "failure");
    }
    let run = shop.repo.start_run(stage::DEPLOY, StartRun::push("preview", &a0));
    shop.repo.finish_run(run, "success");
    shop.later(60).good_pass();
    shop.change_policy("preview_refs", "[preview]").good_pass();
    assert_eq!(production(&mut shop), Some(a0));
}

#[test]
fn a_first_deploy_that_failed_leaves_nothing_in_production() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.verified(&["src/lib.rs"]);
    shop.good_pass().deploy_ends(&a0, "failure").good_pass();
    assert_eq!(shop.release().production(), Production::None);
    let a1 = shop.verified(&["src/fix.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}
