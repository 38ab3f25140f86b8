//! S7: one issue per failed sha, one comment per further failed run attempt, however often it
//! restarts.

mod gone;
mod once;
mod untold;

use ghbox::{Fault, FaultOn, Issue, JobSpec, StartRun, story as stage};

use crate::story::Story;

/// A repository in which the deploy of the newest commit was started. Returns the commit.
fn deploying() -> (Story, String) {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    (shop, a1)
}

/// The deploy failed, and the governor has seen it.
fn failed() -> (Story, String) {
    let (mut shop, a1) = deploying();
    shop.deploy_ends(&a1, "failure").good_pass();
    (shop, a1)
}

/// The only issue.
fn the_issue(shop: &Story) -> Issue {
    let mut issues = shop.repo.issues();
    assert_eq!(issues.len(), 1, "{issues:#?}");
    issues.remove(0)
}

/// The failure type of an issue, which is its last label.
fn failure_type(shop: &Story) -> String {
    the_issue(shop).labels.last().expect("it has labels").clone()
}

#[test]
fn a_failed_deploy_opens_one_issue_that_says_all() {
    let (mut shop, a1) = failed();
    let issue = the_issue(&shop);
    let run = shop.deploy_run().to_string();
    assert_eq!(issue.title, format!("Deploy failure: {}", &a1[..7]));
    assert_eq!(issue.author, stage::GOVERNOR);
    assert_eq!(issue.labels, ["deploy-failure", "severity:high", "deploy:failed"]);
    insta::assert_snapshot!(issue.body.replace(&a1, "SHA").replace(&run, "RUN"), @r#"
    The deploy of `SHA` failed.

    - **Commit:** SHA
    - **Run:** [run RUN](https://github.com/acme/shop/actions/runs/RUN)
    - **Conclusion:** `failure`
    - **Failed job:** `work`
    - **Failed step:** `Run make`
    - **Time:** 2026-11-02 09:02 UTC

    The governor holds this commit: ``deploy_failed: run RUN failed, 1 of 1 attempts used: re-run the verification or the deploy, `trigger 3b5f26c`, or push a fix``. Later, the commit's status shows its current state.

    <!-- release-governor {"repository":"acme/shop","sha":"SHA","run":RUN,"run_attempt":1,"status_context":"booty/release-governor","recovered":false} -->
    "#);
    shop.settled();
}

#[test]
fn a_deploy_that_was_cancelled_while_it_ran_is_a_failure_of_that_type() {
    let (mut shop, a1) = deploying();
    shop.repo.set_run(shop.deploy_run(), "in_progress", None);
    shop.good_pass().deploy_ends(&a1, "cancelled").good_pass();
    assert_eq!(failure_type(&shop), "deploy:cancelled");
    assert!(shop.status(&a1).contains("deploy_failed"), "{}", shop.status(&a1));
    shop.settled();
}

#[test]
fn a_failed_health_check_is_named() {
    for step in ["Health check", "Run health-checks", "Wait for healthcheck to pass"] {
        let (mut shop, a1) = deploying();
        let job = JobSpec::new("deploy").step("Roll out", "success").step(step, "failure");
        shop.repo.set_jobs(shop.deploy_run(), &[job]);
        shop.deploy_ends(&a1, "failure").good_pass();
        assert_eq!(failure_type(&shop), "deploy:health-check-failed", "{step}");
        let body = the_issue(&shop).body;
        assert!(body.contains(&format!("**Failed step:** `{step}`")), "{body}");
        shop.settled();
    }
}

#[test]
fn failure_types_are_the_policys() {
    let types = "[{pattern: \"migrat*\", label: \"deploy:migration\"}]";
    for (step, label) in [("Run migrations", "deploy:migration"), ("Health check", "deploy:failed")]
    {
        let mut shop = Story::repository("acme/shop").policy("failure_types", types);
        shop.in_production();
        let a1 = shop.verified(&["src/cart.rs"]);
        shop.good_pass();
        let job = JobSpec::new("deploy").step(step, "failure");
        shop.repo.set_jobs(shop.deploy_run(), &[job]);
        shop.deploy_ends(&a1, "failure").good_pass();
        assert_eq!(failure_type(&shop), label, "{step}");
    }
}

#[test]
fn a_run_that_was_deleted_is_a_failure_of_that_type() {
    let (mut shop, a1) = deploying();
    shop.repo.delete_run(shop.deploy_run());
    shop.later(60).good_pass();
    assert_eq!(shop.repo.issues().len(), 0, "an outage answers 404, too");
    shop.later(60).good_pass();
    assert_eq!(failure_type(&shop), "deploy:run-deleted");
    assert!(shop.status(&a1).contains("deploy_failed"), "{}", shop.status(&a1));
    shop.settled();
}

#[test]
fn other_bad_ends_are_failures_too() {
    for conclusion in ["timed_out", "startup_failure", "action_required", "stale", "neutral"] {
        let (mut shop, a1) = deploying();
        shop.deploy_ends(&a1, conclusion).good_pass();
        assert_eq!(failure_type(&shop), "deploy:failed", "{conclusion}");
        let body = the_issue(&shop).body;
        assert!(body.contains(&format!("**Conclusion:** `{conclusion}`")), "{body}");
        shop.settled();
    }
}

#[test]
fn a_strangers_step_is_quoted_and_no_marker_of_its_own_counts() {
    let (mut shop, a1) = deploying();
    let step = "`@everyone` <!-- release-governor {} --> [x](http://evil.example)";
    shop.repo.set_jobs(shop.deploy_run(), &[JobSpec::new("deploy").step(step, "failure")]);
    shop.deploy_ends(&a1, "failure").good_pass();
    let body = the_issue(&shop).body;
    assert!(body.contains("**Failed step:** `` `@everyone`"), "{body}");
    shop.settled();
    shop.lose_the_disk().good_pass().later(60).good_pass();
    the_issue(&shop);
}

#[test]
fn the_same_sha_failing_again_appends_a_comment() {
    let mut shop = Story::repository("acme/shop").policy("max_attempts_per_sha", "2");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    shop.minutes_later(31).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2);
    shop.deploy_ends(&a1, "failure").good_pass();
    let issue = the_issue(&shop);
    assert_eq!(issue.comments.len(), 1);
    let run = shop.deploy_run().to_string();
    insta::assert_snapshot!(issue.comments[0].body.replace(&a1, "SHA").replace(&run, "RUN"), @r#"
    The deploy of `SHA` failed.

    - **Commit:** SHA
    - **Run:** [run RUN](https://github.com/acme/shop/actions/runs/RUN)
    - **Conclusion:** `failure`
    - **Failed job:** `work`
    - **Failed step:** `Run make`
    - **Time:** 2026-11-02 09:33 UTC

    The governor holds this commit: ``deploy_failed: run RUN failed, 2 of 2 attempts used: re-run the verification or the deploy, `trigger 3b5f26c`, or push a fix``. Later, the commit's status shows its current state.

    <!-- release-governor {"repository":"acme/shop","sha":"SHA","run":RUN,"run_attempt":1,"status_context":"booty/release-governor","recovered":false} -->
    "#);
    shop.settled();
}

#[test]
fn a_re_run_that_fails_appends_a_comment_and_reopens_the_issue() {
    let (mut shop, a1) = failed();
    let issue = the_issue(&shop);
    shop.repo.close_issue(issue.number, "dev");
    shop.later(60).good_pass();
    assert!(!the_issue(&shop).open, "closed is closed while nothing fails");
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).good_pass();
    shop.deploy_ends(&a1, "failure").good_pass();
    let issue = the_issue(&shop);
    assert_eq!((issue.open, issue.comments.len()), (true, 1));
    assert!(issue.comments[0].body.contains("attempt 2"), "{}", issue.comments[0].body);
    shop.settled();
}

#[test]
fn each_further_failed_attempt_is_one_comment_also_those_that_were_missed() {
    let (mut shop, a1) = failed();
    for _ in 0..3 {
        shop.repo.rerun(shop.deploy_run(), "dev");
        shop.later(60).deploy_ends(&a1, "failure");
    }
    shop.good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 3);
    shop.settled();
    shop.restart().good_pass().settled();
    assert_eq!(the_issue(&shop).comments.len(), 3);
}

#[test]
fn an_issue_that_may_be_on_its_way_is_waited_for_also_by_another_attempt() {
    let (mut shop, a1) = deploying();
    shop.deploy_ends(&a1, "failure");
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "failure");
    // It is unknown whether the request was executed.
    shop.github.fail(FaultOn::operation("issues/create"), Fault::LoseRequest);
    shop.pass().later(10).pass();
    assert_eq!(shop.repo.issues().len(), 0, "not by the other attempt either");
    shop.passes(4, 60);
    assert_eq!(the_issue(&shop).comments.len(), 1);
    shop.settled();
}

