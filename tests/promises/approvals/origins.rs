//! Who brought what: squashes, merges, rebases, direct pushes, reverts, long ranges.

use ghbox::{Fault, FaultOn, MergeMethod, NewCommit};

use super::{HELD, SHIPS, ship, shop};
use crate::story::Story;

fn evidence_of_paths(shop: &mut Story) -> String {
    let evidence = shop.evidence();
    let paths = evidence.lines().filter(|line| line.contains(" is HIGH: it matches "));
    let tamed = paths.map(|line| {
        let words = line.split(' ').map(|word| {
            let is_short = word.len() == 7 && word.bytes().all(|b| b.is_ascii_hexdigit());
            if is_short { "SHA" } else { word }
        });
        words.collect::<Vec<_>>().join(" ")
    });
    tamed.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_way_of_merging_leads_to_its_pull_request() {
    for method in [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase] {
        let mut shop = shop("label");
        let pull = shop.pull("ada", &["infra/dns.tf"]);
        pull.pushed(&["infra/net.tf", "src/cart.rs"]);
        ship(&mut shop, &pull, method);
        let told = evidence_of_paths(&mut shop);
        assert_eq!(
            told,
            "infra/dns.tf is HIGH: it matches infra/**; SHA (#1) brought it\n\
             infra/net.tf is HIGH: it matches infra/**; SHA (#1) brought it",
            "{method:?}"
        );
        pull.labeled("release:approved", "bea");
        assert_eq!(shop.decides(), SHIPS, "{method:?}");
    }
}

#[test]
fn a_fast_forwarded_pull_request_is_found_too() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let a1 = pull.fast_forwarded("ada");
    shop.repo.verify(&a1, "success");
    shop.later(5);
    assert_eq!(shop.decides(), HELD);
    pull.labeled("release:approved", "bea");
    assert_eq!(shop.decides(), SHIPS);
}

#[test]
fn a_path_that_was_changed_back_drives_nothing() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), HELD);
    let back = shop.repo.revert("main", &a1, "ada");
    shop.repo.verify(&back, "success");
    shop.later(5);
    assert_eq!(shop.decides(), "ALLOW LOW deploying");
}

#[test]
fn a_direct_push_of_a_path_that_a_pull_request_brought_takes_an_operator() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    ship(&mut shop, &pull, MergeMethod::Squash);
    pull.labeled("release:approved", "bea");
    let a2 = shop.verified(&["infra/dns.tf"]);
    // The commit below is approved and ships alone; the one without approval does not.
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a2), 0);
    assert!(shop.hints().contains("without a pull request"), "{}", shop.hints());
}

#[test]
fn a_branch_that_was_merged_by_hand_takes_an_operator() {
    let mut shop = shop("label");
    shop.repo.push(NewCommit::on("side").file("infra/dns.tf", "by hand"));
    let a1 = shop.repo.merge_branch("main", "side", "ada");
    shop.repo.verify(&a1, "success");
    shop.later(5);
    assert_eq!(shop.decides(), HELD);
    let why = format!("infra/dns.tf came with {}, without a pull request", &a1[..7]);
    assert!(shop.hints().ends_with(&why), "{}", shop.hints());
}

#[test]
fn a_pull_request_into_another_branch_is_no_pull_request_of_this_one() {
    let mut shop = shop("label");
    shop.repo.push(NewCommit::on("dev").file("src/dev.rs", "1"));
    let into_dev = shop.pull_to("dev", "ada", &["infra/dns.tf"]);
    into_dev.labeled("release:approved", "bea");
    into_dev.merged(MergeMethod::Merge, "ada");
    let a1 = shop.repo.merge_branch("main", "dev", "ada");
    shop.repo.verify(&a1, "success");
    shop.later(5);
    assert_eq!(shop.decides(), HELD);
    assert!(shop.hints().contains("without a pull request"), "{}", shop.hints());
}

