//! Assertions of stories: decisions, what GitHub shows, and the content of the ledger.

use ghbox::{NewCommit, Status, story as stage};
use jiff::Timestamp;
use release_governor::controller::{NotDone, PauseAnswer, Resumed, Triggering};
use release_governor::domain::{
    Approval, Branch, Decision, Entry, EntryKind, OperatorAction, ReleaseState, RepoId, Sha,
};
use release_governor::messages;
use release_governor::queries::{ReadModel, Readiness};
use release_governor::store::MemoryDisk;

use super::Story;

/// The context of the governor's statuses.
pub const CONTEXT: &str = "booty/release-governor";
pub const DEPLOY_FILE: &str = ".github/workflows/deploy.yml";

impl Story {
    /// Pushes this commit, with a successful verification.
    pub fn verified_commit(&mut self, commit: NewCommit) -> String {
        let sha = self.repo.push(commit);
        self.repo.verify(&sha, "success");
        self.later(5);
        sha
    }

    /// Pushes a deploy workflow with another text but the same behavior.
    pub fn edit_the_deploy_file(&mut self) -> String {
        let text = format!("{}# {}\n", stage::deploy_file().yaml(), self.time.wall());
        let sha = self.repo.push(NewCommit::on("main").file(DEPLOY_FILE, &text));
        self.later(5);
        sha
    }

    /// Puts a governed commit in production and runs a pass, so that the governor has seen it.
    pub fn settled_in_production(&mut self) -> String {
        let sha = self.in_production();
        self.good_pass();
        sha
    }

    /// Runs a successful pass and returns its decision about the candidate.
    pub fn decision(&mut self) -> Decision {
        let report = self.try_pass().unwrap_or_else(|error| panic!("the pass failed: {error}"));
        report.decision.expect("there is a candidate")
    }

    /// The result of `simulate` for a commit, whose sha may be abbreviated.
    pub fn simulates(&mut self, commit: &str) -> Result<Decision, NotDone> {
        self.start();
        let controller = self.governor.as_ref().unwrap().controller.clone();
        let (name, commit) = (self.name.clone(), commit.parse().unwrap());
        self.runtime.block_on(async { controller.simulate(&name, &commit).await })
    }

    /// `trigger SHA`, or `trigger SHA --rollback`.
    pub fn triggers(&mut self, sha: &str, rollback: bool) -> Result<Triggering, NotDone> {
        self.start();
        let controller = self.governor.as_ref().unwrap().controller.clone();
        let (name, commit) = (self.name.clone(), sha.parse().unwrap());
        self.runtime.block_on(async {
            controller.trigger(&name, &commit, rollback, Self::operator()).await
        })
    }

    /// `pause`.
    pub fn pauses(&mut self, why: &str) -> Result<PauseAnswer, NotDone> {
        self.start();
        let controller = self.governor.as_ref().unwrap().controller.clone();
        let name = self.name.clone();
        let by = Self::operator();
        self.runtime.block_on(async { controller.pause(&name, why.to_owned(), by).await })
    }

    /// `resume`.
    pub fn resumes(&mut self) -> Result<Resumed, NotDone> {
        self.start();
        let controller = self.governor.as_ref().unwrap().controller.clone();
        let name = self.name.clone();
        self.runtime.block_on(async { controller.resume(&name, Self::operator()).await })
    }

    /// Runs a successful pass and returns its decision about the candidate, as in `HOLD HIGH
    /// high_risk_no_approval`.
    pub fn decides(&mut self) -> String {
        let decision = self.decision();
        let (outcome, risk) = (decision.outcome().as_str(), decision.risk.class.as_str());
        format!("{outcome} {risk} {}", decision.reason().code())
    }

    /// The problem that `status` shows for the repository, if any.
    pub fn trouble(&self) -> Option<String> {
        let controller = &self.governor.as_ref().expect("it runs").controller;
        let shown = controller.snapshot(&self.name).expect("it is governed");
        shown.standing.trouble().map(str::to_owned)
    }

