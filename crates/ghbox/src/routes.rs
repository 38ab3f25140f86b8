//! Maps requests to operations, and operations to the modules that answer them.

mod actions;
mod apps;
mod git;
mod issues;
mod people;
mod repository;
mod statuses;

use http::Method;

pub(super) use apps::AppCall;

use super::access::{Access, Need, Permission};
use super::reply::{Asked, Reply};
use super::world::World;

/// An operation. [`Call::operation`] has its name in GitHub's OpenAPI description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    User,
    UserNamed(String),
    RateLimit,
    Meta,
    App(AppCall),
    Membership { organization: String, team: String, login: String },
    Repository,
    Permission(String),
    Branch(String),
    GitRef(String),
    Commits,
    Commit(String),
    Compare(String),
    Tree(String),
    Contents(String),
    Workflows,
    Workflow(String),
    WorkflowRuns(String),
    Runs,
    Run(u64),
    RunAttempt(u64, u64),
    RunJobs(u64),
    AttemptJobs(u64, u64),
    Dispatch(String),
    Statuses(String),
    CombinedStatus(String),
    CreateStatus(String),
    CommitPulls(String),
    Pull(u64),
    PullCommits(u64),
    PullFiles(u64),
    Timeline(u64),
    Events(u64),
    Comments(u64),
    CreateComment(u64),
    Issues,
    CreateIssue,
    Issue(u64),
    UpdateIssue(u64),
    Labels,
}

/// The names of all operations.
pub(super) const OPERATIONS: [&str; 48] = [
    "users/get-authenticated",
    "users/get-by-username",
    "rate-limit/get",
    "meta/get",
    "apps/get-authenticated",
    "apps/list-installations",
    "apps/get-installation",
    "apps/get-org-installation",
    "apps/get-user-installation",
    "apps/get-repo-installation",
    "apps/create-installation-access-token",
    "apps/list-repos-accessible-to-installation",
    "apps/revoke-installation-access-token",
    "teams/get-membership-for-user-in-org",
    "repos/get",
    "repos/get-collaborator-permission-level",
    "repos/get-branch",
    "git/get-ref",
    "repos/list-commits",
    "repos/get-commit",
    "repos/compare-commits-with-basehead",
    "git/get-tree",
    "repos/get-content",
    "actions/list-repo-workflows",
    "actions/get-workflow",
    "actions/list-workflow-runs",
    "actions/list-workflow-runs-for-repo",
    "actions/get-workflow-run",
    "actions/get-workflow-run-attempt",
    "actions/list-jobs-for-workflow-run",
    "actions/list-jobs-for-workflow-run-attempt",
    "actions/create-workflow-dispatch",
    "repos/list-commit-statuses-for-ref",
    "repos/get-combined-status-for-ref",
    "repos/create-commit-status",
    "repos/list-pull-requests-associated-with-commit",
    "pulls/get",
    "pulls/list-commits",
    "pulls/list-files",
    "issues/list-events-for-timeline",
    "issues/list-events",
    "issues/list-comments",
    "issues/create-comment",
    "issues/list-for-repo",
    "issues/create",
    "issues/get",
    "issues/update",
    "issues/list-labels-for-repo",
];

/// The repository that a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    Named(String, String),
    Numbered(u64),
}

