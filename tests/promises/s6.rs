//! S6: risk is never understated.

mod approvals;
mod below;
mod deploy_files;
mod untold;

use ghbox::{Fault, FaultOn, NewCommit};

use crate::story::Story;

/// The decision about a commit that changes exactly these paths.
fn decided_about(paths: &[&str]) -> String {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.verified(paths);
    shop.decides()
}

#[test]
fn what_can_break_production_at_once_is_high() {
    for path in [
        ".github/workflows/nightly.yml",
        ".github/actions/build/action.yml",
        "migrations/0001.sql",
        "shop/db/migrations/0002_add.sql",
        "auth/session.rs",
        "src/auth/login.rs",
        "infra/cluster.yaml",
        "terraform/main.tf",
        "Cargo.lock",
        "crates/cart/Cargo.lock",
        "web/package-lock.json",
        "web/yarn.lock",
        "web/pnpm-lock.yaml",
        "go.sum",
        "poetry.lock",
        "uv.lock",
        "Gemfile.lock",
        "composer.lock",
    ] {
        assert_eq!(decided_about(&[path]), "HOLD HIGH high_risk_no_approval", "{path}");
    }
}

#[test]
fn a_dependency_manifest_is_medium() {
    for path in ["Cargo.toml", "web/package.json", "go.mod", "pyproject.toml", "Gemfile"] {
        assert_eq!(decided_about(&[path]), "ALLOW MEDIUM deploying", "{path}");
    }
}

#[test]
fn what_is_not_listed_is_low() {
    for path in ["src/cart.rs", "docs/auth.md", "src/infra/x.rs", "src/authors.rs", "README.md"] {
        assert_eq!(decided_about(&[path]), "ALLOW LOW deploying", "{path}");
    }
}

#[test]
fn the_highest_class_of_a_range_wins() {
    let paths = ["src/a.rs", "Cargo.toml", "src/b.rs", "infra/dns.tf", "src/c.rs"];
    assert_eq!(decided_about(&paths), "HOLD HIGH high_risk_no_approval");
}

#[test]
fn the_range_is_all_since_production_not_the_newest_commit() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.pushed(&["infra/dns.tf"]);
    shop.verified(&["src/cart.rs"]);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
}

#[test]
fn migration_paths_add_to_high() {
    let mut shop = Story::repository("acme/shop").policy("migration_paths", "[\"**/schema.sql\"]");
    shop.in_production();
    shop.verified(&["db/schema.sql"]);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    insta::assert_snapshot!(shop.evidence(), @r"
    production is 1fee7ec by run 17000000002, attempt 1, since 2026-11-02 09:01 UTC
    risk HIGH: from the paths that differ from production; listed paths: 1 HIGH, 0 MEDIUM
    db/schema.sql is HIGH: it matches **/schema.sql; 7a9aa6b (no pull request) brought it
    ");
}

#[test]
fn lists_of_ones_own_replace_the_default_ones() {
    let mut shop = Story::repository("acme/shop")
        .policy("high_risk_paths", "[\"core/**\", \"!core/docs/\"]")
        .policy("medium_risk_paths", "[\"api/**\"]");
    shop.in_production();
    shop.verified(&["infra/dns.tf", "core/docs/a.md"]);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval", "as in git, no file comes back");
    shop.verified(&["core/run.rs"]);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
}

#[test]
fn a_rename_counts_under_both_names() {
    for (from, to) in [("src/auth/login.rs", "src/login.rs"), ("src/lib.rs", "infra/lib.rs")] {
        let mut shop = Story::repository("acme/shop");
        shop.pushed(&["src/auth/login.rs"]);
        shop.in_production();
        shop.verified_commit(NewCommit::on("main").rename(from, to));
        assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval", "{from} to {to}");
    }
}

#[test]
fn a_deletion_counts_under_its_name() {
    let mut shop = Story::repository("acme/shop");
    shop.pushed(&["src/auth/login.rs"]);
    shop.in_production();
    shop.verified_commit(NewCommit::on("main").delete("src/auth/login.rs"));
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
}

#[test]
fn what_was_changed_and_changed_back_is_low() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.pushed(&["src/auth/login.rs"]);
    shop.verified_commit(NewCommit::on("main").delete("src/auth/login.rs"));
    assert_eq!(shop.decides(), "ALLOW LOW deploying");
}

/// A commit that changes `last`, and 300 LOW paths that sort before it.
fn many(last: &str) -> NewCommit {
    let commit = (0..300).fold(NewCommit::on("main"), |commit, number| {
        commit.file(&format!("a/{number:03}.txt"), "new\n")
    });
    commit.file(last, "new\n")
}

