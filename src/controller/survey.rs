//! Builds the observation that decisions are based on: reads what GitHub shows, and records
//! what the deploy runs did.

use std::collections::BTreeSet;

use super::age::{certain_deploys, recovered};
use super::governed::Governed;
use super::{PassError, Shared, report};
use crate::decide::{JudgeOutcome, Judgement, judge};
use crate::domain::{
    Attempt, AttemptOutcome, AttemptPhase, Decision, EntryKind, Lack, Login, Observation, Outcome,
    Policy, Reason, ReleaseState, RepoId, RiskCause, RunId, Sha, WorkflowFact, restorations,
};
use crate::github::Reader;
use crate::observe::{
    self, Linked, Memory, ReadContext, RefreshSchedule, RepoFacts, RestsOn, Verifications,
    WhereUnreadable,
};
use crate::plan;
use crate::store::{Ledger, StoreError};

/// The most rounds in which `decide` may name facts that it lacks. Besides the candidate, up to
/// ten commits below it are judged one after another. Each lacks its verification, its
/// position, its range and its deploy files, a range for each of ten approvals, and two for
/// each of twenty rollbacks.
pub(super) const MOST_ROUNDS: usize = 11 * (4 + 10 + 2 * 20);

/// Everything that was read about a repository.
pub struct Survey {
    pub repo_facts: RepoFacts,
    pub observation: Observation,
    pub newest_run: Option<RunId>,
    /// Whether everything was read past every cache.
    pub uncached: bool,
    /// Runs that statuses link to, that the ledger does not know, and that are no deploys in
    /// flight.
    pub over: BTreeSet<RunId>,
}

impl Governed {
    /// Reads what GitHub shows, and records what the deploy runs did. With `uncached`,
    /// everything is read past every cache, starting with the statuses of that sha (section 5,
    /// step 0).
    pub(super) async fn survey(
        &mut self,
        shared: &Shared,
        uncached: Option<&Sha>,
    ) -> Result<Survey, PassError> {
        self.known_ledger(shared).await?;
        let known = self.ledger.as_ref().map(Ledger::repo);
        let rests_on = self.decision.as_ref().map(rests_on).unwrap_or_default();
        let reader = uncached.map_or_else(|| self.reader.clone(), |_| self.reader.past_caches());
        let mut memory = std::mem::take(&mut self.memory);
        let policy = self.policy.clone();
        let now = shared.clock.now();
        let is_first = memory.is_new();
        let mut ctx = ReadContext {
            slow_changing: memory.seldom_is_due(self.rhythm, now),
            uncached: uncached.is_some(),
            ..read_context(shared, &reader, &policy, &mut memory, self.rhythm)
        };
        let mut read = self.read(shared, &mut ctx, known, rests_on, uncached).await;
        if let Err(PassError::Observe(error)) = &read
            && ctx.memory.forgets_its_name(error)
        {
            read = self.read(shared, &mut ctx, known, rests_on, uncached).await;
        }
        self.memory = memory;
        if is_first && read.is_ok() {
            self.memory.take_turn(self.rhythm);
        }
        if read.is_err() && uncached.is_some() {
            self.memory.distrust();
        }
        read
    }

