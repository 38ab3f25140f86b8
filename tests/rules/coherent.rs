//! Worlds from a seed whose facts are consistent: one history of commits, which determines
//! every answer of GitHub, and a possible ledger of it.

use std::collections::{BTreeMap, BTreeSet};

use release_governor::domain::*;

use crate::chance::Chance;
use crate::people::{CAST, captains, comment, labeled, opened, person, stands, unlabeled};
use crate::world::{
    World, at, attempt_id, begun, failed, operator, run, says_degraded, says_healthy, says_nothing,
    sha, signal, succeeded, verification_run, workflow, works,
};

pub(crate) const COMMITS: u8 = 8;
const PULLS: [u64; 2] = [42, 43];
const DEPLOY_FILE: &str = ".github/workflows/deploy.yml";

/// A history, and what GitHub answers about it.
pub(crate) struct Coherent {
    /// The facts known so far. More are added on request.
    pub(crate) world: World,
    parents: Vec<Vec<u8>>,
    /// For each commit and path, the number of the commit that wrote the content.
    trees: Vec<BTreeMap<&'static str, u8>>,
    messages: Vec<String>,
    pulls: Vec<Vec<u64>>,
    chance: Chance,
}

impl Coherent {
    pub(crate) fn new(seed: u64, policy: Policy, base: ReleaseState) -> Self {
        let mut chance = Chance::new(seed);
        let mut world = World::calm();
        world.policy = policy;
        if chance.percent(15) {
            world.policy.max_deploys_per_hour = 1;
        }
        if chance.percent(30) {
            world.policy.max_attempts_per_sha = 3;
            world.policy.cooldown = std::time::Duration::from_secs(7_200);
        }
        match chance.below(8) {
            0 | 1 => world.release = base,
            2 => world.release = ReleaseState::default(),
            _ => {}
        }
        let mut made = Self {
            world,
            parents: vec![Vec::new()],
            trees: vec![BTreeMap::from([(DEPLOY_FILE, 0), ("src/cart.rs", 0)])],
            messages: vec!["Change 0".to_owned()],
            pulls: vec![Vec::new()],
            chance,
        };
        (1..COMMITS).for_each(|number| made.commit(number));
        made.observe();
        made.speak();
        for step in 0..made.chance.below(7) {
            made.happen(-100 + 15 * i64::try_from(step).unwrap(), 100 + step);
        }
        if made.chance.percent(5) {
            let rejected = AttemptOutcome::Rejected("403".to_owned());
            made.ends(-1, 99, 1, rejected);
        }
        let signals = [
            says_degraded(),
            says_healthy(),
            says_nothing(),
            signal("new", SignalFinding::NotReadYet),
        ];
        for _ in 0..made.chance.weighted(&[(3, 0), (3, 1), (1, 2)]) {
            made.world.observation.signals.push(made.chance.pick(&signals));
        }
        made.world.triggered = made.chance.percent(15);
        made.world.rollback = made.world.triggered && made.chance.percent(25);
        made
    }

    fn commit(&mut self, number: u8) {
        let near = u8::try_from(self.chance.near().min(2)).unwrap();
        let first = (number - 1).saturating_sub(near);
        let mut parents = vec![first];
        if number > 2 && self.chance.percent(20) {
            let other = u8::try_from(self.chance.below(u64::from(number))).unwrap();
            parents.extend(Some(other).filter(|other| *other != first));
        }
        let mut tree = self.trees[usize::from(first)].clone();
        for other in &parents[1..] {
            for (path, version) in &self.trees[usize::from(*other)] {
                let here = tree.entry(path).or_insert(*version);
                *here = (*here).max(*version);
            }
        }
        let paths = [
            (6, "src/cart.rs"),
            (2, "Cargo.toml"),
            (3, "infra/a.tf"),
            (2, "db/1.sql"),
            (1, DEPLOY_FILE),
        ];
        for _ in 0..self.chance.below(3) {
            let path = self.chance.weighted(&paths);
            if self.chance.percent(10) && path != DEPLOY_FILE {
                tree.remove(path);
            } else {
                tree.insert(path, number);
            }
        }
        let message = self.message(number);
        self.messages.push(message);
        let pull = self.chance.pick(&PULLS);
        let pulls = [(5, vec![pull]), (3, Vec::new()), (1, PULLS.to_vec())];
        self.pulls.push(self.chance.weighted(&pulls));
        self.parents.push(parents);
        self.trees.push(tree);
    }

