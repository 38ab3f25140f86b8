//! Approvals, one row per sentence: the situation, the resulting decision, and what people are
//! told: who approved, or how to proceed.

use release_governor::domain::*;
use release_governor::messages;

use crate::people::{PUSHED, captains, comment, person, unlabeled};
use crate::world::{
    BASE, WANTED, World, another_deploy_file, at, operator, related, run, sha, succeeded,
};

/// ann opened every pull request. By default, ann, bea and cid have write access, HIGH is
/// approved by label or comment, `a push` comes before the merge, and the merge comes last.
const TABLE: &str = "
# Who may.
a migration by #42 | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann)
a migration by #42; label by bea, who may write | ALLOW HIGH allow_high_approved | approved: #42 by bea (label)
a migration by #42; comment by bea, who may write | ALLOW HIGH allow_high_approved | approved: #42 by bea (comment)
a migration by #42; comment by bea, who may triage | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by bea on #42 does not count: their role is triage, but write is needed
a migration by #42; comment by bea, who may read | HOLD HIGH high_risk_no_approval
a migration by #42; comment by bea, who may do nothing | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by bea on #42 does not count: their role is none, but write is needed
a migration by #42; comment by bea, who may maintain | ALLOW HIGH allow_high_approved
a migration by #42; comment by bea, whose role deployer may write | ALLOW HIGH allow_high_approved
a migration by #42; comment by bea, whose role deployer may triage | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by bea on #42 does not count: their role is deployer, but write is needed
a migration by #42; comment by bea, whose role GitHub does not tell | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by bea on #42 does not count: GitHub said 403
a migration by #42; comment by bea, whose role cannot be read now | no decision | timeout
a migration by #42; it takes maintain; label by bea, who may write | HOLD HIGH high_risk_no_approval | re-add label release:approved to #42, or comment /approve on #42 (needs maintain, not ann); the label by bea on #42 does not count: their role is write, but maintain is needed
a migration by #42; it takes maintain; label by bea, who may admin | ALLOW HIGH allow_high_approved
a migration by #42; it takes read; comment by bea, who may read | ALLOW HIGH allow_high_approved
a migration by #42; label by ann, who may admin | HOLD HIGH high_risk_no_approval | re-add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the label by ann on #42 does not count: authors cannot approve their own pull request
a migration by #42; comment by ann | HOLD HIGH high_risk_no_approval
a migration by #42; authors may; label by ann | ALLOW HIGH allow_high_approved | approved: #42 by ann (label)
a migration by #42; authors may; label by ann, who may triage | HOLD HIGH high_risk_no_approval | re-add label release:approved to #42, or comment /approve on #42 (needs write); the label by ann on #42 does not count: their role is triage, but write is needed
a migration by #42; comment by kit[bot] | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by kit[bot] on #42 does not count: a bot wrote it
a migration by #42; label by kit[bot], who may write | ALLOW HIGH allow_high_approved
a migration by #42; comment by bea, through the App slack | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by bea on #42 does not count: the App slack wrote it
a migration by #42; comment by a deleted account | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by somebody on #42 does not count: its author is unknown
a migration by #42; label by a deleted account | HOLD HIGH high_risk_no_approval | re-add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the label by somebody on #42 does not count: its author is unknown
a migration by #42; captains approve; label by bea, a captain | ALLOW HIGH allow_high_approved
a migration by #42; captains approve; label by bea | HOLD HIGH high_risk_no_approval | re-add label release:approved to #42, or comment /approve on #42 (needs write, in acme/captains, not ann); the label by bea on #42 does not count: they are not visible as a member of acme/captains (or the token cannot read it)
a migration by #42; captains approve; label by bea, whose team GitHub does not tell | HOLD HIGH high_risk_no_approval
a migration by #42; captains approve; label by bea, a captain, who may triage | HOLD HIGH high_risk_no_approval
a migration by #42; captains approve; label by ann, a captain | HOLD HIGH high_risk_no_approval
a migration by #42; label by bea; comment by cid, who may read | ALLOW HIGH allow_high_approved | approved: #42 by bea (label)
a migration by #42; label by ann; comment by bea | ALLOW HIGH allow_high_approved | approved: #42 by bea (comment)

