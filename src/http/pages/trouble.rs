//! The error page.

use askama::Template;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::parts::{Link, tame};
use super::{HTML, STYLESHEET, guarded, html};
use crate::domain::RepoName;
use crate::http::problem::HttpProblem;

/// An [`HttpProblem`] that is shown as a web page.
pub(super) struct TroublePage {
    problem: HttpProblem,
    repository: Option<RepoName>,
}

impl TroublePage {
    /// Sets the repository of the candidates, so that the page can link to them.
    pub(super) fn in_repository(self, name: &RepoName) -> Self {
        Self { repository: Some(name.clone()), ..self }
    }
}

impl From<HttpProblem> for TroublePage {
    fn from(problem: HttpProblem) -> Self {
        Self { problem, repository: None }
    }
}

#[derive(Template)]
#[template(path = "problem.html", config = "src/http/pages/askama.toml")]
struct ProblemPage<'a> {
    stylesheet: &'static str,
    title: &'a str,
    detail: String,
    links: Vec<Link>,
}

impl IntoResponse for TroublePage {
    fn into_response(self) -> Response {
        let (problem, repository) = (self.problem, self.repository);
        let meant = repository.iter().flat_map(|name| {
            problem.candidates().iter().map(move |sha| Link::to_commit(name, sha))
        });
        let page = ProblemPage {
            stylesheet: STYLESHEET,
            title: problem.title(),
            detail: tame(problem.detail()),
            links: meant.collect(),
        };
        let Ok(html) = html(&page) else { return problem.into_response() };
        let response = (problem.code(), [(header::CONTENT_TYPE, HTML)], html).into_response();
        guarded(response, "no-store")
    }
}
