//! The API of stories and tests: how they change the world and inspect it.

mod actions;
mod apps;
mod issues;
mod lifecycle;
mod people;
mod pulls;
mod server;
mod teams;

use super::access::Token;
use super::faults::{Fault, FaultId, FaultOn};
use super::git::NewCommit;
use super::ids::next;
use super::repository::Repository;
use super::statuses::NewStatus;
use super::world::World;
use super::{GhBox, misuse};

pub use apps::{GhApp, Installed, NewApp};
pub use issues::Issue;
pub use teams::Team;

/// A handle to one repository of a box. It follows the repository through renames.
#[derive(Clone)]
pub struct Repo {
    github: GhBox,
    id: u64,
}

/// A commit status, as tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Ids grow with time.
    pub id: u64,
    pub context: String,
    /// `error`, `failure`, `pending` or `success`.
    pub state: String,
    pub description: String,
    pub target_url: Option<String>,
    pub creator: String,
    pub created_at: jiff::Timestamp,
}

impl GhBox {
    /// Creates an empty, private repository, `owner/name`. A name that another repository gave
    /// up, or that was deleted, can be used again; the id is new.
    pub fn create_repository(&self, full_name: &str) -> Repo {
        let Some((owner, name)) = full_name.split_once('/') else {
            misuse(format_args!("a repository called {full_name:?}, without an owner"))
        };
        let mut world = self.world();
        let taken = world.repository_named(full_name);
        if taken.is_some_and(|taken| taken.full_name().eq_ignore_ascii_case(full_name)) {
            misuse(format_args!("a second repository called {full_name}"));
        }
        world.user(owner);
        let id = next(&mut world.ids.repository);
        let repository = Repository::new(id, owner, name, world.now);
        world.repositories.insert(id, repository);
        world.names.insert(full_name.to_lowercase(), id);
        Repo { github: self.clone(), id }
    }

    /// The repository that currently has this name.
    #[must_use]
    pub fn repository(&self, full_name: &str) -> Repo {
        let id = self.world().repository_named(full_name).map(|repository| repository.id);
        let id = id.unwrap_or_else(|| misuse(format_args!("the repository {full_name}")));
        Repo { github: self.clone(), id }
    }

    /// Makes a token valid: an App installation token for a `…[bot]` login, otherwise a classic
    /// token with the scope `repo`.
    pub fn add_token(&self, token: &str, login: &str) {
        let kind = if login.ends_with("[bot]") {
            Token::installation(login)
        } else {
            Token::classic(login, &["repo"])
        };
        self.add_token_with(token, kind);
    }

    /// Makes a token valid with the given rights. Replaces an existing token with the same
    /// text.
    pub fn add_token_with(&self, token: &str, rights: Token) {
        let mut world = self.world();
        world.user(&rights.login);
        world.tokens.insert(token.to_owned(), rights);
    }

    /// Makes a token invalid: GitHub answers it with 401 from now on.
    pub fn revoke_token(&self, token: &str) {
        self.world().tokens.remove(token);
    }

    /// Makes requests fail. [`FaultOn`] selects the requests, [`Fault`] the failure.
    pub fn fail(&self, on: FaultOn, fault: Fault) -> FaultId {
        let world = &mut *self.world();
        world.faults.add(on, fault, &mut world.ids)
    }

    /// Carries out the next request of an operation, but loses its answer.
    pub fn lose_the_answer_to(&self, operation: &str) -> FaultId {
        self.fail(FaultOn::operation(operation), Fault::LoseAnswer)
    }

    /// Removes one fault.
    pub fn mend(&self, fault: FaultId) {
        self.world().faults.mend(fault);
    }

    /// Makes `per_mille` of every 1,000 requests fail, each in a way drawn from `kinds`,
    /// reproducibly by `seed`.
    pub fn rage(&self, seed: u64, per_mille: u64, kinds: Vec<Fault>) {
        self.world().faults.rage(seed, per_mille, kinds);
    }

    /// Removes all faults.
    pub fn calm(&self) {
        self.world().faults.calm();
    }
}

