//! Parses single values into the type that their key expects, or records a mistake.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use figment::value::Value;

use super::keys::ENVIRONMENT_PREFIX;
use super::mistake::{Mistake, Mistakes};
use super::read;
use super::spots::Spot;

/// The source of a layer's values.
#[derive(Default)]
pub(super) struct ValueOrigin {
    /// The file path as given, or `environment`.
    pub(super) file: String,
    /// Whether the keys are environment variables, whose values are untyped text.
    pub(super) is_environment: bool,
    /// Known locations of the keys of the file.
    pub(super) spots: BTreeMap<String, Spot>,
}

/// A value, its key, and where it was written.
pub(super) struct Setting<'a> {
    pub(super) value: Value,
    pub(super) key: String,
    pub(super) origin: &'a ValueOrigin,
}

/// Maximum number of characters shown of an invalid value.
const SHOWN_CHARACTERS: usize = 80;

impl Setting<'_> {
    /// Records that the value is not what was `expected`.
    pub(super) fn wrong(&self, mistakes: &mut Mistakes, expected: impl Display) {
        let shown = Some(self.shown());
        self.say(mistakes, shown, expected.to_string());
    }

    /// Records a mistake without showing the value, which may be a secret or tell nothing.
    pub(super) fn refuse(&self, mistakes: &mut Mistakes, what: impl Into<String>) {
        self.say(mistakes, None, what.into());
    }

    fn say(&self, mistakes: &mut Mistakes, value: Option<String>, expected: String) {
        mistakes.push(Mistake {
            file: self.origin.file.clone(),
            line: self.origin.line(&self.key),
            key: self.origin.shown_key(&self.key),
            value,
            expected,
        });
    }

    pub(super) fn is_null(&self) -> bool {
        let written = self.variable().map(str::trim);
        matches!(written, Some("" | "null" | "~")) || matches!(self.value, Value::Empty(..))
    }

    /// The text of an environment variable, which has no type.
    pub(super) fn variable(&self) -> Option<&str> {
        self.value.as_str().filter(|_| self.origin.is_environment)
    }

    /// A text, number or boolean, as written.
    pub(super) fn written(&self) -> Option<String> {
        self.plain()
    }

    fn shown(&self) -> String {
        match &self.value {
            Value::Dict(..) => "a mapping".to_owned(),
            Value::Array(..) => "a list".to_owned(),
            Value::Empty(..) => "nothing".to_owned(),
            Value::String(..) | Value::Char(..) | Value::Bool(..) | Value::Num(..) => {
                let text = without_userinfo(&self.plain().unwrap_or_default());
                let excerpt: String = text.chars().take(SHOWN_CHARACTERS).collect();
                let more = if excerpt.len() < text.len() { "…" } else { "" };
                format!("`{}{more}`", excerpt.escape_debug())
            }
        }
    }

    /// A scalar as written. YAML parses `branch: 2024` as a number.
    fn plain(&self) -> Option<String> {
        let written = || self.origin.spots.get(&self.key).and_then(|spot| spot.text.clone());
        match &self.value {
            Value::String(_, text) => Some(text.clone()),
            Value::Char(_, letter) => Some(letter.to_string()),
            Value::Bool(_, truth) => Some(written().unwrap_or_else(|| truth.to_string())),
            Value::Num(_, number) => written().or_else(|| number_text(*number)),
            Value::Empty(..) | Value::Dict(..) | Value::Array(..) => None,
        }
    }

    /// Whether the number or boolean can be used as text. This requires its source text.
    fn is_text(&self) -> bool {
        match &self.value {
            Value::String(..) | Value::Char(..) => true,
            Value::Bool(..) | Value::Num(..) => {
                self.origin.spots.get(&self.key).is_some_and(|spot| spot.text.is_some())
            }
            Value::Empty(..) | Value::Dict(..) | Value::Array(..) => false,
        }
    }
}

impl ValueOrigin {
    fn line(&self, key: &str) -> Option<usize> {
        let mut key = key;
        // A value that came through an alias has no line of its own; use its parent's.
        loop {
            if let Some(spot) = self.spots.get(key) {
                return Some(spot.line);
            }
            key = key.get(..key.rfind(['.', '['])?)?;
        }
    }

