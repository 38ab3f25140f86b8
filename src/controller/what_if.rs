//! Hypothetical decisions. They use a copy of the ledger in memory, and change neither the
//! repository nor its snapshot.

use std::sync::Arc;
use std::time::Duration;

use super::asked::Asks;
use super::governed::Governed;
use super::registry::RepoSettings;
use super::{Controller, NotDone, Shared};
use crate::domain::{Decision, Policy, Production, RepoName, Sha, ShaPrefix};
use crate::store::Ledger;

/// The hypothesis.
#[derive(Clone, Debug, Default)]
pub struct Suppositions {
    /// Another policy. `None`: the one in force.
    pub policy: Option<Policy>,
    /// Another commit in production. `None`: the real one.
    pub production: Option<ShaPrefix>,
}

/// The hypothetical decision, and the production that it is based on, if one was supposed.
#[derive(Clone, Debug)]
pub struct WouldBe {
    pub decision: Decision,
    /// The full sha of the supposed production.
    pub production: Option<Sha>,
}

impl Controller {
    /// Decides about a commit under a hypothesis. Writes nothing to GitHub and records nothing.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn suppose(
        &self,
        name: &RepoName,
        commit: &ShaPrefix,
        what: Suppositions,
    ) -> Result<WouldBe, NotDone> {
        let shared = self.shared();
        let mut read_only = self.read_only_copy(name, what.policy).await?;
        let sha = read_only.commit(shared, commit).await?;
        let production = match &what.production {
            Some(production) => Some(read_only.commit(shared, production).await?),
            None => None,
        };
        let mut survey = read_only.survey(shared, None).await?;
        let supposed = production.as_ref().map(|sha| Production::Known {
            sha: sha.clone(),
            since: shared.clock.now(),
            run: None,
        });
        let decision = read_only
            .decided(shared, &mut survey, &sha, Asks::ThePolicy, supposed.as_ref())
            .await?;
        Ok(WouldBe { decision, production })
    }

    /// Creates a read-only copy of a repository, under another policy if one is given. Waits
    /// until the repository is free; after that, nothing waits for the copy.
    pub(super) async fn read_only_copy(
        &self,
        name: &RepoName,
        policy: Option<Policy>,
    ) -> Result<Governed, NotDone> {
        let handle = self.handle(name)?;
        let held = handle.held().await;
        let held = held.ok_or_else(|| NotDone::NotGoverned(name.clone()))?;
        Ok(held.governed.read_only_copy(self.shared(), policy))
    }
}

impl Governed {
    fn read_only_copy(&self, shared: &Shared, policy: Option<Policy>) -> Self {
        let is_other = policy.is_some();
        let policy = policy.map_or_else(|| Arc::clone(&self.policy), Arc::new);
        let signals = if is_other { shared.signals.follow(&policy) } else { self.signals.clone() };
        let common = Arc::clone(&self.common);
        let settings = RepoSettings { policy, common, signals, within: Duration::ZERO };
        let (reader, brake) = (self.reader.clone(), self.brake.clone());
        let mut read_only = Self::new(&settings, reader, brake, self.rhythm.turn);
        read_only.is_read_only = true;
        read_only.ledger = self.ledger.as_ref().map(Ledger::in_memory);
        if !is_other {
            // Under another policy, other runs and branches count, so everything is read again.
            read_only.memory = self.memory.clone();
        }
        read_only
    }
}
