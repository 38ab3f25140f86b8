//! A credential that GitHub refuses. It is logged once, counted, and retried with growing
//! intervals, so that other credentials need not wait and GitHub is not asked for what it just
//! refused.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::telemetry::Metrics;

/// The first wait after a refusal. GitHub sometimes refuses good tokens for a moment.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait, for what only a person can fix.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Whether a credential is currently refused. Clones share their state.
#[derive(Clone)]
pub(super) struct Refusals {
    /// The credential's name in logs and metrics.
    credential: Arc<str>,
    metrics: Arc<Metrics>,
    last: Arc<Mutex<Option<Refusal>>>,
}

struct Refusal {
    /// The fingerprint of the refused secret. A new secret is tried immediately.
    secret: String,
    why: String,
    wait: Duration,
    until: Duration,
}

impl Refusals {
    pub(super) fn new(credential: Arc<str>, metrics: Arc<Metrics>) -> Self {
        Self { credential, metrics, last: Arc::default() }
    }

    /// Why this secret should not be tried at `now` (monotonic time), if so.
    pub(super) fn standing(&self, now: Duration, secret: &str) -> Option<String> {
        let last = self.lock();
        let last = last.as_ref().filter(|last| last.secret == secret && now < last.until)?;
        Some(last.why.clone())
    }

    /// Records that GitHub refused this secret.
    pub(super) fn refused(&self, now: Duration, secret: &str, why: &str) {
        self.metrics.token_refused(&self.credential);
        let mut last = self.lock();
        let wait = last.as_ref().map_or(FIRST_WAIT, |last| {
            // Requests that were sent together are refused together, which counts as one
            // refusal.
            if now < last.until && last.secret == secret { last.wait } else { last.wait * 2 }
        });
        let wait = wait.min(LONGEST_WAIT);
        let is_news = last.as_ref().is_none_or(|last| last.why != why);
        *last = Some(Refusal {
            secret: secret.to_owned(),
            why: why.to_owned(),
            wait,
            until: now + wait,
        });
        drop(last);
        if is_news {
            // Logged for the credential, outside the span of the repository whose pass met it
            // first.
            let credential = &self.credential;
            tracing::error!(parent: None, %credential, "{why}. Its repositories wait; others continue");
        }
    }

    /// Records that GitHub accepts the credential.
    pub(super) fn over(&self) {
        if let Some(last) = self.lock().take() {
            let (credential, why) = (&self.credential, last.why);
            tracing::info!(parent: None, %credential, "GitHub accepts the credential again. Before: {why}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Refusal>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_refused_secret_is_tried_ever_more_seldom_and_another_at_once() {
        let refusals = Refusals::new("token".into(), Arc::new(Metrics::new()));
        assert_eq!(refusals.standing(at(0), "a"), None);
        refusals.refused(at(0), "a", "no");
        refusals.refused(at(1), "a", "no");
        assert_eq!(refusals.standing(at(5), "a").as_deref(), Some("no"), "together is once");
        assert_eq!(refusals.standing(at(6), "a"), None);
        assert_eq!(refusals.standing(at(1), "b"), None, "a new secret is worth a try");
        let mut now = 6;
        for wait in [10, 20, 40, 80, 160, 320, 600, 600] {
            refusals.refused(at(now), "a", "no");
            assert!(refusals.standing(at(now + wait - 1), "a").is_some(), "{wait}");
            now += wait;
            assert_eq!(refusals.standing(at(now), "a"), None, "{wait}");
        }
        refusals.over();
        refusals.refused(at(now), "a", "no");
        assert_eq!(refusals.standing(at(now + 5), "a"), None, "it begins anew");
    }
}