    fn message(&mut self, number: u8) -> String {
        let of = u8::try_from(self.chance.below(u64::from(number))).unwrap();
        let title = self.messages[usize::from(of)].lines().next().unwrap_or_default().to_owned();
        match self.chance.below(24) {
            0 | 1 => format!("Undo\n\nThis reverts commit {}.", sha(of)),
            2 => format!("Revert \"{title}\""),
            3 => format!("Undo (#{})\n\nReverts #{of}", u64::from(number) + 20),
            4 => format!("Reapply \"Change {of}\""),
            _ => format!("Change {number} (#{number})"),
        }
    }

    /// Everything that a commit contains.
    fn contained_in(&self, of: u8) -> BTreeSet<u8> {
        let mut found = BTreeSet::from([of]);
        for parent in &self.parents[usize::from(of)] {
            found.extend(self.contained_in(*parent));
        }
        found
    }

    fn observe(&mut self) {
        let tip = COMMITS - 1;
        let observation = &mut self.world.observation;
        observation.commits.clear();
        observation.ranges.clear();
        observation.commits_between.clear();
        observation.origins = Origins::default();
        observation.ancestry = Ancestry::default();
        observation.deploy_ref_tip = Some(sha(tip));
        observation.branch_tip = Some(sha(tip));
        let workflows = [
            (30, workflow(WorkflowState::Active)),
            (1, WorkflowFact::Missing),
            (1, WorkflowFact::NotConfigured),
        ];
        observation.deploy_workflow = self.chance.weighted(&workflows);
        let within = self.contained_in(tip);
        let listed = within.iter().rev().map(|number| {
            let parents = self.parents[usize::from(*number)].iter().copied().map(sha).collect();
            (sha(*number), parents)
        });
        let mut branch = BranchCommits::of_tip(&sha(tip), listed);
        branch.messages = within
            .iter()
            .map(|number| {
                let message = CommitMessage::of(&self.messages[usize::from(*number)]);
                (sha(*number), Some(Box::new(message)).filter(|message| message.reverts()))
            })
            .collect();
        match self.chance.below(4) {
            0 => branch = BranchCommits::default(),
            1 => branch.keep_newest(3),
            _ => {}
        }
        self.world.observation.branch_commits = branch;
        for number in 0..COMMITS {
            let passed = Verification::Passed(verification_run());
            let failed = Verification::Failed(verification_run(), Conclusion::TimedOut);
            let running = Verification::Running(verification_run());
            let verification = [(14, passed), (1, failed), (1, running), (1, Verification::None)];
            let verification = self.chance.weighted(&verification);
            let facts = self.world.facts(number);
            facts.verification = Fact::Known(verification);
            if self.chance.percent(20) {
                let began = at(-i64::try_from(self.chance.below(90)).unwrap());
                self.world.facts(number).reverified_at.push(began);
            }
        }
    }

    /// Adds events to the pull requests.
    fn speak(&mut self) {
        for pull in PULLS {
            let (mut events, mut is_on) = (vec![opened(pull)], false);
            if self.chance.percent(70) {
                events.push(PullEvent::Merged);
            }
            for _ in 0..self.chance.below(4) {
                let by = Some(person(self.chance.pick(&CAST)));
                match self.chance.below(8) {
                    0..3 => events.push(PullEvent::Commented(comment(by, -5))),
                    3 | 4 => {
                        if !std::mem::replace(&mut is_on, true) {
                            events.push(labeled(by, -5));
                        }
                    }
                    5 => {
                        if std::mem::replace(&mut is_on, false) {
                            events.push(unlabeled());
                        }
                    }
                    6 => {
                        let label = "needs-ops".to_owned();
                        events.push(PullEvent::Labeled { label, by, at: at(-5) });
                    }
                    _ => events.push(crate::people::PUSHED),
                }
            }
            let label = is_on.then(|| "release:approved".to_owned());
            let origins = &mut self.world.observation.origins;
            origins.events.insert(pull.into(), Fact::Known(Availability::Known(events)));
            let labels = Fact::Known(Availability::Known(label.into_iter().collect()));
            origins.labels.insert(pull.into(), labels);
        }
    }

