//! Interprets the response of a Prometheus query.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::request::{ReadingTrouble, SignalAnswer, encoded, short};
use crate::domain::{SignalFinding, Threshold};

/// Maximum number of samples that are named; the others are counted.
const NAMED: usize = 3;

/// URL of the query.
pub(super) fn address(url: &str, query: &str) -> String {
    format!("{url}/api/v1/query?query={}", encoded(query))
}

#[derive(Deserialize)]
struct WireAnswer {
    status: Option<String>,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    error: Option<String>,
    data: Option<WireData>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct WireData {
    #[serde(rename = "resultType")]
    result_type: Option<String>,
    result: Option<Value>,
}

#[derive(Deserialize)]
struct WireSample {
    metric: Option<BTreeMap<String, String>>,
    /// A timestamp, and the value as text.
    value: Option<(Value, String)>,
}

struct Sample {
    labels: BTreeMap<String, String>,
    /// `None` for a native histogram.
    value: Option<f64>,
}

/// Interprets a response. Without `degraded_when`, any sample means degraded; with it, any
/// sample that satisfies it.
pub(super) fn judge(
    answer: &SignalAnswer,
    degraded_when: Option<Threshold>,
) -> Result<SignalFinding, ReadingTrouble> {
    let unusable = |what: String| Err(ReadingTrouble::Unusable(what));
    if let Some(refusal) = answer.refusal() {
        return Err(refusal);
    }
    let code = answer.status.as_u16();
    let Ok(wire) = serde_json::from_slice::<WireAnswer>(&answer.body) else {
        return unusable(format!("HTTP {code}: the response is not Prometheus JSON"));
    };
    let data = match (wire.status.as_deref(), wire.data) {
        (Some("success"), Some(data)) if answer.status.is_success() => data,
        _ => {
            let kind = wire.error_type.unwrap_or_default();
            let words = wire.error.unwrap_or_default();
            return unusable(short(&format!("HTTP {code}: {kind}: {words}")));
        }
    };
    let samples = match (data.result_type.as_deref(), data.result) {
        (Some("vector"), Some(result)) => match vector(result) {
            Some(samples) => samples,
            None => return unusable("the response's vector cannot be read".to_owned()),
        },
        (Some("scalar"), Some(result)) if degraded_when.is_some() => match scalar(result) {
            Some(sample) => vec![sample],
            None => return unusable("the response's scalar cannot be read".to_owned()),
        },
        (Some("scalar"), _) => {
            let what = "the query returns a scalar, which is never empty: set `degraded_when`";
            return unusable(what.to_owned());
        }
        (other, _) => {
            let what = short(other.unwrap_or("nothing"));
            return unusable(format!("the query returns {what}: expected an instant vector"));
        }
    };
    let found = match degraded_when {
        Some(threshold) => compared(&samples, threshold)?,
        None => any(&samples),
    };
    // The result is incomplete, and the missing part may be the degraded one.
    match (&found, wire.warnings.as_deref()) {
        (SignalFinding::Healthy { .. }, Some([warning, ..])) => {
            unusable(format!("nothing is degraded, but: {}", short(warning)))
        }
        _ => Ok(found),
    }
}

fn vector(result: Value) -> Option<Vec<Sample>> {
    let wire: Vec<WireSample> = serde_json::from_value(result).ok()?;
    let mut samples = Vec::with_capacity(wire.len());
    for sample in wire {
        let value = match sample.value {
            Some((_, text)) => Some(number(&text)?),
            None => None,
        };
        samples.push(Sample { labels: sample.metric.unwrap_or_default(), value });
    }
    Some(samples)
}

fn scalar(result: Value) -> Option<Sample> {
    let (_, text): (Value, String) = serde_json::from_value(result).ok()?;
    Some(Sample { labels: BTreeMap::new(), value: Some(number(&text)?) })
}

/// A number as Prometheus writes it, including `NaN`, `+Inf` and `-Inf`.
fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

fn any(samples: &[Sample]) -> SignalFinding {
    if samples.is_empty() {
        return SignalFinding::Healthy { what: "the query returns nothing".to_owned() };
    }
    SignalFinding::Degraded {
        what: format!("the query returns {}", listed(samples)),
        headline: None,
    }
}

fn compared(samples: &[Sample], threshold: Threshold) -> Result<SignalFinding, ReadingTrouble> {
    let holds = |sample: &Sample| sample.value.and_then(|value| threshold.holds(value));
    let (bad, rest): (Vec<&Sample>, Vec<&Sample>) =
        samples.iter().partition(|sample| holds(sample) == Some(true));
    if !bad.is_empty() {
        let what = format!("{} is {threshold}", listed(bad));
        return Ok(SignalFinding::Degraded { what, headline: None });
    }
    if let Some(odd) = rest.iter().find(|sample| holds(sample).is_none()) {
        let what = format!("{} cannot be compared with {threshold}", listed([*odd]));
        return Err(ReadingTrouble::Unusable(what));
    }
    if rest.is_empty() {
        let what = format!("the query returns nothing that can be compared with {threshold}");
        return Err(ReadingTrouble::Unusable(what));
    }
    Ok(SignalFinding::Healthy { what: format!("{} is not {threshold}", listed(rest)) })
}

fn listed<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> String {
    let mut told: Vec<String> = samples.into_iter().map(Sample::told).collect();
    told.sort();
    let more = told.len().saturating_sub(NAMED);
    told.truncate(NAMED);
    if more > 0 {
        told.push(format!("{more} more"));
    }
    told.join(", ")
}

impl Sample {
    fn told(&self) -> String {
        let name = self.labels.get("__name__").map_or("", String::as_str);
        let labels: Vec<String> = self
            .labels
            .iter()
            .filter(|(label, _)| *label != "__name__")
            .map(|(label, value)| format!("{label}={value:?}"))
            .collect();
        let labels = if labels.is_empty() && (!name.is_empty() || self.value.is_some()) {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let value = self.value.map_or_else(|| "a histogram".to_owned(), |value| value.to_string());
        short(format!("{name}{labels} {value}").trim())
    }
}
