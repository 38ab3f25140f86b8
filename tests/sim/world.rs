//! The world of one seed: the fake GitHub, its repositories, the process that governs them, and
//! sometimes a second one.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ghbox::{Exchange, Fate, GhBox, GhClock, Repo, story as stage};
use jiff::Timestamp;
use release_governor::clock::{Clock, ManualTime};
use release_governor::domain::RepoName;
use release_governor::store::MemoryDisk;

use crate::calendar;
use crate::due::Asks;
use crate::files;
use crate::judged::{self, Judge};
use crate::model::{Model, OTHER_DEPLOY, OTHER_VERIFY, ROLLBACK};
use crate::process::{Asked, Freeze, Passed, Process, TOKEN, Wanted};
use crate::script::{Crash, Script, Touch};

/// The operators' state of one repository in a copy of the disk: whether it is paused, and the
/// production they set.
pub(crate) type KeptWords = (bool, Option<(String, Timestamp)>);

pub(crate) struct World {
    pub(crate) github: GhBox,
    pub(crate) time: ManualTime,
    pub(crate) grounds: Vec<Ground>,
    pub(crate) wanted: Wanted,
    pub(crate) disk: MemoryDisk,
    pub(crate) process: Option<Process>,
    pub(crate) twin: Option<Process>,
    /// What happened, for debugging.
    pub(crate) told: Vec<String>,
    pub(crate) requests: Vec<Exchange>,
    /// Requests that were not answered correctly.
    pub(crate) faults: usize,
    /// A hash of all requests and responses.
    pub(crate) digest: u64,
    /// A copy of the disk, with the operators' state at that time.
    pub(crate) kept: Option<(MemoryDisk, Vec<KeptWords>)>,
    /// The freeze that the next pass meets.
    pub(crate) freeze: Option<Freeze>,
    /// The checks of decisions against the design.
    pub(crate) judge: Arc<Mutex<Judge>>,
    /// The operator's current request.
    pub(crate) asked_for: Option<(String, Asks)>,
    seed: u64,
    runtime: tokio::runtime::Runtime,
}

/// One repository and its model.
pub(crate) struct Ground {
    pub(crate) repo: Repo,
    pub(crate) name: RepoName,
    pub(crate) model: Model,
}

