//! Pull requests and the three merge methods.

use jiff::Timestamp;

use super::git::{Change, Git, Tree};
use super::history::{ChangeKind, FileChange, diff};
use super::ids::{Ids, object_name};
use super::issues::IssueRecord;
use super::repository::Repository;
use super::timeline::EventKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMethod {
    /// A merge commit with two parents.
    Merge,
    /// One new commit with all changes.
    Squash,
    /// Each commit is recreated with a new sha.
    Rebase,
}

#[derive(Clone, Debug)]
pub(super) struct Pull {
    /// `owner:branch` for a fork's branch.
    pub(super) head_branch: String,
    /// The id of the fork that it comes from.
    pub(super) fork: Option<u64>,
    pub(super) head_sha: String,
    pub(super) base_branch: String,
    pub(super) base_sha: String,
    /// Oldest first.
    pub(super) commits: Vec<String>,
    pub(super) merged_at: Option<Timestamp>,
    pub(super) merged_by: Option<String>,
    pub(super) merge_commit_sha: Option<String>,
    /// The commits that the merge added to the base branch.
    pub(super) landed: Vec<String>,
}

impl Pull {
    /// The commits in the head that were not in the base when the pull request was opened.
    pub(super) fn commits_in(&self, git: &Git) -> Vec<String> {
        let comparison = git
            .commit(&self.base_sha)
            .zip(git.commit(&self.head_sha))
            .and_then(|(base, head)| git.compare(base, head));
        comparison.map_or_else(Vec::new, |comparison| {
            comparison.ahead.iter().map(|commit| commit.sha.clone()).collect()
        })
    }

    /// The value of `merge_commit_sha`. Before the merge, it is the sha of the test merge with
    /// which GitHub checks mergeability (docs.github.com, REST "Get a pull request").
    pub(super) fn merge_commit(&self) -> String {
        let tried = || {
            let (base, head) = (self.base_sha.as_bytes(), self.head_sha.as_bytes());
            object_name([b"test merge".as_slice(), base, head])
        };
        self.merge_commit_sha.clone().unwrap_or_else(tried)
    }

    /// The owner of the head branch, and the branch's name.
    pub(super) fn head_of<'p>(&'p self, owner: &'p str) -> (&'p str, &'p str) {
        self.head_branch.split_once(':').unwrap_or((owner, &self.head_branch))
    }

    pub(super) fn files(&self, git: &Git) -> Vec<FileChange> {
        let comparison = git
            .commit(&self.base_sha)
            .zip(git.commit(&self.head_sha))
            .and_then(|(base, head)| git.compare(base, head));
        comparison.map_or_else(Vec::new, |comparison| comparison.files)
    }
}

/// The changes that reproduce a diff on another tree.
fn replay(changes: &[FileChange], source: &Tree) -> Vec<Change> {
    let mut replayed = Vec::new();
    for change in changes {
        let gone = if change.kind == ChangeKind::Removed {
            Some(&change.path)
        } else {
            change.previous.as_ref()
        };
        replayed.extend(gone.cloned().map(Change::Delete));
        if let Some(blob) = source.get(&change.path) {
            replayed.push(Change::Write(change.path.clone(), blob.content.to_string()));
        }
    }
    replayed
}

impl IssueRecord {
    /// Closes a pull request as merged by these commits. Returns its base branch.
    fn merged(
        &mut self,
        landed: Vec<String>,
        by: &str,
        now: Timestamp,
        ids: &mut Ids,
    ) -> Option<String> {
        let sha = landed.last()?.clone();
        self.note(EventKind::Merged { sha: sha.clone() }, by, now, ids);
        self.set_open(false, None, by, now, ids);
        self.reason = None;
        let pull = self.pull.as_mut()?;
        pull.merged_at = Some(now);
        pull.merged_by = Some(by.to_owned());
        pull.merge_commit_sha = Some(sha);
        pull.landed = landed;
        Some(pull.base_branch.clone())
    }
}

impl Repository {
    /// Opens a pull request. `None` if a branch is missing.
    #[expect(clippy::too_many_arguments, reason = "a pull request is told whole")]
    pub(super) fn open_pull(
        &mut self,
        head: &str,
        base: &str,
        title: &str,
        author: &str,
        fork: Option<u64>,
        now: Timestamp,
        ids: &mut Ids,
    ) -> Option<u64> {
        let mut pull = Pull {
            head_branch: head.to_owned(),
            fork,
            head_sha: self.git.head(head)?.clone(),
            base_branch: base.to_owned(),
            base_sha: self.git.branches.get(base)?.clone(),
            commits: Vec::new(),
            merged_at: None,
            merged_by: None,
            merge_commit_sha: None,
            landed: Vec::new(),
        };
        pull.commits = pull.commits_in(&self.git);
        let record = self.issues.open(title, None, author, now, ids);
        for sha in pull.commits.clone() {
            record.note(EventKind::Committed(sha), author, now, ids);
        }
        record.pull = Some(pull);
        Some(record.number)
    }

    /// Merges a pull request and returns the new tip of its base branch.
    pub(super) fn merge_pull(
        &mut self,
        number: u64,
        method: MergeMethod,
        by: &str,
        now: Timestamp,
        ids: &mut Ids,
    ) -> Option<String> {
        let record = self.issues.by_number.get(&number).filter(|record| record.open)?;
        let base = &record.pull.as_ref()?.base_branch;
        let tip = self.git.branches.get(base)?.clone();
        let landed = self.land(number, &tip, method, by, now)?;
        self.finish_merge(number, landed, by, now, ids)
    }

