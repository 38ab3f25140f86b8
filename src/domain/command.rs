//! What it means that a comment gives the approval command.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::markup::{MarkupPosition, Stretch, stretches};

/// The line that approves in a comment, as it is configured: one that a comment can give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalCommand(String);

/// A line that no comment could give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{command}` {why}")]
pub struct CommandError {
    /// The line as configured.
    pub command: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Whether a comment gives the command, and if not, how near it comes. Nothing but
/// [`Spoken::Given`] counts; the rest is there to be told. In the order in which they tell more:
/// of several ways in one comment, the last is what its writer needs to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandReading {
    /// It is not there.
    Absent,
    /// In a quote, lines that GitHub draws into one included: somebody else's words.
    InQuote,
    /// Inside HTML, an HTML comment, a definition or a footnote: not shown, or not as a line of
    /// the comment.
    Hidden,
    /// In a code block, or between backticks.
    InCode,
    /// On a line with other words, or under markup: emphasised, struck out, in a link, or between
    /// dollar signs.
    NotAlone,
    /// In a list.
    InList,
    /// In a table.
    InTable,
    /// In a heading. A line of `-` or `=` beneath makes one.
    InHeading,
    /// A line that reads like it and is written otherwise: in another case, escaped, with
    /// characters that look like others or like nothing.
    LooksLike,
    /// Alone on a line of the comment itself.
    Given,
}

impl CommandReading {
    /// As JSON writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::InQuote => "in_quote",
            Self::Hidden => "hidden",
            Self::InCode => "in_code",
            Self::NotAlone => "not_alone",
            Self::InList => "in_list",
            Self::InTable => "in_table",
            Self::InHeading => "in_heading",
            Self::LooksLike => "looks_like",
            Self::Given => "given",
        }
    }
}

/// More is no command but a text.
const LONGEST: usize = 100;

const SHOWN_OTHERWISE: &str =
    "holds markup, so that Markdown shows other characters than are written: write plain words";

impl ApprovalCommand {
    /// Checks that a comment can give this line, and is seen to give it.
    ///
    /// # Errors
    /// Where no comment could: Markdown would take the line for something else, or a reader could
    /// not tell it from another.
    pub fn new(line: &str) -> Result<Self, CommandError> {
        let command = Self(line.to_owned());
        match command.flaw() {
            None => Ok(command),
            Some(why) => {
                let shown = line.chars().take(LONGEST).collect();
                Err(CommandError { command: shown, why })
            }
        }
    }

    /// As configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether, and how, the comment `body` speaks this command.
    ///
    /// It is given by a line that, without the blanks and tabs around it, is the command to the
    /// letter, in a paragraph of the comment itself, under no markup. GitHub's Markdown says
    /// where that is. In doubt it is not given.
    #[must_use]
    pub fn spoken_in(&self, body: &str) -> CommandReading {
        let text = as_read(body);
        let sight = at_sight(&self.0);
        let told = stretches(&text).into_iter().map(|stretch| self.told_by(&stretch, &sight));
        told.max().unwrap_or(CommandReading::Absent)
    }

    fn told_by(&self, stretch: &Stretch<'_>, sight: &str) -> CommandReading {
        let is_plain = stretch.place == MarkupPosition::Plain;
        if is_plain && stretch.written.trim_matches([' ', '\t']) == self.0 {
            CommandReading::Given
        } else if is_plain && at_sight(&stretch.shown) == sight {
            CommandReading::LooksLike
        } else if self.is_named_in(&stretch.written) {
            match stretch.place {
                MarkupPosition::Plain | MarkupPosition::Marked => CommandReading::NotAlone,
                MarkupPosition::Quote => CommandReading::InQuote,
                MarkupPosition::Code => CommandReading::InCode,
                MarkupPosition::Hidden => CommandReading::Hidden,
                MarkupPosition::List => CommandReading::InList,
                MarkupPosition::Table => CommandReading::InTable,
                MarkupPosition::Heading => CommandReading::InHeading,
            }
        } else {
            CommandReading::Absent
        }
    }