# How.
a migration by #42; mode label; comment by bea | HOLD HIGH high_risk_no_approval | add label release:approved to #42 (needs write, not ann)
a migration by #42; mode comment; label by bea | HOLD HIGH high_risk_no_approval | comment /approve on #42 (needs write, not ann)
a migration by #42; mode environment; label by bea; comment by bea | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`
a migration by #42; mode environment or label; label by bea | ALLOW HIGH allow_high_approved
a migration by #42; mode environment or label | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or `release-governor approve acme/shop 0505050 --reason \"WHY\"` (needs write, not ann)
a migration by #42; mode label; kim approves it | ALLOW HIGH allow_high_approved | approved by kim (uid 1000) for 0505050: looked at it
a migration by #42; mode comment; the environment names it | ALLOW HIGH allow_high_approved | approved by RELEASE_GOVERNOR_APPROVED
a migration by #42; comment by bea, in a quote | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by bea on #42 does not count: the command is inside a quote
a migration by #42; comment by bea, edited | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by bea on #42 does not count: it was edited

# When, and how it is withdrawn.
a migration by #42; label by bea; a push; merged | HOLD HIGH high_risk_no_approval | re-add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the label by bea on #42 does not count: commits were pushed after it
a migration by #42; comment by bea; a push; merged | HOLD HIGH high_risk_no_approval
a migration by #42; a push; label by bea; merged | ALLOW HIGH allow_high_approved
a migration by #42; its last commit is not shown; comment by bea | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by bea on #42 does not count: GitHub does not show the last commit of the pull request yet
a migration by #42; its last commit is not shown; merged; comment by bea | ALLOW HIGH allow_high_approved
a migration by #42; only after the merge; label by bea | HOLD HIGH high_risk_no_approval | re-add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the label by bea on #42 does not count: it was given before the merge
a migration by #42; only after the merge; merged; label by bea | ALLOW HIGH allow_high_approved
a migration by #42; merged; comment by bea | ALLOW HIGH allow_high_approved
a migration by #42; merged; comment by bea; a push | ALLOW HIGH allow_high_approved
a migration by #42; comment by bea; a push to the branch after the merge | HOLD HIGH high_risk_no_approval
a migration by #42; comment by bea; a push; comment by bea | ALLOW HIGH allow_high_approved
a migration by #42; comment by bea; a push; comment by ann; merged | HOLD HIGH high_risk_no_approval
a migration by #42; label by bea, taken off | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann)
a migration by #42; label by bea, taken off under another case | HOLD HIGH high_risk_no_approval
a migration by #42; label by bea, another label taken off | ALLOW HIGH allow_high_approved
a migration by #42; label by bea, a label taken off that was never put on | HOLD HIGH high_risk_no_approval | re-add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the label by bea on #42 does not count: label old name was removed after it, and may be this label under another name
a migration by #42; label by bea, another label taken off, a label on it that was never put on | HOLD HIGH high_risk_no_approval
a migration by #42; label by bea, a label on it that was never put on | ALLOW HIGH allow_high_approved
a migration by #42; label by bea, a label taken off that was never put on; label by bea | ALLOW HIGH allow_high_approved
a migration by #42; label by bea, gone without an event | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the label by bea on #42 does not count: the label was removed
a migration by #42; label by bea, back without an event | HOLD HIGH high_risk_no_approval
a migration by #42; label by bea, taken off; label by ann | HOLD HIGH high_risk_no_approval
a migration by #42; label by ann, taken off; label by bea | ALLOW HIGH allow_high_approved
a migration by #42; comment by bea, deleted | HOLD HIGH high_risk_no_approval
a migration by #42; what was said there GitHub does not tell | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); cannot read the comments and labels of #42: GitHub said 410

# What is told where several things are wrong: of the label, that it is there; of the people, not strangers.
a migration by #42; label by ann; comment by cid, who may read, from outside | HOLD HIGH high_risk_no_approval | re-add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the label by ann on #42 does not count: authors cannot approve their own pull request
a migration by #42; label by ann; comment by bea, in code | HOLD HIGH high_risk_no_approval | re-add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by bea on #42 does not count: the command is inside code
a migration by #42; comment by bea; a push; comment by cid, who may do nothing, from outside | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann); the comment by bea on #42 does not count: commits were pushed after it
a migration by #42; another by #43; label by ann | HOLD HIGH high_risk_no_approval | add label release:approved to #43, re-add it to #42, or comment /approve on #42 and #43 (needs write, not ann); the label by ann on #42 does not count: authors cannot approve their own pull request

