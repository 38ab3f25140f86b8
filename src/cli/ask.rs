//! The commands that send a request to a controller and print its response.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use serde::Serialize;

use super::choose::{Here, choose};
use crate::clock::Clock;
use crate::domain::{RepoName, ShaPrefix};
use crate::operations;
use crate::operations::Recorded;
use crate::queries;
use crate::queries::{PolicyFile, Since};
use crate::request::{CommandFailure, ControllerRequest};
use crate::rpc;
use crate::rpc::{GovernedRepositories, Setup};

use super::args::{
    ApproveArgs, BacktestArgs, CommitArg, ConfigSource, MomentArg, PauseArgs, ReconcileArgs,
    ResumeArgs, SetProductionArgs, SimulateArgs, Target, TriggerArgs,
};
use super::{Exit, in_runtime, print, print_json, render, say, width};

pub(super) fn simulate(source: &ConfigSource, args: &SimulateArgs) -> Result<Exit, CommandFailure> {
    let setup = source.setup();
    let (repository, sha) = chosen(&setup, &args.commit)?;
    let policy = args.policy.as_deref().map(PolicyFile::read).transpose()?;
    let production = args.production.clone();
    let file = policy.as_ref().map(|file| file.name.clone());
    let ask = queries::SimulateRequest { repository, sha, production, policy };
    let view = perform(&setup, ask)?;
    let supposed = view.supposed.clone().unwrap_or_default();
    if supposed.policy != file || supposed.production.is_some() != args.production.is_some() {
        return Err(CommandFailure::Dependency(
            "the controller is of an earlier version, and knows no --policy and no --production"
                .to_owned(),
        ));
    }
    show(args.output.json, &view, || render::simulation(&view, args.show_paths, width()))?;
    Ok(Exit::of_decision(view.decision))
}

pub(super) fn backtest(source: &ConfigSource, args: &BacktestArgs) -> Result<Exit, CommandFailure> {
    let setup = source.setup();
    let repository = one(&setup, &args.target)?;
    let since = match args.since {
        MomentArg::Ago(age) => Since::Ago(age),
        MomentArg::At(at) => Since::At(at),
    };
    let policy = args.policy.as_deref().map(PolicyFile::read).transpose()?;
    let ask = queries::BacktestRequest { repository, since, policy };
    let view = perform_saying(&setup, ask, "reading history from GitHub; this may take minutes")?;
    show(args.output.json, &view, || render::backtest(&view, width()))?;
    Ok(Exit::Done)
}

pub(super) fn trigger(source: &ConfigSource, args: &TriggerArgs) -> Result<Exit, CommandFailure> {
    let setup = source.setup();
    let (repository, sha) = chosen(&setup, &args.commit)?;
    let name = args.operator.name().map(str::to_owned);
    let rollback = args.rollback;
    let view = perform(&setup, operations::TriggerRequest { repository, sha, rollback, name })?;
    show(args.output.json, &view, || render::triggered(&view, width()))?;
    Ok(Exit::of_decision(view.simulation.decision))
}

pub(super) fn approve(source: &ConfigSource, args: &ApproveArgs) -> Result<Exit, CommandFailure> {
    let setup = source.setup();
    let (repository, sha) = chosen(&setup, &args.commit)?;
    let (reason, name) = (args.reason.as_str().to_owned(), args.operator.name().map(str::to_owned));
    recorded(args.output.json, &setup, operations::ApproveRequest { repository, sha, reason, name })
}

pub(super) fn pause(source: &ConfigSource, args: &PauseArgs) -> Result<Exit, CommandFailure> {
    let setup = source.setup();
    let repository = one(&setup, &args.target)?;
    let (reason, name) = (args.reason.as_str().to_owned(), args.operator.name().map(str::to_owned));
    recorded(args.output.json, &setup, operations::PauseRequest { repository, reason, name })
}

pub(super) fn resume(source: &ConfigSource, args: &ResumeArgs) -> Result<Exit, CommandFailure> {
    let setup = source.setup();
    let repository = one(&setup, &args.target)?;
    let name = args.operator.name().map(str::to_owned);
    recorded(args.output.json, &setup, operations::ResumeRequest { repository, name })
}

