//! What GitHub shows, as plain values, each fact with its doubt.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Ancestry, Attribution, Availability, Branch, BranchCommits, BranchStep, CommitStatus,
    Conclusion, DeployScope, FileContent, Flag, Issue, Job, ListedCommit, Login, MergedPull,
    PullEvent, PullNumber, RefHistory, RejectionKey, RepoId, RepoName, RepositoryRole, Run, RunId,
    RunRef, Sha, ShaPrefix, SignalReading, Team, UncountedRun, WorkflowFact, WorkflowId,
};

/// Why something could not be read, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Why(pub String);

/// A fact with its doubt. What could not be read is never an empty list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fact<T> {
    /// Nobody has asked GitHub yet.
    #[default]
    NotAsked,
    /// GitHub said so.
    Known(T),
    /// GitHub was asked and gave no answer that can be used, for now.
    Unreadable(Why),
}

impl<T> Fact<T> {
    /// The value, where it is known.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::NotAsked | Self::Unreadable(_) => None,
        }
    }
}

/// A governed repository as GitHub knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Its number.
    pub id: RepoId,
    /// Its name now; another than the config's after a rename.
    pub name: RepoName,
    /// Its default branch.
    pub default_branch: Branch,
    /// Archived repositories take no writes.
    pub archived: bool,
    /// Whether it has issues at all.
    pub has_issues: bool,
    /// Its page.
    pub html_url: String,
}

/// How a head stands to a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// They are one commit.
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
    /// Its name (after the change, or before a deletion).
    pub path: String,
    /// Its name before, for a rename.
    pub previous_path: Option<String>,
    /// What is there after the change.
    #[serde(default)]
    pub content: FileContent,
}

/// The files of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeFiles {
    /// All of them.
    Complete(Vec<FileChange>),
    /// GitHub lists no more than these many, and the trees could not be compared either.
    Truncated(Vec<FileChange>),
}

/// What GitHub says of two commits. Commits never change, so neither does this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// How the head stands to the base.
    pub relation: Relation,
    /// What differs from their merge base to the head.
    pub files: RangeFiles,
}

/// A range, or what lasts in the way of knowing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ranged {
    /// The two were compared.
    Compared(Comparison),
    /// One of them is gone, or they have no common ancestor (404, 422): GitHub's words.
    Incomparable(String),
    /// GitHub failed to compare them in three passes running, while it answered all else.
    Broken(String),
}

impl Ranged {
    /// How the head stands to the base, where that can be told.
    #[must_use]
    pub const fn relation(&self) -> Option<Relation> {
        match self {
            Self::Compared(comparison) => Some(comparison.relation),
            Self::Incomparable(_) | Self::Broken(_) => None,
        }
    }
}

/// The deploy workflow's file and the local workflows that it calls, at the tip of its ref against
/// the judged commit. GitHub runs those at the tip (design, section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployFiles {
    /// They are the same.
    Same,
    /// Some are not.
    Differ {
        /// Those that are not.
        paths: BTreeSet<String>,
        /// What identifies all of them as they are at the tip; none where the tip has no deploy
        /// file.
        at_tip: Option<String>,
    },
}

/// What the counted verification runs say of one commit (S1 says which count).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// None counts.
    None,
    /// The latest is still running.
    Running(VerificationRun),
    /// The latest succeeded.
    Passed(VerificationRun),
    /// The latest ended otherwise.
    Failed(VerificationRun, Conclusion),
}

/// A counted verification run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationRun {
    /// Which attempt of which run.
    pub at: RunRef,
    /// When this attempt started.
    pub started_at: Timestamp,
    /// Its page.
    pub html_url: String,
}

