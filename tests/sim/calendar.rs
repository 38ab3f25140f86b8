//! Freezes and windows: some histories take place around a change of the clocks.

use jiff::{SignedDuration, Timestamp};
use release_governor::domain::{
    CalendarEntry, CalendarKind, CalendarSelectors, CalendarSpan, CalendarZone,
};

use crate::chance::Chance;
use crate::script::{Event, What};

/// A freeze or a window, by the clocks of a zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) window: bool,
    pub(crate) zone: &'static str,
    /// In how many minutes it begins.
    pub(crate) begins: i64,
    /// How many minutes the clocks show between its beginning and its end.
    pub(crate) lasts: i64,
}

/// When histories begin: most of them on an ordinary Monday, the others shortly before clocks
/// change in one of these zones.
const STARTS: [(&str, &str); 6] = [
    ("2026-11-02T09:00:00Z", "Europe/Berlin"),
    ("2026-10-25T00:20:00Z", "Europe/Berlin"),
    ("2027-03-28T00:20:00Z", "Europe/Berlin"),
    ("2026-11-01T05:20:00Z", "America/New_York"),
    ("2027-04-03T14:20:00Z", "Australia/Lord_Howe"),
    ("2026-10-03T15:00:00Z", "Australia/Lord_Howe"),
];

/// Draws from the seed, independently of the other events.
fn chance_of(seed: u64) -> (Chance, usize) {
    let mut chance = Chance::new(seed ^ 0xca1e_4da2);
    let start = if chance.percent(20) { chance.pick(&[0, 1, 2, 3, 4, 5]) } else { 0 };
    (chance, start)
}

pub(crate) fn start(seed: u64) -> Timestamp {
    STARTS[chance_of(seed).1].0.parse().unwrap()
}

/// Adds freezes and windows to the events of some seeds.
pub(crate) fn weave(seed: u64, mut events: Vec<Event>, repositories: u64) -> Vec<Event> {
    let (mut chance, start) = chance_of(seed);
    if start == 0 && !chance.percent(15) {
        return events;
    }
    for _ in 0..3 {
        let place = usize::try_from(chance.below(u64::try_from(events.len()).unwrap())).unwrap();
        let at = chance.below(repositories);
        let live = chance.percent(60);
        let zone = chance.pick(&[STARTS[start].1, "Asia/Kathmandu", "UTC"]);
        let planned = Planned {
            window: chance.percent(30),
            zone,
            begins: chance.pick(&[-90, -10, 0, 1, 2, 10, 45]),
            lasts: chance.pick(&[1, 5, 30, 90, 2_880]),
        };
        let planned = chance.percent(75).then_some(planned);
        events.insert(place, Event { at, what: What::Calendar { planned, live } });
    }
    events
}

impl Planned {
    /// The entry, if the clocks show its end after its beginning.
    pub(crate) fn entry(&self, now: Timestamp) -> Option<CalendarEntry> {
        let zone = CalendarZone::named(self.zone).unwrap();
        let minute = Timestamp::from_second(now.as_second().div_euclid(60) * 60).unwrap();
        let from = zone.civil(minute + SignedDuration::from_mins(self.begins));
        let to = from.checked_add(SignedDuration::from_mins(self.lasts)).unwrap();
        (from < to).then(|| CalendarEntry {
            kind: if self.window { CalendarKind::Window } else { CalendarKind::Freeze },
            name: "planned".to_owned(),
            spans: vec![CalendarSpan::Once { from, to }],
            zone,
            selectors: CalendarSelectors::default(),
            reason: None,
            owner: None,
        })
    }
}

/// The entry of a repository in the configuration.
pub(crate) fn text(repository: &str, entry: &CalendarEntry) -> String {
    let CalendarSpan::Once { from, to } = &entry.spans[0] else { unreachable!("planned so") };
    let (from, to) = (from.strftime("%FT%H:%M"), to.strftime("%FT%H:%M"));
    let zone = entry.zone.name();
    let key = entry.kind.key();
    format!(
        "{key}: [{{name: planned, zone: {zone}, from: {from}, to: {to}, \
         repositories: [\"{repository}\"]}}]\n"
    )
}