#[test]
fn two_failed_shas_have_two_issues() {
    let (mut shop, _) = failed();
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a2, "failure").good_pass();
    assert_eq!(shop.repo.issues().len(), 2);
    shop.settled();
}

#[test]
fn a_superseded_run_is_no_failure_and_uses_no_attempt() {
    let (mut shop, a1) = deploying();
    let ours = shop.deploy_run();
    let newer = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &a1, "dev");
    shop.repo.finish_run(ours, "cancelled");
    shop.later(5).good_pass();
    assert_eq!(shop.repo.issues().len(), 0);
    shop.repo.finish_run(newer, "failure");
    shop.later(5).good_pass();
    the_issue(&shop);
    shop.settled();
}

#[test]
fn a_superseded_run_of_a_concurrency_group_is_tried_again_without_a_cooldown() {
    let mut shop = Story::repository("acme/shop");
    let file = stage::deploy_file().concurrency("production");
    let commit = ghbox::NewCommit::on("main");
    shop.repo.push(commit.file(crate::story::DEPLOY_FILE, &file.yaml()));
    let a0 = shop.in_production();
    shop.good_pass();
    let running = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &a0, "dev");
    shop.repo.hide_run_for(running, std::time::Duration::from_secs(8));
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    let first = shop.deploy_run();
    assert_eq!(shop.repo.run(first).status, "pending");
    let newer = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &a0, "dev");
    shop.later(10).good_pass();
    assert_eq!(shop.repo.run(first).conclusion.as_deref(), Some("cancelled"));
    shop.repo.finish_run(running, "failure");
    shop.repo.finish_run(newer, "failure");
    shop.later(10).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2, "{}", shop.status(&a1));
    let titles: Vec<String> = shop.repo.issues().into_iter().map(|issue| issue.title).collect();
    assert_eq!(titles, [format!("Deploy failure: {}", &a0[..7])]);
}