#[test]
fn a_high_path_beyond_the_three_hundredth_is_found() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.verified_commit(many("infra/dns.tf"));
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    insta::assert_snapshot!(shop.evidence(), @r"
    production is 1fee7ec by run 17000000002, attempt 1, since 2026-11-02 09:01 UTC
    risk HIGH: from the paths that differ from production; listed paths: 1 HIGH, 0 MEDIUM
    infra/dns.tf is HIGH: it matches infra/**; 31889d5 (no pull request) brought it
    ");
    shop.settled();
}

#[test]
fn more_than_three_hundred_low_paths_are_low() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified_commit(many("src/cart.rs"));
    assert_eq!(shop.decides(), "ALLOW LOW deploying");
    shop.deploy_ends(&a1, "success").good_pass().settled();
}

#[test]
fn a_path_that_only_left_is_found_beyond_the_three_hundredth() {
    let mut shop = Story::repository("acme/shop");
    shop.pushed(&["infra/dns.tf"]);
    shop.in_production();
    shop.verified_commit(many("src/cart.rs").delete("infra/dns.tf"));
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
}

#[test]
fn a_tree_that_github_truncates_makes_it_high() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.verified_commit(many("src/cart.rs"));
    shop.github.set_tree_limit(100);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    insta::assert_snapshot!(shop.evidence(), @r"
    production is 1fee7ec by run 17000000002, attempt 1, since 2026-11-02 09:01 UTC
    risk HIGH: GitHub lists only a part of the files that differ; from the paths that differ from production
    ");
    shop.settled();
}

#[test]
fn a_tree_that_cannot_be_read_makes_it_high_where_that_lasts() {
    for (status, passes_without_a_decision) in [(404, 0), (409, 0), (503, 2)] {
        let mut shop = Story::repository("acme/shop");
        shop.in_production();
        let a1 = shop.verified_commit(many("src/cart.rs"));
        let broken =
            shop.github.fail(FaultOn::operation("git/get-tree").always(), Fault::Status(status));
        for _ in 0..passes_without_a_decision {
            assert!(shop.later(60).try_pass().is_err(), "{status}: no decision yet");
        }
        shop.later(60);
        assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval", "{status}");
        shop.github.mend(broken);
        shop.minutes_later(10).good_pass();
        assert_eq!(shop.dispatches_of(&a1), 1, "{status}: once GitHub can, it is what it is");
    }
}

#[test]
fn the_first_deploy_is_low() {
    let mut shop = Story::repository("acme/shop");
    let a1 = shop.verified(&["infra/dns.tf"]);
    assert_eq!(shop.decides(), "ALLOW LOW deploying");
    insta::assert_snapshot!(shop.recorded_evidence(&a1), @"
    nothing has been deployed from acme/shop yet
    risk LOW: first deploy, nothing to compare with
    ");
    shop.deploy_ends(&a1, "success").good_pass().settled();
}

#[test]
fn a_deploy_file_at_the_tip_that_differs_counts_as_a_path() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.verified(&["src/cart.rs"]);
    shop.edit_the_deploy_file();
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    insta::assert_snapshot!(shop.evidence(), @r"
    production is 1fee7ec by run 17000000002, attempt 1, since 2026-11-02 09:01 UTC
    risk HIGH: the deploy workflow's file at the tip of its ref is not the one at this commit; from the paths that differ from production; listed paths: 1 HIGH, 0 MEDIUM
    .github/workflows/deploy.yml is HIGH: it matches .github/workflows/**
    ");
    shop.settled_within(4);
}

#[test]
fn a_deploy_file_that_comes_back_at_the_tip_releases_the_hold() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.edit_the_deploy_file();
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    let file = ghbox::story::deploy_file().yaml();
    shop.repo.push(NewCommit::on("main").file(crate::story::DEPLOY_FILE, &file));
    shop.later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1, "seen in the very next pass");
}

#[test]
fn a_deploy_file_that_changed_since_the_last_look_is_seen_before_the_dispatch() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    // Slow-changing facts were read a minute ago: the cached tip is outdated.
    let a1 = shop.later(60).verified(&["src/cart.rs"]);
    shop.edit_the_deploy_file();
    shop.later(10).pass().later(60).pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    insta::assert_snapshot!(shop.status(&a1), @r#"
    failure: HOLD SHA · HIGH · high_risk_no_approval: `release-governor approve acme/shop SHA --reason "WHY"`
    "#);
    shop.settled_within(4);
}

#[test]
fn a_deploy_file_that_is_not_listed_makes_nothing_high() {
    let mut shop = Story::repository("acme/shop")
        .policy("high_risk_paths", "[\"infra/**\"]")
        .policy("workflow_files_high", "false");
    shop.in_production();
    shop.verified(&["src/cart.rs"]);
    shop.edit_the_deploy_file();
    assert_eq!(shop.decides(), "ALLOW LOW deploying");
}

#[test]
fn a_workflows_file_is_high_under_any_list() {
    let db_alone = || {
        let mut shop = Story::repository("acme/shop").policy("high_risk_paths", "[\"db/**\"]");
        shop.in_production();
        shop
    };
    let mut shop = db_alone();
    let text = format!("{}# changed\n", ghbox::story::verify_file().yaml());
    let verify = NewCommit::on("main").file(".github/workflows/verify.yml", &text);
    shop.verified_commit(verify);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval", "the verification's own file");
    let mut shop = db_alone();
    shop.verified(&[".github/workflows/new.yml"]);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval", "any other");
    let mut shop = db_alone();
    shop.verified(&["src/cart.rs"]);
    shop.edit_the_deploy_file();
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval", "the deploy file at the tip");
}

#[test]
fn a_link_or_a_submodule_in_a_directorys_place_is_as_risky_as_the_directory() {
    // A comparison shows a single path for these, as for a file.
    for path in ["infra", "terraform", "src/auth", "db/migrations", ".github/actions", ".github"] {
        assert_eq!(decided_about(&[path]), "HOLD HIGH high_risk_no_approval", "{path}");
    }
}

#[test]
fn the_risk_of_what_ships_stays_as_it_was_decided() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["Cargo.toml"]);
    assert_eq!(shop.decides(), "ALLOW MEDIUM deploying");
    shop.edit_the_deploy_file();
    shop.minutes_later(11);
    assert_eq!(shop.decides(), "ALLOW MEDIUM deploying");
    shop.deploy_ends(&a1, "success");
    assert_eq!(shop.decides(), "ALLOW MEDIUM deployed");
    shop.minutes_later(11);
    assert_eq!(shop.decides(), "ALLOW MEDIUM deployed");
    insta::assert_snapshot!(shop.said(&a1), @r"
    pending: ALLOW SHA · MEDIUM · dispatching ID
    success: ALLOW SHA · MEDIUM · Triggered: deploy workflow run
    ");
    shop.settled();
}

#[test]
fn a_small_fix_does_not_wait_behind_an_unapproved_migration() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/a.rs"]);
    let a2 = shop.verified(&["src/b.rs"]);
    let a3 = shop.verified(&["db/migrations/1.sql"]);
    assert_eq!(shop.decides(), "WAIT HIGH deploy_in_progress");
    assert_eq!(shop.dispatched(), std::slice::from_ref(&a2), "the newest one that may");
    shop.deploy_ends(&a2, "success").good_pass();
    assert_eq!(shop.dispatches_of(&a1), 0, "production contains it");
    insta::assert_snapshot!(shop.status(&a3), @r#"
    failure: HOLD SHA · HIGH · high_risk_no_approval: `release-governor approve acme/shop SHA --reason "WHY"`
    "#);
    insta::assert_snapshot!(shop.said(&a2), @r"
    pending: ALLOW SHA · LOW · dispatching ID
    success: ALLOW SHA · LOW · Triggered: deploy workflow run
    ");
    shop.settled();
}

#[test]
fn what_waits_behind_a_held_candidate_must_be_verified_and_not_high_itself() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    let a1 = shop.verified(&["src/a.rs"]);
    let failed = shop.pushed(&["src/b.rs"]);
    shop.repo.verify(&failed, "failure");
    shop.verified(&["infra/a.tf"]);
    shop.verified(&["src/c.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatched(), [a1]);
}

#[test]
fn at_most_ten_commits_below_a_held_candidate_are_judged() {
    for (held, ships) in [(10, 1), (11, 0)] {
        let mut shop = Story::repository("acme/shop");
        shop.in_production();
        let a1 = shop.verified(&["src/a.rs"]);
        for number in 0..held {
            shop.verified(&[format!("infra/{number}.tf").as_str()]);
        }
        shop.good_pass();
        assert_eq!(shop.dispatches_of(&a1), ships, "{held} commits are held");
        if ships == 0 {
            shop.settled();
        }
    }
}

#[test]
fn a_candidate_that_is_held_for_another_cause_than_its_range_lets_none_pass() {
    let mut shop = Story::repository("acme/shop").policy("paused", "\"incident 42\"");
    shop.in_production();
    shop.verified(&["src/a.rs"]);
    shop.verified(&["infra/a.tf"]);
    assert_eq!(shop.decides(), "HOLD HIGH paused");
    assert_eq!(shop.dispatched(), [""; 0]);
    shop.settled();
}
