//! `/`: all repositories, those that need attention first.

use askama::Template;
use jiff::Timestamp;

use super::STYLESHEET;
use super::parts::{Link, repository_page, tame};
use crate::http::problem::HttpProblem;
use crate::http::question::RequestQuery;
use crate::messages::{near_time, sentence};
use crate::queries::view::{FleetStatus, RepositoryStatus, StatusGroup};

/// The name of a group, on the page and in the query parameter `state`.
const fn word(group: StatusGroup) -> &'static str {
    match group {
        StatusGroup::Error => "ERROR",
        StatusGroup::Hold => "HOLD",
        StatusGroup::Wait => "WAIT",
        StatusGroup::Dry => "DRY-RUN",
        StatusGroup::Allow => "ALLOW",
        StatusGroup::Quiet => "quiet",
        StatusGroup::Disabled => "disabled",
    }
}

/// The value of `state` that matches all repositories.
const ANY: &str = "any";

/// Filters on repositories, by name and state.
pub(super) struct IndexFilter {
    text: String,
    state: Option<StatusGroup>,
}

impl IndexFilter {
    pub(super) fn of(asked: &RequestQuery) -> Result<Self, HttpProblem> {
        let text = asked.text("q").unwrap_or_default().trim().to_owned();
        let state = match asked.text("state").filter(|word| *word != ANY && !word.is_empty()) {
            None => None,
            Some(asked) => {
                let found = StatusGroup::ALL.into_iter().find(|group| word(*group) == asked);
                let words = StatusGroup::ALL.map(word).join(", ");
                Some(found.ok_or_else(|| {
                    HttpProblem::parameter("state", asked, format!("any of {ANY}, {words}"))
                })?)
            }
        };
        Ok(Self { text, state })
    }

    fn takes(&self, row: &RepositoryStatus) -> bool {
        let name = row.repository.to_string().to_lowercase();
        name.contains(&self.text.to_lowercase())
            && self.state.is_none_or(|state| state == StatusGroup::of(row))
    }
}

#[derive(Template)]
#[template(path = "index.html", config = "src/http/pages/askama.toml")]
pub(super) struct Index {
    stylesheet: &'static str,
    text: String,
    states: Vec<StateChoice>,
    all: usize,
    /// Which freeze is in force, or comes next.
    freezes: Option<String>,
    rows: Vec<Row>,
}

struct StateChoice {
    value: &'static str,
    is_chosen: bool,
}

struct Row {
    name: String,
    address: String,
    state: &'static str,
    summary: String,
    candidate: Option<Link>,
    production: Option<Link>,
    last_pass: String,
}

impl Index {
    pub(super) fn of(
        status: &FleetStatus,
        filter: &IndexFilter,
        freezes: Option<String>,
        now: Timestamp,
    ) -> Self {
        let mut rows: Vec<&RepositoryStatus> =
            status.repositories.iter().filter(|row| filter.takes(row)).collect();
        rows.sort_by_key(|row| StatusGroup::of(row));
        let chosen = filter.state.map_or(ANY, word);
        let values = std::iter::once(ANY).chain(StatusGroup::ALL.map(word));
        Self {
            stylesheet: STYLESHEET,
            text: tame(&filter.text),
            states: values.map(|value| StateChoice { value, is_chosen: value == chosen }).collect(),
            all: status.repositories.len(),
            freezes,
            rows: rows.into_iter().map(|row| Row::of(row, now)).collect(),
        }
    }
}

impl Row {
    fn of(row: &RepositoryStatus, now: Timestamp) -> Self {
        let link = |sha| Link::to_commit(&row.repository, sha);
        Self {
            name: row.repository.to_string(),
            address: repository_page(&row.repository),
            state: word(StatusGroup::of(row)),
            summary: summary(row),
            candidate: row.candidate_sha.as_ref().map(link),
            production: row.production_sha_current.as_ref().map(link),
            last_pass: row.last_pass.map_or_else(|| "–".to_owned(), |at| near_time(at, now)),
        }
    }
}

fn summary(row: &RepositoryStatus) -> String {
    if !row.enabled {
        return "Not governed: enabled is false in the configuration.".to_owned();
    }
    let paused = row.paused.as_ref().map(|why| format!("Paused: {}", tame(why)));
    let error = row.error.as_deref().map(tame);
    let forecast = row.forecast.as_ref().map(|text| format!(" It {}.", tame(text)));
    let forecast = forecast.unwrap_or_default();
    let decided = || row.reason.map(|reason| format!("{}{forecast}", sentence(reason)));
    let summary = error.or(paused).or_else(decided);
    let summary = summary.unwrap_or_else(|| "Nothing to ship yet.".to_owned());
    // People wait for the newest commit, so mention it if it is not the candidate.
    match (&row.head_sha, row.head_reason) {
        (Some(head), Some(reason)) => {
            format!("{summary} The newer {}: {}", head.short(), sentence(reason))
        }
        (Some(_) | None, _) => summary,
    }
}
