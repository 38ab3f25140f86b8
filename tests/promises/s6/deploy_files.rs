//! The files that a dispatch runs: GitHub takes them from the tip of the ref, not from the
//! commit.

use ghbox::{Fault, FaultOn, MergeMethod, NewCommit, story as stage};
use release_governor::domain::MovedDeployFiles;

use crate::approvals::{SHIPS, ship, shop};
use crate::story::{DEPLOY_FILE, Story};

const HELD: &str = "HOLD HIGH high_risk_no_approval";
const SHIP_FILE: &str = ".github/workflows/ship.yml";
const INNER_FILE: &str = ".github/workflows/inner.yml";

/// A deploy workflow whose job calls this one.
fn deploy_calls(file: &str) -> String {
    let text = stage::deploy_file().yaml();
    let (head, _) = text.split_once("jobs:\n").unwrap();
    format!("{head}jobs:\n  ship:\n    uses: ./{file}\n")
}

/// A reusable workflow that calls this one.
fn calls(file: &str, note: &str) -> String {
    format!("# {note}\non: workflow_call\njobs:\n  go:\n    uses: ./{file}\n")
}

fn ends(note: &str) -> String {
    format!(
        "# {note}\non: workflow_call\njobs:\n  go:\n    runs-on: x\n    steps: [{{run: make}}]\n"
    )
}

fn write(shop: &mut Story, path: &str, text: &str) {
    shop.repo.push(NewCommit::on("main").file(path, text));
    shop.later(5);
}

/// A repository whose deploy workflow calls a second one, which calls a third one, which calls
/// the second one again; in production.
fn calling() -> Story {
    calling_with(&calls(SHIP_FILE, "1"))
}

fn calling_with(inner: &str) -> Story {
    let mut shop = Story::repository("acme/shop");
    write(&mut shop, DEPLOY_FILE, &deploy_calls(SHIP_FILE));
    write(&mut shop, SHIP_FILE, &calls(INNER_FILE, "1"));
    write(&mut shop, INNER_FILE, inner);
    write(&mut shop, ".github/workflows/lint.yml", &ends("1"));
    shop.in_production();
    shop
}

#[test]
fn a_local_workflow_that_the_deploy_workflow_calls_is_compared_with_the_tip_too() {
    for (path, text) in [(SHIP_FILE, calls(INNER_FILE, "2")), (INNER_FILE, calls(SHIP_FILE, "2"))] {
        let mut shop = calling();
        shop.verified(&["src/cart.rs"]);
        write(&mut shop, path, &text);
        assert_eq!(shop.decides(), HELD, "{path}");
        let line = format!("{path} is HIGH: it matches .github/workflows/**");
        assert!(shop.evidence().contains(&line), "{}", shop.evidence());
        shop.settled_within(4);
    }
}

#[test]
fn a_workflow_that_the_tip_calls_and_the_commit_lacks_is_compared_too() {
    let mut shop = Story::repository("acme/shop");
    write(&mut shop, DEPLOY_FILE, &deploy_calls(SHIP_FILE));
    shop.in_production();
    shop.verified(&["src/cart.rs"]);
    write(&mut shop, SHIP_FILE, &ends("1"));
    assert_eq!(shop.decides(), HELD);
}

#[test]
fn a_change_of_an_unrelated_workflow_at_the_tip_holds_nothing() {
    let mut shop = calling();
    let a1 = shop.verified(&["src/cart.rs"]);
    write(&mut shop, ".github/workflows/lint.yml", &ends("2"));
    assert_eq!(shop.decides(), "ALLOW LOW deploying");
    shop.deploy_ends(&a1, "success").good_pass().settled();
}

#[test]
fn where_a_called_workflow_cannot_be_parsed_every_workflow_counts() {
    let mut shop = calling_with("on: [workflow_call\n");
    shop.verified(&["src/cart.rs"]);
    write(&mut shop, ".github/workflows/lint.yml", &ends("2"));
    assert_eq!(shop.decides(), HELD);
    let line = ".github/workflows/lint.yml is HIGH";
    assert!(shop.evidence().contains(line), "{}", shop.evidence());
}