impl World {
    pub(crate) fn new(seed: u64, script: &Script) -> Self {
        let (_, time) = Clock::manual(calendar::start(seed), seed);
        let ticking = time.clone();
        let github = GhBox::new(GhClock::following(Arc::new(move || ticking.wall())));
        let sleeping = time.clone();
        github.sleep_with(move |length| {
            let time = sleeping.clone();
            Box::pin(async move { time.advance(length) })
        });
        if script.enterprise {
            github.enterprise();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut world = Self {
            github,
            time,
            grounds: Vec::new(),
            wanted: Wanted::default(),
            disk: MemoryDisk::new(),
            process: None,
            twin: None,
            told: Vec::new(),
            requests: Vec::new(),
            faults: 0,
            digest: 0,
            kept: None,
            freeze: None,
            judge: Arc::default(),
            asked_for: None,
            seed,
            runtime,
        };
        world.wanted.identified = script.identified;
        for number in 0..script.repositories {
            world.ground(&format!("acme/shop{number}"), script);
        }
        world.github.add_token(TOKEN, stage::GOVERNOR);
        world.later(60);
        world
    }

    fn ground(&mut self, name: &str, script: &Script) {
        let repo = stage::repository(&self.github, name);
        let mut model = Model {
            identified: self.wanted.identified,
            verify_file: stage::VERIFY,
            names_taken: BTreeMap::new(),
            calls_lib: script.calls_lib,
            ..Model::default()
        };
        let root = repo.push(files::first(script.calls_lib));
        for file in [stage::VERIFY, stage::DEPLOY, OTHER_VERIFY, OTHER_DEPLOY, ROLLBACK] {
            model.workflows.insert(file, repo.workflow_id(file));
        }
        model.pushed(&root, "main", &[], BTreeMap::new(), None);
        repo.force_push("release", &root, "dev");
        model.tips.insert("release".to_owned(), root.clone());
        if script.deployed_before {
            let sha = repo.push(files::write("main", Touch::Low, 1, script.calls_lib));
            model.pushed(&sha, "main", &[root], BTreeMap::from([(Touch::Low, 1)]), None);
            repo.verify(&sha, "success");
            repo.deploy(&sha, "dev", "success");
        }
        self.wanted.policies.insert(name.to_owned(), BTreeMap::new());
        self.grounds.push(Ground { repo, name: name.parse().unwrap(), model });
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.time.wall()
    }

    pub(crate) fn later(&mut self, seconds: u64) {
        self.time.advance(Duration::from_secs(seconds));
        self.look();
    }

    /// Updates the models from the fake GitHub.
    pub(crate) fn look(&mut self) {
        let now = self.now();
        for ground in &mut self.grounds {
            ground.model.look(&ground.repo, now);
        }
    }

    pub(crate) fn tell(&mut self, what: String) {
        let line = format!("{} {what}", self.now().strftime("%H:%M:%S"));
        self.told.push(line);
    }

    /// Runs one pass of the process, with a crash if requested.
    pub(crate) fn pass(&mut self, at: usize, crash: Option<Crash>) {
        self.start();
        let name = self.grounds[at].name.clone();
        let Some(process) = self.process.take() else { return };
        if let Some(freeze) = self.freeze.take() {
            process.wire.freeze(freeze);
        }
        match crash {
            Some(Crash::AtRequest { requests, after }) => process.wire.cut_at(requests, after),
            Some(Crash::AtChange { changes, .. }) => self.disk.stop_after(changes),
            None => {}
        }
        let passed = self.runtime.block_on(process.pass(&name));
        self.tell_passed("pass", &passed);
        if let Passed::Well(_) = passed {
            let now = self.now();
            self.grounds[at].model.note_pass(now);
        }
        match (crash, passed) {
            (Some(Crash::AtChange { seed, .. }), _) => {
                let mut chance = crate::chance::Chance::new(seed);
                self.disk.crash(|_| chance.percent(50));
                self.end(process);
            }
            (_, Passed::Cut) => {
                self.disk.crash(|_| true);
                self.end(process);
            }
            (_, Passed::Well(_) | Passed::Badly(_)) => {
                process.wire.mend();
                self.process = Some(process);
            }
        }
        self.note_requests();
    }

    pub(crate) fn twin_passes(&mut self, at: usize) {
        let Some(twin) = self.twin.take() else { return };
        let passed = self.runtime.block_on(twin.pass(&self.grounds[at].name));
        self.tell_passed("pass of the twin", &passed);
        self.twin = Some(twin);
        self.note_requests();
    }

    /// Runs passes of both processes concurrently.
    pub(crate) fn both_pass(&mut self, at: usize) {
        self.start();
        let name = self.grounds[at].name.clone();
        if let (Some(one), Some(other)) = (&self.process, &self.twin) {
            let both = async { tokio::join!(one.pass(&name), other.pass(&name)) };
            let (one, other) = self.runtime.block_on(both);
            self.tell_passed("pass at once", &one);
            self.tell_passed("pass of the twin at once", &other);
        }
        self.note_requests();
    }

    fn tell_passed(&mut self, what: &str, passed: &Passed) {
        let how = match passed {
            Passed::Well(report) => {
                let reason = report.decision.as_ref().map(|one| one.reason().code());
                let plan = &report.plan;
                let count = plan.records.len() + plan.deploy.iter().len() + plan.writes.len();
                format!("ok, {reason:?}, {count} actions")
            }
            Passed::Badly(error) => format!("failed: {error}"),
            Passed::Cut => "killed".to_owned(),
        };
        self.tell(format!("  {what}: {how}"));
    }

    fn note_requests(&mut self) {
        let requests = self.github.take_requests();
        let is_fault = |one: &&Exchange| one.fate != Fate::Answered || one.response_status >= 500;
        self.faults += requests.iter().filter(is_fault).count();
        for one in &requests {
            let mut hash = DefaultHasher::new();
            (self.digest, one.at, &one.path, one.response_status).hash(&mut hash);
            (&one.request_body, &one.response_body).hash(&mut hash);
            self.digest = hash.finish();
        }
        let writes: Vec<String> = requests
            .iter()
            .filter(|one| one.is_write())
            .map(|one| {
                let body = String::from_utf8_lossy(&one.request_body);
                let body: String = body.chars().take(230).collect();
                format!("    {} → {} {:?} {body}", one.path, one.response_status, one.fate)
            })
            .collect();
        self.told.extend(writes);
        self.requests.extend(requests);
        self.look();
    }

    pub(crate) fn start(&mut self) {
        if self.process.is_none() {
            let disk = self.disk.clone();
            match self.new_process(&disk) {
                Ok(process) => self.process = Some(process),
                Err(error) => self.tell(format!("  cannot start: {error}")),
            }
        }
    }

    pub(crate) fn new_process(&mut self, disk: &MemoryDisk) -> Result<Process, String> {
        self.seed = self.seed.wrapping_add(0x1_0000_0001);
        let _inside = self.runtime.enter();
        let witness = judged::witness(&self.judge);
        Process::start(&self.github, &self.time, disk, &self.wanted, self.seed, witness)
    }

    /// Cleans up a process that is already dead.
    fn end(&mut self, process: Process) {
        let Process { controller, store, .. } = process;
        drop(controller);
        let _ = self.runtime.block_on(async { store.close().await });
    }

    /// Ends the process as SIGTERM does.
    pub(crate) fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            self.end(process);
        }
    }

    /// Executes an operator's request. Returns whether it was done.
    pub(crate) fn ask(&mut self, at: usize, asked: &Asked) -> bool {
        self.start();
        let name = self.grounds[at].name.clone();
        let Some(process) = &self.process else { return false };
        let done = self.runtime.block_on(process.ask(&name, asked));
        self.tell(match &done {
            Ok(done) => format!("  {asked:?}: {done}"),
            Err(error) => format!("  {asked:?} failed: {error}"),
        });
        self.note_requests();
        done.unwrap_or(false)
    }
}
