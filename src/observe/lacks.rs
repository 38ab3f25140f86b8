//! Reads the facts that `decide` lacks, several at once.

use futures_util::future::join_all;

use super::ancestry::{Containment, containment, on_branch};
use super::deploy_files::deploy_files;
use super::deploy_runs::failed_run;
use super::origins::{self, LearntOrigin};
use super::range::{range, step_of_branch};
use super::reverts::{ListedCommits, commits_between};
use super::verification::read_runs_of;
use super::{ObserveError, ReadContext, RepoFacts};
use crate::decide::candidates::{reverified_at, verification_of};
use crate::domain::{
    DeployFiles, EntryKind, Fact, Lack, Observation, Origins, Ranged, ReleaseState, Sha, Why,
};

/// How many facts are read at once. A range of hundreds of commits takes seconds; the others
/// need not wait for it.
const AT_ONCE: usize = 8;

/// What happens if a fact cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhereUnreadable {
    /// The error ends the pass.
    EndThePass,
    /// The fact is noted as unreadable for now, and whatever rests on it is not decided.
    NoteIt,
}

/// Reads lacking facts into the observation.
///
/// Returns entries to record, such as comparisons that GitHub failed to make, so that the third
/// failing pass can treat the range as broken.
///
/// # Errors
/// If a read fails in a way that ends the pass.
pub async fn fill(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    observation: &mut Observation,
    release: &ReleaseState,
    lacks: &[Lack],
    unreadable: WhereUnreadable,
) -> Result<Vec<EntryKind>, ObserveError> {
    let mut entries =
        one_after_another(ctx, repo_facts, observation, release, lacks, unreadable).await?;
    for some in lacks.chunks(AT_ONCE) {
        let reading = &*ctx;
        let reads = some.iter().map(|lack| read(reading, repo_facts, release, lack));
        // Let all of them finish. A failure then ends the pass or is noted, as `unreadable`
        // says.
        for (lack, learnt) in some.iter().zip(join_all(reads).await) {
            match learnt {
                // Failures before a dispatch are not counted: they were counted in this pass
                // already, or are new.
                Ok(Learnt::Origin(origin)) => {
                    let origin = origin.settled(lack, ctx.memory, !ctx.uncached);
                    entries.extend(note(observation, Learnt::Origin(origin)));
                }
                Ok(learnt) => entries.extend(note(observation, learnt)),
                Err(error) => unread(observation, lack, error, unreadable)?,
            }
        }
    }
    if lacks.iter().any(|lack| matches!(lack, Lack::Containment(..))) {
        ctx.memory.ancestry = observation.ancestry.lasting();
    }
    Ok(entries)
}

/// Reads sequentially what is kept between passes or recorded.
async fn one_after_another(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    observation: &mut Observation,
    release: &ReleaseState,
    lacks: &[Lack],
    unreadable: WhereUnreadable,
) -> Result<Vec<EntryKind>, ObserveError> {
    let mut entries = Vec::new();
    for lack in lacks {
        // Verification runs are kept between passes, so they are read one after another.
        if let Lack::Verification(sha) = lack {
            match read_runs_of(ctx, repo_facts, sha).await {
                Ok(()) => {
                    let verification = Fact::Known(verification_of(&ctx.memory.counted, sha));
                    let facts = observation.commits.entry(sha.clone()).or_default();
                    facts.verification = verification;
                    facts.reverified_at = reverified_at(&ctx.memory.counted, sha);
                    facts.uncounted = ctx.memory.uncounted(sha).cloned();
                }
                Err(error) => unread(observation, lack, error, unreadable)?,
            }
        }
        if let Lack::FailedRun(id) = lack
            && let Some(run) = failed_run(ctx, repo_facts, release, *id).await?
        {
            entries.push(EntryKind::RunSeen { run });
        }
    }
    Ok(entries)
}

