//! Degraded signals from the real Prometheus and the real Alertmanager.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use ghbox::Repo;
use jiff::SignedDuration;
use release_governor::clock::Clock;
use serde_json::{Value, json};

use crate::tools::{Alertmanager, Prometheus, wait_until};
use crate::town::Town;

/// Short intervals, to keep the test short.
const OFTEN: &str = "interval: 200ms, timeout: 2s, stale_after: 3s";

/// A governed repository with this degraded signal.
fn shop(signal: &str) -> (Town, Repo) {
    let (town, shop, _) = Town::with_shop();
    town.configure(&format!(
        "repositories:\n  - name: acme/shop\n    degraded: {{{signal}, {OFTEN}}}\n"
    ));
    (town, shop)
}

/// A service that exposes its error ratio to Prometheus.
struct Errors {
    address: SocketAddr,
    ratio: Arc<Mutex<String>>,
}

impl Errors {
    fn of(ratio: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ratio = Arc::new(Mutex::new(ratio.to_owned()));
        let told = Arc::clone(&ratio);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let body = format!("shop_errors_ratio {}\n", told.lock().unwrap());
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n";
                let _ = write!(stream, "{head}Connection: close\r\n\r\n{body}");
            }
        });
        Self { address, ratio }
    }

    fn are(&self, ratio: &str) {
        *self.ratio.lock().unwrap() = ratio.to_owned();
    }
}

/// Waits for this decision about the candidate, and returns it.
fn decides(town: &Town, outcome: &str, reason: &str) -> Value {
    town.row_when("acme/shop", |row| row["decision"] == outcome && row["reason"] == reason)
}

fn dispatched(shop: &Repo, sha: &str) {
    assert!(wait_until(|| shop.dispatches_of(sha) == 1), "{sha} was never deployed");
}

/// The evidence of a simulated decision about a commit.
fn evidence(town: &Town, sha: &str) -> String {
    let simulated = town.run(&["simulate", "acme/shop", sha, "--json"]).json();
    simulated["evidence"].to_string()
}

#[test]
fn an_alert_of_a_real_alertmanager_holds_a_release_until_it_ends_or_is_silenced() {
    let alertmanager = Alertmanager::silent();
    let signal = format!(
        "type: alertmanager, name: shop alerts, url: \"{}\", matchers: ['shop=\"acme\"', \
         'severity=~\"page|critical\"']",
        alertmanager.url
    );
    let (town, shop) = shop(&signal);
    let page = json!({"alertname": "ShopDown", "shop": "acme", "severity": "page"});
    alertmanager.fire(&page, None);
    assert!(wait_until(|| alertmanager.active().len() == 1));
    let _running = town.govern();
    let medium = shop.verified(&["Cargo.toml"]);
    let row = decides(&town, "HOLD", "degraded_medium_hold");
    assert_eq!(row["last_health_check"], "degraded");
    let evidence = evidence(&town, &medium);
    assert!(
        evidence.contains("signal shop alerts reports degraded: active: ShopDown"),
        "{evidence}"
    );
    assert_eq!(shop.dispatches_of(&medium), 0);

    // A silenced alert, or one of another service, is not an incident of the shop.
    alertmanager.fire(&json!({"alertname": "Other", "shop": "other", "severity": "page"}), None);
    let now = Clock::system().now();
    let later = now + SignedDuration::from_hours(1);
    alertmanager.silence("shop", "acme", &now.to_string(), &later.to_string());
    dispatched(&shop, &medium);
    town.row_when("acme/shop", |row| row["last_health_check"] == "healthy");
}

