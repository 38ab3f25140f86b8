//! A repository and everything in it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::actions::{Actions, title_from};
use super::git::{Change, Git, NewCommit, changed, is_forked};
use super::ids::Ids;
use super::issues::Issues;
use super::merge_queue::MergeQueue;
use super::people::{Role, Standing};
use super::runs::Origin;
use super::statuses::Statuses;
use super::timeline::CommitsShow;
use super::workflow_file::{branch_matches, parse};

pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) default_branch: String,
    pub(super) private: bool,
    pub(super) archived: bool,
    /// Nobody can see it, as if it had become private.
    pub(super) hidden: bool,
    pub(super) has_issues: bool,
    pub(super) fork: bool,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) pushed_at: Timestamp,
    /// By lower-case login.
    pub(super) collaborators: BTreeMap<String, Standing>,
    /// Roles of the owner's teams, by lower-case slug.
    pub(super) teams: BTreeMap<String, Role>,
    pub(super) git: Git,
    pub(super) actions: Actions,
    pub(super) statuses: Statuses,
    pub(super) issues: Issues,
    /// When and in which order timelines show commits.
    pub(super) commits_show: CommitsShow,
    /// How long after a merge its commits have no associated pull request yet.
    pub(super) association_lag: SignedDuration,
    /// Whether the server signs the commits it makes itself. Enterprise Server may not.
    pub(super) signs_merges: bool,
    /// The merged content of files that both sides changed, by path.
    pub(super) merges_make: BTreeMap<String, String>,
    /// By branch.
    pub(super) merge_queues: BTreeMap<String, MergeQueue>,
}

