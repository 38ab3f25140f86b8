use super::hint::pause_reason;
use super::*;
use crate::domain::*;

fn sha() -> Sha {
    "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d".parse().unwrap()
}

fn decision(cause: Cause, class: RiskClass) -> Decision {
    Decision {
        sha: sha(),
        cause,
        also: Vec::new(),
        risk: RiskAssessment { class, causes: Vec::new(), paths: Vec::new() },
        production: Production::None,
        signals: Vec::new(),
        approvals: Vec::new(),
        passed_over: Vec::new(),
        otherwise: None,
        changes_at: None,
        ships_at: None,
    }
}

fn operators_word() -> Box<Missing> {
    Box::new(Missing {
        modes: vec![ApprovalMode::Environment],
        label: "release:approved".into(),
        command: "/approve".into(),
        min_permission: Permission::Write,
        teams: Vec::new(),
        pulls: Vec::new(),
        operators: vec![OperatorsMatter::ByPolicy],
    })
}

fn said(cause: Cause, class: RiskClass) -> String {
    let repository = "acme/shop".parse().unwrap();
    let text = decided(&decision(cause, class), &repository, HoldState::Failure, noon()).unwrap();
    format!("{}: {}", text.state.as_str(), text.description)
}

fn noon() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

#[test]
fn a_status_says_decision_sha_risk_reason_and_how_to_unblock() {
    let missing = operators_word();
    insta::assert_snapshot!(
        said(Cause::HighRiskNoApproval { missing }, RiskClass::High),
        @r#"
    failure: HOLD 1a2b3c4 · HIGH · high_risk_no_approval: `release-governor approve acme/shop 1a2b3c4 --reason "WHY"`
    "#
    );
    let since = "2026-11-01T14:05:00Z".parse().unwrap();
    let cause = Cause::DeployInProgress {
        run: Some(RunId::from(123)),
        sha: None,
        since,
        progress: Some(RunStatus::InProgress),
        environment: "production".into(),
    };
    insta::assert_snapshot!(
        said(cause, RiskClass::Low),
        @"pending: WAIT 1a2b3c4 · LOW · deploy_in_progress: run 123 since 14:05 UTC"
    );
    insta::assert_snapshot!(
        said(Cause::Deploying { run: None, url: None }, RiskClass::Low),
        @"success: ALLOW 1a2b3c4 · LOW · Triggered: deploy workflow run"
    );
}

#[test]
fn a_long_hint_is_shortened_and_the_code_never() {
    let cause = Cause::Paused { source: PauseSource::Config, why: "x".repeat(1_000) };
    let text = said(cause, RiskClass::High);
    let description = text.strip_prefix("failure: ").unwrap();
    assert_eq!(description.chars().count(), 140);
    assert!(description.starts_with("HOLD 1a2b3c4 · HIGH · paused: `paused` is set in"));
    let mut held = decision(
        Cause::Paused { source: PauseSource::Config, why: "x".repeat(90) },
        RiskClass::High,
    );
    let missing = operators_word();
    held.also.push(Cause::HighRiskNoApproval { missing });
    let repository = "acme/shop".parse().unwrap();
    let text = decided(&held, &repository, HoldState::Pending, noon()).unwrap();
    assert_eq!(text.description.chars().count(), 140);
    assert_eq!(text.state, CommitStatusState::Pending);
}

#[test]
fn what_is_written_is_read_back() {
    let id: AttemptId = "7f3a9c".parse().unwrap();
    let text = dispatching(&sha(), RiskClass::Medium, &id);
    assert_eq!(text.description, "ALLOW 1a2b3c4 · MEDIUM · dispatching 7f3a9c");
    let said_again = parse(&text.description);
    assert_eq!(
        said_again,
        Some(ParsedStatus::Dispatching { risk: RiskClass::Medium, attempt: id })
    );
    assert_eq!(parse("SHIPPED 1a2b3c4 · with 9f8e7d6"), Some(ParsedStatus::Shipped));
    let why = "deploy freeze · until Monday".to_owned();
    let paused = Cause::Paused { source: PauseSource::Recovered, why };
    let text = said(paused, RiskClass::Low);
    let Some(ParsedStatus::Blocked { reason, .. }) = parse(text.strip_prefix("failure: ").unwrap())
    else {
        panic!("{text}");
    };
    assert_eq!(reason, Reason::Paused);
    assert_eq!(parse("somebody else's words"), None);
    // As written by earlier versions.
    let set = "ALLOW 1a2b3c4 · LOW · In production, by an operator's word";
    assert_eq!(parse(set), Some(ParsedStatus::Shipped));
    assert_eq!(pause_reason("the config says `paused`: audit"), None);
    assert_eq!(pause_reason("`paused` is set in the configuration: audit"), None);
}

#[test]
fn strangers_words_are_tamed() {
    assert_eq!(plain("a\u{202e}b\r\n\u{1b}[31mc\u{200b}d", 80), "a b [31mc d");
    assert_eq!(plain("abcdef", 4), "abc…");
}

