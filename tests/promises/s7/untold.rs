//! If GitHub does not show details of a failed deploy, only those details are missing.

use ghbox::{Fault, FaultOn, JobSpec};

use super::{deploying, failure_type, the_issue};

#[test]
fn a_deploy_whose_jobs_cannot_be_read_has_failed_all_the_same_and_the_fix_ships() {
    for conclusion in ["failure", "cancelled"] {
        for status in [502, 404] {
            let (mut shop, a1) = deploying();
            shop.github.fail(FaultOn::path("*/jobs?*").always(), Fault::Status(status));
            shop.deploy_ends(&a1, conclusion);
            shop.passes(3, 60);
            assert!(shop.status(&a1).starts_with("failure: HOLD"), "{}", shop.status(&a1));
            let of = the_issue(&shop);
            assert!(of.title.contains(&a1[..7]), "{}", of.title);
            shop.good_pass();
            let a2 = shop.verified(&["src/cart.rs"]);
            shop.good_pass();
            assert_eq!(shop.dispatches_of(&a2), 1, "{conclusion}, {status}");
            shop.deploy_ends(&a2, "success").good_pass().settled();
        }
    }
}

#[test]
fn jobs_that_cannot_be_read_for_a_moment_are_awaited() {
    let (mut shop, a1) = deploying();
    let broken = shop.github.fail(FaultOn::path("*/jobs?*").always(), Fault::Status(502));
    let job = JobSpec::new("deploy").step("Health check", "failure");
    shop.repo.set_jobs(shop.deploy_run(), &[job]);
    shop.deploy_ends(&a1, "failure").passes(2, 60);
    assert!(shop.repo.issues().is_empty());
    shop.github.mend(broken);
    shop.good_pass();
    assert_eq!(failure_type(&shop), "deploy:health-check-failed");
}

#[test]
fn jobs_that_github_shows_in_smaller_pages_only_are_read_so() {
    let (mut shop, a1) = deploying();
    shop.github.fail(FaultOn::path("*/jobs?per_page=100*").always(), Fault::Status(502));
    shop.deploy_ends(&a1, "failure").good_pass();
    the_issue(&shop);
    shop.settled();
}

#[test]
fn run_lists_that_github_shows_in_smaller_pages_only_govern_as_others_do() {
    let (mut shop, a1) = deploying();
    shop.deploy_ends(&a1, "success").good_pass();
    for _ in 0..60 {
        let sha = shop.repo.push_paths(&["src/cart.rs"]);
        shop.repo.verify(&sha, "failure");
        shop.repo.deploy(&a1, "dev", "success");
        shop.later(1);
    }
    shop.github.fail(FaultOn::path("*/runs?per_page=100*").always(), Fault::Status(502));
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1);
    shop.deploy_ends(&a2, "success").good_pass();
    for _ in 0..2 {
        shop.later(60).good_pass().later(60).good_pass();
        drop(shop.requests());
        shop.later(60).good_pass();
        let answers = shop.requests();
        assert!(answers.iter().all(|one| one.response_status == 304), "{answers:#?}");
        shop.restart().good_pass();
    }
}
