//! Signals that say whether production is well: what is read, and what a reading found.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Why;

/// A signal, as the configuration says it. Two that are equal are read once for all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal {
    /// What people call it.
    pub name: String,
    /// What is asked, and which answer means degraded.
    pub kind: SignalKind,
    /// How and how often it is asked.
    pub access: SignalAccess,
}

/// What is asked, and which answer means degraded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignalKind {
    /// A query of Prometheus.
    Prometheus {
        /// Where its API is, without `/api/v1`.
        url: String,
        /// In PromQL.
        query: String,
        /// Degraded where a value is so; none: where there is any result.
        degraded_when: Option<Threshold>,
    },
    /// Alerts of an Alertmanager.
    Alertmanager {
        /// Where its API is, without `/api/v2`.
        url: String,
        /// Degraded where an alert is active that all of these match.
        matchers: Vec<String>,
    },
    /// An answer over HTTP.
    Http {
        /// What is asked for.
        url: String,
        /// Degraded where the answer has none of these status codes.
        expected_status: Vec<u16>,
        /// Degraded where the answer's JSON is otherwise.
        expected_value: Option<ExpectedValue>,
        /// What it means that no answer comes.
        when_unreachable: WhenUnreachable,
    },
}

impl SignalKind {
    /// As the configuration writes it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Prometheus { .. } => "prometheus",
            Self::Alertmanager { .. } => "alertmanager",
            Self::Http { .. } => "http",
        }
    }

    /// The address that it is asked at.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Prometheus { url, .. }
            | Self::Alertmanager { url, .. }
            | Self::Http { url, .. } => url,
        }
    }
}

/// A part of an answer's JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectedValue {
    /// Where it is (RFC 6901).
    pub pointer: String,
    /// What stands there while all is well: a text, or a number or boolean as it is written.
    pub value: String,
}

/// What it means that an address gives no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenUnreachable {
    /// Nobody knows.
    Unknown,
    /// That it is down.
    Degraded,
}

/// How and how often a signal is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignalAccess {
    /// Headers of each request: name, and a value that may be a secret.
    pub headers: Vec<(String, Hidden)>,
    /// The file of a token that is sent as `Authorization: Bearer`; read again before each request.
    pub bearer_token_file: Option<PathBuf>,
    /// Certificates of authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long a whole answer may take.
    pub timeout: Duration,
    /// Between two readings.
    pub interval: Duration,
    /// How old the last good reading may be before nobody knows.
    pub stale_after: Duration,
}

/// A text that no message shows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A comparison with a number, as in `> 0.05`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold {
    comparison: Comparing,
    /// The bits of the number, which is finite: as such it has an order and an identity.
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

/// Longer ones first: `>` begins `>=`, too.
const COMPARISONS: [(&str, Comparing); 6] = [
    (">=", Comparing::GreaterOrEqual),
    ("<=", Comparing::LessOrEqual),
    ("==", Comparing::Equal),
    ("!=", Comparing::NotEqual),
    (">", Comparing::Greater),
    ("<", Comparing::Less),
];

impl Threshold {
    /// The comparison that `text` writes; none where it is none with a finite number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, comparison) =
            COMPARISONS.iter().find(|(sign, _)| text.trim_start().starts_with(sign))?;
        let number = text.trim_start().strip_prefix(sign)?.trim();
        let number: f64 = number.parse().ok().filter(|number: &f64| number.is_finite())?;
        // Zero has two writings and one meaning.
        let number = if number == 0.0 { 0.0 } else { number };
        Some(Self { comparison: *comparison, bits: number.to_bits() })
    }

    /// Whether a value is so; none where it is no number.
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

/// How production is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Every signal says that all is well.
    Healthy,
    /// A signal says that it is not.
    Degraded,
    /// A signal cannot be read, and none says that it is degraded.
    Unknown,
}

impl Health {
    /// In one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
        }
    }
}

/// What is known of a signal now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalReading {
    /// Which signal.
    pub signal: String,
    /// What it says.
    pub found: SignalFinding,
    /// When it was read well the last time.
    pub read_at: Option<Timestamp>,
    /// Since when it says the same, as far as this process has seen.
    pub since: Option<Timestamp>,
}

/// What a signal says. The texts hold strangers' words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalFinding {
    /// Nobody has read it yet.
    NotReadYet,
    /// All is well.
    Healthy {
        /// By what.
        what: String,
    },
    /// It is not.
    Degraded {
        /// By what: values and names, of this very moment.
        what: String,
        /// What stays the same while the trouble lasts, where there is such a thing: the alert
        /// that is active longest.
        headline: Option<String>,
    },
    /// It cannot be read, or not for too long.
    Unknown(Why),
}

impl SignalReading {
    /// How production is, by this signal alone.
    #[must_use]
    pub const fn health(&self) -> Health {
        match self.found {
            SignalFinding::NotReadYet | SignalFinding::Unknown(_) => Health::Unknown,
            SignalFinding::Healthy { .. } => Health::Healthy,
            SignalFinding::Degraded { .. } => Health::Degraded,
        }
    }

    /// Whether `other` tells nobody more than this one did: what is found is the same but for the
    /// values of a signal that is well both times.
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
