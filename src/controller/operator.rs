//! Operators' commands on a repository. An action is on disk before it is acknowledged.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::asked::Asks;
use super::governed::Governed;
use super::not_done::NotDone;
use super::registry::{RepoGuard, RepoHandle};
use super::survey::read_context;
use super::{Controller, DispatchInitiator, PassError, PassReport, Shared, Shipped, one_pass};
use crate::apply::Dispatched;
use crate::domain::{
    Approval, Decision, Operator, OperatorAction, RepoName, RunId, Sha, ShaPrefix,
};
use crate::github::Lane;
use crate::observe::{self, ObserveError, ReadContext, RepoFacts, RestsOn};
use crate::store::Ledger;

/// How often to look for a run that the dispatch's answer did not name: GitHub shows it after
/// some seconds.
const LOOKS_FOR_A_RUN: u32 = 2;
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// The result of a `trigger`.
#[derive(Debug)]
pub struct Triggering {
    pub shipped: Shipped,
    /// The page of the run that deploys the commit, or `None` while it is not known or if
    /// nothing was started.
    pub page: Option<String>,
    /// When the deploy was started.
    pub at: Option<Timestamp>,
}

/// The result of a `set-production`.
#[derive(Clone, Debug)]
pub struct ProductionSet {
    pub spoken: RecordedWord,
    /// Runs in flight that will change production again if they succeed.
    pub in_flight: Vec<RunId>,
    /// The candidate, if it is another commit.
    pub candidate: Option<Sha>,
}

/// An operator's action that is on disk.
#[derive(Clone, Debug)]
pub struct RecordedWord {
    pub at: Timestamp,
    /// The commit that it is about, if any.
    pub sha: Option<Sha>,
}

impl Controller {
    /// Decides about a commit without acting on it. Writes nothing to GitHub.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn simulate(&self, name: &RepoName, commit: &ShaPrefix) -> Result<Decision, NotDone> {
        let handle = self.handle(name)?;
        let mut held = handle.hold().await?;
        let sha = held.governed.commit(&self.shared, commit).await?;
        let mut survey = held.governed.survey(&self.shared, None).await?;
        Ok(held.governed.decided(&self.shared, &mut survey, &sha, Asks::ThePolicy, None).await?)
    }

    /// Deploys a commit if the policy allows it, through the same steps as a pass.
    ///
    /// # Errors
    /// [`NotDone`]. If anything was started, it is in the ledger.
    pub async fn trigger(
        &self,
        name: &RepoName,
        commit: &ShaPrefix,
        rollback: bool,
        by: Operator,
    ) -> Result<Triggering, NotDone> {
        let handle = self.handle(name)?;
        let mut held = handle.hold().await?;
        let sha = held.governed.commit(&self.shared, commit).await?;
        tracing::info!(
            repository = %name, sha = %sha, operator = by.display(),
            "{name}: {} asks to {} {}",
            by.display(),
            if rollback { "roll back to" } else { "deploy" },
            sha.short()
        );
        let wish = if rollback {
            DispatchInitiator::Rollback(by)
        } else {
            DispatchInitiator::OfAnOperator(by)
        };
        let shipped = held.governed.ship(&self.shared, &sha, wish).await?;
        if let Shipped::NeverInProduction { last } = shipped {
            let repository = name.clone();
            return Err(NotDone::NeverInProduction { commit: sha, repository, last });
        }
        if let Shipped::NotAllowed(decision) = &shipped
            && decision.reason().starts_a_deploy()
        {
            held.governed.may_start()?;
        }
        let triggering = held.governed.followed_up(&self.shared, shipped).await;
        self.wake(name);
        Ok(triggering)
    }

    /// Approves a commit together with the deploy files now at the tip of the deploy ref.
    ///
    /// # Errors
    /// [`NotDone`]; nothing was recorded.
    pub async fn approve(
        &self,
        name: &RepoName,
        commit: &ShaPrefix,
        why: String,
        by: Operator,
    ) -> Result<RecordedWord, NotDone> {
        let handle = self.handle(name)?;
        let mut held = handle.hold().await?;
        let sha = held.governed.commit(&self.shared, commit).await?;
        let deploy_file = held.governed.deploy_file(&self.shared).await?;
        let approval = Approval { sha: sha.clone(), deploy_file, why, by };
        let at = held.governed.say(&self.shared, OperatorAction::Approved { approval }).await?;
        self.wake(name);
        Ok(RecordedWord { at, sha: Some(sha) })
    }

    /// Records which commit is in production.
    ///
    /// # Errors
    /// [`NotDone`]; nothing was recorded.
    pub async fn set_production(
        &self,
        name: &RepoName,
        commit: &ShaPrefix,
        why: String,
        by: Operator,
    ) -> Result<ProductionSet, NotDone> {
        let handle = self.handle(name)?;
        let mut held = handle.hold().await?;
        let sha = held.governed.commit(&self.shared, commit).await?;
        let word = OperatorAction::ProductionSet { sha: sha.clone(), why, by };
        let at = held.governed.say(&self.shared, word).await?;
        let release = held.governed.release();
        let in_flight = release.iter().flat_map(|release| release.runs_in_flight());
        let in_flight = in_flight.map(|run| run.id).collect();
        let candidate = release.and_then(|release| release.candidate.clone());
        let candidate = candidate.filter(|candidate| *candidate != sha);
        self.wake(name);
        Ok(ProductionSet { spoken: RecordedWord { at, sha: Some(sha) }, in_flight, candidate })
    }

    /// Runs one pass immediately, under the same concurrency limit as other passes.
    ///
    /// # Errors
    /// [`NotDone`]. What was done is recorded.
    pub async fn pass_now(&self, name: &RepoName) -> Result<PassReport, NotDone> {
        self.at_its_place(name, one_pass).await
    }

    /// Plans what a pass would do now. Writes nothing to GitHub.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn rehearse(&self, name: &RepoName) -> Result<PassReport, NotDone> {
        self.at_its_place(name, async |shared, governed| governed.rehearsed(shared).await).await
    }

    /// Runs `work` on one repository under the same concurrency limit as passes.
    async fn at_its_place<T>(
        &self,
        name: &RepoName,
        work: impl AsyncFnOnce(&Shared, &mut Governed) -> Result<T, PassError>,
    ) -> Result<T, NotDone> {
        let handle = self.handle(name)?;
        let reader = self.shared.readers.of(name);
        let place = self.registry.places().take(Lane::Active, reader.credential()).await;
        let its_reader = match &place {
            Some(place) => reader.for_a_pass(Lane::Active, place.meter().clone()),
            None => reader.clone(),
        };
        let mut held = its_reader.waiting(handle.hold()).await?;
        held.governed.reader = its_reader;
        let done = work(&self.shared, &mut held.governed).await;
        held.governed.reader = reader;
        Ok(done?)
    }

    /// The handle of the repository, as long as it is in the configuration.
    pub(super) fn handle(&self, name: &RepoName) -> Result<Arc<RepoHandle>, NotDone> {
        self.registry.handle(name).ok_or_else(|| NotDone::NotGoverned(name.clone()))
    }
}

