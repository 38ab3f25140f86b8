//! With `release-governor demo`, the dashboard shows data.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::alerts;
use crate::metrics::unanswered;
use crate::tools::Prometheus;

/// The demo process, which ends with the test.
struct Demo {
    child: Child,
    _temporary: tempfile::TempDir,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        // Let it delete its files; it exits within five seconds.
        let _ = Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status();
        let _ = self.child.wait();
    }
}

#[test]
fn the_demo_answers_every_question_of_the_dashboard() {
    let temporary = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_release-governor"))
        .arg("demo")
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let _demo = Demo { child, _temporary: temporary };
    let at = |line: &String| -> Option<SocketAddr> {
        line.trim().strip_prefix("governor ")?.trim().strip_prefix("http://")?.parse().ok()
    };
    let address = lines.find_map(|line| at(&line)).expect("it says where its metrics are");
    let prometheus = Prometheus::watching(address, &alerts::file());
    assert!(lines.any(|line| line.contains("The story came true")), "it did not");
    assert_eq!(unanswered(&prometheus), [""; 0]);
    // The only alert is that of the demo's fifth act: an alert on a good day would be a false
    // one.
    let alerts = prometheus.query_until_found("count by (alertname) (ALERTS)");
    let names: Vec<&str> =
        alerts.iter().map(|alert| alert.labels["alertname"].as_str().unwrap()).collect();
    assert_eq!(names, ["ReleaseGovernorAmbiguousDispatch"]);
}
