//! `degraded` and `health_check`: what they accept, what they reject, and what they never show.

use insta::assert_snapshot;
use release_governor::domain::{Signal, SignalKind, WhenUnreachable};
use std::time::Duration;

use super::{shop_with as shop, yaml};

fn signals(keys: &str) -> Vec<Signal> {
    shop(keys).good().repositories[0].degraded.clone()
}

#[test]
fn a_signal_of_each_kind_is_taken_alone_or_in_a_list() {
    let one = signals("degraded: {type: prometheus, url: \"http://p:9090/\", query: up == 0}");
    assert_eq!(one[0].name, "prometheus at p:9090");
    assert_eq!(one[0].kind.url(), "http://p:9090");
    assert_eq!(one[0].access.timeout, Duration::from_secs(5));
    assert_eq!(one[0].access.interval, Duration::from_secs(30));
    assert_eq!(one[0].access.stale_after, Duration::from_secs(105));
    let list = signals(
        "degraded: [{type: alertmanager, url: \"http://a:9093/am\", matchers: ['shop=\"x\"']}, \
         {type: http, name: page, url: \"https://s/x?y=1\", expected_status: [200, 204], \
         json_pointer: /ok, expected_value: true, interval: 1m, timeout: 10s, stale_after: 5m}]",
    );
    assert_eq!(list.len(), 2);
    assert_eq!(list[1].name, "page");
    assert!(matches!(
        &list[1].kind,
        SignalKind::Http { when_unreachable: WhenUnreachable::Unknown, .. }
    ));
    assert!(signals("degraded: null").is_empty());
    assert!(signals("degraded: []").is_empty());
}

#[test]
fn a_health_check_is_an_address_or_a_mapping_and_nobody_there_is_degraded() {
    for written in ["https://shop/healthz", "{url: \"https://shop/healthz\"}"] {
        let config =
            shop(&format!("health_check: {written}\n    post_deploy_watch_minutes: 0.5")).good();
        let policy = &config.repositories[0];
        let check = policy.health_check.as_ref().unwrap();
        assert_eq!(
            (check.name.as_str(), check.kind.url()),
            ("http at shop", "https://shop/healthz")
        );
        assert!(matches!(
            &check.kind,
            SignalKind::Http { when_unreachable: WhenUnreachable::Degraded, .. }
        ));
        assert_eq!(policy.post_deploy_watch, Duration::from_secs(30));
    }
}

#[test]
fn the_environment_gives_signals_in_one_line() {
    let signal = "{type: prometheus, url: \"http://p\", query: up == 0}";
    let config = shop("branch: main")
        .with("RELEASE_GOVERNOR_DEGRADED", signal)
        .with("RELEASE_GOVERNOR_HEALTH_CHECK", "https://shop/healthz")
        .good();
    assert_eq!(config.repositories[0].degraded[0].name, "prometheus at p");
    assert!(config.repositories[0].health_check.is_some());
}

