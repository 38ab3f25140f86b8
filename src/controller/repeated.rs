//! Counts requests that were repeated because the store had no room for their answers. Each one
//! counts towards GitHub's limit, so it is counted and logged.

use jiff::{SignedDuration, Timestamp};

use super::{Governed, Shared};

/// It may happen in every pass, so it is logged at most this often.
const BETWEEN_WORDS: SignedDuration = SignedDuration::from_hours(1);

/// Repeated requests since the last log line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Repeated {
    unsaid: u32,
    said_at: Option<Timestamp>,
}

impl Repeated {
    /// The number to log, if any, after a pass that repeated this many requests.
    fn after_a_pass(&mut self, repeated: u32, now: Timestamp) -> Option<u32> {
        self.unsaid = self.unsaid.saturating_add(repeated);
        let is_new = self.said_at.is_none_or(|at| now.duration_since(at) >= BETWEEN_WORDS);
        if self.unsaid == 0 || !is_new {
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

impl Governed {
    /// Counts and logs the requests that the last pass repeated.
    pub(super) fn note_repeated(&mut self, shared: &Shared) {
        let name = &self.policy.repository;
        let repeated = self.reader.take_repeated();
        shared.metrics.repeated_requests(name, repeated);
        if let Some(requests) = self.repeated.after_a_pass(repeated, shared.clock.now()) {
            tracing::warn!(
                repository = %name, requests,
                "{name}: {requests} requests asked GitHub again for what the store had dropped: \
                 more is asked about this repository than is kept of one, and each such request \
                 counts towards GitHub's limit"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_at_once_and_then_every_hour_with_all_that_came_meanwhile() {
        let at = |minute| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        let mut repeated = Repeated::default();
        assert_eq!(repeated.after_a_pass(0, at(0)), None);
        assert_eq!(repeated.after_a_pass(3, at(1)), Some(3));
        assert_eq!(repeated.after_a_pass(4, at(2)), None);
        assert_eq!(repeated.after_a_pass(5, at(61)), Some(9));
        assert_eq!(repeated.after_a_pass(0, at(200)), None);
    }
}
