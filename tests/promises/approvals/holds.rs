//! The cost of a hold that waits for an approval, and robustness against hostile comments.

use ghbox::{MergeMethod, Role};

use super::{HELD, SHIPS, ship, shop};
use crate::story::Story;

/// The requests of the next pass, without the repository's address.
fn asked(shop: &mut Story) -> String {
    drop(shop.requests());
    shop.later(30).good_pass();
    let told = shop.requests().into_iter().map(|one| {
        let path = one.path.replace("/repos/acme/shop/", "");
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let path = path.split('/').map(|part| if part.len() == 40 { "SHA" } else { part });
        format!("{} {} {}", one.response_status, one.method, path.collect::<Vec<_>>().join("/"))
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_hold_that_waits_costs_one_more_304_for_each_pull_request() {
    let mut shop = shop("[label, comment]");
    for paths in [["infra/dns.tf"], ["infra/net.tf"]] {
        let pull = shop.pull("ada", &paths);
        ship(&mut shop, &pull, MergeMethod::Squash);
    }
    assert_eq!(shop.decides(), HELD);
    shop.settled_within(5);
    insta::assert_snapshot!(asked(&mut shop), @r"
    304 GET actions/workflows/90000001/runs
    304 GET actions/workflows/90000002/runs
    304 GET issues/1/timeline
    304 GET issues/2/timeline
    304 GET commits/SHA/statuses
    ");
}

#[test]
fn what_was_read_of_merged_commits_is_not_read_again() {
    let mut shop = shop("label");
    for number in 0..20 {
        let pull = shop.pull("ada", &[&format!("src/{number}.rs")]);
        pull.merged(MergeMethod::Squash, "ada");
    }
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let last = ship(&mut shop, &pull, MergeMethod::Squash);
    shop.restart();
    drop(shop.requests());
    assert_eq!(shop.decides(), HELD);
    let compared = |shop: &mut Story| {
        let requests = shop.requests();
        requests.iter().filter(|one| one.path.contains("/compare/")).count()
    };
    let at_first = compared(&mut shop);
    shop.passes(30, 60);
    assert_eq!(compared(&mut shop), 0, "{at_first} at first");
    shop.restart().good_pass();
    assert_eq!(compared(&mut shop), 0, "what is kept outlives a restart");
    pull.labeled("release:approved", "bea");
    assert_eq!(shop.decides(), SHIPS);
    assert_eq!(shop.dispatches_of(&last), 1);
}

#[test]
fn a_thousand_comments_by_strangers_hide_no_approval() {
    let mut shop = shop("comment");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    pull.commented("/approve", "bea");
    for number in 0..999 {
        shop.repo.comment(pull.number(), "/approve", &format!("stranger-{}", number % 40));
    }
    drop(shop.requests());
    assert_eq!(shop.decides(), SHIPS);
    assert_eq!(shop.dispatches_of(&a1), 1);
    let asked = shop.requests();
    let standings = asked.iter().filter(|one| one.path.ends_with("/permission")).count();
    assert!(standings <= 40, "{standings} were asked about, in both looks");
}

#[test]
fn labels_with_blanks_commas_slashes_and_signs_are_names_like_others() {
    for label in ["ready to ship", "risk/accepted, really", "🚀 ship it", "a\"b<c>"] {
        let quoted = serde_json::to_string(label).unwrap();
        let story = Story::repository("acme/shop")
            .policy("approval_mode", "label")
            .policy("approval_label", &quoted);
        let mut shop = super::staffed(story);
        let pull = shop.pull("ada", &["infra/dns.tf"]);
        ship(&mut shop, &pull, MergeMethod::Squash);
        let hint = shop.hints();
        assert!(hint.contains(label), "{hint}");
        pull.labeled(label, "bea");
        assert_eq!(shop.decides(), SHIPS, "{label}");
    }
}

#[test]
fn a_pull_request_from_a_fork_by_a_deleted_account_is_approved_like_another() {
    let mut shop = shop("comment");
    shop.person("gone").role(Role::Read);
    let pull = shop.pull_from_fork("gone", &["infra/dns.tf"]);
    ship(&mut shop, &pull, MergeMethod::Squash);
    shop.delete_user("gone");
    assert_eq!(shop.decides(), HELD);
    pull.commented("/approve", "bea");
    assert_eq!(shop.decides(), SHIPS);
}

#[test]
fn talk_that_github_does_not_show_approves_nothing_and_fails_no_pass() {
    use ghbox::{Fault, FaultOn};
    let mut shop = shop("comment");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    pull.commented("/approve", "bea");
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    let broken = shop
        .github
        .fail(FaultOn::operation("issues/list-events-for-timeline").always(), Fault::Status(500));
    assert!(shop.try_pass().is_err(), "what cannot be read for now decides nothing");
    assert_eq!(shop.dispatches_of(&a1), 0);
    shop.github.mend(broken);
    shop.later(60);
    assert_eq!(shop.decides(), SHIPS);
}

#[test]
fn a_commit_that_github_shows_late_leaves_an_approval_before_the_merge_in_doubt() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["src/cart.rs"]);
    shop.later(600);
    shop.repo.lag_commits_in_timelines(std::time::Duration::from_secs(300));
    pull.labeled("release:approved", "bea").pushed(&["infra/dns.tf"]);
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), HELD);
    assert!(shop.hints().contains("does not show the last commit"), "{}", shop.hints());
    shop.minutes_later(6);
    assert!(shop.hints().contains("commits were pushed after it"), "{}", shop.hints());
    pull.unlabeled("release:approved", "bea").labeled("release:approved", "bea");
    assert_eq!(shop.decides(), SHIPS, "what is given after the merge is in no doubt");
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn where_authors_are_not_trusted_only_what_was_said_after_the_merge_counts() {
    let story = Story::repository("acme/shop")
        .policy("approval_mode", "label")
        .policy("approval_before_merge", "false");
    let mut shop = super::staffed(story);
    // GitHub may list commits by date, which the pusher chooses.
    shop.repo.place_commits_by_date(true);
    let pull = shop.pull("ada", &["src/cart.rs"]);
    pull.labeled("release:approved", "bea").pushed_with_an_old_date(&["infra/dns.tf"]);
    ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), HELD);
    assert!(shop.hints().contains("it was given before the merge"), "{}", shop.hints());
    pull.unlabeled("release:approved", "bea").labeled("release:approved", "bea");
    assert_eq!(shop.decides(), SHIPS);
}

