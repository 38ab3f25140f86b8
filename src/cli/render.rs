//! Tables and colours. The words are made elsewhere.

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use jiff::Timestamp;

use crate::commands::Checked;
use crate::commands::view::{
    History, Pass, Passes, Recorded, RepositoryStatus, Simulation, Status, Triggered,
};
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
    let is_well =
        |row: &RepositoryStatus| row.enabled && row.paused.is_none() && row.error.is_none();
    if !status.repositories.iter().all(is_well) {
        text.push('\n');
    }
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

/// The decision, and the run that it started, or that deploys the commit anyway.
#[must_use]
pub fn triggered(view: &Triggered, width: Option<u16>) -> String {
    let mut text = simulation(&view.simulation, false, width);
    let sha = &view.simulation.sha;
    let url = clean(view.run_url.as_deref().unwrap_or_default());
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

/// What was recorded, of whom, by whom.
#[must_use]
pub fn recorded(view: &Recorded) -> String {
    let word = match view.word.as_str() {
        "production_set" => "in production by your word",
        word => word,
    };
    let what = view.sha.as_ref().map_or_else(String::new, |sha| format!(" {sha}"));
    let why = view.reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    let mut text = format!("{}{what} {word}{why}\n", view.repository);
    text.push_str(&format!("recorded {} as said by {}\n", time(Some(view.time)), view.by));
    if let Some(note) = &view.note {
        text.push_str(&format!("{note}\n"));
    }
    clean(&text)
}

/// What the passes did, or would do.
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

/// What happened, a line each.
#[must_use]
pub fn history(history: &History, width: Option<u16>) -> String {
    if history.entries.is_empty() {
        return format!("Nothing is recorded of {}.\n", history.repository);
    }
    let rows = history
        .entries
        .iter()
        .map(|line| [line.number.to_string(), time(Some(line.entry.at)), line.told.clone()]);
    paint(&table(&["NUMBER", "TIME", "WHAT"], rows, width))
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
    clean(&format!("{}\n\n{}", checked.summary, table(&header, rows, width)))
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

/// `text` without control characters but line breaks: paths, names and GitHub's words are other
/// people's, and a terminal would obey them.
#[must_use]
pub fn clean(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}")
}

/// Colours for the words that decide; taken out again where nobody sees them.
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
    use insta::assert_snapshot;

    use crate::commands::view::PathView;

    use super::*;

    fn shop() -> RepositoryStatus {
        RepositoryStatus {
            production_sha_current: Some("a".repeat(40).parse().unwrap()),
            candidate_sha: Some("b".repeat(40).parse().unwrap()),
            decision: Some(Outcome::Hold),
            reason: Some(Reason::HighRiskNoApproval),
            risk_class: Some(RiskClass::High),
            last_pass: Some("2026-11-01T14:05:59Z".parse().unwrap()),
            ..RepositoryStatus::unknown("acme/shop".parse().unwrap(), true)
        }
    }

    fn api() -> RepositoryStatus {
        RepositoryStatus {
            paused: Some("incident 42".to_owned()),
            error: Some("GitHub said 404".to_owned()),
            ..RepositoryStatus::unknown("acme/api".parse().unwrap(), false)
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn the_status_is_a_table_with_what_is_wrong_below() {
        let view = Status { repositories: vec![shop(), api()] };
        assert_snapshot!(plain(&status(&view, None)), @r"
        REPOSITORY  PRODUCTION  CANDIDATE  DECISION  RISK  REASON                 PASS
        acme/shop   aaaaaaa     bbbbbbb    HOLD      HIGH  high_risk_no_approval  2026-11-01 14:05 UTC
        acme/api    -           -          -         -     -                      -

        acme/api is not enabled
        acme/api is paused: incident 42
        acme/api: GitHub said 404
        ");
        for line in plain(&status(&view, Some(60))).lines() {
            assert!(line.chars().count() <= 60, "{line}");
        }
    }

    #[test]
    fn one_repository_is_shown_whole() {
        let view = Status { repositories: vec![shop()] };
        assert_snapshot!(plain(&status(&view, None)), @r"
        repository   acme/shop
        enabled      yes
        production   aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        before       -
        candidate    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        decision     HOLD
        reason       high_risk_no_approval
        risk         HIGH
        last deploy  -
        last pass    2026-11-01 14:05 UTC
        ");
    }

    fn held() -> Simulation {
        Simulation {
            repository: "acme/shop".parse().unwrap(),
            decision: Outcome::Hold,
            risk_class: RiskClass::High,
            reason: Reason::HighRiskNoApproval,
            sha: "b".repeat(40).parse().unwrap(),
            unblock_hints: vec!["approve it".to_owned()],
            evidence: vec!["2 commits differ".to_owned()],
            paths: vec![PathView {
                path: "db/migrations/1.sql".to_owned(),
                risk_class: RiskClass::High,
                pattern: "**/migrations/**".to_owned(),
                pull_request: Some(42),
            }],
        }
    }

    #[test]
    fn a_simulation_says_the_decision_first() {
        let view = held();
        assert_snapshot!(plain(&simulation(&view, true, None)), @r"
        HOLD acme/shop bbbbbbb · HIGH · high_risk_no_approval

        Evidence:
          - 2 commits differ

        To unblock:
          - approve it

        PATH                 RISK  PATTERN           PULL REQUEST
        db/migrations/1.sql  HIGH  **/migrations/**  #42
        ");
        assert!(!simulation(&view, false, None).contains("db/migrations"));
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