    /// Something happens, `minutes` ago.
    fn happen(&mut self, minutes: i64, id: u64) {
        let of = u8::try_from(self.chance.below(u64::from(COMMITS))).unwrap();
        let dice = self.chance.below(25);
        let world = &mut self.world;
        match dice {
            0..3 => world.deploys(id, of, minutes, succeeded()),
            3..6 => world.deploys(id, of, minutes, failed()),
            6 => world.deploys(id, of, minutes, works()),
            7 | 8 => world.sees(run(id, Some(of), minutes, succeeded())),
            9 => world.sees(run(id, Some(of), minutes, failed())),
            10 => world.sees(run(id, None, minutes, succeeded())),
            11 => world.sees(run(id, Some(of), minutes, works())),
            12 => world.deploys_back(id, of, minutes),
            13 | 14 => world.approves(minutes, of),
            15 | 16 => world.word(minutes, OperatorAction::Resumed { by: operator() }),
            17 => world.word(minutes, OperatorAction::Triggered { sha: sha(of), by: operator() }),
            18 => {
                let (why, by) = ("by hand".to_owned(), operator());
                world.word(minutes, OperatorAction::ProductionSet { sha: sha(of), why, by });
            }
            19 => {
                let why = "incident".to_owned();
                world.word(minutes, OperatorAction::Paused { why, by: operator() });
            }
            20 | 24 => {
                let words = "422".to_owned();
                let retry_at = at(minutes + 240);
                world.hears(minutes, EntryKind::StatusRefused { sha: sha(of), words, retry_at });
            }
            21 => self.ends(minutes, id, of, AttemptOutcome::Rejected("403".to_owned())),
            22 => self.ends(minutes, id, of, AttemptOutcome::Unconfirmed),
            _ => self.runs_again(minutes, of),
        }
    }

    fn ends(&mut self, minutes: i64, id: u64, of: u8, outcome: AttemptOutcome) {
        self.world.hears(minutes, EntryKind::AttemptBegun { attempt: begun(id, of) });
        self.world.hears(minutes, EntryKind::AttemptClosed { id: attempt_id(id), outcome });
    }

    /// Somebody re-runs a run of this commit, if there is one.
    fn runs_again(&mut self, minutes: i64, of: u8) {
        let sha = sha(of);
        let runs = self.world.release.runs.values();
        let found = runs.rev().find(|run| run.attribution.sha() == Some(&sha));
        let Some(mut again) = found.map(|run| KnownRun::clone(run)) else { return };
        let Some((number, last)) = again.attempts.last_key_value() else { return };
        let progress = self.chance.pick(&[succeeded(), failed(), works()]);
        let (started_at, updated_at) = (at(minutes), at(minutes + 2));
        let attempt = KnownRunAttempt { started_at, updated_at, progress, ..(**last).clone() };
        again.attempts.insert(number + 1, Box::new(attempt));
        self.world.sees(again);
    }

    fn number(of: &Sha) -> Option<u8> {
        (0..COMMITS).find(|number| sha(*number) == *of)
    }

    fn relation(&self, base: u8, head: u8) -> Relation {
        let contains = |one: u8, other: u8| self.contained_in(one).contains(&other);
        match (contains(base, head), contains(head, base)) {
            (true, true) => Relation::Identical,
            (true, false) => Relation::Behind,
            (false, true) => Relation::Ahead,
            (false, false) => Relation::Diverged,
        }
    }

    /// The result of a comparison: the differences between the merge base and the head.
    fn range(&self, base: &Sha, head: &Sha) -> Ranged {
        let (Some(base), Some(head)) = (Self::number(base), Self::number(head)) else {
            return Ranged::Incomparable("Not SignalFinding".to_owned());
        };
        let both = self.contained_in(base);
        let common = both.intersection(&self.contained_in(head)).max().copied().unwrap_or(0);
        let (old, new) = (&self.trees[usize::from(common)], &self.trees[usize::from(head)]);
        let paths: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        let changed = paths.into_iter().filter(|path| old.get(path) != new.get(path));
        let files = changed.map(|path| FileChange {
            path: path.to_owned(),
            previous_path: None,
            content: content(new.get(path)),
        });
        let files = RangeFiles::Complete(files.collect());
        Ranged::Compared(Comparison { relation: self.relation(base, head), files })
    }

