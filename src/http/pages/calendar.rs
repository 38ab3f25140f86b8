//! `/calendar`: freezes and windows of the next four weeks.

use askama::Template;
use jiff::Timestamp;

use super::STYLESHEET;
use super::parts::{Link, repository_page, tame};
use crate::domain::{CalendarKind, EntryAhead, IntervalAhead, RepoName};
use crate::messages::until;
use crate::queries::view::CalendarView;

/// The most repositories of an entry that are named; the rest is counted.
const MOST_NAMES: usize = 20;

/// The page.
#[derive(Template)]
#[template(path = "calendar.html", config = "src/http/pages/askama.toml")]
pub(super) struct CalendarPage {
    stylesheet: &'static str,
    now: Option<String>,
    entries: Vec<EntryPart>,
}

struct EntryPart {
    kind: &'static str,
    name: String,
    zone: String,
    about: String,
    effect: &'static str,
    intervals: Vec<String>,
    repositories: Vec<Link>,
    left_out: usize,
}

impl CalendarPage {
    pub(super) fn of(view: &CalendarView, now: Timestamp) -> Self {
        Self {
            stylesheet: STYLESHEET,
            now: in_force(view, now, true),
            entries: view.entries.iter().map(|entry| EntryPart::of(entry, now)).collect(),
        }
    }
}

impl EntryPart {
    fn of(entry: &EntryAhead, now: Timestamp) -> Self {
        let owner = entry.owner.as_ref().map(|owner| format!("Ask {}.", tame(owner)));
        let reason = entry.reason.as_ref().map(|why| format!("Reason: {}.", tame(why)));
        let about: Vec<String> = [owner, reason].into_iter().flatten().collect();
        let link =
            |name: &RepoName| Link { text: name.to_string(), address: repository_page(name) };
        Self {
            kind: match entry.kind {
                CalendarKind::Freeze => "Freeze",
                CalendarKind::Window => "Window",
            },
            name: tame(&entry.name),
            zone: entry.zone.clone(),
            about: about.join(" "),
            effect: match entry.kind {
                CalendarKind::Freeze => "Nothing ships",
                CalendarKind::Window => "Ships only",
            },
            intervals: entry.intervals.iter().map(|one| interval(one, now)).collect(),
            repositories: entry.repositories.iter().take(MOST_NAMES).map(link).collect(),
            left_out: entry.repositories.len().saturating_sub(MOST_NAMES),
        }
    }
}

/// `from Fri 4 Dec 16:00 CET to Mon 7 Dec 08:00 CET`.
fn interval(interval: &IntervalAhead, now: Timestamp) -> String {
    let from = if interval.from.at <= now {
        "now".to_owned()
    } else {
        format!("from {}", until(&interval.from, Some(now)))
    };
    match &interval.to {
        Some(to) => format!("{from} to {}", until(to, Some(now))),
        None => format!("{from}, without an end"),
    }
}

/// Which freezes are in force, or else which comes next. `None` if there is none in the next weeks.
/// With how many repositories they apply to, where that is of interest.
pub(super) fn in_force(view: &CalendarView, now: Timestamp, counted: bool) -> Option<String> {
    let freezes = view.entries.iter().filter(|entry| entry.kind == CalendarKind::Freeze);
    let first = freezes.filter_map(|entry| Some((entry, entry.intervals.first()?)));
    let (running, coming): (Vec<_>, Vec<_>) = first.partition(|(_, one)| one.from.at <= now);
    let said = |(entry, one): &(&EntryAhead, &IntervalAhead)| {
        let of = match entry.repositories.len() {
            _ if !counted => String::new(),
            1 => " (1 repository)".to_owned(),
            count => format!(" ({count} repositories)"),
        };
        format!("{}{of}: {}", tame(&entry.name), interval(one, now))
    };
    if running.is_empty() {
        let next = coming.iter().min_by_key(|(_, one)| one.from.at)?;
        return Some(format!("Next freeze: {}.", said(next)));
    }
    let running: Vec<String> = running.iter().map(said).collect();
    Some(format!("Frozen: {}.", running.join("; ")))
}
