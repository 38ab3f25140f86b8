//! What happens in a simulation: events as plain data, drawn from a seed before anything runs, so
//! that a failing script can be shortened and told.

use crate::pulls::Pulling;

/// One event at one repository (by its number, as far as there are so many).
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: u64,
    pub(crate) what: What,
}

/// What a pushed commit touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Touch {
    Low,
    Medium,
    High,
    /// A file that takes a directory's place, as a link or a submodule does.
    Link,
    DeployFile,
    /// A local workflow that the deploy workflow may call.
    CalledFile,
    /// A workflow that nothing here looks at.
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

/// What somebody's deploy run says in lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Title {
    Full,
    Short,
    ToStaging,
    /// Seven digits and more that are no commit's.
    Number,
    ByHand,
}

/// Where somebody's deploy runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Branch,
    /// GitHub says null.
    NoBranch,
    Tag,
    Hotfix,
    /// On the branch, by a push.
    Push,
    /// Another workflow.
    Rollback,
    /// A tag that is called like the branch, at a commit that is not on it.
    Stray,
    /// On the branch, by the account that the program has, on GitHub's page.
    OurAccount,
}

/// `nth` counts back from the newest of what is meant; where there are not so many, nothing is
/// done.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Push {
        touch: Touch,
        verified: Option<&'static str>,
        /// By so many hours its date lies.
        dated_back: u64,
    },
    /// A branch that left so many commits ago is merged.
    Merge {
        nth: u64,
        touches: [Touch; 2],
        verified: Option<&'static str>,
        dated_back: u64,
    },
    /// Whatever a commit did is undone, and where that was undone, done again.
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
    /// The other branch is put to one of the newest commits.
    PutRelease {
        nth: u64,
    },
    /// A page full of younger verification runs.
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
    /// What GitHub leaves on a push for a file that it cannot start.
    Phantom {
        conclusion: &'static str,
    },
    /// A run's branch is gone.
    LoseBranch {
        nth: u64,
    },
    /// A run of ours is in no list for a while, and once a 404.
    Vanish {
        nth: u64,
        seconds: u64,
    },
    ForcePush {
        nth: u64,
    },
    /// The branch is put to one of the newest commits, wherever that is.
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
    /// Something about a pull request.
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
    /// What is asked may be refused on the way.
    Trigger {
        nth: u64,
        /// Back to what was in production before.
        rollback: bool,
        refused: Option<(&'static str, Hit)>,
    },
    Policy {
        key: &'static str,
        value: &'static str,
        /// Without a restart.
        live: bool,
    },
    /// Somebody overwrites a status again and again.
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
    /// The clock that dates runs goes wrong by so many seconds.
    SkewRuns {
        seconds: i64,
    },
    /// In the next pass that writes a status the process stands still after it.
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
    /// Every request of this kind meets it, until calm comes.
    FailAlways {
        operation: &'static str,
        fault: Hit,
    },
    Pass {
        crash: Option<Crash>,
    },
    Restart,
    LoseTheDisk,
    /// A snapshot of the disk is taken, or put back.
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
    /// At so many requests from its start, before or after GitHub carried the last one out.
    AtRequest { requests: u64, after: bool },
    /// The disk stops after so many changes; of what was not synced, a half survives by chance.
    AtChange { changes: u64, seed: u64 },
}

pub(crate) struct Script {
    pub(crate) repositories: u64,
    pub(crate) enterprise: bool,
    pub(crate) deployed_before: bool,
    /// Whether the config says who the token is: an App's own is nobody's, until a write tells.
    pub(crate) identified: bool,
    /// Whether the deploy workflow calls a local one.
    pub(crate) calls_lib: bool,
    pub(crate) events: Vec<Event>,
}
