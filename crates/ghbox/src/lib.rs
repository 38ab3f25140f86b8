//! GitHub in a box: an HTTP server with GitHub's behaviour. Knows no other room.
//!
//! The box has state and no script: a story builds a world (repositories, commits, runs, people),
//! the program under test talks to it over HTTP, and at the end the story looks into the box to
//! see what the program really did. What GitHub does that one would not expect (its lists lag,
//! its answers get lost, its limits bite) the box does too, on demand.
//!
//! ```text
//! request ─▶ server ─▶ front ─▶ routes/* ─▶ git, actions, issues, apps … ─▶ wire/* ─▶ answer
//!                       │ faults, limits, permissions, redirects, ETags
//! ```
//!
//! It has wire types of its own: a misreading of GitHub that it shared with the program would
//! prove nothing. `tests/faithful` holds every answer to GitHub's OpenAPI description.

mod access;
mod actions;
mod apps;
mod build;
mod clock;
mod dispatch;
mod faults;
mod front;
mod git;
mod history;
mod ids;
mod issues;
mod limits;
mod log;
mod merge_queue;
mod people;
mod pulls;
mod reply;
mod repository;
mod routes;
mod runs;
mod server;
mod statuses;
pub mod story;
mod teams;
mod timeline;
mod wire;
mod workflow_file;
mod world;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use access::{Access, Permission, Token};
pub use actions::{AutoProgress, StartRun};
pub use apps::APP_TEST_KEY;
pub use build::{GhApp, Installed, Issue, NewApp, Repo, Status, Team};
pub use clock::GhClock;
pub use dispatch::Dispatch;
pub use faults::{Fault, FaultId, FaultOn};
pub use git::NewCommit;
pub use issues::CommentView;
pub use limits::Limits;
pub use log::{Exchange, Fate, RequestCounts};
pub use merge_queue::QueuedPull;
pub use people::{Ghost, Role, UserKind};
pub use pulls::MergeMethod;
pub use runs::{JobSpec, RunView};
pub use server::{BoxBody, BoxService};
pub use workflow_file::WorkflowFile;

use world::World;

/// A pause that a fault asks for, as a future.
type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whoever makes pauses.
type Sleeper = Arc<dyn Fn(Duration) -> Pause + Send + Sync>;

/// GitHub in a box: a cheap handle, every clone of which is the same GitHub.
#[derive(Clone)]
pub struct GhBox {
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    clock: GhClock,
    sleeper: Mutex<Sleeper>,
}

impl GhBox {
    /// An empty GitHub whose time is `clock`'s.
    #[must_use]
    pub fn new(clock: GhClock) -> Self {
        let world = World::new(clock.now());
        let sleeper: Sleeper = Arc::new(server::real_sleep);
        let (world, sleeper) = (Mutex::new(world), Mutex::new(sleeper));
        GhBox { shared: Arc::new(Shared { world, clock, sleeper }) }
    }

    /// The clock of this GitHub; every answer's `Date` header is its time.
    #[must_use]
    pub fn clock(&self) -> &GhClock {
        &self.shared.clock
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Replaces the sleep behind [`Fault::Delay`], which is real time otherwise.
    pub fn sleep_with(&self, sleep: impl Fn(Duration) -> Pause + Send + Sync + 'static) {
        *self.shared.sleeper.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(sleep);
    }

    /// The world as of now: what was due by the clock has happened.
    fn world(&self) -> MutexGuard<'_, World> {
        // A test that failed while it held the lock left a world that is still good to look at.
        let mut world = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.happen_until(self.shared.clock.now());
        world
    }

    fn pause(&self, length: Duration) -> Pause {
        let sleep =
            Arc::clone(&*self.shared.sleeper.lock().unwrap_or_else(PoisonError::into_inner));
        sleep(length)
    }
}

/// Ends a story that names what does not exist: the story is wrong, not the program under test.
#[track_caller]
#[expect(clippy::panic, reason = "a mistake in a story must stop that story at its line")]
fn misuse(what: impl std::fmt::Display) -> ! {
    panic!("the story asks the GitHub box for what it does not have: {what}")
}
