//! Which commit a run deployed.

use ghbox::{NewCommit, StartRun, WorkflowFile, story as stage};

use crate::story::{CONTEXT, Story};

const DEPLOY_FILE: &str = ".github/workflows/deploy.yml";
const STAGING: &str = "deploy-staging.yml";

fn production(shop: &mut Story) -> Option<String> {
    shop.release().production().sha().map(ToString::to_string)
}

/// A repository that was first set up with the staging workflow: `a1` is on staging, and `a0`
/// in production.
fn tried_out() -> (Story, String, String) {
    let mut shop = Story::repository("acme/shop").policy("deploy_workflow_name", STAGING);
    let file = WorkflowFile::new("Deploy to staging")
        .run_name("Deploy ${{ inputs.sha }}")
        .on_dispatch(&["sha"]);
    let path = format!(".github/workflows/{STAGING}");
    shop.repo.push(NewCommit::on("main").file(&path, &file.yaml()));
    let a0 = shop.in_production();
    shop.repo.dispatch_by_hand(STAGING, "main", &a0, "dev");
    let runs = shop.repo.runs();
    shop.repo.finish_run(runs.last().unwrap().id, "success");
    shop.later(60);
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    assert_eq!(production(&mut shop), Some(a1.clone()));
    (shop, a0, a1)
}

#[test]
fn after_a_trial_with_another_workflow_a_changed_config_knows_what_is_in_production() {
    let (mut shop, a0, a1) = tried_out();
    let high = shop.verified(&["infra/main.tf"]);
    shop.change_policy("deploy_workflow_name", "deploy.yml").good_pass();
    assert_eq!(production(&mut shop), Some(a0));
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&high), 0);
    let dispatches = shop.repo.dispatches();
    let last = dispatches.last().unwrap();
    assert_eq!((last.workflow.as_str(), last.sha()), ("deploy.yml", Some(a1.as_str())));
}

#[test]
fn after_a_trial_with_another_workflow_a_fresh_state_knows_what_is_in_production() {
    let (mut shop, a0, _) = tried_out();
    shop.lose_the_disk();
    shop.change_policy("deploy_workflow_name", "deploy.yml").good_pass();
    assert_eq!(production(&mut shop), Some(a0));
}

#[test]
fn after_a_trial_production_is_uncertain_where_the_real_workflow_never_ran() {
    let mut shop = Story::repository("acme/shop").policy("deploy_workflow_name", STAGING);
    let file = WorkflowFile::new("Deploy to staging")
        .run_name("Deploy ${{ inputs.sha }}")
        .on_dispatch(&["sha"]);
    let path = format!(".github/workflows/{STAGING}");
    shop.repo.push(NewCommit::on("main").file(&path, &file.yaml()));
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    shop.change_policy("deploy_workflow_name", "deploy.yml").good_pass();
    let said = shop.status(&a1);
    let expected = "failure: HOLD SHA · HIGH · high_risk_no_approval: cannot tell what is in \
                    production: `set-production`";
    assert!(said.starts_with(expected), "{said}");
    shop.lose_the_disk().good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_deploy_to_staging_by_the_same_workflow_is_no_deploy_to_production() {
    let mut shop = Story::repository("acme/shop")
        .policy("run_title", "\"Deploy {sha}\"")
        .policy("other_run_titles", "[\"Deploy {sha} to staging\"]");
    let a0 = shop.settled_in_production();
    let high = shop.verified(&["infra/main.tf"]);
    let title = format!("Deploy {} to staging", &high[..7]);
    let start = StartRun::of("workflow_dispatch", "main", &high).title(&title);
    let run = shop.repo.start_run(stage::DEPLOY, start);
    shop.later(5).good_pass();
    assert_eq!(shop.verdict(&high), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(production(&mut shop), Some(a0));
    let low = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&low), 0);
    shop.settled();
}

#[test]
fn a_title_that_does_not_fit_the_run_name_leaves_production_uncertain() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let high = shop.verified(&["infra/main.tf"]);
    let title = format!("Deploy {} to staging", &high[..7]);
    let start = StartRun::of("workflow_dispatch", "main", &high).title(&title);
    let run = shop.repo.start_run(stage::DEPLOY, start);
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(production(&mut shop), None);
    let low = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&low), 0);
    assert!(shop.status(&low).contains("run-name"), "{}", shop.status(&low));
}

#[test]
fn titles_that_turn_out_to_be_of_staging_are_taken_back() {
    let mut shop = Story::repository("acme/shop").policy("run_title", "\"Deploy {sha} *\"");
    let a0 = shop.in_production();
    let start = |to: &str| {
        let title = format!("Deploy {} to {to}", &a0[..7]);
        StartRun::of("workflow_dispatch", "main", &a0).title(&title)
    };
    let run = shop.repo.start_run(stage::DEPLOY, start("production"));
    shop.repo.finish_run(run, "success");
    shop.later(60);
    let a1 = shop.verified(&["src/cart.rs"]);
    let title = format!("Deploy {} to staging", &a1[..7]);
    let start = StartRun::of("workflow_dispatch", "main", &a1).title(&title);
    let run = shop.repo.start_run(stage::DEPLOY, start);
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(production(&mut shop), Some(a1));
    shop.change_policy("other_run_titles", "[\"* to staging\"]").good_pass();
    assert_eq!(production(&mut shop), Some(a0), "nothing is kept that answers another question");
}

#[test]
fn pushes_are_taken_out_where_they_deploy_elsewhere() {
    let mut shop = Story::repository("acme/shop").policy("run_events", "[workflow_dispatch]");
    let a0 = shop.settled_in_production();
    let high = shop.verified(&["infra/main.tf"]);
    let run = shop.repo.start_run(stage::DEPLOY, StartRun::push("main", &high));
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(production(&mut shop), Some(a0));
    // Runs by an event that `run_events` cannot list always count.
    let run = shop.repo.start_run(stage::DEPLOY, StartRun::of("schedule", "main", &high));
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(production(&mut shop), None);
}

#[test]
fn a_run_of_a_second_process_is_told_by_the_status_that_links_to_it() {
    let mut shop = Story::repository("acme/shop");
    let file = WorkflowFile::new("Deploy").on_dispatch(&["sha"]).yaml();
    shop.repo.push(NewCommit::on("main").file(DEPLOY_FILE, &file));
    let a0 = shop.verified(&["src/lib.rs"]);
    shop.good_pass().deploy_ends(&a0, "success").good_pass();
    let a1 = shop.verified(&["src/cart.rs"]);
    let run = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &a1, stage::GOVERNOR);
    let url = shop.repo.run(run).html_url;
    let said = format!("ALLOW {} · LOW · Triggered: deploy workflow run", &a1[..7]);
    let by = stage::GOVERNOR;
    shop.repo.set_linked_status(&a1, CONTEXT, "success", &said, Some(&url), by);
    shop.later(5).good_pass();
    shop.repo.finish_run(run, "success");
    shop.later(5).good_pass();
    assert_eq!(production(&mut shop), Some(a1.clone()));
    assert_eq!(shop.dispatched(), [a0, a1]);
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1, "nothing was rolled back");
}
