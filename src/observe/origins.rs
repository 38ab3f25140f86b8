//! Reads how commits reached the branch, and what was said about them.
//!
//! A merged commit never changes, nor does the pull request that brought it, so these are kept.
//! What people say there may change at any time, so it is read in every pass that needs it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::range::{keep, kept_for_ever};
use super::refresh_schedule::is_long_ago;
use super::{Memory, ObserveError, ReadContext, RepoFacts};
use crate::domain::{
    Availability, Branch, BranchStep, Fact, Flag, Lack, Login, MergedPull, Origins, PullEvent,
    PullNumber, RangeFiles, RepositoryRole, Sha, Team, Why, Within, steps_between,
};
use crate::github::{Compared, ReadError};

/// The most other base branches of a commit's pull requests that are looked up as former names
/// of the branch.
const MOST_BASES: usize = 10;

/// A fact about the origin of commits.
pub(super) enum LearntOrigin {
    Steps((Sha, Sha), Fact<Availability<Vec<BranchStep>>>),
    Pulls(Sha, Fact<Availability<Vec<MergedPull>>>),
    PullFiles(PullNumber, Fact<Availability<RangeFiles>>),
    HeadOnBranch(Sha, Fact<Availability<bool>>),
    MadeByGithub(Sha, Fact<Availability<bool>>),
    Events(PullNumber, Fact<Availability<Vec<PullEvent>>>),
    Labels(PullNumber, Fact<Availability<Vec<String>>>),
    Standing(Login, Fact<Availability<RepositoryRole>>),
    Member((Team, Login), Fact<Availability<bool>>),
    Flags(Sha, Fact<Availability<Vec<Flag>>>),
}

impl LearntOrigin {
    /// Stores the fact in the observation.
    pub(super) fn note(self, origins: &mut Origins) {
        match self {
            Self::Steps(of, steps) => drop(origins.steps.insert(of, steps)),
            Self::Pulls(of, pulls) => drop(origins.pulls.insert(of, pulls)),
            Self::PullFiles(of, files) => drop(origins.files.insert(of, files)),
            Self::HeadOnBranch(of, is) => drop(origins.heads_on_branch.insert(of, is)),
            Self::MadeByGithub(of, is) => drop(origins.made_by_github.insert(of, is)),
            Self::Events(of, events) => drop(origins.events.insert(of, events)),
            Self::Labels(of, labels) => drop(origins.labels.insert(of, labels)),
            Self::Standing(of, known) => drop(origins.standings.insert(of, known)),
            Self::Member(of, member) => drop(origins.members.insert(of, member)),
            Self::Flags(of, flags) => drop(origins.flags.insert(of, flags)),
        }
    }
}

impl LearntOrigin {
    /// Treats a fact that was unreadable in several consecutive passes as one that GitHub never
    /// tells.
    pub(super) fn settled(self, lack: &Lack, memory: &mut Memory, counts: bool) -> Self {
        let key = format!("{lack:?}");
        if !self.is_unread() {
            memory.failing_reads.remove(&key);
            return self;
        }
        // A stranger can make a timeline permanently unreadable, which must not keep the pass
        // from deciding (design, section 6, 23).
        let for_good =
            if counts { memory.note_failing_read(&key) } else { memory.fails_for_good(&key) };
        if for_good { self.untold() } else { self }
    }

    const fn is_unread(&self) -> bool {
        match self {
            Self::Steps(_, fact) => matches!(fact, Fact::Unreadable(_)),
            Self::Pulls(_, fact) => matches!(fact, Fact::Unreadable(_)),
            Self::PullFiles(_, fact) => matches!(fact, Fact::Unreadable(_)),
            Self::HeadOnBranch(_, fact) | Self::MadeByGithub(_, fact) => {
                matches!(fact, Fact::Unreadable(_))
            }
            Self::Events(_, fact) => matches!(fact, Fact::Unreadable(_)),
            Self::Labels(_, fact) => matches!(fact, Fact::Unreadable(_)),
            Self::Standing(_, fact) => matches!(fact, Fact::Unreadable(_)),
            Self::Member(_, fact) => matches!(fact, Fact::Unreadable(_)),
            Self::Flags(_, fact) => matches!(fact, Fact::Unreadable(_)),
        }
    }

    fn untold(self) -> Self {
        match self {
            Self::Steps(of, fact) => Self::Steps(of, untold(fact)),
            Self::Pulls(of, fact) => Self::Pulls(of, untold(fact)),
            Self::PullFiles(of, fact) => Self::PullFiles(of, untold(fact)),
            Self::HeadOnBranch(of, fact) => Self::HeadOnBranch(of, untold(fact)),
            Self::MadeByGithub(of, fact) => Self::MadeByGithub(of, untold(fact)),
            Self::Events(of, fact) => Self::Events(of, untold(fact)),
            Self::Labels(of, fact) => Self::Labels(of, untold(fact)),
            Self::Standing(of, fact) => Self::Standing(of, untold(fact)),
            Self::Member(of, fact) => Self::Member(of, untold(fact)),
            Self::Flags(of, fact) => Self::Flags(of, untold(fact)),
        }
    }
}

