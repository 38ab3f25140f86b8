//! What a freeze or a window covers in the coming weeks.

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use super::{CalendarEntry, CalendarKind, ZonedTime};
use crate::domain::RepoName;

/// How far ahead is shown.
const AHEAD: SignedDuration = SignedDuration::from_hours(4 * 7 * 24);
/// The most intervals of one entry that are shown: about two a day.
const MOST_INTERVALS: usize = 60;

/// A freeze or a window: the repositories that it applies to, and what it covers in the next four
/// weeks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntryAhead {
    pub kind: CalendarKind,
    pub name: String,
    pub zone: String,
    pub owner: Option<String>,
    pub reason: Option<String>,
    /// In the order of the configuration.
    pub repositories: Vec<RepoName>,
    /// In order. One that is in progress begins now.
    pub intervals: Vec<IntervalAhead>,
}

/// An interval of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IntervalAhead {
    #[serde(serialize_with = "instant")]
    pub from: ZonedTime,
    /// None if no end is in sight.
    #[serde(serialize_with = "instant_or_null")]
    pub to: Option<ZonedTime>,
}

impl EntryAhead {
    #[must_use]
    pub fn of(entry: &CalendarEntry, repositories: Vec<RepoName>, now: Timestamp) -> Self {
        let to = now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        let intervals = entry.intervals(now, to, MOST_INTERVALS).into_iter();
        Self {
            kind: entry.kind,
            name: entry.name.clone(),
            zone: entry.zone.name().to_owned(),
            owner: entry.owner.clone(),
            reason: entry.reason.clone(),
            repositories,
            intervals: intervals
                .map(|(from, to)| IntervalAhead {
                    from: entry.zone.zoned(from),
                    to: to.map(|to| entry.zone.zoned(to)),
                })
                .collect(),
        }
    }
}

/// RFC 3339 with the zone's offset.
fn instant<S: Serializer>(time: &ZonedTime, to: S) -> Result<S::Ok, S::Error> {
    let offset = Offset::from_seconds(time.offset_seconds).unwrap_or(Offset::UTC);
    to.collect_str(&time.at.display_with_offset(offset))
}

fn instant_or_null<S: Serializer>(time: &Option<ZonedTime>, to: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => instant(time, to),
        None => to.serialize_none(),
    }
}
