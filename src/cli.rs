//! The command line: arguments in, tables and exit codes out.

mod args;
mod exit;
mod output;
pub mod render;
mod runtime;

use std::ffi::OsString;

use clap::Parser;

use crate::commands::{self, Failure};

pub use self::args::{
    Approve, Arguments, CheckConfig, Command, Commit, Demo, Operator, Pause, Reason, Reconcile,
    Resume, Run, SetProduction, Simulate, Status, Target, Trigger,
};
pub use self::exit::Exit;
pub use self::output::{print, print_json, say, width};
pub use self::runtime::in_runtime;

/// Does what `arguments`, the program's own name first, ask for.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come as errors, too, and go to the standard output.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    match dispatch(&arguments) {
        Ok(exit) => exit,
        Err(failure) => {
            say("error", &failure.to_string());
            Exit::from(&failure)
        }
    }
}

fn dispatch(arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::CheckConfig(args) => check_config(arguments, args),
        Command::Demo(args) => in_runtime(crate::demo::run(args.once)).map(|()| Exit::Done),
        Command::Run(_)
        | Command::Status(_)
        | Command::Simulate(_)
        | Command::Trigger(_)
        | Command::Approve(_)
        | Command::Pause(_)
        | Command::Resume(_)
        | Command::SetProduction(_)
        | Command::Reconcile(_) => Err(Failure::Usage("this build serves check-config only".into())),
    }
}

fn check_config(arguments: &Arguments, args: &CheckConfig) -> Result<Exit, Failure> {
    let checked = commands::check_config(&arguments.config, environment())?;
    for warning in &checked.warnings {
        say("warning", warning);
    }
    if args.json {
        print_json(&checked.effective)?;
    } else {
        print(&render::checked(&checked, width()))?;
    }
    Ok(Exit::Done)
}

/// The environment as text. What is no text is shown as well as it can be, so that a variable of
/// ours is refused and not overlooked.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |value: OsString| value.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}
