//! Reads the facts that `decide` lacks, several at once.

use futures_util::future::join_all;

use super::counted::{reverified_at, verification_of};
use super::origins::{self, Origin};
use super::range::{deploy_file, is_ancestor, range, step_of_branch};
use super::verification::read_runs_of;
use super::{Basics, Look, ObserveError};
use crate::domain::{DeployFile, EntryKind, Fact, Lack, Observation, Ranged, ReleaseState, Sha};

/// Facts that are asked for at once: a range of hundreds of commits is told within seconds, and
/// the others have their turn.
const AT_ONCE: usize = 8;

/// Reads what is lacking into the observation.
///
/// A comparison that GitHub failed to make is written down, so that the third pass in which it
/// fails can call the range broken.
///
/// # Errors
/// What GitHub said where the pass cannot go on.
pub async fn fill(
    look: &mut Look<'_>,
    basics: &Basics,
    observation: &mut Observation,
    release: &ReleaseState,
    lacks: &[Lack],
) -> Result<Vec<EntryKind>, ObserveError> {
    let mut entries = Vec::new();
    for lack in lacks {
        // What verification runs say is kept between passes, and read one after another.
        if let Lack::Verification(sha) = lack {
            read_runs_of(look, basics, sha).await?;
            let verification = Fact::Known(verification_of(&look.memory.counted, sha));
            let facts = observation.commits.entry(sha.clone()).or_default();
            facts.verification = verification;
            facts.reverified_at = reverified_at(&look.memory.counted, sha);
            facts.uncounted = look.memory.uncounted(sha).cloned();
        }
    }
    let look = &*look;
    for some in lacks.chunks(AT_ONCE) {
        let reads = some.iter().map(|lack| read(look, basics, release, lack));
        // All of them come to their end; the first that failed ends the pass.
        for learnt in join_all(reads).await {
            entries.extend(note(observation, learnt?));
        }
    }
    Ok(entries)
}

/// What was learnt.
enum Learnt {
    Nothing,
    OnBranch(Sha, bool),
    Range((Sha, Sha), Fact<Ranged>, Option<Box<EntryKind>>),
    DeployFile(Sha, DeployFile),
    Origin(Origin),
}

async fn read(
    look: &Look<'_>,
    basics: &Basics,
    release: &ReleaseState,
    lack: &Lack,
) -> Result<Learnt, ObserveError> {
    Ok(match lack {
        // Read above.
        Lack::Verification(_) => Learnt::Nothing,
        Lack::OnBranch(sha) => {
            let on_branch = match &basics.tip {
                Some(tip) => is_ancestor(look, sha, tip).await?,
                None => false,
            };
            Learnt::OnBranch(sha.clone(), on_branch)
        }
        Lack::Range(base, head) => {
            let (fact, failed) = range(look, basics, release, base, head).await?;
            Learnt::Range((base.clone(), head.clone()), fact, failed.map(Box::new))
        }
        Lack::Step(step) => {
            let (fact, failed) = step_of_branch(look, basics, release, step).await?;
            Learnt::Range((step.parent.clone(), step.sha.clone()), fact, failed.map(Box::new))
        }
        Lack::DeployFile(sha) => {
            Learnt::DeployFile(sha.clone(), deploy_file(look, basics, sha).await?)
        }
        Lack::Steps(base, head) => {
            let steps = origins::steps(look, basics, base, head).await?;
            Learnt::Origin(Origin::Steps((base.clone(), head.clone()), steps))
        }
        Lack::Pulls(sha) => {
            let pulls = origins::pulls(look, basics, sha).await?;
            Learnt::Origin(Origin::Pulls(sha.clone(), pulls))
        }
        Lack::Events(_)
        | Lack::Labels(_)
        | Lack::Standing(_)
        | Lack::Member(..)
        | Lack::Flags(_) => {
            origins::said(look, lack).await?.map_or(Learnt::Nothing, Learnt::Origin)
        }
    })
}

/// Puts it where `decide` looks for it, and gives what is to be written down of it.
fn note(observation: &mut Observation, learnt: Learnt) -> Option<EntryKind> {
    match learnt {
        Learnt::Nothing => None,
        Learnt::OnBranch(sha, on_branch) => {
            observation.commits.entry(sha).or_default().on_branch = Fact::Known(on_branch);
            None
        }
        Learnt::Range(of, fact, failed) => {
            observation.ranges.insert(of, fact);
            failed.map(|entry| *entry)
        }
        Learnt::DeployFile(sha, file) => {
            observation.commits.entry(sha).or_default().deploy_file = Fact::Known(file);
            None
        }
        Learnt::Origin(origin) => {
            origin.note(&mut observation.origins);
            None
        }
    }
}
