//! What operators ask of a repository. A word is on disk before it is acknowledged.

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

/// Looks at the run of a dispatch whose answer did not name it: GitHub shows it after seconds.
const LOOKS_FOR_A_RUN: u32 = 2;
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// What came of a `trigger`.
#[derive(Debug)]
pub struct Triggering {
    /// What was decided and done.
    pub shipped: Shipped,
    /// The page of the run that deploys the commit, or of the workflow's runs while it is looked
    /// for; none where nothing was started.
    pub page: Option<String>,
    /// When it was started.
    pub at: Option<Timestamp>,
}

/// What came of a `set-production`.
#[derive(Clone, Debug)]
pub struct ProductionSet {
    /// The word.
    pub spoken: RecordedWord,
    /// Runs that will have moved production after this word once they succeeded.
    pub in_flight: Vec<RunId>,
    /// The commit that is wanted in production, where it is another.
    pub candidate: Option<Sha>,
}

/// A word that is on disk.
#[derive(Clone, Debug)]
pub struct RecordedWord {
    /// When.
    pub at: Timestamp,
    /// The commit that it is about, for a word about one.
    pub sha: Option<Sha>,
}

impl Controller {
    /// What would be decided about a commit. Writes nothing to GitHub.
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

    /// Deploys a commit if the policy allows it, by the same path as a pass.
    ///
    /// # Errors
    /// [`NotDone`]. Nothing was started that the ledger does not hold.
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

    /// Approves a commit, with the deploy file at the tip as it is now.
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

    /// Says what runs in production.
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

    /// One pass at once, as one of the passes that may be under way.
    ///
    /// # Errors
    /// [`NotDone`]. What was done is recorded.
    pub async fn pass_now(&self, name: &RepoName) -> Result<PassReport, NotDone> {
        self.at_its_place(name, one_pass).await
    }

    /// What a pass would do now. Writes nothing to GitHub.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn rehearse(&self, name: &RepoName) -> Result<PassReport, NotDone> {
        self.at_its_place(name, async |shared, governed| governed.rehearsed(shared).await).await
    }

    /// Does `work` on one repository as one of the passes that may be under way.
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

    /// Its handle, as long as the configuration names it.
    pub(super) fn handle(&self, name: &RepoName) -> Result<Arc<RepoHandle>, NotDone> {
        self.registry.handle(name).ok_or_else(|| NotDone::NotGoverned(name.clone()))
    }
}

impl RepoHandle {
    /// The repository, once no pass is over it; it may have left the configuration by then.
    pub(super) async fn hold(&self) -> Result<RepoGuard<'_>, NotDone> {
        let held = self.held().await;
        let mut held = held.ok_or_else(|| NotDone::NotGoverned(self.name.clone()))?;
        // Whatever is read or changed now, the next pass looks at all of it.
        held.governed.unchanged = None;
        Ok(held)
    }
}

impl Governed {
    /// The commit that is meant. What GitHub names so may be a branch or a tag.
    pub(super) async fn commit(
        &mut self,
        shared: &Shared,
        commit: &ShaPrefix,
    ) -> Result<Sha, NotDone> {
        // After a rename GitHub answers under the new name alone.
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
        // GitHub does not promise to find a commit by a part of its id.
        let asked = known.first().map_or(commit.as_str(), Sha::as_str);
        let found = self.reader.resolve_commit(&name, asked).await;
        match found.map_err(ObserveError::from)? {
            Some(sha) if sha.starts_with(commit) => Ok(sha),
            Some(_) => Err(ambiguous("a branch or a tag of that name".to_owned())),
            None => Err(NotDone::NoSuchCommit { commit: commit.clone(), repository }),
        }
    }

    /// Commits that were seen and begin so.
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

    /// Records a word; it is on disk when this returns.
    pub(super) async fn say(
        &mut self,
        shared: &Shared,
        word: OperatorAction,
    ) -> Result<Timestamp, NotDone> {
        self.known_ledger(shared).await?;
        if !self.age.is_known() || self.release().is_none_or(|release| !release.recovered) {
            // Its ledger begins with the number that GitHub knows it by; and what a lost or older
            // one lacks is read before the word, which would look newer than all of it.
            self.survey(shared, None).await?;
        }
        shared.know_the_time(&self.reader, &self.policy.repository).await?;
        let brake = self.brake.clone();
        let _order = brake.words().await;
        self.append(shared, vec![word]).await
    }

    /// Records words. The caller holds the right to, and the time is known.
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
        // They are on disk: where this fails, they are read with the next pass.
        if ledger.catch_up().await.is_err() {
            self.brake.set_unread_words();
        }
        Ok(at)
    }

    /// The deploy file's blob at the tip of its ref, read now.
    async fn deploy_file(&mut self, shared: &Shared) -> Result<Option<String>, NotDone> {
        let (repo_facts, policy) = (self.read_repo_facts(shared).await?, self.policy.clone());
        let ctx = read_context(shared, &self.reader, &policy, &mut self.memory, self.rhythm);
        Ok(observe::deploy_files_at_tip(&ctx, &repo_facts).await?)
    }

    /// The repository, and its branches as they are now.
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

    /// Looks for the run that was started, so that its commit's status names it, too.
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
            // It is noted how the pass ended; the deploy has started whatever became of it.
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

    /// The run's page.
    async fn page_of(&mut self, shared: &Shared, run: Option<RunId>) -> Option<String> {
        let run = run?;
        if let Some(known) = self.release()?.runs.get(&run) {
            return Some(known.html_url.clone());
        }
        let repo_facts = self.read_repo_facts(shared).await.ok()?;
        Some(format!("{}/actions/runs/{run}", repo_facts.repository.html_url))
    }
}
