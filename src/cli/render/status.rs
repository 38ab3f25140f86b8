//! The result of `status`: a table that fits the terminal, and notes on what is held or wrong.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Outcome, Reason, RiskClass, Sha};
use crate::queries::view::{HeldCandidate, Overview, RepositoryStatus, StatusGroup};

use super::{or_dash, paint, short, time};

/// The properties of the terminal that affect the output.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looker {
    /// The width in columns. `None` if the output is not a terminal; lines are then not wrapped.
    pub width: Option<u16>,
    /// The current time, to show ages. `None` to show only absolute times.
    pub now: Option<Timestamp>,
}

impl Looker {
    fn fits(self, columns: usize) -> bool {
        self.width.is_none_or(|width| columns <= usize::from(width))
    }
}

/// From this number of repositories on, the table is grouped by state.
const MANY: usize = 20;

/// A table of the repositories, with notes on what is wrong or held. A single repository is shown
/// with all its details instead.
#[must_use]
pub fn status(view: &Overview, looker: Looker) -> String {
    let rows = view.status.repositories.as_slice();
    let mut text = String::new();
    if !view.status.controller_running {
        text.push_str(&wrapped(&not_running(rows, looker), looker));
        text.push('\n');
    }
    text.push_str(&match rows {
        [] => "No repository matches.\n".to_owned(),
        [only] => one_status(only, looker),
        _ => table(rows, looker),
    });
    let is_one = rows.len() == 1;
    let mut notes: Vec<String> =
        rows.iter().flat_map(|row| notes(row, &view.held, is_one)).collect();
    if view.status.controller_running {
        notes.extend(rows.iter().filter_map(|row| overdue(row, looker)));
    }
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in &notes {
        text.push_str(&wrapped(note, looker));
    }
    paint(&text)
}

/// The warning that the status is old because no controller runs.
fn not_running(rows: &[RepositoryStatus], looker: Looker) -> String {
    match rows.iter().filter_map(|row| row.last_pass).max() {
        Some(last) => {
            let last = when(last, looker);
            format!("No controller is running. The last pass ended {last}.")
        }
        None => "No controller is running, and none has made a pass yet.".to_owned(),
    }
}

/// The notes below the table. If `is_whole`, the details of the repository are shown above, and the
/// notes do not repeat them.
fn notes(row: &RepositoryStatus, held: &[HeldCandidate], is_whole: bool) -> Vec<String> {
    let name = &row.repository;
    let mut notes = Vec::new();
    if !is_whole {
        notes.extend(row.paused.as_ref().map(|why| format!("{name} is paused: {why}")));
        notes.extend(row.error.as_ref().map(|error| format!("{name}: {error}")));
    }
    if let (true, Some(sha), Some(Outcome::Allow), Some(reason)) =
        (row.dry_run, &row.candidate_sha, row.decision, row.reason)
        && reason.starts_a_deploy()
    {
        let sha = sha.short();
        notes.push(format!("{name}: a dry run; without `dry_run` it would deploy {sha} now"));
    }
    for one in held.iter().filter(|one| one.repository == *name) {
        let (sha, decision) = (one.sha.short(), one.decision.as_str());
        notes.push(format!("{decision} {name} {sha} · {}", one.reason.code()));
        notes.extend(one.hints.iter().map(|hint| format!("  - {hint}")));
    }
    notes.extend(unverified(row).filter(|_| !is_whole).map(|what| format!("{name}: {what}")));
    notes
}

/// If the last pass is older than this, the row is reported as outdated. It exceeds every scheduled
/// interval between passes.
const PASS_OVERDUE: SignedDuration = SignedDuration::from_mins(30);

fn overdue(row: &RepositoryStatus, looker: Looker) -> Option<String> {
    let (last, now) = (row.last_pass?, looker.now?);
    let is_overdue = row.enabled && now.duration_since(last) > PASS_OVERDUE;
    is_overdue
        .then(|| format!("{}: no pass has finished since {}", row.repository, when(last, looker)))
}

/// The commits that were pushed and are not verified yet.
fn unverified(row: &RepositoryStatus) -> Option<String> {
    let count = row.unverified_commits.filter(|count| *count > 0)?;
    let tip =
        row.branch_tip.as_ref().map_or_else(String::new, |tip| format!(" up to {}", tip.short()));
    Some(match count {
        1 => format!("1 newer commit{tip} is not verified yet"),
        count => format!("{count} newer commits{tip} are not verified yet"),
    })
}

