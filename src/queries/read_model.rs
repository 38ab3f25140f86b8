//! What probes, Prometheus, pages and the API see: the controller as it stands, and its store.
//! Nothing here waits for a pass, asks GitHub, or writes.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::status::{StoredRows, is_new};
use crate::clock::Clock;
use crate::config::{ConfigInForce, RefusedChange};
use crate::controller::{API_VERSION, Controller, LimitsView, RepoSnapshot};
use crate::domain::{AttemptId, RepoName, Sha, ShaPrefix};
use crate::messages::date_time;
use crate::queries::{StatusRequest, view};
use crate::request::{Caller, CommandFailure, ControllerRequest as _};
use crate::store::StoreError;

mod attempts;
mod calendar;
mod commit;
mod judged;
mod ledger;
mod repository;

pub use ledger::Wanted;

/// How long ago "lately" may be, where repositories are looked at more often than that.
const LATELY: Duration = Duration::from_secs(600);
/// How long GitHub may give no answer before it is said, where repositories are looked at more often
/// than that.
const OUTAGE: Duration = Duration::from_secs(30);
/// Polls without an answer before that is said.
const POLLS_OF_AN_OUTAGE: u32 = 2;
/// How long nothing may be sent because GitHub told us to wait, before that is said: a secondary limit
/// is usually over by then.
const CLOSED: SignedDuration = SignedDuration::from_secs(60);
const NOT_YET: &str = "GitHub was not reached yet";
/// Polls that may fail before it is said.
const POLLS: u32 = 3;

/// Whether it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// It cannot: why, for people.
    NotReady(String),
}

impl Readiness {
    fn or(self, other: Self) -> Self {
        if self == Self::Ready { self } else { other }
    }
}

/// Questions that read a ledger at once: the store has one thread, and dispatches need it.
const READERS: usize = 2;
/// Scrapes that are written down at once.
const SCRAPES: usize = 1;
/// Questions at once, those that wait for a reader among them. Connections that are being answered
/// make room for nobody, so these are fewer than the connections that there may be.
const MOST_QUESTIONS: usize = 64;

/// What may be seen of a controller at once: no look waits for a pass, or asks GitHub.
#[derive(Clone)]
pub struct ReadModel {
    controller: Controller,
    readers: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    scrapes: Arc<Semaphore>,
    /// None where no file is watched.
    in_force: Option<ConfigInForce>,
}

