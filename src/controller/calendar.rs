//! What the calendar of a repository says in metrics, whatever its commits wait for.

use super::Shared;
use super::governed::Governed;
use crate::domain::CoverEnd;

impl Governed {
    /// Publishes when a freeze or a window begins or ends next, and whether no end is in sight.
    pub(super) fn measure_calendar(&self, shared: &Shared) {
        let (now, name) = (shared.clock.now(), &self.policy.repository);
        let calendar = &self.policy.calendar;
        shared.metrics.next_boundary(name, calendar.next_boundary(now));
        let is_endless = matches!(calendar.end(now), CoverEnd::Never(_));
        shared.metrics.frozen_without_end(name, is_endless);
    }
}