#[test]
fn a_range_of_hundreds_of_commits_is_told_to_the_last() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let a1 = pull.merged(MergeMethod::Squash, "ada");
    for number in 0..260 {
        shop.repo.push_paths(&[&format!("src/{number}.rs")]);
    }
    shop.verified(&["src/last.rs"]);
    assert_eq!(shop.decides(), HELD);
    let told = shop.evidence();
    let line = format!("infra/dns.tf is HIGH: it matches infra/**; {} (#1) brought it", &a1[..7]);
    assert!(told.contains(&line), "{told}");
    shop.settled_within(4);
    pull.labeled("release:approved", "bea");
    assert_eq!(shop.decides(), SHIPS);
}

#[test]
fn a_pull_request_of_more_than_three_hundred_files_is_approved_like_another() {
    let mut shop = shop("label");
    let paths: Vec<String> = (0..320).map(|number| format!("src/{number:03}.rs")).collect();
    let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    paths.push("zz/migrations/1.sql");
    let pull = shop.pull("ada", &paths);
    ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), HELD);
    assert!(shop.hints().starts_with("add label release:approved to #1 "), "{}", shop.hints());
    pull.labeled("release:approved", "bea");
    assert_eq!(shop.decides(), SHIPS);
}

#[test]
fn a_merge_that_github_does_not_know_of_yet_is_asked_about_again() {
    let mut shop = shop("label");
    shop.repo.lag_associations(std::time::Duration::from_secs(120));
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), HELD);
    assert!(shop.hints().contains("without a pull request"), "{}", shop.hints());
    pull.labeled("release:approved", "bea");
    shop.minutes_later(11);
    assert_eq!(shop.decides(), SHIPS);
}

#[test]
fn a_token_that_may_not_see_pull_requests_ships_what_needs_none_and_says_so_of_the_rest() {
    let mut shop = shop("[label, environment]");
    shop.github.fail(
        FaultOn::operation("repos/list-pull-requests-associated-with-commit").always(),
        Fault::Status(403),
    );
    let medium = shop.verified(&["package.json"]);
    assert_eq!(shop.decides(), "ALLOW MEDIUM deploying");
    shop.deploy_ends(&medium, "success").good_pass();
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let high = ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), HELD);
    assert!(shop.hints().contains("cannot tell which pull request brought it"), "{}", shop.hints());
    shop.approve(&high).good_pass();
    assert_eq!(shop.dispatches_of(&high), 1, "an operator's word needs no pull request");
}

#[test]
fn a_range_that_is_too_long_to_be_told_takes_an_operator_and_is_not_listed_again() {
    let mut shop = shop("label");
    // At most eight pages of such a list are read.
    shop.github.set_compare_page(20);
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    pull.merged(MergeMethod::Squash, "ada");
    for number in 0..200 {
        shop.repo.push_paths(&[&format!("src/{number}.rs")]);
    }
    shop.verified(&["src/last.rs"]);
    assert_eq!(shop.decides(), HELD);
    assert!(shop.hints().contains("more than 160 commits lie between them"), "{}", shop.hints());
    shop.settled();
}

#[test]
fn a_pull_request_that_took_the_branch_in_and_became_it_approves_nothing_but_its_own() {
    let mut shop = shop("label");
    let second = shop.pull("ada", &["src/cart.rs"]);
    let first = shop.pull("ada", &["infra/dns.tf"]);
    first.merged(MergeMethod::Squash, "ada");
    shop.repo.merge_branch(second.branch(), "main", "ada");
    second.labeled("release:approved", "bea");
    let a1 = second.fast_forwarded("ada");
    shop.repo.verify(&a1, "success");
    shop.later(5);
    assert_eq!(shop.decides(), HELD);
    let why = "merged other commits, and not a pull request";
    assert!(shop.hints().contains(why), "{}", shop.hints());
}

