//! What the calendar says of one lane: whether something covers it, which entry, and until when.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CalendarEntry, CalendarKind, MOST_STEPS, ZonedTime};
use crate::domain::{RepoName, RuleClock, earliest};

/// The entries that are about one lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneCalendar {
    /// Any of them covers the lane while it lasts.
    pub freezes: Vec<Arc<CalendarEntry>>,
    /// Together they cover the lane while none of them is open. Empty: none is about it.
    pub windows: Vec<Arc<CalendarEntry>>,
}

/// What covers a lane: until when, and the entry whose end that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// A freeze that lasts, or a window that is closed.
    pub kind: CalendarKind,
    pub name: String,
    /// None: no end is in sight.
    pub until: Option<ZonedTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The first instant at which nothing covers a lane, and what covers it right before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoverEnd<'a> {
    /// Nothing covers it now.
    Uncovered,
    At(Timestamp, &'a CalendarEntry),
    /// No end is in sight. The entry covers it now.
    Never(&'a CalendarEntry),
}

impl LaneCalendar {
    /// The entries that are about the lane of this repository and environment.
    #[must_use]
    pub fn of(entries: &[Arc<CalendarEntry>], repository: &RepoName, environment: &str) -> Self {
        let mut calendar = Self::default();
        for entry in entries.iter().filter(|one| one.selectors.select(repository, environment)) {
            match entry.kind {
                CalendarKind::Freeze => calendar.freezes.push(Arc::clone(entry)),
                CalendarKind::Window => calendar.windows.push(Arc::clone(entry)),
            }
        }
        calendar
    }

    /// What covers the lane at the time of a rule, which answers otherwise from the next boundary
    /// on.
    #[must_use]
    pub fn frozen(&self, clock: &RuleClock) -> Option<Frozen> {
        clock.ask(|now| (self.frozen_at(now), self.next_boundary(now)))
    }

    /// What covers the lane at this instant.
    #[must_use]
    pub fn frozen_at(&self, at: Timestamp) -> Option<Frozen> {
        let (entry, until) = match self.end(at) {
            CoverEnd::Uncovered => return None,
            CoverEnd::At(until, entry) => (entry, Some(entry.zone.zoned(until))),
            CoverEnd::Never(entry) => (entry, None),
        };
        Some(Frozen {
            kind: entry.kind,
            name: entry.name.clone(),
            until,
            owner: entry.owner.clone(),
            reason: entry.reason.clone(),
        })
    }

    /// Until when the lane is covered, if it is at this instant.
    #[must_use]
    pub fn end(&self, at: Timestamp) -> CoverEnd<'_> {
        let Some(covering) = self.covering(at) else { return CoverEnd::Uncovered };
        let (mut until, mut last) = (at, covering);
        for _ in 0..MOST_STEPS {
            // A freeze beats a window, so its end is looked for first.
            let end = if let Some(freeze) = self.freezes.iter().find(|one| one.holds(until)) {
                freeze.end_after(until).map(|end| (end, &**freeze))
            } else if self.is_closed(until) {
                self.next_opening(until)
            } else {
                return CoverEnd::At(until, last);
            };
            match end {
                Some((end, entry)) => (until, last) = (end, entry),
                None => break,
            }
        }
        CoverEnd::Never(covering)
    }

    /// Whether nothing ships now: a freeze lasts, or windows name the lane and none is open.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.covering(at).is_some()
    }

    /// The next instant after `at` at which an entry begins or ends.
    #[must_use]
    pub fn next_boundary(&self, at: Timestamp) -> Option<Timestamp> {
        let entries = self.freezes.iter().chain(&self.windows);
        earliest(entries.map(|entry| entry.next_boundary(at)))
    }

    /// The entry that covers the lane at this instant: a freeze, or the window that opens next.
    fn covering(&self, at: Timestamp) -> Option<&CalendarEntry> {
        let freeze = self.freezes.iter().find(|freeze| freeze.holds(at)).map(|freeze| &**freeze);
        let closed = || {
            let next = self.next_opening(at).map(|(_, window)| window);
            next.or_else(|| self.windows.first().map(|window| &**window))
        };
        freeze.or_else(|| if self.is_closed(at) { closed() } else { None })
    }

    fn is_closed(&self, at: Timestamp) -> bool {
        !self.windows.is_empty() && !self.windows.iter().any(|window| window.holds(at))
    }

    /// When the next window opens, and which.
    fn next_opening(&self, at: Timestamp) -> Option<(Timestamp, &CalendarEntry)> {
        let windows = self.windows.iter();
        let opening = windows.filter_map(|window| Some((window.begin_from(at)?, &**window)));
        opening.min_by_key(|(begin, _)| *begin)
    }
}