/// Why something is not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotShown {
    /// No such repository is governed.
    #[error("{0} is not governed here: it is not in the configuration")]
    NotGoverned(RepoName),
    /// Nothing is known of such a commit.
    #[error(
        "nothing is known of a commit {commit} in {repository}: no pass judged it, and the ledger \
         does not name it. `release-governor simulate` asks GitHub"
    )]
    NoSuchCommit {
        /// As asked.
        commit: ShaPrefix,
        /// Where.
        repository: RepoName,
    },
    /// It may be one or the other.
    #[error("{commit} is not unique in {repository}: give more of its digits")]
    Ambiguous {
        /// As asked.
        commit: ShaPrefix,
        /// Where.
        repository: RepoName,
        /// What it may be.
        candidates: Vec<Sha>,
    },
    /// No such attempt is remembered.
    #[error("no attempt {id} of {repository} is remembered")]
    NoSuchAttempt {
        /// As asked.
        id: AttemptId,
        /// Where.
        repository: RepoName,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReadModel {
    /// A window on `controller`.
    #[must_use]
    pub fn on(controller: Controller) -> Self {
        let readers = Arc::new(Semaphore::new(READERS));
        let questions = Arc::new(Semaphore::new(MOST_QUESTIONS));
        let scrapes = Arc::new(Semaphore::new(SCRAPES));
        Self { controller, readers, questions, scrapes, in_force: None }
    }

    /// The same, with a view of what becomes of the configuration's file.
    #[must_use]
    pub fn beside(self, in_force: ConfigInForce) -> Self {
        Self { in_force: Some(in_force), ..self }
    }

    /// The change of the configuration's file that stands refused.
    #[must_use]
    pub fn refused(&self) -> Option<RefusedChange> {
        self.in_force.as_ref().and_then(ConfigInForce::refused)
    }

    /// A place for a question; none where too many are being answered.
    #[must_use]
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.questions).try_acquire_owned().ok()
    }

    /// The clock of what is looked at.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.controller.shared().clock
    }

    /// All repositories, as `status` shows them.
    ///
    /// # Errors
    /// What the store says.
    pub async fn repositories(&self) -> Result<view::FleetStatus, CommandFailure> {
        let all = StatusRequest { repository: None };
        all.carry_out(self.controller.clone(), Caller::nobody()).await
    }

    /// How a repository stands; before its first pass, how the last process left it.
    async fn shown(&self, name: &RepoName) -> Result<RepoSnapshot, NotShown> {
        let mut snapshot = self.governed(name)?;
        if is_new(&snapshot) {
            let kept = StoredRows::of(&self.controller.shared().store).await;
            snapshot.standing = kept.standing(name);
            let ledger = kept.ledger(name).await?;
            snapshot.release = ledger.map(|ledger| Arc::new(ledger.state().clone()));
        }
        Ok(snapshot)
    }

    fn governed(&self, name: &RepoName) -> Result<RepoSnapshot, NotShown> {
        self.controller.snapshot(name).ok_or_else(|| NotShown::NotGoverned(name.clone()))
    }

    /// All metrics, in Prometheus' text format. Thousands of repositories have tens of megabytes of
    /// them: they are written beside the runtime, one after another, whoever asks. None where they
    /// could not be.
    pub async fn metrics(&self) -> Option<String> {
        let _turn = self.scrapes.acquire().await.ok()?;
        let controller = self.controller.clone();
        let encode = move || controller.shared().metrics.encode();
        tokio::task::spawn_blocking(encode).await.ok()
    }

    /// Repositories that nothing can be said of, the first so many, and why: the last pass failed,
    /// or found no commit to judge.
    #[must_use]
    pub fn troubled(&self, most: usize) -> Vec<(RepoName, String)> {
        let names = self.controller.repositories();
        let of = |name: &RepoName| {
            let shown = self.controller.snapshot(name).filter(|shown| shown.policy.enabled)?;
            Some((name.clone(), shown.standing.trouble()?.to_owned()))
        };
        names.iter().filter_map(of).take(most).collect()
    }

    /// Whether the controller can do its work now.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        if let Some(trouble) = self.controller.shared().store.trouble() {
            return Readiness::NotReady(trouble.to_string());
        }
        let enabled =
            |name| self.controller.snapshot(name).is_some_and(|shown| shown.policy.enabled);
        if !self.controller.repositories().iter().any(enabled) {
            // Then GitHub is not asked for anything.
            return Readiness::Ready;
        }
        let shared = self.controller.shared();
        let interval = self.controller.intervals().settled;
        let patience = Patience {
            lately: LATELY.max(interval.saturating_mul(POLLS)),
            outage: OUTAGE.max(interval.saturating_mul(POLLS_OF_AN_OUTAGE)),
        };
        // With one credential that works, the controller does: others' trouble is theirs alone.
        let (now, all) = (shared.clock.now(), shared.readers.limits());
        let judged = all.iter().map(|limits| judged(limits, now, patience));
        let not_yet = Readiness::NotReady(NOT_YET.to_owned());
        judged.reduce(Readiness::or).unwrap_or(not_yet)
    }
}

/// How long ago GitHub may have answered well, or been out of reach for.
#[derive(Clone, Copy, Debug)]
struct Patience {
    lately: Duration,
    outage: Duration,
}

fn judged(limits: &LimitsView, now: Timestamp, patience: Patience) -> Readiness {
    let within = |at: Timestamp, most: Duration| {
        now.duration_since(at) <= SignedDuration::try_from(most).unwrap_or(SignedDuration::MAX)
    };
    if let Some(since) = limits.unreached_since.filter(|since| !within(*since, patience.outage)) {
        return Readiness::NotReady(format!("GitHub has not responded since {}", date_time(since)));
    }
    if let Some(why) = unusable(limits, now) {
        return Readiness::NotReady(why);
    }
    let accepted = limits.token_accepted_at;
    if accepted.is_some_and(|at| within(at, patience.lately)) {
        return Readiness::Ready;
    }
    Readiness::NotReady(if let Some(at) = limits.token_refused_at {
        format!("GitHub refused the token at {}: renew it", date_time(at))
    } else if let Some(until) = limits.told_to_wait_until {
        format!("GitHub told us to wait until {}", date_time(until))
    } else if let Some(at) = accepted {
        format!("GitHub was last reached with an accepted token at {}", date_time(at))
    } else {
        NOT_YET.to_owned()
    })
}

