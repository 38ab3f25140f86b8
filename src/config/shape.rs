//! What may be written at a key: what the reader takes, as far as a schema can say it.

use super::keys::ConfigKey;
use super::values::Unit;

/// What a value looks like. Bounds and words are the reader's own.
#[derive(Clone, Copy, Debug)]
pub(super) enum ValueShape {
    /// `true` or `false`.
    Truth,
    /// A whole number from the first to the second.
    Whole(u32, u32),
    /// A whole number above zero, of any size.
    Positive,
    /// A number of a unit, at least so many, at most a year.
    Count(Unit, u32),
    /// A number with its unit, as in `30s`.
    Interval,
    /// A text.
    Text(TextRule),
    /// A list of texts, at least so many.
    Texts(TextRule, usize),
    /// One of a few words.
    Word(fn() -> Vec<&'static str>),
    /// At least one of a few words.
    Words(fn() -> Vec<&'static str>),
    /// A value, or a list of at least one.
    OneOrMore(&'static ValueShape),
    /// A value, or null.
    OrNull(&'static ValueShape),
    /// A mapping with these keys, of which it needs some.
    Mapping(&'static [ConfigKey], &'static [&'static str]),
    /// A list of mappings with these keys, all of which each needs.
    Mappings(&'static [ConfigKey]),
    /// A text, a number or a boolean.
    Scalar,
    /// A reason in words, or null: no switch.
    Reason,
    /// An App's number, or its client id.
    AppId,
    /// Names and values of HTTP headers.
    Headers,
    /// Null, a signal, or a list of them.
    Signals,
    /// Null, an address, or a signal over HTTP.
    HealthCheck,
}

/// What a text must look like. The expressions mean the same to ECMA 262, by which schemas go, as to
/// RE2, which Helm reads them with.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextRule {
    /// Characters at most.
    pub(super) longest: usize,
    /// The expression that fits.
    pub(super) fits: &'static str,
    /// The expression that must not fit; empty where there is none. A text that it fits is not
    /// shown in what validators say, because it may be a secret.
    pub(super) refused: &'static str,
    /// Whether a plain number or boolean stands for its text, as in `branch: 2024`.
    pub(super) is_bare: bool,
    /// A good one, or empty.
    pub(super) example: &'static str,
}

/// Anything on one line, without space around it.
const ONE_LINE: &str = r"^\S(.*\S)?$";

impl TextRule {
    /// A line of at most so many characters.
    pub(super) const fn of(longest: usize) -> Self {
        Self { longest, fits: ONE_LINE, refused: "", is_bare: true, example: "" }
    }

    pub(super) const fn fitting(self, fits: &'static str) -> Self {
        Self { fits, is_bare: false, ..self }
    }

    pub(super) const fn refusing(self, refused: &'static str) -> Self {
        Self { refused, ..self }
    }

    pub(super) const fn bare(self) -> Self {
        Self { is_bare: true, ..self }
    }

    pub(super) const fn like(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
}

/// The words of a table that the reader goes by.
pub(super) fn words<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(word, _)| *word).collect()
}
