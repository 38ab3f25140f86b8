//! Looks up facts. Each lookup returns a known fact, or names the one that is lacking.

use std::collections::BTreeSet;

use super::{Gap, Question};
use crate::domain::{
    Availability, BranchStep, Cause, Comparison, DeployFiles, Fact, Flag, Lack, ListedCommit,
    Login, MergedPull, PullEvent, PullNumber, RangeFiles, Ranged, Relation, RepositoryRole, RunRef,
    Sha, Team, Verification, Within, steps_between,
};

/// The fact if it is known, otherwise why it is not.
pub(super) fn known<T>(fact: Option<&Fact<T>>, lack: impl FnOnce() -> Lack) -> Result<&T, Gap> {
    match fact {
        Some(Fact::Known(value)) => Ok(value),
        None | Some(Fact::NotAsked) => Err(Gap::Lacks(vec![lack()])),
        Some(Fact::Unreadable(why)) => Err(Gap::Unreadable(why.clone())),
    }
}

/// Collects several facts that are needed together, so that all lacking ones are named at once.
#[derive(Default)]
pub(super) struct Gathering {
    lacks: Vec<Lack>,
}

impl Gathering {
    /// The fact, or `None` if it is lacking, which is noted.
    ///
    /// # Errors
    /// If the fact is unreadable.
    pub(super) fn take<T>(&mut self, found: Result<T, Gap>) -> Result<Option<T>, Gap> {
        match found {
            Ok(value) => Ok(Some(value)),
            Err(Gap::Lacks(lacks)) => {
                self.lacks.extend(lacks);
                Ok(None)
            }
            Err(unreadable @ Gap::Unreadable(_)) => Err(unreadable),
        }
    }

    /// Returns `gathered` if nothing was lacking.
    ///
    /// # Errors
    /// Everything that is lacking.
    pub(super) fn finish<T>(self, gathered: T) -> Result<T, Gap> {
        if self.lacks.is_empty() { Ok(gathered) } else { Err(Gap::Lacks(self.lacks)) }
    }
}