#[test]
fn a_query_of_a_real_prometheus_holds_and_lets_go_and_its_silence_holds_what_is_high() {
    let errors = Errors::of("0.01");
    let mut prometheus = Prometheus::scraping(&[errors.address], "100ms");
    prometheus.query_until_found("shop_errors_ratio");
    let signal = format!(
        "type: prometheus, name: shop errors, url: \"{}\", query: shop_errors_ratio, \
         degraded_when: \"> 0.05\"",
        prometheus.url
    );
    let (mut town, shop) = shop(&signal);
    let running = town.govern();
    let first = shop.verified(&["Cargo.toml"]);
    dispatched(&shop, &first);
    shop.finish_run(shop.dispatches().last().unwrap().run_id, "success");
    decides(&town, "ALLOW", "deployed");
    town.row_when("acme/shop", |row| row["last_health_check"] == "healthy");
    // Production degrades during the watch after its deploy.
    errors.are("0.42");
    let row = town.row_when("acme/shop", |row| row["last_health_check"] == "degraded");
    assert_eq!(row["production_sha_current"], first.as_str());
    let labels = || shop.issues().first().map(|issue| issue.labels.clone()).unwrap_or_default();
    let is_said = wait_until(|| labels().contains(&"deploy:degraded-after-deploy".to_owned()));
    assert!(is_said, "{:#?}\n{}", shop.issues(), running.log());
    assert!(shop.issues()[0].body.contains("0.42 is > 0.05"), "{}", shop.issues()[0].body);
    let second = shop.verified(&["Cargo.toml"]);
    decides(&town, "HOLD", "degraded_medium_hold");

    errors.are("0.02");
    dispatched(&shop, &second);
    shop.finish_run(shop.dispatches().last().unwrap().run_id, "success");
    assert!(wait_until(|| !shop.issues()[0].comments.is_empty()));
    assert_eq!(shop.issues().len(), 1);

    let healthy = "release_governor_degraded{repository=\"acme/shop\"} 0";
    assert!(wait_until(|| running.ask("GET", "/metrics").2.contains(healthy)));
    prometheus.stop();
    let high = shop.verified(&["infra/net.tf"]);
    drop(running);
    town.set("RELEASE_GOVERNOR_APPROVED", &format!("acme/shop@{high}"));
    let running = town.govern();
    decides(&town, "HOLD", "degraded_unknown_high_risk");
    // Until its first reading fails, a signal counts as not yet read.
    assert!(wait_until(|| evidence(&town, &high).contains("signal shop errors cannot be read")));
    prometheus.start_again();
    dispatched(&shop, &high);
    running.end();
}

#[test]
fn a_restart_writes_nothing_over_what_is_held_while_its_signal_is_well() {
    let alertmanager = Alertmanager::silent();
    let signal =
        format!("type: alertmanager, url: \"{}\", matchers: [shop=acme]", alertmanager.url);
    let (town, shop) = shop(&signal);
    let running = town.govern();
    let high = shop.verified(&["infra/net.tf"]);
    decides(&town, "HOLD", "high_risk_no_approval");
    assert!(wait_until(|| !shop.statuses(&high).is_empty()));
    running.end();
    let written = shop.statuses(&high).len();
    for _ in 0..5 {
        drop(town.github.take_requests());
        let running = town.govern();
        let is_looked_at = || town.github.requests().iter().any(|one| one.path.contains(&high));
        assert!(wait_until(is_looked_at));
        decides(&town, "HOLD", "high_risk_no_approval");
        running.end();
    }
    assert_eq!(shop.statuses(&high).len(), written);
}

#[test]
fn commands_without_a_running_controller_read_the_signals_once_themselves() {
    let alertmanager = Alertmanager::silent();
    alertmanager.fire(&json!({"alertname": "ShopDown", "shop": "acme"}), None);
    assert!(wait_until(|| alertmanager.active().len() == 1));
    let signal =
        format!("type: alertmanager, url: \"{}\", matchers: [shop=acme]", alertmanager.url);
    let (town, shop) = shop(&signal);
    let medium = shop.verified(&["Cargo.toml"]);
    let simulated = town.run(&["simulate", "acme/shop", &medium, "--json"]).with(1).json();
    assert_eq!(simulated["reason"], "degraded_medium_hold");
    assert!(simulated["evidence"].to_string().contains("ShopDown"), "{simulated:#}");
    town.run(&["trigger", "acme/shop", &medium]).with(1);
    town.run(&["reconcile", "--once"]).with(0);
    assert_eq!(shop.dispatches_of(&medium), 0);
    let row = town.row("acme/shop");
    assert_eq!(
        (&row["reason"], &row["last_health_check"]),
        (&json!("degraded_medium_hold"), &json!("degraded"))
    );
    town.configure("repositories: [{name: acme/shop}]\n");
    assert!(town.row("acme/shop")["last_health_check"].is_null(), "nobody is asked any more");
}