    async fn read(
        &mut self,
        shared: &Shared,
        ctx: &mut ReadContext<'_>,
        known: Option<RepoId>,
        rests_on: RestsOn,
        uncached: Option<&Sha>,
    ) -> Result<Survey, PassError> {
        let mut repo_facts = observe::read_repo_facts(ctx, known, rests_on).await?;
        ctx.now = shared.clock.now();
        self.open_ledger(shared, repo_facts.repository.id).await?;
        observe::branch_commits(ctx, &repo_facts).await?;
        let us = self.who_we_are(shared).await?;
        let seen = self.signals.seen(uncached.is_some() || self.is_read_only).await;
        self.seen.clone_from(&seen);
        let grant = self.reader.grant();
        let rejection_key = observe::rejection_key(&repo_facts, &grant, &self.common.config_digest);
        let mut observation = Observation {
            signals: seen.signals,
            health_check: seen.health_check,
            ..observe::unread(ctx, &repo_facts, us, rejection_key)
        };
        let linked = match uncached {
            Some(sha) => self.linked(ctx, &repo_facts, &mut observation, sha).await?,
            None => Linked::default(),
        };
        let mut newest_run =
            self.follow(shared, ctx, &repo_facts, &mut observation.us, &linked).await?;
        self.note_health(shared, &observation).await?;
        let verifications = self.verifications(shared, ctx, &mut repo_facts).await?;
        observation.deploy_ref_tip.clone_from(&repo_facts.deploy_ref_tip);
        observation.branch_tip.clone_from(&repo_facts.tip);
        observation.branch_commits = ctx.memory.commits().clone();
        observation.candidates = verifications.candidates;
        self.no_candidate = verifications.no_candidate;
        ctx.now = shared.clock.now();
        let was_current = self.age.is_known();
        let has_caught_up = self.catch_up(shared, ctx, &repo_facts, &mut observation).await?;
        if has_caught_up || (!was_current && self.waits_for_a_run()) {
            // Recovered attempts may own runs that no page shows, and others start to look for
            // theirs only now.
            newest_run =
                self.follow(shared, ctx, &repo_facts, &mut observation.us, &linked).await?;
        }
        self.settle_left_intents(shared).await?;
        Ok(Survey {
            repo_facts,
            observation,
            newest_run,
            uncached: uncached.is_some(),
            over: linked.over,
        })
    }

    /// Whether an attempt waits for its run to appear. False in a read-only copy, which draws
    /// no conclusions.
    fn waits_for_a_run(&self) -> bool {
        let waits = |known: &ReleaseState| known.attempts.iter().any(Attempt::looks_for_its_run);
        !self.is_read_only && self.release().is_some_and(waits)
    }

    /// Reads the verification runs, and records the first sight of a merge queue.
    async fn verifications(
        &mut self,
        shared: &Shared,
        ctx: &mut ReadContext<'_>,
        repo_facts: &mut RepoFacts,
    ) -> Result<Verifications, PassError> {
        let ledger = self.opened()?;
        let seen_before = ledger.state().merge_queue_seen;
        let verifications = observe::verifications(ctx, repo_facts, seen_before).await?;
        if verifications.merge_queue && !seen_before {
            ledger.record(shared.clock.now(), vec![EntryKind::MergeQueueSeen]).await?;
        }
        Ok(verifications)
    }

    /// Reads the statuses of `sha`, and the runs that they link to and the ledger does not
    /// know.
    async fn linked(
        &self,
        ctx: &mut ReadContext<'_>,
        repo_facts: &RepoFacts,
        observation: &mut Observation,
        sha: &Sha,
    ) -> Result<Linked, PassError> {
        observe::statuses(ctx, observation, std::iter::once(sha)).await?;
        let (facts, release) = (observation.facts(sha), self.known_release()?);
        let statuses = facts.statuses.known().map_or(&[][..], Vec::as_slice);
        let links = plan::unknown_links(statuses, &observation.us, release);
        if let WorkflowFact::Found(workflow) = &repo_facts.deploy
            && plan::names_another_workflow(statuses, &observation.us, release, workflow.file())
        {
            observation.workflow_ids = observe::workflow_ids(ctx).await?;
        }
        let linked = observe::linked(ctx, repo_facts, &links).await?;
        Ok(Linked { named_on: Some(sha.clone()), ..linked })
    }

