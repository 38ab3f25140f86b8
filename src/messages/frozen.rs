//! Freezes and windows: which one holds releases, until when, and whom to ask.

use jiff::{SignedDuration, Timestamp};

use super::{HintPlace, plain};
use crate::domain::{CalendarKind, Frozen, ZonedTime};

/// A name or an owner is cut to this in a sentence.
const NAMED: usize = 60;
/// A day of the week, a day and a month name no year: an end that is further away is written with
/// its year, also where there is little room.
const WITHOUT_YEAR: SignedDuration = SignedDuration::from_hours(24 * 300);

/// `until Mon 7 Dec 08:00 CET (freeze weekend of @acme/platform: nobody is at work)`.
pub(super) fn hint(frozen: &Frozen, place: HintPlace) -> String {
    let end = match (&frozen.until, place) {
        (None, _) => "no end in sight".to_owned(),
        (Some(end), HintPlace::Anywhere) => format!("until {}", until(end, None)),
        (Some(end), HintPlace::Status(now)) => format!("until {}", until(end, Some(now))),
    };
    format!("{end} ({})", source(frozen, place.quoted()))
}

/// What stops a dispatch that was decided on before.
#[must_use]
pub fn frozen(frozen: &Frozen) -> String {
    evidence(frozen, NAMED)
}

/// What covers the lane, as a sentence.
pub(super) fn evidence(frozen: &Frozen, quoted: usize) -> String {
    let end = frozen.until.as_ref().map(|end| until(end, None));
    match (frozen.kind, end) {
        (CalendarKind::Freeze, Some(end)) => {
            format!("nothing ships until {end}: {}", source(frozen, quoted))
        }
        (CalendarKind::Window, Some(end)) => {
            format!("no window is open until {end}: {}", source(frozen, quoted))
        }
        (CalendarKind::Freeze | CalendarKind::Window, None) => {
            format!("nothing ships, and no end is in sight: {}", source(frozen, quoted))
        }
    }
}

/// `freeze weekend of @acme/platform: nobody is at work`.
fn source(frozen: &Frozen, quoted: usize) -> String {
    let name = entry(frozen.kind, &frozen.name);
    let outside = match frozen.kind {
        CalendarKind::Freeze => "",
        CalendarKind::Window => "outside ",
    };
    let owner = frozen.owner.as_ref().map(|owner| format!(" of {}", plain(owner, NAMED)));
    let reason = frozen.reason.as_ref().map(|reason| format!(": {}", plain(reason, quoted)));
    format!("{outside}{name}{}{}", owner.unwrap_or_default(), reason.unwrap_or_default())
}

/// `ships Mon 7 Dec 2026 08:00 CET if nothing changes`.
#[must_use]
pub fn forecast(ships_at: &ZonedTime) -> String {
    format!("ships {} if nothing changes", until(ships_at, None))
}

/// `freeze weekend`.
#[must_use]
pub fn entry(kind: CalendarKind, name: &str) -> String {
    format!("{} {}", kind.as_str(), plain(name, NAMED))
}

/// `Mon 7 Dec 08:00 CET`: what the clocks of the entry's zone show. The year is left out only
/// where the time is near `now`.
#[must_use]
pub fn until(time: &ZonedTime, now: Option<Timestamp>) -> String {
    let is_near = now.is_some_and(|now| time.at.duration_since(now) < WITHOUT_YEAR);
    let format = if is_near { "%a %-d %b %H:%M" } else { "%a %-d %b %Y %H:%M" };
    let civil = time.civil();
    // Boundaries have whole minutes, but the jump of an old zone need not.
    format!("{} {}", civil.strftime(format), plain(&time.zone, NAMED))
}