/// Why nothing can be done with a credential that GitHub takes.
fn unusable(limits: &LimitsView, now: Timestamp) -> Option<String> {
    let is_long = |since: &Timestamp| now.duration_since(*since) > CLOSED;
    if let Some(since) = limits.version_refused_since {
        return Some(format!(
            "GitHub refuses the version of its API that is asked for ({API_VERSION}) since {}: \
             see whether `github.api_url` is a GitHub of today, and update release-governor",
            date_time(since)
        ));
    }
    if let Some(until) = limits.told_to_wait_until
        && limits.told_to_wait_since.as_ref().is_some_and(is_long)
    {
        return Some(format!("GitHub told us to wait until {}", date_time(until)));
    }
    if limits.used_up_since.as_ref().is_some_and(is_long) {
        let reset = limits.reset.map(|reset| format!(" until {}", date_time(reset)));
        return Some(format!(
            "GitHub's rate limit is used up{}: what is left is kept for deploys in flight",
            reset.unwrap_or_default()
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-11-01T12:00:00Z".parse().unwrap()
    }

    fn why(limits: &LimitsView) -> String {
        match judged(limits, noon(), Patience { lately: LATELY, outage: OUTAGE }) {
            Readiness::Ready => "ready".to_owned(),
            Readiness::NotReady(why) => why,
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let ago = |minutes| Some(noon() - SignedDuration::from_mins(minutes));
        let never = LimitsView::default();
        assert_eq!(why(&never), "GitHub was not reached yet");
        let good = LimitsView { token_accepted_at: ago(9), ..never.clone() };
        assert_eq!(why(&good), "ready");
        let told = LimitsView { told_to_wait_until: Some(noon()), ..good.clone() };
        assert_eq!(why(&told), "ready", "a wait is no trouble while it is short");
        let long = LimitsView { token_accepted_at: ago(11), ..told };
        assert_eq!(why(&long), "GitHub told us to wait until 2026-11-01 12:00 UTC");
        let old = LimitsView { token_accepted_at: ago(11), ..never.clone() };
        assert_eq!(
            why(&old),
            "GitHub was last reached with an accepted token at 2026-11-01 11:49 UTC"
        );
        let closed = LimitsView {
            told_to_wait_until: Some(noon() + SignedDuration::from_mins(30)),
            told_to_wait_since: ago(1),
            ..good.clone()
        };
        assert_eq!(why(&closed), "ready", "a secondary limit may take a minute");
        let closed = LimitsView { told_to_wait_since: ago(2), ..closed };
        assert_eq!(why(&closed), "GitHub told us to wait until 2026-11-01 12:30 UTC");
        let reset = Some(noon() + SignedDuration::from_mins(40));
        let used_up = LimitsView { used_up_since: ago(2), reset, ..good.clone() };
        assert_eq!(
            why(&used_up),
            "GitHub's rate limit is used up until 2026-11-01 12:40 UTC: what is left is kept for \
             deploys in flight"
        );
        let unknown = LimitsView { version_refused_since: ago(0), ..good.clone() };
        assert_eq!(
            why(&unknown),
            "GitHub refuses the version of its API that is asked for (2022-11-28) since \
             2026-11-01 12:00 UTC: see whether `github.api_url` is a GitHub of today, and update \
             release-governor"
        );
        let both = judged(&unknown, noon(), Patience { lately: LATELY, outage: OUTAGE })
            .or(judged(&good, noon(), Patience { lately: LATELY, outage: OUTAGE }));
        assert_eq!(both, Readiness::Ready, "one credential works");
        let seconds_ago = |seconds| Some(noon() - SignedDuration::from_secs(seconds));
        let blip = LimitsView { unreached_since: seconds_ago(30), ..good.clone() };
        assert_eq!(why(&blip), "ready");
        let outage = LimitsView { unreached_since: seconds_ago(31), ..good };
        assert_eq!(why(&outage), "GitHub has not responded since 2026-11-01 11:59 UTC");
        let refused = LimitsView { token_refused_at: ago(1), ..never };
        assert_eq!(why(&refused), "GitHub refused the token at 2026-11-01 11:59 UTC: renew it");
    }
}