impl RepoHandle {
    /// Waits for exclusive access to the repository. Fails if it has left the configuration.
    pub(super) async fn hold(&self) -> Result<RepoGuard<'_>, NotDone> {
        let held = self.held().await;
        let mut held = held.ok_or_else(|| NotDone::NotGoverned(self.name.clone()))?;
        // Whatever is read or changed now, the next pass must look at everything.
        held.governed.unchanged = None;
        Ok(held)
    }
}

impl Governed {
    /// Resolves the commit id. If GitHub resolves it to a commit that does not start with it,
    /// it is the name of a branch or a tag.
    pub(super) async fn commit(
        &mut self,
        shared: &Shared,
        commit: &ShaPrefix,
    ) -> Result<Sha, NotDone> {
        // After a rename, GitHub answers only under the new name.
        let name = self.read_repo_facts(shared).await?.repository.name;
        let repository = self.policy.repository.clone();
        let ambiguous = |what: String| NotDone::Ambiguous {
            commit: commit.clone(),
            repository: repository.clone(),
            what,
        };
        let known = self.known_commits(commit);
        if known.len() > 1 {
            let all: Vec<&str> = known.iter().map(Sha::as_str).collect();
            return Err(ambiguous(all.join(" or ")));
        }
        // GitHub does not promise to resolve an abbreviated commit id.
        let asked = known.first().map_or(commit.as_str(), Sha::as_str);
        let found = self.reader.resolve_commit(&name, asked).await;
        match found.map_err(ObserveError::from)? {
            Some(sha) if sha.starts_with(commit) => Ok(sha),
            Some(_) => Err(ambiguous("a branch or a tag of that name".to_owned())),
            None => Err(NotDone::NoSuchCommit { commit: commit.clone(), repository }),
        }
    }

    /// The commits seen so far whose id starts with `commit`.
    fn known_commits(&self, commit: &ShaPrefix) -> BTreeSet<Sha> {
        let release = self.release();
        let decided = release.into_iter().flat_map(|release| release.decided.keys());
        let on_branch = self.memory.commits().commits.iter().map(|(sha, _)| sha);
        decided.chain(on_branch).filter(|sha| sha.starts_with(commit)).cloned().collect()
    }

