//! Arguments in, exit code out.

use std::process::ExitCode;

use release_governor::cli::{self, DemoCommand};

#[cfg(feature = "demo")]
const DEMO: Option<DemoCommand> =
    Some(|args| cli::in_runtime(release_governor::demo::run(args.once)));
#[cfg(not(feature = "demo"))]
const DEMO: Option<DemoCommand> = None;

fn main() -> ExitCode {
    cli::run(std::env::args_os(), DEMO).into()
}
