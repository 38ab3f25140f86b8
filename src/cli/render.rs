//! Renders views as text, with tables and colors. The messages come from elsewhere.

mod backtest;
mod calendar;
mod csv;
mod preflight;
mod simulation;
mod status;

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use jiff::Timestamp;

use crate::domain::{ApprovalMode, Branch, Outcome, Sha, WorkflowName};
use crate::operations::{Pass, Passes, Recorded, Triggered};
use crate::preflight::Checked;
use crate::queries::view::{FleetHistoryView, HistoryLine, HistoryView, SentDispatch};

pub use backtest::backtest;
pub use calendar::calendar;
pub use csv::csv;
pub use preflight::preflight;
pub use simulation::simulation;
pub use status::{Looker, status};

/// The decision, and the deploy run that `trigger` started or found.
#[must_use]
pub fn triggered(view: &Triggered, width: Option<u16>) -> String {
    let mut text = simulation(&view.simulation, false, width);
    let sha = &view.simulation.sha;
    let unknown = "Its run is not known yet: `status` and the commit status will name it";
    let url = clean(view.run_url.as_deref().unwrap_or(unknown));
    match view.time {
        Some(_) => {
            text.push_str(&format!("\nStarted {} for {sha}\n{url}\n", time(view.time)));
        }
        None if view.simulation.decision == Outcome::Allow => {
            text.push_str(&format!("\nNothing to start for {sha}\n{url}\n"));
        }
        None => text.push_str("\nNothing was started.\n"),
    }
    text
}

/// The ledger entry of an operator's command.
#[must_use]
pub fn recorded(view: &Recorded) -> String {
    let word = match view.word.as_str() {
        "production_set" => "recorded as production",
        "rollback_lifted" => "resumed: the rollback no longer holds releases",
        word => word,
    };
    let what = view.sha.as_ref().map_or_else(String::new, |sha| format!(" {sha}"));
    let why = view.reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    let mut text = format!("{}{what} {word}{why}\n", view.repository);
    text.push_str(&format!("recorded {} as said by {}\n", time(Some(view.time)), view.by));
    if let Some(left) = &view.left {
        text.push_str(&already_sent(left));
    }
    if let Some(note) = &view.note {
        text.push_str(&format!("{note}\n"));
    }
    clean(&text)
}

/// The dispatches that were sent before a pause took effect, which it does not stop.
fn already_sent(left: &[SentDispatch]) -> String {
    if left.is_empty() {
        return "no deploy of ours is in flight, and none will start\n".to_owned();
    }
    let line = |one: &SentDispatch| {
        let run = match (&one.url, one.run) {
            (Some(url), _) => url.clone(),
            (None, Some(run)) => format!("run {run}"),
            (None, None) => format!("attempt {}; its run is not known yet", one.attempt),
        };
        format!("already sent, and continues: {} {run}\n", one.sha)
    };
    left.iter().map(line).collect()
}

/// The actions of each pass; with `dry_run`, the actions that it would take.
#[must_use]
pub fn passes(passes: &Passes) -> String {
    let mut text = String::new();
    for pass in &passes.repositories {
        text.push_str(&one_pass(pass, passes.dry_run));
    }
    paint(&clean(&text))
}

fn one_pass(pass: &Pass, dry_run: bool) -> String {
    let name = &pass.repository;
    if let Some(error) = &pass.error {
        return format!("{name}: the pass failed: {error}\n");
    }
    let mut text = match (pass.decision, pass.reason, pass.risk_class) {
        (Some(decision), Some(reason), Some(risk)) => format!(
            "{name} {}: {} {} {}\n",
            short(pass.sha.as_ref()),
            decision.as_str(),
            risk.as_str(),
            reason.code()
        ),
        _ => format!("{name}: no candidate\n"),
    };
    if pass.actions.is_empty() {
        text.push_str("  nothing to do\n");
    }
    let would = if dry_run { "would " } else { "" };
    for action in &pass.actions {
        text.push_str(&format!("  {would}{action}\n"));
    }
    text
}

/// The entries of one ledger, one per line.
#[must_use]
pub fn history(history: &HistoryView, is_filtered: bool, width: Option<u16>) -> String {
    if history.entries.is_empty() {
        let what = if is_filtered { "Nothing of that" } else { "Nothing" };
        return format!("{what} is recorded of {}.\n", history.repository);
    }
    let rows = history
        .entries
        .iter()
        .map(|line| [line.number.to_string(), time(Some(line.entry.at)), line.told.clone()]);
    paint(&table(&["NUMBER", "TIME", "WHAT"], rows, width))
}

/// The entries of all ledgers, one per line.
#[must_use]
pub fn history_of_all(history: &FleetHistoryView, is_filtered: bool, width: Option<u16>) -> String {
    if history.entries.is_empty() {
        let what = if is_filtered { "Nothing of that" } else { "Nothing" };
        return format!("{what} is recorded of any repository.\n");
    }
    let rows = history.entries.iter().map(|one| {
        let at = time(Some(one.line.entry.at));
        [at, one.repository.to_string(), one.line.told.clone()]
    });
    paint(&table(&["TIME", "REPOSITORY", "WHAT"], rows, width))
}