/// The heading of a group.
const fn title(group: StatusGroup) -> &'static str {
    match group {
        StatusGroup::Error => "ERROR",
        StatusGroup::Hold => "HOLD",
        StatusGroup::Wait => "WAIT",
        StatusGroup::Dry => "DRY RUN",
        StatusGroup::Allow => "ALLOW",
        StatusGroup::Quiet => "nothing to ship",
        StatusGroup::Disabled => "not enabled",
    }
}

/// The decision and the risk class. An error or a disabled repository takes precedence, because the
/// decision is then missing or outdated.
fn decision(row: &RepositoryStatus) -> String {
    let word = match StatusGroup::of(row) {
        StatusGroup::Disabled => return "disabled".to_owned(),
        StatusGroup::Error => return "ERROR".to_owned(),
        StatusGroup::Dry => title(StatusGroup::Dry),
        StatusGroup::Hold | StatusGroup::Wait | StatusGroup::Allow | StatusGroup::Quiet => {
            match row.decision {
                Some(decision) => decision.as_str(),
                None => return "-".to_owned(),
            }
        }
    };
    let risk = row.risk_class.map_or_else(String::new, |risk| format!(" {}", risk.as_str()));
    format!("{word}{risk}")
}

/// The time and, on a terminal, its age.
fn when(at: Timestamp, looker: Looker) -> String {
    match looker.now {
        Some(now) => format!("{} ({})", time(Some(at)), age(at, now)),
        None => time(Some(at)),
    }
}

/// The columns that a narrow terminal leaves out, in this order.
const MAKING_ROOM: [&str; 3] = ["PASS", "PRODUCTION", "CANDIDATE"];
/// Repository names are shortened to `LONG_NAME` characters before the first column is left out,
/// to `SHORTEST_NAME` before any further column is, and to `INITIALS` after the last one.
const LONG_NAME: usize = 24;
const SHORTEST_NAME: usize = 12;
const INITIALS: usize = 5;
const GAP: usize = 2;

struct Column {
    title: &'static str,
    cells: Vec<String>,
}

impl Column {
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.chars().count());
        cells.chain([self.title.len()]).max().unwrap_or_default()
    }
}

fn table(rows: &[RepositoryStatus], looker: Looker) -> String {
    let column = |title, cell: &dyn Fn(&RepositoryStatus) -> String| Column {
        title,
        cells: rows.iter().map(cell).collect(),
    };
    let mut columns = vec![
        column("REPOSITORY", &|row| row.repository.to_string()),
        column("PRODUCTION", &|row| short(row.production_sha_current.as_ref())),
        column("CANDIDATE", &|row| short(row.candidate_sha.as_ref())),
        column("DECISION", &decision),
        column("REASON", &|row| or_dash(row.reason.map(Reason::code))),
        column("PASS", &|row| match (row.last_pass, looker.now) {
            (Some(at), Some(now)) => age(at, now),
            (at, _) => time(at),
        }),
    ];
    fit(&mut columns, looker);
    let widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| {
            let missing = width.saturating_sub(cell.chars().count());
            format!("{cell}{}", " ".repeat(missing + GAP))
        });
        padded.collect::<String>().trim_end().to_owned() + "\n"
    };
    let mut text = line(columns.iter().map(|column| column.title).collect());
    for (group, places) in grouped(rows) {
        if let Some(group) = group {
            text.push_str(&format!("\n{} ({})\n", title(group), places.len()));
        }
        for at in places {
            let cell = |column: &'_ Column| column.cells.get(at).cloned().unwrap_or_default();
            let cells: Vec<String> = columns.iter().map(cell).collect();
            text.push_str(&line(cells.iter().map(String::as_str).collect()));
        }
    }
    text
}

/// The indexes of the rows: in one list, or by group from [`MANY`] rows on.
fn grouped(rows: &[RepositoryStatus]) -> Vec<(Option<StatusGroup>, Vec<usize>)> {
    if rows.len() < MANY {
        return vec![(None, (0..rows.len()).collect())];
    }
    let mut groups: BTreeMap<StatusGroup, Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        groups.entry(StatusGroup::of(row)).or_default().push(at);
    }
    groups.into_iter().map(|(group, places)| (Some(group), places)).collect()
}

/// Shortens names and leaves out columns until the table fits. SHAs and reasons are not cut.
fn fit(columns: &mut Vec<Column>, looker: Looker) {
    for title in MAKING_ROOM {
        let least = if title == MAKING_ROOM[0] { LONG_NAME } else { SHORTEST_NAME };
        if shortened(columns, least, looker) {
            return;
        }
        columns.retain(|column| column.title != title);
    }
    let _ = shortened(columns, INITIALS, looker);
}