pub(super) fn set_production(
    source: &ConfigSource,
    args: &SetProductionArgs,
) -> Result<Exit, CommandFailure> {
    let setup = source.setup();
    let (repository, sha) = chosen(&setup, &args.commit)?;
    let (reason, name) = (args.reason.as_str().to_owned(), args.operator.name().map(str::to_owned));
    recorded(
        args.output.json,
        &setup,
        operations::SetProductionRequest { repository, sha, reason, name },
    )
}

pub(super) fn reconcile(
    source: &ConfigSource,
    args: &ReconcileArgs,
) -> Result<Exit, CommandFailure> {
    let setup = source.setup();
    let repository = named(&setup, &args.target)?;
    let passes =
        perform(&setup, operations::ReconcileRequest { repository, dry_run: args.dry_run })?;
    show(args.output.json, &passes, || render::passes(&passes))?;
    let failed = passes.repositories.iter().any(|pass| pass.error.is_some());
    Ok(if failed { Exit::Dependency } else { Exit::Done })
}

fn recorded<A: ControllerRequest<Answer = Recorded>>(
    json: bool,
    setup: &Setup,
    ask: A,
) -> Result<Exit, CommandFailure> {
    let recorded = perform(setup, ask)?;
    show(json, &recorded, || render::recorded(&recorded))?;
    Ok(Exit::Done)
}

/// How long a command waits before it prints what it waits for, such as a pass that must end first.
const SILENCE: Duration = Duration::from_secs(5);

fn perform<A: ControllerRequest>(setup: &Setup, ask: A) -> Result<A::Answer, CommandFailure> {
    perform_saying(setup, ask, "still waiting for GitHub, or for a pass that is under way")
}

fn perform_saying<A: ControllerRequest>(
    setup: &Setup,
    ask: A,
    what_for: &str,
) -> Result<A::Answer, CommandFailure> {
    in_runtime(async {
        let clock = Clock::system();
        note_drift(setup, &clock).await;
        let mut done = pin!(rpc::perform(setup, ask, clock.clone()));
        tokio::select! {
            done = &mut done => return done,
            () = clock.sleep(SILENCE) => {}
        }
        say("note", what_for);
        done.await
    })
}

/// Prints a note if a running controller uses a different configuration from the one read here. The
/// controller answers by its own.
pub(super) async fn note_drift(setup: &Setup, clock: &Clock) {
    if let Some(note) = setup.drift(clock).await {
        say("note", &note);
    }
}

pub(super) fn show<T: Serialize>(
    json: bool,
    view: &T,
    text: impl FnOnce() -> String,
) -> Result<(), CommandFailure> {
    if json { print_json(view) } else { print(&text()) }
}

/// The repository given on the command line, which must be configured. `None` if none is given.
pub(super) fn named(setup: &Setup, target: &Target) -> Result<Option<RepoName>, CommandFailure> {
    let Some(name) = target.repository() else { return Ok(None) };
    choose(&governed(setup)?, Some(name), &Here::default()).map(Some)
}

/// The repository given on the command line, or the default one.
pub(super) fn one(setup: &Setup, target: &Target) -> Result<RepoName, CommandFailure> {
    here(setup, target.repository())
}

fn chosen(setup: &Setup, commit: &CommitArg) -> Result<(RepoName, ShaPrefix), CommandFailure> {
    let (repository, sha) = commit.chosen()?;
    Ok((here(setup, repository)?, sha.clone()))
}

fn here(setup: &Setup, named: Option<&RepoName>) -> Result<RepoName, CommandFailure> {
    let here = Here {
        directory: std::env::current_dir().unwrap_or_default(),
        git_dir: std::env::var_os("GIT_DIR").map(PathBuf::from),
    };
    choose(&governed(setup)?, named, &here)
}

fn governed(setup: &Setup) -> Result<GovernedRepositories, CommandFailure> {
    in_runtime(async { setup.governed(&Clock::system()).await })
}