# Where.
a migration by #42; another by #43; label by bea | HOLD HIGH high_risk_no_approval | add label release:approved to #43, or comment /approve on #43 (needs write, not ann)
a migration by #42; another by #43; label by bea; comment by bea on #43 | ALLOW HIGH allow_high_approved | approved: #42 by bea (label), #43 by bea (comment)
a migration by #42; another by #43 | HOLD HIGH high_risk_no_approval | add label release:approved to #42 and #43, or comment /approve on #42 and #43 (needs write, not ann)
a migration by #42; the same file by #43; label by bea | HOLD HIGH high_risk_no_approval
a migration by #42; the same file by #43; label by bea; label by bea on #43 | ALLOW HIGH allow_high_approved
a migration that two pull requests hold; label by bea | HOLD HIGH high_risk_no_approval
a migration that two pull requests hold; label by bea; label by bea on #43 | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: db/1.sql came with 0505050, without a pull request
a migration that two pull requests hold; label by bea; label by bea on #43; kim approves it | ALLOW HIGH allow_high_approved

# What a pull request brought, is what it shows.
a migration by #42 that it does not show; label by bea | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: db/1.sql came with 0505050, but not as shown in #42
a migration by #42 that it does not show; label by bea; kim approves it | ALLOW HIGH allow_high_approved
a migration by #42 that it does not show; label by bea; merged as 5 by github; its head is on the branch | HOLD HIGH high_risk_no_approval
a migration by #42 that it shows otherwise; label by bea; its head is not on the branch | ALLOW HIGH allow_high_approved
a migration by #42 that it shows otherwise; label by bea; its head is on the branch | HOLD HIGH high_risk_no_approval
a migration by #42 that it shows otherwise; label by bea; its head is on the branch; merged as 5 by github | ALLOW HIGH allow_high_approved
a migration by #42 that it shows otherwise; label by bea; its head is on the branch; merged as 5 by somebody | HOLD HIGH high_risk_no_approval
a migration by #42 that it shows otherwise; label by bea; its head is on the branch; merged as 4 by github | HOLD HIGH high_risk_no_approval
a migration by #42 that it shows otherwise; label by bea; where its head is GitHub does not tell | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: cannot tell which pull request brought it: GitHub said 403
a migration by #42 that it deletes, too; label by bea | ALLOW HIGH allow_high_approved
a migration by #42 of which the list is cut; label by bea | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: cannot tell which pull request brought it: GitHub lists only a part of the files of #42
a migration by #42 whose files GitHub does not tell; label by bea | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: cannot tell which pull request brought it: GitHub said 403
a migration by two commits of #42, shown as it is after both; label by bea | ALLOW HIGH allow_high_approved
a migration by two commits of #42, shown as it is after the first; label by bea; its head is on the branch | HOLD HIGH high_risk_no_approval
a migration by #42; code by #44; label by bea | ALLOW HIGH allow_high_approved
a migration by #42; code by #44; label by bea on #44 | HOLD HIGH high_risk_no_approval
a migration by #43 that #44 reverts | ALLOW LOW allow_low
a migration by #42; a migration by #43 that #44 reverts; label by bea | ALLOW HIGH allow_high_approved
a migration in a branch that #42 merged; label by bea | ALLOW HIGH allow_high_approved
a migration in a branch that #42 merged | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann)
a migration renamed by #42; label by bea | ALLOW HIGH allow_high_approved
a migration renamed by #42 | HOLD HIGH high_risk_no_approval
infrastructure pushed directly | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: infra/net.tf came with 0404040, without a pull request
infrastructure pushed directly; kim approves it | ALLOW HIGH allow_high_approved
a migration by #42; infrastructure pushed directly; label by bea | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: infra/net.tf came with 0404040, without a pull request
a migration by #42; infrastructure pushed directly; kim approved commit 4; label by bea | ALLOW HIGH allow_high_approved | approved: #42 by bea (label); what came before, for 0404040
a migration by #42; infrastructure pushed directly; the environment names commit 4; label by bea | ALLOW HIGH allow_high_approved | approved: #42 by bea (label); what came before, for 0404040
a migration by #42; infrastructure pushed directly; kim approved commit 4 | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann)
a migration by #42; infrastructure pushed directly; kim approved commit 3; label by bea | HOLD HIGH high_risk_no_approval
a migration by #42; another by #43; kim approved commit 4; label by bea | ALLOW HIGH allow_high_approved
a migration that no commit brought; label by bea | HOLD HIGH high_risk_no_approval
a migration by #42; a migration that no commit brought; label by bea | ALLOW HIGH allow_high_approved
a migration by #42; a step that lists only a part; label by bea | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: cannot tell which pull request brought it: GitHub lists only a part of the files of 0303030
another deploy file at the tip | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: the deploy workflow's file at the tip of its ref differs
a migration by #42; another deploy file at the tip; label by bea | HOLD HIGH high_risk_no_approval
a migration by #42; another deploy file at the tip; kim approves it with that file | ALLOW HIGH allow_high_approved
a migration by #42; another deploy file at the tip; kim approves it | HOLD HIGH high_risk_no_approval
a migration by #42; another deploy file at the tip; kim approved commit 4 with that file; label by bea | ALLOW HIGH allow_high_approved
a migration by #42; another deploy file at the tip; kim approved commit 4; label by bea | HOLD HIGH high_risk_no_approval

