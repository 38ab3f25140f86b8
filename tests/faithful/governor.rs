//! Validates the governor's own requests and the responses to them against GitHub's
//! description.

use std::collections::BTreeSet;

use ghbox::story::GOVERNOR;
use ghbox::{Access, Fault, FaultOn, MergeMethod, NewCommit, Permission, Role, Token};

use crate::openapi;
use crate::story::{Story, TOKEN};

#[test]
fn what_a_merge_queue_tested_and_moved_the_branch_to_is_shipped_once() {
    let mut shop = Story::repository("acme/shop").policy("cooldown_minutes", "0");
    shop.in_production();
    shop.repo.use_merge_queue("main", MergeMethod::Squash);
    shop.good_pass();
    shop.repo.push(NewCommit::on("cart").message("Add it").file("src/cart.rs", "fn f() {}\n"));
    let pull = shop.repo.open_pull_request("cart", "main", "Add the cart", "dev");
    let queued = shop.repo.queue_pull_request(pull, "lead");
    shop.passes(3, 60);
    assert_eq!(shop.dispatches_of(&queued.sha), 0, "it is tested, and not on the branch");
    shop.repo.finish_run(queued.runs[0], "success");
    assert_eq!(shop.repo.tip("main"), queued.sha);
    shop.passes(11, 60);
    assert_eq!(shop.dispatches_of(&queued.sha), 1);
    openapi::check_all(&shop.github.requests());
}

#[test]
fn whatever_the_governor_asks_is_what_github_describes() {
    let mut shop = Story::repository("acme/shop")
        .policy("max_attempts_per_sha", "2")
        .policy("cooldown_minutes", "0")
        .policy("deploy_workflow_ref", "release");
    let base = shop.in_production();
    shop.repo.force_push("release", &base, "dev");
    shop.good_pass();

    let ships = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&ships, "success").good_pass();

    let fails = shop.verified(&["src/till.rs"]);
    shop.good_pass().deploy_ends(&fails, "failure").passes(3, 30);
    shop.deploy_ends(&fails, "failure").passes(3, 30);
    let mends = shop.verified(&["src/till.rs"]);
    shop.good_pass().deploy_ends(&mends, "success").passes(3, 30);

    let held = shop.verified(&["db/migrations/1.sql"]);
    shop.good_pass();
    assert!(shop.status(&held).contains("high_risk_no_approval"), "{}", shop.status(&held));
    let head = shop.pushed(&["src/cart.rs"]);
    shop.repo.verify(&head, "failure");
    shop.good_pass().lose_the_disk().passes(3, 30);

    let lost = shop.github.fail(FaultOn::operation("create-workflow-dispatch"), Fault::LoseAnswer);
    let small = shop.verified(&["src/lib.rs"]);
    shop.passes(4, 120);
    shop.github.mend(lost);
    drop(small);

    let exchanges = shop.github.requests();
    openapi::check_all(&exchanges);
    let asked: BTreeSet<_> = exchanges.iter().filter_map(|one| one.operation).collect();
    for operation in [
        "repos/get",
        "repos/get-branch",
        "repos/list-commits",
        "repos/compare-commits-with-basehead",
        "repos/get-content",
        "repos/list-commit-statuses-for-ref",
        "repos/create-commit-status",
        "actions/list-repo-workflows",
        "actions/list-workflow-runs",
        "actions/get-workflow-run",
        "actions/list-jobs-for-workflow-run-attempt",
        "actions/create-workflow-dispatch",
        "issues/list-for-repo",
        "issues/create",
        "issues/create-comment",
        "users/get-authenticated",
    ] {
        assert!(asked.contains(operation), "{operation} was never asked: {asked:?}");
    }
}

#[test]
fn whatever_the_governor_asks_about_approvals_is_what_github_describes() {
    let mut shop = Story::repository("acme/shop")
        .policy("approval_mode", "[label, comment]")
        .policy("approval_teams", "[acme/release-captains]");
    let token = Token::installation(GOVERNOR).grant(Permission::Members, Access::Read);
    shop.github.add_token_with(TOKEN, token);
    shop.team("acme/release-captains", &["bea"]);
    shop.person("bea").role(Role::Write);
    shop.in_production();
    shop.good_pass();

    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let gone = pull.comment("/approve", "cy");
    pull.labeled("release:approved", "stranger").reviewed("approved", "bea");
    let sha = pull.merged(MergeMethod::Squash, "ada");
    shop.delete_user("cy");
    shop.repo.verify(&sha, "success");
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    pull.delete_comment(gone, "bea").commented("/approve", "bea");
    assert_eq!(shop.decides(), "ALLOW HIGH deploying");

    let exchanges = shop.github.requests();
    openapi::check_all(&exchanges);
    let asked: BTreeSet<_> = exchanges.iter().filter_map(|one| one.operation).collect();
    for operation in [
        "repos/list-pull-requests-associated-with-commit",
        "issues/list-events-for-timeline",
        "repos/get-collaborator-permission-level",
        "teams/get-membership-for-user-in-org",
    ] {
        assert!(asked.contains(operation), "{operation} was never asked: {asked:?}");
    }
}
