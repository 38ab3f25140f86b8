//! The result of `backtest`.

use jiff::SignedDuration;

use crate::domain::Reason;
use crate::messages::backtest::length;
use crate::queries::view::backtest::{BacktestView, Numbers};

use super::{list, paint, table, time};

/// The commits, then a summary, then notes on what GitHub did not show.
#[must_use]
pub fn backtest(view: &BacktestView, width: Option<u16>) -> String {
    let by = match &view.supposed.policy {
        Some(file) => format!("by the policy of {file}, over the built-in defaults"),
        None => "by the policy in force".to_owned(),
    };
    let (from, to) = (time(Some(view.since)), time(Some(view.until)));
    let mut text = format!("{} from {from} to {to}, {by}\n\n", view.repository);
    if view.commits.is_empty() {
        text.push_str("No commit was verified in that time.\n");
    } else {
        let header = ["VERIFIED", "COMMIT", "RISK", "DECISION", "WHY", "WOULD SHIP", "REALLY"];
        let rows = view.commits.iter().map(|commit| {
            [
                time(Some(commit.verified_at)),
                commit.sha.short().to_owned(),
                commit.risk_class.as_str().to_owned(),
                format!("{} {}", commit.decision.as_str(), commit.reason.code()),
                commit.why.clone().unwrap_or_else(|| "-".to_owned()),
                commit.ships_told.clone(),
                commit.really.told.clone(),
            ]
        });
        text.push_str(&table(&header, rows, width));
    }
    list(&mut text, "Summary", &summary(&view.summary));
    list(&mut text, "Notes", &view.notes);
    paint(&text)
}

fn summary(numbers: &Numbers) -> Vec<String> {
    let mut lines = vec![
        format!("{} verified", numbers.verified),
        format!(
            "{} would ship by themselves, {} go along with a later one, {} not ship yet",
            numbers.would_ship, numbers.would_go_along, numbers.would_not_ship
        ),
    ];
    for held in &numbers.would_be_held {
        let own = if held.reason == Reason::HighRiskNoApproval {
            let own = numbers.held_for_their_own;
            format!(" ({own} for what they brought, the others behind one of these)")
        } else {
            String::new()
        };
        lines.push(format!("{} would be held: {}{own}", held.commits, held.reason.code()));
    }
    let wait = |seconds: Option<i64>| length(SignedDuration::from_secs(seconds.unwrap_or(0)));
    if numbers.held_and_shipped > 0 {
        lines.push(format!(
            "{} of the held would go out after all, half of them within {}, the last after {}",
            numbers.held_and_shipped,
            wait(numbers.median_wait_seconds),
            wait(numbers.longest_wait_seconds)
        ));
    }
    lines.push(format!(
        "{} were really deployed, {} of them although they would have been held",
        numbers.really_deployed, numbers.deployed_although_held
    ));
    lines
}
