//! `check-config --calendar`: what each freeze and window covers in the coming weeks.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::Config;
use crate::domain::{CalendarEntry, CalendarKind, CoverEnd, EntryAhead, Policy, RepoName};

/// What every entry covers within four weeks of `now`.
#[must_use]
pub fn calendar(config: &Config, now: Timestamp) -> Vec<EntryAhead> {
    let names = |entry| {
        let policies = covered(entry, &config.repositories);
        policies.map(|policy| policy.repository.clone()).collect()
    };
    config.calendar.iter().map(|entry| EntryAhead::of(entry, names(entry), now)).collect()
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
