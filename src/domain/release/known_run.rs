//! What one deploy run is, from what is known of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::MovedDeployFiles;
use crate::domain::{
    Attempt, AttributionRule, Branch, Conclusion, DeployScope, RefHistory, RunEvent, RunId,
    RunKind, RunProgress, RunRef, RunSource, SearchedBranch, Sha,
};

/// Which commit a deploy run deploys, or why that cannot be told (design, section 6, 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    /// This one.
    Sha(Sha),
    /// Nothing tells.
    Unknown,
    /// Its title may name a commit that nobody has looked for yet.
    Unresolved,
}

impl Attribution {
    /// The commit, where it can be told.
    #[must_use]
    pub const fn sha(&self) -> Option<&Sha> {
        match self {
            Self::Sha(sha) => Some(sha),
            Self::Unknown | Self::Unresolved => None,
        }
    }
}

/// A deploy run, with all attempts that were seen of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRun {
    /// Its number.
    pub id: RunId,
    /// What started it.
    pub event: RunEvent,
    /// What it deploys.
    pub attribution: Attribution,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its page.
    pub html_url: String,
    /// Its attempts, by number.
    #[serde(with = "numbered")]
    pub attempts: BTreeMap<u32, Box<KnownRunAttempt>>,
    /// Whether GitHub no longer has it.
    pub deleted: bool,
    /// What it is to a release.
    #[serde(default)]
    pub kind: RunKind,
    /// Where it came from; none in entries of earlier versions, until it is seen again.
    #[serde(default)]
    pub source: Option<RunSource>,
    /// Whether the ref that it claims to run on has its commit.
    #[serde(default)]
    pub history: RefHistory,
    /// By which rule the commit was told.
    #[serde(default)]
    pub attributed_by: AttributionRule,
    /// The branch on which its commit was looked for in vain; none where it was told, where that was
    /// never asked, and in entries of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched: Option<SearchedBranch>,
    /// Set where it is ours, the tip of the ref moved between the last look and the dispatch, and
    /// other deploy files came with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_deploy_files: Option<MovedDeployFiles>,
}

/// A map with numbers for keys, as a list of pairs: JSON's keys are texts, and serde cannot turn
/// them back into numbers inside a tagged enum, such as a ledger's entry.
mod numbered {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        map: &BTreeMap<u32, T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<u32, T>, D::Error> {
        Ok(Vec::<(u32, T)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// One attempt of a deploy run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRunAttempt {
    /// When it started.
    pub started_at: Timestamp,
    /// When it changed last: for a finished one, about when it ended.
    pub updated_at: Timestamp,
    /// Where it stands.
    pub progress: RunProgress,
    /// Whether it was cancelled before any job had started, for a newer run. None: not asked.
    pub superseded: Option<bool>,
    /// The failed job and step, where they were read.
    pub failed_step: Option<(String, String)>,
    /// Whether it has any job. None: not asked.
    #[serde(default)]
    pub has_jobs: Option<bool>,
}

impl KnownRun {
    /// Its newest attempt.
    #[must_use]
    pub fn newest(&self) -> Option<(RunRef, &KnownRunAttempt)> {
        self.attempts
            .last_key_value()
            .map(|(number, attempt)| (RunRef { id: self.id, attempt: *number }, &**attempt))
    }

    /// Whether it is not completed.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        !self.deleted && self.newest().is_some_and(|(_, attempt)| !attempt.progress.finished())
    }

    /// Whether any attempt of it succeeded.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.attempts.values().any(|attempt| attempt.progress.succeeded())
    }

    /// What it is by this scope. `owner` is the attempt of ours that owns it.
    #[must_use]
    pub fn kind_in(&self, scope: &DeployScope, owner: Option<&Attempt>) -> RunKind {
        if let Some(owner) = owner {
            let workflow =
                self.source.as_ref().map_or(owner.begun.workflow, |source| source.workflow);
            // Neither its title nor its commit makes a run of ours anything else.
            return if workflow == scope.workflow {
                RunKind::Deploy
            } else if scope.other_workflows.contains(&workflow) {
                RunKind::OtherDeploy
            } else {
                RunKind::OtherWorkflow
            };
        }
        let Some(source) = &self.source else { return self.kind };
        let kind = scope.kind_by_source(&self.event, source);
        if kind != RunKind::Deploy {
            return kind;
        }
        if scope.claims_a_ref(source) && self.history == RefHistory::Lacks {
            RunKind::Stray
        } else if self.is_phantom() {
            RunKind::Phantom
        } else {
            RunKind::Deploy
        }
    }

