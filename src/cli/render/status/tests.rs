use insta::assert_snapshot;

use crate::queries::view::FleetStatus;

use super::*;

fn shop() -> RepositoryStatus {
    RepositoryStatus {
        production_sha_current: Some("a".repeat(40).parse().unwrap()),
        candidate_sha: Some("b".repeat(40).parse().unwrap()),
        decision: Some(Outcome::Hold),
        reason: Some(Reason::HighRiskNoApproval),
        risk_class: Some(RiskClass::High),
        last_pass: Some("2026-11-01T14:05:59Z".parse().unwrap()),
        ..RepositoryStatus::unknown("acme/shop".parse().unwrap(), true)
    }
}

fn api() -> RepositoryStatus {
    RepositoryStatus {
        paused: Some("incident 42".to_owned()),
        error: Some("GitHub said 404".to_owned()),
        ..RepositoryStatus::unknown("acme/api".parse().unwrap(), false)
    }
}

fn payments() -> RepositoryStatus {
    RepositoryStatus {
        repository: "acme-corporation/payments-and-settlements".parse().unwrap(),
        reason: Some(Reason::DegradedUnknownHighRisk),
        ..shop()
    }
}

fn held(row: &RepositoryStatus) -> HeldCandidate {
    HeldCandidate {
        repository: row.repository.clone(),
        sha: row.candidate_sha.clone().unwrap(),
        decision: Outcome::Hold,
        reason: row.reason.unwrap(),
        hints: vec![
            "2 files are HIGH: `release-governor approve acme/shop bbbbbbb --reason \"WHY\"`"
                .into(),
            "wait until 14:30 UTC".to_owned(),
        ],
    }
}

fn overview(rows: Vec<RepositoryStatus>) -> Overview {
    let held = rows.iter().filter(|row| row.reason.is_some()).map(held).collect();
    Overview { status: FleetStatus { controller_running: true, repositories: rows }, held }
}