# HIGH for another cause than a path.
a migration by #42; truncated; label by bea | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: GitHub lists only a part of the files that differ
a migration by #42; diverged; label by bea | HOLD HIGH high_risk_no_approval
a migration by #42; production uncertain; label by bea | HOLD HIGH high_risk_no_approval
a migration by #42; production uncertain; kim approves it | ALLOW HIGH allow_high_approved
code by #44; scans | ALLOW LOW allow_low
code by #44; a scan objects to commit 3 | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: scan objected to 0303030
code by #44; a scan objects to commit 3; label by bea on #44 | HOLD HIGH high_risk_no_approval
code by #44; a scan objects to commit 3; kim approved commit 3 | ALLOW HIGH allow_high_approved
code by #44; a scan objects to commit 5; kim approved commit 4 | HOLD HIGH high_risk_no_approval
code by #44; a scan of 4 is pending | ALLOW LOW allow_low
code by #44; a scan of 5 is pending | HOLD HIGH high_risk_no_approval
code by #44; needs-ops on #44 | HOLD HIGH high_risk_no_approval
code by #44; needs-ops on #44 for a while | HOLD HIGH high_risk_no_approval
code by #44; needs-ops on #44; kim approves it | ALLOW HIGH allow_high_approved
a migration by #42; code by #44; needs-ops on #44; kim approved commit 3; label by bea | ALLOW HIGH allow_high_approved

# An operator's earlier word, and the least that is missing.
another by #43; kim approved commit 4 | ALLOW HIGH allow_high_approved | approved by kim (uid 1000) for 0404040: looked at it
a migration by #42; mode environment; kim approved commit 4 | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`
infrastructure pushed directly; kim approved commit 4 six times | ALLOW HIGH allow_high_approved
infrastructure pushed directly; kim approved commit 4; kim approved production itself six times | ALLOW HIGH allow_high_approved
a migration by #42; kim approved a commit that was force-pushed away | HOLD HIGH high_risk_no_approval | add label release:approved to #42, or comment /approve on #42 (needs write, not ann)
infrastructure pushed directly; kim approved a commit that was force-pushed away | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: infra/net.tf came with 0404040, without a pull request
a migration by #42; mode environment; kim approved a commit that was force-pushed away | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`
infrastructure pushed directly; more infrastructure pushed directly; kim approved commit 3 | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: infra/net.tf came with 0404040, without a pull request

# The first deploy.
first deploy by #42 | HOLD LOW first_deploy_required | first deploy: add label release:approved to #42, or comment /approve on #42 (needs write, not ann)
first deploy by #42; label by bea | ALLOW LOW allow_low
first deploy by #42; label by ann | HOLD LOW first_deploy_required
first deploy by #42; label by bea; a push; merged | HOLD LOW first_deploy_required
first deploy by #42; mode environment; label by bea | HOLD LOW first_deploy_required | first deploy: `release-governor approve acme/shop 0505050 --reason \"WHY\"`
first deploy by #42; kim approves it | ALLOW LOW allow_low
first deploy without a pull request | HOLD LOW first_deploy_required | first deploy: `release-governor approve acme/shop 0505050 --reason \"WHY\"`: no pull request brought it
first deploy by #42; label by bea; a scan objects to commit 5 | HOLD HIGH high_risk_no_approval | `release-governor approve acme/shop 0505050 --reason \"WHY\"`: scan objected to 0505050
";

