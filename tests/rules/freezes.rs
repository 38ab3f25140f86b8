//! Freezes and windows: what they cover, minute by minute against Python's zoneinfo, and each trap
//! of civil time by name.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use release_governor::domain::*;
use release_governor::messages;

use crate::world::World;

mod zoneinfo;

pub(crate) fn weekly(kind: CalendarKind, zone: &str, intervals: &[(&str, &str)]) -> CalendarEntry {
    let span = |(from, to): &(&str, &str)| CalendarSpan::Weekly {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    };
    entry(kind, zone, intervals.iter().map(span).collect())
}

fn once(kind: CalendarKind, zone: &str, from: &str, to: &str) -> CalendarEntry {
    let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
    entry(kind, zone, vec![CalendarSpan::Once { from, to }])
}

fn entry(kind: CalendarKind, zone: &str, spans: Vec<CalendarSpan>) -> CalendarEntry {
    CalendarEntry {
        kind,
        name: "weekend".to_owned(),
        spans,
        zone: CalendarZone::named(zone).unwrap(),
        selectors: CalendarSelectors::default(),
        reason: Some("nobody is at work".to_owned()),
        owner: Some("@acme/platform".to_owned()),
    }
}

fn lane(entries: &[CalendarEntry]) -> LaneCalendar {
    let entries: Vec<Arc<CalendarEntry>> = entries.iter().cloned().map(Arc::new).collect();
    LaneCalendar::of(&entries, &"acme/shop".parse().unwrap(), "production")
}

fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When the entry holds, from a time in UTC on, as `from/to` in UTC.
fn held(entry: &CalendarEntry, from: &str, to: &str) -> Vec<String> {
    let time = |at: Timestamp| at.strftime("%m-%dT%H:%M").to_string();
    let told = |(begin, end): (Timestamp, Option<Timestamp>)| {
        format!("{}/{}", time(begin), end.map_or("never".to_owned(), time))
    };
    entry.intervals(utc(from), utc(to), 20).into_iter().map(told).collect()
}

use CalendarKind::{Freeze, Window};

#[test]
fn a_boundary_in_the_hour_that_does_not_exist_is_the_jump() {
    // In Berlin, clocks jump from 02:00 to 03:00 on 29 March 2026, at 01:00 UTC.
    let (from, to) = ("2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z");
    for kind in [Freeze, Window] {
        let begins = weekly(kind, "Europe/Berlin", &[("Sun 02:30", "Sun 05:00")]);
        assert_eq!(held(&begins, from, to), ["03-29T01:00/03-29T03:00"]);
        let ends = weekly(kind, "Europe/Berlin", &[("Sun 01:30", "Sun 02:30")]);
        assert_eq!(held(&ends, from, to), ["03-29T00:30/03-29T01:00"]);
        let inside = weekly(kind, "Europe/Berlin", &[("Sun 02:10", "Sun 02:50")]);
        assert_eq!(held(&inside, from, to), [""; 0], "clocks show none of it");
    }
}

#[test]
fn a_boundary_in_the_hour_that_comes_twice_makes_freezes_longer_and_windows_shorter() {
    // In Berlin, clocks go back from 03:00 to 02:00 on 25 October 2026, at 01:00 UTC.
    let (from, to) = ("2026-10-24T20:00:00Z", "2026-10-26T00:00:00Z");
    let at_both = [("Sun 02:30", "Mon 01:00")];
    let freeze = weekly(Freeze, "Europe/Berlin", &at_both);
    assert_eq!(held(&freeze, from, to), ["10-25T00:30/10-26T00:00"]);
    let window = weekly(Window, "Europe/Berlin", &at_both);
    assert_eq!(held(&window, from, to), ["10-25T01:30/10-26T00:00"]);
    let ends = [("Sat 23:00", "Sun 02:30")];
    let freeze = weekly(Freeze, "Europe/Berlin", &ends);
    assert_eq!(held(&freeze, from, to), ["10-24T21:00/10-25T01:30"]);
    let window = weekly(Window, "Europe/Berlin", &ends);
    assert_eq!(held(&window, from, to), ["10-24T21:00/10-25T00:30"]);
    let inside = [("Sun 02:10", "Sun 02:50")];
    let freeze = weekly(Freeze, "Europe/Berlin", &inside);
    assert_eq!(held(&freeze, from, to), ["10-25T00:10/10-25T01:50"]);
    let window = weekly(Window, "Europe/Berlin", &inside);
    assert_eq!(held(&window, from, to), [""; 0], "it would end before it begins");
}

#[test]
fn a_day_of_25_hours_is_frozen_for_25_hours() {
    let freeze = weekly(Freeze, "Europe/Berlin", &[("Sun 00:00", "Mon 00:00")]);
    let (begin, end) =
        freeze.intervals(utc("2026-10-24T00:00:00Z"), utc("2026-10-26T12:00:00Z"), 9)[0];
    assert_eq!(end.unwrap().duration_since(begin), SignedDuration::from_hours(25));
}

