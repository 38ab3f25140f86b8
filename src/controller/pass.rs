//! One pass: observe, decide, plan, apply.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::governed::Governed;
use super::standing::{AboveCandidate, Decisions};
use super::{DispatchInitiator, PassError, Shared, Shipped, Survey, report};
use crate::apply::{self, ApplyError, Dispatched};
use crate::decide::Judgement;
use crate::domain::{Decision, EntryKind, Fact, IssueWork, Lack, Outcome, Plan, PlannedWrite, Sha};
use crate::observe::WhereUnreadable;
use crate::plan::{self, Situation};

/// After a dispatch, one more round runs so that the status links to the run.
const MOST_ROUNDS: u32 = 2;
/// The most comparisons per pass to find held commits that a later deploy put into production.
const MOST_SHIPPED_LOOKUPS: usize = 5;

/// The result of a pass.
#[derive(Clone, Debug)]
pub struct PassReport {
    /// How soon the next pass is due.
    pub pace: PassPace,
    /// The decision about the candidate.
    pub decision: Option<Decision>,
    /// What the pass did, or would have done in a dry run.
    pub plan: Plan,
}

/// How soon a repository needs its next pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassPace {
    /// Something is in flight or awaited.
    Active,
    /// Nothing is in flight or awaited.
    Settled,
}

impl Governed {
    /// Runs one pass.
    ///
    /// # Errors
    /// What could not be read or done. What was done is recorded.
    pub(super) async fn pass(&mut self, shared: &Shared) -> Result<PassReport, PassError> {
        if !self.policy.enabled && !self.watches_a_deploy(shared).await? {
            return Ok(PassReport {
                pace: PassPace::Settled,
                decision: None,
                plan: Plan::default(),
            });
        }
        let mut plan = Plan::default();
        for round in 1..=MOST_ROUNDS {
            let (report, dispatched) = self.round(shared).await?;
            plan = plan.followed_by(report.plan);
            if !dispatched || round == MOST_ROUNDS {
                self.save_memory(shared).await?;
                return Ok(PassReport { plan, ..report });
            }
        }
        Ok(PassReport { pace: PassPace::Active, decision: None, plan })
    }

    /// Plans what a pass would do, without doing it.
    ///
    /// # Errors
    /// What could not be read.
    pub(super) async fn rehearsed(&mut self, shared: &Shared) -> Result<PassReport, PassError> {
        if !self.policy.enabled && !self.watches_a_deploy(shared).await? {
            return Ok(PassReport {
                pace: PassPace::Settled,
                decision: None,
                plan: Plan::default(),
            });
        }
        let mut survey = self.survey(shared, None).await?;
        let judgement = self.judged(shared, &mut survey).await?;
        let plan = self.planned(shared, &mut survey, &judgement).await?;
        let candidate = survey.observation.candidates.candidate.as_ref();
        let decision = candidate.and_then(|sha| judgement.decisions.get(sha)).cloned();
        Ok(PassReport { pace: PassPace::Settled, decision, plan })
    }

    /// Whether a repository that is not enabled still has a deploy to watch until it ends.
    async fn watches_a_deploy(&mut self, shared: &Shared) -> Result<bool, PassError> {
        let ledger = self.known_ledger(shared).await?;
        Ok(ledger.is_some_and(|ledger| {
            ledger.state().deploy_in_flight() || !plan::undecided(ledger.state()).is_empty()
        }))
    }

    /// Runs one round. Returns whether it dispatched a deploy.
    async fn round(&mut self, shared: &Shared) -> Result<(PassReport, bool), PassError> {
        self.brake_at_decision = self.brake.why();
        let mut survey = self.survey(shared, None).await?;
        let judgement = self.judged(shared, &mut survey).await?;
        let plan = self.planned(shared, &mut survey, &judgement).await?;
        self.log_decisions(shared, &judgement);
        self.decisions = Arc::new(Decisions::of(&judgement, &survey, shared.clock.now()));
        self.above = AboveCandidate::of(&judgement, &survey, &self.policy.repository);
        self.warn_of_budgets(shared, &judgement);
        self.warn_of_delays(shared, &survey);
        let candidate = survey.observation.candidates.candidate.as_ref();
        let decision = candidate.and_then(|sha| judgement.decisions.get(sha)).cloned();
        let dispatched = self.carry_out(shared, &survey, plan.clone()).await?;
        let release = self.opened()?.state();
        let settled = plan::settled(release, &judgement);
        let pace = if settled && !dispatched { PassPace::Settled } else { PassPace::Active };
        Ok((PassReport { pace, decision, plan }, dispatched))
    }

    /// Makes the plan, after reading the statuses of all commits that may need a write.
    async fn planned(
        &mut self,
        shared: &Shared,
        survey: &mut Survey,
        judgement: &Judgement,
    ) -> Result<Plan, PassError> {
        let speaking: Vec<Sha> = judgement
            .decisions
            .values()
            // These commits may still show an earlier decision, so their statuses are read as
            // well.
            .filter(|decision| {
                decision.outcome() != Outcome::None
                    || survey.observation.candidates.has(&decision.sha)
            })
            .map(|decision| decision.sha.clone())
            .collect();
        self.read_statuses(shared, survey, &speaking).await?;
        self.read_shipped(shared, survey).await?;
        let now = shared.clock.now();
        let (policy, common) = (self.policy.clone(), self.common.clone());
        let situation = Situation {
            policy: &policy,
            observation: &survey.observation,
            release: self.opened()?.state(),
            judgement,
            public_url: common.public_url.as_deref(),
            now,
        };
        Ok(plan::plan(&situation))
    }