impl Call {
    /// Parses a path that begins with `/` and has no query.
    pub(super) fn of(method: &Method, path: &str) -> Option<(Place, Call)> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let get = *method == Method::GET;
        match segments.as_slice() {
            ["user"] if get => Some((Place::Nowhere, Call::User)),
            ["users", login] if get => Some((Place::Nowhere, Call::UserNamed(decoded(login)))),
            ["meta"] if get => Some((Place::Nowhere, Call::Meta)),
            ["rate_limit"] if get => Some((Place::Nowhere, Call::RateLimit)),
            ["orgs", organization, "teams", team, "memberships", login] if get => {
                let (organization, team) = (decoded(organization), decoded(team));
                let login = decoded(login);
                Some((Place::Nowhere, Call::Membership { organization, team, login }))
            }
            ["repos", owner, name, rest @ ..] => {
                let place = Place::Named(decoded(owner), decoded(name));
                Some((place, Self::in_repository(method, rest)?))
            }
            ["repositories", id, rest @ ..] => {
                Some((Place::Numbered(id.parse().ok()?), Self::in_repository(method, rest)?))
            }
            other => Some((Place::Nowhere, Call::App(AppCall::of(method, other)?))),
        }
    }

    fn in_repository(method: &Method, rest: &[&str]) -> Option<Call> {
        match (method.as_str(), rest) {
            ("GET", [] | [""]) => Some(Call::Repository),
            ("GET", ["installation"]) => Some(Call::App(AppCall::OfRepository)),
            ("GET", ["collaborators", login, "permission"]) => {
                Some(Call::Permission(decoded(login)))
            }
            ("GET", ["branches", name @ ..]) => named(name).map(Call::Branch),
            ("GET", ["git", "ref", name @ ..]) => named(name).map(Call::GitRef),
            ("GET", ["git", "trees", sha @ ..]) => named(sha).map(Call::Tree),
            ("GET", ["compare", range @ ..]) => named(range).map(Call::Compare),
            ("GET", ["contents", path @ ..]) => Some(Call::Contents(joined(path))),
            ("GET", ["commits"]) => Some(Call::Commits),
            ("GET", ["commits", name @ .., "statuses"]) => named(name).map(Call::Statuses),
            ("GET", ["commits", name @ .., "status"]) => named(name).map(Call::CombinedStatus),
            ("GET", ["commits", name @ .., "pulls"]) => named(name).map(Call::CommitPulls),
            ("GET", ["commits", name @ ..]) => named(name).map(Call::Commit),
            // The old address, which answers still contain as `statuses_url`.
            ("GET", ["statuses", name @ ..]) => named(name).map(Call::Statuses),
            ("POST", ["statuses", sha]) => Some(Call::CreateStatus(decoded(sha))),
            (_, ["actions", rest @ ..]) => Self::in_actions(method, rest),
            (_, ["issues" | "pulls" | "labels", ..]) => Self::in_issues(method, rest),
            _ => None,
        }
    }

    fn in_actions(method: &Method, rest: &[&str]) -> Option<Call> {
        match (method.as_str(), rest) {
            ("GET", ["workflows"]) => Some(Call::Workflows),
            ("GET", ["workflows", key]) => Some(Call::Workflow(decoded(key))),
            ("GET", ["workflows", key, "runs"]) => Some(Call::WorkflowRuns(decoded(key))),
            ("POST", ["workflows", key, "dispatches"]) => Some(Call::Dispatch(decoded(key))),
            ("GET", ["runs"]) => Some(Call::Runs),
            ("GET", ["runs", id]) => Some(Call::Run(id.parse().ok()?)),
            ("GET", ["runs", id, "jobs"]) => Some(Call::RunJobs(id.parse().ok()?)),
            ("GET", ["runs", id, "attempts", number]) => {
                Some(Call::RunAttempt(id.parse().ok()?, number.parse().ok()?))
            }
            ("GET", ["runs", id, "attempts", number, "jobs"]) => {
                Some(Call::AttemptJobs(id.parse().ok()?, number.parse().ok()?))
            }
            _ => None,
        }
    }

    fn in_issues(method: &Method, rest: &[&str]) -> Option<Call> {
        match (method.as_str(), rest) {
            ("GET", ["labels"]) => Some(Call::Labels),
            ("GET", ["issues"]) => Some(Call::Issues),
            ("POST", ["issues"]) => Some(Call::CreateIssue),
            ("GET", ["issues", number]) => Some(Call::Issue(number.parse().ok()?)),
            ("PATCH", ["issues", number]) => Some(Call::UpdateIssue(number.parse().ok()?)),
            ("GET", ["issues", number, "timeline"]) => Some(Call::Timeline(number.parse().ok()?)),
            ("GET", ["issues", number, "events"]) => Some(Call::Events(number.parse().ok()?)),
            ("GET", ["issues", number, "comments"]) => Some(Call::Comments(number.parse().ok()?)),
            ("POST", ["issues", number, "comments"]) => {
                Some(Call::CreateComment(number.parse().ok()?))
            }
            ("GET", ["pulls", number]) => Some(Call::Pull(number.parse().ok()?)),
            ("GET", ["pulls", number, "commits"]) => Some(Call::PullCommits(number.parse().ok()?)),
            ("GET", ["pulls", number, "files"]) => Some(Call::PullFiles(number.parse().ok()?)),
            _ => None,
        }
    }

    /// GitHub's name of the operation.
    pub(super) fn operation(&self) -> &'static str {
        match self {
            Call::User => "users/get-authenticated",
            Call::UserNamed(_) => "users/get-by-username",
            Call::RateLimit => "rate-limit/get",
            Call::Meta => "meta/get",
            Call::App(call) => call.operation(),
            Call::Membership { .. } => "teams/get-membership-for-user-in-org",
            Call::Repository => "repos/get",
            Call::Permission(_) => "repos/get-collaborator-permission-level",
            Call::Branch(_) => "repos/get-branch",
            Call::GitRef(_) => "git/get-ref",
            Call::Commits => "repos/list-commits",
            Call::Commit(_) => "repos/get-commit",
            Call::Compare(_) => "repos/compare-commits-with-basehead",
            Call::Tree(_) => "git/get-tree",
            Call::Contents(_) => "repos/get-content",
            Call::Workflows => "actions/list-repo-workflows",
            Call::Workflow(_) => "actions/get-workflow",
            Call::WorkflowRuns(_) => "actions/list-workflow-runs",
            Call::Runs => "actions/list-workflow-runs-for-repo",
            Call::Run(_) => "actions/get-workflow-run",
            Call::RunAttempt(..) => "actions/get-workflow-run-attempt",
            Call::RunJobs(_) => "actions/list-jobs-for-workflow-run",
            Call::AttemptJobs(..) => "actions/list-jobs-for-workflow-run-attempt",
            Call::Dispatch(_) => "actions/create-workflow-dispatch",
            Call::Statuses(_) => "repos/list-commit-statuses-for-ref",
            Call::CombinedStatus(_) => "repos/get-combined-status-for-ref",
            Call::CreateStatus(_) => "repos/create-commit-status",
            Call::CommitPulls(_) => "repos/list-pull-requests-associated-with-commit",
            Call::Pull(_) => "pulls/get",
            Call::PullCommits(_) => "pulls/list-commits",
            Call::PullFiles(_) => "pulls/list-files",
            Call::Timeline(_) => "issues/list-events-for-timeline",
            Call::Events(_) => "issues/list-events",
            Call::Comments(_) => "issues/list-comments",
            Call::CreateComment(_) => "issues/create-comment",
            Call::Issues => "issues/list-for-repo",
            Call::CreateIssue => "issues/create",
            Call::Issue(_) => "issues/get",
            Call::UpdateIssue(_) => "issues/update",
            Call::Labels => "issues/list-labels-for-repo",
        }
    }

    /// The permission that the operation requires.
    pub(super) fn need(&self) -> Need {
        let (permission, access, push) = match self {
            Call::User
            | Call::UserNamed(_)
            | Call::RateLimit
            | Call::Meta
            | Call::App(_)
            | Call::Membership { .. }
            | Call::Repository
            | Call::Permission(_) => (Permission::Metadata, Access::Read, false),
            Call::Branch(_)
            | Call::GitRef(_)
            | Call::Commits
            | Call::Commit(_)
            | Call::Compare(_)
            | Call::Tree(_)
            | Call::Contents(_) => (Permission::Contents, Access::Read, false),
            Call::Workflows
            | Call::Workflow(_)
            | Call::WorkflowRuns(_)
            | Call::Runs
            | Call::Run(_)
            | Call::RunAttempt(..)
            | Call::RunJobs(_)
            | Call::AttemptJobs(..) => (Permission::Actions, Access::Read, false),
            Call::Dispatch(_) => (Permission::Actions, Access::Write, true),
            Call::Statuses(_) | Call::CombinedStatus(_) => {
                (Permission::Statuses, Access::Read, false)
            }
            Call::CreateStatus(_) => (Permission::Statuses, Access::Write, true),
            Call::CommitPulls(_) | Call::Pull(_) | Call::PullCommits(_) | Call::PullFiles(_) => {
                (Permission::PullRequests, Access::Read, false)
            }
            Call::Timeline(_)
            | Call::Events(_)
            | Call::Comments(_)
            | Call::Issues
            | Call::Issue(_)
            | Call::Labels => (Permission::Issues, Access::Read, false),
            Call::CreateComment(_) | Call::CreateIssue | Call::UpdateIssue(_) => {
                (Permission::Issues, Access::Write, false)
            }
        };
        Need { permission, access, push }
    }

    /// The number of the issue or pull request that the operation is about.
    pub(super) fn issue(&self) -> Option<u64> {
        if let Call::Timeline(number)
        | Call::Events(number)
        | Call::Comments(number)
        | Call::CreateComment(number)
        | Call::Issue(number)
        | Call::UpdateIssue(number) = self
        {
            return Some(*number);
        }
        None
    }

    /// Whether the operation creates content, for which there are separate limits.
    pub(super) fn creates_content(&self) -> bool {
        matches!(
            self,
            Call::CreateIssue
                | Call::CreateComment(_)
                | Call::UpdateIssue(_)
                | Call::CreateStatus(_)
                | Call::Dispatch(_)
        )
    }

    /// Answers the operation. `repository` is 0 for operations without a repository.
    pub(super) fn answer(&self, world: &mut World, repository: u64, asked: &Asked<'_>) -> Reply {
        if let Call::App(call) = self {
            return apps::answer(call, world, repository, asked);
        }
        if let Call::Membership { organization, team, login } = self {
            return people::membership(world, organization, team, login, asked);
        }
        repository::answer(self, world, repository, asked)
            .or_else(|| git::answer(self, world, repository, asked))
            .or_else(|| actions::answer(self, world, repository, asked))
            .or_else(|| statuses::answer(self, world, repository, asked))
            .or_else(|| issues::answer(self, world, repository, asked))
            .unwrap_or_else(Reply::not_found)
    }
}

/// A name that may contain slashes, escaped or not. `None` if it is empty.
fn named(segments: &[&str]) -> Option<String> {
    Some(joined(segments)).filter(|name| !name.is_empty())
}

fn joined(segments: &[&str]) -> String {
    decoded(&segments.join("/"))
}

/// Decodes percent-encoding. Invalid escapes are kept as they are.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| first == b'%');
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
