//! Texts about the signals of production's health.

use super::{date_time_with_seconds, plain};
use crate::domain::{SignalFinding, SignalReading};

/// The most characters of a signal's name.
const NAME: usize = 60;
/// The most characters of an alert's name in a hint.
const HEADLINE: usize = 40;
/// The most characters of a signal's finding.
const WHAT: usize = 300;
/// The most signals that a hint names.
const NAMED: usize = 2;

/// The signals by name, with only what stays the same between readings: otherwise a status
/// would be written again after each one.
#[must_use]
pub fn named(readings: &[SignalReading]) -> String {
    let mut names: Vec<String> = readings.iter().take(NAMED).map(name).collect();
    let more = readings.len().saturating_sub(NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

fn name(reading: &SignalReading) -> String {
    let name = plain(&reading.signal, NAME);
    match &reading.found {
        SignalFinding::Degraded { headline: Some(headline), .. } => {
            format!("{name} ({})", plain(headline, HEADLINE))
        }
        SignalFinding::Degraded { headline: None, .. }
        | SignalFinding::NotReadYet
        | SignalFinding::Healthy { .. }
        | SignalFinding::Unknown(_) => name,
    }
}

/// What one signal reports, as a sentence.
#[must_use]
pub fn told(reading: &SignalReading) -> String {
    let name = plain(&reading.signal, NAME);
    let says = match &reading.found {
        SignalFinding::NotReadYet => "has not been read yet".to_owned(),
        SignalFinding::Healthy { what } => format!("reports healthy: {}", plain(what, WHAT)),
        SignalFinding::Degraded { what, headline: _ } => {
            format!("reports degraded: {}", plain(what, WHAT))
        }
        SignalFinding::Unknown(why) => format!("cannot be read: {}", plain(&why.0, WHAT)),
    };
    let read_at = reading.read_at.map(date_time_with_seconds);
    match (&reading.found, read_at) {
        (SignalFinding::Healthy { .. } | SignalFinding::Degraded { .. }, Some(at)) => {
            format!("signal {name} {says} (read {at})")
        }
        (SignalFinding::Unknown(_), Some(at)) => {
            format!("signal {name} {says} (last read successfully at {at})")
        }
        (SignalFinding::Unknown(_), None) => {
            format!("signal {name} {says} (never read successfully)")
        }
        (SignalFinding::NotReadYet, _)
        | (SignalFinding::Healthy { .. } | SignalFinding::Degraded { .. }, None) => {
            format!("signal {name} {says}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Why;

    fn reading(found: SignalFinding) -> SignalReading {
        let read_at = Some("2026-11-02T09:00:07Z".parse().unwrap());
        SignalReading { signal: "shop alerts".to_owned(), found, read_at, since: None }
    }

    fn degraded(what: &str, headline: Option<&str>) -> SignalReading {
        let headline = headline.map(str::to_owned);
        reading(SignalFinding::Degraded { what: what.to_owned(), headline })
    }

    #[test]
    fn a_hint_holds_no_value_that_changes_from_reading_to_reading() {
        let both = [degraded("0.0713 > 0.05", None), degraded("x", Some("ShopDown\u{202e}\n"))];
        assert_eq!(named(&both), "shop alerts, shop alerts (ShopDown)");
        let three = [both.as_slice(), &both].concat();
        assert_eq!(named(&three), "shop alerts, shop alerts (ShopDown), 2 more");
    }

    #[test]
    fn evidence_says_what_was_found_and_when() {
        assert_eq!(
            told(&degraded("alert ShopDown\nis active", None)),
            "signal shop alerts reports degraded: alert ShopDown is active (read 2026-11-02 09:00:07 \
             UTC)"
        );
        assert_eq!(
            told(&reading(SignalFinding::Unknown(Why("no answer within 5s".to_owned())))),
            "signal shop alerts cannot be read: no answer within 5s (last read successfully at 2026-11-02 \
             09:00:07 UTC)"
        );
        let never = SignalReading { read_at: None, ..reading(SignalFinding::NotReadYet) };
        assert_eq!(told(&never), "signal shop alerts has not been read yet");
    }
}
