//! `demo`: runs the real controller against a fake GitHub and narrates a scenario.
//!
//! ```text
//! acts ─▶ box ◀──HTTP──▶ governor ─▶ ledger, socket, pages
//!   │      │                │
//!   └──────┴── narrator ◀───┘
//! ```
//!
//! Only GitHub and the developers are simulated (`box`). The governor reads a configuration file,
//! keeps its ledger on disk, sends HTTP requests to the fake GitHub, and receives the operator's
//! commands through its socket. At the end, the fake GitHub and the ledger are checked for the
//! expected results.

mod acts;
mod afterwards;
mod governor;
mod home;
mod narrator;
mod promises;
mod stage;

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::request::CommandFailure;

use acts::Acts;
use afterwards::{Leftover, surroundings};
use governor::Governor;
use home::{DemoSetup, Home};
use narrator::Narrator;
use promises::Promise;
use stage::{Stage, TOKEN};

/// Timeout of the scenario, which takes about a minute.
const LONGEST_STORY: Duration = Duration::from_secs(120);
/// Number of log lines to print if the scenario does not complete.
const LINES_OF_LOG: usize = 15;
/// How long to wait for the tasks to stop. They usually stop much sooner; the process must exit
/// within 5 s.
const LONGEST_END: Duration = Duration::from_millis(4_500);

/// Runs the scenario, and then keeps the governor running until a signal arrives. With `once`,
/// returns after the scenario.
///
/// # Errors
/// If the machine has no disk space, port or thread left, or the scenario does not complete as
/// expected.
pub async fn run(once: bool) -> Result<(), CommandFailure> {
    let clock = Clock::system();
    let mut signals = DemoSignals::listen()?;
    let home = Home::new(&clock)?;
    home.keep_log()?;
    let (end, ended) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let result = tokio::select! {
        biased;
        () = signals.told_to_stop() => Ok(()),
        result = play(&home, &clock, &ended, &mut tasks, once) => result,
    };
    // There is no receiver if a signal arrived before anything was started.
    let _ = end.send(true);
    let ends = async { while tasks.join_next().await.is_some() {} };
    if clock.timeout(LONGEST_END, ends).await.is_err() {
        tasks.abort_all();
    }
    drop(home);
    result
}

/// Starts the fake GitHub and the governor, runs the scenario, and checks its results.
async fn play(
    home: &Home,
    clock: &Clock,
    ended: &watch::Receiver<bool>,
    tasks: &mut JoinSet<Result<(), CommandFailure>>,
    once: bool,
) -> Result<(), CommandFailure> {
    let narrator = Narrator::new(clock);
    let stage = Stage::build();
    let (door, box_address) = Stage::door().await?;
    let (pages, page_address) = Stage::door().await?;
    let (github, stop) = (stage.github.clone(), stopped(ended.clone()));
    tasks.spawn(async move {
        let served = github.serve(door, stop).await;
        served.map_err(|error| CommandFailure::Dependency(format!("the GitHub in a box: {error}")))
    });
    home.furnish(&DemoSetup {
        api_url: &format!("http://{box_address}"),
        listen: &page_address,
        token: TOKEN,
        repositories: &[
            (stage.shop.name, None),
            (stage.api.name, None),
            (stage.billing.name, None),
            (stage.mail.name, Some(10)),
        ],
    })?;
    introduce(&narrator, home, &box_address, &page_address);
    let governor = Governor::start(home, pages, ended, tasks).await?;
    let telling = async {
        let acts = Acts { stage: &stage, governor: &governor, narrator: &narrator, clock };
        let Ok(played) = clock.timeout(LONGEST_STORY, acts.play()).await else {
            return Err(never_came(&narrator.awaited(), home));
        };
        let played = played?;
        conclude(&narrator, &promises::check(&stage, &governor, &played).await?)?;
        if once {
            return Ok(());
        }
        stage.forget_requests();
        let leftover = Leftover::leave(&stage, &played.red);
        leftover.is_held(clock).await;
        invite(&narrator, &leftover, home, &page_address);
        leftover.watch(&narrator, clock).await;
        Ok(())
    };
    tokio::select! {
        told = telling => told,
        // The fake GitHub and the governor stop before the scenario ends only if they fail.
        Some(ended) = tasks.join_next() => match ended {
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(())) | Err(_) => Err(CommandFailure::Dependency("a part of the demo ended early".into())),
        },
    }
}

fn introduce(narrator: &Narrator, home: &Home, box_address: &str, page_address: &str) {
    narrator.paragraph(
        "release-governor governs four repositories of a GitHub in a box, on this machine: no \
         account, no token, no network. The controller is the real one, only that it polls every \
         half second. The story takes about a minute.",
    );
    narrator.block(&[
        format!("governor         http://{page_address}"),
        format!("GitHub in a box  http://{box_address}"),
        format!("its log          {}", home.log().display()),
    ]);
}

/// Prints which promises were kept. Fails if one was broken.
fn conclude(narrator: &Narrator, promises: &[Promise]) -> Result<(), CommandFailure> {
    narrator.pause();
    narrator.paragraph("What was promised, looked up in the box:");
    for promise in promises {
        narrator.promise(promise.kept, &promise.says);
    }
    narrator.pause();
    if promises.iter().all(|promise| promise.kept) {
        narrator.paragraph("The story came true: every promise was kept.");
        return Ok(());
    }
    let broken: Vec<&str> =
        promises.iter().filter(|one| !one.kept).map(|one| one.says.as_str()).collect();
    Err(CommandFailure::Dependency(format!(
        "the story did not come true. Not kept: {}",
        broken.join(" ")
    )))
}

fn never_came(awaited: &str, home: &Home) -> CommandFailure {
    let seconds = LONGEST_STORY.as_secs();
    CommandFailure::Dependency(format!(
        "the story did not come true within {seconds} s: it still waits for {awaited}. A machine \
         that is very busy can be the cause. The end of the log:\n{}",
        home.end_of_log(LINES_OF_LOG)
    ))
}

/// Prints commands to try. The text fits a terminal of 80 columns and 24 lines.
fn invite(narrator: &Narrator, leftover: &Leftover<'_>, home: &Home, page_address: &str) {
    narrator.paragraph(
        "It goes on governing until Ctrl-C. One more change was pushed to acme/shop, under auth/, \
         and waits for somebody: you. In another terminal, in this directory:",
    );
    let (program, lines) = surroundings(&home.config());
    narrator.block(&lines);
    let commands = leftover.commands();
    let commands = commands.iter().map(|(command, shows)| (format!("{program} {command}"), *shows));
    let metrics = (format!("curl -s http://{page_address}/metrics"), "what Prometheus reads");
    narrator.suggestions(&commands.chain([metrics]).collect::<Vec<_>>());
}

/// Completes when the demo ends.
async fn stopped(mut ended: watch::Receiver<bool>) {
    // A closed channel ends the demo, too.
    let _ = ended.wait_for(|ended| *ended).await;
}

/// The signals that stop the demo: SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal closed).
struct DemoSignals([Signal; 3]);

impl DemoSignals {
    fn listen() -> Result<Self, CommandFailure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                CommandFailure::Dependency(format!("cannot listen for signals: {error}"))
            })
        };
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn told_to_stop(&mut self) {
        let Self([interrupt, terminate, hangup]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