/// One entry, as `history --follow` prints it.
#[must_use]
pub fn followed(line: &HistoryLine) -> String {
    let told = line.told.replace('\n', " ");
    paint(&format!("{:>6}  {}  {told}\n", line.number, time(Some(line.entry.at))))
}

/// The repositories and settings of a valid configuration.
#[must_use]
pub fn checked(checked: &Checked, width: Option<u16>) -> String {
    let header = ["REPOSITORY", "BRANCH", "VERIFICATION", "DEPLOY", "APPROVAL", "NOTES"];
    let rows = checked.repositories.iter().map(|row| {
        let modes: Vec<&str> = row.approval.iter().copied().map(ApprovalMode::as_str).collect();
        [
            row.repository.to_string(),
            row.branch.as_ref().map_or("(default)", Branch::as_str).to_owned(),
            row.verification.to_string(),
            row.deploy.as_ref().map_or("(none)", WorkflowName::as_str).to_owned(),
            modes.join(", "),
            row.notes.join(", "),
        ]
    });
    let mut text = format!("{}\n\n{}", checked.summary, table(&header, rows, width));
    list(&mut text, "limits", &checked.limits);
    list(&mut text, "freezes and windows", &checked.calendar);
    clean(&text)
}

fn list(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    text.push_str(&format!("\n{title}:\n"));
    for line in lines {
        text.push_str(&format!("  - {line}\n"));
    }
}

fn table<const N: usize>(
    header: &[&str],
    rows: impl IntoIterator<Item = [String; N]>,
    width: Option<u16>,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    if !header.is_empty() {
        table.set_header(header);
    }
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

fn short(sha: Option<&Sha>) -> String {
    or_dash(sha.map(Sha::short))
}

fn or_dash(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}

fn time(time: Option<Timestamp>) -> String {
    let written = time.map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string());
    or_dash(written.as_deref())
}

/// Replaces control characters other than line breaks. Paths, names and GitHub's messages are
/// untrusted, and a terminal would interpret the escape sequences in them.
#[must_use]
pub fn clean(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}")
}

/// Colors decisions and risk classes. [`print`](crate::cli::print) removes the colors if stdout is
/// not a terminal.
#[must_use]
pub fn paint(text: &str) -> String {
    let bold = |color: AnsiColor| color.on_default().bold();
    let words: [(&str, Style); 5] = [
        ("ALLOW", bold(AnsiColor::Green)),
        ("HOLD", bold(AnsiColor::Red)),
        ("WAIT", bold(AnsiColor::Yellow)),
        ("HIGH", AnsiColor::Red.on_default()),
        ("MEDIUM", AnsiColor::Yellow.on_default()),
    ];
    let mut painted = String::with_capacity(text.len());
    for word in clean(text).split_inclusive([' ', '\n']) {
        let bare = word.trim_end();
        match words.iter().find(|(known, _)| *known == bare) {
            Some((_, style)) => {
                let rest = word.get(bare.len()..).unwrap_or_default();
                painted.push_str(&format!("{style}{bare}{style:#}{rest}"));
            }
            None => painted.push_str(word),
        }
    }
    painted
}

#[cfg(test)]
mod tests {
    use crate::domain::{Reason, RiskClass};
    use crate::queries::view::{BroughtView, PathView, Simulation};

    use super::*;

    pub(in crate::cli) fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    pub(in crate::cli) fn held() -> Simulation {
        Simulation {
            repository: "acme/shop".parse().unwrap(),
            decision: Outcome::Hold,
            risk_class: RiskClass::High,
            reason: Reason::HighRiskNoApproval,
            sha: "b".repeat(40).parse().unwrap(),
            unblock_hints: vec!["approve it".to_owned()],
            ships_at: None,
            forecast: None,
            evidence: vec!["2 commits differ".to_owned()],
            paths: vec![PathView {
                path: "db/migrations/1.sql".to_owned(),
                risk_class: RiskClass::High,
                pattern: "**/migrations/**".to_owned(),
                pull_request: Some(42.into()),
                commit: Some("c".repeat(40).parse().unwrap()),
                brought_by: vec![BroughtView {
                    commit: "c".repeat(40).parse().unwrap(),
                    pull_requests: vec![42.into()],
                }],
            }],
            rules: Vec::new(),
            approvals: Vec::new(),
            counted_approvals: Vec::new(),
            supposed: None,
        }
    }

    #[test]
    fn the_words_that_decide_are_painted_and_nothing_else_changes() {
        let text = "ALLOW  HOLDING HOLD\nHIGH";
        assert_ne!(paint(text), text);
        assert_eq!(plain(&paint(text)), text);
        assert_eq!(paint("HOLDING SHALLOW"), "HOLDING SHALLOW");
        assert_eq!(paint("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }

    #[test]
    fn what_came_of_a_trigger_keeps_its_colours() {
        let view = Triggered { simulation: held(), run_url: None, time: None };
        let text = triggered(&view, None);
        assert!(text.contains('\u{1b}') && !text.contains('\u{fffd}'), "{text:?}");
    }
}