#[test]
fn all_that_is_wrong_with_signals_is_said_at_once() {
    let written = yaml(
        "repositories:\n  - name: acme/shop\n    degraded:\n\
         \x20     - {type: prometheus, url: \"http://p/api/v1/query\", degraded_when: much}\n\
         \x20     - {type: alertmanager, url: ftp://a, matchers: [], query: up}\n\
         \x20     - {type: alertmanager, url: \"http://me:pw@a\", matchers: ['shop', 'a=\"b']}\n\
         \x20     - {type: http, url: /healthz, expected_status: 42, json_pointer: ok}\n\
         \x20     - {type: grafana, url: \"http://g\"}\n\
         \x20     - {url: \"http://g\"}\n\
         \x20     - {type: http, url: \"http://h\", stale_after: 10s, timout: 1s}\n\
         \x20     - {type: http, url: \"http://h\", json_pointer: /a}\n\
         \x20     - up == 0\n    health_check: {type: http}\n",
    );
    assert_snapshot!(written.mistakes(), @r#"
    the configuration has 20 mistakes:
    governor.yaml:4: repositories[0].degraded[0].url: found `http://p/api/v1/query`, expected the server's address without /api/v1, which is added to it
    governor.yaml:4: repositories[0].degraded[0]: lacks the key `query`
    governor.yaml:4: repositories[0].degraded[0].degraded_when: found `much`, expected a comparison with a number, as in "> 0.05"
    governor.yaml:5: repositories[0].degraded[1].query: is not a known key: it belongs to `type: prometheus`
    governor.yaml:5: repositories[0].degraded[1].url: found `ftp://a`, expected an address, as in http://prometheus.monitoring:9090, without user, password or query
    governor.yaml:5: repositories[0].degraded[1].matchers: found a list, expected at least one matcher: without one, every alert counts
    governor.yaml:6: repositories[0].degraded[2].url: found `http://***@a`, expected an address, as in http://prometheus.monitoring:9090, without user, password or query
    governor.yaml:6: repositories[0].degraded[2].matchers[0]: found `shop`, expected a label, one of = != =~ !~, and a value, as in service="shop"
    governor.yaml:6: repositories[0].degraded[2].matchers[1]: found `a=\"b`, expected a label, one of = != =~ !~, and a value, as in service="shop"
    governor.yaml:7: repositories[0].degraded[3].url: found `/healthz`, expected an address, as in https://shop.example.com/healthz, without user or password
    governor.yaml:7: repositories[0].degraded[3].expected_status: found `42`, expected a whole number from 100 to 599
    governor.yaml:7: repositories[0].degraded[3].json_pointer: found `ok`, expected a JSON pointer (RFC 6901), as in /status
    governor.yaml:8: repositories[0].degraded[4].type: found `grafana`, expected prometheus, alertmanager or http
    governor.yaml:9: repositories[0].degraded[5]: lacks the key `type`
    governor.yaml:10: repositories[0].degraded[6].timout: is not a known key: did you mean timeout?
    governor.yaml:10: repositories[0].degraded[6].stale_after: must be longer than interval and timeout together, or a good reading ends before the next
    governor.yaml:11: repositories[0].degraded[7]: lacks the key `expected_value`, which json_pointer asks for
    governor.yaml:12: repositories[0].degraded[8]: found `up == 0`, expected a mapping with `type` and `url`
    governor.yaml:13: repositories[0].health_check.type: is not a known key: known are name, url, headers, bearer_token_file, ca_file, timeout, interval, stale_after, expected_status, json_pointer, expected_value, when_unreachable
    governor.yaml:13: repositories[0].health_check: lacks the key `url`
    "#);
}

#[test]
fn no_dispatch_waits_for_longer_than_a_minute_for_a_signal() {
    let timeout = |timeout: &str| {
        shop(&format!("degraded: {{type: http, url: \"http://h/\", timeout: {timeout}}}"))
    };
    timeout("60s").good();
    let said = timeout("24h").mistakes();
    assert!(said.contains("repositories[0].degraded.timeout: must be at most 60s"), "{said}");
}

#[test]
fn headers_may_be_secrets_and_are_never_shown() {
    let secret = "hunter2hunter2";
    let header = |name: &str, value: &str| {
        shop(&format!(
            "degraded: {{type: http, url: \"http://h/?key={secret}\", headers: {{{name}: \
             \"{value}\"}}, bearer_token_file: /none}}"
        ))
    };
    let config = header("X-Scope-OrgID", secret).good();
    let shown = config.effective().to_string();
    assert!(!shown.contains(secret) && shown.contains("\"x-scope-orgid\":\"***\""), "{shown}");
    assert!(!format!("{config:?}").replace("http://h/?key=hunter2hunter2", "").contains(secret));
    assert_ne!(config.digest, header("X-Scope-OrgID", "other").good().digest);
    assert!(
        config.warnings.iter().any(|warning| warning.contains("bearer_token_file: /none")),
        "{:?}",
        config.warnings
    );
    for (name, value) in
        [("Content-Length", secret), ("\"a b\"", secret), ("x", "hunter2\\nhunter2")]
    {
        let said = header(name, value).mistakes();
        assert!(!said.contains("hunter2") && said.contains(".headers."), "{said}");
    }
    let twice = header("Authorization", secret).mistakes();
    assert!(twice.contains("has both bearer_token_file and a header Authorization"), "{twice}");
}
