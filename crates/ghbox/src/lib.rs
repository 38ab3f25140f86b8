//! A fake GitHub for tests: an HTTP server that behaves like GitHub. Depends on no other
//! module.
//!
//! The box keeps state instead of following a script. A story builds a world (repositories,
//! commits, runs, people), the program under test talks to it over HTTP, and at the end the
//! story inspects the box to see what the program really did. The box can also imitate GitHub's
//! surprising behaviour on demand: lists that lag, lost answers, rate limits.
//!
//! ```text
//! request ─▶ server ─▶ front ─▶ routes/* ─▶ git, actions, issues, apps … ─▶ wire/* ─▶ answer
//!                       │ faults, limits, permissions, redirects, ETags
//! ```
//!
//! It has its own wire types: if it shared them with the program, a misreading of GitHub's API
//! would go unnoticed. `tests/faithful` validates every answer against GitHub's OpenAPI
//! description.

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

/// The future of a pause that a fault causes.
type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes such pauses.
type Sleeper = Arc<dyn Fn(Duration) -> Pause + Send + Sync>;

/// A fake GitHub. Cheap to clone; all clones share the same state.
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
    /// Creates an empty GitHub that uses `clock`.
    #[must_use]
    pub fn new(clock: GhClock) -> Self {
        let world = World::new(clock.now());
        let sleeper: Sleeper = Arc::new(server::real_sleep);
        let (world, sleeper) = (Mutex::new(world), Mutex::new(sleeper));
        GhBox { shared: Arc::new(Shared { world, clock, sleeper }) }
    }

    /// The clock of this GitHub. It also determines the `Date` header of every answer.
    #[must_use]
    pub fn clock(&self) -> &GhClock {
        &self.shared.clock
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Replaces the sleep behind [`Fault::Delay`], which is in real time by default.
    pub fn sleep_with(&self, sleep: impl Fn(Duration) -> Pause + Send + Sync + 'static) {
        *self.shared.sleeper.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(sleep);
    }

    /// The world as of now: changes that are due have been made.
    fn world(&self) -> MutexGuard<'_, World> {
        // A test that panicked while holding the lock leaves a world that can still be
        // inspected.
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

/// Fails a story that names something that does not exist: the mistake is in the story, not in
/// the program under test.
#[track_caller]
#[expect(clippy::panic, reason = "a mistake in a story must stop that story at its line")]
fn misuse(what: impl std::fmt::Display) -> ! {
    panic!("the story asks the GitHub box for what it does not have: {what}")
}
