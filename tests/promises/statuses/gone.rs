//! Commits that GitHub no longer has, because a force push removed them.

use ghbox::{Fault, FaultOn};

use crate::story::Story;

/// From now on GitHub does not know this commit.
fn forgets(shop: &Story, sha: &str) {
    for path in [format!("*/commits/{sha}*"), format!("*/compare/*{sha}*")] {
        shop.github.fail(FaultOn::path(&path).always(), Fault::Status(404));
    }
}

#[test]
fn a_deploy_whose_commit_is_gone_is_watched_to_its_end_and_what_comes_after_ships() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    shop.repo.force_push("main", &a0, "dev");
    forgets(&shop, &a1);
    // The first pass encounters it; from the next one on it is known to be off the branch.
    shop.later(30).pass().later(60).good_pass();
    // It is judged once its deploy has failed. Missing in three passes in a row, it is gone.
    shop.deploy_ends(&a1, "failure").passes(2, 60).good_pass();
    let a2 = shop.verified(&["src/list.rs"]);
    shop.minutes_later(31).good_pass();
    assert_eq!(shop.dispatches_of(&a2), 1);
}

#[test]
fn a_candidate_that_github_does_not_show_is_said_to_be_in_trouble() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.github
        .fail(FaultOn::path(&format!("*/commits/{a1}/statuses*")).always(), Fault::Status(404));
    assert!(shop.failed_pass().contains("statuses"), "it is no empty list");
    assert_eq!(shop.dispatches_of(&a1), 0);
}

#[test]
fn held_commits_that_cannot_be_compared_are_asked_about_once() {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let held = shop.verified(&["infra/dns.tf"]);
    shop.good_pass();
    shop.repo.force_push("main", &a0, "dev");
    forgets(&shop, &held);
    let a2 = shop.verified(&["src/list.rs"]);
    shop.minutes_later(1).good_pass().deploy_ends(&a2, "success");
    shop.passes(4, 60);
    drop(shop.requests());
    shop.passes(5, 60);
    let of_it: Vec<String> = shop.requests().into_iter().map(|one| one.path).collect();
    assert!(!of_it.iter().any(|path| path.contains(&held)), "{of_it:#?}");
    shop.settled();
}

#[test]
fn commits_that_production_does_not_contain_keep_no_other_from_saying_that_it_shipped() {
    let mut shop = Story::repository("acme/shop");
    let base = shop.settled_in_production();
    for number in 0..12 {
        shop.minutes_later(11).verified(&[format!("infra/{number}.tf").as_str()]);
        shop.good_pass();
        shop.repo.force_push("main", &base, "dev");
    }
    shop.minutes_later(11);
    let held = shop.verified(&["infra/dns.tf"]);
    shop.good_pass();
    let ships = shop.verified(&["src/cart.rs"]);
    shop.good_pass().approve(&ships).good_pass();
    assert_eq!(shop.dispatched(), std::slice::from_ref(&ships));
    // The branch no longer shows what production contains.
    shop.repo.force_push("main", &base, "dev");
    shop.minutes_later(11).deploy_ends(&ships, "success").good_pass();
    drop(shop.requests());
    for _ in 0..4 {
        shop.later(60).good_pass();
        let requests = shop.requests();
        let compared = requests.iter().filter(|one| one.path.contains("/compare/")).count();
        assert!(compared <= 5, "{compared} comparisons in one pass");
    }
    let status = shop.status(&held).replace(&ships[..7], "LATER");
    assert_eq!(status, "success: SHIPPED SHA · with LATER");
    shop.settled();
}