    /// Answers a lack of `decide`; sometimes the answer is that it cannot be known.
    pub(crate) fn read(&mut self, lack: &Lack) {
        let is_told = !self.chance.percent(3);
        match lack {
            Lack::Verification(sha) => {
                let none = Fact::Known(Verification::None);
                self.world.observation.commits.entry(sha.clone()).or_default().verification = none;
            }
            Lack::OnBranch(of) => {
                let within = self.contained_in(COMMITS - 1);
                let is_on = Self::number(of).is_some_and(|number| within.contains(&number));
                let facts = self.world.observation.commits.entry(of.clone()).or_default();
                facts.on_branch = Fact::Known(is_on);
            }
            Lack::Range(base, head) => self.compare(base, head, is_told),
            Lack::Step(step) => self.compare(&step.parent.clone(), &step.sha.clone(), is_told),
            Lack::Containment(one, other) => {
                let ancestry = &self.world.observation.ancestry;
                let mut ancestry = ancestry.clone();
                match (Self::number(one), Self::number(other)) {
                    (Some(a), Some(b)) => ancestry.note(one, other, self.relation(a, b)),
                    _ => ancestry.note_incomparable(one, other),
                }
                self.world.observation.ancestry = ancestry;
            }
            Lack::Commits(base, head) => {
                let listed = if is_told { self.between(base, head) } else { None };
                let known =
                    listed.map_or(Availability::Untold("too many".to_owned()), Availability::Known);
                let of = (base.clone(), head.clone());
                self.world.observation.commits_between.insert(of, Fact::Known(known));
            }
            Lack::DeployFiles(of) => self.compare_deploy_files(of),
            Lack::FailedRun(id) => {
                let mut run = KnownRun::clone(&self.world.release.runs[id]);
                run.history = RefHistory::Contains;
                run.attempts.values_mut().for_each(|attempt| attempt.has_jobs = Some(true));
                self.world.sees(run);
            }
            _ => self.read_origins(lack, is_told),
        }
    }

    fn compare(&mut self, base: &Sha, head: &Sha, is_told: bool) {
        let mut ranged = self.range(base, head);
        if !is_told {
            let words = "500".to_owned();
            let unlisted = |ranged| match ranged {
                Ranged::Compared(Comparison { relation, files: RangeFiles::Complete(files) }) => {
                    let files = RangeFiles::Truncated(files);
                    Ranged::Compared(Comparison { relation, files })
                }
                other => other,
            };
            ranged = match self.chance.percent(50) {
                true => Ranged::Broken(words),
                false => unlisted(ranged),
            };
        }
        self.world.observation.ranges.insert((base.clone(), head.clone()), Fact::Known(ranged));
    }

    fn between(&self, base: &Sha, head: &Sha) -> Option<Vec<ListedCommit>> {
        let (base, head) = (Self::number(base)?, Self::number(head)?);
        let (before, within) = (self.contained_in(base), self.contained_in(head));
        let listed = within.difference(&before).map(|number| ListedCommit {
            sha: sha(*number),
            parents: self.parents[usize::from(*number)].iter().copied().map(sha).collect(),
            message: CommitMessage::of(&self.messages[usize::from(*number)]),
        });
        Some(listed.collect())
    }

    fn compare_deploy_files(&mut self, of: &Sha) {
        let version = |number: u8| self.trees[usize::from(number)].get(DEPLOY_FILE).copied();
        let (tip, here) = (version(COMMITS - 1), Self::number(of).and_then(version));
        let files = if tip == here {
            DeployFiles::Same
        } else {
            let at_tip = tip.map(|version| format!("blob {version}"));
            DeployFiles::Differ { paths: [DEPLOY_FILE.to_owned()].into(), at_tip }
        };
        self.world.observation.commits.entry(of.clone()).or_default().deploy_files =
            Fact::Known(files);
    }