    /// Reads whether production now contains commits that show a HOLD or a WAIT of ours. A
    /// limited number is read in each pass, in rotation.
    async fn read_shipped(
        &mut self,
        shared: &Shared,
        survey: &mut Survey,
    ) -> Result<(), PassError> {
        let Some(release) = self.release() else { return Ok(()) };
        let Some(production) = release.production().sha().cloned() else { return Ok(()) };
        let (commits, ancestry) =
            (&survey.observation.branch_commits, &survey.observation.ancestry);
        let unknown = plan::still_blocked(release)
            .filter(|sha| ancestry.containment(&production, sha, commits) == Fact::NotAsked)
            .filter(|sha| *survey.observation.range(&production, sha) == Fact::NotAsked);
        let last = self.memory.last_asked_shipped.as_ref();
        let (later, earlier): (Vec<&Sha>, Vec<&Sha>) = unknown.partition(|sha| Some(*sha) > last);
        let lacks: Vec<Lack> = later
            .into_iter()
            .chain(earlier)
            .take(MOST_SHIPPED_LOOKUPS)
            .map(|sha| Lack::Containment(production.clone(), sha.clone()))
            .collect();
        if let Some(Lack::Containment(_, sha)) = lacks.last() {
            self.memory.last_asked_shipped = Some(sha.clone());
            self.fill(shared, survey, &lacks, WhereUnreadable::NoteIt).await?;
        }
        Ok(())
    }

    /// Carries out the plan, or only logs it in a dry run. Returns whether a deploy was
    /// started.
    async fn carry_out(
        &mut self,
        shared: &Shared,
        survey: &Survey,
        plan: Plan,
    ) -> Result<bool, PassError> {
        if self.brake.has_left() {
            // It left the configuration since this pass began, so nothing is written.
            return Ok(false);
        }
        let Some(hand) = shared.hand.as_ref().filter(|_| !self.policy.dry_run) else {
            self.only_say(shared, plan).await?;
            return Ok(false);
        };
        self.count_forged(shared, &plan);
        self.opened()?.record(shared.clock.now(), plan.records).await?;
        // The deploy comes first. If it fails, the other writes are still made.
        let mut dispatched = Ok(false);
        if let Some(decision) = plan.deploy {
            dispatched = self
                .ship(shared, &decision.sha, DispatchInitiator::OfThePolicy)
                .await
                .map(|shipped| {
                    matches!(
                        shipped,
                        Shipped::Dispatched {
                            how: Dispatched::Started { .. } | Dispatched::Unknown { .. },
                            ..
                        }
                    )
                });
        }
        // If the state directory failed, send nothing: the ledger could not record it.
        if let Err(PassError::Store(_) | PassError::Apply(ApplyError::Store(_))) = &dispatched {
            return dispatched;
        }
        self.apply(shared, hand, survey, plan.writes).await?;
        dispatched
    }

    async fn apply(
        &mut self,
        shared: &Shared,
        hand: &apply::WriteHandle,
        survey: &Survey,
        writes: Vec<PlannedWrite>,
    ) -> Result<(), PassError> {
        let mut work = self.work(shared, hand, survey)?;
        match apply::apply(&mut work, writes).await {
            // The first passes may have more to write than the rate allows. The next pass plans
            // the rest again.
            Err(error @ ApplyError::Deferred { .. }) => {
                tracing::debug!(repository = %work.policy.repository, "{error}");
                Ok(())
            }
            applied => Ok(applied?),
        }
    }

    /// Handles a plan in a dry run: records the decisions, logs the plan, and writes nothing to
    /// GitHub.
    async fn only_say(&mut self, shared: &Shared, plan: Plan) -> Result<(), PassError> {
        let name = self.policy.repository.clone();
        let mut records = plan.records;
        // A dry run does not replace a forged status.
        records.retain(|kind| !matches!(kind, EntryKind::StatusForged { .. }));
        let deploy = plan.deploy.iter().map(|decision| format!("deploy {}", decision.sha.short()));
        let write = |write: &PlannedWrite| match write {
            PlannedWrite::Status { sha, state, description, .. } => {
                format!("set {} on {}: {description}", state.as_str(), sha.short())
            }
            PlannedWrite::Issue(IssueWork::Failure { title, number: None, .. }) => {
                format!("open the issue \"{title}\"")
            }
            PlannedWrite::Issue(
                IssueWork::Failure { number: Some(number), .. }
                | IssueWork::Recovery { number, .. },
            ) => format!("comment on issue #{number}"),
        };
        let would: BTreeSet<String> = deploy.chain(plan.writes.iter().map(write)).collect();
        // The plan stays the same until the dry run ends, so each item is logged only once.
        for what in would.difference(&self.said_would) {
            tracing::info!(repository = %name, "{name}: would {what}");
        }
        self.said_would = would;
        Ok(self.opened()?.record(shared.clock.now(), records).await?)
    }

    fn count_forged(&self, shared: &Shared, plan: &Plan) {
        for record in &plan.records {
            if let EntryKind::StatusForged { sha, by } = record {
                let name = &self.policy.repository;
                shared.metrics.forged_status(name);
                let by = by.as_ref().map_or("somebody", |by| by.as_str());
                tracing::warn!(
                    repository = %name, sha = %sha,
                    "{name}: {by} wrote a status under our context on {}; it is replaced",
                    sha.short()
                );
            }
        }
    }

    fn log_decisions(&self, shared: &Shared, judgement: &Judgement) {
        let Some(release) = self.release() else { return };
        let below =
            judgement.ships.iter().filter(|one| !judgement.decisions.contains_key(&one.sha));
        for decision in judgement.decisions.values().chain(below) {
            if plan::changed(release, decision, &self.policy).is_some() {
                report::decision_changed(release, decision, &self.policy);
                shared.metrics.decided(&self.policy.repository, decision.reason());
            }
        }
    }
}
