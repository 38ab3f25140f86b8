//! `check-config --calendar`: what each freeze and window covers in the coming weeks.

use std::collections::BTreeMap;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::config::Config;
use crate::domain::{CalendarEntry, CalendarKind, CoverEnd, Policy, RepoName, ZonedTime};

/// How far ahead is shown.
const AHEAD: SignedDuration = SignedDuration::from_hours(4 * 7 * 24);
/// The most intervals of one entry that are shown: more than two a day.
const MOST_INTERVALS: usize = 60;

/// A freeze or a window: the lanes that it names, and what it covers.
#[derive(Clone, Debug, Serialize)]
pub struct EntryAhead {
    pub kind: CalendarKind,
    pub name: String,
    pub zone: String,
    pub owner: Option<String>,
    pub reason: Option<String>,
    /// The repositories that it applies to, in the order of the configuration.
    pub repositories: Vec<RepoName>,
    /// In order. One that is in progress begins now.
    pub intervals: Vec<IntervalAhead>,
}

/// An interval of an entry.
#[derive(Clone, Debug, Serialize)]
pub struct IntervalAhead {
    #[serde(serialize_with = "instant")]
    pub from: ZonedTime,
    /// None if no end is in sight.
    #[serde(serialize_with = "instant_or_null")]
    pub to: Option<ZonedTime>,
}

/// What every entry covers within four weeks of `now`.
#[must_use]
pub fn calendar(config: &Config, now: Timestamp) -> Vec<EntryAhead> {
    config.calendar.iter().map(|entry| ahead(entry, &config.repositories, now)).collect()
}

/// What each entry applies to, as a line.
pub(super) fn coverage(config: &Config) -> Vec<String> {
    let policies = &config.repositories;
    let line = |entry: &CalendarEntry| {
        let covered = covered(entry, policies).count();
        let (kind, name, zone) = (entry.kind.as_str(), &entry.name, &entry.zone);
        format!("{kind} {name} ({zone}): {covered} of {} repositories", policies.len())
    };
    config.calendar.iter().map(|entry| line(entry)).collect()
}

/// Entries that hold repositories now without an end in sight, as warnings.
pub(super) fn endless(config: &Config, now: Timestamp) -> Vec<String> {
    let mut held: BTreeMap<(CalendarKind, &str), Vec<&RepoName>> = BTreeMap::new();
    for policy in &config.repositories {
        if let CoverEnd::Never(entry) = policy.calendar.end(now) {
            held.entry((entry.kind, &entry.name)).or_default().push(&policy.repository);
        }
    }
    let warning = |((kind, name), held): ((CalendarKind, &str), Vec<&RepoName>)| {
        let what = match kind {
            CalendarKind::Freeze => "has no end in sight",
            CalendarKind::Window => "does not open again, nor does another window",
        };
        let more = held.len().saturating_sub(1);
        let first = held.first().map(ToString::to_string).unwrap_or_default();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}: {name}: {what}: nothing ships in {first}{more}", kind.key())
    };
    held.into_iter().map(warning).collect()
}

fn covered<'a, P: AsRef<Policy>>(
    entry: &'a CalendarEntry,
    policies: &'a [P],
) -> impl Iterator<Item = &'a Policy> {
    policies.iter().map(AsRef::as_ref).filter(|policy| {
        entry.selectors.select(&policy.repository, &policy.production_environment_name)
    })
}

fn ahead<P: AsRef<Policy>>(entry: &CalendarEntry, policies: &[P], now: Timestamp) -> EntryAhead {
    let to = now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
    let intervals = entry.intervals(now, to, MOST_INTERVALS).into_iter();
    EntryAhead {
        kind: entry.kind,
        name: entry.name.clone(),
        zone: entry.zone.name().to_owned(),
        owner: entry.owner.clone(),
        reason: entry.reason.clone(),
        repositories: covered(entry, policies).map(|policy| policy.repository.clone()).collect(),
        intervals: intervals
            .map(|(from, to)| IntervalAhead {
                from: entry.zone.zoned(from),
                to: to.map(|to| entry.zone.zoned(to)),
            })
            .collect(),
    }
}

/// RFC 3339 with the zone's offset.
fn instant<S: serde::Serializer>(time: &ZonedTime, to: S) -> Result<S::Ok, S::Error> {
    let offset = Offset::from_seconds(time.offset_seconds).unwrap_or(Offset::UTC);
    to.collect_str(&time.at.display_with_offset(offset))
}

fn instant_or_null<S: serde::Serializer>(
    time: &Option<ZonedTime>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => instant(time, to),
        None => to.serialize_none(),
    }
}
