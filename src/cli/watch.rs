//! `status`, printed once or, with `--watch`, refreshed until Ctrl-C.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::RepoName;
use crate::queries;
use crate::queries::view::Overview;
use crate::request::CommandFailure;
use crate::rpc;
use crate::rpc::Setup;

use super::args::{ConfigSource, StatusArgs};
use super::ask::{named, note_drift};
use super::live::Audience;
use super::render::Looker;
use super::{Exit, in_runtime, print, print_json, print_json_line, render, say, width};

pub(super) fn status(source: &ConfigSource, args: &StatusArgs) -> Result<Exit, CommandFailure> {
    let setup = source.setup();
    let ask = queries::OverviewRequest { repository: named(&setup, &args.target)? };
    let clock = Clock::system();
    if let Some(every) = args.watch {
        let only = ShownRepositories::of(args);
        in_runtime(watch(&setup, &clock, &ask, only, every, args.output.json))?;
        return Ok(Exit::Done);
    }
    let view = in_runtime(async {
        note_drift(&setup, &clock).await;
        rpc::look(&setup, ask, &clock).await
    })?;
    let view = ShownRepositories::of(args).narrow(view);
    if args.output.json {
        print_json(&view.status)?;
    } else {
        print(&render::status(&view, looker(&clock)))?;
    }
    Ok(Exit::Done)
}

/// Selects the repositories to show: those that match any filter that is set, or all if none is.
#[derive(Clone, Copy, Debug)]
struct ShownRepositories {
    held: bool,
    error: bool,
}

impl ShownRepositories {
    const fn of(args: &StatusArgs) -> Self {
        Self { held: args.held, error: args.error }
    }

    fn narrow(self, mut view: Overview) -> Overview {
        if self.held || self.error {
            let held: BTreeSet<RepoName> =
                view.held.iter().map(|one| one.repository.clone()).collect();
            view.status.repositories.retain(|row| {
                self.held && held.contains(&row.repository) || self.error && row.error.is_some()
            });
        }
        view
    }
}

/// Shows ages only on a terminal: elsewhere they would make unchanged output differ.
fn looker(clock: &Clock) -> Looker {
    let width = width();
    Looker { width, now: width.map(|_| clock.now()) }
}

async fn watch(
    setup: &Setup,
    clock: &Clock,
    ask: &queries::OverviewRequest,
    only: ShownRepositories,
    every: Duration,
    json: bool,
) -> Result<(), CommandFailure> {
    let mut audience = Audience::new(clock.clone())?;
    let mut shown: Box<dyn Shown> = if json {
        let line = |view: &Overview| print_json_line(&view.status);
        Box::new(ChangeStream { print: line, last: None })
    } else if Screen::is_there() {
        Box::new(Screen::open(clock.clone()))
    } else {
        let text = |view: &Overview| print(&(render::status(view, Looker::default()) + "\n"));
        Box::new(ChangeStream { print: text, last: None })
    };
    let mut answered = false;
    let mut lost = false;
    loop {
        let look = rpc::look(setup, ask.clone(), clock);
        match audience.unless_gone(look).await {
            None => return Ok(()),
            Some(Ok(view)) => {
                let mut view = only.narrow(view);
                answered = true;
                lost = false;
                if json {
                    // The JSON holds the rows alone, so a change of `held` must not print it again.
                    view.held.clear();
                }
                shown.show(view)?;
            }
            // Retry after the first success, so that the watch survives a controller's restart.
            Some(Err(CommandFailure::Dependency(why))) if answered => {
                if !lost {
                    say("note", &format!("{why}. Retrying until it responds"));
                }
                lost = true;
            }
            Some(Err(failure)) => return Err(failure),
        }
        if !audience.waits(every).await {
            return Ok(());
        }
    }
}

trait Shown {
    fn show(&mut self, view: Overview) -> Result<(), CommandFailure>;
}

/// Output to a pipe or a file: one snapshot per change.
struct ChangeStream<P> {
    print: P,
    last: Option<Overview>,
}

impl<P: Fn(&Overview) -> Result<(), CommandFailure>> Shown for ChangeStream<P> {
    fn show(&mut self, view: Overview) -> Result<(), CommandFailure> {
        // Another pass alone is not a change.
        let mut timeless = view.clone();
        timeless.status.repositories.iter_mut().for_each(|row| row.last_pass = None);
        if self.last.as_ref() != Some(&timeless) {
            (self.print)(&view)?;
            self.last = Some(timeless);
        }
        Ok(())
    }
}

/// Output to a terminal, redrawn at each refresh. Dropping it shows the cursor again.
struct Screen {
    clock: Clock,
}

const HIDE_CURSOR: &str = "\u{1b}[?25l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";
const HOME_AND_CLEAR: &str = "\u{1b}[H\u{1b}[2J";

impl Screen {
    fn is_there() -> bool {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        std::io::stdout().is_terminal() && !dumb
    }

    fn open(clock: Clock) -> Self {
        control(HIDE_CURSOR);
        Self { clock }
    }
}

impl Shown for Screen {
    fn show(&mut self, view: Overview) -> Result<(), CommandFailure> {
        let text = render::status(&view, looker(&self.clock));
        let height =
            terminal_size::terminal_size().map_or(usize::MAX, |(_, height)| height.0.into());
        let title =
            format!("{}  Ctrl-C ends\n\n", self.clock.now().strftime("%Y-%m-%d %H:%M:%S UTC"));
        let frame = title + &text;
        // Leave the last line empty, so that the terminal does not scroll.
        let lines: Vec<&str> = frame.lines().take(height.saturating_sub(1)).collect();
        control(HOME_AND_CLEAR);
        print(&(lines.join("\n") + "\n"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        control(SHOW_CURSOR);
    }
}

/// Writes a control sequence to the terminal, even if colors are off.
fn control(code: &str) {
    let mut stdout = std::io::stdout();
    // A closed terminal is not an error.
    let _ = stdout.write_all(code.as_bytes()).and_then(|()| stdout.flush());
}
