//! The steps before a dispatch: read everything again, past every cache, and decide again.

use std::sync::Arc;

use super::asked::Asks;
use super::governed::Governed;
use super::{PassError, Shared, Survey};
use crate::apply::{self, AttemptContext, Brake, Dispatched};
use crate::domain::{Decision, EntryKind, Operator, Sha};
use crate::github::Lane;
use crate::plan::{self, Obstacle};

/// How many past productions are named when a rollback's target was never in production.
const PRODUCTIONS_NAMED: usize = 5;

/// Who asks for a commit to be shipped.
#[derive(Clone, Debug)]
pub enum DispatchInitiator {
    /// The policy. The commit ships only if the new decisions still choose it.
    OfThePolicy,
    OfAnOperator(Operator),
    Rollback(Operator),
}

/// The result of an attempt to ship.
#[derive(Clone, Debug)]
pub enum Shipped {
    /// The dispatch was sent, withdrawn or refused.
    Dispatched {
        /// The decision that it is based on.
        decision: Box<Decision>,
        how: Dispatched,
    },
    /// The new decision does not allow it.
    NotAllowed(Box<Decision>),
    /// By the new decisions, the policy ships another commit or none.
    NotWanted,
    /// There is no rollback to a commit that was never in production.
    NeverInProduction {
        /// The last commits that were in production, newest first.
        last: Vec<Sha>,
    },
    /// The brake is on, another of our processes is dispatching it, or a fact is missing.
    InTheWay {
        decision: Box<Decision>,
        /// What prevents it.
        why: String,
    },
}

impl Governed {
    /// Reads everything again, decides again, and dispatches if that is still allowed.
    ///
    /// # Errors
    /// What could not be read or done. If anything was started, it is in the ledger.
    pub(super) async fn ship(
        &mut self,
        shared: &Shared,
        sha: &Sha,
        wish: DispatchInitiator,
    ) -> Result<Shipped, PassError> {
        // A dispatch has priority over the polls of settled repositories.
        self.reader = self.reader.in_lane(Lane::Active);
        let mut survey = self.survey(shared, Some(sha)).await?;
        let decision = match self.decided_for(shared, &mut survey, sha, &wish).await? {
            Ok(decision) => decision,
            Err(not_shipped) => return Ok(not_shipped),
        };
        let Some(hand) = shared.hand.as_ref().filter(|_| self.may_dispatch(&decision)) else {
            return Ok(Shipped::NotAllowed(Box::new(decision)));
        };
        let observation = &survey.observation;
        let release = self.opened()?.state();
        let (newest, over) = (survey.newest_run, &survey.over);
        let cleared = plan::clearance(&decision, observation, release, newest, over);
        let clearance = match cleared {
            Ok(clearance) => clearance,
            Err(obstacle) => return self.in_the_way(shared, decision, obstacle).await,
        };
        let rollback = matches!(wish, DispatchInitiator::Rollback(_));
        let freezes = (!rollback).then_some(&shared.clock);
        let brake = self.brake.of_a_dispatch(&observation.repository.html_url, freezes);
        if let Some(why) = brake.why() {
            return Ok(Shipped::InTheWay { decision: Box::new(decision), why });
        }
        let occasion = AttemptContext {
            brake: Arc::new(brake),
            rejection_key: observation.rejection_key.clone(),
            merged_at: self.memory.first_verified_at(sha),
            judged_tip: observation.deploy_ref_tip.clone(),
            rollback,
            by: match wish {
                DispatchInitiator::OfThePolicy => None,
                DispatchInitiator::OfAnOperator(by) | DispatchInitiator::Rollback(by) => Some(by),
            },
        };
        let mut work = self.work(shared, hand, &survey)?;
        let how = apply::dispatch(&mut work, &clearance, occasion).await?;
        Ok(Shipped::Dispatched { decision: Box::new(decision), how })
    }

    /// The new decision for this initiator, or why the commit does not ship.
    async fn decided_for(
        &mut self,
        shared: &Shared,
        survey: &mut Survey,
        sha: &Sha,
        wish: &DispatchInitiator,
    ) -> Result<Result<Decision, Shipped>, PassError> {
        Ok(match wish {
            DispatchInitiator::OfThePolicy => {
                let ships = self.judged(shared, survey).await?.ships;
                ships.filter(|ships| ships.sha == *sha).ok_or(Shipped::NotWanted)
            }
            DispatchInitiator::OfAnOperator(_) => {
                Ok(self.decided(shared, survey, sha, Asks::Trigger, None).await?)
            }
            DispatchInitiator::Rollback(_) => {
                let release = self.opened()?.state();
                if !release.was_production(sha) {
                    let past = release.past_productions().commits.into_iter();
                    let last = past.map(|(sha, _)| sha).take(PRODUCTIONS_NAMED).collect();
                    return Ok(Err(Shipped::NeverInProduction { last }));
                }
                Ok(self.decided(shared, survey, sha, Asks::Rollback, None).await?)
            }
        })
    }

    fn may_dispatch(&self, decision: &Decision) -> bool {
        decision.reason().starts_a_deploy() && self.policy.enabled && !self.policy.dry_run
    }

    async fn in_the_way(
        &mut self,
        shared: &Shared,
        decision: Decision,
        obstacle: Obstacle,
    ) -> Result<Shipped, PassError> {
        let why = match obstacle {
            Obstacle::OthersTurn(attempt) => {
                let why = format!(
                    "another process of ours is dispatching it: attempt {}",
                    attempt.begun.id
                );
                tracing::warn!(
                    repository = %self.policy.repository, sha = %decision.sha,
                    "{}: {why}", decision.sha.short()
                );
                let adopted = EntryKind::AttemptAdopted { attempt: *attempt };
                self.opened()?.record(shared.clock.now(), vec![adopted]).await?;
                why
            }
            Obstacle::NotKnown(what) => format!("{what} is not known"),
        };
        Ok(Shipped::InTheWay { decision: Box::new(decision), why })
    }
}
