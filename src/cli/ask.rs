//! The commands that ask a controller: arguments in, a question out, its answer shown.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use serde::Serialize;

use crate::clock::Clock;
use crate::commands::view::Recorded;
use crate::commands::{self, Ask, Failure, Here, PolicyFile, Since, choose};
use crate::config::{self, Config};
use crate::domain::{RepoName, ShaPrefix};

use super::args::{
    Approve, Backtest, Commit, Moment, Pause, Reconcile, Resume, SetProduction, Simulate, Target,
    Trigger,
};
use super::{Exit, environment, in_runtime, print, print_json, render, say, width};

/// The configuration.
///
/// # Errors
/// All of its mistakes.
pub(super) fn load(path: &Path) -> Result<Config, Failure> {
    config::load(path, environment()).map_err(|mistakes| Failure::Usage(mistakes.to_string()))
}

pub(super) fn simulate(config: &Path, args: &Simulate) -> Result<Exit, Failure> {
    let config = load(config)?;
    let (repository, sha) = chosen(&config, &args.commit)?;
    let policy = args.policy.as_deref().map(PolicyFile::read).transpose()?;
    let production = args.production.clone();
    let file = policy.as_ref().map(|file| file.name.clone());
    let ask = commands::Simulate { repository, sha, production, policy };
    let view = perform(&config, ask)?;
    let supposed = view.supposed.clone().unwrap_or_default();
    if supposed.policy != file || supposed.production.is_some() != args.production.is_some() {
        return Err(Failure::Dependency(
            "the controller is of an earlier version, and knows no --policy and no --production"
                .to_owned(),
        ));
    }
    show(args.output.json, &view, || render::simulation(&view, args.show_paths, width()))?;
    Ok(Exit::of_decision(view.decision))
}

pub(super) fn backtest(config: &Path, args: &Backtest) -> Result<Exit, Failure> {
    let config = load(config)?;
    let repository = one(&config, &args.target)?;
    let since = match args.since {
        Moment::Ago(age) => Since::Ago(age),
        Moment::At(at) => Since::At(at),
    };
    let policy = args.policy.as_deref().map(PolicyFile::read).transpose()?;
    let ask = commands::Backtest { repository, since, policy };
    let view = perform_saying(&config, ask, "reading the past from GitHub; this may take minutes")?;
    show(args.output.json, &view, || render::backtest(&view, width()))?;
    Ok(Exit::Done)
}

pub(super) fn trigger(config: &Path, args: &Trigger) -> Result<Exit, Failure> {
    let config = load(config)?;
    let (repository, sha) = chosen(&config, &args.commit)?;
    let name = args.operator.name().map(str::to_owned);
    let rollback = args.rollback;
    let view = perform(&config, commands::Trigger { repository, sha, rollback, name })?;
    show(args.output.json, &view, || render::triggered(&view, width()))?;
    Ok(Exit::of_decision(view.simulation.decision))
}

pub(super) fn approve(config: &Path, args: &Approve) -> Result<Exit, Failure> {
    let config = load(config)?;
    let (repository, sha) = chosen(&config, &args.commit)?;
    let (reason, name) = (args.reason.as_str().to_owned(), args.operator.name().map(str::to_owned));
    recorded(args.output.json, &config, commands::Approve { repository, sha, reason, name })
}

pub(super) fn pause(config: &Path, args: &Pause) -> Result<Exit, Failure> {
    let config = load(config)?;
    let repository = one(&config, &args.target)?;
    let (reason, name) = (args.reason.as_str().to_owned(), args.operator.name().map(str::to_owned));
    recorded(args.output.json, &config, commands::Pause { repository, reason, name })
}

pub(super) fn resume(config: &Path, args: &Resume) -> Result<Exit, Failure> {
    let config = load(config)?;
    let repository = one(&config, &args.target)?;
    let name = args.operator.name().map(str::to_owned);
    recorded(args.output.json, &config, commands::Resume { repository, name })
}

pub(super) fn set_production(config: &Path, args: &SetProduction) -> Result<Exit, Failure> {
    let config = load(config)?;
    let (repository, sha) = chosen(&config, &args.commit)?;
    let (reason, name) = (args.reason.as_str().to_owned(), args.operator.name().map(str::to_owned));
    recorded(args.output.json, &config, commands::SetProduction { repository, sha, reason, name })
}

pub(super) fn reconcile(config: &Path, args: &Reconcile) -> Result<Exit, Failure> {
    let config = load(config)?;
    let repository = named(&config, &args.target)?;
    let passes = perform(&config, commands::Reconcile { repository, dry_run: args.dry_run })?;
    show(args.output.json, &passes, || render::passes(&passes))?;
    let failed = passes.repositories.iter().any(|pass| pass.error.is_some());
    Ok(if failed { Exit::Dependency } else { Exit::Done })
}

fn recorded<A: Ask<Answer = Recorded>>(
    json: bool,
    config: &Config,
    ask: A,
) -> Result<Exit, Failure> {
    let recorded = perform(config, ask)?;
    show(json, &recorded, || render::recorded(&recorded))?;
    Ok(Exit::Done)
}

/// Whoever waits is told what for: a pass over the repository comes to its end first.
const SILENCE: Duration = Duration::from_secs(5);

fn perform<A: Ask>(config: &Config, ask: A) -> Result<A::Answer, Failure> {
    perform_saying(config, ask, "still waiting for GitHub, or for a pass that is under way")
}

fn perform_saying<A: Ask>(config: &Config, ask: A, what_for: &str) -> Result<A::Answer, Failure> {
    in_runtime(async {
        let clock = Clock::system();
        note_disagreement(config, &clock).await;
        let mut done = pin!(commands::perform(config, ask, clock.clone()));
        tokio::select! {
            done = &mut done => return done,
            () = clock.sleep(SILENCE) => {}
        }
        say("note", what_for);
        done.await
    })
}

/// Says where a running controller goes by another configuration than was read here: what is asked
/// of it is answered by that one.
pub(super) async fn note_disagreement(config: &Config, clock: &Clock) {
    if let Some(note) = commands::disagreement(config, clock).await {
        say("note", &note);
    }
}

pub(super) fn show<T: Serialize>(
    json: bool,
    view: &T,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    if json { print_json(view) } else { print(&text()) }
}

/// The repository that is named, which must be configured; none where none is.
pub(super) fn named(config: &Config, target: &Target) -> Result<Option<RepoName>, Failure> {
    let Some(name) = target.repository() else { return Ok(None) };
    choose(config, Some(name), &Here::default()).map(|policy| Some(policy.repository.clone()))
}

/// The repository that is meant.
pub(super) fn one(config: &Config, target: &Target) -> Result<RepoName, Failure> {
    here(config, target.repository())
}

fn chosen(config: &Config, commit: &Commit) -> Result<(RepoName, ShaPrefix), Failure> {
    let (repository, sha) = commit.chosen()?;
    Ok((here(config, repository)?, sha.clone()))
}

fn here(config: &Config, named: Option<&RepoName>) -> Result<RepoName, Failure> {
    let here = Here {
        directory: std::env::current_dir().unwrap_or_default(),
        git_dir: std::env::var_os("GIT_DIR").map(PathBuf::from),
    };
    choose(config, named, &here).map(|policy| policy.repository.clone())
}
