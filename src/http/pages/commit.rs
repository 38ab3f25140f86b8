//! `/repos/OWNER/NAME/commits/SHA`: the decision on a commit and its reasons.

use askama::Template;
use jiff::Timestamp;

use super::STYLESHEET;
use super::parts::{AttemptRow, Rich, forecast, repository_page, tame};
use crate::messages::{near_time, sentence, visible};
use crate::queries::view::{CommitDetail, HistoryLine, JudgedView, PathView, RuleView};

#[derive(Template)]
#[template(path = "commit.html", config = "src/http/pages/askama.toml")]
pub(super) struct CommitPage {
    stylesheet: &'static str,
    /// Which freeze is in force, or comes next.
    freezes: Option<String>,
    name: String,
    repository: String,
    short: String,
    roles: String,
    decision: &'static str,
    sentence: &'static str,
    summary: String,
    /// Empty if time alone does not ship it.
    forecast: String,
    steps: Vec<Rich>,
    evidence: Vec<Rich>,
    approvals: Vec<String>,
    paths: Vec<PathRow>,
    left_out: usize,
    rules: Vec<RuleRow>,
    attempts: Vec<AttemptRow>,
    history: Vec<HistoryRow>,
    is_whole: bool,
    twin: String,
}

struct PathRow {
    path: String,
    risk: &'static str,
    pattern: String,
    brought: String,
}

struct RuleRow {
    reason: &'static str,
    found: Rich,
}

struct HistoryRow {
    at: String,
    summary: String,
}

impl CommitPage {
    pub(super) fn of(detail: &CommitDetail, freezes: Option<String>, now: Timestamp) -> Self {
        let (name, judged) = (&detail.repository, detail.judgement.as_ref());
        let lines = |lines: Option<&Vec<String>>| {
            lines.into_iter().flatten().map(|line| Rich::new(line)).collect::<Vec<Rich>>()
        };
        Self {
            stylesheet: STYLESHEET,
            freezes,
            name: name.to_string(),
            repository: repository_page(name),
            short: detail.sha.short().to_owned(),
            roles: detail.roles.join(", ").replace('_', " "),
            decision: judged.map_or("", |judged| judged.decision.as_str()),
            sentence: judged
                .map_or("No pass has judged this commit.", |judged| sentence(judged.reason)),
            summary: judged.map_or_else(String::new, |judged| summary(judged, now)),
            forecast: judged.map_or_else(String::new, forecast),
            steps: lines(judged.and_then(|judged| judged.unblock_hints.as_ref())),
            evidence: lines(judged.and_then(|judged| judged.evidence.as_ref())),
            approvals: approvals(detail),
            paths: judged
                .and_then(|judged| judged.paths.as_ref())
                .into_iter()
                .flatten()
                .map(path)
                .collect(),
            left_out: judged.map_or(0, |judged| judged.paths_left_out),
            rules: judged
                .and_then(|judged| judged.rules.as_ref())
                .into_iter()
                .flatten()
                .filter_map(rule)
                .collect(),
            attempts: detail.attempts.iter().map(|one| AttemptRow::of(name, one, now)).collect(),
            history: detail.history.iter().map(|line| happened(line, now)).collect(),
            is_whole: detail.history_complete,
            twin: format!("/api/v1/repos/{name}/commits/{}", detail.sha),
        }
    }
}

fn summary(judged: &JudgedView, now: Timestamp) -> String {
    let (decision, risk) = (judged.decision.as_str(), judged.risk_class.as_str());
    let since =
        judged.decided_at.map_or_else(String::new, |at| format!(" · since {}", near_time(at, now)));
    format!("{decision} · {risk} · {}{since}", judged.reason.code())
}

/// The approvals that the judgement lists, or, if it lists none, those that counted for the deploy.
fn approvals(detail: &CommitDetail) -> Vec<String> {
    let seen = detail.judgement.as_ref().and_then(|judged| judged.approvals.as_ref());
    let seen = seen.filter(|seen| !seen.is_empty()).unwrap_or(&detail.counted_approvals);
    seen.iter().map(|approval| tame(&approval.said)).collect()
}

fn path(path: &PathView) -> PathRow {
    let brought = match (&path.pull_request, &path.commit) {
        (Some(number), _) => format!("#{number}"),
        (None, Some(commit)) => format!("{}, without a pull request", commit.short()),
        (None, None) => "–".to_owned(),
    };
    PathRow {
        path: visible(&path.path),
        risk: path.risk_class.as_str(),
        pattern: visible(&path.pattern),
        brought,
    }
}

/// A row for a rule that applies. `None` for a rule that is silent or was not evaluated.
fn rule(rule: &RuleView) -> Option<RuleRow> {
    let said = rule.said.as_deref().unwrap_or_default();
    let found = match rule.found.as_str() {
        "silent" | "not_asked" => return None,
        "decides" => format!("decides. {said}"),
        _ => format!("also applies. {said}"),
    };
    Some(RuleRow { reason: rule.reason.code(), found: Rich::new(&found) })
}

fn happened(line: &HistoryLine, now: Timestamp) -> HistoryRow {
    HistoryRow { at: near_time(line.entry.at, now), summary: tame(&line.told) }
}
