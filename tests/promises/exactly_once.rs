//! S2, the uncertain cases: whose run it is, whether it is deleted, what an operator's action
//! applies to, and what may still be sent.

use std::time::Duration;

use ghbox::{Fault, FaultOn, NewCommit, StartRun, WorkflowFile, story as stage};
use jiff::SignedDuration;
use release_governor::domain::{AttemptOutcome, EntryKind};

use crate::s2_answers::about_to_ship;
use crate::story::{DEPLOY_FILE, Story, a_look_at_statuses, the_dispatch, the_mark};

const SHIPPED: &str = "success: ALLOW SHA · LOW · Triggered: deploy workflow run";
const OTHER_FILE: &str = ".github/workflows/release.yml";

/// The outcomes of all attempts, oldest first.
fn outcomes(shop: &mut Story) -> Vec<Option<AttemptOutcome>> {
    shop.release().attempts.iter().map(|attempt| attempt.outcome().cloned()).collect()
}

/// A repository with a second workflow that deploys, and a commit that the next pass ships.
fn with_two_workflows() -> (Story, String) {
    let mut shop = Story::repository("acme/shop");
    let file = WorkflowFile::new("Release").run_name("Release ${{ inputs.sha }}");
    let text = file.on_dispatch(&["sha"]).yaml();
    shop.repo.push(NewCommit::on("main").file(OTHER_FILE, &text));
    shop.in_production();
    shop.good_pass().later(60);
    let a1 = shop.verified(&["src/cart.rs"]);
    (shop, a1)
}

/// The answer to a dispatch is lost, and no list shows its run for half a minute.
fn lose_the_answer_for_a_while(shop: &mut Story) {
    shop.github.lose_the_answer_to("create-workflow-dispatch");
    shop.repo.set_list_lag(Duration::from_secs(30));
    shop.pass();
    assert_eq!(outcomes(shop), [None], "it is looked for");
    assert!(shop.release().attempts.iter().all(|attempt| attempt.run.is_none()));
}

#[test]
fn a_trigger_whose_dispatch_was_refused_counts_for_nothing() {
    let refused = |status| Fault::Refuse { status, message: "No".to_owned() };
    for (on, fault) in [
        (the_dispatch(), refused(422)),
        (the_dispatch(), Fault::SecondaryLimit { status: 429, retry_after: Some(60) }),
        (the_mark(), refused(422)),
        (the_mark(), Fault::Status(502)),
    ] {
        let told = format!("{on:?} {fault:?}");
        let (mut shop, a1) = about_to_ship();
        shop.good_pass().deploy_ends(&a1, "failure").minutes_later(60).good_pass();
        assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · deploy_failed", "{told}");
        shop.github.fail(on, fault);
        let _ = shop.triggers(&a1, false);
        assert_eq!(shop.dispatches_of(&a1), 1, "{told}");
        shop.minutes_later(120).passes(3, 60).minutes_later(120).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "nobody asked for it any more: {told}");
        assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · deploy_failed", "{told}");
    }
}

#[test]
fn a_trigger_that_was_refused_lifts_no_rollback() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.settled_in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    shop.deployed_by_hand(&a0, "success");
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · LOW · rolled_back");
    shop.github.fail(the_dispatch(), Fault::Refuse { status: 422, message: "No".to_owned() });
    let _ = shop.triggers(&a2, false);
    shop.minutes_later(90).passes(3, 60);
    assert_eq!(shop.dispatched(), [a1.clone()]);
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · LOW · rolled_back");
    // Only an operator can decide this, and the decision counts once the dispatch is sent.
    let _ = shop.triggers(&a2, false);
    assert_eq!(shop.dispatched(), [a1, a2]);
}

