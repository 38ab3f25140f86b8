//! A town whose governor is killed, and moments to kill it at.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use release_governor::clock::Clock;
use release_governor::ghbox::{GhBox, Limits};

use crate::town::Town;

/// A process that has nothing to do is not waited for longer.
const MOST: Duration = Duration::from_millis(900);

/// SplitMix64.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

/// When a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    Whenever,
    AfterAMark,
    AtADispatch,
}

pub(crate) struct Yard {
    pub(crate) github: GhBox,
    town: Town,
    clock: Clock,
}

pub(crate) struct Running {
    child: Child,
}

impl Yard {
    pub(crate) fn new() -> Self {
        let mut town = Town::new();
        town.intervals = ("150ms", "100ms");
        let github = town.github.clone();
        // Hundreds of first passes without a cache would use up any hour's limit.
        github.set_limits(Limits { requests_per_hour: 10_000_000, ..Limits::default() });
        Self { github, town, clock: Clock::system() }
    }

    fn log(&self) -> PathBuf {
        self.town.directory.path().join("log")
    }

    pub(crate) fn configure(&self, repositories: u64) {
        let names: Vec<String> =
            (0..repositories).map(|number| format!("{{name: acme/shop{number}}}")).collect();
        self.town.configure(&format!(
            "defaults: {{dispatch_confirm_seconds: 1, cooldown_minutes: 0, \
             max_deploys_per_hour: 1000000}}\n\
             repositories: [{}]\n",
            names.join(", ")
        ));
    }

    pub(crate) fn govern(&self) -> Running {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log());
        let mut command = self.town.command(&["run"]);
        let child = command.stdout(Stdio::null()).stderr(log.unwrap()).spawn().unwrap();
        Running { child }
    }

    /// Waits for a moment, or until the process was idle for long, and says which it was.
    pub(crate) fn wait_for(&self, moment: Moment, delay: Duration) -> Moment {
        drop(self.github.take_requests());
        if moment == Moment::Whenever {
            self.sleep(delay);
            return moment;
        }
        let part = match moment {
            Moment::AfterAMark => "/statuses/",
            Moment::AtADispatch | Moment::Whenever => "/dispatches",
        };
        let seen = || {
            let requests = self.github.take_requests();
            requests.iter().any(|one| one.is_write() && one.path.contains(part))
        };
        if self.until(MOST + delay, seen) { moment } else { Moment::Whenever }
    }

    /// Whether it came true in time.
    pub(crate) fn until(&self, patience: Duration, mut done: impl FnMut() -> bool) -> bool {
        let start = self.clock.monotonic();
        while self.clock.monotonic().saturating_sub(start) < patience {
            if done() {
                return true;
            }
            self.sleep(Duration::from_millis(1));
        }
        false
    }

    pub(crate) fn sleep(&self, length: Duration) {
        self.town.runtime.block_on(async { self.clock.sleep(length).await });
    }

    pub(crate) fn lose_the_state(&mut self) {
        let state = self.town.state();
        if state.exists() {
            std::fs::remove_dir_all(state).unwrap();
        }
    }

    /// The end of what the processes said.
    pub(crate) fn said(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Running {
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "it ended by itself: {status}");
    }

    /// Ends it with SIGTERM; whether it ended well.
    pub(crate) fn end(mut self) -> bool {
        let process = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &process]).status().unwrap();
        told.success() && self.child.wait().unwrap().success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
