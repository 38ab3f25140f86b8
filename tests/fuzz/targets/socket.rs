//! Any message on the controller's socket, with any text in it. It is a command that is
//! forwarded as parsed, or rejected. Text that enters the ledger is one line of bounded length.
//!
//! The first byte of the input selects the command; the message begins after the first line.

use std::sync::LazyLock;

use release_governor::operations::{
    ApproveRequest, PauseRequest, ReconcileRequest, ResumeRequest, SetProductionRequest,
    TriggerRequest,
};
use release_governor::queries::{
    BacktestRequest, FleetHistoryRequest, HistoryRequest, OverviewRequest, SimulateRequest,
    StatusRequest,
};
use release_governor::request::{Caller, ControllerRequest, name_of, single_line};
use serde_json::Value;

use crate::support::{block_on, first_line, is_one_line};

static CALLER: LazyLock<Caller> = LazyLock::new(|| block_on(async { Caller::myself() }));

/// Statuses, issues and the ledger show a reason.
const LONGEST_LINE: usize = 255;
const LONGEST_NAME: usize = 64;

pub fn run(input: &[u8]) {
    let (which, message) = first_line(input);
    match which.first() {
        Some(b'a') => said::<ApproveRequest>(message),
        Some(b'b') => said::<BacktestRequest>(message),
        Some(b'h') => said::<HistoryRequest>(message),
        Some(b'i') => said::<FleetHistoryRequest>(message),
        Some(b'o') => said::<OverviewRequest>(message),
        Some(b'p') => said::<PauseRequest>(message),
        Some(b'c') => said::<ReconcileRequest>(message),
        Some(b'r') => said::<ResumeRequest>(message),
        Some(b's') => said::<StatusRequest>(message),
        Some(b'm') => said::<SimulateRequest>(message),
        Some(b't') => said::<TriggerRequest>(message),
        _ => said::<SetProductionRequest>(message),
    }
}

fn said<A: ControllerRequest>(message: &[u8]) {
    let Ok(ask) = serde_json::from_slice::<A>(message) else { return };
    let sent = serde_json::to_vec(&ask).unwrap();
    assert!(sent.len() <= A::LARGEST, "a command of {} bytes", sent.len());
    let again = serde_json::from_slice::<A>(&sent).expect("a command reads as it was written");
    assert_eq!(serde_json::to_vec(&again).unwrap(), sent, "another command");
    // Read the text directly from the JSON, not through serde types.
    let Ok(json) = serde_json::from_slice::<Value>(message) else { return };
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    if let Some(reason) = text("reason")
        && let Ok(line) = single_line("a reason", reason)
    {
        words(&line, reason, LONGEST_LINE);
        assert!(line.chars().any(char::is_alphanumeric), "{line:?} says nothing");
    }
    let Some(name) = text("name") else { return };
    let by = CALLER.clone().named(Some(name.to_owned()));
    assert_eq!(by.is_ok(), name_of(name).is_ok());
    if let Ok(by) = by {
        let known = by.name.as_deref().expect("the name that was given");
        words(known, name, LONGEST_NAME);
        let account = format!("({})", by.peer);
        let shown = by.display();
        assert!(shown.ends_with(&account) && shown.matches('(').count() == 1, "{shown:?}");
    }
}

fn words(taken: &str, given: &str, longest: usize) {
    is_one_line(taken);
    assert_eq!(taken, given.trim(), "other words");
    assert!((1..=longest).contains(&taken.chars().count()), "{taken:?}");
}
