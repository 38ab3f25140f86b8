//! Executes events at the fake GitHub, and updates the model.

use std::time::Duration;

use ghbox::{Fault, FaultOn, story::GOVERNOR};
use jiff::SignedDuration;
use release_governor::store::MemoryDisk;

use crate::calendar::{self, Planned};
use crate::due::Asks;
use crate::model::{Approved, Lift};
use crate::process::{Asked, Freeze};
use crate::script::{Event, Hit, What};
use crate::world::{Ground, KeptWords, World};

/// Faults that requests may meet during an outage.
fn rage() -> Vec<Fault> {
    vec![
        Fault::Status(500),
        Fault::Status(502),
        Fault::Status(503),
        Fault::StatusAfter(502),
        Fault::StatusAfter(500),
        Fault::LoseAnswer,
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::RefuseConnection,
        Fault::Delay(Duration::from_secs(5)),
        Fault::Delay(Duration::from_secs(45)),
        Fault::Hang,
        Fault::Truncate,
        Fault::MalformedJson,
        Fault::Html(502),
        Fault::SecondaryLimit { status: 403, retry_after: Some(7) },
        Fault::SecondaryLimit { status: 429, retry_after: None },
    ]
}

impl World {
    /// Executes one event. Returns the repository at which it may have caused a dispatch.
    pub(crate) fn happen(&mut self, event: &Event) -> usize {
        let at = usize::try_from(event.at).unwrap() % self.grounds.len();
        self.tell(format!("[{at}] {:?}", event.what));
        match &event.what {
            What::Pass { crash } => self.pass(at, *crash),
            What::TwinPasses => self.twin_passes(at),
            What::BothPass => self.both_pass(at),
            What::Wait { seconds } => self.later(*seconds),
            What::Restart => self.stop(),
            What::LoseTheDisk => self.lose_the_disk(),
            What::DiskFull { full } => self.disk.set_full(*full),
            What::TwinComes => self.twin_comes(),
            What::TwinGoes => self.twin = None,
            What::Pause
            | What::Resume
            | What::Approve { .. }
            | What::SetProduction { .. }
            | What::Trigger { .. } => self.operator(at, &event.what),
            What::Policy { key, value, live } => self.policy(at, key, value, *live),
            What::Calendar { planned, live } => self.plan(at, planned.as_ref(), *live),
            What::KeepTheDisk => {
                let words = self
                    .grounds
                    .iter()
                    .map(|ground| (ground.model.paused, ground.model.production_set.clone()));
                self.kept = Some((self.disk.snapshot(), words.collect()));
            }
            What::PutBackTheDisk => self.put_back_the_disk(),
            What::Siege { nth } => self.siege(at, *nth),
            What::Freeze { answers, seconds, suspended } => {
                let (answers, seconds, suspended) = (*answers, *seconds, *suspended);
                self.freeze = Some(Freeze { answers, seconds, suspended });
            }
            What::Rage { seed, per_mille } => self.github.rage(*seed, *per_mille, rage()),
            What::Calm => self.github.calm(),
            What::Fail { operation, fault, skip } => {
                self.fail(at, operation, *fault, |on| on.nth(*skip + 1));
            }
            What::FailAlways { operation, fault } => {
                let of_jobs = operation.starts_with("list-jobs");
                self.grounds[at].model.jobs_were_unreadable |= of_jobs;
                self.fail(at, operation, *fault, FaultOn::always);
            }
            other => self.at_github(at, other),
        }
        self.look();
        at
    }

    fn lose_the_disk(&mut self) {
        self.stop();
        self.disk = MemoryDisk::new();
        self.forgotten(&[]);
    }

    fn put_back_the_disk(&mut self) {
        let Some((kept, words)) = self.kept.clone() else { return };
        self.stop();
        self.disk = kept.snapshot();
        self.forgotten(&words);
    }

    /// The ledgers lost part of their content.
    fn forgotten(&mut self, words: &[KeptWords]) {
        let now = self.now();
        for (at, ground) in self.grounds.iter_mut().enumerate() {
            let (paused, production_set) = words.get(at).cloned().unwrap_or_default();
            ground.model.disk_lost_at = Some(now);
            // A pause that GitHub shows is not lost.
            ground.model.paused &= paused || shows_a_pause(ground);
            // A status may still show it.
            ground.model.perhaps_paused |= ground.model.was_paused;
            // GitHub does not show these actions.
            let newest = production_set.as_ref().map(|(_, at)| *at);
            ground.model.words_of_production.retain(|at| Some(*at) <= newest);
            ground.model.production_set = production_set;
        }
    }

