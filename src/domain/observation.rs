//! What GitHub shows, as plain values. Each fact is known, not asked for, or unreadable.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Ancestry, Attribution, Availability, Branch, BranchCommits, BranchStep, CommitStatus,
    Conclusion, DeployScope, FileContent, Flag, Issue, Job, ListedCommit, Login, MergedPull,
    PullEvent, PullNumber, RefHistory, RejectionKey, RepoId, RepoName, RepositoryRole, Run, RunId,
    RunRef, Sha, ShaPrefix, SignalReading, Team, UncountedRun, WorkflowFact, WorkflowId,
};

/// Why something could not be read, as text for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Why(pub String);

/// A fact that may be unknown. An unreadable list is never represented by an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fact<T> {
    /// The fact has not been read yet.
    #[default]
    NotAsked,
    /// GitHub reported this value.
    Known(T),
    /// The fact was asked for, but GitHub gave no usable answer for now.
    Unreadable(Why),
}

impl<T> Fact<T> {
    /// The value, if it is known.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::NotAsked | Self::Unreadable(_) => None,
        }
    }
}

/// A governed repository, as reported by GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    pub id: RepoId,
    /// The current name. It differs from the configured one after a rename.
    pub name: RepoName,
    pub default_branch: Branch,
    /// Whether the repository is archived, and so read-only.
    pub archived: bool,
    /// Whether the repository has issues enabled.
    pub has_issues: bool,
    pub html_url: String,
}

/// How a head relates to a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// They are the same commit.
    Identical,
    /// The head contains the base.
    Ahead,
    /// The base contains the head.
    Behind,
    /// Neither contains the other.
    Diverged,
}

impl Relation {
    /// Whether the base contains the head.
    #[must_use]
    pub const fn is_contained(self) -> bool {
        matches!(self, Self::Behind | Self::Identical)
    }
}

/// One changed path of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The path after the change; for a deletion, the deleted path.
    pub path: String,
    /// The path before a rename.
    pub previous_path: Option<String>,
    /// The content after the change.
    #[serde(default)]
    pub content: FileContent,
}

/// The files of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeFiles {
    Complete(Vec<FileChange>),
    /// GitHub lists only these files, and the trees could not be compared instead.
    Truncated(Vec<FileChange>),
}

/// GitHub's comparison of two commits. Commits are immutable, so this never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// How the head relates to the base.
    pub relation: Relation,
    /// The files that differ between the merge base and the head.
    pub files: RangeFiles,
}

/// The comparison of a range, or a permanent failure to compare it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ranged {
    Compared(Comparison),
    /// One of the commits is gone, or they have no common ancestor (404, 422). Holds GitHub's
    /// message.
    Incomparable(String),
    /// GitHub failed to compare them in three consecutive passes while its other reads
    /// succeeded. Holds GitHub's message.
    Broken(String),
}

impl Ranged {
    /// How the head relates to the base, if known.
    #[must_use]
    pub const fn relation(&self) -> Option<Relation> {
        match self {
            Self::Compared(comparison) => Some(comparison.relation),
            Self::Incomparable(_) | Self::Broken(_) => None,
        }
    }
}

/// Compares the deploy workflow's file and the local workflows that it calls at the tip of its
/// ref with those at the judged commit. GitHub runs those at the tip (design, section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployFiles {
    /// All files are the same.
    Same,
    /// Some files differ.
    Differ {
        /// The files that differ.
        paths: BTreeSet<String>,
        /// Identifies all of the files at the tip; `None` if the tip has no deploy file.
        at_tip: Option<String>,
    },
}

/// The state of a commit according to the verification runs that count (see S1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// No run counts.
    None,
    /// The latest run is still running.
    Running(VerificationRun),
    /// The latest run succeeded.
    Passed(VerificationRun),
    /// The latest run finished with another conclusion.
    Failed(VerificationRun, Conclusion),
}

/// A verification run that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationRun {
    pub at: RunRef,
    /// When this attempt started.
    pub started_at: Timestamp,
    pub html_url: String,
}

