//! Degraded production: signals hold risky releases and are part of the evidence; and
//! production that degrades after a deploy is reported in that deploy's issue, once.

mod quiet;
mod watch;

use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::Full;
use release_governor::signals::Carrier;

use crate::story::Story;

const PROMETHEUS: &str = "{type: prometheus, name: shop errors, url: \"http://prometheus:9090\", \
     query: \"shop:errors:ratio\", degraded_when: \"> 0.05\"}";
const ALERTS: &str = "{type: alertmanager, name: shop alerts, url: \"http://alerts:9093/am/\", \
     matchers: ['service=\"shop\"']}";

/// Answers the requests of signals, and records them.
#[derive(Clone, Default)]
struct Signalling {
    answer: Arc<Mutex<Option<(u16, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Signalling {
    fn carrier(&self) -> Carrier {
        let this = self.clone();
        Carrier::inside(tower::service_fn(move |request: Request<_>| {
            let this = this.clone();
            async move { this.answers(&request) }
        }))
    }

    fn answers<B>(&self, request: &Request<B>) -> Result<Response<Full<bytes::Bytes>>, String> {
        self.asked.lock().unwrap().push(request.uri().to_string());
        let answer = self.answer.lock().unwrap().clone();
        let (code, body) = answer.ok_or_else(|| "nobody is there".to_owned())?;
        let body = Full::new(bytes::Bytes::from(body));
        Ok(Response::builder().status(code).body(body).unwrap())
    }

    fn says(&self, code: u16, body: &str) {
        *self.answer.lock().unwrap() = Some((code, body.to_owned()));
    }

    fn is_gone(&self) {
        *self.answer.lock().unwrap() = None;
    }

    /// Sets the only value of the query.
    fn error_ratio(&self, value: &str) {
        let result = format!(r#"[{{"metric": {{"job": "shop"}}, "value": [1, "{value}"]}}]"#);
        self.says(
            200,
            &format!(
                r#"{{"status": "success", "data": {{"resultType": "vector", "result": {result}}}}}"#
            ),
        );
    }

    fn alert(&self, name: &str) {
        let labels = serde_json::json!({"alertname": name, "service": "shop"});
        let status = serde_json::json!({"state": "active", "silencedBy": [], "inhibitedBy": null});
        let alert = serde_json::json!([{
            "labels": labels, "status": status, "annotations": null,
            "startsAt": "2026-11-02T08:00:00.000Z",
        }]);
        self.says(200, &alert.to_string());
    }
}

/// A repository with a commit in production and this signal.
fn shop(signal: &str) -> (Story, Signalling) {
    let signalling = Signalling::default();
    let mut shop =
        Story::repository("acme/shop").policy("degraded", signal).signals(signalling.carrier());
    shop.in_production();
    (shop, signalling)
}

#[test]
fn what_a_signal_finds_holds_a_medium_release_and_lets_it_go() {
    let (mut shop, signalling) = shop(PROMETHEUS);
    signalling.error_ratio("0.0713");
    let a1 = shop.verified(&["Cargo.toml"]);
    assert_eq!(shop.decides(), "HOLD MEDIUM degraded_medium_hold");
    insta::assert_snapshot!(
        shop.status(&a1),
        @"failure: HOLD SHA · MEDIUM · degraded_medium_hold: fix the incident: shop errors"
    );
    let evidence = shop.evidence();
    assert!(
        evidence.contains(
            "signal shop errors reports degraded: {job=\"shop\"} 0.0713 is > 0.05 (read 2026-11-02 "
        ),
        "{evidence}"
    );
    assert_eq!(shop.metric("release_governor_degraded"), 1.0);

    signalling.error_ratio("0.0101");
    shop.minutes_later(1).good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(shop.metric("release_governor_degraded"), 0.0);
    let asked = signalling.asked.lock().unwrap().clone();
    assert_eq!(asked[0], "http://prometheus:9090/api/v1/query?query=shop%3Aerrors%3Aratio");
}

#[test]
fn a_value_that_changes_with_each_reading_writes_no_status_anew() {
    let (mut shop, signalling) = shop(PROMETHEUS);
    signalling.error_ratio("0.07");
    let a1 = shop.verified(&["Cargo.toml"]);
    shop.good_pass();
    for value in ["0.08", "0.09", "0.31"] {
        signalling.error_ratio(value);
        shop.minutes_later(1).good_pass();
    }
    assert_eq!(shop.statuses(&a1).len(), 1, "{}", shop.said(&a1));
    shop.settled();
}

#[test]
fn a_low_release_ships_past_an_incident_and_a_high_one_waits_though_approved() {
    let (mut shop, signalling) = shop(ALERTS);
    signalling.alert("ShopDown");
    let low = shop.verified(&["src/cart.rs"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&low), 1);
    shop.deploy_ends(&low, "success").good_pass();
    let high = shop.verified(&["infra/net.tf"]);
    shop.approve_by_environment(&high);
    assert_eq!(shop.decides(), "HOLD HIGH degraded_high_risk");
    insta::assert_snapshot!(
        shop.status(&high),
        @"failure: HOLD SHA · HIGH · degraded_high_risk: fix the incident: shop alerts (ShopDown)"
    );
    signalling.says(200, "[]");
    shop.minutes_later(1).good_pass();
    assert_eq!(shop.dispatches_of(&high), 1);
    let asked = signalling.asked.lock().unwrap().clone();
    assert_eq!(
        asked[0],
        "http://alerts:9093/am/api/v2/alerts?active=true&silenced=false&inhibited=false\
         &unprocessed=false&filter=service%3D%22shop%22"
    );
}

#[test]
fn a_signal_that_cannot_be_read_holds_only_high_and_only_once_it_is_stale() {
    let (mut shop, signalling) = shop(ALERTS);
    signalling.says(200, "[]");
    let high = shop.verified(&["infra/net.tf"]);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    signalling.is_gone();
    // A good reading is valid for three intervals with their timeouts: 105 s.
    shop.minutes_later(1);
    assert_eq!(shop.decides(), "HOLD HIGH high_risk_no_approval");
    shop.minutes_later(1);
    assert_eq!(shop.decides(), "HOLD HIGH degraded_unknown_high_risk");
    insta::assert_snapshot!(
        shop.status(&high),
        @"failure: HOLD SHA · HIGH · degraded_unknown_high_risk: restore the degraded signal: shop alerts; `release-governor approve acme/shop SHA --r…"
    );
    let evidence = shop.evidence();
    assert!(
        evidence.contains(
            "signal shop alerts cannot be read: nobody is there (last read successfully at"
        ),
        "{evidence}"
    );
    let medium = shop.verified(&["Cargo.toml"]);
    shop.minutes_later(1).good_pass();
    assert_eq!(shop.dispatches_of(&medium), 0, "its range holds the HIGH one, too");
}

#[test]
fn an_alert_with_a_hostile_name_breaks_no_line_and_no_direction() {
    let (mut shop, signalling) = shop(ALERTS);
    signalling.alert("Shop\n\u{202e}<script>\u{1b}[31m`@everyone`");
    let a1 = shop.verified(&["Cargo.toml"]);
    shop.good_pass();
    let status = shop.status(&a1);
    assert!(status.contains("shop alerts (Shop <script> [31m`@everyone`)"), "{status}");
    assert!(!shop.evidence().contains(['\u{202e}', '\u{1b}']));
    shop.settled();
}

#[test]
fn no_signal_configured_asks_nobody_and_holds_nothing() {
    let signalling = Signalling::default();
    let mut shop = Story::repository("acme/shop").signals(signalling.carrier());
    shop.in_production();
    let a1 = shop.verified(&["Cargo.toml"]);
    shop.good_pass();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert!(signalling.asked.lock().unwrap().is_empty());
}
