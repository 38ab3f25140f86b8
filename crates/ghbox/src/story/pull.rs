//! Pull requests, with methods that can be chained.

use crate::{MergeMethod, NewCommit, Repo};

/// A handle to a pull request of a story. Actions can be chained: `repo.pull("ada",
/// &["src/a.rs"]).labeled("approved", "bea").commented("/approve", "cy")`.
#[derive(Clone)]
pub struct Pull {
    repo: Repo,
    number: u64,
    /// `owner:branch` for a fork's branch.
    head: String,
    base: String,
    author: String,
}

impl Repo {
    /// Opens a pull request to `main` from a new branch that changes these paths.
    pub fn pull(&self, by: &str, paths: &[&str]) -> Pull {
        self.pull_to("main", by, paths)
    }

    /// Opens a pull request to another branch.
    pub fn pull_to(&self, base: &str, by: &str, paths: &[&str]) -> Pull {
        self.pull_from(&format!("{by}-{}", self.count_commits()), base, by, paths)
    }

    /// Opens a pull request to `main` from the author's fork.
    pub fn pull_from_fork(&self, by: &str, paths: &[&str]) -> Pull {
        self.pull_from(&format!("{by}:patch-{}", self.count_commits()), "main", by, paths)
    }

    fn pull_from(&self, head: &str, base: &str, by: &str, paths: &[&str]) -> Pull {
        let tip = self.tip(base);
        self.push(self.changing(head, paths).author(by).parents(&[&tip]));
        let title = format!("Change {}", paths.join(", "));
        let number = self.open_pull_request(head, base, &title, by);
        let (repo, author) = (self.clone(), by.to_owned());
        Pull { repo, number, head: head.to_owned(), base: base.to_owned(), author }
    }
}

impl Pull {
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The head branch.
    #[must_use]
    pub fn branch(&self) -> &str {
        &self.head
    }

    /// The sha of the head branch's tip.
    #[must_use]
    pub fn head(&self) -> String {
        self.repo.tip(&self.head)
    }

    /// Adds a label as the given user.
    pub fn labeled(&self, label: &str, by: &str) -> &Self {
        self.repo.add_label(self.number, label, by);
        self
    }

    /// Removes a label as the given user.
    pub fn unlabeled(&self, label: &str, by: &str) -> &Self {
        self.repo.remove_label(self.number, label, by);
        self
    }

    /// Adds a comment as the given user.
    pub fn commented(&self, body: &str, by: &str) -> &Self {
        self.comment(body, by);
        self
    }

    /// Like [`Pull::commented`], but returns the comment's id.
    pub fn comment(&self, body: &str, by: &str) -> u64 {
        self.repo.comment(self.number, body, by)
    }

    /// Edits a comment, as its author or a moderator can.
    pub fn edit_comment(&self, comment: u64, body: &str) -> &Self {
        self.repo.edit_comment(self.number, comment, body);
        self
    }

    /// Deletes a comment as the given user.
    pub fn delete_comment(&self, comment: u64, by: &str) -> &Self {
        self.repo.delete_comment(self.number, comment, by);
        self
    }

    /// Reviews the current head: `approved`, `changes_requested` or `commented`.
    pub fn reviewed(&self, verdict: &str, by: &str) -> &Self {
        self.repo.review(self.number, verdict, "", by);
        self
    }

    /// The author pushes another commit, which changes these paths.
    pub fn pushed(&self, paths: &[&str]) -> &Self {
        self.repo.push(self.changing(paths));
        self
    }

    /// Like [`Pull::pushed`], with a commit date chosen by the author.
    pub fn pushed_with_date(&self, paths: &[&str], date: jiff::Timestamp) -> &Self {
        self.repo.push(self.changing(paths).dated(date));
        self
    }

    /// The author replaces all commits with one that changes these paths.
    pub fn force_pushed(&self, paths: &[&str]) -> &Self {
        let base = self.repo.tip(&self.base);
        self.repo.push(self.changing(paths).parents(&[&base]));
        self
    }

    /// Closes the pull request without a merge.
    pub fn closed(&self, by: &str) -> &Self {
        self.repo.close_issue(self.number, by);
        self
    }

    /// Merges the pull request and returns the new tip of its base branch.
    pub fn merged(&self, method: MergeMethod, by: &str) -> String {
        self.repo.merge_pull_request(self.number, method, by)
    }

    /// Pushes all commits to the base branch by hand, which merges the pull request. Returns
    /// the sha of its head.
    pub fn fast_forwarded(&self, by: &str) -> String {
        let head = self.head();
        self.repo.force_push(&self.base, &head, by);
        head
    }

    fn changing(&self, paths: &[&str]) -> NewCommit {
        self.repo.changing(&self.head, paths).author(&self.author)
    }
}
