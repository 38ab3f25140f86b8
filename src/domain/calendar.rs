//! When nothing may ship: freezes and windows, in civil time, and the instants that they mean.
//!
//! An entry is written as people say it ("Fri 16:00 to Mon 08:00 in Berlin"). What it covers is a
//! set of instants: intervals that are half open, each of which begins and ends where the clocks
//! of its zone show the boundary. A boundary that clocks show twice, or never, is resolved so that
//! a freeze lasts longer and a window shorter.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod ahead;
mod civil;
mod lane;
mod selectors;
mod zone;

pub use ahead::{EntryAhead, IntervalAhead};
pub use civil::{CalendarSpan, WeekTime};
pub use lane::{CoverEnd, Frozen, LaneCalendar};
pub use selectors::{CalendarSelectors, RepoPattern, RepoPatternError};
pub use zone::{CalendarZone, ZonedTime};

/// An entry of `freezes` or `windows`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarEntry {
    pub kind: CalendarKind,
    pub name: String,
    /// At least one.
    pub spans: Vec<CalendarSpan>,
    pub zone: CalendarZone,
    pub selectors: CalendarSelectors,
    pub reason: Option<String>,
    /// Whom to ask.
    pub owner: Option<String>,
}

/// What an entry means for the lanes that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalendarKind {
    /// Nothing ships inside it.
    Freeze,
    /// Nothing ships outside it, and outside the other windows that name the lane.
    Window,
}

impl CalendarKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Window => "window",
        }
    }

    /// The key of the configuration that lists entries of this kind.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Freeze => "freezes",
            Self::Window => "windows",
        }
    }
}

/// The most steps from one interval to the next that are taken to find an end, which every decision
/// asks for. What needs more, such as intervals that fill the whole week, has no end in sight.
const MOST_STEPS: usize = 100;

impl CalendarEntry {
    /// Whether one of its intervals holds `at`.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.around(at).any(|(begin, end)| begin <= at && at < end)
    }

    /// The first instant from `at` on that none of its intervals holds, if there is one in sight.
    #[must_use]
    pub fn end_after(&self, at: Timestamp) -> Option<Timestamp> {
        let mut until = at;
        for _ in 0..MOST_STEPS {
            let holding = self.around(until).filter(|(begin, end)| *begin <= until && until < *end);
            match holding.map(|(_, end)| end).max() {
                Some(end) if end == Timestamp::MAX => return None,
                Some(end) => until = end,
                None => return Some(until),
            }
        }
        None
    }

    /// The first instant from `at` on that one of its intervals holds.
    #[must_use]
    pub fn begin_from(&self, at: Timestamp) -> Option<Timestamp> {
        let begins = self.around(at).filter(|(_, end)| at < *end);
        begins.map(|(begin, _)| begin.max(at)).min()
    }

    /// The next instant after `at` at which one of its intervals begins or ends.
    #[must_use]
    pub fn next_boundary(&self, at: Timestamp) -> Option<Timestamp> {
        let boundaries = self.around(at).flat_map(|(begin, end)| [begin, end]);
        boundaries.filter(|boundary| at < *boundary && *boundary < Timestamp::MAX).min()
    }

    /// What it holds between two instants: intervals that do not touch, in order, at most `most`.
    #[must_use]
    pub fn intervals(
        &self,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> Vec<(Timestamp, Option<Timestamp>)> {
        let mut intervals = Vec::new();
        let mut at = from;
        while intervals.len() < most
            && let Some(begin) = self.begin_from(at).filter(|begin| *begin < to)
        {
            let end = self.end_after(begin);
            intervals.push((begin, end));
            match end {
                Some(end) => at = end,
                None => break,
            }
        }
        intervals
    }

    /// The intervals of which one may hold `at`, and those that come next.
    fn around(&self, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let spans = self.spans.iter();
        spans.flat_map(move |span| span.around(at, self.kind, &self.zone))
    }
}