    /// Reads the deploy runs and records what they did. If the ledger is new, first recovers
    /// what a lost one left on GitHub.
    async fn follow(
        &mut self,
        shared: &Shared,
        ctx: &mut ReadContext<'_>,
        repo_facts: &RepoFacts,
        us: &mut BTreeSet<Login>,
        linked: &Linked,
    ) -> Result<Option<RunId>, PassError> {
        let (policy, is_read_only) = (ctx.policy.clone(), self.is_read_only);
        // The absence of a run is known as of when the lists were requested.
        let asked_at = shared.clock.now();
        let ledger = self.opened()?;
        let mut seen = observe::deploy_runs(ctx, repo_facts, ledger.state(), us, linked).await?;
        if !ledger.state().recovered {
            let certain = certain_deploys(&seen);
            let entries = recovered(ctx, repo_facts, us, &certain, ledger.state()).await?;
            ledger.record(shared.clock.now(), entries).await?;
            self.age.set_known();
            // Recovered attempts may own runs that no page shows.
            return Box::pin(self.follow(shared, ctx, repo_facts, us, linked)).await;
        }
        let unknown_run = plan::shows_unknown_run(&seen, us, ledger.state());
        self.age.note_unknown_run(unknown_run);
        if !self.age.is_known() {
            // A run may belong to an attempt that an older ledger has lost. Until that is
            // known, no other attempt claims it, and none is given up.
            seen.searches.clear();
        }
        let ledger = self.opened()?;
        let entries = plan::follow(&policy, &seen, ledger.state(), us, asked_at);
        let before = (!entries.is_empty()).then(|| restorations(ledger.state()));
        if !is_read_only {
            report::stray(shared, &policy, ledger.state(), &entries);
        }
        ledger.record(shared.clock.now(), entries.clone()).await?;
        ctx.memory.note_sweep(seen.swept_at);
        if let Some(scope) = &seen.scope {
            ctx.memory.note_read_to_the_end(&seen.read_to_the_end, scope);
        }
        if is_read_only {
            return Ok(seen.newest);
        }
        self.note_moved_deploy_files(shared, ctx, repo_facts, &seen.runs).await?;
        let ledger = self.opened()?;
        for entry in &entries {
            report::followed(shared, &policy, ledger.state(), ctx.memory, entry);
        }
        if let Some(before) = before {
            report::restored(shared, &policy, &before, ledger.state());
            self.dora_at = None;
        }
        Ok(seen.newest)
    }

    /// Withdraws attempts that a crash left in `intent`: they were never sent, and are begun
    /// again (section 5, step 6).
    async fn settle_left_intents(&mut self, shared: &Shared) -> Result<(), PassError> {
        let ledger = self.opened()?;
        let left = ledger
            .state()
            .open_attempts()
            .filter(|attempt| attempt.phase == AttemptPhase::Intent)
            .map(|attempt| EntryKind::AttemptClosed {
                id: attempt.begun.id.clone(),
                outcome: AttemptOutcome::Withdrawn("the process ended before it was sent".into()),
            })
            .collect();
        Ok(ledger.record(shared.clock.now(), left).await?)
    }

    /// Every identity that is or was ours. Also records the first entries of a new ledger.
    async fn who_we_are(&mut self, shared: &Shared) -> Result<BTreeSet<Login>, PassError> {
        let user = shared.user(&self.reader).await?;
        let policy = self.policy.clone();
        let now = shared.clock.now();
        let ledger = self.opened()?;
        let state = ledger.state();
        let mut entries = Vec::new();
        if state.governed_since.is_none() || state.name.as_ref() != Some(&policy.repository) {
            entries.push(EntryKind::Governed { name: policy.repository.clone() });
        }
        if let Some(login) = user.clone().filter(|login| !state.identities.contains(login)) {
            entries.push(EntryKind::Identity { login });
        }
        ledger.record(now, entries).await?;
        Ok(observe::us(&ledger.state().identities, &policy.identities, user.as_ref()))
    }

    pub(super) fn opened(&mut self) -> Result<&mut Ledger, StoreError> {
        self.ledger.as_mut().ok_or(StoreError::Closed)
    }

    pub(super) fn known_release(&self) -> Result<&ReleaseState, StoreError> {
        self.release().ok_or(StoreError::Closed)
    }