#[test]
fn a_trigger_that_may_have_left_counts_also_where_a_start_finds_it() {
    let (mut shop, a1) = about_to_ship();
    shop.good_pass().deploy_ends(&a1, "failure").minutes_later(60).good_pass();
    shop.github.fail(the_dispatch(), Fault::LoseRequest);
    let _ = shop.triggers(&a1, false);
    shop.restart();
    assert_eq!(shop.release().triggers().count(), 1);
    // Nothing started, so the operator's request is still due.
    shop.recovers().passes(3, 60);
    assert_eq!(shop.dispatches_of(&a1), 2);
}

#[test]
fn a_lost_answer_is_looked_for_in_the_workflow_that_it_was_sent_to() {
    let (mut shop, a1) = with_two_workflows();
    lose_the_answer_for_a_while(&mut shop);
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.change_policy("deploy_workflow_name", "release.yml");
    shop.passes(4, 20).minutes_later(6).passes(4, 70);
    assert_eq!(shop.dispatches_of(&a1), 1, "its run is there, in the workflow of before");
    let run = shop.repo.dispatches().last().unwrap().run_id;
    let found = shop.release().attempts.last().unwrap().run;
    assert_eq!(found.map(|run| run.get()), Some(run));
    // While it is in flight, nothing else is started, whatever its workflow.
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a2), 0);
}

#[test]
fn a_lost_answer_is_looked_for_on_the_ref_that_it_was_sent_to() {
    let (mut shop, a1) = about_to_ship();
    lose_the_answer_for_a_while(&mut shop);
    let tip = shop.repo.tip("main");
    shop.repo.push(NewCommit::on("live").parents(&[&tip]).message("Live"));
    shop.change_policy("deploy_workflow_ref", "live");
    shop.passes(4, 20).minutes_later(6).passes(4, 70);
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_list_that_is_gone_for_good_leaves_the_dispatch_unconfirmed() {
    let (mut shop, a1) = with_two_workflows();
    lose_the_answer_for_a_while(&mut shop);
    let lists =
        format!("/repos/acme/shop/actions/workflows/{}/runs*", shop.repo.workflow_id("deploy.yml"));
    shop.github.fail(FaultOn::path(&lists).always(), Fault::Status(404));
    shop.change_policy("deploy_workflow_name", "release.yml");
    shop.passes(4, 20).minutes_later(6).passes(4, 70);
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(outcomes(&mut shop), [Some(AttemptOutcome::Unconfirmed)]);
    // The currently configured workflow never deployed anything: production is uncertain.
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · HIGH · dispatch_unconfirmed");
}

#[test]
fn a_run_of_ours_for_another_commit_off_the_branch_is_never_claimed() {
    let (mut shop, a1) = about_to_ship();
    let tip = shop.repo.tip("main");
    let other = shop.repo.push(NewCommit::on("hotfix").parents(&[&tip]).message("Hotfix"));
    shop.github.fail(the_dispatch(), Fault::LoseRequest);
    shop.pass();
    // The same account deploys something else manually, named by seven digits.
    let start = StartRun::of("workflow_dispatch", "main", &tip).by(stage::GOVERNOR);
    let start = start.title(&format!("Deploy {}", &other[..7]));
    let run = shop.repo.start_run(stage::DEPLOY, start);
    shop.repo.set_run(run, "in_progress", None);
    shop.passes(4, 20).minutes_later(6).passes(4, 70);
    assert!(shop.release().attempts.iter().all(|attempt| attempt.run.is_none()));
    assert_eq!(shop.dispatched(), [""; 0]);
    assert_eq!(outcomes(&mut shop), [Some(AttemptOutcome::Unconfirmed)]);
    shop.repo.finish_run(run, "failure");
    shop.later(5).good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · dispatch_unconfirmed");
}

#[test]
fn a_title_that_is_a_number_of_many_digits_names_no_commit() {
    for title in ["Release 20261130", "Deploy for run 19283746"] {
        let mut shop = Story::repository("acme/shop");
        let file = WorkflowFile::new("Deploy").run_name(title).on_dispatch(&["sha"]);
        shop.repo.push(NewCommit::on("main").file(DEPLOY_FILE, &file.yaml()));
        let a0 = shop.verified(&["src/lib.rs"]);
        shop.good_pass().deploy_ends(&a0, "success").good_pass().later(60);
        let a1 = shop.verified(&["src/cart.rs"]);
        shop.github.lose_the_answer_to("create-workflow-dispatch");
        shop.pass().passes(3, 20).minutes_later(6).passes(3, 70);
        assert_eq!(shop.dispatches_of(&a1), 1, "{title}");
        let found = shop.release().attempts.last().unwrap().run;
        assert_eq!(found.map(|run| run.get()), Some(shop.repo.dispatches().last().unwrap().run_id));
    }
}

#[test]
fn one_404_by_its_id_does_not_end_a_deploy() {
    let (mut shop, a1) = about_to_ship();
    shop.good_pass();
    let run = shop.deploy_run();
    shop.repo.set_run(run, "in_progress", None);
    shop.good_pass();
    // An outage: for some seconds no list shows it, and reading it by id returns 404.
    shop.repo.hide_run_for(run, Duration::from_secs(25));
    shop.github.fail(FaultOn::path(&format!("*/actions/runs/{run}")), Fault::Status(404));
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a2), 0, "a deploy goes on");
    assert_eq!(shop.repo.issues().len(), 0);
    shop.later(30).good_pass().deploy_ends(&a1, "success").good_pass();
    assert_eq!(shop.dispatched(), [a1, a2]);
    assert_eq!(shop.repo.issues().len(), 0);
}

