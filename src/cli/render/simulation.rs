//! The result of `simulate`: a decision and its evidence.

use crate::domain::{Reason, RiskClass};
use crate::messages::visible;
use crate::queries::view::{PathView, RuleView, Simulation};

use super::{list, or_dash, paint, short, table};

/// The decision, its evidence, the hints for unblocking and the result of each rule.
#[must_use]
pub fn simulation(view: &Simulation, show_paths: bool, width: Option<u16>) -> String {
    let mut text = format!(
        "{} {} {} · {} · {}\n",
        view.decision.as_str(),
        view.repository,
        view.sha.short(),
        view.risk_class.as_str(),
        view.reason.code()
    );
    list(&mut text, "Evidence", &view.evidence);
    // The evidence already lists the approvals that this decision read.
    let counted = view.counted_approvals.iter().filter(|_| view.approvals.is_empty());
    let counted: Vec<String> = counted.map(|approval| approval.said.clone()).collect();
    list(&mut text, "Approved", &counted);
    list(&mut text, "To unblock", &view.unblock_hints);
    list(&mut text, "Forecast", view.forecast.as_slice());
    list(&mut text, "Rules", &rules(&view.rules));
    if show_paths {
        text.push('\n');
        text.push_str(&paths(view, width));
    }
    paint(&text)
}

/// The rules in order: one line for each rule with a message, and one for each sequence of rules
/// without a message that have the same result.
fn rules(rules: &[RuleView]) -> Vec<String> {
    let same = |a: &RuleView, b: &RuleView| a.found == b.found && a.said.is_none();
    rules.chunk_by(|a, b| same(a, b) && b.said.is_none()).filter_map(row_of_rules).collect()
}

fn row_of_rules(row: &[RuleView]) -> Option<String> {
    let (first, last) = (row.first()?, row.last()?);
    let found = first.found.replace('_', " ");
    if first.reason != last.reason {
        let (first, last) = (first.reason.code(), last.reason.code());
        return Some(format!("{first} to {last}: {found}"));
    }
    let said = first.said.as_ref().map_or_else(String::new, |said| format!(": {said}"));
    let (outcome, code) = (first.decision.as_str(), first.reason.code());
    Some(format!("{code} {outcome} {found}{said}"))
}

fn paths(view: &Simulation, width: Option<u16>) -> String {
    if view.paths.is_empty() {
        return match (view.reason, view.risk_class) {
            (Reason::Deployed, _) => "It is in production: no path differs.\n".to_owned(),
            (_, RiskClass::Low) => "No path that differs is MEDIUM or HIGH.\n".to_owned(),
            (_, class @ (RiskClass::Medium | RiskClass::High)) => {
                format!(
                    "It is {} for another cause than a path: see the evidence.\n",
                    class.as_str()
                )
            }
        };
    }
    let header = ["PATH", "RISK", "PATTERN", "COMMIT", "PULL REQUEST"];
    let rows = view.paths.iter().map(|path| {
        [
            visible(&path.path),
            path.risk_class.as_str().to_owned(),
            visible(&path.pattern),
            brought(path, short(path.commit.as_ref())),
            or_dash(path.pull_request.map(|number| format!("#{number}")).as_deref()),
        ]
    });
    table(&header, rows, width)
}

/// The newest commit that changed the path, and the number of others.
fn brought(path: &PathView, newest: String) -> String {
    match path.brought_by.len() {
        0 | 1 => newest,
        many => format!("{newest} +{}", many.saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::cli::render::tests::{held, plain};
    use crate::domain::{Outcome, Reason};
    use crate::queries::view::BroughtView;

    use super::*;

    fn rule(reason: Reason, found: &str, said: Option<&str>) -> RuleView {
        RuleView {
            reason,
            decision: reason.outcome(),
            found: found.to_owned(),
            said: said.map(str::to_owned),
        }
    }

    #[test]
    fn a_simulation_says_the_decision_first() {
        let view = held();
        assert_snapshot!(plain(&simulation(&view, true, None)), @r"
        HOLD acme/shop bbbbbbb · HIGH · high_risk_no_approval

        Evidence:
          - 2 commits differ

        To unblock:
          - approve it

        PATH                 RISK  PATTERN           COMMIT   PULL REQUEST
        db/migrations/1.sql  HIGH  **/migrations/**  ccccccc  #42
        ");
        assert!(!simulation(&view, false, None).contains("db/migrations"));
    }

    #[test]
    fn rules_that_say_nothing_share_a_line_and_the_others_have_their_own() {
        let mut rules: Vec<RuleView> =
            Reason::ALL.iter().map(|reason| rule(*reason, "silent", None)).collect();
        for (reason, found, said) in [
            (Reason::Paused, "decides", "`paused` is set in the configuration: freeze"),
            (Reason::HighRiskNoApproval, "speaks_too", "approve it"),
        ] {
            let place = rules.iter().position(|rule| rule.reason == reason).unwrap();
            rules[place] = rule(reason, found, Some(said));
        }
        let view = Simulation { rules, ..held() };
        assert_eq!(view.decision, Outcome::Hold);
        let text = plain(&simulation(&view, false, None));
        let (_, rules) = text.split_once("Rules:\n").unwrap();
        assert_snapshot!(rules, @r#"
        - deploying to older_than_production: silent
        - paused HOLD decides: `paused` is set in the configuration: freeze
        - rolled_back to allow_high_approved: silent
        - high_risk_no_approval HOLD speaks too: approve it
        "#);
    }

    #[test]
    fn a_path_shows_what_it_holds() {
        let mut view = held();
        view.paths[0].path = "docs/\u{202e}lqs.1\nREADME.md\u{1b}[2K\\n".to_owned();
        let text = simulation(&view, true, None);
        assert!(text.contains(r"docs/\u{202e}lqs.1\nREADME.md\u{1b}[2K\\n"), "{text}");
    }

    #[test]
    fn a_path_that_several_commits_brought_says_how_many() {
        let mut view = held();
        let again = view.paths[0].brought_by[0].clone();
        view.paths[0].brought_by.push(BroughtView { pull_requests: Vec::new(), ..again });
        assert!(plain(&simulation(&view, true, None)).contains("ccccccc +1"));
    }
}