impl<'a> Question<'a> {
    pub(super) fn verification(&self) -> Result<&'a Verification, Gap> {
        let facts = self.observation.commits.get(self.sha);
        known(facts.map(|facts| &facts.verification), || Lack::Verification(self.sha.clone()))
    }

    /// The cause if no run verified this commit: which run is in progress, or which one
    /// succeeded but does not count.
    pub(super) fn not_verified(&self, running: Option<RunRef>) -> Cause {
        let facts = self.observation.commits.get(self.sha).filter(|_| running.is_none());
        let uncounted = facts.and_then(|facts| facts.uncounted.clone());
        Cause::NotVerified { running, uncounted }
    }

    pub(super) fn on_branch(&self) -> Result<bool, Gap> {
        let facts = self.observation.commits.get(self.sha);
        known(facts.map(|facts| &facts.on_branch), || Lack::OnBranch(self.sha.clone())).copied()
    }

    pub(super) fn deploy_files(&self) -> Result<&'a DeployFiles, Gap> {
        let facts = self.observation.commits.get(self.sha);
        known(facts.map(|facts| &facts.deploy_files), || Lack::DeployFiles(self.sha.clone()))
    }

    pub(super) fn range(&self, base: &Sha, head: &Sha) -> Result<&'a Ranged, Gap> {
        static IDENTICAL: Ranged = Ranged::Compared(Comparison {
            relation: Relation::Identical,
            files: RangeFiles::Complete(Vec::new()),
        });
        if base == head {
            return Ok(&IDENTICAL);
        }
        let fact = self.observation.ranges.get(&(base.clone(), head.clone()));
        known(fact, || Lack::Range(base.clone(), head.clone()))
    }

    /// The commits that `head` contains and `base` does not.
    pub(super) fn commits(
        &self,
        base: &Sha,
        head: &Sha,
    ) -> Result<&'a Availability<Vec<ListedCommit>>, Gap> {
        let fact = self.observation.commits_between.get(&(base.clone(), head.clone()));
        known(fact, || Lack::Commits(base.clone(), head.clone()))
    }

    /// Whether `container` is `contained` or has it among its ancestors. If they permanently
    /// cannot be compared, the answer is no.
    pub(super) fn contains(&self, container: &Sha, contained: &Sha) -> Result<bool, Gap> {
        let observation = self.observation;
        let mut answer =
            observation.ancestry.containment(container, contained, &observation.branch_commits);
        // A range that was read for another reason also answers it.
        let relation = |base: &Sha, head: &Sha| {
            let ranged = observation.ranges.get(&(base.clone(), head.clone()))?;
            ranged.known()?.relation()
        };
        if answer == Fact::NotAsked {
            let contains =
                relation(container, contained).map(Relation::is_contained).or_else(|| {
                    let relation = relation(contained, container)?;
                    Some(matches!(relation, Relation::Ahead | Relation::Identical))
                });
            answer = contains.map_or(answer, Fact::Known);
        }
        let lack = || Lack::Containment(container.clone(), contained.clone());
        known(Some(&answer), lack).copied()
    }

    /// What a step of the branch changed: the range from its parent.
    pub(super) fn step(&self, step: &BranchStep) -> Result<&'a Ranged, Gap> {
        let fact = self.observation.ranges.get(&(step.parent.clone(), step.sha.clone()));
        known(fact, || Lack::Step(step.clone()))
    }

    /// The steps of the branch from `base` to `head`.
    pub(super) fn steps(
        &self,
        base: &Sha,
        head: &Sha,
    ) -> Result<Availability<Vec<BranchStep>>, Gap> {
        let commits = &self.observation.branch_commits;
        if let Some(steps) = steps_between(commits, base, head, Within::TheBranch) {
            return Ok(Availability::Known(steps));
        }
        let fact = self.observation.origins.steps.get(&(base.clone(), head.clone()));
        known(fact, || Lack::Steps(base.clone(), head.clone())).cloned()
    }

    /// The pull requests that brought a commit to the branch.
    pub(super) fn pulls(&self, sha: &Sha) -> Result<&'a Availability<Vec<MergedPull>>, Gap> {
        let fact = self.observation.origins.pulls.get(sha);
        known(fact, || Lack::Pulls(sha.clone()))
    }

    pub(super) fn files_of(&self, pull: &MergedPull) -> Result<&'a Availability<RangeFiles>, Gap> {
        let fact = self.observation.origins.files.get(&pull.number);
        known(fact, || Lack::PullFiles(pull.number, pull.head.clone()))
    }

    pub(super) fn is_head_on_branch(&self, head: &Sha) -> Result<&'a Availability<bool>, Gap> {
        let fact = self.observation.origins.heads_on_branch.get(head);
        known(fact, || Lack::HeadOnBranch(head.clone()))
    }

    pub(super) fn is_made_by_github(&self, sha: &Sha) -> Result<&'a Availability<bool>, Gap> {
        let fact = self.observation.origins.made_by_github.get(sha);
        known(fact, || Lack::MadeByGithub(sha.clone()))
    }

    pub(super) fn events(&self, pull: PullNumber) -> Result<&'a Availability<Vec<PullEvent>>, Gap> {
        known(self.observation.origins.events.get(&pull), || Lack::Events(pull))
    }

    pub(super) fn labels(&self, pull: PullNumber) -> Result<&'a Availability<Vec<String>>, Gap> {
        known(self.observation.origins.labels.get(&pull), || Lack::Labels(pull))
    }

    pub(super) fn standing(&self, login: &Login) -> Result<&'a Availability<RepositoryRole>, Gap> {
        let fact = self.observation.origins.standings.get(login);
        known(fact, || Lack::Standing(login.clone()))
    }

    pub(super) fn is_member(
        &self,
        team: &Team,
        login: &Login,
    ) -> Result<&'a Availability<bool>, Gap> {
        let fact = self.observation.origins.members.get(&(team.clone(), login.clone()));
        known(fact, || Lack::Member(team.clone(), login.clone()))
    }

    /// The statuses of a commit that may raise its risk.
    pub(super) fn flags(&self, sha: &Sha) -> Result<&'a Availability<Vec<Flag>>, Gap> {
        known(self.observation.origins.flags.get(sha), || Lack::Flags(sha.clone()))
    }
}

/// Each lacking fact once, in its original order.
pub(super) fn each_once(lacks: Vec<Lack>) -> Vec<Lack> {
    let mut seen = BTreeSet::new();
    lacks.into_iter().filter(|lack| seen.insert(lack.clone())).collect()
}