    fn shown_key(&self, key: &str) -> String {
        if self.is_environment { variable(key) } else { key.to_owned() }
    }
}

/// The name of the environment variable that sets `key`.
pub(super) fn variable(key: &str) -> String {
    let (name, index) = key.split_at(key.find('[').unwrap_or(key.len()));
    format!("{ENVIRONMENT_PREFIX}{}{index}", name.replace('.', "__").to_uppercase())
}

/// A number as text, whatever its width.
pub(super) fn number_text(number: figment::value::Num) -> Option<String> {
    let whole = number.to_i128().map(|n| n.to_string());
    whole.or_else(|| number.to_u128().map(|n| n.to_string())).or_else(|| {
        let float = number.to_f64()?;
        Some(float.to_string())
    })
}

/// Hides the userinfo of a URL, which may contain a password.
fn without_userinfo(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            let head = text.get(..scheme).unwrap_or_default();
            format!("{head}://***{}", text.get(at..).unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

/// Sets `slot` if a value was read.
pub(super) fn put<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

/// Accepts `null`, or whatever `read` accepts.
pub(super) fn or_null<T>(
    entry: &Setting<'_>,
    mistakes: &mut Mistakes,
    read: impl FnOnce(&Setting<'_>, &mut Mistakes) -> Option<T>,
) -> Option<Option<T>> {
    if entry.is_null() { Some(None) } else { read(entry, mistakes).map(Some) }
}

/// A single line of at most `longest` characters, without surrounding whitespace.
pub(super) fn line(
    entry: &Setting<'_>,
    mistakes: &mut Mistakes,
    longest: usize,
    expected: &str,
) -> Option<String> {
    let text = text(entry, mistakes, expected)?;
    let fits = !text.is_empty() && text.chars().count() <= longest;
    if fits && text.trim() == text && !text.chars().any(char::is_control) {
        return Some(text);
    }
    entry.wrong(mistakes, expected);
    None
}

/// Any text, including the empty one.
pub(super) fn text(entry: &Setting<'_>, mistakes: &mut Mistakes, expected: &str) -> Option<String> {
    if entry.is_text() {
        return entry.plain();
    }
    entry.wrong(mistakes, expected);
    None
}

pub(super) fn boolean(entry: &Setting<'_>, mistakes: &mut Mistakes) -> Option<bool> {
    if let Value::Bool(_, truth) = entry.value {
        return Some(truth);
    }
    let truth = match entry.variable().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    };
    if truth.is_none() {
        entry.wrong(mistakes, "true or false");
    }
    truth
}

/// An integer within `range`.
pub(super) fn whole(
    entry: &Setting<'_>,
    mistakes: &mut Mistakes,
    range: RangeInclusive<u32>,
) -> Option<u32> {
    let written = entry.variable().and_then(|text| text.trim().parse::<u32>().ok());
    let number = entry.value.to_num().and_then(number_text).and_then(|text| text.parse().ok());
    let number = number.or(written).filter(|number| range.contains(number));
    if number.is_none() {
        let (least, most) = (range.start(), range.end());
        entry.wrong(mistakes, format_args!("a whole number from {least} to {most}"));
    }
    number
}

/// A number of `unit`, at least `least` of them and at most a year, so that it cannot overflow.
pub(super) fn count_of(
    entry: &Setting<'_>,
    mistakes: &mut Mistakes,
    unit: Unit,
    least: u32,
) -> Option<Duration> {
    let written = entry.variable().and_then(|text| text.trim().parse().ok());
    let number = entry.value.to_num().and_then(float).or(written);
    let (name, seconds) = (unit.name(), f64::from(unit.seconds()));
    let fits = |n: &f64| (f64::from(least)..=f64::from(unit.most())).contains(n);
    let duration = number.filter(fits).and_then(|n| Duration::try_from_secs_f64(n * seconds).ok());
    if duration.is_none() {
        let expected = format_args!("a number of {name}, at least {least} and at most a year");
        entry.wrong(mistakes, expected);
    }
    duration
}

/// Upper bound of a number without a unit, in seconds.
const YEAR: u32 = 366 * 24 * 60 * 60;

/// The unit of a number written without one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Seconds,
    Minutes,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
        }
    }

    const fn seconds(self) -> u32 {
        match self {
            Self::Seconds => 1,
            Self::Minutes => 60,
        }
    }

    /// The number of these units in a year.
    pub(super) const fn most(self) -> u32 {
        YEAR / self.seconds()
    }
}