#[test]
fn an_issue_says_what_is_true_of_the_commit_now() {
    let repository = "acme/shop".parse().unwrap();
    let says = |cause| {
        let decision = decision(cause, RiskClass::Low);
        let failure = issue::FailureText {
            sha: &sha(),
            run: RunRef { id: RunId::from(7), attempt: 1 },
            url: "https://github.com/acme/shop/actions/runs/7",
            conclusion: Some(&Conclusion::Failure),
            failed_step: None,
            ended_at: noon(),
            decision: Some(&decision),
            repository: &repository,
        };
        let marker = Marker {
            repository: "acme/shop".into(),
            sha: sha(),
            run: 7,
            run_attempt: 1,
            status_context: "booty/release-governor".into(),
            recovered: false,
        };
        let body = issue::body(&failure, &marker);
        assert!(body.contains("**Failed step:** unknown"), "{body}");
        body.lines().rev().nth(2).unwrap().to_owned()
    };
    insta::assert_snapshot!(says(Cause::Cooldown { until: noon() }), @r"
    Attempts are left: it is deployed again after 2026-11-01 12:00 UTC, unless something else ships or holds it; the commit's status shows its current state.
    ");
    let run = Some(RunRef { id: RunId::from(7), attempt: 1 });
    insta::assert_snapshot!(says(Cause::DeployFailed { run, used: 1, allowed: 1 }), @r"
    The governor holds this commit: ``deploy_failed: run 7 failed, 1 of 1 attempts used: re-run the verification or the deploy, `trigger 1a2b3c4`, or push a fix``. Later, the commit's status shows its current state.
    ");
    insta::assert_snapshot!(says(Cause::AllowLow), @r"
    It is ALLOW (`allow_low`) now; the commit's status shows its current state.
    ");
}

#[test]
fn a_time_of_another_day_is_said_with_its_date() {
    let since = "2026-10-14T04:55:00Z".parse().unwrap();
    let run = Some(RunId::from(1005));
    let environment = "production".into();
    let cause = Cause::DeployInProgress { run, sha: None, since, progress: None, environment };
    insta::assert_snapshot!(said(cause, RiskClass::Low), @r"
    pending: WAIT 1a2b3c4 · LOW · deploy_in_progress: run 1005 since 2026-10-14 04:55 UTC
    ");
}

#[test]
fn an_operators_word_for_production_is_no_run() {
    let text = said(Cause::Deployed { run: None, url: None }, RiskClass::Low);
    insta::assert_snapshot!(text, @r"
    success: ALLOW 1a2b3c4 · LOW · In production, set by an operator
    ");
    assert_eq!(parse(text.strip_prefix("success: ").unwrap()), Some(ParsedStatus::Shipped));
}

#[test]
fn hints_are_whole_but_in_a_status_and_the_permission_comes_first() {
    let words = format!("grant the token actions=write: GitHub said 403 \"{}\"", "no ".repeat(60));
    let cause = Cause::StatusRefused { words: words.clone(), retry_at: noon() };
    let repository = "acme/shop".parse().unwrap();
    let whole = hints(&decision(cause.clone(), RiskClass::Low), &repository).join("; ");
    assert!(whole.contains(words.trim_end_matches('"').trim_end()), "{whole}");
    assert!(said(cause, RiskClass::Low).contains("grant the token actions=write"));
}

#[test]
fn a_hostile_step_name_stays_inside_its_code_span() {
    let step = ("job".to_owned(), "`@everyone` <img src=x> ``".to_owned());
    let failure = issue::FailureText {
        sha: &sha(),
        run: RunRef { id: RunId::from(7), attempt: 2 },
        url: "https://github.com/acme/shop/actions/runs/7",
        conclusion: Some(&Conclusion::Failure),
        failed_step: Some(&step),
        ended_at: "2026-11-01T14:05:00Z".parse().unwrap(),
        decision: None,
        repository: &"acme/shop".parse().unwrap(),
    };
    let marker = Marker {
        repository: "acme/shop".into(),
        sha: sha(),
        run: 7,
        run_attempt: 2,
        status_context: "evil --> context".into(),
        recovered: false,
    };
    let body = issue::body(&failure, &marker);
    assert_eq!(issue::read_marker(&body), Some(marker));
    insta::assert_snapshot!(body, @r#"
    The deploy of `1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d` failed.

    - **Commit:** 1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d
    - **Run:** [run 7, attempt 2](https://github.com/acme/shop/actions/runs/7)
    - **Conclusion:** `failure`
    - **Failed job:** `job`
    - **Failed step:** ``` `@everyone` <img src=x> `` ```
    - **Time:** 2026-11-01 14:05 UTC

    No decision has been made about this commit since; the commit's status shows its current state.

    <!-- release-governor {"repository":"acme/shop","sha":"1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d","run":7,"run_attempt":2,"status_context":"evil --\u003e context","recovered":false} -->
    "#);
}