    fn read_origins(&mut self, lack: &Lack, is_told: bool) {
        fn told<T>(is_told: bool, known: T) -> Fact<Availability<T>> {
            Fact::Known(if is_told {
                Availability::Known(known)
            } else {
                Availability::Untold("403".to_owned())
            })
        }
        let (yes, chance) = (self.chance.percent(50), &mut self.chance);
        let permission = [Some(Permission::Write), Some(Permission::Admin), None];
        let permission = chance.pick(&permission);
        let objects = chance.percent(10);
        let steps = match lack {
            Lack::Steps(base, head) => self.way(base, head),
            _ => None,
        };
        let (pulls, shown) = match lack {
            Lack::Pulls(of) => (self.pulls_of(of), Vec::new()),
            Lack::PullFiles(pull, _) => (Vec::new(), self.shown(*pull)),
            _ => (Vec::new(), Vec::new()),
        };
        let origins = &mut self.world.observation.origins;
        match lack {
            Lack::Steps(base, head) => {
                let is_told = is_told && steps.is_some();
                let steps = told(is_told, steps.unwrap_or_default());
                origins.steps.insert((base.clone(), head.clone()), steps);
            }
            Lack::Pulls(of) => {
                origins.pulls.insert(of.clone(), told(is_told, pulls));
            }
            Lack::PullFiles(pull, _) => {
                origins.files.insert(*pull, told(is_told, RangeFiles::Complete(shown)));
            }
            Lack::HeadOnBranch(head) => {
                origins.heads_on_branch.insert(head.clone(), told(is_told, yes));
            }
            Lack::MadeByGithub(of) => {
                origins.made_by_github.insert(of.clone(), told(is_told, yes));
            }
            Lack::Events(pull) => {
                origins.events.insert(*pull, told(false, Vec::new()));
            }
            Lack::Labels(pull) => {
                origins.labels.insert(*pull, told(false, Vec::new()));
            }
            Lack::Standing(login) => {
                origins.standings.insert(login.clone(), stands(permission));
            }
            Lack::Member(team, login) => {
                assert_eq!(*team, captains());
                origins.members.insert((team.clone(), login.clone()), told(is_told, yes));
            }
            Lack::Flags(of) => {
                let kind = if yes { FlagKind::Objected } else { FlagKind::Pending };
                let flag = Flag { context: "scan".to_owned(), kind };
                let flags = objects.then_some(flag).into_iter().collect();
                origins.flags.insert(of.clone(), told(is_told, flags));
            }
            other => panic!("{other:?}"),
        }
    }

    /// The first parents from `head` to `base`; `None` if the chain does not lead there.
    fn way(&self, base: &Sha, head: &Sha) -> Option<Vec<BranchStep>> {
        let within: Vec<ListedCommit> = self.between(base, head)?;
        let commits = within.into_iter().map(|one| (one.sha, one.parents)).collect();
        let listed = BranchCommits { commits, ..BranchCommits::default() };
        steps_between(&listed, base, head, Within::TheseCommits)
    }

    fn pulls_of(&self, of: &Sha) -> Vec<MergedPull> {
        let Some(number) = Self::number(of) else { return Vec::new() };
        let pulls = self.pulls[usize::from(number)].iter().copied();
        let is_merge = self.parents[usize::from(number)].len() > 1;
        pulls
            .map(|pull| MergedPull {
                merge_commit: is_merge.then(|| of.clone()),
                ..crate::people::by_ann(pull)
            })
            .collect()
    }

    /// The files of a pull request: the content that its last commit left at each path it
    /// changed, except one path that is never shown.
    fn shown(&self, pull: PullNumber) -> Vec<FileChange> {
        let own = |number: &u8| self.pulls[usize::from(*number)].contains(&pull.get());
        let mut shown: BTreeMap<&str, FileContent> = BTreeMap::new();
        for number in (1..COMMITS).filter(own) {
            let first = self.parents[usize::from(number)][0];
            let (old, new) = (&self.trees[usize::from(first)], &self.trees[usize::from(number)]);
            for path in old.keys().chain(new.keys()) {
                if old.get(path) != new.get(path) && (pull.get() == 42 || *path != "db/1.sql") {
                    shown.insert(path, content(new.get(path)));
                }
            }
        }
        let file = |(path, content): (&str, FileContent)| FileChange {
            path: path.to_owned(),
            previous_path: None,
            content,
        };
        shown.into_iter().map(file).collect()
    }
}

fn content(version: Option<&u8>) -> FileContent {
    version.map_or(FileContent::Deleted, |version| FileContent::Blob(format!("blob {version}")))
}
