//! Events in the middle of a pass: others act, the process dies, the network fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ghbox::{Fault, FaultId, FaultOn};
use release_governor::domain::OperatorAction;

use release_governor::store::MemoryDisk;

use super::{Story, Twin};

impl Story {
    /// Runs `act` after the fake GitHub has executed the next request that matches `on`, and
    /// before its response arrives. The returned handle tells later whether that happened.
    pub fn meanwhile(&mut self, on: FaultOn, act: impl FnOnce() + Send + 'static) -> Meanwhile {
        let act: Act = Box::new(act);
        let waiting = Arc::new(Mutex::new(Some(act)));
        let at_once = Arc::clone(&waiting);
        self.github.sleep_with(move |_| {
            let act = at_once.lock().unwrap().take();
            if let Some(act) = act {
                // `act` may run passes of its own, which needs a thread without a runtime.
                std::thread::spawn(act).join().unwrap();
            }
            Box::pin(std::future::ready(()))
        });
        let fault = self.github.fail(on, Fault::Delay(Duration::ZERO));
        Meanwhile { waiting, fault }
    }

    /// Runs a pass during which the process dies while the response to a request is under way:
    /// afterwards nothing is written or requested. Returns whether there was such a request.
    pub fn dies_at(&mut self, on: FaultOn) -> bool {
        let (disk, github) = (self.disk.clone(), self.github.clone());
        let silence = Arc::new(Mutex::new(None));
        let silenced = Arc::clone(&silence);
        let death = self.meanwhile(on, move || {
            disk.crash(|_| true);
            let fault = github.fail(FaultOn::any().always(), Fault::RefuseConnection);
            *silenced.lock().unwrap() = Some(fault);
        });
        self.pass();
        let died = self.happened(&death);
        self.crash();
        let fault: Option<FaultId> = silence.lock().unwrap().take();
        if let Some(fault) = fault {
            self.github.mend(fault);
        }
        died
    }

    /// Runs a pass during which the process dies after `count` writes to its disk. Returns
    /// whether it died.
    pub fn dies_after_disk_writes(&mut self, count: u64) -> bool {
        self.start();
        self.disk.stop_after(count);
        let died = self.try_pass().is_err();
        self.crash();
        died
    }

    /// Runs a pass, and takes a snapshot of the state directory right after GitHub has executed
    /// one of its requests.
    pub fn snapshot_during_a_pass(&mut self, on: FaultOn) -> MemoryDisk {
        let (disk, taken) = (self.disk.clone(), Arc::new(Mutex::new(None)));
        let into = Arc::clone(&taken);
        let moment = self.meanwhile(on, move || *into.lock().unwrap() = Some(disk.snapshot()));
        self.pass();
        assert!(self.happened(&moment), "there was no such request");
        taken.lock().unwrap().take().unwrap()
    }

    /// Returns whether it happened. If it did not, it is cancelled.
    pub fn happened(&self, meanwhile: &Meanwhile) -> bool {
        self.github.mend(meanwhile.fault);
        meanwhile.waiting.lock().unwrap().take().is_none()
    }

    /// One pass of a twin, to be run elsewhere.
    pub fn pass_by(&self, twin: &Twin) -> impl FnOnce() + Send + 'static {
        let (name, controller) = (self.name.clone(), twin.controller.clone());
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(controller.pass(&name));
        }
    }

    /// Runs `count` passes of both governors, `seconds` apart.
    pub fn passes_of_both(&mut self, twin: &Twin, count: usize, seconds: u64) -> &mut Self {
        for _ in 0..count {
            self.pass();
            let _ = self.pass_of(twin);
            self.later(seconds);
        }
        self
    }

    /// Runs passes until everything lost by GitHub or the network is certain again, and some
    /// more.
    pub fn recovers(&mut self) -> &mut Self {
        self.passes(3, 20).minutes_later(5).passes(3, 70)
    }

    /// A new verification run of this commit with this conclusion.
    pub fn verified_again(&mut self, sha: &str, conclusion: &str) -> u64 {
        let run = self.repo.verify(sha, conclusion);
        self.later(5);
        run
    }

    /// A manual deploy with this conclusion. Returns its run.
    pub fn deployed_by_hand(&mut self, sha: &str, conclusion: &str) -> u64 {
        let run = self.repo.deploy(sha, "dev", conclusion);
        self.later(5);
        run
    }

    /// Runs a pass that must fail, and returns the error.
    pub fn failed_pass(&mut self) -> String {
        match self.try_pass() {
            Ok(report) => panic!("the pass did not fail: {report:?}"),
            Err(error) => {
                let mut text = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(error) = cause {
                    text = format!("{text}: {error}");
                    cause = error.source();
                }
                text
            }
        }
    }

    /// The beginning of the newest status under our context: `failure: HOLD SHA · LOW ·
    /// paused`.
    pub fn verdict(&self, sha: &str) -> String {
        let status = self.status(sha);
        // The text after the code is a hint; `state: ` comes first.
        let mut parts = status.splitn(3, ": ");
        let state = parts.next().unwrap_or_default();
        parts.next().map_or_else(|| state.to_owned(), |said| format!("{state}: {said}"))
    }

    /// An operator resumes the repository.
    pub fn operator_resumes(&mut self) -> &mut Self {
        self.operator_says(OperatorAction::Resumed { by: Self::operator() }).later(5)
    }

    /// An operator pauses the repository.
    pub fn operator_pauses(&mut self, why: &str) -> &mut Self {
        let (why, by) = (why.to_owned(), Self::operator());
        self.operator_says(OperatorAction::Paused { why, by }).later(5)
    }

    /// Records a `trigger` in the ledger, which allows the next pass to dispatch.
    pub fn operator_triggered(&mut self, sha: &str) -> &mut Self {
        let (sha, by) = (sha.parse().unwrap(), Self::operator());
        self.operator_says(OperatorAction::Triggered { sha, by }).later(5)
    }

    /// An operator records what is in production.
    pub fn operator_sets_production(&mut self, sha: &str) -> &mut Self {
        let (sha, by) = (sha.parse().unwrap(), Self::operator());
        let why = "I looked".to_owned();
        self.operator_says(OperatorAction::ProductionSet { sha, why, by }).later(5)
    }

    /// The number of requests of an operation that the fake GitHub received.
    pub fn asked(&self, operation: &str) -> usize {
        let requests = self.github.requests();
        let named = |full: &str| full.ends_with(operation);
        requests.iter().filter(|one| one.operation.is_some_and(named)).count()
    }
}

type Act = Box<dyn FnOnce() + Send>;

/// A pending event.
pub struct Meanwhile {
    waiting: Arc<Mutex<Option<Act>>>,
    fault: FaultId,
}

/// The dispatch.
pub fn the_dispatch() -> FaultOn {
    FaultOn::operation("create-workflow-dispatch")
}

/// The next commit status.
pub fn the_mark() -> FaultOn {
    FaultOn::operation("create-commit-status")
}

/// The next read of a commit's statuses.
pub fn a_look_at_statuses() -> FaultOn {
    FaultOn::operation("list-commit-statuses-for-ref")
}
