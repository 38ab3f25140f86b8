//! Interprets the response of an HTTP address.

use serde_json::Value;

use super::request::{ReadingTrouble, SignalAnswer, short};
use crate::domain::{ExpectedValue, SignalFinding};

/// Degraded if the status code is not one of `expected`, or if the JSON value is not the
/// expected one. A response that only rejects our request is an error.
pub(super) fn judge(
    answer: &SignalAnswer,
    expected: &[u16],
    value: Option<&ExpectedValue>,
) -> Result<SignalFinding, ReadingTrouble> {
    let code = answer.status.as_u16();
    if !expected.contains(&code) {
        if let Some(refusal) = answer.refusal() {
            return Err(refusal);
        }
        let expected: Vec<String> = expected.iter().map(u16::to_string).collect();
        let what = format!("HTTP {code}, expected {}", expected.join(" or "));
        return Ok(SignalFinding::Degraded { what, headline: None });
    }
    let Some(ExpectedValue { pointer, value }) = value else {
        return Ok(SignalFinding::Healthy { what: format!("HTTP {code}") });
    };
    let unusable = |what: &str| Err(ReadingTrouble::Unusable(format!("HTTP {code}: {what}")));
    let Ok(json) = serde_json::from_slice::<Value>(&answer.body) else {
        return unusable("the response is not JSON");
    };
    let found = match json.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(plain @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => plain.to_string(),
        Some(Value::Array(_) | Value::Object(_)) => {
            return unusable(&format!("{pointer} is not a string, number or boolean"));
        }
        None => return unusable(&format!("the response has nothing at {pointer}")),
    };
    let what = format!("HTTP {code}, {pointer} is {:?}", short(&found));
    if found == *value {
        Ok(SignalFinding::Healthy { what })
    } else {
        let what = format!("{what}, expected {value:?}");
        Ok(SignalFinding::Degraded { what, headline: None })
    }
}
