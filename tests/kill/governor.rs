//! A test environment with a governor to kill, the moments to kill it at, and the faults it
//! runs under.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ghbox::{GhBox, Limits};
use release_governor::clock::Clock;

use crate::town::Town;

/// The longest wait for a process that may be idle.
const MOST: Duration = Duration::from_millis(900);

/// A SplitMix64 random number generator.
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

/// The moment at which the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    Whenever,
    AfterAMark,
    AtADispatch,
}

/// A fault that the process runs under until it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hardship {
    None,
    /// It is stopped for a while and continued.
    Stopped,
    /// Its files cannot grow beyond this many KiB.
    DiskFull(u64),
    /// It can open this many files.
    FewFiles(u64),
    /// It gets this many MiB of address space.
    LittleMemory(u64),
    /// Its clock is off by this many hours.
    ClockOff(i64),
}

impl Hardship {
    pub(crate) fn any(chance: &mut Chance) -> Self {
        match chance.below(12) {
            0 | 1 => Self::Stopped,
            2 => Self::DiskFull(chance.below(600)),
            3 => Self::FewFiles(8 + chance.below(40)),
            4 => Self::LittleMemory(20 + chance.below(400)),
            5 => Self::ClockOff([-30, -1, 1, 30][usize::try_from(chance.below(4)).unwrap()]),
            _ => Self::None,
        }
    }

    /// The name used in statistics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Stopped => "stopped",
            Self::DiskFull(_) => "disk full",
            Self::FewFiles(_) => "few files",
            Self::LittleMemory(_) => "little memory",
            Self::ClockOff(_) => "clock off",
        }
    }

    /// Whether a process may exit because of the fault, as long as it reports why.
    const fn may_end_it(self) -> bool {
        matches!(self, Self::DiskFull(_) | Self::FewFiles(_) | Self::LittleMemory(_))
    }

    /// Wraps the command so that it runs under the fault.
    fn burden(self, command: &Command) -> Command {
        // A write beyond the limit fails, as on a full disk, and does not end the process.
        let limit = match self {
            Self::None | Self::Stopped => String::new(),
            Self::DiskFull(kib) => format!("trap '' XFSZ; ulimit -f {kib}; "),
            Self::FewFiles(most) => format!("ulimit -n {most}; "),
            Self::LittleMemory(mib) => format!("ulimit -v {}; ", mib * 1024),
            // Debian's `faketime` would stay as the parent process and be killed in its place.
            Self::ClockOff(hours) => format!(
                "export FAKETIME={hours:+}h LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1); "
            ),
        };
        let mut burdened = Command::new("bash");
        burdened.arg("-c").arg(format!("{limit}exec \"$0\" \"$@\""));
        burdened.arg(command.get_program()).args(command.get_args()).env_clear();
        burdened.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        burdened.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(directory) = command.get_current_dir() {
            burdened.current_dir(directory);
        }
        burdened
    }
}

pub(crate) struct Yard {
    pub(crate) github: GhBox,
    town: Town,
    clock: Clock,
}

pub(crate) struct Running {
    child: Child,
    hardship: Hardship,
}

impl Yard {
    pub(crate) fn new() -> Self {
        let mut town = Town::new();
        town.intervals = ("150ms", "100ms");
        let github = town.github.clone();
        // Hundreds of first passes without a cache would exceed any hourly limit.
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

    pub(crate) fn govern(&self, hardship: Hardship) -> Running {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log());
        let mut command = hardship.burden(&self.town.command(&["run"]));
        let child = command.stdout(Stdio::null()).stderr(log.unwrap()).spawn().unwrap();
        Running { child, hardship }
    }

    /// Waits for the moment, or until the process has been idle for a while. Returns which it
    /// was.
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

    /// Polls until `done` holds. Returns whether it did within `patience`.
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

    /// The end of the log of all processes.
    pub(crate) fn said(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Running {
    /// Stops the process, and continues it after `length`.
    pub(crate) fn freeze(&self, yard: &Yard, length: Duration) {
        self.signal("-STOP");
        yard.sleep(length);
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) -> bool {
        let process = self.child.id().to_string();
        Command::new("kill").args([signal, &process]).status().unwrap().success()
    }

    /// Kills the process. Returns whether it was still running; one that had to exit must have
    /// reported why, and must not have crashed.
    pub(crate) fn kill(&mut self) -> bool {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        let was_there = status.signal() == Some(9);
        // Without memory, a program cannot report why it exits.
        let without_memory = matches!(self.hardship, Hardship::LittleMemory(_));
        let gave_up = self.hardship.may_end_it() && (status.code().is_some() || without_memory);
        assert!(was_there || gave_up, "{:?}: it ended by itself: {status}", self.hardship);
        was_there
    }

    /// Ends the process with SIGTERM. Returns whether it exited successfully.
    pub(crate) fn end(mut self) -> bool {
        self.signal("-TERM") && self.child.wait().unwrap().success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
