//! The arguments of the read-only commands: filters, time ranges and watch intervals.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Output, Target};
use crate::domain::ShaPrefix;
use crate::queries::EntryWord;

/// The arguments of `check-config`.
#[derive(Clone, Debug, Args)]
pub struct CheckConfig {
    /// Also check each repository, branch, workflow and permission on GitHub.
    #[arg(long)]
    pub github: bool,
    /// Also show what freezes and windows cover in the next four weeks.
    #[arg(long)]
    pub calendar: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub target: Target,
    /// Show only repositories with a commit that cannot ship now: HOLD or WAIT.
    #[arg(long)]
    pub held: bool,
    /// Show only repositories whose last pass failed or found no candidate.
    #[arg(long)]
    pub error: bool,
    /// Refresh every SECONDS (default 2) until Ctrl-C; in a pipe, print only changes.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
          value_parser = seconds)]
    pub watch: Option<Duration>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Debug, Args)]
pub struct BacktestArgs {
    #[command(flatten)]
    pub target: Target,
    /// Start of the period: an age such as 12h or 30d, or a UTC time such as 2026-11-01T14:30.
    #[arg(long, value_name = "TIME", value_parser = moment, default_value = "30d")]
    pub since: MomentArg,
    /// Use the policy in this file, on top of the built-in defaults.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub filters: Filters,
    /// Show all repositories that are or were governed.
    #[arg(long, conflicts_with_all = ["named", "repo", "before", "follow"])]
    pub all: bool,
    /// Maximum number of entries, up to 1000; default: 50, or all with --csv.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: Option<u16>,
    /// Show only entries before the entry with this number, to continue a listing.
    #[arg(long, value_name = "NUMBER")]
    pub before: Option<u64>,
    /// Print new entries as they appear, until Ctrl-C; with --json, one object per line.
    #[arg(long, conflicts_with_all = ["before", "until"])]
    pub follow: bool,
    /// Print CSV, oldest first: time, repository, number, kind, sha, by, what.
    #[arg(long, conflicts_with_all = ["json", "follow"])]
    pub csv: bool,
    #[command(flatten)]
    pub output: Output,
}

/// Filters on ledger entries.
#[derive(Clone, Debug, Args)]
pub struct Filters {
    /// Show only entries since this time: an age such as 30m, 12h or 7d, or a date or UTC time
    /// such as 2026-11-01T14:30.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<MomentArg>,
    /// Show only entries before this time, in the format of --since.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<MomentArg>,
    /// Show only entries of this group, or of this `kind` as in --json; repeat the option, or
    /// separate values with commas.
    #[arg(long, value_name = "KIND", value_parser = entry_words(), value_delimiter = ',')]
    pub kind: Vec<EntryWord>,
    /// Show only entries about this commit; a unique prefix suffices.
    #[arg(long, value_name = "SHA")]
    pub sha: Option<ShaPrefix>,
    /// Show only actions and approvals by this person: the name given with --as, the account or
    /// its uid, or a GitHub login.
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

/// Parses an entry group or kind. Help lists only the groups; kinds are accepted, too.
fn entry_words() -> impl TypedValueParser<Value = EntryWord> {
    let words =
        EntryWord::all().map(|word| PossibleValue::new(word.as_str()).hide(!word.is_group()));
    PossibleValuesParser::new(words).try_map(|text| text.parse())
}

/// A point in time, as written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentArg {
    /// This long before now.
    Ago(SignedDuration),
    At(Timestamp),
}

impl MomentArg {
    /// The absolute time, as of `now`. An age beyond the range of [`Timestamp`] gives its minimum.
    #[must_use]
    pub fn seen_from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(age) => now.saturating_sub(age).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }
}

const MOMENT: &str = "expected a time ago, as in 30m, 12h or 7d, or a date or time (UTC), as in \
                      2026-11-01 or 2026-11-01T14:30";

fn moment(text: &str) -> Result<MomentArg, String> {
    let text = text.trim();
    let found = ago(text)
        .map(MomentArg::Ago)
        .or_else(|| text.parse().ok().map(MomentArg::At))
        .or_else(|| civil_time(text).map(MomentArg::At));
    found.ok_or_else(|| MOMENT.to_owned())
}

/// Parses an age such as `30m`, `12h` or `7d`.
fn ago(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number >= 0)?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return None,
    };
    Some(SignedDuration::from_secs(number.checked_mul(seconds)?))
}

fn civil_time(text: &str) -> Option<Timestamp> {
    let time: civil::DateTime = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

/// The longest interval of `status --watch`, in seconds: one day. For longer waits,
/// `history --follow` or an alert is the better tool.
const LONGEST_WATCH: u64 = 24 * 60 * 60;

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<NonZeroU64> = text.parse().ok();
    seconds.map(NonZeroU64::get).filter(|seconds| *seconds <= LONGEST_WATCH).map_or_else(
        || {
            Err(format!(
                "expected seconds, from 1 to {LONGEST_WATCH}; a repository goes before --watch"
            ))
        },
        |seconds| Ok(Duration::from_secs(seconds)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_an_age_a_date_or_a_time() {
        let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        let seen = |text: &str| moment(text).map(|moment| moment.seen_from(now).to_string());
        for (text, at) in [
            ("30m", "2026-11-01T11:30:00Z"),
            ("12h", "2026-11-01T00:00:00Z"),
            ("7d", "2026-10-25T12:00:00Z"),
            ("0s", "2026-11-01T12:00:00Z"),
            ("2026-10-31", "2026-10-31T00:00:00Z"),
            ("2026-10-31 14:30", "2026-10-31T14:30:00Z"),
            ("2026-10-31T14:30", "2026-10-31T14:30:00Z"),
            ("2026-10-31T14:30:05Z", "2026-10-31T14:30:05Z"),
            ("2026-10-31T14:30:05+02:00", "2026-10-31T12:30:05Z"),
        ] {
            assert_eq!(seen(text).as_deref(), Ok(at), "{text}");
        }
        for wrong in ["", "soon", "-5m", "5", "5y", "2026-13-01", "99999999999999999999d", "é"] {
            assert_eq!(seen(wrong), Err(MOMENT.to_owned()), "{wrong}");
        }
        // An age beyond the earliest representable time is accepted.
        assert!(seen("9999999999999d").is_ok());
    }

    #[test]
    fn a_watch_takes_whole_seconds_up_to_a_day() {
        assert_eq!(seconds("86400"), Ok(Duration::from_secs(86_400)));
        for wrong in ["0", "86401", "-1", "2s", "acme/shop"] {
            assert!(seconds(wrong).unwrap_err().contains("a repository goes before"), "{wrong}");
        }
    }
}
