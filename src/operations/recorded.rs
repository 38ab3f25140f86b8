//! `approve`, `pause`, `resume` and `set-production`: words that go into the ledger.

use serde::{Deserialize, Serialize};

use crate::controller::{Controller, PauseAnswer, RecordedWord, Resumed, ResumedFrom};
use crate::domain::{Operator, RepoName, ShaPrefix};
use crate::messages::{self, still_rolled_back};

use super::Recorded;
use crate::request::single_line;
use crate::request::{Caller, CommandFailure, ControllerRequest};

/// What is said of a pause that GitHub gave no time for.
const TIME_UNKNOWN: &str = "GitHub did not say what time it is, so the time of this pause may be \
                            wrong. It holds all the same";

/// A commit may ship with all that makes it HIGH.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApproveRequest {
    /// The repository.
    pub repository: RepoName,
    /// The commit.
    pub sha: ShaPrefix,
    /// Why.
    pub reason: String,
    /// `--as NAME`.
    pub name: Option<String>,
}

/// A repository's releases stop.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PauseRequest {
    /// The repository.
    pub repository: RepoName,
    /// Why.
    pub reason: String,
    /// `--as NAME`.
    pub name: Option<String>,
}

/// A repository's releases go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResumeRequest {
    /// The repository.
    pub repository: RepoName,
    /// `--as NAME`.
    pub name: Option<String>,
}

/// A commit runs in production.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetProductionRequest {
    /// The repository.
    pub repository: RepoName,
    /// The commit.
    pub sha: ShaPrefix,
    /// Why.
    pub reason: String,
    /// `--as NAME`.
    pub name: Option<String>,
}

impl ControllerRequest for ApproveRequest {
    const NAME: &'static str = "approve";
    type Answer = Recorded;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(
        self,
        controller: Controller,
        caller: Caller,
    ) -> Result<Recorded, CommandFailure> {
        let (by, why) = (caller.named(self.name)?, single_line("a reason", &self.reason)?);
        let word = controller.approve(&self.repository, &self.sha, why.clone(), by.clone()).await?;
        Ok(recorded("approved", self.repository, word, Some(why), &by))
    }
}

impl ControllerRequest for PauseRequest {
    const NAME: &'static str = "pause";
    type Answer = Recorded;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(
        self,
        controller: Controller,
        caller: Caller,
    ) -> Result<Recorded, CommandFailure> {
        let (by, why) = (caller.named(self.name)?, single_line("a reason", &self.reason)?);
        let answer = controller.pause(&self.repository, why.clone(), by.clone()).await?;
        let PauseAnswer { spoken, left, time_is_known } = answer;
        let mut recorded = recorded("paused", self.repository, spoken, Some(why), &by);
        recorded.left = Some(left);
        recorded.note = (!time_is_known).then(|| TIME_UNKNOWN.to_owned());
        Ok(recorded)
    }
}

impl ControllerRequest for ResumeRequest {
    const NAME: &'static str = "resume";
    type Answer = Recorded;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(
        self,
        controller: Controller,
        caller: Caller,
    ) -> Result<Recorded, CommandFailure> {
        let by = caller.named(self.name)?;
        let Resumed { spoken, of } = controller.resume(&self.repository, by.clone()).await?;
        let still = controller.snapshot(&self.repository);
        let by_config = still.and_then(|snapshot| snapshot.policy.paused.clone());
        let by_config = by_config.map(|why| {
            format!("it stays paused by the configuration ({why}): remove `paused` there")
        });
        let (word, rollback) = match of {
            ResumedFrom::Pause { rollback } => ("resumed", rollback),
            ResumedFrom::Hold { rollback: true } => ("rollback_lifted", None),
            ResumedFrom::Hold { rollback: false } => ("resumed", None),
        };
        let by_rollback = rollback.map(|cause| still_rolled_back(&cause, &self.repository));
        let notes: Vec<String> = by_rollback.into_iter().chain(by_config).collect();
        let mut recorded = recorded(word, self.repository, spoken, None, &by);
        recorded.note = (!notes.is_empty()).then(|| notes.join("\n"));
        Ok(recorded)
    }
}

impl ControllerRequest for SetProductionRequest {
    const NAME: &'static str = "set-production";
    type Answer = Recorded;

    fn writes(&self) -> bool {
        false
    }

    async fn carry_out(
        self,
        controller: Controller,
        caller: Caller,
    ) -> Result<Recorded, CommandFailure> {
        let (by, why) = (caller.named(self.name)?, single_line("a reason", &self.reason)?);
        let set =
            controller.set_production(&self.repository, &self.sha, why.clone(), by.clone()).await?;
        let note = messages::after_set_production(&set.in_flight, set.candidate.as_ref());
        let mut recorded = recorded("production_set", self.repository, set.spoken, Some(why), &by);
        recorded.note = note;
        Ok(recorded)
    }
}

fn recorded(
    word: &str,
    repository: RepoName,
    spoken: RecordedWord,
    reason: Option<String>,
    by: &Operator,
) -> Recorded {
    let RecordedWord { at, sha } = spoken;
    Recorded {
        repository,
        word: word.to_owned(),
        sha,
        reason,
        by: by.display(),
        time: at,
        left: None,
        note: None,
    }
}
