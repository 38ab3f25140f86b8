//! `freezes` and `windows`: read, checked, and given to the lanes that they name.

use std::collections::BTreeSet;
use std::sync::Arc;

use figment::value::{Dict, Value};
use jiff::Timestamp;
use jiff::civil::DateTime;

use super::environment::Variables;
use super::keys::{CALENDAR_KEYS, CALENDAR_REQUIRED, WEEKLY_KEYS, names};
use super::mistake::{Mistakes, meant};
use super::policy::LONGEST_LINE;
use super::read::FileTree;
use super::values::{Setting, items, line, texts};
use crate::domain::{
    CalendarEntry, CalendarKind, CalendarSelectors, CalendarSpan, CalendarZone, LaneCalendar,
    Policy, RepoPattern, WeekTime,
};

/// Entries that a decision asks one after another; more than a person oversees.
pub(super) const MOST_ENTRIES: usize = 100;
/// Intervals of a week in one entry.
const MOST_INTERVALS: usize = 50;

/// The entries of the file, freezes first.
pub(super) fn entries(
    file: &FileTree,
    environment: &Variables,
    policies: &[Policy],
    mistakes: &mut Mistakes,
) -> Vec<Arc<CalendarEntry>> {
    // Where the repositories have mistakes, their environments are not all known.
    let policies = if mistakes.is_empty() { policies } else { &[] };
    let known: BTreeSet<&str> =
        policies.iter().map(|policy| policy.production_environment_name.as_str()).collect();
    let mut entries = Vec::new();
    for kind in [CalendarKind::Freeze, CalendarKind::Window] {
        let Some(list) = list(kind, file, environment) else { continue };
        let expected = "mappings with `name`, `zone`, and `weekly` or `from` and `to`";
        let items = items(&list, mistakes, expected).unwrap_or_default();
        if items.len() > MOST_ENTRIES {
            let count = items.len();
            list.refuse(mistakes, format!("has {count} items: expected at most {MOST_ENTRIES}"));
            continue;
        }
        let mut named = BTreeSet::new();
        for item in items {
            let reader = EntryReader { kind, item: &item, known: &known };
            let Some(entry) = reader.read(mistakes) else { continue };
            if !named.insert(entry.name.clone()) {
                let value = Value::from(entry.name.clone());
                field(&item, "name", value).wrong(mistakes, "each name once in this list");
            }
            entries.push(Arc::new(entry));
        }
    }
    entries
}

/// Gives each policy the entries that name its lane.
pub(super) fn assign(entries: &[Arc<CalendarEntry>], policies: &mut [Policy]) {
    for policy in policies {
        let environment = &policy.production_environment_name;
        policy.calendar = LaneCalendar::of(entries, &policy.repository, environment);
    }
}

/// What is allowed, and is hardly meant.
pub(super) fn warnings(entries: &[Arc<CalendarEntry>], policies: &[Policy]) -> Vec<String> {
    let mut warnings = Vec::new();
    for entry in entries {
        let key = format!("{}: {}", entry.kind.key(), entry.name);
        for pattern in entry.selectors.repositories.iter().flatten() {
            if !policies.iter().any(|policy| pattern.matches(&policy.repository)) {
                let pattern = pattern.written();
                warnings.push(format!("{key}: repositories: {pattern} matches no repository"));
            }
        }
        let covers = |policy: &Policy| {
            entry.selectors.select(&policy.repository, &policy.production_environment_name)
        };
        if !policies.iter().any(covers) {
            warnings.push(format!("{key}: names no lane, so it has no effect"));
        }
        if is_never(entry) {
            warnings.push(format!("{key}: holds no instant, as clocks jump over all of it"));
        } else if is_always(entry) {
            warnings.push(format!("{key}: its intervals fill the whole week"));
        }
    }
    warnings
}

/// Whether a single interval lies in an hour that clocks never show. One of every week is only
/// sometimes empty.
fn is_never(entry: &CalendarEntry) -> bool {
    let is_once = |span: &CalendarSpan| matches!(span, CalendarSpan::Once { .. });
    entry.spans.iter().all(is_once) && entry.begin_from(Timestamp::MIN).is_none()
}

fn is_always(entry: &CalendarEntry) -> bool {
    entry.holds(Timestamp::UNIX_EPOCH) && entry.end_after(Timestamp::UNIX_EPOCH).is_none()
}

/// The list of this kind: the one of the environment, or else of the file. None where there is
/// none, or it is null.
fn list<'a>(
    kind: CalendarKind,
    file: &'a FileTree,
    environment: &'a Variables,
) -> Option<Setting<'a>> {
    let key = kind.key();
    let of = |values: &Dict, origin| {
        let value = values.get(key)?.clone();
        Some(Setting { value, key: key.to_owned(), origin })
    };
    let written = of(&environment.file, &environment.origin);
    written.or_else(|| of(&file.values, &file.origin)).filter(|list| !list.is_null())
}