/// A manual merge of a pull request that also writes this file.
fn merged_by_hand(shop: &mut Story, head: &str, path: &str, content: &str) -> String {
    let files = shop.repo.blob(head, "infra/dns.tf");
    assert!(files.is_some(), "the branch brings the file");
    let (tip, other) = (shop.repo.tip("main"), shop.repo.tip(head));
    let merge = NewCommit::on("main").message("Merge it").author("ada").parents(&[&tip, &other]);
    let sha = shop.repo.push(merge.file(path, content));
    shop.repo.verify(&sha, "success");
    shop.later(5);
    sha
}

#[test]
fn a_merge_by_hand_that_carries_more_than_its_pull_request_shows_takes_an_operator() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    pull.labeled("release:approved", "bea");
    let branch = pull.branch().to_owned();
    let a1 = merged_by_hand(&mut shop, &branch, "infra/smuggled.tf", "anything");
    assert_eq!(shop.decides(), HELD);
    let why = format!("infra/smuggled.tf came with {}, but not as shown in #1", &a1[..7]);
    assert!(shop.hints().contains(&why), "{}", shop.hints());
    shop.settled_within(4);
    shop.approve(&a1).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_merge_by_hand_that_changes_what_its_pull_request_shows_takes_an_operator() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    pull.labeled("release:approved", "bea");
    let branch = pull.branch().to_owned();
    let a1 = merged_by_hand(&mut shop, &branch, "infra/dns.tf", "another content");
    assert_eq!(shop.decides(), HELD);
    let why = format!("infra/dns.tf came with {}, but not as shown in #1", &a1[..7]);
    assert!(shop.hints().contains(&why), "{}", shop.hints());
}

/// A pull request whose merge changes the content it shows, as after a change of the same file
/// on the branch, for a merge method and a server that signs merges or not.
fn merged_after_a_change(method: MergeMethod, signs: bool) -> String {
    let mut shop = shop("label");
    shop.repo.sign_merges(signs);
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    pull.labeled("release:approved", "bea");
    // The fake GitHub does not merge lines, so set the merged content of the file explicitly.
    shop.repo.merge_makes("infra/dns.tf", "both changes\n");
    ship(&mut shop, &pull, method);
    shop.decides()
}

#[test]
fn what_github_made_of_two_changes_counts_as_the_pull_requests() {
    for method in [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase] {
        assert_eq!(merged_after_a_change(method, true), SHIPS, "{method:?}");
    }
    // An Enterprise Server that does not sign its merges.
    assert_eq!(merged_after_a_change(MergeMethod::Merge, false), HELD);
    assert_eq!(merged_after_a_change(MergeMethod::Squash, false), SHIPS);
    assert_eq!(merged_after_a_change(MergeMethod::Rebase, false), SHIPS);
}

#[test]
fn a_pull_request_that_was_merged_before_its_base_was_renamed_is_one_of_the_branch() {
    let mut shop = shop("label");
    shop.repo.rename_branch("main", "master");
    let pull = shop.pull_to("master", "ada", &["infra/dns.tf"]);
    let a1 = pull.merged(MergeMethod::Squash, "ada");
    pull.labeled("release:approved", "bea");
    shop.repo.rename_branch("master", "main");
    shop.repo.verify(&a1, "success");
    shop.later(5);
    assert_eq!(shop.decides(), SHIPS);
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_merge_by_hand_takes_an_operator_also_where_github_compares_it_with_nothing() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    pull.labeled("release:approved", "bea");
    let (branch, head) = (pull.branch().to_owned(), pull.head());
    let a1 = merged_by_hand(&mut shop, &branch, "infra/dns.tf", "another content");
    // "Sorry, this diff is taking too long to generate."
    for pair in [format!("{head}...{a1}"), format!("{a1}...{head}")] {
        let on = FaultOn::path(&format!("/repos/acme/shop/compare/{pair}*")).always();
        let message = "Server Error: Sorry, this diff is taking too long to generate.".to_owned();
        shop.github.fail(on, Fault::Refuse { status: 422, message });
    }
    assert_eq!(shop.decides(), HELD);
    shop.passes(3, 60);
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.approve(&a1).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
}
