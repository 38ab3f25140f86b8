//! The stage: a GitHub in a box with a past, four repositories, and somebody who pushes.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::request::CommandFailure;
use ghbox::story::{self, DEPLOY, GOVERNOR, VERIFY};
use ghbox::{
    AutoProgress, Fault, FaultOn, GhBox, GhClock, NewCommit, Repo, RunView, Status, Token,
};

/// What the governor shows to the box.
pub(super) const TOKEN: &str = "a-token-that-only-this-box-takes";
/// How long it lasts from its beginning in the past, as people's tokens do.
const TOKEN_LASTS: jiff::SignedDuration = jiff::SignedDuration::from_hours(90 * 24);
/// How old the past is that the governor finds.
const PAST: Duration = Duration::from_secs(60 * 60);
/// The context of the governor's status.
const CONTEXT: &str = "booty/release-governor";
/// What the box keeps of requests after the story; nobody looks at more.
const REQUESTS_KEPT_AFTER: usize = 100;

/// The box and what is in it.
pub(super) struct Stage {
    /// The box.
    pub(super) github: GhBox,
    /// Where the acts are played.
    pub(super) shop: StagedRepository,
    pub(super) api: StagedRepository,
    pub(super) billing: StagedRepository,
    pub(super) mail: StagedRepository,
}

/// One repository.
#[derive(Clone)]
pub(super) struct StagedRepository {
    /// Its name.
    pub(super) name: &'static str,
    /// The box's handle of it.
    pub(super) repo: Repo,
    /// What was in production before the governor came.
    pub(super) first: String,
}

impl Stage {
    /// A GitHub with four repositories that have been deployed by hand so far.
    pub(super) fn build() -> Self {
        let (now, past) = (Clock::system(), jiff::SignedDuration::try_from(PAST));
        let past = past.unwrap_or(jiff::SignedDuration::ZERO);
        let then = move || now.now().saturating_sub(past).unwrap_or(jiff::Timestamp::MIN);
        let github = GhBox::new(GhClock::following(Arc::new(then)));
        let end = github.clock().now().saturating_add(TOKEN_LASTS).unwrap_or(jiff::Timestamp::MAX);
        github.add_token_with(TOKEN, Token::installation(GOVERNOR).expires_at(end));
        let [shop, api, billing, mail] = ["acme/shop", "acme/api", "acme/billing", "acme/mail"]
            .map(|name| StagedRepository::build(&github, name));
        // The past is over: from here on the box's time is this machine's.
        github.advance(PAST);
        Self { github, shop, api, billing, mail }
    }

    /// All repositories, in the order of the configuration.
    pub(super) const fn places(&self) -> [&StagedRepository; 4] {
        [&self.shop, &self.api, &self.billing, &self.mail]
    }

    /// A door on a free port of this machine, and its address.
    pub(super) async fn door() -> Result<(TcpListener, String), CommandFailure> {
        let cannot = |error| {
            CommandFailure::Dependency(format!("cannot listen on 127.0.0.1 (any port): {error}"))
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        Ok((listener, address.to_string()))
    }

    /// How many requests so far asked for a change.
    pub(super) fn writes(&self) -> usize {
        self.github.writes().len()
    }

    /// How many requests there were so far.
    pub(super) fn requests(&self) -> usize {
        self.github.requests().len()
    }

    /// How many requests so far were about one repository.
    pub(super) fn requests_about(&self, place: &StagedRepository) -> usize {
        let below = format!("/repos/{}/", place.name);
        self.github.requests().iter().filter(|one| one.path.starts_with(&below)).count()
    }

    /// Carries the next dispatch of a repository out, and loses the answer.
    pub(super) fn lose_the_next_dispatch_of(&self, place: &StagedRepository) {
        let dispatch = FaultOn::operation("create-workflow-dispatch").in_repository(place.name);
        self.github.fail(dispatch, Fault::LoseAnswer);
    }

    /// After the story nobody asks for the requests: a box that runs for days keeps few.
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

    /// From now on verifications end so.
    pub(super) fn verifications_end(&self, conclusion: &str) {
        let takes = AutoProgress::new(Duration::from_millis(300), Duration::from_millis(1_200));
        self.repo.auto_progress(VERIFY, takes.conclusion(conclusion));
    }

    /// From now on deploys end so; where they fail, at their health check.
    pub(super) fn deploys_end(&self, conclusion: &str) {
        let takes = AutoProgress::new(Duration::from_millis(500), Duration::from_millis(2_000));
        let takes = takes.conclusion(conclusion).failed_step("Health check");
        self.repo.auto_progress(DEPLOY, takes);
    }

    /// A developer pushes a change of one file, which starts its verification.
    pub(super) fn push(&self, message: &str, path: &str) -> String {
        let commit = NewCommit::on("main").message(message).author("dev");
        self.repo.push(commit.file(path, &format!("{message}\n")))
    }

    /// The verification run of a commit, once it has ended.
    pub(super) fn verified(&self, sha: &str) -> Option<RunView> {
        let verify = self.repo.workflow_id(VERIFY);
        let of_it = |run: &RunView| run.workflow_id == verify && run.head_sha == sha;
        self.repo.runs().into_iter().find(|run| of_it(run) && run.conclusion.is_some())
    }

    /// The newest deploy run of a commit, whether it has ended or not.
    pub(super) fn deploy(&self, sha: &str) -> Option<RunView> {
        let deploy = self.repo.workflow_id(DEPLOY);
        let of_it =
            |run: &RunView| run.workflow_id == deploy && run.input_sha.as_deref() == Some(sha);
        self.repo.runs().into_iter().rev().find(of_it)
    }

    /// What the governor's newest status on a commit says.
    pub(super) fn status(&self, sha: &str) -> Option<Status> {
        self.repo.statuses(sha).into_iter().find(|status| status.context == CONTEXT)
    }

    /// The commits that the governor dispatched, oldest first.
    pub(super) fn dispatched(&self) -> Vec<String> {
        let dispatches = self.repo.dispatches().into_iter().filter(|one| one.by == GOVERNOR);
        dispatches.filter_map(|one| one.sha().map(str::to_owned)).collect()
    }
}

/// A sha as people write it.
pub(super) fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}