/// Notes a fact for which GitHub gave no usable answer, or ends the pass.
fn unread(
    observation: &mut Observation,
    lack: &Lack,
    error: ObserveError,
    unreadable: WhereUnreadable,
) -> Result<(), ObserveError> {
    let ObserveError::Read(read) = &error else { return Err(error) };
    if unreadable == WhereUnreadable::EndThePass {
        return Err(error);
    }
    let why = Why(read.to_string());
    match lack {
        // It is read before the others, and its failure ends the pass.
        Lack::FailedRun(_) => return Err(error),
        Lack::Verification(sha) => {
            let facts = observation.commits.entry(sha.clone()).or_default();
            facts.verification = Fact::Unreadable(why);
        }
        Lack::OnBranch(sha) => {
            let facts = observation.commits.entry(sha.clone()).or_default();
            facts.on_branch = Fact::Unreadable(why);
        }
        Lack::DeployFiles(sha) => {
            let facts = observation.commits.entry(sha.clone()).or_default();
            facts.deploy_files = Fact::Unreadable(why);
        }
        Lack::Commits(base, head) => {
            let range = (base.clone(), head.clone());
            observation.commits_between.insert(range, Fact::Unreadable(why));
        }
        Lack::Range(base, head) => {
            let range = (base.clone(), head.clone());
            observation.ranges.insert(range, Fact::Unreadable(why));
        }
        Lack::Step(step) => {
            let range = (step.parent.clone(), step.sha.clone());
            observation.ranges.insert(range, Fact::Unreadable(why));
        }
        Lack::Containment(container, contained) => {
            observation.ancestry.note_unreadable(container, contained, why);
        }
        Lack::Steps(..)
        | Lack::Pulls(_)
        | Lack::PullFiles(..)
        | Lack::HeadOnBranch(_)
        | Lack::MadeByGithub(_)
        | Lack::Events(_)
        | Lack::Labels(_)
        | Lack::Standing(_)
        | Lack::Member(..)
        | Lack::Flags(_) => unread_origin(&mut observation.origins, lack, why),
    }
    Ok(())
}

/// Notes that a fact about the origin of commits cannot be read for now.
fn unread_origin(origins: &mut Origins, lack: &Lack, why: Why) {
    match lack {
        Lack::Steps(base, head) => {
            origins.steps.insert((base.clone(), head.clone()), Fact::Unreadable(why));
        }
        Lack::Pulls(sha) => {
            origins.pulls.insert(sha.clone(), Fact::Unreadable(why));
        }
        Lack::PullFiles(pull, _) => {
            origins.files.insert(*pull, Fact::Unreadable(why));
        }
        Lack::HeadOnBranch(sha) => {
            origins.heads_on_branch.insert(sha.clone(), Fact::Unreadable(why));
        }
        Lack::MadeByGithub(sha) => {
            origins.made_by_github.insert(sha.clone(), Fact::Unreadable(why));
        }
        Lack::Events(pull) => {
            origins.events.insert(*pull, Fact::Unreadable(why));
        }
        Lack::Labels(pull) => {
            origins.labels.insert(*pull, Fact::Unreadable(why));
        }
        Lack::Standing(login) => {
            origins.standings.insert(login.clone(), Fact::Unreadable(why));
        }
        Lack::Member(team, login) => {
            origins.members.insert((team.clone(), login.clone()), Fact::Unreadable(why));
        }
        Lack::Flags(sha) => {
            origins.flags.insert(sha.clone(), Fact::Unreadable(why));
        }
        Lack::Verification(_)
        | Lack::OnBranch(_)
        | Lack::DeployFiles(_)
        | Lack::FailedRun(_)
        | Lack::Commits(..)
        | Lack::Range(..)
        | Lack::Step(_)
        | Lack::Containment(..) => {}
    }
}

/// What a read returned.
enum Learnt {
    Nothing,
    OnBranch(Sha, Fact<bool>, Option<Box<EntryKind>>),
    Range((Sha, Sha), Fact<Ranged>, Option<Box<EntryKind>>),
    Commits((Sha, Sha), ListedCommits, Option<Box<EntryKind>>),
    Containment((Sha, Sha), Containment, Option<Box<EntryKind>>),
    DeployFiles(Sha, DeployFiles),
    Origin(LearntOrigin),
}

