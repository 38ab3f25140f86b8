//! Approvals by people, on the pull requests that brought HIGH changes (design, section 4).

mod holds;
mod origins;
mod raised;
mod unreadable;

use ghbox::{MergeMethod, Role, Token, story as stage};

use crate::story::{PullRequest, Story, TOKEN};

pub(super) const HELD: &str = "HOLD HIGH high_risk_no_approval";
pub(super) const SHIPS: &str = "ALLOW HIGH deploying";

/// A repository with approval mode `mode` and one commit in production. ada is the author, bea
/// has write access, tom does not.
pub(super) fn shop(mode: &str) -> Story {
    staffed(Story::repository("acme/shop").policy("approval_mode", mode))
}

/// Adds the same people to a story with further policy keys.
pub(super) fn staffed(mut shop: Story) -> Story {
    shop.person("ada").role(Role::Write);
    shop.person("bea").role(Role::Write);
    shop.person("tom").role(Role::Triage);
    shop.in_production();
    shop
}

/// Merges a pull request, with a successful verification.
pub(super) fn ship(shop: &mut Story, pull: &PullRequest, method: MergeMethod) -> String {
    let sha = pull.merged(method, "ada");
    shop.repo.verify(&sha, "success");
    shop.later(5);
    sha
}

#[test]
fn a_label_by_somebody_who_may_write_ships_it_within_one_pass() {
    let mut shop = shop("label");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), HELD);
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · HIGH · high_risk_no_approval: add label release:approved to #1 (needs write, not ada)");
    assert!(shop.target(&a1).ends_with("/acme/shop/pull/1"), "{}", shop.target(&a1));
    shop.settled_within(4);
    pull.labeled("release:approved", "bea");
    assert_eq!(shop.decides(), SHIPS);
    assert_eq!(shop.dispatches_of(&a1), 1);
    shop.deploy_ends(&a1, "success").good_pass().settled();
}

#[test]
fn a_comment_by_somebody_who_may_write_ships_it_within_one_pass() {
    let mut shop = shop("comment");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let a1 = ship(&mut shop, &pull, MergeMethod::Merge);
    assert_eq!(shop.decides(), HELD);
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · HIGH · high_risk_no_approval: comment /approve on #1 (needs write, not ada)");
    shop.settled_within(4);
    pull.commented("Looked at the plan.\r\n\r\n  /approve \r\n", "bea");
    assert_eq!(shop.decides(), SHIPS);
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn people_are_asked_for_and_shown_as_github_spells_them() {
    let shop = Story::repository("acme/shop")
        .policy("approval_mode", "label")
        .policy("approval_teams", "[acme/release-captains]");
    let mut shop = staffed(shop);
    shop.person("Ada-Ops").role(Role::Write);
    shop.person("Bea-Ops").role(Role::Write);
    shop.team("acme/release-captains", &["Bea-Ops"]);
    let rights = Token::classic("Release-Bot", &["repo", "read:org"]);
    shop.github.add_token_with(TOKEN, rights);
    shop.team("acme/robots", &["Release-Bot"]);
    shop.person("Release-Bot").role(Role::Write);
    let pull = shop.pull("Ada-Ops", &["infra/dns.tf"]);
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), HELD);
    assert!(shop.hints().ends_with("not Ada-Ops)"), "{}", shop.hints());
    pull.labeled("release:approved", "Bea-Ops");
    assert_eq!(shop.decides(), SHIPS);
    let evidence = shop.recorded_evidence(&a1);
    shop.deploy_ends(&a1, "failure").good_pass();
    assert_eq!(shop.repo.issues().len(), 1);
    let paths: Vec<String> = shop.requests().into_iter().map(|one| one.path).collect();
    for asked in [
        "/repos/acme/shop/collaborators/Bea-Ops/permission",
        "/orgs/acme/teams/release-captains/memberships/Bea-Ops",
        "/repos/acme/shop/issues?creator=Release-Bot&state=all&per_page=100",
    ] {
        assert!(paths.iter().any(|path| path == asked), "{asked}: {paths:#?}");
    }
    assert!(!evidence.contains("bea-ops"), "{evidence}");
}

