//! People and their pull requests. A few seconds pass after each action.

use std::ops::Deref;
use std::time::Duration;

use ghbox::story::{Person, Pull};
use ghbox::{MergeMethod, Team};
use release_governor::clock::ManualTime;

use super::Story;

/// The time that each action of a person takes.
const A_MOMENT: Duration = Duration::from_secs(5);

impl Story {
    /// Opens a pull request to `main` that changes these paths.
    pub fn pull(&mut self, by: &str, paths: &[&str]) -> PullRequest {
        let pull = self.repo.pull(by, paths);
        self.about(pull)
    }

    /// Opens a pull request to another branch than `main`.
    pub fn pull_to(&mut self, base: &str, by: &str, paths: &[&str]) -> PullRequest {
        let pull = self.repo.pull_to(base, by, paths);
        self.about(pull)
    }

    /// Opens a pull request to `main` from its author's fork.
    pub fn pull_from_fork(&mut self, by: &str, paths: &[&str]) -> PullRequest {
        let pull = self.repo.pull_from_fork(by, paths);
        self.about(pull)
    }

    fn about(&self, pull: Pull) -> PullRequest {
        self.time.advance(A_MOMENT);
        PullRequest { pull, time: self.time.clone() }
    }

    /// A user, without a role in the repository until the story assigns one.
    pub fn person(&self, login: &str) -> Person {
        self.repo.person(login)
    }

    /// An App's account, `login[bot]`.
    pub fn bot(&self, login: &str) -> Person {
        self.repo.bot(login)
    }

    /// Deletes a user's account.
    pub fn delete_user(&self, login: &str) {
        self.github.delete_user(login);
    }

    /// A team, such as `acme/release-captains`, with these members.
    pub fn team(&self, name: &str, members: &[&str]) -> Team {
        self.github.team(name, members)
    }
}

/// A pull request of a story. Time passes with each action.
pub struct PullRequest {
    pull: Pull,
    time: ManualTime,
}

impl Deref for PullRequest {
    type Target = Pull;

    fn deref(&self) -> &Pull {
        &self.pull
    }
}

impl PullRequest {
    fn after<R>(&self, done: R) -> R {
        self.time.advance(A_MOMENT);
        done
    }

    pub fn labeled(&self, label: &str, by: &str) -> &Self {
        self.pull.labeled(label, by);
        self.after(self)
    }

    pub fn unlabeled(&self, label: &str, by: &str) -> &Self {
        self.pull.unlabeled(label, by);
        self.after(self)
    }

    pub fn commented(&self, body: &str, by: &str) -> &Self {
        self.pull.commented(body, by);
        self.after(self)
    }

    /// Adds a comment. Returns its id.
    pub fn comment(&self, body: &str, by: &str) -> u64 {
        self.after(self.pull.comment(body, by))
    }

    pub fn edit_comment(&self, comment: u64, body: &str) -> &Self {
        self.pull.edit_comment(comment, body);
        self.after(self)
    }

    pub fn delete_comment(&self, comment: u64, by: &str) -> &Self {
        self.pull.delete_comment(comment, by);
        self.after(self)
    }

    pub fn reviewed(&self, verdict: &str, by: &str) -> &Self {
        self.pull.reviewed(verdict, by);
        self.after(self)
    }

    pub fn pushed(&self, paths: &[&str]) -> &Self {
        self.pull.pushed(paths);
        self.after(self)
    }

    /// Pushes a commit with a date far in the past.
    pub fn pushed_with_an_old_date(&self, paths: &[&str]) -> &Self {
        let long_ago = "2020-01-01T00:00:00Z".parse().unwrap();
        self.pull.pushed_with_date(paths, long_ago);
        self.after(self)
    }

    pub fn force_pushed(&self, paths: &[&str]) -> &Self {
        self.pull.force_pushed(paths);
        self.after(self)
    }

    pub fn closed(&self, by: &str) -> &Self {
        self.pull.closed(by);
        self.after(self)
    }

    /// Merges it. Returns the new sha of its base, which is not verified yet.
    pub fn merged(&self, method: MergeMethod, by: &str) -> String {
        self.after(self.pull.merged(method, by))
    }

    /// Pushes all of it to its base by hand. Returns the sha of its head.
    pub fn fast_forwarded(&self, by: &str) -> String {
        self.after(self.pull.fast_forwarded(by))
    }
}