    /// Sets what it is. A stray run tells nothing of what runs in production.
    pub fn classify(&mut self, scope: &DeployScope, owner: Option<&Attempt>) {
        self.kind = self.kind_in(scope, owner);
        if self.kind == RunKind::Stray {
            self.attribution = Attribution::Unknown;
            self.attributed_by = AttributionRule::Own;
            self.searched = None;
        }
    }

    /// Sets the commit that an attempt or a status of ours says.
    pub fn attribute_to(&mut self, sha: Sha) {
        self.attribution = Attribution::Sha(sha);
        self.attributed_by = AttributionRule::Owner;
        self.searched = None;
    }

    /// Sets the commit that the run itself tells by the rules of this scope. Where the branch lacked
    /// one, the answer is of this branch and its tip alone.
    pub fn attribute(&mut self, told: Attribution, scope: &DeployScope, tip: Option<&Sha>) {
        self.searched = told
            .sha()
            .is_none()
            .then(|| SearchedBranch { branch: scope.branch.clone(), tip: tip.cloned() });
        self.attribution = told;
        self.attributed_by = scope.attribution_rule(&self.event);
    }

    /// Whether its commit was told by a rule of this scope.
    #[must_use]
    pub fn is_told_by(&self, scope: &DeployScope) -> bool {
        self.attributed_by == AttributionRule::Owner
            || self.attributed_by == scope.attribution_rule(&self.event)
    }

    /// Whether its commit was looked for on the branch as it is now. A tip that was not read is
    /// not known to have moved.
    #[must_use]
    pub fn was_searched_at(&self, branch: &Branch, tip: Option<&Sha>) -> bool {
        let at = self.searched.as_ref().and_then(|searched| searched.tip.as_ref());
        self.attribution.sha().is_some()
            || (self.was_searched_on(branch) && (tip.is_none() || at == tip))
    }

    /// Whether what is known of its commit answers the question of this scope, as far as an
    /// earlier deploy is asked: one whose commit was told keeps that.
    #[must_use]
    pub fn is_answer_in(&self, scope: &DeployScope) -> bool {
        self.attribution.sha().is_some()
            || (self.is_told_by(scope) && self.was_searched_on(&scope.branch))
    }

    fn was_searched_on(&self, branch: &Branch) -> bool {
        self.searched.as_ref().is_some_and(|searched| searched.branch == *branch)
    }

    /// By a push, ended in failure, and without any job, in every attempt.
    fn is_phantom(&self) -> bool {
        self.event.is_push()
            && !self.attempts.is_empty()
            && self
                .attempts
                .values()
                .all(|attempt| attempt.failed_like_a_phantom() && attempt.has_jobs == Some(false))
    }

    /// Whether it is not known yet if the run's failure is one of a deploy at all.
    #[must_use]
    pub fn may_be_no_deploy(&self) -> bool {
        self.kind == RunKind::Deploy && (self.lacks_its_jobs() || self.lacks_its_history())
    }

    /// Whether it may be a phantom, as nobody asked for the jobs of its failure.
    #[must_use]
    pub fn lacks_its_jobs(&self) -> bool {
        self.event.is_push()
            && self.attempts.values().all(|attempt| attempt.failed_like_a_phantom())
            && self.attempts.values().any(|attempt| attempt.has_jobs.is_none())
    }

    /// Whether nobody asked if the ref has its commit. Of a run of an earlier version's entry
    /// nothing can be asked before it is seen again.
    #[must_use]
    pub fn lacks_its_history(&self) -> bool {
        self.history == RefHistory::NotAsked
            && self.source.as_ref().is_some_and(|source| source.head_branch.is_some())
    }
}

impl KnownRunAttempt {
    fn failed_like_a_phantom(&self) -> bool {
        matches!(
            self.progress,
            RunProgress::Finished(Conclusion::Failure | Conclusion::StartupFailure)
        )
    }
}
