//! `/repos/OWNER/NAME`: one repository.

use askama::Template;
use jiff::Timestamp;

use super::STYLESHEET;
use super::parts::{AttemptRow, Link, Rich, forecast, is_web, tame};
use crate::domain::RepoName;
use crate::messages::{near_time, sentence};
use crate::queries::view::{
    AttemptView, Certainty, InFlight, JudgedView, PauseView, ProductionView, RepositoryDetail,
};

/// Number of attempts to show.
pub(super) const ATTEMPTS: usize = 20;

#[derive(Template)]
#[template(path = "repository.html", config = "src/http/pages/askama.toml")]
pub(super) struct RepositoryPage {
    stylesheet: &'static str,
    name: String,
    error: Option<String>,
    /// Which freeze is in force, or comes next.
    freezes: Option<String>,
    pauses: Vec<String>,
    judgements: Vec<JudgedPart>,
    facts: Vec<NamedFact>,
    attempts: Vec<AttemptRow>,
    twin: String,
}

struct JudgedPart {
    link: Link,
    decision: &'static str,
    risk: &'static str,
    reason: &'static str,
    sentence: &'static str,
    /// Empty if time alone does not ship it.
    forecast: String,
    steps: Vec<Rich>,
}

struct NamedFact {
    name: &'static str,
    text: String,
    address: Option<String>,
}

impl RepositoryPage {
    pub(super) fn of(
        detail: &RepositoryDetail,
        attempts: &[AttemptView],
        freezes: Option<String>,
        now: Timestamp,
    ) -> Self {
        let row = &detail.status;
        let name = &row.repository;
        Self {
            stylesheet: STYLESHEET,
            name: name.to_string(),
            error: row.error.as_deref().map(tame),
            freezes,
            pauses: detail.words.pauses.iter().map(|pause| pause_text(pause, now)).collect(),
            judgements: detail.judgements.iter().map(|one| judged(name, one)).collect(),
            facts: facts(detail, now),
            attempts: attempts.iter().map(|one| AttemptRow::of(name, one, now)).collect(),
            twin: format!("/api/v1/repos/{name}"),
        }
    }
}

fn pause_text(pause: &PauseView, now: Timestamp) -> String {
    let by = match &pause.by {
        Some(by) => format!(", by {}", tame(by)),
        None if pause.source == "config" => " (in the configuration)".to_owned(),
        None => String::new(),
    };
    let since =
        pause.since.map_or_else(String::new, |at| format!(", since {}", near_time(at, now)));
    format!("{}{by}{since}", tame(&pause.why))
}

fn judged(repository: &RepoName, one: &JudgedView) -> JudgedPart {
    JudgedPart {
        link: Link::to_commit(repository, &one.sha),
        decision: one.decision.as_str(),
        risk: one.risk_class.as_str(),
        reason: one.reason.code(),
        sentence: sentence(one.reason),
        forecast: forecast(one),
        steps: one.unblock_hints.iter().flatten().map(|hint| Rich::new(hint)).collect(),
    }
}

fn facts(detail: &RepositoryDetail, now: Timestamp) -> Vec<NamedFact> {
    let row = &detail.status;
    let time =
        |at: Option<Timestamp>| at.map_or_else(|| "not yet".to_owned(), |at| near_time(at, now));
    let plain = |name, text| NamedFact { name, text, address: None };
    let approvals: Vec<&str> =
        row.production_approvals.iter().map(|one| one.said.as_str()).collect();
    let health = row.last_health_check.clone();
    let mut facts = vec![production(&row.repository, &detail.production, now)];
    facts.extend((!approvals.is_empty()).then(|| plain("approved", tame(&approvals.join(", ")))));
    facts.extend(health.map(|health| plain("health", tame(&health))));
    facts.extend(in_flight(&detail.in_flight));
    facts.extend(row.dry_run.then(|| plain("dry run", "nothing is written to GitHub".to_owned())));
    facts.push(plain("last pass", time(row.last_pass)));
    facts.push(plain("governed since", time(detail.governed_since)));
    facts
}

fn production(repository: &RepoName, view: &ProductionView, now: Timestamp) -> NamedFact {
    let since = view.since.map_or_else(String::new, |at| format!(" since {}", near_time(at, now)));
    let (text, address) = match (view.certainty, &view.sha) {
        (Certainty::Known, Some(sha)) => {
            let link = Link::to_commit(repository, sha);
            (format!("{}{since}", link.text), Some(link.address))
        }
        (Certainty::Known | Certainty::Uncertain, _) => {
            let run = view.run_url.clone().filter(|url| is_web(url));
            ("unknown: the last deploy names no commit".to_owned(), run)
        }
        (Certainty::None, _) => ("nothing has been deployed yet".to_owned(), None),
        (Certainty::NotAsked, _) => ("GitHub has not been read yet".to_owned(), None),
    };
    NamedFact { name: "production", text, address }
}

fn in_flight(in_flight: &InFlight) -> Vec<NamedFact> {
    let link = |run| Link::to_run(run);
    let runs = in_flight.runs.iter().filter_map(link);
    runs.map(|link| NamedFact {
        name: "in flight",
        text: format!("run {}", link.text),
        address: Some(link.address),
    })
    .collect()
}