fn terminal(width: u16) -> Looker {
    Looker { width: Some(width), now: Some("2026-11-01T14:09:10Z".parse().unwrap()) }
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn the_status_is_a_table_with_what_is_held_below() {
    let view = overview(vec![shop(), api()]);
    assert_snapshot!(plain(&status(&view, Looker::default())), @r#"
    REPOSITORY  PRODUCTION  CANDIDATE  DECISION   REASON                 PASS
    acme/shop   aaaaaaa     bbbbbbb    HOLD HIGH  high_risk_no_approval  2026-11-01 14:05 UTC
    acme/api    -           -          disabled   -                      -

    HOLD acme/shop bbbbbbb · high_risk_no_approval
      - 2 files are HIGH: `release-governor approve acme/shop bbbbbbb --reason "WHY"`
      - wait until 14:30 UTC
    acme/api is paused: incident 42
    acme/api: GitHub said 404
    "#);
}

#[test]
fn a_terminal_of_eighty_columns_shows_ages_and_no_line_is_longer() {
    let view = overview(vec![shop(), payments()]);
    assert_snapshot!(plain(&status(&view, terminal(80))), @r#"
    REPOSITORY          PRODUCTION  CANDIDATE  DECISION   REASON
    acme/shop           aaaaaaa     bbbbbbb    HOLD HIGH  high_risk_no_approval
    acme-corp…tlements  aaaaaaa     bbbbbbb    HOLD HIGH  degraded_unknown_high_risk

    HOLD acme/shop bbbbbbb · high_risk_no_approval
      - 2 files are HIGH: `release-governor approve acme/shop bbbbbbb --reason
        "WHY"`
      - wait until 14:30 UTC
    HOLD acme-corporation/payments-and-settlements bbbbbbb ·
      degraded_unknown_high_risk
      - 2 files are HIGH: `release-governor approve acme/shop bbbbbbb --reason
        "WHY"`
      - wait until 14:30 UTC
    "#);
    for width in 50..=200 {
        for line in plain(&status(&view, terminal(width))).lines() {
            assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
            // A SHA is never cut below its short form.
            let shas = line.split(' ').filter(|word| word.starts_with("bbb"));
            assert!(shas.clone().all(|sha| sha == "bbbbbbb"), "{line}");
        }
    }
}

#[test]
fn a_dry_run_does_not_look_like_a_release_that_ships() {
    let dry = RepositoryStatus {
        dry_run: true,
        decision: Some(Outcome::Allow),
        reason: Some(Reason::AllowMedium),
        risk_class: Some(RiskClass::Medium),
        ..shop()
    };
    let view = Overview {
        status: FleetStatus { controller_running: true, repositories: vec![dry.clone(), api()] },
        held: Vec::new(),
    };
    assert_snapshot!(plain(&status(&view, terminal(80))), @r"
    REPOSITORY  PRODUCTION  CANDIDATE  DECISION        REASON        PASS
    acme/shop   aaaaaaa     bbbbbbb    DRY RUN MEDIUM  allow_medium  3m ago
    acme/api    -           -          disabled        -             -

    acme/shop: a dry run; without `dry_run` it would deploy bbbbbbb now
    acme/api is paused: incident 42
    acme/api: GitHub said 404
    ");
    let mut alone = view;
    alone.status.repositories.pop();
    assert_snapshot!(plain(&status(&alone, terminal(80))), @r"
    repository   acme/shop
    enabled      yes
    dry run      yes: nothing is written to GitHub
    production   aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    before       -
    candidate    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    decision     ALLOW
    reason       allow_medium
    risk         MEDIUM
    last deploy  -
    last pass    2026-11-01 14:05 UTC (3m ago)

    acme/shop: a dry run; without `dry_run` it would deploy bbbbbbb now
    ");
    // A commit that is in production already would not be deployed.
    let shipped = RepositoryStatus { reason: Some(Reason::Deployed), ..dry };
    alone.status.repositories = vec![shipped];
    assert!(!status(&alone, terminal(80)).contains("would deploy"));
}

#[test]
fn a_failed_head_and_commits_that_are_not_verified_yet_are_said() {
    let row = RepositoryStatus {
        decision: Some(Outcome::Allow),
        reason: Some(Reason::Deployed),
        head_sha: Some("c".repeat(40).parse().unwrap()),
        head_reason: Some(Reason::VerificationFailed),
        unverified_commits: Some(3),
        branch_tip: Some("d".repeat(40).parse().unwrap()),
        ..shop()
    };
    let head = HeldCandidate {
        sha: "c".repeat(40).parse().unwrap(),
        reason: Reason::VerificationFailed,
        hints: vec!["fix and push, or re-run verification run 7 (failure)".to_owned()],
        ..held(&shop())
    };
    let mut view = overview(vec![row.clone(), api()]);
    view.held = vec![head];
    assert_snapshot!(plain(&status(&view, terminal(80))), @r"
    REPOSITORY  PRODUCTION  CANDIDATE  DECISION    REASON    PASS
    acme/shop   aaaaaaa     bbbbbbb    ALLOW HIGH  deployed  3m ago
    acme/api    -           -          disabled    -         -

    HOLD acme/shop ccccccc · verification_failed
      - fix and push, or re-run verification run 7 (failure)
    acme/shop: 3 newer commits up to ddddddd are not verified yet
    acme/api is paused: incident 42
    acme/api: GitHub said 404
    ");
    view.status.repositories = vec![row];
    assert_snapshot!(plain(&status(&view, terminal(80))), @r"
    repository   acme/shop
    enabled      yes
    production   aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    before       -
    candidate    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    decision     ALLOW
    reason       deployed
    risk         HIGH
    head         ccccccc verification_failed
    newer        3 newer commits up to ddddddd are not verified yet
    last deploy  -
    last pass    2026-11-01 14:05 UTC (3m ago)

    HOLD acme/shop ccccccc · verification_failed
      - fix and push, or re-run verification run 7 (failure)
    ");
}

#[test]
fn what_the_last_controller_left_is_not_shown_as_if_it_were_current() {
    let mut view = overview(vec![shop(), api()]);
    view.status.controller_running = false;
    let text = plain(&status(&view, terminal(80)));
    assert_snapshot!(text.lines().next().unwrap(), @r"
    No controller is running. The last pass ended 2026-11-01 14:05 UTC (3m ago).
    ");
    view.status.repositories = vec![api()];
    let text = plain(&status(&view, terminal(80)));
    assert_snapshot!(text.lines().next().unwrap(), @r"
    No controller is running, and none has made a pass yet.
    ");
}

#[test]
fn a_pass_that_is_overdue_is_said_also_where_its_column_has_no_room() {
    let view = overview(vec![shop(), payments()]);
    let later = Looker { now: Some("2026-11-01T16:09:10Z".parse().unwrap()), ..terminal(80) };
    let said = "acme/shop: no pass has finished since 2026-11-01 14:05 UTC (2h ago)";
    assert!(plain(&status(&view, later)).contains(said));
    assert!(!plain(&status(&view, terminal(80))).contains("no pass has finished"));
}

#[test]
fn many_repositories_are_grouped_and_those_that_need_somebody_come_first() {
    let named = |number: usize, row: RepositoryStatus| RepositoryStatus {
        repository: format!("acme/r{number}").parse().unwrap(),
        enabled: true,
        ..row
    };
    let shipped = RepositoryStatus {
        decision: Some(Outcome::Allow),
        reason: Some(Reason::Deployed),
        ..shop()
    };
    let mut rows: Vec<_> = (0..18).map(|number| named(number, shipped.clone())).collect();
    rows.push(named(18, RepositoryStatus { paused: None, ..api() }));
    rows.push(named(19, shop()));
    let view = overview(rows);
    let text = plain(&status(&view, terminal(80)));
    let first: Vec<&str> = text.lines().take(10).collect();
    assert_snapshot!(first.join("\n"), @r"
    REPOSITORY  PRODUCTION  CANDIDATE  DECISION    REASON                 PASS

    ERROR (1)
    acme/r18    -           -          ERROR       -                      -

    HOLD (1)
    acme/r19    aaaaaaa     bbbbbbb    HOLD HIGH   high_risk_no_approval  3m ago

    nothing to ship (18)
    acme/r0     aaaaaaa     bbbbbbb    ALLOW HIGH  deployed               3m ago
    ");
}

#[test]
fn a_narrow_terminal_keeps_what_is_held_and_why() {
    let view = overview(vec![shop(), payments()]);
    assert_snapshot!(plain(&status(&view, terminal(50))), @r#"
    REPOSITORY   DECISION   REASON
    acme/shop    HOLD HIGH  high_risk_no_approval
    acme-…ments  HOLD HIGH  degraded_unknown_high_risk

    HOLD acme/shop bbbbbbb · high_risk_no_approval
      - 2 files are HIGH: `release-governor approve
        acme/shop bbbbbbb --reason "WHY"`
      - wait until 14:30 UTC
    HOLD acme-corporation/payments-and-settlements
      bbbbbbb · degraded_unknown_high_risk
      - 2 files are HIGH: `release-governor approve
        acme/shop bbbbbbb --reason "WHY"`
      - wait until 14:30 UTC
    "#);
}

#[test]
fn one_repository_is_shown_whole() {
    let view = overview(vec![shop()]);
    assert_snapshot!(plain(&status(&view, terminal(80))), @r#"
    repository   acme/shop
    enabled      yes
    production   aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    before       -
    candidate    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
    decision     HOLD
    reason       high_risk_no_approval
    risk         HIGH
    last deploy  -
    last pass    2026-11-01 14:05 UTC (3m ago)

    HOLD acme/shop bbbbbbb · high_risk_no_approval
      - 2 files are HIGH: `release-governor approve acme/shop bbbbbbb --reason
        "WHY"`
      - wait until 14:30 UTC
    "#);
    for line in plain(&status(&view, terminal(50))).lines() {
        assert!(line.chars().count() <= 50, "{line}");
    }
}

#[test]
fn a_name_is_shortened_in_its_middle() {
    assert_eq!(middle_out("acme/shop", 9), "acme/shop");
    assert_eq!(middle_out("acme/payments", 9), "acme…ents");
    assert_eq!(middle_out("acme/payments", 2), "a…");
}

#[test]
fn an_age_is_in_its_largest_unit() {
    let now: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
    let ago = |seconds: i64| age(now - jiff::SignedDuration::from_secs(seconds), now);
    let told = [-5, 0, 59, 60, 3_599, 3_600, 172_799, 172_800].map(ago);
    assert_eq!(told, ["now", "now", "59s ago", "1m ago", "59m ago", "1h ago", "47h ago", "2d ago"]);
}
