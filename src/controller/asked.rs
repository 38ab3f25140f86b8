//! Decisions about one commit, on request.

use super::governed::Governed;
use super::survey::{MOST_ROUNDS, out_of_rounds};
use super::{PassError, Shared, Survey};
use crate::decide::{Gap, Question, decide, standing_rollback};
use crate::domain::{Cause, Decision, Production, Sha, Verdict};
use crate::observe::WhereUnreadable;

/// Who asks for a decision about one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// The policy itself: no operator is involved.
    ThePolicy,
    /// An operator's `trigger`.
    Trigger,
    /// An operator's `trigger --rollback`.
    Rollback,
}

/// Short commit ids, separated by commas, for messages.
pub(super) fn short_list(commits: &[Sha]) -> String {
    if commits.is_empty() {
        return "none that is known".to_owned();
    }
    commits.iter().map(Sha::short).collect::<Vec<_>>().join(", ")
}

impl Governed {
    /// Decides about one sha, in the same way as [`Self::judged`] decides about all.
    pub(super) async fn decided(
        &mut self,
        shared: &Shared,
        survey: &mut Survey,
        sha: &Sha,
        asks: Asks,
        supposed_production: Option<&Production>,
    ) -> Result<Decision, PassError> {
        for _ in 0..MOST_ROUNDS {
            let now = shared.clock.now();
            let release = self.known_release()?;
            let question = Question {
                sha,
                policy: &self.policy,
                observation: &survey.observation,
                release,
                triggered: asks != Asks::ThePolicy,
                rollback: asks == Asks::Rollback,
                supposed_production,
                now,
            };
            match decide(&question) {
                Verdict::Decided(decision) => {
                    shared.show_decision(&question, &decision);
                    return Ok(*decision);
                }
                Verdict::Unreadable(why) => return Err(PassError::Undecided(why)),
                Verdict::Lacks(lacks) => {
                    self.fill(shared, survey, &lacks, WhereUnreadable::EndThePass).await?;
                }
            }
        }
        Err(out_of_rounds())
    }

    /// The rollback that currently holds the candidate (rule 9), if any.
    pub(super) async fn standing_rollback(
        &mut self,
        shared: &Shared,
    ) -> Result<Option<Cause>, PassError> {
        let mut survey = self.survey(shared, None).await?;
        let Some(sha) = survey.observation.candidates.candidate.clone() else { return Ok(None) };
        for _ in 0..MOST_ROUNDS {
            let question = Question {
                sha: &sha,
                policy: &self.policy,
                observation: &survey.observation,
                release: self.known_release()?,
                triggered: false,
                rollback: false,
                supposed_production: None,
                now: shared.clock.now(),
            };
            match standing_rollback(&question) {
                Ok(found) => return Ok(found),
                Err(Gap::Unreadable(why)) => return Err(PassError::Undecided(why)),
                Err(Gap::Lacks(lacks)) => {
                    self.fill(shared, &mut survey, &lacks, WhereUnreadable::EndThePass).await?;
                }
            }
        }
        Err(out_of_rounds())
    }
}