#[test]
fn every_row_about_approvals_holds() {
    let mut wrong = Vec::new();
    for row in TABLE.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let (case, expected) = row.split_once(" | ").unwrap();
        let got = Story::of(case).told();
        let is_as_expected = match expected.contains(" | ") {
            true => got == expected,
            // If the row does not specify the text, it is not compared.
            false => got.split(" | ").next() == Some(expected),
        };
        if !is_as_expected {
            wrong.push(format!("{case}\n      is | {got}\n  not as | {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

struct Story {
    world: World,
    /// The pull request that was mentioned last, and who acted there.
    pull: u64,
    speaker: String,
    minute: i64,
}

impl Story {
    fn of(case: &str) -> Self {
        let modes = [ApprovalMode::Label, ApprovalMode::Comment];
        let mut world = World::calm().approved_by(&modes);
        *world.files(BASE, WANTED) = Vec::new();
        let mut story = Self { world, pull: 42, speaker: String::new(), minute: -60 };
        for phrase in case.split([';', ',']) {
            let phrase = phrase.trim();
            let known = story.range(phrase)
                || story.risk(phrase)
                || story.policy(phrase)
                || story.speech(phrase)
                || story.about_the_speaker(phrase)
                || story.event(phrase)
                || story.operator(phrase);
            assert!(known, "no such phrase: {phrase}");
        }
        for events in story.world.observation.origins.events.values_mut() {
            if let Fact::Known(Availability::Known(events)) = events
                && !events.contains(&PullEvent::Merged)
            {
                events.push(PullEvent::Merged);
            }
        }
        story
    }

    /// The decision, and what people are told about it.
    fn told(&self) -> String {
        let decision = match self.world.verdict() {
            Verdict::Decided(decision) => *decision,
            Verdict::Unreadable(why) => return format!("no decision | {}", why.0),
            Verdict::Lacks(lacks) => return format!("lacks {lacks:?}"),
        };
        let (outcome, class) = (decision.outcome().as_str(), decision.risk.class.as_str());
        let repository = &self.world.policy.repository;
        let words = match decision.outcome() {
            Outcome::Allow => messages::evidence(&decision, repository)
                .into_iter()
                .find(|line| line.starts_with("approved"))
                .unwrap_or_default(),
            _ => messages::hints(&decision, repository).into_iter().next().unwrap_or_default(),
        };
        format!("{outcome} {class} {} | {words}", decision.reason().code())
    }

    fn range(&mut self, phrase: &str) -> bool {
        let world = &mut self.world;
        match phrase {
            "a migration by #42" => world.brings(5, "db/1.sql", &[42]),
            "another by #43" => world.brings(4, "db/2.sql", &[43]),
            "the same file by #43" => world.brings(4, "db/1.sql", &[43]),
            "code by #44" => world.brings(3, "src/cart.rs", &[44]),
            "a migration that two pull requests hold" => world.brings(5, "db/1.sql", &[42, 43]),
            "a migration by #43 that #44 reverts" => {
                world.brings(3, "db/3.sql", &[43]);
                world.reverts(4, "db/3.sql", &[44]);
            }
            "infrastructure pushed directly" => world.brings(4, "infra/net.tf", &[]),
            "more infrastructure pushed directly" => world.brings(2, "infra/dns.tf", &[]),
            "a migration in a branch that #42 merged" => {
                world.brings(5, "db/1.sql", &[42]);
                let inner: Sha = "77".repeat(20).parse().unwrap();
                for (commit, parents) in &mut world.observation.branch_commits.commits {
                    if *commit == sha(WANTED) {
                        parents.push(inner.clone());
                    }
                }
                let listed = &mut world.observation.branch_commits.commits;
                listed.push((inner, vec![sha(2)]));
            }
            "a migration renamed by #42" => {
                world.brings(5, "sql/1.sql", &[42]);
                for (base, head) in [(BASE, WANTED), (4, WANTED)] {
                    let files = world.files(base, head);
                    files.last_mut().unwrap().previous_path = Some("db/1.sql".to_owned());
                }
                world.shown(42)[0].previous_path = Some("db/1.sql".to_owned());
            }
            "a migration by #42 that it does not show" => {
                world.brings(5, "db/1.sql", &[42]);
                world.shown(42).clear();
            }
            "a migration by #42 that it shows otherwise" => {
                world.brings(5, "db/1.sql", &[42]);
                world.shown(42)[0].content = FileContent::Blob("another".to_owned());
            }
            "a migration by #42 that it deletes" => {
                world.brings(5, "db/1.sql", &[42]);
                world.shown(42)[0].content = FileContent::Deleted;
                for base in 0..5 {
                    world.files(base, WANTED)[0].content = FileContent::Deleted;
                }
            }
            "too" => {}
            "a migration by #42 of which the list is cut" => {
                world.brings(5, "db/1.sql", &[42]);
                let cut = Availability::Known(RangeFiles::Truncated(Vec::new()));
                world.observation.origins.files.insert(42.into(), Fact::Known(cut));
            }
            "a migration by #42 whose files GitHub does not tell" => {
                world.brings(5, "db/1.sql", &[42]);
                let untold = Availability::Untold("GitHub said 403".to_owned());
                world.observation.origins.files.insert(42.into(), Fact::Known(untold));
            }
            "a migration by two commits of #42" => {
                world.brings(4, "db/1.sql", &[42]);
                world.brings(5, "db/1.sql", &[42]);
                for base in 0..4 {
                    world.files(base, 4)[0].content = FileContent::Blob("first".to_owned());
                }
            }
            "shown as it is after both" => {}
            "shown as it is after the first" => {
                world.shown(42)[0].content = FileContent::Blob("first".to_owned());
            }
            "its head is on the branch" | "its head is not on the branch" => {
                let is_on = Availability::Known(phrase == "its head is on the branch");
                let heads = &mut world.observation.origins.heads_on_branch;
                heads.insert(crate::people::head_of(42), Fact::Known(is_on));
            }
            "where its head is GitHub does not tell" => {
                let untold = Availability::Untold("GitHub said 403".to_owned());
                let heads = &mut world.observation.origins.heads_on_branch;
                heads.insert(crate::people::head_of(42), Fact::Known(untold));
            }
            "merged as 5 by github" | "merged as 5 by somebody" | "merged as 4 by github" => {
                let of = if phrase.contains('5') { 5 } else { 4 };
                let merge_commit = Some(sha(of));
                let pull = MergedPull { merge_commit, ..crate::people::by_ann(42) };
                let origins = &mut world.observation.origins;
                origins.pulls.insert(sha(WANTED), Fact::Known(Availability::Known(vec![pull])));
                let is_made = Availability::Known(phrase.ends_with("github"));
                origins.made_by_github.insert(sha(of), Fact::Known(is_made));
            }
            "a migration that no commit brought" => {
                let path = "db/1.sql".to_owned();
                world.files(BASE, WANTED).push(crate::world::changed(&path));
            }
            "a step that lists only a part" => {
                let files = RangeFiles::Truncated(Vec::new());
                let part = Comparison { relation: Relation::Ahead, files };
                world.range(2, 3, Fact::Known(Ranged::Compared(part)));
            }
            "first deploy by #42" | "first deploy without a pull request" => {
                world.release.runs.clear();
                world.release.attempts.clear();
                world.policy.require_approval_for_first_deploy = true;
                world.came_with(WANTED, if phrase.ends_with("#42") { &[42] } else { &[] });
            }
            _ => return false,
        }
        true
    }

    fn risk(&mut self, phrase: &str) -> bool {
        let world = &mut self.world;
        let flagged = |kind: FlagKind| {
            Fact::Known(Availability::Known(vec![Flag { context: "scan".to_owned(), kind }]))
        };
        let scans = |world: &mut World| {
            world.policy.raise_risk_contexts = vec!["scan".to_owned(), "needs-ops".to_owned()];
            for number in 0..=9 {
                let flags = &mut world.observation.origins.flags;
                flags.entry(sha(number)).or_insert(Fact::Known(Availability::Known(Vec::new())));
            }
        };
        match phrase {
            "truncated" => {
                let files = RangeFiles::Truncated(world.files(BASE, WANTED).clone());
                let part = Comparison { relation: Relation::Ahead, files };
                world.range(BASE, WANTED, Fact::Known(Ranged::Compared(part)));
            }
            "diverged" => world.range(BASE, WANTED, related(Relation::Diverged, &["db/1.sql"])),
            "production uncertain" => {
                world.sees(run(20, None, -30, succeeded()));
                world.policy.hold_after_rollback = false;
            }
            "another deploy file at the tip" => {
                world.facts(WANTED).deploy_files = another_deploy_file(Some("b10b"));
            }
            "scans" => scans(world),
            "a scan objects to commit 3"
            | "a scan objects to commit 5"
            | "a scan of 4 is pending"
            | "a scan of 5 is pending" => {
                scans(world);
                let (of, kind) = match phrase {
                    "a scan objects to commit 3" => (3, FlagKind::Objected),
                    "a scan objects to commit 5" => (5, FlagKind::Objected),
                    "a scan of 4 is pending" => (4, FlagKind::Pending),
                    _ => (5, FlagKind::Pending),
                };
                world.observation.origins.flags.insert(sha(of), flagged(kind));
            }
            "needs-ops on #44" | "needs-ops on #44 for a while" => {
                scans(world);
                let label = "Needs-Ops".to_owned();
                let events = world.timeline(44);
                let by = Some(person("cid"));
                events.push(PullEvent::Labeled { label: label.clone(), by, at: at(-90) });
                if phrase.ends_with("for a while") {
                    events.push(PullEvent::Unlabeled { label, at: at(-1) });
                }
            }
            "migrations do not count" => {
                world.policy.migration_paths = PathPatterns::new(&["other/**"]).unwrap();
            }
            _ => return false,
        }
        true
    }

    fn policy(&mut self, phrase: &str) -> bool {
        let policy = &mut self.world.policy;
        let modes = |words: &str| -> Vec<ApprovalMode> {
            let mode = |word| match word {
                "label" => ApprovalMode::Label,
                "comment" => ApprovalMode::Comment,
                "environment" => ApprovalMode::Environment,
                other => panic!("no such mode: {other}"),
            };
            words.split(" or ").map(mode).collect()
        };
        if let Some(words) = phrase.strip_prefix("mode ") {
            policy.approval_modes = modes(words);
        } else if let Some(word) = phrase.strip_prefix("it takes ") {
            policy.approval_min_permission = Permission::of_role(word).unwrap();
        } else if phrase == "authors may" {
            policy.approval_allow_author = true;
        } else if phrase == "only after the merge" {
            policy.approval_before_merge = false;
        } else if phrase == "captains approve" {
            policy.approval_teams = vec![captains()];
            for login in crate::people::CAST {
                let no = Fact::Known(Availability::Known(false));
                let key = (captains(), Login::from(login));
                self.world.observation.origins.members.entry(key).or_insert(no);
            }
        } else {
            return false;
        }
        true
    }

    /// `label by NAME` or `comment by NAME`, `on #N`.
    fn speech(&mut self, phrase: &str) -> bool {
        let (said, pull) = phrase.split_once(" on #").unwrap_or((phrase, "42"));
        let Some((how, name)) = said.split_once(" by ") else { return false };
        let Ok(pull) = pull.parse() else { return false };
        let by = (name != "a deleted account").then(|| person(name));
        self.minute += 1;
        match how {
            "label" => self.world.label(pull, by, self.minute),
            "comment" => {
                let event = PullEvent::Commented(comment(by, self.minute));
                self.world.timeline(pull).push(event);
            }
            _ => return false,
        }
        (self.pull, self.speaker) = (pull, name.to_owned());
        true
    }

    fn about_the_speaker(&mut self, phrase: &str) -> bool {
        let login = Login::from(self.speaker.as_str());
        let standings = &mut self.world.observation.origins.standings;
        if let Some(role) = phrase.strip_prefix("who may ") {
            let permission = match role {
                "do nothing" => None,
                role => Some(Permission::of_role(role).unwrap()),
            };
            self.world.may(login.as_str(), permission);
        } else if let Some(role) = phrase.strip_prefix("whose role deployer may ") {
            let permission = Permission::of_role(role);
            let standing = RepositoryRole { permission, role: "deployer".to_owned() };
            standings.insert(login, Fact::Known(Availability::Known(standing)));
        } else {
            let untold = "GitHub said 403".to_owned();
            let members = &mut self.world.observation.origins.members;
            match phrase {
                "whose role GitHub does not tell" => {
                    standings.insert(login, Fact::Known(Availability::Untold(untold)));
                }
                "whose role cannot be read now" => {
                    let why = Why("timeout".to_owned());
                    standings.insert(login, Fact::Unreadable(why));
                }
                "a captain" => {
                    members.insert((captains(), login), Fact::Known(Availability::Known(true)));
                }
                "whose team GitHub does not tell" => {
                    members.insert((captains(), login), Fact::Known(Availability::Untold(untold)));
                }
                _ => return false,
            }
        }
        true
    }

    fn event(&mut self, phrase: &str) -> bool {
        match phrase {
            "a push" => self.world.timeline(42).push(PUSHED),
            "its last commit is not shown" => {
                let sha = Some(sha(0));
                self.world.timeline(42)[0] = PullEvent::Pushed { sha };
            }
            "merged" => self.world.timeline(42).push(PullEvent::Merged),
            "a push to the branch after the merge" => {
                self.world.timeline(42).extend([PullEvent::Merged, PUSHED]);
            }
            "taken off" => self.world.take_the_label_off(self.pull),
            "gone without an event" => self.world.labels(self.pull).clear(),
            "taken off under another case" => {
                let label = "RELEASE:approved".to_owned();
                self.world.timeline(self.pull).push(PullEvent::Unlabeled { label, at: at(-1) });
                self.world.labels(self.pull).clear();
            }
            "another label taken off" => {
                let (label, by) = ("bug".to_owned(), Some(person("cid")));
                let on = PullEvent::Labeled { label: label.clone(), by, at: at(-2) };
                let off = PullEvent::Unlabeled { label, at: at(-1) };
                self.world.timeline(self.pull).extend([on, off]);
            }
            "a label taken off that was never put on" => {
                let label = "old name".to_owned();
                self.world.timeline(self.pull).push(PullEvent::Unlabeled { label, at: at(-1) });
            }
            "a label on it that was never put on" => {
                self.world.labels(self.pull).push("new name".to_owned());
            }
            "back without an event" => {
                self.world.timeline(self.pull).push(unlabeled());
            }
            "deleted" => {
                self.world.timeline(self.pull).pop();
            }
            "what was said there GitHub does not tell" => {
                let untold = Availability::Untold("GitHub said 410".to_owned());
                self.world.observation.origins.events.insert(42.into(), Fact::Known(untold));
            }
            _ => return self.comment(phrase),
        }
        true
    }

    /// A phrase about the newest comment.
    fn comment(&mut self, phrase: &str) -> bool {
        let Some(PullEvent::Commented(comment)) = self.world.timeline(self.pull).last_mut() else {
            return false;
        };
        match phrase {
            "edited" => comment.is_edited = true,
            "in a quote" => comment.spoken = CommandReading::InQuote,
            "in code" => comment.spoken = CommandReading::InCode,
            "through the App slack" => comment.through_app = Some("slack".to_owned()),
            "from outside" => comment.is_from_inside = false,
            _ => return false,
        }
        true
    }

    fn operator(&mut self, phrase: &str) -> bool {
        let world = &mut self.world;
        let environment =
            |numbers: &[u8]| EnvironmentApproval::Shas(numbers.iter().copied().map(sha).collect());
        match phrase {
            "kim approves it" => world.approves(-5, WANTED),
            "kim approves it with that file" => {
                world.approves(-5, WANTED);
                world.release.approvals.last_mut().unwrap().deploy_file = Some("b10b".to_owned());
            }
            "kim approved commit 3" => world.approves(-50, 3),
            "kim approved commit 4" => world.approves(-50, 4),
            "kim approved commit 4 with that file" => {
                world.approves(-50, 4);
                world.release.approvals.last_mut().unwrap().deploy_file = Some("b10b".to_owned());
            }
            "kim approved commit 4 six times" => {
                (0..6).for_each(|again| world.approves(-50 + again, 4));
            }
            "kim approved production itself six times" => {
                (0..6).for_each(|again| world.approves(-40 + again, BASE));
            }
            "kim approved a commit that was force-pushed away" => {
                let lost = "ee".repeat(20).parse::<Sha>().unwrap();
                let key = (lost.clone(), sha(WANTED));
                let diverged = related(Relation::Diverged, &["db/1.sql"]);
                world.observation.ranges.insert(key, diverged);
                let (why, by) = ("looked at it".to_owned(), operator());
                let approval = Approval { sha: lost, deploy_file: None, why, by };
                world.word(-30, OperatorAction::Approved { approval });
            }
            "the environment names it" => {
                world.policy.approved_by_environment = environment(&[3, WANTED]);
            }
            "the environment names commit 4" => {
                world.policy.approved_by_environment = environment(&[4]);
            }
            _ => return false,
        }
        true
    }
}