    fn may_start(&self) -> Result<(), NotDone> {
        let key = if !self.policy.enabled {
            "enabled: false"
        } else if self.policy.dry_run {
            "dry_run: true"
        } else {
            return Ok(());
        };
        Err(NotDone::StartsNothing { repository: self.policy.repository.clone(), key })
    }

    /// Records an operator's action. It is on disk when this returns.
    pub(super) async fn say(
        &mut self,
        shared: &Shared,
        word: OperatorAction,
    ) -> Result<Timestamp, NotDone> {
        self.known_ledger(shared).await?;
        if !self.age.is_known() || self.release().is_none_or(|release| !release.recovered) {
            // A new ledger needs the id that GitHub assigned to the repository. If a ledger was
            // lost or is older, what it lacks must be recorded first, because the action would
            // look newer than all of it.
            self.survey(shared, None).await?;
        }
        shared.know_the_time(&self.reader, &self.policy.repository).await?;
        let brake = self.brake.clone();
        let _order = brake.words().await;
        self.append(shared, vec![word]).await
    }

    /// Records operators' actions. The caller holds the right to do so, and the time is known.
    pub(super) async fn append(
        &mut self,
        shared: &Shared,
        words: Vec<OperatorAction>,
    ) -> Result<Timestamp, NotDone> {
        let name = self.policy.repository.clone();
        for word in &words {
            tracing::info!(repository = %name, "{name}: {}", crate::messages::operator(word));
        }
        let ledger = self.opened()?;
        let at = shared.store.append_words(ledger.repo(), shared.word_time(), words).await?;
        // The actions are on disk already. If reading them fails here, the next pass reads
        // them.
        if ledger.catch_up().await.is_err() {
            self.brake.set_unread_words();
        }
        Ok(at)
    }

    /// The identity of the deploy files at the tip of the deploy ref, read now.
    async fn deploy_file(&mut self, shared: &Shared) -> Result<Option<String>, NotDone> {
        let (repo_facts, policy) = (self.read_repo_facts(shared).await?, self.policy.clone());
        let ctx = read_context(shared, &self.reader, &policy, &mut self.memory, self.rhythm);
        Ok(observe::deploy_files_at_tip(&ctx, &repo_facts).await?)
    }

    /// Reads the repository and the current tips of its branches.
    async fn read_repo_facts(&mut self, shared: &Shared) -> Result<RepoFacts, NotDone> {
        self.known_ledger(shared).await?;
        let known = self.ledger.as_ref().map(Ledger::repo);
        let policy = self.policy.clone();
        let slow_changing = self.memory.seldom_is_due(self.rhythm, shared.clock.now());
        let mut ctx = ReadContext {
            slow_changing,
            ..read_context(shared, &self.reader, &policy, &mut self.memory, self.rhythm)
        };
        let rests_on = RestsOn { branch: true, workflows: false };
        let mut repo_facts = observe::read_repo_facts(&mut ctx, known, rests_on).await;
        if let Err(error) = &repo_facts
            && ctx.memory.forgets_its_name(error)
        {
            repo_facts = observe::read_repo_facts(&mut ctx, known, rests_on).await;
        }
        Ok(repo_facts?)
    }

    /// Runs passes to find the run that was started, so that the commit's status links to it.
    async fn followed_up(&mut self, shared: &Shared, shipped: Shipped) -> Triggering {
        let Shipped::Dispatched { how, .. } = &shipped else {
            return Triggering { shipped, page: None, at: None };
        };
        let (attempt, mut run) = match how {
            Dispatched::Started { attempt, run } => (attempt.clone(), *run),
            Dispatched::Unknown { .. } | Dispatched::NotStarted { .. } => {
                return Triggering { shipped, page: None, at: None };
            }
        };
        for reading in 0..LOOKS_FOR_A_RUN {
            if reading > 0 {
                shared.clock.sleep(BETWEEN_LOOKS).await;
            }
            // The pass records its own result. The deploy has started either way.
            let _ = one_pass(shared, self).await;
            run = run.or_else(|| self.release()?.attempt(&attempt)?.run);
            if run.is_some() {
                break;
            }
        }
        let at = self
            .release()
            .and_then(|release| release.attempt(&attempt))
            .map(|attempt| attempt.mark.as_ref().map_or(attempt.at, |mark| mark.at));
        let page = self.page_of(shared, run).await;
        Triggering { shipped, page, at }
    }

    /// The URL of the run.
    async fn page_of(&mut self, shared: &Shared, run: Option<RunId>) -> Option<String> {
        let run = run?;
        if let Some(known) = self.release()?.runs.get(&run) {
            return Some(known.html_url.clone());
        }
        let repo_facts = self.read_repo_facts(shared).await.ok()?;
        Some(format!("{}/actions/runs/{run}", repo_facts.repository.html_url))
    }
}