#[test]
fn a_cancelled_run_with_no_newer_one_is_a_failure_though_no_job_began() {
    let (mut shop, a1) = deploying();
    shop.deploy_ends(&a1, "cancelled").good_pass();
    assert_eq!(failure_type(&shop), "deploy:cancelled");
    shop.settled();
}

#[test]
fn a_foreign_deploy_that_fails_after_the_first_pass_opens_an_issue() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.settled_in_production();
    shop.later(60);
    shop.repo.deploy(&a0, "dev", "failure");
    shop.later(60).good_pass();
    assert_eq!(the_issue(&shop).title, format!("Deploy failure: {}", &a0[..7]));
    shop.settled();
}

#[test]
fn a_foreign_deploy_that_failed_before_the_first_pass_opens_none() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    shop.repo.deploy(&a0, "dev", "failure");
    shop.later(60).good_pass();
    assert_eq!(shop.repo.issues().len(), 0);
    shop.settled();
    shop.minutes_later(30).good_pass();
    assert_eq!(shop.repo.issues().len(), 0);
}

#[test]
fn a_foreign_deploy_that_began_before_the_first_pass_and_failed_after_it_opens_one() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let run = shop.repo.dispatch_by_hand(stage::DEPLOY, "main", &a0, "dev");
    shop.later(60).good_pass();
    shop.repo.finish_run(run, "failure");
    shop.later(60).good_pass();
    the_issue(&shop);
    shop.settled();
}

#[test]
fn a_push_deploy_that_fails_names_its_commit() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let a1 = shop.pushed(&["src/cart.rs"]);
    let run = shop.repo.start_run(stage::DEPLOY, StartRun::push("main", &a1));
    shop.repo.finish_run(run, "failure");
    shop.later(60).good_pass();
    assert_eq!(the_issue(&shop).title, format!("Deploy failure: {}", &a1[..7]));
    shop.settled();
}

#[test]
fn a_recovery_is_said_once() {
    let (mut shop, a1) = failed();
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a2, "success").good_pass();
    let issue = the_issue(&shop);
    assert_eq!((issue.open, issue.comments.len()), (true, 1));
    let run = shop.deploy_run().to_string();
    let words = issue.comments[0].body.replace(&a1, "FAILED").replace(&a2, "LATER");
    insta::assert_snapshot!(words.replace(&run, "RUN"), @r#"
    Recovered: LATER is in production, deployed by [run RUN](https://github.com/acme/shop/actions/runs/RUN).

    <!-- release-governor {"repository":"acme/shop","sha":"FAILED","run":17000000004,"run_attempt":1,"status_context":"booty/release-governor","recovered":true} -->
    "#);
    shop.settled();
    let a3 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a3, "success").good_pass().restart().good_pass().settled();
    assert_eq!(the_issue(&shop).comments.len(), 1);
}

#[test]
fn a_re_run_that_succeeds_is_a_recovery() {
    let (mut shop, a1) = failed();
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).good_pass();
    shop.deploy_ends(&a1, "success").good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 1);
    assert_eq!(shop.status(&a1), "success: ALLOW SHA · LOW · Triggered: deploy workflow run");
    shop.settled();
}

#[test]
fn a_recovery_may_close_the_issue() {
    let mut shop = Story::repository("acme/shop").policy("failure_issue_on_recovery", "close");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a2, "success").good_pass();
    let issue = the_issue(&shop);
    assert_eq!((issue.open, issue.comments.len()), (false, 1));
    shop.settled();
    shop.repo.reopen_issue(issue.number, "dev");
    shop.settled();
    assert!(the_issue(&shop).open, "a person's word stands");
}

#[test]
fn a_recovery_may_be_ignored() {
    let mut shop = Story::repository("acme/shop").policy("failure_issue_on_recovery", "ignore");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "failure").good_pass();
    let a2 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a2, "success").good_pass();
    let issue = the_issue(&shop);
    assert_eq!((issue.open, issue.comments.len()), (true, 0));
    shop.settled();
}

#[test]
fn a_failure_after_a_recovery_is_said_and_so_is_the_next_recovery() {
    let (mut shop, a1) = failed();
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "success").good_pass();
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "failure").good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 2);
    shop.repo.rerun(shop.deploy_run(), "dev");
    shop.later(60).deploy_ends(&a1, "success").good_pass();
    assert_eq!(the_issue(&shop).comments.len(), 3);
    shop.settled();
}
