//! Executes events about commits and their verification.

use ghbox::{NewCommit, StartRun, story as stage};
use jiff::SignedDuration;

use crate::files;
use crate::model::{OTHER_VERIFY, Undo};
use crate::script::{Touch, What};
use crate::world::World;

const VERIFICATIONS: [&str; 2] = [stage::VERIFY, OTHER_VERIFY];

impl World {
    pub(crate) fn commits(&mut self, at: usize, what: &What) {
        match what {
            What::Push { touch, verified, dated_back } => {
                self.push(at, *touch, *verified, *dated_back);
            }
            What::Merge { nth, touches, verified, dated_back } => {
                self.merge(at, *nth, *touches, *dated_back);
                self.verify_tip(at, *verified);
            }
            What::Revert { nth, by_sha, verified } => self.revert(at, *nth, *by_sha, *verified),
            What::Queue { touch } => self.queue(at, *touch),
            What::TakeName { verified } => self.take_name(at, *verified),
            What::PutRelease { nth } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                self.put_branch(at, "release", sha);
            }
            What::ForcePush { nth } => self.force_push(at, *nth),
            What::PutBranch { nth } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                self.put_branch(at, "main", sha);
            }
            _ => {}
        }
    }

    fn put_branch(&mut self, at: usize, branch: &str, sha: String) {
        let ground = &mut self.grounds[at];
        ground.repo.force_push(branch, &sha, "dev");
        ground.model.tips.insert(branch.to_owned(), sha);
        // A force push may remove the commit in which another file took the name.
        let model = &mut ground.model;
        let taken = model.line(&model.tips["main"]).find_map(|sha| model.names_taken.get(sha));
        model.verify_file = taken.copied().unwrap_or(stage::VERIFY);
    }

    pub(crate) fn next_version(&self, at: usize) -> u64 {
        u64::try_from(self.grounds[at].model.order.len()).unwrap()
    }

    fn dated(&self, commit: NewCommit, hours_back: u64) -> NewCommit {
        let back = SignedDuration::from_hours(i64::try_from(hours_back).unwrap());
        if hours_back > 0 { commit.dated(self.now() - back) } else { commit }
    }

    fn push(&mut self, at: usize, touch: Touch, verified: Option<&str>, dated_back: u64) {
        let version = self.next_version(at);
        let ground = &self.grounds[at];
        let commit = files::write("main", touch, version, ground.model.calls_lib);
        let commit = self.dated(commit, dated_back);
        let ground = &mut self.grounds[at];
        let tip = ground.model.tips["main"].clone();
        let sha = ground.repo.push(commit);
        let mut changed = ground.model.files(&tip);
        changed.insert(touch, version);
        ground.model.pushed(&sha, "main", &[tip], changed, None);
        self.verify_tip(at, verified);
    }

    pub(crate) fn verify_tip(&mut self, at: usize, verified: Option<&str>) {
        let Some(conclusion) = verified else { return };
        let ground = &self.grounds[at];
        let start = StartRun::push("main", &ground.model.tips["main"]);
        let run = ground.repo.start_run(ground.model.verify_file, start);
        ground.repo.finish_run(run, conclusion);
    }

    /// Merges two commits on a branch that forked from the first-parent chain `nth` commits
    /// ago.
    fn merge(&mut self, at: usize, nth: u64, touches: [Touch; 2], dated_back: u64) {
        let model = &self.grounds[at].model;
        let tip = model.tips["main"].clone();
        let Some(fork) = model.line(&tip).nth(usize::try_from(nth).unwrap()) else { return };
        let fork = fork.to_owned();
        let branch = format!("side-{}", model.order.len());
        let (mut parent, calls_lib) = (fork.clone(), model.calls_lib);
        for touch in touches {
            let version = self.next_version(at);
            let commit = files::write(&branch, touch, version, calls_lib).parents(&[&parent]);
            let commit = self.dated(commit, dated_back);
            let ground = &mut self.grounds[at];
            let sha = ground.repo.push(commit);
            let mut changed = ground.model.files(&parent);
            changed.insert(touch, version);
            ground.model.pushed(&sha, &branch, &[parent], changed, None);
            parent = sha;
        }
        let ground = &mut self.grounds[at];
        let (base, side) = (ground.model.files(&fork), ground.model.files(&parent));
        let mut merged = ground.model.files(&tip);
        merged.extend(side.into_iter().filter(|(touch, now)| base.get(touch) != Some(now)));
        let sha = ground.repo.merge_branch("main", &branch, "dev");
        ground.model.pushed(&sha, "main", &[tip, parent], merged, None);
    }

    /// Reverts what a commit did to its parent's files.
    fn revert(&mut self, at: usize, nth: u64, by_sha: bool, verified: Option<&str>) {
        let Some(sha) = self.commit(at, nth) else { return };
        let model = &self.grounds[at].model;
        let commit = model.commits[&sha].clone();
        let [parent] = commit.parents.as_slice() else { return };
        let tip = model.tips["main"].clone();
        if !model.contains(&tip, &sha) {
            return;
        }
        let (before, mut after) = (model.files(parent), model.files(&tip));
        let title = self.grounds[at].repo.title_of(&sha);
        let words = format!("This reverts commit {sha}.");
        let message = format!("Revert \"{title}\"\n\n{}", if by_sha { &words } else { "" });
        let mut revert = NewCommit::on("main").message(&message);
        for touch in Touch::ALL.into_iter().filter(|&touch| touch != Touch::VerifyFiles) {
            let (then, now) = (before.get(&touch), commit.files.get(&touch));
            if then != now {
                let version = then.copied().unwrap_or(0);
                revert = files::put(revert, touch, version, model.calls_lib);
                after.insert(touch, version);
            }
        }
        let undoes = match &commit.undoes {
            // A revert by title alone may refer to several commits.
            Some(undo) => {
                Undo { restores: !undo.restores, by_sha: by_sha && undo.by_sha, ..undo.clone() }
            }
            None => Undo { of: sha, restores: false, by_sha },
        };
        let ground = &mut self.grounds[at];
        let made = ground.repo.push(revert);
        ground.model.pushed(&made, "main", &[tip], after, Some(undoes));
        self.verify_tip(at, verified);
    }

    /// A merge queue tests the future state of the branch.
    fn queue(&mut self, at: usize, touch: Touch) {
        let version = self.next_version(at);
        let ground = &mut self.grounds[at];
        let tip = ground.model.tips["main"].clone();
        let branch = format!("gh-readonly-queue/main/pr-{version}-{tip}");
        let commit = files::write(&branch, touch, version, ground.model.calls_lib);
        let sha = ground.repo.push(commit.parents(&[&tip]));
        let mut changed = ground.model.files(&tip);
        changed.insert(touch, version);
        ground.model.pushed(&sha, &branch, &[tip], changed, None);
        let start = StartRun::of("merge_group", &branch, &sha);
        ground.repo.start_run(ground.model.verify_file, start);
    }

    /// Moves the branch to a commit that the queue's run tested.
    fn land(&mut self, at: usize, run: u64) {
        let ground = &mut self.grounds[at];
        let run = ground.repo.run(run);
        let fits = run.event == "merge_group" && run.conclusion.as_deref() == Some("success");
        let parents = ground.model.commits.get(&run.head_sha).map(|commit| &commit.parents);
        let tip = ground.model.tips["main"].clone();
        if fits && parents.is_some_and(|parents| *parents == [tip]) {
            self.put_branch(at, "main", run.head_sha);
        }
    }

    fn take_name(&mut self, at: usize, verified: Option<&str>) {
        let version = self.next_version(at);
        let ground = &mut self.grounds[at];
        let taken = ground.model.verify_file == stage::VERIFY;
        let tip = ground.model.tips["main"].clone();
        let sha = ground.repo.push(files::take_name(taken));
        let mut changed = ground.model.files(&tip);
        changed.insert(Touch::VerifyFiles, version);
        ground.model.pushed(&sha, "main", &[tip], changed, None);
        ground.model.verify_file = if taken { OTHER_VERIFY } else { stage::VERIFY };
        ground.model.names_taken.insert(sha, ground.model.verify_file);
        self.verify_tip(at, verified);
    }

    fn force_push(&mut self, at: usize, nth: u64) {
        let model = &self.grounds[at].model;
        let line: Vec<String> = model.line(&model.tips["main"]).map(str::to_owned).collect();
        let back = usize::try_from(nth).unwrap();
        // The first commit contains the workflows, so it is never removed.
        if let Some(sha) = line.get(back).filter(|_| back + 1 < line.len()) {
            self.put_branch(at, "main", sha.clone());
        }
    }

    pub(crate) fn verification(&mut self, at: usize, what: &What) {
        match what {
            What::Verify { nth, ends, by_hand, on, other } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                let event = if *by_hand { "workflow_dispatch" } else { "push" };
                let ground = &self.grounds[at];
                let file = if *other { OTHER_VERIFY } else { ground.model.verify_file };
                let run = ground.repo.start_run(file, StartRun::of(event, on, &sha));
                if let Some(conclusion) = ends {
                    ground.repo.finish_run(run, conclusion);
                }
            }
            What::VerifyAgain { nth, ends } => {
                let Some(run) = self.run(at, &VERIFICATIONS, *nth, Some(true)) else { return };
                self.grounds[at].repo.rerun(run, "dev");
                if let Some(conclusion) = ends {
                    self.grounds[at].repo.finish_run(run, conclusion);
                    self.land(at, run);
                }
            }
            What::EndVerification { nth, conclusion } => {
                let Some(run) = self.run(at, &VERIFICATIONS, *nth, Some(false)) else { return };
                self.grounds[at].repo.finish_run(run, conclusion);
                self.land(at, run);
            }
            What::Crowd { nth } => {
                let Some(sha) = self.commit(at, 1 + *nth) else { return };
                let ground = &self.grounds[at];
                for _ in 0..105 {
                    let start = StartRun::of("schedule", "main", &sha);
                    let run = ground.repo.start_run(ground.model.verify_file, start);
                    ground.repo.finish_run(run, "cancelled");
                }
            }
            What::IndexMisses { nth } => {
                if let Some(run) = self.run(at, &VERIFICATIONS, *nth, None) {
                    self.grounds[at].repo.index_misses(run, true);
                }
            }
            _ => {}
        }
    }
}