#[test]
fn an_interval_passes_midnight_the_end_of_the_week_and_the_end_of_the_year() {
    let weekend = weekly(Freeze, "Europe/Berlin", &[("Fri 16:00", "Mon 08:00")]);
    // The last Friday of the year is Christmas, the first of the next is New Year.
    let new_year = held(&weekend, "2026-12-31T12:00:00Z", "2027-01-09T00:00:00Z");
    assert_eq!(new_year, ["01-01T15:00/01-04T07:00", "01-08T15:00/01-11T07:00"]);
    let year_end = once(Freeze, "Europe/Berlin", "2026-12-19T00:00", "2027-01-04T08:00");
    let held_then = held(&year_end, "2026-12-01T00:00:00Z", "2027-12-01T00:00:00Z");
    assert_eq!(held_then, ["12-18T23:00/01-04T07:00"]);
    let nights = weekly(Freeze, "Asia/Kathmandu", &[("Sun 22:00", "Mon 06:00")]);
    let night = held(&nights, "2026-12-06T00:00:00Z", "2026-12-08T00:00:00Z");
    assert_eq!(night, ["12-06T16:15/12-07T00:15"]);
}

#[test]
fn intervals_are_half_open() {
    let freeze = once(Freeze, "UTC", "2026-12-05T16:00", "2026-12-07T08:00");
    for (at, holds) in [
        ("2026-12-05T15:59:59.999999999Z", false),
        ("2026-12-05T16:00:00Z", true),
        ("2026-12-07T07:59:59.999999999Z", true),
        ("2026-12-07T08:00:00Z", false),
    ] {
        assert_eq!(freeze.holds(utc(at)), holds, "{at}");
    }
}

/// Until when the lane is covered, and by which entry.
fn until(calendar: &LaneCalendar, at: &str) -> String {
    match calendar.end(utc(at)) {
        CoverEnd::Uncovered => "open".to_owned(),
        CoverEnd::At(end, by) => format!("{} {end}", by.name),
        CoverEnd::Never(by) => format!("{} never", by.name),
    }
}

fn named(name: &str, entry: CalendarEntry) -> CalendarEntry {
    CalendarEntry { name: name.to_owned(), ..entry }
}

#[test]
fn freezes_that_overlap_or_touch_hold_until_the_last_of_them_ends() {
    let weekend = named("weekend", weekly(Freeze, "UTC", &[("Fri 16:00", "Mon 08:00")]));
    let audit = named("audit", once(Freeze, "UTC", "2026-12-07T08:00", "2026-12-08T12:00"));
    let incident = named("incident", once(Freeze, "UTC", "2026-12-05T00:00", "2026-12-06T00:00"));
    let calendar = lane(&[incident, weekend, audit]);
    assert_eq!(until(&calendar, "2026-12-04T15:59:59Z"), "open");
    for at in ["2026-12-04T16:00:00Z", "2026-12-05T12:00:00Z", "2026-12-07T09:00:00Z"] {
        assert_eq!(until(&calendar, at), "audit 2026-12-08T12:00:00Z", "{at}");
    }
    assert_eq!(until(&calendar, "2026-12-08T12:00:00Z"), "open");
}

#[test]
fn a_freeze_beats_a_window_and_a_lane_that_windows_name_ships_only_inside_one() {
    let daytime = ["Mon", "Tue", "Wed", "Thu", "Fri"]
        .map(|day| (format!("{day} 09:00"), format!("{day} 16:00")));
    let daytime: Vec<(&str, &str)> =
        daytime.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let daytime = named("daytime", weekly(Window, "UTC", &daytime));
    let late = named("late", weekly(Window, "UTC", &[("Tue 20:00", "Tue 21:00")]));
    let lunch = named("lunch", weekly(Freeze, "UTC", &[("Tue 09:00", "Tue 13:00")]));
    let calendar = lane(&[lunch, daytime, late]);
    for (at, expected) in [
        // 7 December 2026 is a Monday.
        ("2026-12-07T08:00:00Z", "daytime 2026-12-07T09:00:00Z"),
        ("2026-12-07T09:00:00Z", "open"),
        // On Monday evening the next window is Tuesday's, in which the freeze ends last.
        ("2026-12-07T16:00:00Z", "lunch 2026-12-08T13:00:00Z"),
        ("2026-12-08T10:00:00Z", "lunch 2026-12-08T13:00:00Z"),
        ("2026-12-08T15:59:59Z", "open"),
        ("2026-12-08T16:00:00Z", "late 2026-12-08T20:00:00Z"),
        ("2026-12-08T20:30:00Z", "open"),
        ("2026-12-11T16:00:00Z", "daytime 2026-12-14T09:00:00Z"),
    ] {
        assert_eq!(until(&calendar, at), expected, "{at}");
    }
}