#[test]
fn an_operators_word_is_about_the_deploy_files_as_they_stood_at_the_tip() {
    let mut shop = calling();
    let a1 = shop.verified(&["infra/dns.tf"]);
    shop.good_pass().approve_by_command(&a1);
    write(&mut shop, INNER_FILE, &calls(SHIP_FILE, "2"));
    shop.later(60).pass();
    assert_eq!(shop.dispatches_of(&a1), 0, "nobody saw that file");
    shop.approve_by_command(&a1).later(60).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn the_deploy_file_at_the_tip_is_approved_by_the_pull_request_that_brought_it() {
    let mut shop = shop("label");
    let a1 = shop.verified(&["src/cart.rs"]);
    let text = format!("{}# changed\n", stage::deploy_file().yaml());
    let pull = shop.pull("ada", &["docs/deploys.md"]);
    shop.repo.push(NewCommit::on(pull.branch()).author("ada").file(DEPLOY_FILE, &text));
    pull.merged(MergeMethod::Squash, "ada");
    assert_eq!(shop.decides(), HELD);
    assert!(shop.hints().starts_with("add label release:approved to #1"), "{}", shop.hints());
    pull.labeled("release:approved", "bea");
    shop.later(60);
    assert_eq!(shop.decides(), SHIPS);
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn the_deploy_file_at_the_tip_that_was_pushed_directly_takes_an_operator() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    pull.labeled("release:approved", "bea");
    shop.edit_the_deploy_file();
    assert_eq!(shop.decides(), HELD);
    assert!(shop.hints().contains("the deploy workflow's file"), "{}", shop.hints());
    assert_eq!(shop.dispatches_of(&a1), 0);
}

/// The recorded runs that used deploy files other than those that were judged.
fn moved(shop: &mut Story) -> Vec<MovedDeployFiles> {
    let release = shop.release();
    release.runs.values().filter_map(|run| run.moved_deploy_files.clone()).collect()
}

#[test]
fn a_run_that_took_other_deploy_files_than_were_judged_is_told() {
    const MOVED: &str = "release_governor_moved_deploy_files_total";
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.good_pass();
    let a1 = shop.verified(&["src/cart.rs"]);
    let repo = shop.repo.clone();
    let text = format!("{}# changed meanwhile\n", stage::deploy_file().yaml());
    // The mark is written, and the dispatch is sent next.
    let meanwhile = shop.meanwhile(crate::story::the_mark(), move || {
        repo.push(NewCommit::on("main").file(DEPLOY_FILE, &text));
    });
    shop.good_pass();
    assert!(shop.happened(&meanwhile));
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.later(10).good_pass().later(10).good_pass();
    assert_eq!(shop.metric(MOVED), 1.0, "once");
    let moved = moved(&mut shop);
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].files, [DEPLOY_FILE]);
    assert_eq!(moved[0].ran.as_str(), shop.repo.tip("main"));
    shop.deploy_ends(&a1, "success").good_pass().settled();
    assert_eq!(shop.metric(MOVED), 1.0);
}

#[test]
fn a_tip_that_moved_without_a_change_of_the_deploy_files_is_no_news() {
    let mut shop = Story::repository("acme/shop");
    shop.in_production();
    shop.good_pass();
    let a1 = shop.verified(&["src/cart.rs"]);
    let repo = shop.repo.clone();
    let meanwhile = shop.meanwhile(crate::story::the_mark(), move || {
        repo.push_paths(&["docs/a.md"]);
    });
    shop.good_pass();
    assert!(shop.happened(&meanwhile));
    shop.later(10).good_pass();
    assert_eq!(moved(&mut shop), []);
    shop.deploy_ends(&a1, "success").good_pass().settled();
}

#[test]
fn one_404_for_the_workflow_files_of_a_commit_holds_it_for_no_longer_than_that() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.pushed(&["src/till.rs"]);
    let list = format!("/repos/acme/shop/contents/.github/workflows?ref={a1}");
    shop.github.fail(FaultOn::path(&list), Fault::Status(404));
    shop.pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    shop.passes(2, 60);
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_deploy_ref_that_github_does_not_show_holds_what_would_run_on_it() {
    let mut shop = Story::repository("acme/shop");
    shop.settled_in_production();
    let tip = shop.repo.tip("main");
    shop.repo.force_push("live", &tip, "dev");
    shop.change_policy("deploy_workflow_ref", "live").good_pass();
    shop.repo.push(NewCommit::on("live").file(DEPLOY_FILE, "# nobody approved this\n"));
    let a1 = shop.verified(&["src/cart.rs"]);
    let on = FaultOn::path("/repos/acme/shop/branches/live").always();
    let fault = shop.github.fail(on, Fault::Status(404));
    shop.pass().minutes_later(11).pass();
    assert_eq!(shop.dispatches_of(&a1), 0);
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · HIGH · high_risk_no_approval");
    shop.github.mend(fault);
    shop.minutes_later(11).pass();
    assert_eq!(shop.dispatches_of(&a1), 0, "the file at the tip is another one");
}