fn float(number: figment::value::Num) -> Option<f64> {
    number.to_f64().or_else(|| number_text(number)?.parse().ok())
}

/// A number with its unit, from 100ms to one day.
pub(super) fn interval(entry: &Setting<'_>, mistakes: &mut Mistakes) -> Option<Duration> {
    const LEAST: Duration = Duration::from_millis(100);
    const MOST: Duration = Duration::from_secs(24 * 60 * 60);
    let written = entry.value.as_str().and_then(|text| duration(text.trim()));
    let duration = written.filter(|duration| (LEAST..=MOST).contains(duration));
    if duration.is_none() {
        let expected = "a duration from 100ms to 24h: a number with ms, s, m or h, as in 30s";
        entry.wrong(mistakes, expected);
    }
    duration
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let plain = number.starts_with(|c: char| c.is_ascii_digit())
        && number.trim_end().bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = number.trim_end().parse().ok().filter(|_| plain)?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// The items of a list. In the environment, a list is separated by commas or written in
/// brackets.
pub(super) fn items<'a>(
    entry: &Setting<'a>,
    mistakes: &mut Mistakes,
    expected: &str,
) -> Option<Vec<Setting<'a>>> {
    let values = entry.value.as_array().map(<[Value]>::to_vec);
    let Some(values) = values.or_else(|| listed(entry.variable()?.trim())) else {
        entry.wrong(mistakes, format_args!("a list of {expected}"));
        return None;
    };
    let item = |(index, value)| {
        let key = format!("{}[{index}]", entry.key);
        Setting { value, key, origin: entry.origin }
    };
    Some(values.into_iter().enumerate().map(item).collect())
}

fn listed(text: &str) -> Option<Vec<Value>> {
    if text.is_empty() {
        return None;
    }
    if text.starts_with('[') {
        return match read::yaml(text) {
            Ok(Value::Array(_, values)) => Some(values),
            _ => None,
        };
    }
    Some(text.split(',').map(|item| Value::from(item.trim())).collect())
}

/// A list of non-empty texts.
pub(super) fn texts(
    entry: &Setting<'_>,
    mistakes: &mut Mistakes,
    expected: &str,
) -> Option<Vec<String>> {
    let items = items(entry, mistakes, expected)?;
    let count = items.len();
    if count > MOST_ITEMS {
        entry.refuse(mistakes, format!("has {count} items: expected at most {MOST_ITEMS}"));
        return None;
    }
    let texts: Vec<String> =
        items.iter().filter_map(|item| line(item, mistakes, LONGEST_ITEM, expected)).collect();
    (texts.len() == count).then_some(texts)
}

/// More than anybody writes by hand or reviews.
pub(super) const MOST_ITEMS: usize = 5_000;
/// Longer than any path that git accepts.
pub(super) const LONGEST_ITEM: usize = 4096;

/// One of several keywords.
pub(super) fn word<T: Copy>(
    entry: &Setting<'_>,
    mistakes: &mut Mistakes,
    words: &[(&str, T)],
) -> Option<T> {
    let written = entry.plain().unwrap_or_default();
    let found = words.iter().find(|(word, _)| *word == written.trim());
    if found.is_none() {
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        entry.wrong(mistakes, one_of(&list));
    }
    found.map(|(_, value)| *value)
}

/// For example `a, b or c`.
pub(super) fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_with_a_unit() {
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("1.5m"), Some(Duration::from_secs(90)));
        assert_eq!(duration("2 h"), Some(Duration::from_hours(2)));
        for wrong in ["", "60", "s", "1d", "-1s", "1e3s", "infs", "NaNs", "1s2", ".5s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        assert_eq!(without_userinfo("https://a:b@c/d"), "https://***@c/d");
        assert_eq!(without_userinfo("https://a:b@c/d@e"), "https://***@e");
        assert_eq!(without_userinfo("acme/shop@1a2b"), "acme/shop@1a2b");
    }
}
