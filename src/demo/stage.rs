//! The fake GitHub of the demo, with four repositories, their history and a developer who pushes.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::request::CommandFailure;
use ghbox::story::{self, DEPLOY, GOVERNOR, VERIFY};
use ghbox::{
    AutoProgress, Fault, FaultOn, GhBox, GhClock, NewCommit, Repo, RunView, Status, Token,
};

/// The governor's token.
pub(super) const TOKEN: &str = "a-token-that-only-this-box-takes";
/// Lifetime of the token, as of a personal access token. It starts in the simulated past.
const TOKEN_LASTS: jiff::SignedDuration = jiff::SignedDuration::from_hours(90 * 24);
/// Age of the repositories' history when the governor starts.
const PAST: Duration = Duration::from_secs(60 * 60);
/// The context of the governor's commit status.
const CONTEXT: &str = "booty/release-governor";
/// Number of requests that the fake GitHub keeps after the scenario.
const REQUESTS_KEPT_AFTER: usize = 100;

/// The fake GitHub and its repositories.
pub(super) struct Stage {
    pub(super) github: GhBox,
    pub(super) shop: StagedRepository,
    pub(super) api: StagedRepository,
    pub(super) billing: StagedRepository,
    pub(super) mail: StagedRepository,
}

#[derive(Clone)]
pub(super) struct StagedRepository {
    pub(super) name: &'static str,
    /// Its handle in the fake GitHub.
    pub(super) repo: Repo,
    /// The commit in production when the governor starts.
    pub(super) first: String,
}

impl Stage {
    /// Creates a fake GitHub with four repositories that were deployed manually.
    pub(super) fn build() -> Self {
        let (now, past) = (Clock::system(), jiff::SignedDuration::try_from(PAST));
        let past = past.unwrap_or(jiff::SignedDuration::ZERO);
        let then = move || now.now().saturating_sub(past).unwrap_or(jiff::Timestamp::MIN);
        let github = GhBox::new(GhClock::following(Arc::new(then)));
        let end = github.clock().now().saturating_add(TOKEN_LASTS).unwrap_or(jiff::Timestamp::MAX);
        github.add_token_with(TOKEN, Token::installation(GOVERNOR).expires_at(end));
        let [shop, api, billing, mail] = ["acme/shop", "acme/api", "acme/billing", "acme/mail"]
            .map(|name| StagedRepository::build(&github, name));
        // The history is complete: from here on the fake GitHub's clock shows the real time.
        github.advance(PAST);
        Self { github, shop, api, billing, mail }
    }

    /// All repositories, in the order of the configuration.
    pub(super) const fn places(&self) -> [&StagedRepository; 4] {
        [&self.shop, &self.api, &self.billing, &self.mail]
    }

    /// A listener on a free port of 127.0.0.1, and its address.
    pub(super) async fn door() -> Result<(TcpListener, String), CommandFailure> {
        let cannot = |error| {
            CommandFailure::Dependency(format!("cannot listen on 127.0.0.1 (any port): {error}"))
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        Ok((listener, address.to_string()))
    }

    /// Number of write requests so far.
    pub(super) fn writes(&self) -> usize {
        self.github.writes().len()
    }

    /// Number of requests so far.
    pub(super) fn requests(&self) -> usize {
        self.github.requests().len()
    }

    /// Number of requests for one repository so far.
    pub(super) fn requests_about(&self, place: &StagedRepository) -> usize {
        let below = format!("/repos/{}/", place.name);
        self.github.requests().iter().filter(|one| one.path.starts_with(&below)).count()
    }

    /// Makes the fake GitHub execute the next dispatch of a repository, but lose the response.
    pub(super) fn lose_the_next_dispatch_of(&self, place: &StagedRepository) {
        let dispatch = FaultOn::operation("create-workflow-dispatch").in_repository(place.name);
        self.github.fail(dispatch, Fault::LoseAnswer);
    }

    /// Limits the recorded requests, so that memory does not grow if the demo runs for days. Call
    /// this after the scenario, which counts them.
    pub(super) fn forget_requests(&self) {
        self.github.keep_requests(REQUESTS_KEPT_AFTER);
    }
}

impl StagedRepository {
    fn build(github: &GhBox, name: &'static str) -> Self {
        let repo = story::repository(github, name);
        let first = repo.in_production();
        repo.runs_on_push(VERIFY, true);
        let place = Self { name, repo, first };
        place.verifications_end("success");
        place.deploys_end("success");
        place
    }

    /// Sets the conclusion of all further verification runs.
    pub(super) fn verifications_end(&self, conclusion: &str) {
        let takes = AutoProgress::new(Duration::from_millis(300), Duration::from_millis(1_200));
        self.repo.auto_progress(VERIFY, takes.conclusion(conclusion));
    }

    /// Sets the conclusion of all further deploy runs. A failing run fails at its health check.
    pub(super) fn deploys_end(&self, conclusion: &str) {
        let takes = AutoProgress::new(Duration::from_millis(500), Duration::from_millis(2_000));
        let takes = takes.conclusion(conclusion).failed_step("Health check");
        self.repo.auto_progress(DEPLOY, takes);
    }

    /// Pushes a change of one file as a developer, which starts a verification run.
    pub(super) fn push(&self, message: &str, path: &str) -> String {
        let commit = NewCommit::on("main").message(message).author("dev");
        self.repo.push(commit.file(path, &format!("{message}\n")))
    }

    /// The verification run of a commit, if it has completed.
    pub(super) fn verified(&self, sha: &str) -> Option<RunView> {
        let verify = self.repo.workflow_id(VERIFY);
        let of_it = |run: &RunView| run.workflow_id == verify && run.head_sha == sha;
        self.repo.runs().into_iter().find(|run| of_it(run) && run.conclusion.is_some())
    }

    /// The newest deploy run of a commit, completed or not.
    pub(super) fn deploy(&self, sha: &str) -> Option<RunView> {
        let deploy = self.repo.workflow_id(DEPLOY);
        let of_it =
            |run: &RunView| run.workflow_id == deploy && run.input_sha.as_deref() == Some(sha);
        self.repo.runs().into_iter().rev().find(of_it)
    }

    /// The governor's newest status on a commit.
    pub(super) fn status(&self, sha: &str) -> Option<Status> {
        self.repo.statuses(sha).into_iter().find(|status| status.context == CONTEXT)
    }

    /// The commits that the governor dispatched, oldest first.
    pub(super) fn dispatched(&self) -> Vec<String> {
        let dispatches = self.repo.dispatches().into_iter().filter(|one| one.by == GOVERNOR);
        dispatches.filter_map(|one| one.sha().map(str::to_owned)).collect()
    }
}

/// The short form of a SHA: its first 7 digits.
pub(super) fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}