#[test]
fn what_fills_the_week_or_never_opens_has_no_end() {
    let always = weekly(Freeze, "UTC", &[("Mon 00:00", "Thu 00:00"), ("Thu 00:00", "Mon 00:00")]);
    assert_eq!(until(&lane(&[always]), "2026-12-07T08:00:00Z"), "weekend never");
    let past = once(Window, "UTC", "2026-01-01T00:00", "2026-01-02T00:00");
    assert_eq!(until(&lane(&[past]), "2026-12-07T08:00:00Z"), "weekend never");
    let window = weekly(Window, "UTC", &[("Tue 09:00", "Tue 10:00")]);
    let beside = weekly(Freeze, "UTC", &[("Tue 08:00", "Tue 12:00")]);
    assert_eq!(until(&lane(&[window, beside]), "2026-12-07T08:00:00Z"), "weekend never");
}

#[test]
fn nothing_panics_at_the_ends_of_time() {
    let entries = [
        weekly(Freeze, "Australia/Lord_Howe", &[("Fri 16:00", "Mon 08:00")]),
        weekly(Window, "America/New_York", &[("Sun 23:59", "Sun 23:58")]),
        once(Freeze, "Pacific/Apia", "-009999-01-01T00:00", "9999-12-31T23:59"),
        once(Window, "Asia/Kathmandu", "9999-12-31T23:58", "9999-12-31T23:59"),
    ];
    for at in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        for entry in &entries {
            let _ = (entry.holds(at), entry.end_after(at), entry.begin_from(at));
            let _ = (entry.next_boundary(at), entry.intervals(at, Timestamp::MAX, 3));
        }
        let calendar = lane(&entries);
        let _ = (calendar.frozen_at(at), calendar.next_boundary(at));
    }
    for name in ["", "Europe/Atlantis", "../etc/passwd", "Etc/Unknown", &"x".repeat(9_999)] {
        assert_eq!(CalendarZone::named(name), None, "{name}");
    }
}

#[test]
fn only_lanes_that_the_selectors_name_are_covered() {
    let freeze = weekly(Freeze, "UTC", &[("Mon 00:00", "Sun 00:00")]);
    let covers = |repositories: Option<&[&str]>, environments: Option<&[&str]>| {
        let patterns =
            |all: &[&str]| all.iter().map(|one| RepoPattern::new(one).unwrap()).collect();
        let selectors = CalendarSelectors {
            repositories: repositories.map(patterns),
            environments: environments.map(|all| all.iter().map(|one| (*one).to_owned()).collect()),
        };
        lane(&[CalendarEntry { selectors, ..freeze.clone() }]).covers(utc("2026-12-07T08:00:00Z"))
    };
    assert!(covers(None, None) && covers(Some(&["acme/*"]), Some(&["production"])));
    assert!(covers(Some(&["other/*", "ACME/shop"]), Some(&["staging", "production"])));
    assert!(!covers(Some(&["other/*"]), None) && !covers(None, Some(&["staging"])));
    assert!(!covers(Some(&["acme/*"]), Some(&["staging"])), "both must match");
}

#[test]
fn what_is_frozen_ships_at_the_end_of_the_freeze_in_the_zone_of_the_freeze() {
    let mut world = World::calm();
    let night = weekly(Freeze, "Europe/Berlin", &[("Mon 12:00", "Tue 08:00")]);
    let launch = once(Freeze, "UTC", "2026-11-03T06:00", "2026-11-03T09:30");
    world.policy.calendar = lane(&[night.clone()]);
    let ships_at = world.decision().ships_at.unwrap();
    assert_eq!(messages::forecast(&ships_at), "ships Tue 3 Nov 2026 08:00 CET if nothing changes");
    world.policy.calendar = lane(&[night, launch]);
    let ships_at = world.decision().ships_at.unwrap();
    assert_eq!(messages::forecast(&ships_at), "ships Tue 3 Nov 2026 09:30 UTC if nothing changes");
}

#[test]
fn a_decision_says_when_the_calendar_next_changes_it() {
    // The world's noon is Monday, 2 November 2026, 12:00 UTC.
    let mut world = World::calm();
    let weekend = weekly(Freeze, "UTC", &[("Fri 16:00", "Mon 08:00")]);
    world.policy.calendar = lane(&[weekend.clone()]);
    let open = world.decision();
    assert_eq!(open.reason(), Reason::AllowLow);
    assert_eq!(open.changes_at, Some(utc("2026-11-06T16:00:00Z")), "where it is silent, too");

    world.now = utc("2026-11-06T16:00:00Z");
    let frozen = world.decision();
    assert_eq!((frozen.reason(), frozen.outcome()), (Reason::Frozen, Outcome::Hold));
    assert_eq!(frozen.changes_at, Some(utc("2026-11-09T08:00:00Z")));
    world.triggered = true;
    assert_eq!(world.decision().reason(), Reason::Frozen, "trigger does not lift it");
    world.rollback = true;
    assert_ne!(world.decision().reason(), Reason::Frozen, "going back is not held");
}