#[test]
fn the_first_event_of_a_new_page_is_seen() {
    // Whatever else is in the timeline, one of these numbers of comments fills its first page.
    for comments in 94..100 {
        let mut shop = shop("comment");
        let pull = shop.pull("ada", &["infra/dns.tf"]);
        ship(&mut shop, &pull, MergeMethod::Squash);
        for number in 0..comments {
            shop.repo.comment(pull.number(), &format!("{number}"), "tom");
        }
        assert_eq!(shop.decides(), HELD);
        pull.commented("/approve", "bea");
        shop.later(60);
        assert_eq!(shop.decides(), SHIPS, "{comments}");
    }
}

#[test]
fn a_label_that_was_renamed_taken_off_and_renamed_back_approves_no_more() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    pull.labeled("release:approved", "bea");
    shop.repo.rename_label("release:approved", "approved-once");
    pull.unlabeled("approved-once", "bea");
    // Somebody without permission adds the label again, under its name at that time.
    pull.labeled("approved-once", "tom");
    shop.repo.rename_label("approved-once", "release:approved");
    assert_eq!(shop.decides(), HELD);
    assert_eq!(shop.dispatches_of(&a1), 0);
    pull.unlabeled("release:approved", "bea").labeled("release:approved", "bea");
    shop.later(60);
    assert_eq!(shop.decides(), SHIPS);
}

#[test]
fn a_label_of_another_name_that_is_taken_off_takes_no_approval_away() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    ship(&mut shop, &pull, MergeMethod::Squash);
    pull.labeled("bug", "tom").labeled("release:approved", "bea").unlabeled("bug", "tom");
    assert_eq!(shop.decides(), SHIPS);
}
