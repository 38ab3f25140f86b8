//! Rule 9d: freezes and windows, by what the clocks have shown and will show.
//!
//! No boundary is resolved to an instant. The clocks have reached it for the first time if they have
//! shown it, or a later time, and for the last time if they will not show it again, nor an earlier
//! time. A freeze lasts from the first time of its beginning to the last time of its end, a window
//! from the last time of its beginning to the first time of its end.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ToSpan};
use release_governor::domain::*;

use super::facts::Asked;

/// No clock of the zones that are tried is set back by more minutes than this.
const SET_BACK: i64 = 121;

pub(super) fn is_frozen(asked: &Asked<'_>) -> bool {
    let calendar = &asked.policy.calendar;
    let holds = |entry: &std::sync::Arc<CalendarEntry>| holds(entry, asked.now);
    let is_frozen = calendar.freezes.iter().any(holds);
    let is_closed = !calendar.windows.is_empty() && !calendar.windows.iter().any(holds);
    !asked.rollback && (is_frozen || is_closed)
}

pub(crate) fn holds(entry: &CalendarEntry, now: Timestamp) -> bool {
    // Boundaries have whole minutes.
    let minute = Timestamp::from_second(now.as_second().div_euclid(60) * 60).unwrap();
    let shown = |later: i64| entry.zone.civil(minute + SignedDuration::from_mins(later));
    let seen = (-SET_BACK..=0).map(shown).max().unwrap();
    let coming = (0..=SET_BACK).map(shown).min().unwrap();
    let later = (1..=SET_BACK).map(shown).min().unwrap();
    let first = |boundary: DateTime| seen >= boundary;
    let last = |boundary: DateTime| coming >= boundary && later > boundary;
    let between = |(from, to): (DateTime, DateTime)| match entry.kind {
        CalendarKind::Freeze => first(from) && !last(to),
        CalendarKind::Window => last(from) && !first(to),
    };
    entry.spans.iter().flat_map(|span| near(span, coming)).any(between)
}

/// The intervals of a span that begin within two weeks of a day, in civil time.
fn near(span: &CalendarSpan, around: DateTime) -> Vec<(DateTime, DateTime)> {
    match span {
        CalendarSpan::Once { from, to } => vec![(*from, *to)],
        CalendarSpan::Weekly { from, to } => {
            let days = (-14..=14).map(|days| around.date() + i64::from(days).days());
            let first = days.filter(|day| day.weekday() == from.day());
            let end_of = |begin: DateTime| {
                let mut ends = (0..=7).map(|days| begin.date() + i64::from(days).days());
                let day = ends
                    .find(|day| day.weekday() == to.day() && day.to_datetime(to.time()) > begin);
                day.unwrap().to_datetime(to.time())
            };
            first
                .map(|day| day.to_datetime(from.time()))
                .map(|begin| (begin, end_of(begin)))
                .collect()
        }
    }
}
