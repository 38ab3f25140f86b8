//! What shells, manual pages and editors are told of the program.

use std::fs;
use std::path::Path;

use clap::CommandFactory as _;

use crate::commands::Failure;
use crate::config;

use super::args::{Arguments, Completions, Man};
use super::{Exit, print, print_json};

const NAME: &str = "release-governor";

/// What completes the commands in a shell.
///
/// # Errors
/// When it cannot be written.
pub(super) fn completions(args: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), NAME, &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// The manual page, or all of them as files.
///
/// # Errors
/// When they cannot be written.
pub(super) fn man(args: &Man) -> Result<Exit, Failure> {
    let command = Arguments::command();
    match &args.dir {
        Some(dir) => write_pages(command, dir)?,
        None => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(command).render(&mut page);
            rendered
                .map_err(|error| Failure::Dependency(format!("cannot make a page: {error}")))?;
            print(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(Exit::Done)
}

/// The schema of the configuration file.
///
/// # Errors
/// When it cannot be written.
pub(super) fn schema() -> Result<Exit, Failure> {
    print_json(&config::schema())?;
    Ok(Exit::Done)
}

fn write_pages(command: clap::Command, dir: &Path) -> Result<(), Failure> {
    let written = fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command, dir));
    written.map_err(|error| {
        Failure::Dependency(format!("cannot write manual pages into {}: {error}", dir.display()))
    })
}
