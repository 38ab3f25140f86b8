//! Intervals of civil time, and the instants at which they begin and end.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::{Span, Timestamp};

use super::{CalendarKind, CalendarZone};

/// An interval of civil time: one, or one in every week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalendarSpan {
    /// From the first to the next time of the second: shorter than a week, and over its end where
    /// the second comes earlier in it.
    Weekly { from: WeekTime, to: WeekTime },
    /// The first is before the second.
    Once { from: DateTime, to: DateTime },
}

/// A time of the week, as in `Fri 16:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeekTime {
    day: Weekday,
    time: Time,
}

/// The weeks around an instant that are looked at. An interval is shorter than a week, so the one
/// that holds the instant begins in its week or in the one before; by its zone's clocks a zone may
/// be in another week than a boundary that clocks show twice; and where clocks make an interval
/// empty, the next one counts.
const WEEKS: std::ops::RangeInclusive<i32> = -2..=2;

/// As they are written, Monday first.
const DAYS: [(&str, &str, Weekday); 7] = [
    ("Mon", "Monday", Weekday::Monday),
    ("Tue", "Tuesday", Weekday::Tuesday),
    ("Wed", "Wednesday", Weekday::Wednesday),
    ("Thu", "Thursday", Weekday::Thursday),
    ("Fri", "Friday", Weekday::Friday),
    ("Sat", "Saturday", Weekday::Saturday),
    ("Sun", "Sunday", Weekday::Sunday),
];

impl CalendarSpan {
    /// The intervals of instants near `at`: the one that holds it, and the ones before and after.
    /// None of them is empty.
    pub(super) fn around(
        &self,
        at: Timestamp,
        kind: CalendarKind,
        zone: &CalendarZone,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let civil: Vec<(DateTime, DateTime)> = match self {
            Self::Once { from, to } => vec![(*from, *to)],
            Self::Weekly { from, to } => {
                let today = zone.civil(at).date();
                WEEKS.filter_map(|week| weekly(today, week, *from, *to)).collect()
            }
        };
        let zone = zone.clone();
        let instants = move |(from, to)| (zone.begin(from, kind), zone.end(to, kind));
        civil.into_iter().map(instants).filter(|(begin, end)| begin < end)
    }
}

/// The interval that begins so many weeks after the week of `today`; none beyond the years that
/// dates have.
fn weekly(today: Date, week: i32, from: WeekTime, to: WeekTime) -> Option<(DateTime, DateTime)> {
    let since_monday = i64::from(today.weekday().to_monday_zero_offset());
    let monday_in = i64::from(week) * 7 - since_monday;
    let begin_in = monday_in + i64::from(from.day.to_monday_zero_offset());
    let comes_later =
        (to.day.to_monday_zero_offset(), to.time) > (from.day.to_monday_zero_offset(), from.time);
    let days = i64::from(to.day.to_monday_zero_offset())
        - i64::from(from.day.to_monday_zero_offset())
        + if comes_later { 0 } else { 7 };
    let on = |days: i64| today.checked_add(Span::new().try_days(days).ok()?).ok();
    Some((on(begin_in)?.to_datetime(from.time), on(begin_in + days)?.to_datetime(to.time)))
}

impl WeekTime {
    #[must_use]
    pub const fn day(self) -> Weekday {
        self.day
    }

    #[must_use]
    pub const fn time(self) -> Time {
        self.time
    }
}

impl FromStr for WeekTime {
    type Err = ();

    /// Reads `Fri 16:00`, also with the whole name of the day.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (day, time) = text.split_once(' ').ok_or(())?;
        let named = |(short, long, _): &&(&str, &str, Weekday)| {
            day.eq_ignore_ascii_case(short) || day.eq_ignore_ascii_case(long)
        };
        let (_, _, day) = DAYS.iter().find(named).ok_or(())?;
        Ok(Self { day: *day, time: time_of_day(time.trim_start()).ok_or(())? })
    }
}

/// `16:00`, with two digits each.
fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, most: i8| {
        let is_whole = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i8>().ok().filter(|number| is_whole && *number <= most)
    };
    Time::new(number(hour, 23)?, number(minute, 59)?, 0, 0).ok()
}

impl fmt::Display for WeekTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = DAYS.iter().find(|(_, _, day)| *day == self.day).map_or("", |(short, ..)| short);
        write!(f, "{day} {:02}:{:02}", self.time.hour(), self.time.minute())
    }
}
