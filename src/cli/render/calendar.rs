//! `check-config --calendar`: the intervals of each freeze and window.

use jiff::Timestamp;

use super::clean;
use crate::domain::{CalendarKind, EntryAhead, RepoName};
use crate::messages;

/// The most repositories that are named; the rest is counted.
const MOST_NAMES: usize = 6;

/// What freezes and windows cover in the coming weeks.
#[must_use]
pub fn calendar(entries: &[EntryAhead], now: Timestamp) -> String {
    if entries.is_empty() {
        return "\nNo freezes and no windows are configured: nothing restricts when a commit may \
                ship.\n"
            .to_owned();
    }
    let mut text = String::from("\nThe next four weeks:\n");
    for entry in entries {
        let effect = match entry.kind {
            CalendarKind::Freeze => "nothing ships",
            CalendarKind::Window => "ships only",
        };
        let owner = entry.owner.as_ref().map(|owner| format!(" of {owner}")).unwrap_or_default();
        let reason = entry.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let (kind, name, zone) = (entry.kind.as_str(), &entry.name, &entry.zone);
        text.push_str(&format!("\n{kind} {name}{owner} ({zone}){reason}\n"));
        text.push_str(&format!("  repositories: {}\n", repositories(&entry.repositories)));
        if entry.intervals.is_empty() {
            text.push_str(&format!("  {effect}: never in this time\n"));
        }
        for interval in &entry.intervals {
            let from = if interval.from.at <= now {
                "now".to_owned()
            } else {
                messages::until(&interval.from, Some(now))
            };
            let to = match &interval.to {
                Some(to) => format!("to {}", messages::until(to, Some(now))),
                None => "without an end".to_owned(),
            };
            text.push_str(&format!("  {effect}: {from} {to}\n"));
        }
    }
    clean(&text)
}

fn repositories(names: &[RepoName]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = names.iter().take(MOST_NAMES).map(ToString::to_string).collect();
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
