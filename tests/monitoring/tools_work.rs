//! Checks what the other tests assume about the tools.

use jiff::SignedDuration;
use release_governor::clock::Clock;
use serde_json::json;

use crate::tools::{Alertmanager, Prometheus, promtool, wait_until};
use crate::town::Town;

#[test]
fn a_prometheus_scrapes_the_running_program_and_comes_back_after_its_end() {
    let (town, _, _) = Town::with_shop();
    let running = town.govern();
    let mut prometheus = Prometheus::scraping(&[running.address()], "250ms");
    let up = "up{job=\"release-governor\"} == 1";
    assert_eq!(prometheus.query_until_found(up).len(), 1);
    let passes = "release_governor_passes_total{repository=\"acme/shop\", result=\"ok\"}";
    assert!(prometheus.query_until_found(passes)[0].value >= 1.0);
    assert!(prometheus.query("nothing_at_all").is_empty());
    assert!(prometheus.try_query("sum(").is_err());

    prometheus.stop();
    assert!(prometheus.try_query(up).is_err());
    prometheus.start_again();
    assert_eq!(prometheus.query_until_found(up).len(), 1);
}

#[test]
fn an_alertmanager_has_alerts_silences_them_and_comes_back_after_its_end() {
    let mut alertmanager = Alertmanager::silent();
    let active = |alertmanager: &Alertmanager, number| {
        assert!(
            wait_until(|| alertmanager.active().len() == number),
            "{:?}",
            alertmanager.active()
        );
    };
    active(&alertmanager, 0);
    alertmanager.fire(&json!({"alertname": "ShopDown", "shop": "acme"}), None);
    active(&alertmanager, 1);

    let now = Clock::system().now();
    let later = now + SignedDuration::from_hours(1);
    let id = alertmanager.silence("shop", "acme", &now.to_string(), &later.to_string());
    active(&alertmanager, 0);
    alertmanager.unsilence(&id);
    active(&alertmanager, 1);
    // Alerts are only in memory, so senders repeat them.
    alertmanager.stop();
    assert!(alertmanager.get("/-/ready").is_err());
    alertmanager.start_again();
    active(&alertmanager, 0);
}

#[test]
fn promtool_says_what_is_wrong_with_a_metric() {
    let wrong = promtool(&["check", "metrics"], "# TYPE shopSold counter\nshopSold 1\n");
    assert!(!wrong.good && wrong.text.contains("camelCase"), "{wrong:?}");
    let fine = "# HELP shop_sold_total Sold.\n# TYPE shop_sold_total counter\nshop_sold_total 1\n";
    let right = promtool(&["check", "metrics"], fine);
    assert!(right.good && right.text.is_empty(), "{right:?}");
}
