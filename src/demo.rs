//! The demo: a GitHub in a box, the real controller, and a story that tells what it does and why.
//!
//! ```text
//! acts ─▶ box ◀──HTTP──▶ governor ─▶ ledger, socket, pages
//!   │      │                │
//!   └──────┴── narrator ◀───┘
//! ```
//!
//! Nothing here is played: the governor reads a configuration file, keeps its ledger on disk,
//! talks HTTP to the box, and takes the operator's word through its socket. What the story
//! promised is looked up in the box at the end.

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

/// How long the story may take; it takes about a minute.
const LONGEST_STORY: Duration = Duration::from_secs(120);
/// How much of the log is shown when the story did not come true.
const LINES_OF_LOG: usize = 15;
/// The governor ends by itself well before; the process must be gone after 5 s.
const LONGEST_END: Duration = Duration::from_millis(4_500);

/// Plays the story, and goes on governing until told to stop; `once` ends after the story.
///
/// # Errors
/// When the machine has no room, port or thread for it, or when the story did not come true.
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
    // Nobody listens where nothing was started.
    let _ = end.send(true);
    let ends = async { while tasks.join_next().await.is_some() {} };
    if clock.timeout(LONGEST_END, ends).await.is_err() {
        tasks.abort_all();
    }
    drop(home);
    result
}

/// Sets everything up, tells the story, and looks whether it came true.
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
        // Neither the box nor the governor ends before the story, but by a failure.
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

/// Says which promises were kept.
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

/// Says what can be tried. All of it fits a terminal of 80 columns and 24 lines.
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
    // A channel that is closed is an end, too.
    let _ = ended.wait_for(|ended| *ended).await;
}

/// What tells the demo to stop: Ctrl-C, SIGTERM, or its terminal going away.
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
