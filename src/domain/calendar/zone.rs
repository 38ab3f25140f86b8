//! A named time zone, and what its clocks show.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::CalendarKind;

/// A time zone by its IANA name. Its rules are compiled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarZone(TimeZone);

/// The longest name of a zone is 32 characters.
const LONGEST_NAME: usize = 64;

impl CalendarZone {
    /// The zone of this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if name.len() > LONGEST_NAME {
            return None;
        }
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        zone.iana_name().is_some().then_some(Self(zone))
    }

    /// The names of all zones.
    #[must_use]
    pub fn names() -> Vec<String> {
        let zones = TimeZoneDatabase::bundled();
        zones.available().map(|name| name.as_str().to_owned()).collect()
    }

    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What its clocks show at this instant.
    #[must_use]
    pub fn civil(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// This instant as its clocks show it.
    #[must_use]
    pub fn zoned(&self, at: Timestamp) -> ZonedTime {
        let info = self.0.to_offset_info(at);
        ZonedTime {
            at,
            offset_seconds: info.offset().seconds(),
            zone: info.abbreviation().to_owned(),
        }
    }

    /// The instant at which an interval of this kind begins.
    pub(super) fn begin(&self, civil: DateTime, kind: CalendarKind) -> Timestamp {
        match kind {
            CalendarKind::Freeze => self.first(civil),
            CalendarKind::Window => self.last(civil),
        }
    }

    /// The instant at which an interval of this kind ends.
    pub(super) fn end(&self, civil: DateTime, kind: CalendarKind) -> Timestamp {
        match kind {
            CalendarKind::Freeze => self.last(civil),
            CalendarKind::Window => self.first(civil),
        }
    }

    fn first(&self, civil: DateTime) -> Timestamp {
        match self.0.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => instant(civil, offset),
            AmbiguousOffset::Fold { before, .. } => instant(civil, before),
            AmbiguousOffset::Gap { before, after } => self.jump(civil, before, after),
        }
    }

    fn last(&self, civil: DateTime) -> Timestamp {
        match self.0.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => instant(civil, offset),
            AmbiguousOffset::Fold { after, .. } => instant(civil, after),
            AmbiguousOffset::Gap { before, after } => self.jump(civil, before, after),
        }
    }

    /// The instant at which the clocks jump over a time that they never show.
    fn jump(&self, civil: DateTime, before: Offset, after: Offset) -> Timestamp {
        // The two readings of such a time lie on either side of the jump.
        let (from, to) = (instant(civil, after), instant(civil, before));
        let mut jumps = self.0.following(from).take_while(|jump| jump.timestamp() <= to);
        jumps.find(|jump| jump.offset() == after).map_or(to, |jump| jump.timestamp())
    }
}

/// Of a civil time that no instant can show, the nearest instant.
fn instant(civil: DateTime, offset: Offset) -> Timestamp {
    offset.to_timestamp(civil).unwrap_or(if civil.year() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

impl fmt::Display for CalendarZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An instant, and how the clocks of a zone show it: all that a sentence needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZonedTime {
    pub at: Timestamp,
    /// East of UTC.
    pub offset_seconds: i32,
    /// What the offset is called there, as in `CET`.
    pub zone: String,
}

impl ZonedTime {
    #[must_use]
    pub fn utc(at: Timestamp) -> Self {
        Self { at, offset_seconds: 0, zone: "UTC".to_owned() }
    }

    /// What the clocks show.
    #[must_use]
    pub fn civil(&self) -> DateTime {
        let offset = SignedDuration::from_secs(i64::from(self.offset_seconds));
        let shifted = self.at.saturating_add(offset).unwrap_or(self.at);
        Offset::UTC.to_datetime(shifted)
    }
}
