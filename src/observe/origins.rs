//! Reads who brought commits to the branch, and what was said about them.
//!
//! A merged commit never changes, nor does the pull request that brought it: that is kept. What
//! people say there may change at any time, and is asked for in every pass that needs it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::range::{keep, kept_for_ever};
use super::rhythm::is_long_ago;
use super::{Basics, Look, ObserveError};
use crate::domain::{
    BranchStep, Fact, Flag, Lack, Login, MergedPull, Origins, PullEvent, PullNumber, Sha, Standing,
    Team, Told, Why, Within, steps_between,
};
use crate::github::ReadError;

/// One thing that was learnt.
pub(super) enum Origin {
    Steps((Sha, Sha), Fact<Told<Vec<BranchStep>>>),
    Pulls(Sha, Fact<Told<Vec<MergedPull>>>),
    Events(PullNumber, Fact<Told<Vec<PullEvent>>>),
    Labels(PullNumber, Fact<Told<Vec<String>>>),
    Standing(Login, Fact<Told<Standing>>),
    Member((Team, Login), Fact<Told<bool>>),
    Flags(Sha, Fact<Told<Vec<Flag>>>),
}

impl Origin {
    /// Puts it where `decide` looks for it.
    pub(super) fn note(self, origins: &mut Origins) {
        match self {
            Self::Steps(of, steps) => drop(origins.steps.insert(of, steps)),
            Self::Pulls(of, pulls) => drop(origins.pulls.insert(of, pulls)),
            Self::Events(of, events) => drop(origins.events.insert(of, events)),
            Self::Labels(of, labels) => drop(origins.labels.insert(of, labels)),
            Self::Standing(of, known) => drop(origins.standings.insert(of, known)),
            Self::Member(of, member) => drop(origins.members.insert(of, member)),
            Self::Flags(of, flags) => drop(origins.flags.insert(of, flags)),
        }
    }
}

/// Reads what people and tools said, and what they may do; none where something else lacks.
///
/// # Errors
/// What GitHub said where the pass cannot go on.
pub(super) async fn said(look: &Look<'_>, lack: &Lack) -> Result<Option<Origin>, ObserveError> {
    let (name, reader) = (look.name(), look.reader);
    Ok(Some(match lack {
        Lack::Events(pull) => {
            let events = reader.timeline(name, *pull, &look.policy.approval_command).await;
            Origin::Events(*pull, told(events)?)
        }
        Lack::Labels(pull) => Origin::Labels(*pull, told(reader.labels_of(name, *pull).await)?),
        Lack::Standing(login) => {
            Origin::Standing(login.clone(), told(reader.standing(name, login).await)?)
        }
        Lack::Member(team, login) => {
            let is_member = told(reader.is_member(team, login).await)?;
            Origin::Member((team.clone(), login.clone()), is_member)
        }
        Lack::Flags(sha) => {
            let contexts = &look.policy.raise_risk_contexts;
            Origin::Flags(sha.clone(), told(reader.flags(name, sha, contexts).await)?)
        }
        Lack::Verification(_)
        | Lack::OnBranch(_)
        | Lack::Range(..)
        | Lack::Step(_)
        | Lack::Steps(..)
        | Lack::Pulls(_)
        | Lack::DeployFile(_) => return Ok(None),
    }))
}

/// The steps from `base` to `head`, where the newest commits of the branch do not show them. They
/// lie between two commits and never change.
pub(super) async fn steps(
    look: &Look<'_>,
    basics: &Basics,
    base: &Sha,
    head: &Sha,
) -> Result<Fact<Told<Vec<BranchStep>>>, ObserveError> {
    let (repository, key) = (basics.repository.id, format!("steps {base} {head}"));
    if let Some(kept) = kept_for_ever(look, repository, &key).await? {
        return Ok(Fact::Known(kept));
    }
    let commits = match look.reader.commits_between(look.name(), base, head).await {
        Ok(commits) => commits,
        // What GitHub refused may be told another time.
        Err(error) => return Ok(silence(error)?.into()),
    };
    let steps = if commits.complete {
        steps_between(&commits, base, head, Within::TheseCommits).map_or_else(
            || Told::Untold("their commits do not lead from one to the other".to_owned()),
            Told::Known,
        )
    } else {
        let count = commits.commits.len();
        Told::Untold(format!("more than {count} commits lie between them"))
    };
    keep(look, repository, &key, &steps).await?;
    Ok(Fact::Known(steps))
}

/// What is kept of the pull requests of a commit.
#[derive(Serialize, Deserialize)]
struct KeptPulls {
    read_at: Timestamp,
    pulls: Told<Vec<MergedPull>>,
}

impl KeptPulls {
    /// That there is none may only mean that GitHub does not know of the merge yet, and what it
    /// refuses to tell it may tell another day.
    fn lasts(&self) -> bool {
        match &self.pulls {
            Told::Known(pulls) => !pulls.is_empty(),
            Told::Untold(_) => false,
        }
    }
}

/// The pull requests that brought a commit. What does not last is asked again as what changes
/// seldom is, and before a dispatch.
pub(super) async fn pulls(
    look: &Look<'_>,
    basics: &Basics,
    sha: &Sha,
) -> Result<Fact<Told<Vec<MergedPull>>>, ObserveError> {
    let (repository, key) = (basics.repository.id, format!("pulls {} {sha}", basics.branch));
    if let Some(kept) = kept_for_ever::<KeptPulls>(look, repository, &key).await? {
        let is_told_lately = !look.anew && !is_long_ago(kept.read_at, look.now);
        if kept.lasts() || is_told_lately {
            return Ok(Fact::Known(kept.pulls));
        }
    }
    let pulls = match told(look.reader.pulls_of(look.name(), sha, &basics.branch).await)? {
        Fact::Known(pulls) => pulls,
        unread @ (Fact::NotAsked | Fact::Unreadable(_)) => return Ok(unread),
    };
    let kept = KeptPulls { read_at: look.now, pulls };
    keep(look, repository, &key, &kept).await?;
    Ok(Fact::Known(kept.pulls))
}

/// Why GitHub told nothing.
pub(super) enum Silence {
    /// It never will: gone, refused, without end.
    Lasting(String),
    /// It may a moment later.
    Passing(Why),
}

impl<T> From<Silence> for Fact<Told<T>> {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Lasting(why) => Self::Known(Told::Untold(why)),
            Silence::Passing(why) => Self::Unreadable(why),
        }
    }
}

/// Why a read told nothing: whether anything rests on it is for `decide` to say. What is the matter
/// with every read fails the pass.
pub(super) fn silence(error: ReadError) -> Result<Silence, ObserveError> {
    match error {
        ReadError::NotFound { .. }
        | ReadError::Refused { .. }
        | ReadError::Gone410 { .. }
        | ReadError::Malformed { .. }
        | ReadError::TooMany { .. } => Ok(Silence::Lasting(error.to_string())),
        ReadError::Server { .. } | ReadError::Transport { .. } | ReadError::EmptyList { .. } => {
            Ok(Silence::Passing(Why(error.to_string())))
        }
        ReadError::BadCredentials { .. }
        | ReadError::Moved { .. }
        | ReadError::ToldToWait { .. } => Err(error.into()),
    }
}

fn told<T>(read: Result<T, ReadError>) -> Result<Fact<Told<T>>, ObserveError> {
    match read {
        Ok(value) => Ok(Fact::Known(Told::Known(value))),
        Err(error) => Ok(silence(error)?.into()),
    }
}
