//! The allowed values of each key: what the parser accepts, as far as a schema can express it.

use super::keys::ConfigKey;
use super::values::Unit;

/// The form of a value. Bounds and keywords are those of the parser.
#[derive(Clone, Copy, Debug)]
pub(super) enum ValueShape {
    /// `true` or `false`.
    Truth,
    /// An integer within the given inclusive bounds.
    Whole(u32, u32),
    /// An integer above zero, of any size.
    Positive,
    /// A number of the given unit: at least the given minimum, at most a year.
    Count(Unit, u32),
    /// A number with its unit, such as `30s`.
    Interval,
    Text(TextRule),
    /// A list of texts, with the given minimum length.
    Texts(TextRule, usize),
    /// One of several keywords.
    Word(fn() -> Vec<&'static str>),
    /// A list of at least one of several keywords.
    Words(fn() -> Vec<&'static str>),
    /// A value, or a list of at least one.
    OneOrMore(&'static ValueShape),
    /// A value, or null.
    OrNull(&'static ValueShape),
    /// A mapping with the given keys; the second list names the required ones.
    Mapping(&'static [ConfigKey], &'static [&'static str]),
    /// A list of mappings with the given keys, all of them required.
    Mappings(&'static [ConfigKey]),
    /// A text, a number or a boolean.
    Scalar,
    /// A reason as text, or null. Text that looks like a boolean is rejected.
    Reason,
    /// An App's numeric id or its client id.
    AppId,
    /// Names and values of HTTP headers.
    Headers,
    /// Null, a signal, or a list of signals.
    Signals,
    /// Null, a URL, or a signal over HTTP.
    HealthCheck,
}

/// Constraints on a text. The regular expressions mean the same in ECMA 262, which JSON Schema
/// specifies, and RE2, which Helm uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextRule {
    /// Maximum number of characters.
    pub(super) longest: usize,
    /// The pattern that the text must match.
    pub(super) fits: &'static str,
    /// The pattern that the text must not match, or empty. Validators do not print text that
    /// matches it, because it may be a secret.
    pub(super) refused: &'static str,
    /// Whether a plain number or boolean is accepted as its text, as in `branch: 2024`.
    pub(super) is_bare: bool,
    /// A valid example, or empty.
    pub(super) example: &'static str,
}

/// Any single line without surrounding whitespace.
const ONE_LINE: &str = r"^\S(.*\S)?$";

impl TextRule {
    /// A single line of at most `longest` characters.
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

/// The keywords of a parser's table.
pub(super) fn words<T>(table: &[(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(word, _)| *word).collect()
}