    /// Whether `text` holds the command, and not as a part of a longer word or path.
    fn is_named_in(&self, text: &str) -> bool {
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
        text.match_indices(&self.0).any(|(start, found)| {
            let before = text.get(..start).unwrap_or_default();
            let after = text.get(start + found.len()..).unwrap_or_default();
            !before.ends_with(goes_on) && !after.starts_with(goes_on)
        })
    }

    /// Why no comment could give it.
    fn flaw(&self) -> Option<&'static str> {
        if self.0.trim().is_empty() {
            return Some("is empty: nothing would approve, or everything");
        }
        if self.0.chars().count() > LONGEST {
            return Some("has more than 100 characters");
        }
        if self.0.contains(['\n', '\r']) {
            return Some("has more than one line");
        }
        if self.0.trim() != self.0 {
            return Some("begins or ends in white space, which a comment's line does not keep");
        }
        if self.0.chars().any(|c| is_unseen(c) || (c.is_whitespace() && c != ' ')) {
            return Some("holds a character that cannot be seen");
        }
        if !self.0.contains(char::is_alphanumeric) {
            return Some("has no letter or digit: Markdown draws lines and tables with such signs");
        }
        // Beside other words as well: there, some lines mean something else.
        let beside = [("", ""), ("", "\nThanks."), ("Good.\n", "\nThanks.")];
        beside
            .iter()
            .map(|(above, below)| self.spoken_in(&format!("{above}{self}{below}")))
            .find_map(misread)
            .or_else(|| self.is_shown_otherwise().then_some(SHOWN_OTHERWISE))
    }

    /// Whether Markdown makes other characters of it, as of `&amp;` and `\*`.
    fn is_shown_otherwise(&self) -> bool {
        !stretches(&self.0).iter().any(|stretch| stretch.shown == self.0)
    }
}

impl fmt::Display for ApprovalCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a command that is read so, alone in a comment, is none.
fn misread(spoken: CommandReading) -> Option<&'static str> {
    match spoken {
        CommandReading::Given => None,
        CommandReading::InQuote => {
            Some("begins a quote in Markdown, and quoted words do not count")
        }
        CommandReading::InCode => Some("is code in Markdown, and code does not count"),
        CommandReading::InList => {
            Some("begins a list in Markdown, and an item of a list does not count")
        }
        CommandReading::InTable => Some("is a table in Markdown, and a table does not count"),
        CommandReading::InHeading => Some("is a heading in Markdown, and a heading does not count"),
        CommandReading::Hidden => Some("is HTML or a definition in Markdown, which is not shown"),
        CommandReading::NotAlone | CommandReading::LooksLike | CommandReading::Absent => {
            Some(SHOWN_OTHERWISE)
        }
    }
}

/// A comment as Markdown reads it: three ways to end a line are one.
fn as_read(body: &str) -> String {
    body.replace("\r\n", "\n").replace('\r', "\n")
}

/// What a hasty reader sees of a line. Only to tell somebody why a line does not count.
fn at_sight(line: &str) -> String {
    let seen = line.chars().filter(|c| c.is_whitespace() || !is_unseen(*c));
    let seen: String = seen.flat_map(|c| alike(c).to_lowercase()).map(alike).collect();
    seen.trim().to_owned()
}

/// Characters that are drawn as nothing, or that no keyboard types. Source: Unicode's
/// `Default_Ignorable_Code_Point`, controls, and what stands for a character that is unreadable.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The ASCII character that `c` is easily taken for. The usual ones, and not Unicode's thousands.
fn alike(c: char) -> char {
    match c {
        // Full-width forms, as Asian keyboards type them, in the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c).saturating_sub(0xfee0)).unwrap_or(c),
        c if c.is_whitespace() => ' ',
        '\u{2044}' | '\u{2215}' | '\u{2571}' | '\u{29f8}' => '/',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        // Cyrillic and Greek letters that are drawn as Latin ones.
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ё' | 'ε' => 'e',
        'һ' | 'н' => 'h',
        'і' | 'ї' | 'ı' | 'ι' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' | 'μ' => 'm',
        'ո' => 'n',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        other => other,
    }
}

#[cfg(test)]
mod tests;
