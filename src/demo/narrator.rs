//! Prints the narration: short paragraphs with the time, in color only on a terminal.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::cli::{self, render};
use crate::clock::Clock;

/// Maximum line width in columns, for readability.
const WIDEST: usize = 100;
/// The column in which the text of a line begins, after the time and the actor's name.
const MARGIN: usize = 21;

/// Prints what happens, and remembers what the scenario waits for. Clones share this state.
#[derive(Clone)]
pub(super) struct Narrator {
    clock: Clock,
    began: Duration,
    awaited: Arc<Mutex<String>>,
}

/// The actor of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Dev,
    /// GitHub or GitHub Actions.
    GitHub,
    Governor,
    Operator,
}

impl Who {
    const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::GitHub => "github",
            Self::Governor => "governor",
            Self::Operator => "operator",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Dev => AnsiColor::Cyan.on_default(),
            Self::GitHub => Style::new().dimmed(),
            Self::Governor => Style::new().bold(),
            Self::Operator => AnsiColor::Magenta.on_default(),
        }
    }
}

impl Narrator {
    /// Creates a narrator whose time starts at zero now.
    pub(super) fn new(clock: &Clock) -> Self {
        let awaited = Arc::new(Mutex::new("the beginning".to_owned()));
        Self { clock: clock.clone(), began: clock.monotonic(), awaited }
    }

    /// Prints wrapped text and an empty line.
    pub(super) fn paragraph(&self, text: &str) {
        let lines: String = wrapped(text, width()).iter().map(|line| format!("{line}\n")).collect();
        tell(&format!("{lines}\n"));
    }

    /// Prints an empty line.
    pub(super) fn pause(&self) {
        tell("\n");
    }

    /// Prints indented lines without wrapping, so that they can be copied.
    pub(super) fn block(&self, lines: &[String]) {
        let lines: String =
            lines.iter().map(|line| format!("  {}\n", render::clean(line))).collect();
        tell(&format!("{lines}\n"));
    }

    /// Prints commands, each with its description on a separate line, because not every shell
    /// accepts comments.
    pub(super) fn suggestions(&self, commands: &[(String, &str)]) {
        let dimmed = Style::new().dimmed();
        let lines: String = commands
            .iter()
            .map(|(command, shows)| {
                format!("  {}\n      {dimmed}{shows}{dimmed:#}\n", render::clean(command))
            })
            .collect();
        tell(&lines);
    }

    /// Prints the heading of an act.
    pub(super) fn act(&self, number: usize, title: &str, repository: &str) {
        let style = Style::new().bold().underline();
        tell(&format!("\n{style}{number}. {title}{style:#} ({repository})\n\n"));
    }

    /// Prints what an actor did, with the time.
    pub(super) fn says(&self, who: Who, text: &str) {
        let style = who.style();
        let at = self.clock.monotonic().saturating_sub(self.began).as_secs_f64();
        let first = format!("{at:>6.1}s  {style}{:<10}{style:#}  ", who.name());
        self.hanging(&first, text);
    }

    /// Prints an explanation of the preceding line.
    pub(super) fn why(&self, text: &str) {
        self.hanging(&" ".repeat(MARGIN), text);
    }

    /// Prints a promise and whether it was kept.
    pub(super) fn promise(&self, kept: bool, text: &str) {
        let (mark, color) =
            if kept { ("kept", AnsiColor::Green) } else { ("BROKEN", AnsiColor::Red) };
        let style = color.on_default().bold();
        self.hanging(&format!("  {style}{mark:<6}{style:#}{}", " ".repeat(MARGIN - 8)), text);
    }

    /// Records what the scenario waits for, to report it on a timeout.
    pub(super) fn awaits(&self, what: &str) {
        what.clone_into(&mut self.awaited.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What the scenario waits for.
    pub(super) fn awaited(&self) -> String {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hanging(&self, first: &str, text: &str) {
        let mut lines = wrapped(text, width() - MARGIN).into_iter();
        let mut told = format!("{first}{}\n", render::paint(&lines.next().unwrap_or_default()));
        for line in lines {
            told.push_str(&format!("{}{}\n", " ".repeat(MARGIN), render::paint(&line)));
        }
        tell(&told);
    }
}

/// Prints text. A write error does not stop the scenario.
fn tell(text: &str) {
    let _ = cli::print(text);
}

fn width() -> usize {
    let terminal = cli::width().map_or(WIDEST, usize::from);
    terminal.clamp(2 * MARGIN, WIDEST)
}

/// Wraps text into lines of at most `width` characters. Longer words are not broken.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let room = lines.last().map_or(0, |line| width.saturating_sub(line.chars().count()));
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if word.chars().count() < room => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_none_is_cut() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("internationalization of it", 5), ["internationalization", "of it"]);
        assert_eq!(wrapped("", 5), [""]);
    }
}