/// Who brought commits to the branch, and what was said about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    /// The steps from a base to a head, the newest first.
    pub steps: BTreeMap<(Sha, Sha), Fact<Availability<Vec<BranchStep>>>>,
    /// The pull requests, merged into the branch, that brought a commit; none for one that was
    /// pushed directly.
    pub pulls: BTreeMap<Sha, Fact<Availability<Vec<MergedPull>>>>,
    /// The files that a pull request changes, by its own list.
    pub files: BTreeMap<PullNumber, Fact<Availability<RangeFiles>>>,
    /// Whether the head of a merged pull request is an ancestor of the branch.
    pub heads_on_branch: BTreeMap<Sha, Fact<Availability<bool>>>,
    /// Whether GitHub made, and signed, a commit.
    pub made_by_github: BTreeMap<Sha, Fact<Availability<bool>>>,
    /// What happened on a pull request, in GitHub's order.
    pub events: BTreeMap<PullNumber, Fact<Availability<Vec<PullEvent>>>>,
    /// The labels that a pull request has now.
    pub labels: BTreeMap<PullNumber, Fact<Availability<Vec<String>>>>,
    /// What somebody may do in the repository.
    pub standings: BTreeMap<Login, Fact<Availability<RepositoryRole>>>,
    /// Whether somebody belongs to a team.
    pub members: BTreeMap<(Team, Login), Fact<Availability<bool>>>,
    /// The statuses of a commit that raise its risk.
    pub flags: BTreeMap<Sha, Fact<Availability<Vec<Flag>>>>,
}

/// What is known of one judged commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFacts {
    /// What its verification says.
    pub verification: Fact<Verification>,
    /// When its successful re-runs and manual runs of the verification began: each gives a sha
    /// that failed to deploy another attempt (rule 14).
    pub reverified_at: Vec<Timestamp>,
    /// The newest run that succeeded on it and does not count, where one was seen: shown, and
    /// decided on by nothing.
    pub uncounted: Option<UncountedRun>,
    /// Whether it is an ancestor of the branch.
    pub on_branch: Fact<bool>,
    /// The deploy files at the tip against those here.
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
    /// The newest commit with a finished verification, where that is not the candidate.
    pub head: Option<Sha>,
    /// Verified commits older than the candidate, newest first: asked about only when the
    /// candidate is held for its own range.
    pub verified_below: Vec<Sha>,
}

impl Candidates {
    /// How many of the branch's commits are newer than any with a finished verification; none where
    /// these commits do not tell.
    #[must_use]
    pub fn unverified_above(&self, commits: &BranchCommits) -> Option<usize> {
        let verified: Vec<&Sha> = self.candidate.iter().chain(&self.head).collect();
        if verified.is_empty() {
            return commits.complete.then_some(commits.commits.len());
        }
        verified.into_iter().filter_map(|sha| commits.place(sha)).min()
    }

    /// Whether it is the candidate or the head.
    #[must_use]
    pub fn has(&self, sha: &Sha) -> bool {
        self.candidate.as_ref() == Some(sha) || self.head.as_ref() == Some(sha)
    }
}

/// All that one pass knows of one repository.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The repository.
    pub repository: Repository,
    /// The release branch.
    pub branch: Branch,
    /// The ref that the deploy workflow is started on.
    pub deploy_ref: Branch,
    /// The tip of that ref.
    pub deploy_ref_tip: Option<Sha>,
    /// The deploy workflow.
    pub deploy_workflow: WorkflowFact,
    /// The tip of the branch; none where the branch does not exist.
    pub branch_tip: Option<Sha>,
    /// The newest commits of the branch.
    pub branch_commits: BranchCommits,
    /// What may be released.
    pub candidates: Candidates,
    /// What is known of each judged commit.
    pub commits: BTreeMap<Sha, CommitFacts>,
    /// What is known of ranges, by base and head.
    pub ranges: BTreeMap<(Sha, Sha), Fact<Ranged>>,
    /// The commits that a head has and a base has not, by base and head.
    pub commits_between: BTreeMap<(Sha, Sha), Fact<Availability<Vec<ListedCommit>>>>,
    /// Which commits contain which.
    pub ancestry: Ancestry,
    /// Who brought commits to the branch, and what was said about them.
    pub origins: Origins,
    /// What each signal says that tells whether production is degraded.
    pub signals: Vec<SignalReading>,
    /// What the policy's `health_check` says: of deploys, and to no rule.
    pub health_check: Option<SignalReading>,
    /// The repository's workflows by their files, where a mark on a commit names another one than
    /// the configured deploy workflow.
    pub workflow_ids: BTreeMap<String, WorkflowId>,
    /// What a dispatch depends on now: a rejected one is worth another try when it changed.
    pub rejection_key: RejectionKey,
    /// Every identity that is, or was, us.
    pub us: BTreeSet<Login>,
}