fn untold<T>(fact: Fact<Availability<T>>) -> Fact<Availability<T>> {
    match fact {
        Fact::Unreadable(why) => Fact::Known(Availability::Untold(why.0)),
        known @ (Fact::Known(_) | Fact::NotAsked) => known,
    }
}

/// Reads what people and tools said, and what their roles are. `None` if `lack` is about
/// something else.
///
/// # Errors
/// If a read fails in a way that ends the pass.
pub(super) async fn said(
    ctx: &ReadContext<'_>,
    lack: &Lack,
) -> Result<Option<LearntOrigin>, ObserveError> {
    let (name, reader) = (ctx.name(), ctx.reader);
    Ok(Some(match lack {
        Lack::Events(pull) => {
            let events = reader.timeline(name, *pull, &ctx.policy.approval_command).await;
            LearntOrigin::Events(*pull, told(events)?)
        }
        Lack::Labels(pull) => {
            LearntOrigin::Labels(*pull, told(reader.labels_of(name, *pull).await)?)
        }
        Lack::Standing(login) => {
            LearntOrigin::Standing(login.clone(), told(reader.standing(name, login).await)?)
        }
        Lack::Member(team, login) => {
            let is_member = told(reader.is_member(team, login).await)?;
            LearntOrigin::Member((team.clone(), login.clone()), is_member)
        }
        Lack::Flags(sha) => {
            let contexts = &ctx.policy.raise_risk_contexts;
            LearntOrigin::Flags(sha.clone(), told(reader.flags(name, sha, contexts).await)?)
        }
        Lack::Verification(_)
        | Lack::OnBranch(_)
        | Lack::Range(..)
        | Lack::Commits(..)
        | Lack::Containment(..)
        | Lack::Step(_)
        | Lack::Steps(..)
        | Lack::Pulls(_)
        | Lack::PullFiles(..)
        | Lack::HeadOnBranch(_)
        | Lack::MadeByGithub(_)
        | Lack::DeployFiles(_)
        | Lack::FailedRun(_) => return Ok(None),
    }))
}

/// The steps from `base` to `head`, read if the newest commits of the branch do not show them.
/// Kept forever: what lies between two commits never changes.
pub(super) async fn steps(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    base: &Sha,
    head: &Sha,
) -> Result<Fact<Availability<Vec<BranchStep>>>, ObserveError> {
    let (repository, key) = (repo_facts.repository.id, format!("steps {base} {head}"));
    if let Some(kept) = kept_for_ever(ctx, repository, &key).await? {
        return Ok(Fact::Known(kept));
    }
    let commits = match ctx.reader.commits_between(ctx.name(), base, head).await {
        Ok(commits) => commits,
        // A refusal may be temporary, so it is not kept.
        Err(error) => return Ok(silence(error)?.into()),
    };
    let steps = if commits.complete {
        steps_between(&commits, base, head, Within::TheseCommits).map_or_else(
            || Availability::Untold("their commits do not lead from one to the other".to_owned()),
            Availability::Known,
        )
    } else {
        let count = commits.commits.len();
        Availability::Untold(format!("more than {count} commits lie between them"))
    };
    keep(ctx, repository, &key, &steps).await?;
    Ok(Fact::Known(steps))
}

/// The pull requests of a commit, as kept.
#[derive(Serialize, Deserialize)]
struct KeptPulls {
    read_at: Timestamp,
    pulls: Availability<Vec<MergedPull>>,
}

impl KeptPulls {
    /// Whether the answer is final. An empty list may only mean that GitHub does not know about
    /// the merge yet, and a refusal may be temporary.
    fn lasts(&self) -> bool {
        match &self.pulls {
            Availability::Known(pulls) => !pulls.is_empty(),
            Availability::Untold(_) => false,
        }
    }
}

/// The pull requests that brought a commit. An answer that is not final is read again at the
/// rate of slow-changing facts, and before a dispatch.
pub(super) async fn pulls(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    sha: &Sha,
) -> Result<Fact<Availability<Vec<MergedPull>>>, ObserveError> {
    let (repository, key) =
        (repo_facts.repository.id, format!("pulls {} {sha}", repo_facts.branch));
    if let Some(kept) = kept_for_ever::<KeptPulls>(ctx, repository, &key).await? {
        let is_told_lately = !ctx.uncached && !is_long_ago(kept.read_at, ctx.now);
        if kept.lasts() || is_told_lately {
            return Ok(Fact::Known(kept.pulls));
        }
    }
    let pulls = match merged_into_branch(ctx, repo_facts, sha).await {
        Ok(pulls) => Availability::Known(pulls),
        Err(error) => match silence(error)? {
            Silence::Lasting(why) => Availability::Untold(why),
            passing @ Silence::Passing(_) => return Ok(passing.into()),
        },
    };
    let kept = KeptPulls { read_at: ctx.now, pulls };
    keep(ctx, repository, &key, &kept).await?;
    Ok(Fact::Known(kept.pulls))
}