    /// When a pass last made decisions. A pass that only checks whether anything changed does
    /// not.
    pub fn judged_at(&self) -> Option<Timestamp> {
        let controller = &self.governor.as_ref().expect("it runs").controller;
        controller.snapshot(&self.name).expect("it is governed").decisions.at
    }

    /// Runs a successful pass and returns the evidence of its decision about the candidate, one
    /// item per line.
    pub fn evidence(&mut self) -> String {
        let decision = self.decision();
        messages::evidence(&decision, &self.name).join("\n")
    }

    /// Runs a successful pass and returns the hints for the candidate, one per line.
    pub fn hints(&mut self) -> String {
        let decision = self.decision();
        messages::hints(&decision, &self.name).join("\n")
    }

    /// The governor's statuses of a commit, oldest first.
    pub fn statuses(&self, sha: &str) -> Vec<Status> {
        let ours = |status: &Status| status.creator == stage::GOVERNOR && status.context == CONTEXT;
        let mut statuses: Vec<Status> = self.repo.statuses(sha).into_iter().filter(ours).collect();
        statuses.reverse();
        statuses
    }

    /// The governor's statuses of a commit as text, oldest first, one per line.
    pub fn said(&self, sha: &str) -> String {
        let lines = self.statuses(sha).into_iter().map(|status| {
            let words = tamed(&status.description);
            format!("{}: {}", status.state, words.replace(&sha[..7], "SHA"))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The target URL of the newest status under our context.
    pub fn target(&self, sha: &str) -> String {
        let statuses = self.repo.statuses(sha);
        let newest = statuses.iter().find(|one| one.context == CONTEXT);
        newest.and_then(|one| one.target_url.clone()).unwrap_or_else(|| "nowhere".to_owned())
    }

    /// The URL of the newest dispatch's run.
    pub fn deploy_page(&self) -> String {
        self.repo.run(self.deploy_run()).html_url
    }

    /// The run of the newest dispatch.
    pub fn deploy_run(&self) -> u64 {
        self.repo.dispatches().last().expect("something was dispatched").run_id
    }

    /// The URL of a commit's verification run.
    pub fn verification_page(&self, sha: &str) -> String {
        let verify = self.repo.workflow_id(stage::VERIFY);
        let runs = self.repo.runs();
        let run = runs.iter().rev().find(|run| run.workflow_id == verify && run.head_sha == sha);
        run.expect("it was verified").html_url.clone()
    }

    /// The number of writes to GitHub since the requests were last taken.
    pub fn writes(&mut self) -> usize {
        self.github.take_requests().iter().filter(|one| one.is_write()).count()
    }

    /// The sum of a counter or gauge over all its series.
    pub fn metric(&self, name: &str) -> f64 {
        let governor = self.governor.as_ref().expect("it runs");
        let text = governor.metrics.encode();
        let series = text.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Puts `count` answers about a repository into the store's cache.
    pub fn keeps_answers_about(&mut self, repository: &str, count: usize) -> &mut Self {
        self.start();
        let cache = self.governor.as_ref().expect("it runs").store.cache();
        for number in 0..count {
            let path = format!("/repos/{repository}/commits/{number:040x}/statuses");
            cache.put(&format!("2 GET http://127.0.0.1:1{path} "), b"[]".to_vec());
        }
        self
    }

    /// Puts `count` facts of the repository into the store.
    pub fn keeps_facts(&mut self, count: usize) -> &mut Self {
        let (id, store) = self.ledger_of();
        self.runtime.block_on(async {
            for number in 0..count {
                let key = format!("brought by {number:040x}");
                store.put_fact(id, &key, serde_json::json!([])).await.unwrap();
            }
        });
        self
    }

    /// The release state that the ledger adds up to.
    pub fn release(&mut self) -> ReleaseState {
        self.start();
        let (id, store) = self.ledger_of();
        self.runtime.block_on(async { store.ledger(id).await.unwrap().state().clone() })
    }

    /// The recorded evidence of the first decision about a commit, one item per line.
    pub fn recorded_evidence(&mut self, sha: &str) -> String {
        let decided = self.history().into_iter().find_map(|(_, entry)| {
            if let EntryKind::Decided { sha: of, evidence, .. } = entry.kind
                && of.as_str() == sha
            {
                Some(evidence)
            } else {
                None
            }
        });
        decided.expect("it was decided").join("\n")
    }

    /// All entries of the ledger, oldest first.
    pub fn history(&mut self) -> Vec<(u64, Entry)> {
        self.start();
        let (id, store) = self.ledger_of();
        let mut entries = self.runtime.block_on(async {
            let mut all = Vec::new();
            let mut before = None;
            loop {
                let page = store.history(id, before, 1_000).await.unwrap();
                before = page.last().map(|(seq, _)| *seq);
                if page.is_empty() {
                    break;
                }
                all.extend(page);
            }
            all
        });
        entries.reverse();
        entries
    }

    fn ledger_of(&mut self) -> (RepoId, release_governor::store::Store) {
        let store = self.governor.as_ref().expect("it runs").store.clone();
        let name = self.name.clone();
        let id = self.runtime.block_on(async { store.repo_id(&name).await.unwrap() });
        (id.expect("a pass comes first"), store)
    }

    /// An operator approves this commit, and the current deploy file at the tip.
    pub fn approve(&mut self, sha: &str) -> &mut Self {
        self.start();
        let deploy_file = self.repo.blob("main", DEPLOY_FILE);
        let approval = Approval {
            sha: sha.parse::<Sha>().unwrap(),
            deploy_file,
            why: "it was looked at".into(),
            by: Self::operator(),
        };
        self.operator_says(OperatorAction::Approved { approval })
    }

    /// An operator approves this commit with the command, which reads the tip itself.
    pub fn approve_by_command(&mut self, sha: &str) -> &mut Self {
        self.start();
        let controller = self.governor.as_ref().unwrap().controller.clone();
        let (name, commit) = (self.name.clone(), sha.parse().unwrap());
        let why = "it was looked at".to_owned();
        let said = controller.approve(&name, &commit, why, Self::operator());
        self.runtime.block_on(said).unwrap();
        self
    }

    /// Stops the disk after `changes` more changes, as if the process died.
    pub fn stop_the_disk_after(&mut self, changes: u64) -> &mut Self {
        self.disk.stop_after(changes);
        self
    }

    /// Simulates a power loss: all unsynced changes are lost.
    pub fn crash_unsynced(&mut self) -> &mut Self {
        if let Some(governor) = self.governor.take() {
            self.disk.crash(|_| false);
            drop(governor);
        }
        self
    }

    /// Prunes all prunable history.
    pub fn prune_the_history(&mut self) -> &mut Self {
        self.later(1).start();
        let store = self.governor.as_ref().unwrap().store.clone();
        let now = self.time.wall();
        self.runtime.block_on(async { store.prune(now).await }).unwrap();
        self
    }

    /// Takes a snapshot of the state directory while no governor runs.
    pub fn snapshot_of_the_disk(&mut self) -> MemoryDisk {
        self.stop();
        self.disk.snapshot()
    }

    /// Stops the process and restores a snapshot of its state directory.
    pub fn put_back(&mut self, snapshot: &MemoryDisk) -> &mut Self {
        self.stop();
        self.disk = snapshot.snapshot();
        self
    }

    /// Why the governor is not ready, if it is not.
    pub fn why_not_ready(&self) -> Option<String> {
        let controller = self.governor.as_ref().unwrap().controller.clone();
        match ReadModel::on(controller).readiness() {
            Readiness::Ready => None,
            Readiness::NotReady(why) => Some(why),
        }
    }

    /// Fills the disk, or frees space again.
    pub fn fill_the_disk(&mut self, full: bool) -> &mut Self {
        self.disk.set_full(full);
        self
    }
}

/// Hides the random id of an attempt.
fn tamed(description: &str) -> String {
    match description.split_once("dispatching ") {
        Some((before, _)) => format!("{before}dispatching ID"),
        None => description.to_owned(),
    }
}
