//! A pull request, told sentence by sentence.

use crate::{MergeMethod, NewCommit, Repo};

/// A pull request of a story: a handle. What is done to it can be said in a row:
/// `repo.pull("ada", &["src/a.rs"]).labeled("approved", "bea").commented("/approve", "cy")`.
#[derive(Clone)]
pub struct Pull {
    repo: Repo,
    number: u64,
    /// As `owner:branch` where it is a fork's.
    head: String,
    base: String,
    author: String,
}

impl Repo {
    /// Opens a pull request to `main` from a branch of its own that changes these paths.
    pub fn pull(&self, by: &str, paths: &[&str]) -> Pull {
        self.pull_to("main", by, paths)
    }

    /// Opens a pull request to another branch.
    pub fn pull_to(&self, base: &str, by: &str, paths: &[&str]) -> Pull {
        self.pull_from(&format!("{by}-{}", self.count_commits()), base, by, paths)
    }

    /// Opens a pull request to `main` from a fork that is its author's.
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
    /// Its number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The branch that it comes from.
    #[must_use]
    pub fn branch(&self) -> &str {
        &self.head
    }

    /// The newest commit of that branch.
    #[must_use]
    pub fn head(&self) -> String {
        self.repo.tip(&self.head)
    }

    /// Somebody puts a label on it.
    pub fn labeled(&self, label: &str, by: &str) -> &Self {
        self.repo.add_label(self.number, label, by);
        self
    }

    /// Somebody takes a label off.
    pub fn unlabeled(&self, label: &str, by: &str) -> &Self {
        self.repo.remove_label(self.number, label, by);
        self
    }

    /// Somebody comments on it.
    pub fn commented(&self, body: &str, by: &str) -> &Self {
        self.comment(body, by);
        self
    }

    /// The same, and the comment's id.
    pub fn comment(&self, body: &str, by: &str) -> u64 {
        self.repo.comment(self.number, body, by)
    }

    /// Its author, or a moderator, edits a comment.
    pub fn edit_comment(&self, comment: u64, body: &str) -> &Self {
        self.repo.edit_comment(self.number, comment, body);
        self
    }

    /// Somebody deletes a comment.
    pub fn delete_comment(&self, comment: u64, by: &str) -> &Self {
        self.repo.delete_comment(self.number, comment, by);
        self
    }

    /// Somebody reviews what its head is now: `approved`, `changes_requested`, `commented`.
    pub fn reviewed(&self, verdict: &str, by: &str) -> &Self {
        self.repo.review(self.number, verdict, "", by);
        self
    }

    /// Its author pushes one more commit, which changes these paths.
    pub fn pushed(&self, paths: &[&str]) -> &Self {
        self.repo.push(self.changing(paths));
        self
    }

    /// The same with a commit of a date that the author chose.
    pub fn pushed_with_date(&self, paths: &[&str], date: jiff::Timestamp) -> &Self {
        self.repo.push(self.changing(paths).dated(date));
        self
    }

    /// Its author replaces all of its commits by one that changes these paths.
    pub fn force_pushed(&self, paths: &[&str]) -> &Self {
        let base = self.repo.tip(&self.base);
        self.repo.push(self.changing(paths).parents(&[&base]));
        self
    }

    /// Somebody closes it without a merge.
    pub fn closed(&self, by: &str) -> &Self {
        self.repo.close_issue(self.number, by);
        self
    }

    /// Somebody merges it; the sha that its base is at then.
    pub fn merged(&self, method: MergeMethod, by: &str) -> String {
        self.repo.merge_pull_request(self.number, method, by)
    }

    /// Somebody pushes all of it to its base by hand, which merges it; the sha of its head.
    pub fn fast_forwarded(&self, by: &str) -> String {
        let head = self.head();
        self.repo.force_push(&self.base, &head, by);
        head
    }

    fn changing(&self, paths: &[&str]) -> NewCommit {
        self.repo.changing(&self.head, paths).author(&self.author)
    }
}
