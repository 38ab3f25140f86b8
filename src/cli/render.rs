//! Tables and colours. The words are made elsewhere.

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use jiff::Timestamp;

use crate::commands::Checked;
use crate::commands::view::{RepositoryStatus, Simulation, Status, Triggered};
use crate::domain::{ApprovalMode, Branch, Outcome, Reason, RiskClass, Sha, WorkflowName};

/// All repositories, a line each, and below what is wrong with some.
#[must_use]
pub fn status(status: &Status, width: Option<u16>) -> String {
    if let [only] = status.repositories.as_slice() {
        return one_status(only, width);
    }
    let header = ["REPOSITORY", "PRODUCTION", "CANDIDATE", "DECISION", "RISK", "REASON", "PASS"];
    let rows = status.repositories.iter().map(|row| {
        [
            row.repository.to_string(),
            short(row.production_sha_current.as_ref()),
            short(row.candidate_sha.as_ref()),
            or_dash(row.decision.map(Outcome::as_str)),
            or_dash(row.risk_class.map(RiskClass::as_str)),
            or_dash(row.reason.map(Reason::code)),
            time(row.last_pass),
        ]
    });
    let mut text = table(&header, rows, width);
    for row in &status.repositories {
        let name = &row.repository;
        if !row.enabled {
            text.push_str(&format!("{name} is not enabled\n"));
        }
        if let Some(why) = &row.paused {
            text.push_str(&format!("{name} is paused: {why}\n"));
        }
        if let Some(error) = &row.error {
            text.push_str(&format!("{name}: {error}\n"));
        }
    }
    paint(&text)
}

fn one_status(row: &RepositoryStatus, width: Option<u16>) -> String {
    let deploy = row.last_deploy_attempt_sha.as_ref().map(|sha| {
        let result = row.last_deploy_result.as_deref().unwrap_or("running");
        format!("{} {result} {}", sha.short(), time(row.last_deploy_time))
    });
    let whole = |sha: &Option<Sha>| or_dash(sha.as_ref().map(Sha::as_str));
    let mut rows = vec![
        ["repository", &row.repository.to_string()].map(str::to_owned),
        ["enabled", if row.enabled { "yes" } else { "no" }].map(str::to_owned),
        ["production".to_owned(), whole(&row.production_sha_current)],
        ["before".to_owned(), whole(&row.production_sha_previous)],
        ["candidate".to_owned(), whole(&row.candidate_sha)],
        ["decision".to_owned(), or_dash(row.decision.map(Outcome::as_str))],
        ["reason".to_owned(), or_dash(row.reason.map(Reason::code))],
        ["risk".to_owned(), or_dash(row.risk_class.map(RiskClass::as_str))],
        ["last deploy".to_owned(), or_dash(deploy.as_deref())],
        ["last pass".to_owned(), time(row.last_pass)],
    ];
    for (name, value) in
        [("health", &row.last_health_check), ("paused", &row.paused), ("error", &row.error)]
    {
        if let Some(value) = value {
            rows.push([name, value].map(str::to_owned));
        }
    }
    paint(&table(&[], rows, width))
}

/// The decision first, then why, then what to do.
#[must_use]
pub fn simulation(view: &Simulation, show_paths: bool, width: Option<u16>) -> String {
    let mut text = format!(
        "{} {} {} · {} · {}\n",
        view.decision.as_str(),
        view.repository,
        view.sha.short(),
        view.risk_class.as_str(),
        view.reason.code()
    );
    list(&mut text, "Evidence", &view.evidence);
    list(&mut text, "To unblock", &view.unblock_hints);
    if show_paths {
        let header = ["PATH", "RISK", "PATTERN", "PULL REQUEST"];
        let rows = view.paths.iter().map(|path| {
            [
                path.path.clone(),
                path.risk_class.as_str().to_owned(),
                path.pattern.clone(),
                or_dash(path.pull_request.map(|number| format!("#{number}")).as_deref()),
            ]
        });
        text.push('\n');
        if view.paths.is_empty() {
            text.push_str("No path drives the risk.\n");
        } else {
            text.push_str(&table(&header, rows, width));
        }
    }
    paint(&text)
}

/// The decision, and the run that it started.
#[must_use]
pub fn triggered(view: &Triggered, width: Option<u16>) -> String {
    let mut text = simulation(&view.simulation, false, width);
    if let Some(url) = &view.run_url {
        text.push_str(&format!("\n{} {url}\n", time(view.time)));
    }
    text
}

/// What a good configuration comes to.
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
    format!("{}\n\n{}", checked.summary, table(&header, rows, width))
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

/// Colours for the words that decide; taken out again where nobody sees them.
fn paint(text: &str) -> String {
    let bold = |color: AnsiColor| color.on_default().bold();
    let words: [(&str, Style); 5] = [
        ("ALLOW", bold(AnsiColor::Green)),
        ("HOLD", bold(AnsiColor::Red)),
        ("WAIT", bold(AnsiColor::Yellow)),
        ("HIGH", AnsiColor::Red.on_default()),
        ("MEDIUM", AnsiColor::Yellow.on_default()),
    ];
    let mut painted = String::with_capacity(text.len());
    for word in text.split_inclusive([' ', '\n']) {
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
