//! The command-line interface: parses the arguments, runs the command and returns the exit code.

mod args;
mod ask;
mod check_config;
mod choose;
mod complete;
mod exit;
mod history;
mod live;
mod output;
mod probe;
pub mod render;
mod runtime;
mod shell;
mod watch;

use std::ffi::OsString;
use std::sync::Arc;

use clap::Parser;

use crate::daemon;
use crate::daemon::ConfigFile;
use crate::request::CommandFailure;
use crate::telemetry::logs;

pub use self::args::{
    ApproveArgs, Arguments, BacktestArgs, CheckConfig, Command, CommitArg, Completions,
    ConfigSource, Demo, Filters, HistoryArgs, Man, MomentArg, OperatorArgs, Output, PauseArgs,
    ProbeArgs, ReasonArg, ReconcileArgs, ResumeArgs, RunArgs, SetProductionArgs, SimulateArgs,
    StatusArgs, Target, TriggerArgs,
};
pub use self::exit::Exit;
pub use self::output::{print, print_json, print_json_line, say, width};
pub use self::runtime::in_runtime;

/// The program's name in shell completion scripts.
const NAME: &str = "release-governor";

/// Runs the `demo` command. Production builds do not include it.
pub type DemoCommand = fn(&Demo) -> Result<(), CommandFailure>;

/// Runs the command in `arguments`. The first argument is the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>, demo: Option<DemoCommand>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match complete::answered(&arguments) {
        Ok(true) => return Exit::Done,
        Ok(false) => {}
        Err(failure) => {
            say("error", &failure.to_string());
            return Exit::from(&failure);
        }
    }
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap also reports `--help` and `--version` as errors, and prints them to stdout.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    match dispatch(&arguments, demo) {
        Ok(exit) => exit,
        Err(failure) => {
            say("error", &failure.to_string());
            Exit::from(&failure)
        }
    }
}

fn dispatch(arguments: &Arguments, demo: Option<DemoCommand>) -> Result<Exit, CommandFailure> {
    let config = &arguments.config;
    match &arguments.command {
        Command::Run(_) => govern(config),
        Command::CheckConfig(args) => check_config::check_config(config, args),
        Command::Status(args) => watch::status(config, args),
        Command::Simulate(args) => ask::simulate(config, args),
        Command::Backtest(args) => ask::backtest(config, args),
        Command::Trigger(args) => ask::trigger(config, args),
        Command::Approve(args) => ask::approve(config, args),
        Command::Pause(args) => ask::pause(config, args),
        Command::Resume(args) => ask::resume(config, args),
        Command::SetProduction(args) => ask::set_production(config, args),
        Command::History(args) => history::history(config, args),
        Command::Reconcile(args) => ask::reconcile(config, args),
        Command::Probe(args) => probe::probe(config, args),
        Command::Demo(args) => demo.unwrap_or(without_demo)(args).map(|()| Exit::Done),
        Command::Completions(args) => shell::completions(args),
        Command::Man(args) => shell::man(args),
        Command::Schema => shell::schema(),
    }
}

fn without_demo(_: &Demo) -> Result<(), CommandFailure> {
    let what = "this build has no demo. Run it from a checkout: `cargo run -- demo`";
    Err(CommandFailure::Usage(what.to_owned()))
}

fn govern(source: &ConfigSource) -> Result<Exit, CommandFailure> {
    let config = source.load()?;
    logs::init().map_err(|error| CommandFailure::Usage(error.to_string()))?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let own = source.clone();
    let file = ConfigFile::new(source.file(), Arc::new(move || own.environment()));
    in_runtime(daemon::run(&config, file))?;
    Ok(Exit::Done)
}