#[test]
fn either_of_several_modes_suffices_and_the_hint_names_all() {
    let mut shop = shop("[label, comment, environment]");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let a1 = ship(&mut shop, &pull, MergeMethod::Rebase);
    insta::assert_snapshot!(shop.hints().replace(&a1[..7], "SHA"), @r#"
    add label release:approved to #1, or comment /approve on #1, or `release-governor approve acme/shop SHA --reason "WHY"` (needs write, not ada)
    "#);
    pull.commented("/approve", "bea");
    assert_eq!(shop.decides(), SHIPS);
}

#[test]
fn every_pull_request_that_brought_something_high_needs_its_own_approval() {
    let mut shop = shop("label");
    let harmless = shop.pull("ada", &["src/cart.rs"]);
    let first = shop.pull("ada", &["infra/dns.tf"]);
    let second = shop.pull("ada", &["db/migrations/1.sql"]);
    harmless.merged(MergeMethod::Squash, "ada");
    first.merged(MergeMethod::Squash, "ada");
    let a3 = ship(&mut shop, &second, MergeMethod::Squash);
    insta::assert_snapshot!(shop.hints(), @"add label release:approved to #2 and #3 (needs write, not ada)");
    first.labeled("release:approved", "bea");
    assert_eq!(shop.decides(), HELD);
    insta::assert_snapshot!(shop.hints(), @"add label release:approved to #3 (needs write, not ada)");
    second.labeled("release:approved", "bea");
    assert_eq!(shop.decides(), SHIPS);
    assert_eq!(shop.dispatches_of(&a3), 1);
}

#[test]
fn what_does_not_count_is_held_and_the_hint_says_why() {
    let told = |talk: &dyn Fn(&Story, &PullRequest)| {
        let mut shop = shop("[label, comment]");
        shop.bot("helper");
        let pull = shop.pull("ada", &["infra/dns.tf"]);
        talk(&shop, &pull);
        ship(&mut shop, &pull, MergeMethod::Squash);
        let hints = shop.hints();
        assert_eq!(shop.decides(), HELD, "{hints}");
        shop.settled_within(8);
        hints.rsplit_once("; ").map_or(hints.clone(), |(_, because)| because.to_owned())
    };
    insta::assert_snapshot!(told(&|_, pull| {
        pull.labeled("release:approved", "ada");
    }), @"the label by ada on #1 does not count: authors cannot approve their own pull request");
    insta::assert_snapshot!(told(&|_, pull| {
        pull.commented("/approve", "tom");
    }), @"the comment by tom on #1 does not count: their role is triage, but write is needed");
    insta::assert_snapshot!(told(&|shop, pull| {
        shop.person("eve").custom_role("greeter", Role::Triage);
        pull.commented("/approve", "eve");
    }), @"the comment by eve on #1 does not count: their role is greeter, but write is needed");
    insta::assert_snapshot!(told(&|_, pull| {
        pull.commented("> /approve", "bea");
    }), @"the comment by bea on #1 does not count: the command is inside a quote");
    insta::assert_snapshot!(told(&|_, pull| {
        pull.commented("/approve", "helper[bot]");
    }), @"the comment by helper[bot] on #1 does not count: a bot wrote it");
    insta::assert_snapshot!(told(&|_, pull| {
        let comment = pull.comment("hello", "bea");
        pull.edit_comment(comment, "/approve");
    }), @"the comment by bea on #1 does not count: it was edited");
    insta::assert_snapshot!(told(&|_, pull| {
        pull.labeled("release:approved", "bea").pushed(&["infra/more.tf"]);
    }), @"the label by bea on #1 does not count: commits were pushed after it");
    insta::assert_snapshot!(told(&|_, pull| {
        pull.commented("/approve", "bea").force_pushed(&["infra/other.tf"]);
    }), @"the comment by bea on #1 does not count: commits were pushed after it");
    insta::assert_snapshot!(told(&|_, pull| {
        pull.labeled("release:approved", "bea").pushed_with_an_old_date(&["infra/more.tf"]);
    }), @"the label by bea on #1 does not count: commits were pushed after it");
    insta::assert_snapshot!(told(&|shop, pull| {
        shop.person("old").role(Role::Admin);
        pull.commented("/approve", "old");
        shop.delete_user("old");
    }), @"the comment by somebody on #1 does not count: its author is unknown");
    insta::assert_snapshot!(told(&|shop, pull| {
        pull.labeled("release:approved", "bea");
        shop.repo.delete_label("release:approved");
    }), @"the label by bea on #1 does not count: the label was removed");
}

#[test]
fn what_was_taken_back_counts_no_more() {
    type Act = fn(&Story, &PullRequest);
    let acts: [Act; 4] = [
        |_, pull| {
            pull.unlabeled("release:approved", "tom");
        },
        |shop, _| {
            shop.person("bea").no_role();
        },
        |shop, _| shop.repo.delete_label("release:approved"),
        |shop, _| shop.delete_user("bea"),
    ];
    for (number, act) in acts.into_iter().enumerate() {
        let mut shop = shop("label");
        let running = shop.verified(&["src/cart.rs"]);
        shop.good_pass();
        let pull = shop.pull("ada", &["infra/dns.tf"]);
        pull.labeled("release:approved", "bea");
        let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
        assert_eq!(shop.decides(), "WAIT HIGH deploy_in_progress", "{number}");
        act(&shop, &pull);
        shop.deploy_ends(&running, "success").good_pass();
        assert_eq!(shop.decides(), HELD, "{number}");
        assert_eq!(shop.dispatches_of(&a1), 0, "{number}");
    }
}

#[test]
fn an_approval_that_is_taken_back_during_the_last_look_ships_nothing() {
    let mut shop = shop("comment");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    let comment = pull.comment("/approve", "bea");
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    let (repo, number) = (shop.repo.clone(), pull.number());
    let gone = shop.meanwhile(crate::story::a_look_at_statuses(), move || {
        repo.delete_comment(number, comment, "bea");
    });
    shop.good_pass();
    assert!(shop.happened(&gone));
    assert_eq!(shop.dispatches_of(&a1), 0);
    assert_eq!(shop.decides(), HELD);
}

#[test]
fn approvers_belong_to_a_team_where_the_policy_names_some() {
    let mut shop = staffed(
        Story::repository("acme/shop")
            .policy("approval_mode", "label")
            .policy("approval_teams", "[release-captains, acme/security]"),
    );
    shop.person("kim").role(Role::Maintain);
    shop.repo.add_collaborator(stage::GOVERNOR, Role::Write);
    let rights = Token::classic(stage::GOVERNOR, &["repo", "read:org"]);
    shop.github.add_token_with(TOKEN, rights);
    let captains = shop.team("acme/release-captains", &[stage::GOVERNOR]);
    shop.team("acme/security", &["kim"]);
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    pull.labeled("release:approved", "bea");
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), HELD);
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · HIGH · high_risk_no_approval: re-add label release:approved to #1 (needs write, in acme/release-captains or acme/security, n…");
    captains.invite("bea");
    assert_eq!(shop.decides(), HELD, "an invitation is no membership");
    pull.unlabeled("release:approved", "bea").labeled("release:approved", "kim");
    assert_eq!(shop.decides(), SHIPS);
}

