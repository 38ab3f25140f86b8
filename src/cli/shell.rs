//! `completions`, `man` and `schema`: descriptions of the program for shells, `man` and editors.

use std::path::Path;
use std::{fs, io};

use clap::CommandFactory as _;

use crate::config;
use crate::request::CommandFailure;

use super::args::{Arguments, Completions, Man};
use super::{Exit, complete, print, print_json};

/// Prints a shell completion script.
pub(super) fn completions(args: &Completions) -> Result<Exit, CommandFailure> {
    print(&complete::script(args.shell)?)?;
    Ok(Exit::Done)
}

/// Prints the program's manual page, or writes the pages of all commands to a directory.
pub(super) fn man(args: &Man) -> Result<Exit, CommandFailure> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    match &args.dir {
        Some(dir) => write_pages(command, dir)?,
        None => print(&page(&clap_mangen::Man::new(command))?)?,
    }
    Ok(Exit::Done)
}

/// Prints the JSON Schema of the configuration file.
pub(super) fn schema() -> Result<Exit, CommandFailure> {
    print_json(&config::schema())?;
    Ok(Exit::Done)
}

/// Writes the pages of `command` and, recursively, of its subcommands to `dir`.
fn write_pages(command: clap::Command, dir: &Path) -> Result<(), CommandFailure> {
    let cannot = |error: io::Error| {
        CommandFailure::Dependency(format!(
            "cannot write manual pages into {}: {error}",
            dir.display()
        ))
    };
    fs::create_dir_all(dir).map_err(cannot)?;
    for below in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        write_pages(below.clone(), dir)?;
    }
    let man = clap_mangen::Man::new(command);
    fs::write(dir.join(man.get_filename()), page(&man)?).map_err(cannot)
}

fn page(man: &clap_mangen::Man) -> Result<String, CommandFailure> {
    let mut page = Vec::new();
    let rendered = man.render(&mut page);
    rendered.map_err(|error| CommandFailure::Dependency(format!("cannot make a page: {error}")))?;
    Ok(with_examples(&String::from_utf8_lossy(&page)))
}

/// Splits the `EXTRA` section, which holds clap's `after_help`, into the sections that manual pages
/// use: `EXAMPLES` without line filling, and `NOTES` for the other paragraphs.
fn with_examples(page: &str) -> String {
    let Some((options, rest)) = page.split_once(EXTRA) else { return page.to_owned() };
    let (extra, after) = match rest.split_once("\n.SH ") {
        Some((extra, after)) => (extra, format!(".SH {after}")),
        None => (rest, String::new()),
    };
    let mut text = options.to_owned();
    let mut notes: Vec<&str> = Vec::new();
    for part in extra.trim_end().split("\n\n") {
        match part.strip_prefix("Examples:\n") {
            Some(examples) => text.push_str(&format!(".SH EXAMPLES\n.nf\n{examples}\n.fi\n")),
            None => notes.push(part),
        }
    }
    if !notes.is_empty() {
        text.push_str(&format!(".SH NOTES\n{}\n", notes.join("\n.PP\n")));
    }
    text + &after
}

/// The heading under which `clap_mangen` renders `after_help`.
const EXTRA: &str = ".SH EXTRA\n";