    /// Judges, and reads the facts that `decide` lacks until none is missing.
    pub(super) async fn judged(
        &mut self,
        shared: &Shared,
        survey: &mut Survey,
    ) -> Result<Judgement, PassError> {
        let others = plan::undecided(self.opened()?.state());
        let mut decided = None;
        for _ in 0..MOST_ROUNDS {
            let now = shared.clock.now();
            let release = self.known_release()?;
            let judged = judge(&self.policy, &survey.observation, release, &others, now);
            match judged {
                JudgeOutcome::Done(judgement) => {
                    let (policy, seen) = (&self.policy, &survey.observation);
                    shared.show_judgement(policy, seen, release, &judgement, now);
                    return Ok(*judgement);
                }
                JudgeOutcome::Unreadable(why) => return Err(PassError::Undecided(why)),
                JudgeOutcome::Lacks(lacks) => {
                    self.fill(shared, survey, &lacks, WhereUnreadable::EndThePass).await?;
                }
                JudgeOutcome::LacksBelow(judgement, lacks) => {
                    decided = Some(judgement);
                    self.fill(shared, survey, &lacks, WhereUnreadable::NoteIt).await?;
                }
            }
        }
        decided.map(|judgement| *judgement).ok_or_else(out_of_rounds)
    }

    /// Reads the facts that are lacking.
    pub(super) async fn fill(
        &mut self,
        shared: &Shared,
        survey: &mut Survey,
        lacks: &[Lack],
        unreadable: WhereUnreadable,
    ) -> Result<(), PassError> {
        let reader = if survey.uncached { self.reader.past_caches() } else { self.reader.clone() };
        let policy = self.policy.clone();
        let mut memory = std::mem::take(&mut self.memory);
        let mut ctx = ReadContext {
            uncached: survey.uncached,
            ..read_context(shared, &reader, &policy, &mut memory, self.rhythm)
        };
        let (repo_facts, observation) = (&survey.repo_facts, &mut survey.observation);
        let filled = match self.known_release() {
            Ok(release) => {
                observe::fill(&mut ctx, repo_facts, observation, release, lacks, unreadable).await
            }
            Err(error) => Err(error.into()),
        };
        self.memory = memory;
        let entries = filled?;
        Ok(self.opened()?.record(shared.clock.now(), entries).await?)
    }

    /// Reads the statuses of commits that may need a write.
    pub(super) async fn read_statuses(
        &mut self,
        shared: &Shared,
        survey: &mut Survey,
        shas: &[Sha],
    ) -> Result<(), PassError> {
        let policy = self.policy.clone();
        let ctx = read_context(shared, &self.reader, &policy, &mut self.memory, self.rhythm);
        // The check for an older ledger may have read some of them already.
        let is_read = |sha: &&Sha| survey.observation.facts(sha).statuses.known().is_some();
        let unread: Vec<Sha> = shas.iter().filter(|sha| !is_read(sha)).cloned().collect();
        let read = observe::statuses(&ctx, &mut survey.observation, unread.iter()).await;
        if read.as_ref().is_err_and(|error| !error.is_transient()) {
            // A force push may have removed a commit that GitHub no longer has.
            self.memory.distrust();
        }
        Ok(read?)
    }
}

/// A read context backed by what earlier passes kept. It reads no slow-changing facts.
pub(super) fn read_context<'a>(
    shared: &'a Shared,
    reader: &'a Reader,
    policy: &'a Policy,
    memory: &'a mut Memory,
    rhythm: RefreshSchedule,
) -> ReadContext<'a> {
    let (store, now) = (&shared.store, shared.clock.now());
    let clock = &shared.clock;
    ReadContext {
        reader,
        store,
        policy,
        memory,
        uncached: false,
        rhythm,
        slow_changing: false,
        now,
        clock,
    }
}

/// The slow-changing facts that a standing hold rests on. They are read in every pass while it
/// lasts.
fn rests_on(decision: &Decision) -> RestsOn {
    if decision.outcome() != Outcome::Hold {
        return RestsOn::default();
    }
    let causes = || std::iter::once(&decision.cause).chain(&decision.also);
    let speaks = |reason| causes().any(|cause| cause.reason() == reason);
    let rejected = decision.reason() == Reason::DispatchRejected;
    let tip = decision.risk.causes.contains(&RiskCause::DeployFileAtTip);
    RestsOn {
        branch: rejected || tip || speaks(Reason::NotOnBranch) || speaks(Reason::Reverted),
        workflows: rejected || decision.reason() == Reason::DeployNotConfigured,
    }
}

pub(super) fn out_of_rounds() -> PassError {
    PassError::Undecided(crate::domain::Why(format!(
        "the decision still lacks facts after {MOST_ROUNDS} rounds"
    )))
}
