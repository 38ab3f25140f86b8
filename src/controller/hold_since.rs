//! Tracks since when releases are held. A new candidate that is also held does not reset it.

use jiff::Timestamp;

use super::{Governed, Shared};
use crate::domain::Outcome;
use crate::store::{Ledger, StoreError};

const HELD_SINCE: &str = "held_since";

/// Since when releases of a repository have been held without any being allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HoldSince {
    pub(super) since: Option<Timestamp>,
    saved: Option<Timestamp>,
}

impl HoldSince {
    /// Updates after a pass with the candidate's outcome, if there is a candidate.
    pub(super) fn follow(&mut self, outcome: Option<Outcome>, now: Timestamp) {
        match outcome {
            Some(Outcome::Hold) => self.since = self.since.or(Some(now)),
            // The candidate is being verified again, or another deploy is in flight.
            Some(Outcome::Wait) => {}
            Some(Outcome::Allow | Outcome::None) | None => self.since = None,
        }
    }
}

impl Governed {
    /// Loads what an earlier process stored.
    pub(super) async fn load_holding(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let since: Option<Timestamp> =
            shared.store.remembered(ledger.repo(), HELD_SINCE).await?.flatten();
        self.holding = HoldSince { since, saved: since };
        Ok(())
    }

    /// Stores the value if it changed.
    pub(super) async fn save_holding(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let Some(repo) = self.ledger.as_ref().map(Ledger::repo) else { return Ok(()) };
        let HoldSince { since, saved } = self.holding;
        if since != saved {
            shared.store.remember(repo, HELD_SINCE, &since).await?;
            self.holding.saved = since;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_793_534_400 + 60 * minute).unwrap()
    }

    #[test]
    fn a_hold_lasts_over_waits_and_other_candidates_until_something_is_allowed() {
        let mut holding = HoldSince::default();
        let mut after = |minute, outcome| {
            holding.follow(outcome, at(minute));
            holding.since
        };
        assert_eq!(after(0, Some(Outcome::Wait)), None);
        assert_eq!(after(1, Some(Outcome::Hold)), Some(at(1)));
        assert_eq!(after(2, Some(Outcome::Hold)), Some(at(1)));
        assert_eq!(after(3, Some(Outcome::Wait)), Some(at(1)));
        assert_eq!(after(4, Some(Outcome::Hold)), Some(at(1)));
        assert_eq!(after(5, Some(Outcome::Allow)), None);
        assert_eq!(after(6, Some(Outcome::Hold)), Some(at(6)));
        assert_eq!(after(7, None), None, "nothing is wanted any more");
    }
}
