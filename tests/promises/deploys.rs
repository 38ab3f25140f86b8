//! What counts as a deploy: stray runs, phantom runs, deploys by other refs and workflows, and
//! which commit a run deployed.

use ghbox::{NewCommit, StartRun, WorkflowFile, story as stage};

use crate::story::Story;

mod attribution;
mod others;

/// A held HIGH commit above the one in production, and a commit that is only on a tag with the
/// name of the branch.
fn held_beside_a_tag() -> (Story, String, String) {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let main = shop.repo.tip("main");
    shop.repo.force_push("aside", &main, "dev");
    let aside = shop.repo.push(NewCommit::on("aside").file("src/aside.rs", "aside"));
    shop.repo.tag("main", &aside);
    let held = shop.verified(&["infra/main.tf"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&held), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    (shop, aside, held)
}

/// A run of the deploy workflow on the tag, with the title of a deploy of `held`.
fn stray(shop: &mut Story, aside: &str, held: &str) -> u64 {
    let start = StartRun::of("workflow_dispatch", "main", aside).title(&format!("Deploy {held}"));
    let run = shop.repo.start_run(stage::DEPLOY, start);
    shop.later(5);
    run
}

#[test]
fn a_tag_named_like_the_branch_puts_no_held_commit_into_production() {
    let (mut shop, aside, held) = held_beside_a_tag();
    let run = stray(&mut shop, &aside, &held);
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(shop.release().production().sha(), None, "nothing tells what the run deployed");
    let low = shop.verified(&["src/cart.rs"]);
    shop.good_pass().minutes_later(20).good_pass();
    let said = shop.status(&low).replace(&run.to_string(), "RUN");
    insta::assert_snapshot!(said, @"failure: HOLD SHA · HIGH · high_risk_no_approval: run RUN used a commit outside the branch's history: `set-production`; `release-governo…");
    assert_eq!(shop.dispatched(), [""; 0]);
    assert!(shop.metric("release_governor_stray_runs_total") >= 1.0);
    shop.settled();
}

#[test]
fn a_stray_run_blocks_while_it_runs_and_says_nothing_of_what_it_deploys() {
    let (mut shop, aside, held) = held_beside_a_tag();
    let low = shop.verified(&["src/cart.rs"]);
    shop.approve(&held).approve(&low);
    let run = stray(&mut shop, &aside, &low);
    shop.good_pass().minutes_later(2).good_pass();
    let said = shop.status(&low).replace(&run.to_string(), "RUN");
    assert!(said.starts_with("pending: WAIT SHA · HIGH · deploy_in_progress: run RUN"), "{said}");
    shop.repo.finish_run(run, "failure");
    shop.later(5).good_pass();
    assert_eq!(shop.dispatched(), [low], "its failure is none of this commit");
    assert!(shop.repo.issues().is_empty());
}

#[test]
fn a_stray_run_stays_one_until_a_later_deploy_succeeds() {
    let (mut shop, aside, held) = held_beside_a_tag();
    let run = stray(&mut shop, &aside, &held);
    shop.repo.finish_run(run, "success");
    shop.minutes_later(2).good_pass();
    let low = shop.verified(&["src/cart.rs"]);
    shop.approve(&low).good_pass().deploy_ends(&low, "success").good_pass();
    let production = shop.release().production().sha().map(ToString::to_string);
    assert_eq!(production, Some(low));
}

#[test]
fn a_force_push_turns_no_earlier_deploy_into_a_stray_run() {
    let mut shop = Story::repository("acme/shop");
    let first = shop.settled_in_production();
    let second = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&second, "success").good_pass();
    shop.deployed_by_hand(&second, "success");
    shop.good_pass();
    shop.repo.force_push("main", &first, "dev");
    shop.minutes_later(20).good_pass().restart().minutes_later(20).good_pass();
    let production = shop.release().production().sha().map(ToString::to_string);
    assert_eq!(production, Some(second));
    assert!(shop.metric("release_governor_stray_runs_total") < 1.0);
}

#[test]
fn a_deploy_that_is_seen_first_after_a_force_push_is_none_from_outside() {
    let mut shop = Story::repository("acme/shop");
    let first = shop.settled_in_production();
    let second = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&second, "failure").good_pass();
    let run = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &first, "dev");
    shop.repo.force_push("main", &first, "dev");
    shop.minutes_later(2).good_pass();
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(shop.release().production().sha().map(ToString::to_string), Some(first));
}

