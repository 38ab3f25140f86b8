//! What is known about a deploy run, and what kind of run that makes it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::MovedDeployFiles;
use crate::domain::{
    Attempt, AttributionRule, Branch, Conclusion, DeployScope, RefHistory, RunEvent, RunId,
    RunKind, RunProgress, RunRef, RunSource, SearchedBranch, Sha,
};

/// Which commit a deploy run deploys, or why that is unknown (design, section 6, 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribution {
    Sha(Sha),
    /// The commit cannot be determined.
    Unknown,
    /// The run's title may name a commit that has not been looked up yet.
    Unresolved,
}

impl Attribution {
    /// The commit, if known.
    #[must_use]
    pub const fn sha(&self) -> Option<&Sha> {
        match self {
            Self::Sha(sha) => Some(sha),
            Self::Unknown | Self::Unresolved => None,
        }
    }
}

/// A deploy run, with all of its attempts that were seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRun {
    pub id: RunId,
    pub event: RunEvent,
    /// The commit that it deploys.
    pub attribution: Attribution,
    pub created_at: Timestamp,
    pub html_url: String,
    /// The attempts, by attempt number.
    #[serde(with = "numbered")]
    pub attempts: BTreeMap<u32, Box<KnownRunAttempt>>,
    /// Whether GitHub no longer has the run.
    pub deleted: bool,
    #[serde(default)]
    pub kind: RunKind,
    /// Where the run came from; `None` in entries of earlier versions until the run is seen
    /// again.
    #[serde(default)]
    pub source: Option<RunSource>,
    /// Whether the ref that the run claims contains its commit.
    #[serde(default)]
    pub history: RefHistory,
    /// The rule that determined the commit.
    #[serde(default)]
    pub attributed_by: AttributionRule,
    /// The branch that was searched for the commit without success. `None` if the commit is
    /// known or was never searched for, and in entries of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched: Option<SearchedBranch>,
    /// Set if the run is ours, the tip of the ref moved between the last read and the dispatch,
    /// and this changed the deploy files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_deploy_files: Option<MovedDeployFiles>,
}

/// Serializes a map with numeric keys as a list of pairs. JSON keys are strings, and serde
/// cannot convert them back to numbers inside a tagged enum such as a ledger entry.
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRunAttempt {
    pub started_at: Timestamp,
    /// When it last changed; for a finished attempt, approximately when it ended.
    pub updated_at: Timestamp,
    pub progress: RunProgress,
    /// Whether it was cancelled in favor of a newer run before any job started. `None`: not
    /// asked.
    pub superseded: Option<bool>,
    /// The failed job and step, if they were read.
    pub failed_step: Option<(String, String)>,
    /// Whether it has any job. `None`: not asked.
    #[serde(default)]
    pub has_jobs: Option<bool>,
}

impl KnownRun {
    #[must_use]
    pub fn newest(&self) -> Option<(RunRef, &KnownRunAttempt)> {
        self.attempts
            .last_key_value()
            .map(|(number, attempt)| (RunRef { id: self.id, attempt: *number }, &**attempt))
    }

    /// Whether the run exists and is not completed.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        !self.deleted && self.newest().is_some_and(|(_, attempt)| !attempt.progress.finished())
    }

    /// Whether any attempt succeeded.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.attempts.values().any(|attempt| attempt.progress.succeeded())
    }

    /// The kind of this run in `scope`. `owner` is the attempt of ours that owns it.
    #[must_use]
    pub fn kind_in(&self, scope: &DeployScope, owner: Option<&Attempt>) -> RunKind {
        if let Some(owner) = owner {
            let workflow =
                self.source.as_ref().map_or(owner.begun.workflow, |source| source.workflow);
            // For a run of ours, only the workflow matters, not its title or commit.
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

    /// Sets the kind. A stray run does not reveal what runs in production, so its commit is
    /// cleared.
    pub fn classify(&mut self, scope: &DeployScope, owner: Option<&Attempt>) {
        self.kind = self.kind_in(scope, owner);
        if self.kind == RunKind::Stray {
            self.attribution = Attribution::Unknown;
            self.attributed_by = AttributionRule::Own;
            self.searched = None;
        }
    }

    /// Sets the commit from an attempt or a status of ours.
    pub fn attribute_to(&mut self, sha: Sha) {
        self.attribution = Attribution::Sha(sha);
        self.attributed_by = AttributionRule::Owner;
        self.searched = None;
    }

    /// Sets the commit that the run itself names by the rules of this scope. If the commit is
    /// unknown, that holds only for this branch and this tip.
    pub fn attribute(&mut self, told: Attribution, scope: &DeployScope, tip: Option<&Sha>) {
        self.searched = told
            .sha()
            .is_none()
            .then(|| SearchedBranch { branch: scope.branch.clone(), tip: tip.cloned() });
        self.attribution = told;
        self.attributed_by = scope.attribution_rule(&self.event);
    }

    /// Whether the commit was determined by a rule that this scope uses.
    #[must_use]
    pub fn is_told_by(&self, scope: &DeployScope) -> bool {
        self.attributed_by == AttributionRule::Owner
            || self.attributed_by == scope.attribution_rule(&self.event)
    }

    /// Whether the commit was searched for on the branch in its current state. A tip that was
    /// not read is assumed not to have moved.
    #[must_use]
    pub fn was_searched_at(&self, branch: &Branch, tip: Option<&Sha>) -> bool {
        let at = self.searched.as_ref().and_then(|searched| searched.tip.as_ref());
        self.attribution.sha().is_some()
            || (self.was_searched_on(branch) && (tip.is_none() || at == tip))
    }

    /// Whether the commit that is known for an earlier deploy is still valid in this scope. A
    /// commit that was found stays valid.
    #[must_use]
    pub fn is_answer_in(&self, scope: &DeployScope) -> bool {
        self.attribution.sha().is_some()
            || (self.is_told_by(scope) && self.was_searched_on(&scope.branch))
    }

    fn was_searched_on(&self, branch: &Branch) -> bool {
        self.searched.as_ref().is_some_and(|searched| searched.branch == *branch)
    }

    /// Whether every attempt is a push's failure without any job.
    fn is_phantom(&self) -> bool {
        self.event.is_push()
            && !self.attempts.is_empty()
            && self
                .attempts
                .values()
                .all(|attempt| attempt.failed_like_a_phantom() && attempt.has_jobs == Some(false))
    }

    /// Whether the run's failure may turn out not to be that of a deploy.
    #[must_use]
    pub fn may_be_no_deploy(&self) -> bool {
        self.kind == RunKind::Deploy && (self.lacks_its_jobs() || self.lacks_its_history())
    }

    /// Whether the run may be a phantom because the jobs of its failure were not read yet.
    #[must_use]
    pub fn lacks_its_jobs(&self) -> bool {
        self.event.is_push()
            && self.attempts.values().all(|attempt| attempt.failed_like_a_phantom())
            && self.attempts.values().any(|attempt| attempt.has_jobs.is_none())
    }

    /// Whether the check that the ref contains the run's commit is still missing. False for a
    /// run in an entry of an earlier version, which cannot be checked until the run is seen
    /// again.
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
