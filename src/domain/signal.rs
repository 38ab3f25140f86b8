//! Signals that report production's health: how they are read, and what a reading found.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Why;

/// A configured signal. Equal signals of several repositories are read once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal {
    pub name: String,
    /// What is read, and which result means degraded.
    pub kind: SignalKind,
    /// How and how often it is read.
    pub access: SignalAccess,
}

/// What is read, and which result means degraded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignalKind {
    /// A Prometheus query.
    Prometheus {
        /// The base URL of the API, without `/api/v1`.
        url: String,
        /// A PromQL expression.
        query: String,
        /// Degraded if a value meets this threshold; if `None`, degraded if there is any
        /// result.
        degraded_when: Option<Threshold>,
    },
    /// Alerts of an Alertmanager.
    Alertmanager {
        /// The base URL of the API, without `/api/v2`.
        url: String,
        /// Degraded if an active alert matches all of these.
        matchers: Vec<String>,
    },
    /// An HTTP endpoint.
    Http {
        url: String,
        /// Degraded if the response's status code is not in this list.
        expected_status: Vec<u16>,
        /// Degraded if the response's JSON does not have this value.
        expected_value: Option<ExpectedValue>,
        /// How to interpret a missing response.
        when_unreachable: WhenUnreachable,
    },
}

impl SignalKind {
    /// The name used in the configuration.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Prometheus { .. } => "prometheus",
            Self::Alertmanager { .. } => "alertmanager",
            Self::Http { .. } => "http",
        }
    }

    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Prometheus { url, .. }
            | Self::Alertmanager { url, .. }
            | Self::Http { url, .. } => url,
        }
    }
}

/// An expected value in a JSON response.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectedValue {
    /// JSON pointer to the value (RFC 6901).
    pub pointer: String,
    /// The value while production is healthy: a string, or a number or boolean as written in
    /// JSON.
    pub value: String,
}

/// How to interpret a missing response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenUnreachable {
    /// The health is unknown.
    Unknown,
    /// Production is degraded.
    Degraded,
}

/// How and how often a signal is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignalAccess {
    /// Headers of each request: the name, and a value that may be secret.
    pub headers: Vec<(String, Hidden)>,
    /// File with a token to send as `Authorization: Bearer`. Read before each request.
    pub bearer_token_file: Option<PathBuf>,
    /// File with certificates of authorities to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// Limit for the complete response.
    pub timeout: Duration,
    /// Time between two readings.
    pub interval: Duration,
    /// Age of the last good reading after which the health is unknown.
    pub stale_after: Duration,
}

/// A secret text, which `Debug` does not print.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A comparison with a number, such as `> 0.05`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold {
    comparison: Comparing,
    /// The bits of a finite number. Unlike `f64`, they implement `Eq` and `Ord`.
    bits: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Comparing {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
}

/// Longer ones come first, because `>` is a prefix of `>=`.
const COMPARISONS: [(&str, Comparing); 6] = [
    (">=", Comparing::GreaterOrEqual),
    ("<=", Comparing::LessOrEqual),
    ("==", Comparing::Equal),
    ("!=", Comparing::NotEqual),
    (">", Comparing::Greater),
    ("<", Comparing::Less),
];

impl Threshold {
    /// Parses a comparison. Returns `None` unless `text` compares with a finite number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, comparison) =
            COMPARISONS.iter().find(|(sign, _)| text.trim_start().starts_with(sign))?;
        let number = text.trim_start().strip_prefix(sign)?.trim();
        let number: f64 = number.parse().ok().filter(|number: &f64| number.is_finite())?;
        // Maps -0.0 to 0.0, whose bits differ although the numbers are equal.
        let number = if number == 0.0 { 0.0 } else { number };
        Some(Self { comparison: *comparison, bits: number.to_bits() })
    }

    /// Whether `value` meets the threshold; `None` if it is NaN.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "`==` and `!=` mean it, as in PromQL")]
    pub fn holds(self, value: f64) -> Option<bool> {
        let limit = f64::from_bits(self.bits);
        let held = match self.comparison {
            Comparing::Greater => value > limit,
            Comparing::GreaterOrEqual => value >= limit,
            Comparing::Less => value < limit,
            Comparing::LessOrEqual => value <= limit,
            Comparing::Equal => value == limit,
            Comparing::NotEqual => value != limit,
        };
        (!value.is_nan()).then_some(held)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = COMPARISONS.iter().find(|(_, comparison)| *comparison == self.comparison);
        write!(f, "{} {}", sign.map_or("", |(sign, _)| sign), f64::from_bits(self.bits))
    }
}

impl fmt::Debug for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The health of production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Every signal reports healthy.
    Healthy,
    /// At least one signal reports degraded.
    Degraded,
    /// A signal cannot be read, and none reports degraded.
    Unknown,
}

impl Health {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
        }
    }
}

/// The latest reading of a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalReading {
    /// The signal's name.
    pub signal: String,
    pub found: SignalFinding,
    /// When the signal was last read successfully.
    pub read_at: Option<Timestamp>,
    /// When this process first saw the current result.
    pub since: Option<Timestamp>,
}

/// The result of reading a signal. The texts may contain untrusted input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalFinding {
    NotReadYet,
    Healthy {
        /// What the result rests on.
        what: String,
    },
    Degraded {
        /// The values and names behind the result. They change from reading to reading.
        what: String,
        /// A text that stays the same while the problem lasts, if there is one: the alert that
        /// has been active longest.
        headline: Option<String>,
    },
    /// The signal cannot be read, or the last good reading is too old.
    Unknown(Why),
}

impl SignalReading {
    /// Production's health according to this signal alone.
    #[must_use]
    pub const fn health(&self) -> Health {
        match self.found {
            SignalFinding::NotReadYet | SignalFinding::Unknown(_) => Health::Unknown,
            SignalFinding::Healthy { .. } => Health::Healthy,
            SignalFinding::Degraded { .. } => Health::Degraded,
        }
    }

    /// Whether `other` has no news compared to this reading: the result is the same, or both
    /// are healthy and only the values differ.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let are_well = self.health() == Health::Healthy && other.health() == Health::Healthy;
        self.signal == other.signal && (are_well || self.found == other.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_comparison_with_a_finite_number() {
        let of = |text| Threshold::parse(text).map(|threshold| threshold.to_string());
        assert_eq!(of("> 0.05").as_deref(), Some("> 0.05"));
        assert_eq!(of(">=1e3").as_deref(), Some(">= 1000"));
        assert_eq!(of(" != -2 ").as_deref(), Some("!= -2"));
        for wrong in ["", "0.05", "> x", "> NaN", "< inf", "=> 1", "= 1", "> 1 2"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(Threshold::parse("> -0"), Threshold::parse("> 0"));
    }

    #[test]
    fn what_is_no_number_is_neither_above_nor_below() {
        let above = Threshold::parse("> 0.05").unwrap();
        let held = [0.06, 0.05, f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(|n| above.holds(n));
        assert_eq!(held, [Some(true), Some(false), Some(true), Some(false), None]);
        assert_eq!(Threshold::parse("!= 1").unwrap().holds(f64::NAN), None);
    }

    #[test]
    fn a_header_is_hidden_also_from_a_careless_log() {
        assert_eq!(format!("{:?}", Hidden("hunter2".to_owned())), "***");
    }
}
