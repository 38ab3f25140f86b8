//! The events of a simulation as plain data, drawn from a seed in advance, so that a failing
//! script can be shortened and printed.

use crate::calendar::Planned;
use crate::pulls::Pulling;

/// An event at one repository (by its number, modulo the number of repositories).
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: u64,
    pub(crate) what: What,
}

/// What a pushed commit changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Touch {
    Low,
    Medium,
    High,
    /// A file that replaces a directory, as a symlink or submodule does.
    Link,
    DeployFile,
    /// A local workflow that the deploy workflow may call.
    CalledFile,
    /// A workflow that is irrelevant here.
    OtherWorkflow,
    VerifyFiles,
}

impl Touch {
    pub(crate) const ALL: [Self; 8] = [
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Link,
        Self::DeployFile,
        Self::CalledFile,
        Self::OtherWorkflow,
        Self::VerifyFiles,
    ];

    pub(crate) fn is_high(self) -> bool {
        !matches!(self, Self::Low | Self::Medium)
    }
}

/// The title of a deploy run started by somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Title {
    Full,
    Short,
    ToStaging,
    /// Seven or more digits that are not a commit id.
    Number,
    ByHand,
}

/// Where a deploy run started by somebody else runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Branch,
    /// GitHub reports null.
    NoBranch,
    Tag,
    Hotfix,
    /// On the branch, by a push.
    Push,
    /// Another workflow.
    Rollback,
    /// A tag with the name of the branch, at a commit that is not on it.
    Stray,
    /// On the branch, manually, with the program's account.
    OurAccount,
}

/// `nth` counts back from the newest matching object. If there is none, the event does nothing.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Push {
        touch: Touch,
        verified: Option<&'static str>,
        /// The age of its date, in hours.
        dated_back: u64,
    },
    /// A branch that forked `nth` commits ago is merged.
    Merge {
        nth: u64,
        touches: [Touch; 2],
        verified: Option<&'static str>,
        dated_back: u64,
    },
    /// A commit is reverted, or if it was reverted already, restored.
    Revert {
        nth: u64,
        by_sha: bool,
        verified: Option<&'static str>,
    },
    /// A merge queue begins to test a commit.
    Queue {
        touch: Touch,
    },
    /// Another file takes the name of the verification workflow.
    TakeName {
        verified: Option<&'static str>,
    },
    /// The other branch is moved to one of the newest commits.
    PutRelease {
        nth: u64,
    },
    /// A full page of newer verification runs.
    Crowd {
        nth: u64,
    },
    Verify {
        nth: u64,
        ends: Option<&'static str>,
        by_hand: bool,
        on: &'static str,
        other: bool,
    },
    VerifyAgain {
        nth: u64,
        ends: Option<&'static str>,
    },
    EndVerification {
        nth: u64,
        conclusion: &'static str,
    },
    ForeignDeploy {
        nth: u64,
        title: Title,
        on: On,
        ends: Option<&'static str>,
    },
    EndDeploy {
        nth: u64,
        conclusion: &'static str,
    },
    Supersede {
        nth: u64,
    },
    AwaitReviewers {
        nth: u64,
    },
    DeployAgain {
        nth: u64,
        ends: Option<&'static str>,
    },
    DeleteRun {
        nth: u64,
    },
    /// A run that GitHub creates on a push for an invalid workflow file.
    Phantom {
        conclusion: &'static str,
    },
    /// The branch of a run becomes null.
    LoseBranch {
        nth: u64,
    },
    /// One of our runs is missing in all lists for a while, and is a 404 once.
    Vanish {
        nth: u64,
        seconds: u64,
    },
    ForcePush {
        nth: u64,
    },
    /// The branch is moved to one of the newest commits, wherever it is.
    PutBranch {
        nth: u64,
    },
    Forge {
        nth: u64,
        description: &'static str,
        state: &'static str,
    },
    CloseIssue {
        nth: u64,
    },
    /// An event about a pull request.
    Pull(Pulling),
    Pause,
    Resume,
    Approve {
        nth: u64,
        by_environment: bool,
    },
    SetProduction {
        nth: u64,
    },
    /// The request may be refused by a fault.
    Trigger {
        nth: u64,
        /// Whether to roll back to an earlier production.
        rollback: bool,
        refused: Option<(&'static str, Hit)>,
    },
    Policy {
        key: &'static str,
        value: &'static str,
        /// Whether it applies without a restart.
        live: bool,
    },
    /// A freeze or a window of the repository takes the place of the one that was configured.
    Calendar {
        planned: Option<Planned>,
        live: bool,
    },
    /// Somebody repeatedly overwrites a status.
    Siege {
        nth: u64,
    },
    Wait {
        seconds: u64,
    },
    ListLag {
        seconds: u64,
    },
    IndexLag {
        seconds: u64,
    },
    IndexMisses {
        nth: u64,
    },
    StopIndex {
        stopped: bool,
    },
    /// The clock that dates runs is off by this many seconds.
    SkewRuns {
        seconds: i64,
    },
    /// In the next pass that writes a status, the process stops after that.
    Freeze {
        answers: u64,
        seconds: u64,
        suspended: bool,
    },
    Rage {
        seed: u64,
        per_mille: u64,
    },
    Calm,
    Fail {
        operation: &'static str,
        fault: Hit,
        skip: u64,
    },
    /// Every matching request fails this way until the faults stop.
    FailAlways {
        operation: &'static str,
        fault: Hit,
    },
    Pass {
        crash: Option<Crash>,
    },
    Restart,
    LoseTheDisk,
    /// A snapshot of the disk is taken or restored.
    KeepTheDisk,
    PutBackTheDisk,
    DiskFull {
        full: bool,
    },
    TwinComes,
    TwinGoes,
    TwinPasses,
    BothPass,
}

/// A fault that hits one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hit {
    LoseAnswer,
    LoseRequest,
    RefuseConnection,
    Before(u16),
    After(u16),
    Truncate,
    Malformed,
    Blank,
    Hang,
    Refuse(u16),
    Limit,
}

/// How a process ends in the middle of a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Crash {
    /// At the nth request from its start, before or after GitHub has executed it.
    AtRequest { requests: u64, after: bool },
    /// The disk stops after some changes. A random half of the unsynced changes survives.
    AtChange { changes: u64, seed: u64 },
}

pub(crate) struct Script {
    pub(crate) repositories: u64,
    pub(crate) enterprise: bool,
    pub(crate) deployed_before: bool,
    /// Whether the configuration names the token's account: an App's token does not reveal it
    /// before the first write.
    pub(crate) identified: bool,
    /// Whether the deploy workflow calls a local one.
    pub(crate) calls_lib: bool,
    pub(crate) events: Vec<Event>,
}