#[test]
fn a_permission_that_is_gained_later_counts_from_then_on() {
    let mut shop = shop("comment");
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    pull.commented("/approve", "tom");
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), HELD);
    shop.settled_within(5);
    shop.person("tom").role(Role::Maintain);
    assert_eq!(shop.decides(), SHIPS);
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn authors_approve_their_own_where_the_policy_lets_them() {
    let mut shop = staffed(
        Story::repository("acme/shop")
            .policy("approval_mode", "comment")
            .policy("approval_allow_author", "true"),
    );
    let pull = shop.pull("ada", &["infra/dns.tf"]);
    pull.commented("/approve", "ada");
    ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), SHIPS);
}

#[test]
fn a_first_deploy_is_approved_on_the_candidates_own_pull_request() {
    let mut shop = Story::repository("acme/shop")
        .policy("approval_mode", "comment")
        .policy("require_approval_for_first_deploy", "true");
    shop.person("ada").role(Role::Write);
    shop.person("bea").role(Role::Write);
    let pull = shop.pull("ada", &["src/cart.rs"]);
    let a1 = ship(&mut shop, &pull, MergeMethod::Squash);
    assert_eq!(shop.decides(), "HOLD LOW first_deploy_required");
    insta::assert_snapshot!(shop.status(&a1), @"failure: HOLD SHA · LOW · first_deploy_required: first deploy: comment /approve on #1 (needs write, not ada)");
    shop.settled_within(4);
    pull.commented("/approve", "bea");
    assert_eq!(shop.decides(), "ALLOW LOW deploying");
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn after_an_operators_word_only_what_came_later_needs_people() {
    let mut shop = shop("label");
    let first = shop.pull("ada", &["infra/dns.tf"]);
    let a1 = first.merged(MergeMethod::Squash, "ada");
    shop.good_pass().approve(&a1);
    let second = shop.pull("ada", &["db/migrations/1.sql"]);
    let a2 = ship(&mut shop, &second, MergeMethod::Squash);
    assert!(shop.hints().starts_with("add label release:approved to #2 ("), "{}", shop.hints());
    second.labeled("release:approved", "bea");
    assert_eq!(shop.decides(), SHIPS);
    assert_eq!(shop.dispatches_of(&a2), 1);
    insta::assert_snapshot!(shop.said(&a2), @r"
    failure: HOLD SHA · HIGH · high_risk_no_approval: add label release:approved to #2 (needs write, not ada)
    pending: ALLOW SHA · HIGH · dispatching ID
    success: ALLOW SHA · HIGH · Triggered: deploy workflow run
    ");
}