/// Shortens the names as far as needed, but not below `least` characters. If the table would still
/// be too wide, returns `false` and changes nothing.
fn shortened(columns: &mut [Column], least: usize, looker: Looker) -> bool {
    let total: usize = columns.iter().map(|column| column.width() + GAP).sum();
    let Some(names) = columns.first_mut() else { return true };
    let (total, width) = (total.saturating_sub(GAP), names.width());
    let too_wide = total.saturating_sub(looker.width.map_or(total, usize::from));
    let limit = width.saturating_sub(too_wide);
    if too_wide > 0 && limit < least {
        return false;
    }
    names.cells.iter_mut().for_each(|name| *name = middle_out(name, limit));
    true
}

/// Cuts the middle out of `text`, so that at most `limit` characters remain. Both ends of a name
/// are more telling than its middle.
fn middle_out(text: &str, limit: usize) -> String {
    let count = text.chars().count();
    if count <= limit {
        return text.to_owned();
    }
    let kept = limit.saturating_sub(1);
    let head = kept.div_ceil(2);
    let begin: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - (kept - head)).collect();
    format!("{begin}…{end}")
}

/// The approvals of the commit in production.
fn approved(row: &RepositoryStatus) -> Option<String> {
    let said: Vec<&str> = row.production_approvals.iter().map(|one| one.said.as_str()).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

const KEYS: usize = 13;
const WHOLE_SHA: usize = 40;

fn one_status(row: &RepositoryStatus, looker: Looker) -> String {
    let whole = |sha: &Option<Sha>| match sha {
        Some(sha) if looker.fits(KEYS + WHOLE_SHA) => sha.as_str().to_owned(),
        sha => short(sha.as_ref()),
    };
    let at = |at: Option<Timestamp>| or_dash(at.map(|at| when(at, looker)).as_deref());
    let deploy = row.last_deploy_attempt_sha.as_ref().map(|sha| {
        let result = row.last_deploy_result.as_deref().unwrap_or("running");
        format!("{} {result} {}", sha.short(), at(row.last_deploy_time))
    });
    let head = row
        .head_sha
        .as_ref()
        .map(|sha| format!("{} {}", sha.short(), or_dash(row.head_reason.map(Reason::code))));
    let lines = [
        ("repository", Some(row.repository.to_string())),
        ("enabled", Some(if row.enabled { "yes" } else { "no" }.to_owned())),
        ("dry run", row.dry_run.then(|| "yes: nothing is written to GitHub".to_owned())),
        ("production", Some(whole(&row.production_sha_current))),
        ("approved", approved(row)),
        ("before", Some(whole(&row.production_sha_previous))),
        ("candidate", Some(whole(&row.candidate_sha))),
        ("decision", Some(or_dash(row.decision.map(Outcome::as_str)))),
        ("reason", Some(or_dash(row.reason.map(Reason::code)))),
        ("risk", Some(or_dash(row.risk_class.map(RiskClass::as_str)))),
        ("forecast", row.forecast.clone()),
        ("head", head),
        ("newer", unverified(row)),
        ("last deploy", Some(or_dash(deploy.as_deref()))),
        ("last pass", Some(at(row.last_pass))),
        ("health", row.last_health_check.clone()),
        ("paused", row.paused.clone()),
        ("error", row.error.clone()),
    ];
    let shown = lines.into_iter().filter_map(|(key, value)| Some((key, value?)));
    shown.map(|(key, value)| wrapped(&format!("{key:<KEYS$}{value}"), looker)).collect()
}

/// Wraps `text` at the terminal's width. Continuation lines are indented like the text of the first
/// line.
fn wrapped(text: &str, looker: Looker) -> String {
    if looker.fits(text.chars().count()) {
        return format!("{text}\n");
    }
    let width = usize::from(looker.width.unwrap_or(u16::MAX));
    let words = text.trim_start_matches([' ', '-']);
    let indent = (text.chars().count() - words.chars().count()).max(2);
    let mut lines = vec![text.chars().take(text.chars().count() - words.chars().count()).collect()];
    for word in words.split(' ') {
        let Some(line): Option<&mut String> = lines.last_mut() else { break };
        let (used, needed) = (line.chars().count(), word.chars().count());
        if line.ends_with(' ') || line.is_empty() || used + 1 + needed <= width {
            let gap =
                if line.is_empty() || used <= indent && line.ends_with(' ') { "" } else { " " };
            line.push_str(gap);
            line.push_str(word);
        } else {
            lines.push(format!("{}{word}", " ".repeat(indent)));
        }
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The age, in its largest unit.
fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    match seconds {
        ..=0 => "now".to_owned(),
        1..60 => format!("{seconds}s ago"),
        60..3_600 => format!("{}m ago", seconds / 60),
        3_600..172_800 => format!("{}h ago", seconds / 3_600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests;