    fn twin_comes(&mut self) {
        self.twin = self.new_process(&MemoryDisk::new()).ok();
        for ground in &mut self.grounds {
            ground.model.twin_seen = true;
        }
    }

    fn policy(&mut self, at: usize, key: &str, value: &str, live: bool) {
        if !live {
            self.stop();
        }
        let now = self.now();
        let ground = &mut self.grounds[at];
        let policy = self.wanted.policies.get_mut(&ground.name.to_string()).unwrap();
        policy.insert(key.to_owned(), value.to_owned());
        ground.model.policy.insert(key.to_owned(), value.to_owned());
        ground.model.policy_changed = Some(now);
        // All processes read the same file.
        for process in self.process.iter().chain(&self.twin) {
            process.controller.govern_by(self.wanted.terms());
        }
    }

    /// Configures a freeze or a window instead of the one before.
    fn plan(&mut self, at: usize, planned: Option<&Planned>, live: bool) {
        if !live {
            self.stop();
        }
        let now = self.now();
        let ground = &mut self.grounds[at];
        let entry = planned.and_then(|planned| planned.entry(now));
        ground.model.calendar = entry.map(|entry| (now, entry));
        let (name, entry) = (ground.name.to_string(), ground.model.calendar.clone());
        // A list of each kind: a planned entry takes the place of all others.
        self.wanted.calendar = entry.map(|(_, entry)| calendar::text(&name, &entry));
        for (other, ground) in self.grounds.iter_mut().enumerate() {
            if other != at {
                ground.model.calendar = None;
            }
        }
        for process in self.process.iter().chain(&self.twin) {
            process.controller.govern_by(self.wanted.terms());
        }
    }

    fn fail(
        &mut self,
        at: usize,
        operation: &str,
        hit: Hit,
        when: impl FnOnce(FaultOn) -> FaultOn,
    ) {
        let fault = match hit {
            Hit::LoseAnswer => Fault::LoseAnswer,
            Hit::LoseRequest => Fault::LoseRequest,
            Hit::RefuseConnection => Fault::RefuseConnection,
            Hit::Before(status) => Fault::Status(status),
            Hit::After(status) => Fault::StatusAfter(status),
            Hit::Truncate => Fault::Truncate,
            Hit::Malformed => Fault::MalformedJson,
            Hit::Blank => Fault::EmptyList,
            Hit::Hang => Fault::Hang,
            Hit::Refuse(status) => {
                Fault::Refuse { status, message: "Resource not accessible".to_owned() }
            }
            Hit::Limit => Fault::SecondaryLimit { status: 403, retry_after: Some(20) },
        };
        let name = self.grounds[at].name.to_string();
        let on = FaultOn::operation(operation).in_repository(&name);
        self.github.fail(when(on), fault);
    }