    /// Creates the commits that apply a pull request on top of `tip`. Moves no branch.
    pub(super) fn land(
        &mut self,
        number: u64,
        tip: &str,
        method: MergeMethod,
        by: &str,
        now: Timestamp,
    ) -> Option<Vec<String>> {
        let record = self.issues.by_number.get(&number)?;
        let (title, author) = (record.title.clone(), record.author.clone());
        let pull = record.pull.clone()?;
        Some(match method {
            MergeMethod::Merge => self.land_merge(&pull, tip, number, &title, by, now)?,
            MergeMethod::Squash => {
                let changes = self.changes_of_pull(&pull, tip)?;
                let message = self.squash_message(&pull, number, &title);
                let sha = self.write_on(vec![tip.to_owned()], &changes, &message, &author, now);
                self.sign(&sha);
                vec![sha]
            }
            MergeMethod::Rebase => self.land_rebased(&pull, tip.to_owned(), now),
        })
    }

    /// Moves the base branch to the last of these commits, and closes the pull request.
    pub(super) fn finish_merge(
        &mut self,
        number: u64,
        landed: Vec<String>,
        by: &str,
        now: Timestamp,
        ids: &mut Ids,
    ) -> Option<String> {
        let sha = landed.last()?.clone();
        let record = self.issues.by_number.get_mut(&number)?;
        let base = record.merged(landed, by, now, ids)?;
        self.move_branch(&base, &sha, by, now, ids);
        Some(sha)
    }

    /// A push that brings all of a pull request's commits to its base merges the pull request
    /// (docs.github.com, "About pull request merges", indirect merges).
    pub(super) fn merge_what_arrived(
        &mut self,
        base: &str,
        before: Option<&str>,
        tip: &str,
        by: &str,
        now: Timestamp,
        ids: &mut Ids,
    ) {
        let mut records = self.issues.by_number.values();
        let waits = |pull: &Pull| pull.base_branch == base;
        if !records.any(|record| record.open && record.pull.as_ref().is_some_and(waits)) {
            return;
        }
        let steps = self.git.first_parents(tip, before);
        for record in self.issues.by_number.values_mut().filter(|record| record.open) {
            let Some(pull) = record.pull.as_ref().filter(|pull| waits(pull)) else { continue };
            // The first commit that contains all of it: the head itself, or a merge made
            // elsewhere.
            let merge = steps.iter().find(|sha| self.git.is_ancestor(&pull.head_sha, sha));
            let Some(merge) = merge.filter(|_| !pull.commits.is_empty()) else { continue };
            let mut landed = pull.commits.clone();
            landed.retain(|sha| sha != merge);
            landed.push(merge.clone());
            record.merged(landed, by, now, ids);
        }
    }

    fn land_merge(
        &mut self,
        pull: &Pull,
        tip: &str,
        number: u64,
        title: &str,
        by: &str,
        now: Timestamp,
    ) -> Option<Vec<String>> {
        let changes = self.changes_of_pull(pull, tip)?;
        let (owner, branch) = pull.head_of(&self.owner);
        let message = format!("Merge pull request #{number} from {owner}/{branch}\n\n{title}");
        let parents = vec![tip.to_owned(), pull.head_sha.clone()];
        let sha = self.write_on(parents, &changes, &message, by, now);
        self.sign(&sha);
        Some(pull.commits.iter().cloned().chain([sha]).collect())
    }

    /// The default message of a squash merge: the message of a single commit, or the pull
    /// request's title and the messages of all of its commits (docs.github.com, "About pull
    /// request merges", merge message for a squash merge).
    fn squash_message(&self, pull: &Pull, number: u64, title: &str) -> String {
        let messages: Vec<&str> = pull
            .commits
            .iter()
            .filter_map(|sha| Some(self.git.commit(sha)?.message.trim()))
            .collect();
        if let [message] = messages.as_slice() {
            let (title, body) = message.split_once('\n').unwrap_or((message, ""));
            return format!("{title} (#{number})\n\n{}", body.trim()).trim_end().to_owned();
        }
        let listed: Vec<String> =
            messages.into_iter().map(|message| format!("* {message}")).collect();
        format!("{title} (#{number})\n\n{}", listed.join("\n\n")).trim_end().to_owned()
    }

    fn land_rebased(&mut self, pull: &Pull, mut tip: String, now: Timestamp) -> Vec<String> {
        let mut landed = Vec::new();
        for sha in &pull.commits {
            let Some(commit) = self.git.commit(sha).cloned() else { continue };
            let before = self.git.tree_of(commit.parents.first().map(String::as_str));
            let changes = self.merged(replay(&diff(&before, &commit.tree), &commit.tree));
            tip = self.write_on(vec![tip], &changes, &commit.message, &commit.author, now);
            landed.push(tip.clone());
        }
        landed
    }

    /// The changes of the pull request, compared with the current base branch.
    fn changes_of_pull(&self, pull: &Pull, tip: &str) -> Option<Vec<Change>> {
        let head = self.git.commit(&pull.head_sha)?;
        let comparison = self.git.compare(self.git.commit(tip)?, head)?;
        Some(self.merged(replay(&comparison.files, &head.tree)))
    }

    /// Replaces the content of files for which the story defined a merge result. The box itself
    /// does not merge lines.
    fn merged(&self, mut changes: Vec<Change>) -> Vec<Change> {
        for change in &mut changes {
            if let Change::Write(path, content) = change
                && let Some(together) = self.merges_make.get(path)
            {
                content.clone_from(together);
            }
        }
        changes
    }
}
