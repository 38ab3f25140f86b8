//! Reads alerts from an Alertmanager.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::request::{ReadingTrouble, SignalAnswer, encoded, short};
use crate::domain::SignalFinding;

/// Maximum number of alerts that are named; the others are counted.
const NAMED: usize = 5;

/// URL of the alerts that match and are active, neither silenced nor inhibited.
pub(super) fn address(url: &str, matchers: &[String]) -> String {
    let filters: String =
        matchers.iter().map(|matcher| format!("&filter={}", encoded(matcher))).collect();
    format!(
        "{url}/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=false{filters}"
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAlert {
    labels: Option<BTreeMap<String, Option<String>>>,
    starts_at: Option<String>,
    status: Option<WireAlertStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAlertStatus {
    state: Option<String>,
    silenced_by: Option<Vec<String>>,
    inhibited_by: Option<Vec<String>>,
    muted_by: Option<Vec<String>>,
}

impl WireAlert {
    /// Whether the alert counts. Assumes so if its status is missing.
    fn counts(&self) -> bool {
        let Some(status) = &self.status else { return true };
        let none = |list: &Option<Vec<String>>| list.as_ref().is_none_or(Vec::is_empty);
        status.state.as_deref().is_none_or(|state| state == "active")
            && none(&status.silenced_by)
            && none(&status.inhibited_by)
            && none(&status.muted_by)
    }

    /// Sort key: start time, then name. The alert that has been active longest comes first.
    fn order(&self) -> (Timestamp, String) {
        let at = self.starts_at.as_deref().and_then(|at| at.parse().ok());
        (at.unwrap_or(Timestamp::MAX), self.name())
    }

    fn name(&self) -> String {
        let name = self.labels.as_ref().and_then(|labels| labels.get("alertname")?.clone());
        short(name.as_deref().unwrap_or("an alert without a name"))
    }

    fn told(&self) -> String {
        let labels: Vec<String> = self
            .labels
            .iter()
            .flatten()
            .filter(|(label, _)| *label != "alertname")
            .filter_map(|(label, value)| Some(format!("{label}={:?}", value.as_ref()?)))
            .collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!(" {{{}}}", labels.join(",")) };
        short(&format!("{}{labels}", self.name()))
    }
}

/// Interprets a response.
pub(super) fn judge(answer: &SignalAnswer) -> Result<SignalFinding, ReadingTrouble> {
    if let Some(refusal) = answer.refusal() {
        return Err(refusal);
    }
    let code = answer.status.as_u16();
    if !answer.status.is_success() {
        let words = String::from_utf8_lossy(&answer.body);
        return Err(ReadingTrouble::Unusable(format!("HTTP {code}: {}", short(&words))));
    }
    let Ok(alerts) = serde_json::from_slice::<Vec<WireAlert>>(&answer.body) else {
        return Err(ReadingTrouble::Unusable(format!(
            "HTTP {code}: the response is not Alertmanager JSON"
        )));
    };
    let mut alerts: Vec<WireAlert> = alerts.into_iter().filter(WireAlert::counts).collect();
    alerts.sort_by_cached_key(WireAlert::order);
    let Some(oldest) = alerts.first() else {
        return Ok(SignalFinding::Healthy { what: "no alert that matches is active".to_owned() });
    };
    let mut told: Vec<String> = alerts.iter().take(NAMED).map(WireAlert::told).collect();
    let more = alerts.len().saturating_sub(NAMED);
    if more > 0 {
        told.push(format!("{more} more"));
    }
    let what = format!("active: {}", told.join(", "));
    Ok(SignalFinding::Degraded { what, headline: Some(oldest.name()) })
}