#[test]
fn a_run_that_was_taken_for_deleted_and_shows_again_is_adopted_and_said_so() {
    let (mut shop, a1) = about_to_ship();
    shop.good_pass();
    let run = shop.deploy_run();
    shop.repo.set_run(run, "in_progress", None);
    shop.good_pass();
    shop.repo.hide_run_for(run, Duration::from_secs(300));
    let by_id = FaultOn::path(&format!("*/actions/runs/{run}")).always();
    let outage = shop.github.fail(by_id, Fault::Status(404));
    shop.passes(6, 30);
    assert_eq!(outcomes(&mut shop), [Some(AttemptOutcome::RunDeleted)]);
    assert_eq!(
        shop.verdict(&a1),
        "failure: HOLD SHA · LOW · cooldown".replace("cooldown", "deploy_failed")
    );
    let issues = shop.repo.issues();
    assert_eq!(issues.len(), 1);
    shop.github.mend(outage);
    shop.later(200).good_pass();
    assert_eq!(outcomes(&mut shop), [None], "its deploy goes on");
    assert_eq!(shop.status(&a1), SHIPPED);
    shop.deploy_ends(&a1, "success").good_pass().good_pass();
    assert_eq!(outcomes(&mut shop), [Some(AttemptOutcome::Succeeded)]);
    assert_eq!(shop.status(&a1), SHIPPED);
    let comments = &shop.repo.issue(issues[0].number).comments;
    assert_eq!(comments.len(), 1);
    let said = comments[0].body.lines().next().unwrap().replace(&run.to_string(), "RUN");
    insta::assert_snapshot!(said, @"Correction: [run RUN](https://github.com/acme/shop/actions/runs/RUN) was not deleted. GitHub shows it again, and it succeeded.");
    shop.settled();
    assert_eq!(shop.dispatched(), [a1]);
}

#[test]
fn a_process_that_was_frozen_after_its_mark_does_not_send_when_it_thaws() {
    for wall_alone in [false, true] {
        let (mut shop, a1) = about_to_ship();
        let time = shop.time.clone();
        let freeze = shop.meanwhile(the_mark(), move || {
            if wall_alone {
                time.jump_wall(SignedDuration::from_secs(101));
            } else {
                time.advance(Duration::from_secs(101));
            }
        });
        shop.pass();
        assert!(shop.happened(&freeze));
        assert_eq!(shop.asked("create-workflow-dispatch"), 0, "wall alone: {wall_alone}");
        assert_eq!(shop.dispatches_of(&a1), 0);
        // Nothing was sent, so it starts over immediately.
        shop.later(10).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1);
        assert_eq!(shop.status(&a1), SHIPPED);
    }
}