impl Repository {
    pub(super) fn new(id: u64, owner: &str, name: &str, now: Timestamp) -> Self {
        Repository {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            default_branch: "main".to_owned(),
            private: true,
            archived: false,
            hidden: false,
            has_issues: true,
            fork: false,
            created_at: now,
            updated_at: now,
            pushed_at: now,
            collaborators: BTreeMap::from([(owner.to_lowercase(), Standing::of(Role::Admin))]),
            teams: BTreeMap::new(),
            git: Git { salt: id, ..Git::default() },
            actions: Actions::default(),
            statuses: Statuses::default(),
            issues: Issues::default(),
            commits_show: CommitsShow::default(),
            association_lag: SignedDuration::ZERO,
            signs_merges: true,
            merges_make: BTreeMap::new(),
            merge_queues: BTreeMap::new(),
        }
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Makes all changes in this repository that are due by `now`.
    pub(super) fn happen_until(&mut self, now: Timestamp, ids: &mut Ids) {
        self.actions.progress_until(now, ids);
        self.settle_queues(now, ids);
    }

    /// Creates a commit and moves its branch to it. Returns the sha.
    pub(super) fn push(&mut self, commit: &NewCommit, now: Timestamp, ids: &mut Ids) -> String {
        let tip = self.git.head(&commit.branch).cloned();
        let base = tip.or_else(|| self.git.branches.get(&self.default_branch).cloned());
        let parents = commit.parents.clone().unwrap_or_else(|| base.into_iter().collect());
        let tree = self.git.tree_of(parents.first().map(String::as_str));
        let tree = changed(&tree, &commit.changes);
        let date = commit.dated.unwrap_or(now);
        let made = self.git.write(tree, parents, &commit.message, &commit.author, date);
        self.move_branch(&commit.branch, &made.sha, &commit.author, now, ids);
        made.sha.clone()
    }

    /// Points a branch at a commit, with all consequences of a push.
    pub(super) fn move_branch(
        &mut self,
        branch: &str,
        sha: &str,
        by: &str,
        now: Timestamp,
        ids: &mut Ids,
    ) {
        let before = self.git.point(branch, sha);
        self.issues.head_moved(&self.git, branch, before.as_deref(), sha, by, now, ids);
        if is_forked(branch) {
            return;
        }
        self.pushed_at = now;
        self.merge_what_arrived(branch, before.as_deref(), sha, by, now, ids);
        let tree = self.git.tree_of(Some(sha));
        if branch == self.default_branch {
            self.actions.follow(&tree, now, ids);
        }
        self.run_on_push(branch, sha, by, now, ids);
    }

    fn run_on_push(&mut self, branch: &str, sha: &str, by: &str, now: Timestamp, ids: &mut Ids) {
        let tree = self.git.tree_of(Some(sha));
        let starting: Vec<u64> = self
            .actions
            .workflows
            .iter()
            .filter(|workflow| workflow.runs_on_push && workflow.activity == "active")
            .filter(|workflow| {
                let file = tree.get(&workflow.path).map(|blob| parse(&blob.content));
                file.is_some_and(|file| {
                    let branches = &file.push_branches;
                    file.triggers.iter().any(|trigger| trigger == "push")
                        && (branches.is_empty()
                            || branches.iter().any(|pattern| branch_matches(pattern, branch)))
                })
            })
            .map(|workflow| workflow.id)
            .collect();
        for workflow_id in starting {
            let origin = Origin {
                event: "push".to_owned(),
                head_branch: Some(branch.to_owned()),
                head_sha: sha.to_owned(),
                head_repository: None,
                title: self.title_of_commit(sha),
                actor: by.to_owned(),
                input_sha: None,
            };
            self.start_run(workflow_id, origin, &BTreeMap::new(), now, ids);
        }
    }

    /// Starts a run. Its title and concurrency group come from the workflow file at the run's
    /// commit.
    pub(super) fn start_run(
        &mut self,
        workflow_id: u64,
        mut origin: Origin,
        inputs: &BTreeMap<String, String>,
        now: Timestamp,
        ids: &mut Ids,
    ) -> Option<u64> {
        let path = &self.actions.workflows.iter().find(|workflow| workflow.id == workflow_id)?.path;
        let tree = self.git.tree_of(Some(&origin.head_sha));
        let file = tree.get(path).map(|blob| parse(&blob.content)).unwrap_or_default();
        let title = file.run_name.map(|template| title_from(&template, inputs));
        // GitHub uses the default title if `run-name` evaluates to an empty one.
        if let Some(title) = title.filter(|title| !title.trim().is_empty()) {
            origin.title = title;
        }
        self.actions.start(workflow_id, origin, file.concurrency, now, ids)
    }

    /// The title of a run that a push started: the first line of the commit message.
    pub(super) fn title_of_commit(&self, sha: &str) -> String {
        let message = self.git.commit(sha).map_or("", |commit| &commit.message);
        message.lines().next().unwrap_or_default().to_owned()
    }

    /// Creates a commit with these changes on top of its first parent. Moves no branch.
    pub(super) fn write_on(
        &mut self,
        parents: Vec<String>,
        changes: &[Change],
        message: &str,
        author: &str,
        now: Timestamp,
    ) -> String {
        let tree = self.git.tree_of(parents.first().map(String::as_str));
        let tree = changed(&tree, changes);
        self.git.write(tree, parents, message, author, now).sha.clone()
    }

    /// Records that GitHub made and signed a commit, if the server signs.
    pub(super) fn sign(&mut self, sha: &str) {
        if self.signs_merges {
            self.git.by_github.insert(sha.to_owned());
        }
    }

    /// Renames a branch. Open pull requests follow it, merged ones keep the old name
    /// (docs.github.com, "Renaming a branch").
    pub(super) fn rename_branch(&mut self, from: &str, to: &str) {
        let Some(tip) = self.git.branches.remove(from) else { return };
        self.git.branches.insert(to.to_owned(), tip);
        self.git.renamed.remove(to);
        self.git.renamed.insert(from.to_owned(), to.to_owned());
        if self.default_branch == from {
            to.clone_into(&mut self.default_branch);
        }
        for record in self.issues.by_number.values_mut().filter(|record| record.open) {
            if let Some(pull) = record.pull.as_mut().filter(|pull| pull.base_branch == from) {
                to.clone_into(&mut pull.base_branch);
            }
        }
    }
}
