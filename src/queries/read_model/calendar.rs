//! The freezes and windows of all repositories.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::ReadModel;
use crate::domain::{CalendarEntry, CalendarKind, EntryAhead, RepoName};
use crate::queries::view::CalendarView;

impl ReadModel {
    /// What freezes and windows cover in the four weeks from now on. An entry that applies to no repository
    /// is not listed.
    #[must_use]
    pub fn calendar(&self, now: Timestamp) -> CalendarView {
        self.calendar_of(&self.controller.repositories(), now)
    }

    /// The entries that apply to any of these repositories.
    #[must_use]
    pub fn calendar_of(&self, names: &[RepoName], now: Timestamp) -> CalendarView {
        let mut entries: BTreeMap<(CalendarKind, String), (Arc<CalendarEntry>, Vec<RepoName>)> =
            BTreeMap::new();
        for name in names {
            let Some(snapshot) = self.controller.snapshot(name) else { continue };
            let calendar = &snapshot.policy.calendar;
            for entry in calendar.freezes.iter().chain(&calendar.windows) {
                let key = (entry.kind, entry.name.clone());
                let of_entry = || (Arc::clone(entry), Vec::new());
                entries.entry(key).or_insert_with(of_entry).1.push(name.clone());
            }
        }
        let ahead = |(entry, names): (Arc<CalendarEntry>, _)| EntryAhead::of(&entry, names, now);
        CalendarView { entries: entries.into_values().map(ahead).collect() }
    }
}
