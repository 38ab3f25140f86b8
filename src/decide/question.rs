//! What is asked: which sha, under which policy, on which facts, and when.

use jiff::Timestamp;

use crate::domain::{Observation, Policy, Production, ReleaseState, Sha};

/// A question about one sha.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The sha to decide about.
    pub sha: &'a Sha,
    pub policy: &'a Policy,
    pub observation: &'a Observation,
    /// The release state from the ledger.
    pub release: &'a ReleaseState,
    /// Whether an operator's `trigger` asks. It skips rules 9, 9a, 16 and 18, and grants one
    /// more attempt in rule 14.
    pub triggered: bool,
    /// Whether this is a rollback to a sha that was in production before. It also skips rule 7,
    /// and the risk is not judged.
    pub rollback: bool,
    /// A hypothetical production, if it is to differ from the one in the ledger.
    pub supposed_production: Option<&'a Production>,
    /// The current time, by GitHub's clock.
    pub now: Timestamp,
}

impl<'a> Question<'a> {
    /// The question of a pass: no operator asks, and production is the one in the ledger.
    #[must_use]
    pub const fn of_a_pass(
        sha: &'a Sha,
        policy: &'a Policy,
        observation: &'a Observation,
        release: &'a ReleaseState,
        now: Timestamp,
    ) -> Self {
        let (triggered, rollback, supposed_production) = (false, false, None);
        Self { sha, policy, observation, release, triggered, rollback, supposed_production, now }
    }
}