fn field<'a>(item: &Setting<'a>, name: &str, value: Value) -> Setting<'a> {
    Setting { value, key: format!("{}.{name}", item.key), origin: item.origin }
}

/// Reads one entry.
struct EntryReader<'a> {
    kind: CalendarKind,
    item: &'a Setting<'a>,
    /// The environments that lanes answer to; empty where that is not known.
    known: &'a BTreeSet<&'a str>,
}

impl<'a> EntryReader<'a> {
    fn read(&self, mistakes: &mut Mistakes) -> Option<CalendarEntry> {
        let Value::Dict(_, fields) = &self.item.value else {
            let expected = "a mapping with `name`, `zone`, and `weekly` or `from` and `to`";
            self.item.wrong(mistakes, expected);
            return None;
        };
        let is_known = known_keys(self.item, fields, &names(CALENDAR_KEYS), mistakes);
        let missing = CALENDAR_REQUIRED.iter().filter(|name| !fields.contains_key(**name));
        for missing in missing {
            self.item.refuse(mistakes, format!("lacks the key `{missing}`"));
        }
        let spans = self.spans(fields, mistakes);
        let zone = self.one(fields, "zone").and_then(|zone| zone_of(&zone, mistakes));
        let text = |name, expected, mistakes: &mut Mistakes| {
            let field = self.one(fields, name).filter(|field| !field.is_null());
            field.map(|field| line(&field, mistakes, LONGEST_LINE, expected))
        };
        let name = text("name", "a name on one line", mistakes).flatten();
        let reason = text("reason", "a reason on one line", mistakes);
        let owner = text("owner", "whom to ask, on one line, as in @acme/platform", mistakes);
        let selectors = self.selectors(fields, mistakes);
        Some(CalendarEntry {
            kind: self.kind,
            name: name?,
            spans: spans.filter(|_| is_known)?,
            zone: zone?,
            selectors: selectors?,
            reason: refused_is_none(reason)?,
            owner: refused_is_none(owner)?,
        })
    }

    fn one(&self, fields: &Dict, name: &str) -> Option<Setting<'a>> {
        fields.get(name).map(|value| field(self.item, name, value.clone()))
    }

    fn spans(&self, fields: &Dict, mistakes: &mut Mistakes) -> Option<Vec<CalendarSpan>> {
        let [weekly, from, to] = ["weekly", "from", "to"].map(|name| self.one(fields, name));
        match (weekly, from, to) {
            (Some(weekly), None, None) => every_week(&weekly, mistakes),
            (None, Some(from), Some(to)) => once(&from, &to, mistakes).map(|span| vec![span]),
            (Some(_), _, _) => {
                self.item.refuse(mistakes, "has `weekly` beside `from` or `to`: choose one");
                None
            }
            (None, _, _) => {
                self.item
                    .refuse(mistakes, "lacks its times: expected `weekly`, or `from` and `to`");
                None
            }
        }
    }

    fn selectors(&self, fields: &Dict, mistakes: &mut Mistakes) -> Option<CalendarSelectors> {
        let repositories = self.one(fields, "repositories");
        let environments = self.one(fields, "environments");
        let repositories = repositories.map(|list| patterns(&list, mistakes));
        let environments = environments.map(|list| self.environments(&list, mistakes));
        Some(CalendarSelectors {
            repositories: refused_is_none(repositories)?,
            environments: refused_is_none(environments)?,
        })
    }

    fn environments(&self, list: &Setting<'_>, mistakes: &mut Mistakes) -> Option<Vec<String>> {
        let names = selector(list, mistakes, "names of environments, as in production")?;
        for (index, name) in names.iter().enumerate() {
            if self.known.is_empty() || self.known.contains(name.as_str()) {
                continue;
            }
            let known: Vec<&str> = self.known.iter().copied().collect();
            let expected = format!(
                "the environment of a lane, which is its production_environment_name: {}",
                known.join(", ")
            );
            item_of(list, index, name).wrong(mistakes, expected);
        }
        Some(names)
    }
}

/// A key that is there and refused leaves no entry; one that is not there is nothing.
fn refused_is_none<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}

fn known_keys(item: &Setting<'_>, fields: &Dict, known: &[&str], mistakes: &mut Mistakes) -> bool {
    let mut is_known = true;
    for (name, value) in fields.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        let hint = match meant(name, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("known are {}", known.join(", ")),
        };
        field(item, name, value.clone()).refuse(mistakes, format!("is not a known key: {hint}"));
        is_known = false;
    }
    is_known
}

/// The list of a selector. An empty one would select nothing, and is hardly meant.
fn selector(list: &Setting<'_>, mistakes: &mut Mistakes, expected: &str) -> Option<Vec<String>> {
    let texts = texts(list, mistakes, expected)?;
    if texts.is_empty() {
        let what = format!("is empty: expected {expected}, or no such key, which means all");
        list.refuse(mistakes, what);
        return None;
    }
    Some(texts)
}