async fn read(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    lack: &Lack,
) -> Result<Learnt, ObserveError> {
    Ok(match lack {
        // Read earlier.
        Lack::Verification(_) | Lack::FailedRun(_) => Learnt::Nothing,
        Lack::OnBranch(sha) => {
            let (fact, failed) = on_branch(ctx, repo_facts, release, sha).await?;
            Learnt::OnBranch(sha.clone(), fact, failed.map(Box::new))
        }
        Lack::Range(base, head) => {
            let (fact, failed) = range(ctx, repo_facts, release, base, head).await?;
            Learnt::Range((base.clone(), head.clone()), fact, failed.map(Box::new))
        }
        Lack::Containment(container, contained) => {
            let (found, failed) = containment(ctx, release, container, contained).await?;
            let pair = (container.clone(), contained.clone());
            Learnt::Containment(pair, found, failed.map(Box::new))
        }
        Lack::Step(step) => {
            let (fact, failed) = step_of_branch(ctx, repo_facts, release, step).await?;
            Learnt::Range((step.parent.clone(), step.sha.clone()), fact, failed.map(Box::new))
        }
        Lack::Commits(base, head) => {
            let (listed, failed) = commits_between(ctx, repo_facts, release, base, head).await?;
            Learnt::Commits((base.clone(), head.clone()), listed, failed.map(Box::new))
        }
        Lack::DeployFiles(sha) => {
            Learnt::DeployFiles(sha.clone(), deploy_files(ctx, repo_facts, sha).await?)
        }
        Lack::Steps(..)
        | Lack::Pulls(_)
        | Lack::PullFiles(..)
        | Lack::HeadOnBranch(_)
        | Lack::MadeByGithub(_)
        | Lack::Events(_)
        | Lack::Labels(_)
        | Lack::Standing(_)
        | Lack::Member(..)
        | Lack::Flags(_) => {
            read_origin(ctx, repo_facts, lack).await?.map_or(Learnt::Nothing, Learnt::Origin)
        }
    })
}

/// Reads a fact about the origin of commits, or about what was said there.
async fn read_origin(
    ctx: &ReadContext<'_>,
    repo_facts: &RepoFacts,
    lack: &Lack,
) -> Result<Option<LearntOrigin>, ObserveError> {
    Ok(Some(match lack {
        Lack::Steps(base, head) => {
            let steps = origins::steps(ctx, repo_facts, base, head).await?;
            LearntOrigin::Steps((base.clone(), head.clone()), steps)
        }
        Lack::Pulls(sha) => {
            let pulls = origins::pulls(ctx, repo_facts, sha).await?;
            LearntOrigin::Pulls(sha.clone(), pulls)
        }
        Lack::PullFiles(pull, head) => {
            let files = origins::pull_files(ctx, repo_facts, *pull, head).await?;
            LearntOrigin::PullFiles(*pull, files)
        }
        Lack::HeadOnBranch(head) => {
            let on_branch = origins::is_head_on_branch(ctx, repo_facts, head).await?;
            LearntOrigin::HeadOnBranch(head.clone(), on_branch)
        }
        Lack::MadeByGithub(sha) => {
            let made = origins::is_made_by_github(ctx, repo_facts, sha).await?;
            LearntOrigin::MadeByGithub(sha.clone(), made)
        }
        Lack::Verification(_)
        | Lack::OnBranch(_)
        | Lack::DeployFiles(_)
        | Lack::FailedRun(_)
        | Lack::Commits(..)
        | Lack::Range(..)
        | Lack::Step(_)
        | Lack::Containment(..)
        | Lack::Events(_)
        | Lack::Labels(_)
        | Lack::Standing(_)
        | Lack::Member(..)
        | Lack::Flags(_) => return origins::said(ctx, lack).await,
    }))
}

/// Stores the fact in the observation, and returns what to record about it.
fn note(observation: &mut Observation, learnt: Learnt) -> Option<EntryKind> {
    match learnt {
        Learnt::Nothing => None,
        Learnt::OnBranch(sha, fact, failed) => {
            observation.commits.entry(sha).or_default().on_branch = fact;
            failed.map(|entry| *entry)
        }
        Learnt::Range(of, fact, failed) => {
            observation.ranges.insert(of, fact);
            failed.map(|entry| *entry)
        }
        Learnt::Commits(of, listed, failed) => {
            observation.commits_between.insert(of, listed);
            failed.map(|entry| *entry)
        }
        Learnt::Containment((container, contained), found, failed) => {
            let ancestry = &mut observation.ancestry;
            match found {
                Containment::Related(relation) => ancestry.note(&container, &contained, relation),
                Containment::Incomparable => ancestry.note_incomparable(&container, &contained),
                Containment::Unreadable(why) => {
                    ancestry.note_unreadable(&container, &contained, why);
                }
            }
            failed.map(|entry| *entry)
        }
        Learnt::DeployFiles(sha, files) => {
            observation.commits.entry(sha).or_default().deploy_files = Fact::Known(files);
            None
        }
        Learnt::Origin(origin) => {
            origin.note(&mut observation.origins);
            None
        }
    }
}
