//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    release_governor::cli::run(std::env::args_os()).into()
}