/// The pull requests of a commit that were merged into the branch. A merged pull request keeps
/// the base name of that time, so former names of the branch count, too; GitHub resolves them
/// to the current name.
async fn merged_into_branch(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    sha: &Sha,
) -> Result<Vec<MergedPull>, ReadError> {
    let merged = ctx.reader.pulls_of(ctx.name(), sha).await?;
    let other: BTreeSet<&Branch> = merged.iter().map(|(base, _)| base).collect();
    let mut names = BTreeSet::from([repo_facts.branch.clone()]);
    for base in other.into_iter().filter(|base| **base != repo_facts.branch).take(MOST_BASES) {
        if ctx.reader.renamed_to(ctx.name(), base).await?.as_ref() == Some(&repo_facts.branch) {
            names.insert(base.clone());
        }
    }
    let is_of_branch = |(base, _): &(Branch, MergedPull)| names.contains(base);
    Ok(merged.into_iter().filter(is_of_branch).map(|(_, pull)| pull).collect())
}

/// The files that a pull request changes. Kept forever: once merged with this head, they no
/// longer change.
pub(super) async fn pull_files(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    pull: PullNumber,
    head: &Sha,
) -> Result<Fact<Availability<RangeFiles>>, ObserveError> {
    let key = format!("files of pull {pull} {head}");
    told_for_ever(ctx, repo_facts, &key, ctx.reader.pull_files(ctx.name(), pull)).await
}

/// Whether the head of a merged pull request is an ancestor of the current branch tip.
pub(super) async fn is_head_on_branch(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    head: &Sha,
) -> Result<Fact<Availability<bool>>, ObserveError> {
    let Some(tip) = &repo_facts.tip else { return Ok(Fact::Known(Availability::Known(false))) };
    let (repository, key) = (repo_facts.repository.id, format!("head on branch {head} {tip}"));
    if let Some(kept) = kept_for_ever(ctx, repository, &key).await? {
        return Ok(Fact::Known(Availability::Known(kept)));
    }
    Ok(match told(ctx.reader.compare(ctx.name(), tip, head).await)? {
        Fact::Known(Availability::Known(Compared::Known(comparison))) => {
            let is_on_branch = comparison.relation.is_contained();
            keep(ctx, repository, &key, &is_on_branch).await?;
            Fact::Known(Availability::Known(is_on_branch))
        }
        // A comparison that GitHub does not show is no evidence of a squash or a rebase.
        Fact::Known(Availability::Known(Compared::Gone(words)) | Availability::Untold(words)) => {
            Fact::Known(Availability::Untold(words))
        }
        Fact::Unreadable(why) => Fact::Unreadable(why),
        Fact::NotAsked => Fact::NotAsked,
    })
}

/// Whether GitHub created and signed a commit.
pub(super) async fn is_made_by_github(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    sha: &Sha,
) -> Result<Fact<Availability<bool>>, ObserveError> {
    let key = format!("made by github {sha}");
    told_for_ever(ctx, repo_facts, &key, ctx.reader.is_made_by_github(ctx.name(), sha)).await
}

/// The kept value, or else the value read and kept. A refusal may be temporary, so it is not
/// kept.
async fn told_for_ever<T: Serialize + DeserializeOwned + Sync>(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    key: &str,
    read: impl Future<Output = Result<T, ReadError>>,
) -> Result<Fact<Availability<T>>, ObserveError> {
    let repository = repo_facts.repository.id;
    if let Some(kept) = kept_for_ever(ctx, repository, key).await? {
        return Ok(Fact::Known(Availability::Known(kept)));
    }
    let told = told(read.await)?;
    if let Fact::Known(Availability::Known(value)) = &told {
        keep(ctx, repository, key, value).await?;
    }
    Ok(told)
}

/// Why GitHub gave no answer.
pub(super) enum Silence {
    /// Permanent: gone, refused or too large.
    Lasting(String),
    /// Temporary.
    Passing(Why),
}

impl<T> From<Silence> for Fact<Availability<T>> {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Lasting(why) => Self::Known(Availability::Untold(why)),
            Silence::Passing(why) => Self::Unreadable(why),
        }
    }
}

/// Classifies a failed read; `decide` determines whether anything rests on it. An error that
/// affects every read fails the pass.
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

fn told<T>(read: Result<T, ReadError>) -> Result<Fact<Availability<T>>, ObserveError> {
    match read {
        Ok(value) => Ok(Fact::Known(Availability::Known(value))),
        Err(error) => Ok(silence(error)?.into()),
    }
}
