//! Looks at what would be if something were otherwise. Nothing comes of them: they have a ledger in
//! memory, and neither the repository nor what is shown of it learns of them.

use std::sync::Arc;
use std::time::Duration;

use super::asked::Asks;
use super::governed::Governed;
use super::registry::RepoSettings;
use super::{Controller, NotDone, Shared};
use crate::domain::{Decision, Policy, Production, RepoName, Sha, ShaPrefix};
use crate::store::Ledger;

/// What is supposed.
#[derive(Clone, Debug, Default)]
pub struct Suppositions {
    /// Another policy; none: the one in force.
    pub policy: Option<Policy>,
    /// What runs in production; none: what does.
    pub production: Option<ShaPrefix>,
}

/// What would be decided, and on what production, where that was supposed.
#[derive(Clone, Debug)]
pub struct WouldBe {
    /// The decision.
    pub decision: Decision,
    /// The whole sha that production was supposed to be.
    pub production: Option<Sha>,
}

impl Controller {
    /// What would be decided about a commit if this were so. Writes nothing to GitHub, and records
    /// nothing.
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

    /// A look at a repository, by another policy where one is given. Whoever is at the repository
    /// ends first; after that, nobody waits for the look.
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
            // By another policy other runs and branches count: all of that is read anew.
            read_only.memory = self.memory.clone();
        }
        read_only
    }
}
