//! What probes and Prometheus see. The controller can do its work when GitHub was reached lately
//! and accepted the token.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::controller::{Controller, LimitsView};
use crate::words::date_time;

/// How long ago "lately" may be, where repositories are looked at more often than that.
const LATELY: Duration = Duration::from_secs(600);
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

/// What may be seen of a controller at once: no look waits for a pass, or asks GitHub.
#[derive(Clone)]
pub struct Window(Controller);

impl Window {
    /// A window on `controller`.
    #[must_use]
    pub const fn on(controller: Controller) -> Self {
        Self(controller)
    }

    /// All metrics, in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.0.shared().metrics.encode()
    }

    /// Whether the controller can do its work now.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let enabled = |name| self.0.snapshot(name).is_some_and(|shown| shown.policy.enabled);
        if !self.0.repositories().any(enabled) {
            // Then GitHub is not asked for anything.
            return Readiness::Ready;
        }
        let shared = self.0.shared();
        let lately = LATELY.max(self.0.intervals().settled.saturating_mul(POLLS));
        // With one credential that works, the controller does: others' trouble is theirs alone.
        let (now, all) = (shared.clock.now(), shared.readers.limits());
        let judged = all.iter().map(|limits| judged(limits, now, lately));
        let not_yet = Readiness::NotReady(NOT_YET.to_owned());
        judged.reduce(Readiness::or).unwrap_or(not_yet)
    }
}

fn judged(limits: &LimitsView, now: Timestamp, lately: Duration) -> Readiness {
    let lately = SignedDuration::try_from(lately).unwrap_or(SignedDuration::MAX);
    let accepted = limits.token_accepted_at;
    if accepted.is_some_and(|at| now.duration_since(at) <= lately) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-11-01T12:00:00Z".parse().unwrap()
    }

    fn why(limits: &LimitsView) -> String {
        match judged(limits, noon(), LATELY) {
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
        let refused = LimitsView { token_refused_at: ago(1), ..never };
        assert_eq!(why(&refused), "GitHub refused the token at 2026-11-01 11:59 UTC: renew it");
    }
}