#[test]
fn a_dispatch_to_a_name_that_was_given_up_begins_anew_under_the_new_one() {
    // The last read before the final request: nothing is read after it.
    let mut renamed_in_time = 0;
    for nth in 1..=4 {
        let (mut shop, a1) = about_to_ship();
        let repo = shop.repo.clone();
        let on = a_look_at_statuses().nth(nth);
        let renaming = shop.meanwhile(on, move || repo.rename("acme/store"));
        shop.pass();
        if !shop.happened(&renaming) {
            break;
        }
        renamed_in_time += 1;
        shop.later(10).passes(3, 20);
        assert_eq!(shop.dispatches_of(&a1), 1, "{nth}");
        let refused = shop.history().into_iter().any(|(_, entry)| {
            matches!(
                entry.kind,
                EntryKind::AttemptClosed { outcome: AttemptOutcome::Rejected(_), .. }
                    | EntryKind::StatusRefused { .. }
            )
        });
        assert!(!refused, "{nth}: a rename is no refusal");
    }
    assert!(renamed_in_time >= 3, "{renamed_in_time}");
}

#[test]
fn a_dispatch_that_was_refused_for_who_we_are_is_no_refusal_of_the_dispatch() {
    for on in [the_dispatch(), the_mark()] {
        let (mut shop, a1) = about_to_ship();
        shop.github.fail(on, Fault::Refuse { status: 401, message: "Bad credentials".to_owned() });
        shop.pass();
        assert_eq!(shop.dispatches_of(&a1), 0);
        shop.later(10).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "once the credential's own wait is over");
        assert_eq!(shop.status(&a1), SHIPPED);
    }
}

#[test]
fn a_status_that_links_to_its_run_does_not_go_back_to_its_mark_when_the_workflow_changes() {
    let (mut shop, a1) = with_two_workflows();
    shop.good_pass();
    let said = shop.status(&a1);
    assert_eq!(said, "success: ALLOW SHA · LOW · Triggered: deploy workflow run");
    shop.change_policy("deploy_workflow_name", "release.yml").good_pass();
    assert_eq!(shop.status(&a1), said);
    assert_eq!(shop.statuses(&a1).len(), 2, "the mark and the run");
}

#[test]
fn what_ran_before_a_failed_rerun_is_known_also_where_the_workflow_has_changed() {
    let (mut shop, a1) = with_two_workflows();
    lose_the_answer_for_a_while(&mut shop);
    shop.change_policy("deploy_workflow_name", "release.yml");
    let run = shop.repo.dispatches().last().unwrap().run_id;
    shop.repo.finish_run(run, "success");
    shop.repo.rerun(run, "dev");
    shop.repo.finish_run(run, "failure");
    let a2 = shop.verified(&["src/till.rs"]);
    shop.minutes_later(2).passes(2, 60);
    assert_eq!(shop.dispatched(), [a1], "what is in production is uncertain");
    assert!(shop.verdict(&a2).contains("HIGH"), "{}", shop.verdict(&a2));
}

#[test]
fn a_deploy_that_failed_is_not_excused_by_what_the_former_workflow_deployed() {
    let (mut shop, a1) = with_two_workflows();
    shop.good_pass();
    let by_push = StartRun::push("main", &a1);
    let run = shop.repo.start_run("release.yml", by_push);
    shop.repo.finish_run(run, "failure");
    let ours = shop.repo.dispatches().last().unwrap().run_id;
    shop.minutes_later(7);
    shop.repo.finish_run(ours, "success");
    shop.later(60);
    shop.change_policy("deploy_workflow_name", "release.yml").good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · HIGH · deploy_failed");
    assert_eq!(shop.dispatches_of(&a1), 1);
}
