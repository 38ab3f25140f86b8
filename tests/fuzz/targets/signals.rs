//! Any response of a Prometheus, an Alertmanager or an HTTP address. Production counts as
//! healthy only if a simple reading of the response agrees, and its description is one line
//! without the secret that was sent.
//!
//! The first byte of the input selects the server. The status follows on the first line, and
//! the body below it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use release_governor::clock::Clock;
use release_governor::domain::{
    ExpectedValue, Hidden, Policy, Signal, SignalAccess, SignalKind, SignalReading, WhenUnreachable,
};
use release_governor::messages::signals as told;
use release_governor::signals::{Carrier, Signals};
use release_governor::telemetry::Metrics;
use serde_json::Value;
use tower::service_fn;

use crate::support::{TOKEN, block_on, config, first_line, is_one_line, now, shows_not_ours};

pub fn run(input: &[u8]) {
    let (first, body) = first_line(input);
    let (who, status) = first.split_first().unwrap_or((&b'p', b""));
    let status = std::str::from_utf8(status).ok().and_then(|status| status.trim().parse().ok());
    let status: u16 = status.filter(|status| (200..=599).contains(status)).unwrap_or(200);
    let reading = read(*who, status, body);

    let words = told::told(&reading);
    is_one_line(&words);
    shows_not_ours(&words);
    let json = serde_json::from_slice::<Value>(body).ok();
    let is_well = match who {
        b'a' => status < 300 && json.is_some_and(|json| no_alert(&json)),
        b'h' => {
            status == 200 && json.is_some_and(|json| json["ok"] == true || json["ok"] == "true")
        }
        _ => status < 300 && json.is_some_and(|json| is_empty_vector(&json)),
    };
    let says_well = reading.health() == release_governor::domain::Health::Healthy;
    assert!(is_well || !says_well, "called well by {reading:?}");
}

/// Whether no alert may be active.
fn no_alert(json: &Value) -> bool {
    let is_over = |alert: &Value| {
        let (status, some) = (&alert["status"], |key: &str| {
            alert["status"][key].as_array().is_some_and(|by| !by.is_empty())
        });
        let is_active = status["state"].is_null() || status["state"] == "active";
        !is_active || some("silencedBy") || some("inhibitedBy") || some("mutedBy")
    };
    json.as_array().is_some_and(|alerts| alerts.iter().all(is_over))
}

fn is_empty_vector(json: &Value) -> bool {
    let (data, warnings) = (&json["data"], json["warnings"].as_array());
    json["status"] == "success"
        && data["resultType"] == "vector"
        && data["result"].as_array().is_some_and(Vec::is_empty)
        && warnings.is_none_or(Vec::is_empty)
}

fn signal(who: u8) -> Signal {
    let url = "https://metrics.example.com".to_owned();
    let kind = match who {
        b'a' => SignalKind::Alertmanager { url, matchers: vec!["severity=\"page\"".to_owned()] },
        b'h' => SignalKind::Http {
            url,
            expected_status: vec![200],
            expected_value: Some(ExpectedValue {
                pointer: "/ok".to_owned(),
                value: "true".to_owned(),
            }),
            when_unreachable: WhenUnreachable::Unknown,
        },
        _ => SignalKind::Prometheus { url, query: "up == 0".to_owned(), degraded_when: None },
    };
    let access = SignalAccess {
        headers: vec![("X-Key".to_owned(), Hidden(TOKEN.to_owned()))],
        bearer_token_file: None,
        ca_file: None,
        timeout: Duration::from_secs(5),
        interval: Duration::from_secs(30),
        stale_after: Duration::from_secs(90),
    };
    Signal { name: "production".to_owned(), kind, access }
}

fn read(who: u8, status: u16, body: &[u8]) -> SignalReading {
    let body = Bytes::copy_from_slice(body);
    let carrier = Carrier::inside(service_fn(move |_: Request<_>| {
        let answer = Response::builder().status(status).body(Full::new(body.clone())).unwrap();
        std::future::ready(Ok::<_, Infallible>(answer))
    }));
    block_on(async {
        let (clock, _) = Clock::manual(now(), 1);
        let signals = Signals::new(clock, Arc::new(Metrics::new()), carrier);
        let policy = Policy { degraded: vec![signal(who)], ..(*config().repositories[0]).clone() };
        let seen = signals.follow(&policy).seen(true).await;
        seen.signals.into_iter().next().expect("a reading of the one signal")
    })
}