impl Repo {
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        act(&mut self.github.world())
    }

    fn with_awake<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        self.with(|world| {
            world.wake(self.id);
            act(world)
        })
    }

    pub(crate) fn here<R>(&self, act: impl FnOnce(&mut Repository) -> R) -> R {
        self.with_awake(|world| match world.repositories.get_mut(&self.id) {
            Some(repository) => act(repository),
            None => misuse(format_args!("a repository that was deleted, id {}", self.id)),
        })
    }

    /// Like [`Repo::here`], but also passes the current time and the id counters.
    fn change<R>(
        &self,
        act: impl FnOnce(&mut Repository, jiff::Timestamp, &mut super::ids::Ids) -> R,
    ) -> R {
        self.with_awake(|world| match world.repositories.get_mut(&self.id) {
            Some(repository) => act(repository, world.now, &mut world.ids),
            None => misuse(format_args!("a repository that was deleted, id {}", self.id)),
        })
    }

    /// The repository's id, which survives renames.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The current `owner/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        self.here(|repository| repository.full_name())
    }

    /// The box that contains the repository.
    #[must_use]
    pub fn github(&self) -> &GhBox {
        &self.github
    }

    /// Pushes one commit and returns its sha. A change without content deletes its path.
    pub fn commit(
        &self,
        branch: &str,
        message: &str,
        author: &str,
        changes: &[(&str, Option<&str>)],
    ) -> String {
        let commit = NewCommit::on(branch).message(message).author(author);
        self.push(changes.iter().fold(commit, |commit, (path, content)| match content {
            Some(content) => commit.file(path, content),
            None => commit.delete(path),
        }))
    }

    /// Pushes one commit and returns its sha.
    pub fn push(&self, commit: NewCommit) -> String {
        self.with(|world| world.user(&commit.author));
        self.change(|repository, now, ids| repository.push(&commit, now, ids))
    }

    /// Creates a merge commit of two branches on `into` and returns its sha.
    pub fn merge_branch(&self, into: &str, from: &str, author: &str) -> String {
        let (tip, other) = (self.tip(into), self.tip(from));
        let files = self.here(|repository| {
            let git = &repository.git;
            let compared = git.commit(&tip).zip(git.commit(&other));
            let compared = compared.and_then(|(tip, other)| git.compare(tip, other));
            compared.map(|comparison| comparison.files).unwrap_or_default()
        });
        let tree = self.here(|repository| repository.git.tree_of(Some(&other)));
        let message = format!("Merge branch '{from}'");
        let commit = NewCommit::on(into).message(&message).author(author).parents(&[&tip, &other]);
        self.push(files.iter().fold(commit, |commit, file| {
            let commit = match &file.previous {
                Some(previous) => commit.delete(previous),
                None => commit,
            };
            match tree.get(&file.path) {
                Some(blob) => commit.file(&file.path, &blob.content),
                None => commit.delete(&file.path),
            }
        }))
    }

    /// The first line of a commit's message.
    #[must_use]
    pub fn title_of(&self, sha: &str) -> String {
        self.here(|repository| repository.title_of_commit(sha))
    }

    /// The sha of a branch's tip.
    #[must_use]
    pub fn tip(&self, branch: &str) -> String {
        self.here(|repository| match repository.git.head(branch) {
            Some(sha) => sha.clone(),
            None => misuse(format_args!("the branch {branch} of {}", repository.full_name())),
        })
    }

    /// The blob sha of a file at the tip of a branch.
    #[must_use]
    pub fn blob(&self, branch: &str, path: &str) -> Option<String> {
        let tip = self.tip(branch);
        self.here(|repository| {
            repository.git.tree_of(Some(&tip)).get(path).map(|it| it.sha.clone())
        })
    }

    /// Points a branch at an existing commit: a new branch, a fast-forward (as by a merge
    /// queue) or a force push.
    pub fn force_push(&self, branch: &str, sha: &str, by: &str) {
        self.with(|world| world.user(by));
        self.change(|repository, now, ids| {
            if repository.git.commit(sha).is_none() {
                misuse(format_args!("the commit {sha} in {}", repository.full_name()));
            }
            repository.move_branch(branch, sha, by, now, ids);
        });
    }

    /// Creates a tag at a commit.
    pub fn tag(&self, name: &str, sha: &str) {
        self.here(|repository| repository.git.tags.insert(name.to_owned(), sha.to_owned()));
    }

    /// Writes a commit status as the given user.
    pub fn set_status(&self, sha: &str, context: &str, state: &str, description: &str, by: &str) {
        self.set_linked_status(sha, context, state, description, None, by);
    }

    /// Writes a commit status with a target URL.
    pub fn set_linked_status(
        &self,
        sha: &str,
        context: &str,
        state: &str,
        description: &str,
        target_url: Option<&str>,
        by: &str,
    ) {
        self.with(|world| world.user(by));
        let new = NewStatus {
            state: state.to_owned(),
            context: Some(context.to_owned()),
            description: Some(description.to_owned()),
            target_url: target_url.map(str::to_owned),
        };
        let written =
            self.change(|repository, now, ids| repository.statuses.write(sha, new, by, now, ids));
        if let Err((field, words)) = written {
            misuse(format_args!("a status whose {field} {words}"));
        }
    }

    /// The statuses of a commit, newest first.
    #[must_use]
    pub fn statuses(&self, sha: &str) -> Vec<Status> {
        self.here(|repository| {
            let statuses = repository.statuses.of(sha).iter().rev();
            statuses
                .map(|status| Status {
                    id: status.id,
                    context: status.context.clone(),
                    state: status.state.clone(),
                    description: status.description.clone().unwrap_or_default(),
                    target_url: status.target_url.clone(),
                    creator: status.creator.clone(),
                    created_at: status.created_at,
                })
                .collect()
        })
    }
}