/// Who brought commits to the branch, and the approvals and risk flags on them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    /// The steps from a base to a head, newest first.
    pub steps: BTreeMap<(Sha, Sha), Fact<Availability<Vec<BranchStep>>>>,
    /// The pull requests merged into the branch that brought each commit; empty if it was
    /// pushed directly.
    pub pulls: BTreeMap<Sha, Fact<Availability<Vec<MergedPull>>>>,
    /// The files that each pull request changes, according to its own list.
    pub files: BTreeMap<PullNumber, Fact<Availability<RangeFiles>>>,
    /// Whether the head of a merged pull request is an ancestor of the branch.
    pub heads_on_branch: BTreeMap<Sha, Fact<Availability<bool>>>,
    /// Whether GitHub itself created and signed a commit.
    pub made_by_github: BTreeMap<Sha, Fact<Availability<bool>>>,
    /// The timeline of each pull request, in GitHub's order.
    pub events: BTreeMap<PullNumber, Fact<Availability<Vec<PullEvent>>>>,
    /// The labels that each pull request has now.
    pub labels: BTreeMap<PullNumber, Fact<Availability<Vec<String>>>>,
    /// Each person's permission on the repository.
    pub standings: BTreeMap<Login, Fact<Availability<RepositoryRole>>>,
    /// Whether a person is a member of a team.
    pub members: BTreeMap<(Team, Login), Fact<Availability<bool>>>,
    /// The statuses of each commit that raise its risk.
    pub flags: BTreeMap<Sha, Fact<Availability<Vec<Flag>>>>,
}

/// The known facts about a judged commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFacts {
    pub verification: Fact<Verification>,
    /// When its successful re-runs and manual runs of the verification began. Each of them
    /// gives a sha whose deploy failed another attempt (`deploy_failed`).
    pub reverified_at: Vec<Timestamp>,
    /// The newest successful run for it that does not count, if one was seen. It is shown to
    /// people, and no decision depends on it.
    pub uncounted: Option<UncountedRun>,
    /// Whether it is an ancestor of the branch.
    pub on_branch: Fact<bool>,
    /// How the deploy files at the tip differ from those at this commit.
    pub deploy_files: Fact<DeployFiles>,
    /// The statuses under our context, newest first.
    pub statuses: Fact<Vec<CommitStatus>>,
}

impl Default for CommitFacts {
    fn default() -> Self {
        Self {
            verification: Fact::NotAsked,
            reverified_at: Vec::new(),
            uncounted: None,
            on_branch: Fact::NotAsked,
            deploy_files: Fact::NotAsked,
            statuses: Fact::NotAsked,
        }
    }
}

/// The commits that may be released.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// The newest verified commit of the branch.
    pub candidate: Option<Sha>,
    /// The newest commit with a finished verification, if it is not the candidate.
    pub head: Option<Sha>,
    /// Verified commits older than the candidate, newest first. They are judged only if the
    /// candidate is held because of its own range.
    pub verified_below: Vec<Sha>,
}

impl Candidates {
    /// How many of the branch's commits are newer than the newest one with a finished
    /// verification; `None` if these commits do not show that.
    #[must_use]
    pub fn unverified_above(&self, commits: &BranchCommits) -> Option<usize> {
        let verified: Vec<&Sha> = self.candidate.iter().chain(&self.head).collect();
        if verified.is_empty() {
            return commits.complete.then_some(commits.commits.len());
        }
        verified.into_iter().filter_map(|sha| commits.place(sha)).min()
    }

    /// Whether `sha` is the candidate or the head.
    #[must_use]
    pub fn has(&self, sha: &Sha) -> bool {
        self.candidate.as_ref() == Some(sha) || self.head.as_ref() == Some(sha)
    }
}

/// Everything that one pass knows about one repository.
#[derive(Clone, Debug)]
pub struct Observation {
    pub repository: Repository,
    /// The release branch.
    pub branch: Branch,
    /// The ref that the deploy workflow is started on.
    pub deploy_ref: Branch,
    /// The tip of `deploy_ref`.
    pub deploy_ref_tip: Option<Sha>,
    pub deploy_workflow: WorkflowFact,
    /// The tip of the branch; `None` if the branch does not exist.
    pub branch_tip: Option<Sha>,
    /// The newest commits of the branch.
    pub branch_commits: BranchCommits,
    pub candidates: Candidates,
    /// The known facts about each judged commit.
    pub commits: BTreeMap<Sha, CommitFacts>,
    /// The known ranges, by base and head.
    pub ranges: BTreeMap<(Sha, Sha), Fact<Ranged>>,
    /// The commits that a head contains and a base does not, by base and head.
    pub commits_between: BTreeMap<(Sha, Sha), Fact<Availability<Vec<ListedCommit>>>>,
    /// Which commits contain which.
    pub ancestry: Ancestry,
    /// Who brought commits to the branch, and the approvals and risk flags on them.
    pub origins: Origins,
    /// The readings of the signals that decide whether production is degraded.
    pub signals: Vec<SignalReading>,
    /// The reading of the policy's `health_check`. It is watched after deploys, and no rule
    /// uses it.
    pub health_check: Option<SignalReading>,
    /// The repository's workflows by file name. Read if a mark on a commit names a workflow
    /// other than the configured deploy workflow.
    pub workflow_ids: BTreeMap<String, WorkflowId>,
    /// What a dispatch depends on now. If it changes, a rejected dispatch is worth retrying.
    pub rejection_key: RejectionKey,
    /// Every account that this governor uses or has used.
    pub us: BTreeSet<Login>,
}