/// What a pass saw of the runs of the deploy workflow, and of other workflows that deploy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenRuns {
    /// Runs in their newest attempt, in any order.
    pub runs: Vec<Run>,
    /// Earlier attempts of runs that were asked for.
    pub earlier_attempts: Vec<Run>,
    /// What the runs deploy, as far as titles and heads tell. A run that is not in here has not
    /// been looked up.
    pub attributions: BTreeMap<RunId, Attribution>,
    /// The branch's tip that `attributions` were looked for on; none where it was not read.
    pub searched_tip: Option<Sha>,
    /// The commits that these runs deploy by a status of ours that links to them.
    pub named_by_status: BTreeMap<RunId, Sha>,
    /// Statuses of commits that runs without a title of their own may have deployed.
    pub statuses: Vec<(Sha, Vec<CommitStatus>)>,
    /// Whether the ref that a run claims to run on has its commit, of those that were asked for.
    pub histories: BTreeMap<RunId, RefHistory>,
    /// The jobs of the run attempts that were asked for.
    pub jobs: BTreeMap<RunRef, Vec<Job>>,
    /// The run attempts whose jobs GitHub goes on failing to show: what they would tell is not known.
    pub jobs_untold: BTreeSet<RunRef>,
    /// Unfinished runs that GitHub no longer has: it answered 404 twice, some time apart.
    pub deleted: BTreeSet<RunId>,
    /// The newest run of the workflow, of whatever branch or event.
    pub newest: Option<RunId>,
    /// Where the runs of attempts were looked for: the list of the workflow that each attempt
    /// recorded, whatever the configuration says by now.
    pub searches: BTreeMap<WorkflowId, RunSearch>,
    /// What GitHub resolves the hex words in these runs' titles to: a commit of this repository,
    /// or none. What is not in here has not been looked up.
    pub commits_named: BTreeMap<ShaPrefix, Option<Sha>>,
    /// When the runs of thirty days were read for this, if they were.
    pub swept_at: Option<Timestamp>,
    /// Workflows whose runs were read to the oldest one, and none of them succeeded.
    pub read_to_the_end: BTreeSet<WorkflowId>,
    /// Which runs count as what. None: there is no deploy workflow.
    pub scope: Option<DeployScope>,
}

/// The runs of one workflow among which attempts look for theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunSearch {
    /// Runs that may be an attempt's, by whoever.
    pub runs: Vec<Run>,
    /// What the workflow's unfiltered list proves.
    pub list: ListRead,
}

/// What was read of a workflow's unfiltered list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListRead {
    /// Not all that is newer than the attempts that wait: a run that is not in it may exist.
    #[default]
    Incomplete,
    /// Every run that is newer than the attempts that wait: only this proves absence.
    Complete,
    /// GitHub no longer has this list: it answered 404 twice, some time apart.
    Gone,
}

impl SeenRuns {
    /// What was seen of a run, among the deploys or where an attempt looked for it.
    #[must_use]
    pub fn run(&self, id: RunId) -> Option<&Run> {
        let searched = self.searches.values().flat_map(|search| &search.runs);
        self.runs.iter().chain(searched).find(|run| run.at.id == id)
    }
}

impl Observation {
    /// What is known of `sha`.
    #[must_use]
    pub fn facts(&self, sha: &Sha) -> CommitFacts {
        self.commits.get(sha).cloned().unwrap_or_default()
    }

    /// What is known of the range from `base` to `head`.
    #[must_use]
    pub fn range(&self, base: &Sha, head: &Sha) -> &Fact<Ranged> {
        static NOT_ASKED: Fact<Ranged> = Fact::NotAsked;
        self.ranges.get(&(base.clone(), head.clone())).unwrap_or(&NOT_ASKED)
    }
}

/// What a lost ledger left at GitHub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryScan {
    /// All statuses under our context, newest first, by commit, from the tip of the branch down.
    pub statuses: Vec<(Sha, Vec<CommitStatus>)>,
    /// All issues by an account of ours.
    pub issues: Vec<Issue>,
}
