//! The approval command, and whether a comment gives it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::markup::{MarkupPosition, Stretch, stretches};

/// The configured line that approves when it appears in a comment. Validated: a comment can
/// give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalCommand(String);

/// A configured line that no comment could give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{command}` {why}")]
pub struct CommandError {
    pub command: String,
    pub why: &'static str,
}

/// Whether a comment gives the approval command and, if not, how close it comes. Only
/// [`CommandReading::Given`] approves; the other variants explain to the author why the comment
/// does not count. Ordered by how much they explain: if a comment contains the command in
/// several ways, the greatest variant is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandReading {
    /// The comment does not contain the command.
    Absent,
    /// In a quote, including lines that GitHub renders as part of one: somebody else's text.
    InQuote,
    /// In HTML, an HTML comment, a link definition or a footnote: not rendered, or not as a
    /// line of the comment.
    Hidden,
    /// In a code block or between backticks.
    InCode,
    /// On a line with other text, or inside markup: emphasis, strikethrough, a link, or dollar
    /// signs.
    NotAlone,
    InList,
    InTable,
    /// In a heading. A line of `-` or `=` below the text makes it one.
    InHeading,
    /// A line that looks like the command but differs: in case, by escapes, or by look-alike or
    /// invisible characters.
    LooksLike,
    /// Alone on a line of the comment itself.
    Given,
}

impl CommandReading {
    /// The value used in JSON.
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

/// Maximum length of a command, in characters.
const LONGEST: usize = 100;

const SHOWN_OTHERWISE: &str =
    "holds markup, so that Markdown shows other characters than are written: write plain words";

impl ApprovalCommand {
    /// Validates that a comment can give this line, and that readers can recognize it.
    ///
    /// # Errors
    ///
    /// If no comment can give it: Markdown would interpret the line as something else, or
    /// readers could not tell it from another line.
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

    /// The line as configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether, and how, the comment `body` contains this command.
    ///
    /// The command counts if a line equals it exactly, apart from surrounding spaces and tabs,
    /// in a paragraph of the comment itself and outside any markup, as GitHub's Markdown
    /// defines these. In doubt, it does not count.
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

    /// Whether `text` contains the command other than as a part of a longer word or path.
    fn is_named_in(&self, text: &str) -> bool {
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
        text.match_indices(&self.0).any(|(start, found)| {
            let before = text.get(..start).unwrap_or_default();
            let after = text.get(start + found.len()..).unwrap_or_default();
            !before.ends_with(goes_on) && !after.starts_with(goes_on)
        })
    }

    /// Why no comment can give this command, if so.
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
        // Some lines change their meaning next to other text, so check that, too.
        let beside = [("", ""), ("", "\nThanks."), ("Good.\n", "\nThanks.")];
        beside
            .iter()
            .map(|(above, below)| self.spoken_in(&format!("{above}{self}{below}")))
            .find_map(misread)
            .or_else(|| self.is_shown_otherwise().then_some(SHOWN_OTHERWISE))
    }

    /// Whether Markdown renders it with other characters, as it does for `&amp;` and `\*`.
    fn is_shown_otherwise(&self) -> bool {
        !stretches(&self.0).iter().any(|stretch| stretch.shown == self.0)
    }
}

impl fmt::Display for ApprovalCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a command that is read this way when it is alone in a comment is invalid.
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

/// Normalizes line endings, as Markdown does.
fn as_read(body: &str) -> String {
    body.replace("\r\n", "\n").replace('\r', "\n")
}

/// How the line looks to a quick reader. Used only to explain why a line does not count.
fn at_sight(line: &str) -> String {
    let seen = line.chars().filter(|c| c.is_whitespace() || !is_unseen(*c));
    let seen: String = seen.flat_map(|c| alike(c).to_lowercase()).map(alike).collect();
    seen.trim().to_owned()
}

/// Characters that render as nothing or that no keyboard types. Source: Unicode's
/// `Default_Ignorable_Code_Point`, control characters, and the replacement characters.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The ASCII character that `c` is easily mistaken for. Covers the common cases, not all of
/// Unicode's confusables.
fn alike(c: char) -> char {
    match c {
        // Full-width forms, as Asian keyboards type them, in ASCII order.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c).saturating_sub(0xfee0)).unwrap_or(c),
        c if c.is_whitespace() => ' ',
        '\u{2044}' | '\u{2215}' | '\u{2571}' | '\u{29f8}' => '/',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        // Cyrillic, Greek and similar letters that look like Latin ones.
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