/// What a pass saw of the runs of the deploy workflow and of other workflows that deploy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenRuns {
    /// Runs in their newest attempt, in any order.
    pub runs: Vec<Run>,
    /// Earlier attempts of runs, where these were asked for.
    pub earlier_attempts: Vec<Run>,
    /// The commits that runs deploy, according to their titles and heads. A run that is missing
    /// has not been looked up.
    pub attributions: BTreeMap<RunId, Attribution>,
    /// The branch tip that `attributions` were searched on; `None` if it was not read.
    pub searched_tip: Option<Sha>,
    /// The commits that runs deploy according to a status of ours that links to the run.
    pub named_by_status: BTreeMap<RunId, Sha>,
    /// Statuses of commits that runs without a usable title may have deployed.
    pub statuses: Vec<(Sha, Vec<CommitStatus>)>,
    /// Whether the ref that a run claims contains its commit, where this was asked for.
    pub histories: BTreeMap<RunId, RefHistory>,
    /// The jobs of run attempts, where these were asked for.
    pub jobs: BTreeMap<RunRef, Vec<Job>>,
    /// The run attempts whose jobs GitHub repeatedly fails to show. Their jobs stay unknown.
    pub jobs_untold: BTreeSet<RunRef>,
    /// Unfinished runs that GitHub no longer has: it answered 404 twice, some time apart.
    pub deleted: BTreeSet<RunId>,
    /// The workflow's newest run on any branch and by any event.
    pub newest: Option<RunId>,
    /// Where the runs of attempts were searched for: in the list of the workflow that each
    /// attempt recorded, regardless of the current configuration.
    pub searches: BTreeMap<WorkflowId, RunSearch>,
    /// The commits of this repository that hex words in run titles resolve to, or `None`. A
    /// word that is missing has not been looked up.
    pub commits_named: BTreeMap<ShaPrefix, Option<Sha>>,
    /// When the runs of the last thirty days were read, if they were.
    pub swept_at: Option<Timestamp>,
    /// Workflows whose runs were read back to the oldest one without finding a success.
    pub read_to_the_end: BTreeSet<WorkflowId>,
    /// The rules that classify runs; `None` if there is no deploy workflow.
    pub scope: Option<DeployScope>,
}

/// The runs of one workflow in which attempts look for their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunSearch {
    /// Runs that may belong to an attempt, whoever started them.
    pub runs: Vec<Run>,
    pub list: ListRead,
}

/// How much was read of a workflow's unfiltered list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListRead {
    /// Not every run newer than the waiting attempts. A run that is missing may exist.
    #[default]
    Incomplete,
    /// Every run newer than the waiting attempts. Only this proves absence.
    Complete,
    /// GitHub no longer has this list: it answered 404 twice, some time apart.
    Gone,
}

impl SeenRuns {
    /// A run by its id, among the deploy runs and those found in searches.
    #[must_use]
    pub fn run(&self, id: RunId) -> Option<&Run> {
        let searched = self.searches.values().flat_map(|search| &search.runs);
        self.runs.iter().chain(searched).find(|run| run.at.id == id)
    }
}

impl Observation {
    /// The known facts about `sha`.
    #[must_use]
    pub fn facts(&self, sha: &Sha) -> CommitFacts {
        self.commits.get(sha).cloned().unwrap_or_default()
    }

    /// The known range from `base` to `head`.
    #[must_use]
    pub fn range(&self, base: &Sha, head: &Sha) -> &Fact<Ranged> {
        static NOT_ASKED: Fact<Ranged> = Fact::NotAsked;
        self.ranges.get(&(base.clone(), head.clone())).unwrap_or(&NOT_ASKED)
    }
}

/// What GitHub shows that can rebuild a lost ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryScan {
    /// All statuses under our context by commit, starting at the branch tip. Newest first.
    pub statuses: Vec<(Sha, Vec<CommitStatus>)>,
    /// All issues opened by an account of ours.
    pub issues: Vec<Issue>,
}