/// A `deploy.yml` that also runs on pushes.
fn deploys_on_push(shop: &mut Story) {
    let file = stage::deploy_file().on_push(&["main"]).yaml();
    shop.repo.push(NewCommit::on("main").file(".github/workflows/deploy.yml", &file));
}

/// A failed run without jobs, as a push leaves it for some workflow files.
fn phantom(shop: &mut Story, sha: &str, conclusion: &str) -> u64 {
    let run = shop.repo.start_run(stage::DEPLOY, StartRun::push("main", sha));
    shop.repo.finish_run(run, conclusion);
    shop.repo.set_jobs(run, &[]);
    run
}

#[test]
fn a_push_that_leaves_a_failed_run_without_jobs_is_no_failed_deploy() {
    for conclusion in ["failure", "startup_failure"] {
        let mut shop = Story::repository("acme/shop");
        shop.in_production();
        // One before the repository is governed, and one after.
        let before = shop.verified(&["src/cart.rs"]);
        phantom(&mut shop, &before, conclusion);
        shop.later(60).good_pass().good_pass();
        assert_eq!(shop.dispatches_of(&before), 1, "{conclusion}");
        shop.deploy_ends(&before, "success").good_pass();
        let after = shop.verified(&["src/till.rs"]);
        phantom(&mut shop, &after, conclusion);
        shop.good_pass();
        assert_eq!(shop.dispatches_of(&after), 1, "{conclusion}");
        assert!(shop.repo.issues().is_empty());
        shop.deploy_ends(&after, "success").good_pass().settled();
    }
}

#[test]
fn a_push_whose_deploy_failed_in_a_job_is_a_failed_deploy() {
    let mut shop = Story::repository("acme/shop");
    deploys_on_push(&mut shop);
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    let run = shop.repo.start_run(stage::DEPLOY, StartRun::push("main", &a1));
    shop.repo.finish_run(run, "failure");
    shop.good_pass().minutes_later(60).good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · deploy_failed");
    assert_eq!(shop.dispatches_of(&a1), 0);
}

#[test]
fn a_dispatch_of_ours_that_could_not_start_has_failed() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "startup_failure").good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · deploy_failed");
    assert_eq!(shop.repo.issues().len(), 1);
}

#[test]
fn somebodys_deploy_without_a_branch_is_waited_for() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.settled_in_production();
    let tip = shop.repo.tip("main");
    let start = StartRun::of("workflow_dispatch", "main", &tip)
        .without_branch()
        .title(&format!("Deploy {a0}"));
    let run = shop.repo.start_run(stage::DEPLOY, start);
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a1), "pending: WAIT SHA · LOW · deploy_in_progress");
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_workflow_that_takes_more_than_the_sha_tells_nothing_without_a_run_title() {
    let file = WorkflowFile::new("Deploy")
        .run_name("Deploy ${{ inputs.sha }}")
        .on_dispatch(&["sha"])
        .optional_input("environment");
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let path = ".github/workflows/deploy.yml";
    shop.repo.push(NewCommit::on("main").file(path, &file.yaml()));
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    assert_eq!(shop.release().production().sha(), None);
    shop.change_policy("run_title", "\"Deploy {sha}\"").good_pass();
    let production = shop.release().production().sha().map(ToString::to_string);
    assert_eq!(production, Some(a0), "the policy says what the titles mean");
}

#[test]
fn a_phantom_that_was_first_seen_under_another_branch_opens_no_issue() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.settled_in_production();
    shop.repo.force_push("release", &a0, "dev");
    shop.change_policy("branch", "release").change_policy("deploy_workflow_ref", "release");
    phantom(&mut shop, &a0, "startup_failure");
    shop.good_pass();
    shop.change_policy("branch", "main").change_policy("deploy_workflow_ref", "main");
    shop.passes(3, 60).minutes_later(11).good_pass();
    assert_eq!(shop.repo.issues().len(), 0);
    shop.settled();
}

#[test]
fn a_stray_run_that_failed_and_succeeded_again_opens_no_issue() {
    let (mut shop, aside, held) = held_beside_a_tag();
    let run = stray(&mut shop, &aside, &held);
    shop.repo.finish_run(run, "failure");
    shop.repo.rerun(run, "dev");
    shop.repo.finish_run(run, "success");
    shop.later(60);
    shop.deployed_by_hand(&held, "success");
    shop.passes(2, 60);
    assert_eq!(shop.repo.issues().len(), 0);
}