fn patterns(list: &Setting<'_>, mistakes: &mut Mistakes) -> Option<Vec<RepoPattern>> {
    let written = selector(list, mistakes, "repositories as OWNER/NAME, as in acme/*")?;
    let count = written.len();
    let mut patterns = Vec::with_capacity(count);
    for (index, text) in written.iter().enumerate() {
        match RepoPattern::new(text) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => {
                let error = error.to_string();
                let expected = error.trim_start_matches("expected ");
                item_of(list, index, text).wrong(mistakes, expected);
            }
        }
    }
    (patterns.len() == count).then_some(patterns)
}

fn item_of<'a>(list: &Setting<'a>, index: usize, text: &str) -> Setting<'a> {
    Setting { value: Value::from(text), key: format!("{}[{index}]", list.key), origin: list.origin }
}

fn zone_of(zone: &Setting<'_>, mistakes: &mut Mistakes) -> Option<CalendarZone> {
    let expected = "an IANA time zone, as in Europe/Berlin";
    let name = line(zone, mistakes, LONGEST_LINE, expected)?;
    let found = CalendarZone::named(&name);
    if found.is_none() {
        let names = CalendarZone::names();
        let near = meant(&name, names.iter().map(String::as_str)).or_else(|| {
            let city = |zone: &&String| {
                zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&name))
            };
            names.iter().find(city).map(String::as_str)
        });
        match near {
            Some(near) => zone.wrong(mistakes, format!("{expected}: did you mean {near}?")),
            None => zone.wrong(mistakes, expected),
        }
    }
    found
}

fn every_week(weekly: &Setting<'_>, mistakes: &mut Mistakes) -> Option<Vec<CalendarSpan>> {
    let expected = "intervals, as in `{ from: \"Fri 16:00\", to: \"Mon 08:00\" }`";
    let items = items(weekly, mistakes, expected)?;
    let count = items.len();
    if count == 0 || count > MOST_INTERVALS {
        let what = format!("has {count} intervals: expected from 1 to {MOST_INTERVALS}");
        weekly.refuse(mistakes, what);
        return None;
    }
    let spans: Vec<CalendarSpan> =
        items.iter().filter_map(|item| every_week_once(item, mistakes)).collect();
    (spans.len() == count).then_some(spans)
}

fn every_week_once(item: &Setting<'_>, mistakes: &mut Mistakes) -> Option<CalendarSpan> {
    let Value::Dict(_, fields) = &item.value else {
        item.wrong(mistakes, "a mapping with `from` and `to`");
        return None;
    };
    let is_known = known_keys(item, fields, &names(WEEKLY_KEYS), mistakes);
    let mut time = |name: &str| {
        let Some(value) = fields.get(name) else {
            item.refuse(mistakes, format!("lacks the key `{name}`"));
            return None;
        };
        let expected = "a day and a time of the week, as in Fri 16:00";
        let setting = field(item, name, value.clone());
        let time = line(&setting, mistakes, LONGEST_LINE, expected)?.parse::<WeekTime>().ok();
        if time.is_none() {
            setting.wrong(mistakes, expected);
        }
        time
    };
    let (from, to) = (time("from"), time("to"));
    let (from, to) = (from?, to?);
    if from == to {
        item.refuse(mistakes, format!("begins and ends at {from}: expected two different times"));
        return None;
    }
    is_known.then_some(CalendarSpan::Weekly { from, to })
}

fn once(from: &Setting<'_>, to: &Setting<'_>, mistakes: &mut Mistakes) -> Option<CalendarSpan> {
    let (begin, end) = (civil(from, mistakes), civil(to, mistakes));
    let (begin, end) = (begin?, end?);
    if end <= begin {
        let what = if end == begin { "a time other than" } else { "a time after" };
        to.wrong(mistakes, format!("{what} `from`, which is {begin}"));
        return None;
    }
    Some(CalendarSpan::Once { from: begin, to: end })
}

/// A date and a time of day, without an offset: the zone has a key of its own.
fn civil(time: &Setting<'_>, mistakes: &mut Mistakes) -> Option<DateTime> {
    let expected = "a date and a time without an offset, as in 2026-12-19T00:00";
    let text = line(time, mistakes, LONGEST_LINE, expected)?;
    let is_plain = |text: &str| {
        let pattern = b"0000-00-00T00:00:00";
        let fits = |(found, wanted): (u8, &u8)| match wanted {
            b'0' => found.is_ascii_digit(),
            b'T' => matches!(found, b'T' | b' '),
            other => found == *other,
        };
        matches!(text.len(), 16 | 19) && text.bytes().zip(pattern).all(fits)
    };
    let parsed = text.parse().ok().filter(|_| is_plain(&text));
    if parsed.is_none() {
        time.wrong(mistakes, expected);
    }
    parsed
}