    fn operator(&mut self, at: usize, what: &What) {
        match what {
            What::Pause => {
                let said = self.ask(at, &Asked::Pause);
                let model = &mut self.grounds[at].model;
                model.paused |= said;
                model.perhaps_paused = true;
                model.was_paused = true;
            }
            What::Resume => {
                let said = self.ask(at, &Asked::Resume);
                let now = self.now();
                let model = &mut self.grounds[at].model;
                if !said {
                    return;
                }
                // It ends a pause. If there is none, it lifts a rollback.
                if !model.paused {
                    model.lifts.push((now, Lift::Everything));
                }
                // A twin with its own disk does not see the resume. The next process that
                // starts takes the twin's `HOLD … paused` for a pause.
                (model.paused, model.perhaps_paused) = (false, model.twin_seen);
            }
            What::SetProduction { nth } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                if self.ask(at, &Asked::SetProduction(sha.clone())) {
                    let now = self.now();
                    let model = &mut self.grounds[at].model;
                    model.lifts.push((now, Lift::Below(sha.clone())));
                    model.words_of_production.push(now);
                    model.production_set = Some((sha, now));
                }
            }
            What::Approve { nth, by_environment } => self.approve(at, *nth, *by_environment),
            What::Trigger { nth, rollback, refused } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                if let Some((operation, hit)) = refused {
                    self.fail(at, operation, *hit, |on| on);
                }
                let rollback = *rollback;
                let asks = if rollback { Asks::Rollback } else { Asks::Deploy };
                self.asked_for = Some((sha.clone(), asks));
                self.ask(at, &Asked::Trigger { sha, rollback });
            }
            _ => {}
        }
    }

    fn approve(&mut self, at: usize, nth: u64, by_environment: bool) {
        let Some(sha) = self.commit(at, nth) else { return };
        if by_environment {
            let name = self.grounds[at].name.to_string();
            self.stop();
            self.wanted.approved.push(format!("{name}@{sha}"));
            self.grounds[at].model.approvals.push(Approved { sha, deploy_files: None });
            return;
        }
        let model = &self.grounds[at].model;
        let deploy_files = Some(model.deploy_files(model.deploy_tip()));
        if self.ask(at, &Asked::Approve(sha.clone())) {
            self.grounds[at].model.approvals.push(Approved { sha, deploy_files });
        }
    }

    /// The nth newest commit.
    pub(crate) fn commit(&self, at: usize, nth: u64) -> Option<String> {
        let order = &self.grounds[at].model.order;
        order.iter().rev().nth(usize::try_from(nth).unwrap()).cloned()
    }

    /// The nth newest run of a workflow; `finished` selects finished or unfinished ones.
    pub(crate) fn run(
        &self,
        at: usize,
        files: &[&str],
        nth: u64,
        finished: Option<bool>,
    ) -> Option<u64> {
        let Ground { repo, model, .. } = &self.grounds[at];
        let workflows: Vec<u64> = files.iter().map(|file| model.workflows[file]).collect();
        let runs = repo.runs();
        let fitting = runs.iter().rev().filter(|run| {
            workflows.contains(&run.workflow_id)
                && finished.is_none_or(|finished| finished == (run.status == "completed"))
        });
        fitting.map(|run| run.id).nth(usize::try_from(nth).unwrap())
    }

    fn at_github(&mut self, at: usize, what: &What) {
        match what {
            What::Push { .. }
            | What::Merge { .. }
            | What::Revert { .. }
            | What::Queue { .. }
            | What::TakeName { .. }
            | What::PutRelease { .. }
            | What::ForcePush { .. }
            | What::PutBranch { .. } => self.commits(at, what),
            What::Verify { .. }
            | What::VerifyAgain { .. }
            | What::EndVerification { .. }
            | What::Crowd { .. }
            | What::IndexMisses { .. } => self.verification(at, what),
            What::Pull(what) => self.pulls(at, what),
            What::Forge { nth, description, state } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                let repo = &self.grounds[at].repo;
                repo.set_status(&sha, "booty/release-governor", state, description, "dev");
            }
            What::CloseIssue { nth } => {
                let repo = &self.grounds[at].repo;
                let issue = repo.issues().into_iter().rev().nth(usize::try_from(*nth).unwrap());
                if let Some(issue) = issue {
                    repo.close_issue(issue.number, "dev");
                }
            }
            What::ListLag { seconds } => {
                let now = self.now();
                let ground = &mut self.grounds[at];
                ground.repo.set_list_lag(Duration::from_secs(*seconds));
                ground.model.list_lags.push((now, *seconds));
            }
            What::IndexLag { seconds } => {
                self.grounds[at].repo.set_index_lag(Duration::from_secs(*seconds));
            }
            What::StopIndex { stopped } => self.grounds[at].repo.stop_index(*stopped),
            What::SkewRuns { seconds } => {
                self.grounds[at].repo.set_clock_of_runs(SignedDuration::from_secs(*seconds));
            }
            other => self.deploys(at, other),
        }
    }

    /// Somebody repeatedly overwrites our statuses of a commit.
    fn siege(&mut self, at: usize, nth: u64) {
        let Some(sha) = self.commit(at, nth) else { return };
        for _ in 0..24 {
            let repo = &self.grounds[at].repo;
            repo.set_status(&sha, "booty/release-governor", "error", "no", "dev");
            self.later(30);
            self.pass(at, None);
        }
    }
}

/// Whether our newest status on the branch says that an operator paused it.
fn shows_a_pause(ground: &Ground) -> bool {
    let Ground { repo, model, .. } = ground;
    let shas = model.order.iter().filter(|sha| model.holds(sha));
    let ours = shas.flat_map(|sha| repo.statuses(sha)).filter(|one| one.creator == GOVERNOR);
    let newest = ours.max_by_key(|one| one.id);
    let by_config = model.policy.get("paused").is_some_and(|why| why != "null");
    let said = newest.is_some_and(|one| one.description.contains(" · paused:"));
    said && model.identified && !model.twin_seen && !by_config
}
