//! Arbitrary ledger entries, and the state that they add up to.

use super::*;

fn operators() -> BoxedStrategy<Operator> {
    (texts(), option::of(texts())).prop_map(|(peer, name)| Operator { peer, name }).boxed()
}

fn words() -> BoxedStrategy<OperatorAction> {
    let approval = (shas(), option::of(Just("b10b".to_owned())), texts(), operators()).prop_map(
        |(sha, deploy_file, why, by)| OperatorAction::Approved {
            approval: Approval { sha, deploy_file, why, by },
        },
    );
    prop_oneof![
        2 => approval,
        1 => (texts(), operators()).prop_map(|(why, by)| OperatorAction::Paused { why, by }),
        2 => operators().prop_map(|by| OperatorAction::Resumed { by }),
        1 => (shas(), texts(), operators())
            .prop_map(|(sha, why, by)| OperatorAction::ProductionSet { sha, why, by }),
        1 => (shas(), operators()).prop_map(|(sha, by)| OperatorAction::Triggered { sha, by }),
    ]
    .boxed()
}

fn status_records() -> BoxedStrategy<(Sha, StatusRecord)> {
    let record = |of: Sha| {
        (1..90_u64, times(), status_states(), descriptions(&of), option::of(texts())).prop_map(
            move |(id, at, state, description, target_url)| {
                let id = id.into();
                (of.clone(), StatusRecord { context: None, id, at, state, description, target_url })
            },
        )
    };
    shas().prop_flat_map(record).boxed()
}

fn issue_steps() -> BoxedStrategy<IssueStep> {
    prop_oneof![
        (shas(), run_refs()).prop_map(|(sha, run)| IssueStep::Intent { sha, run }),
        (shas(), run_refs(), 1..5_u64).prop_map(|(sha, run, number)| IssueStep::Written {
            sha,
            run,
            number: number.into()
        }),
        shas().prop_map(|sha| IssueStep::RecoveryIntent { sha }),
        shas().prop_map(|sha| IssueStep::RecoveryWritten { sha }),
        (shas(), texts()).prop_map(|(sha, words)| IssueStep::Refused { sha, words }),
        texts().prop_map(|words| IssueStep::Unavailable { words }),
    ]
    .boxed()
}

fn decided() -> BoxedStrategy<EntryKind> {
    (shas(), select(Reason::ALL), risks(), vec(texts(), 0..3))
        .prop_map(|(sha, reason, risk, evidence)| {
            let outcome = reason.outcome();
            EntryKind::Decided { sha, outcome, reason, risk, evidence }
        })
        .boxed()
}

fn of_attempts() -> BoxedStrategy<EntryKind> {
    let id = attempt_ids;
    let run = (id(), 1..6_u64, any::<bool>());
    prop_oneof![
        new_attempts().prop_map(|attempt| EntryKind::AttemptBegun { attempt }),
        (id(), marks()).prop_map(|(id, mark)| EntryKind::AttemptMarked { id, mark }),
        id().prop_map(|id| EntryKind::AttemptSending { id }),
        id().prop_map(|id| EntryKind::AttemptAccepted { id }),
        id().prop_map(|id| EntryKind::AttemptAbsent { id }),
        run.prop_map(|(id, run, late)| EntryKind::AttemptRun { id, run: run.into(), late }),
        (id(), attempt_outcomes())
            .prop_map(|(id, outcome)| EntryKind::AttemptClosed { id, outcome }),
        (id(), attempt_outcomes())
            .prop_map(|(id, outcome)| EntryKind::AttemptClosed { id, outcome }),
        attempts().prop_map(|attempt| EntryKind::AttemptAdopted { attempt }),
    ]
    .boxed()
}

fn of_facts() -> BoxedStrategy<EntryKind> {
    let name = select(vec!["acme/shop", "acme/store"]);
    let later = (shas(), texts(), -5..60_i64);
    prop_oneof![
        name.prop_map(|name| EntryKind::Governed { name: name.parse().unwrap() }),
        (vec(attempts(), 0..3), option::of(texts()))
            .prop_map(|(attempts, paused)| EntryKind::Recovered { attempts, paused }),
        texts().prop_map(|login| EntryKind::Identity { login: Login::from(login) }),
        Just(EntryKind::MergeQueueSeen),
        option::of(shas()).prop_map(|sha| EntryKind::Candidate { sha }),
        (shas(), shas(), texts()).prop_map(|(base, head, words)| EntryKind::RangeFailed {
            base,
            head,
            words
        }),
        later.prop_map(|(sha, words, retry)| {
            EntryKind::StatusRefused { sha, words, retry_at: at(retry) }
        }),
        (shas(), option::of(texts()))
            .prop_map(|(sha, by)| EntryKind::StatusForged { sha, by: by.map(Login::from) }),
    ]
    .boxed()
}

fn checked() -> BoxedStrategy<EntryKind> {
    let health = select(vec![Health::Healthy, Health::Degraded, Health::Unknown]);
    (health, times(), option::of(run_refs()), vec(texts(), 0..2), vec(texts(), 0..2))
        .prop_map(|(health, since, run, found, signals)| EntryKind::HealthChecked {
            health,
            since,
            run,
            found,
            signals,
        })
        .boxed()
}

/// Any ledger entry.
pub(crate) fn kinds() -> BoxedStrategy<EntryKind> {
    prop_oneof![
        4 => known_runs().prop_map(|run| EntryKind::RunSeen { run }),
        4 => of_attempts(),
        2 => words().prop_map(EntryKind::Operator),
        1 => issue_steps().prop_map(EntryKind::Issue),
        2 => checked(),
        1 => status_records()
            .prop_map(|(sha, status)| EntryKind::StatusWritten { sha, status }),
        1 => decided(),
        1 => of_facts(),
    ]
    .boxed()
}

/// Any ledger, with its entries ordered by time.
pub(crate) fn ledgers() -> BoxedStrategy<Vec<Entry>> {
    vec((times(), kinds()), 0..14)
        .prop_map(|mut entries| {
            entries.sort_by_key(|(at, _)| *at);
            entries.into_iter().map(|(at, kind)| Entry { at, kind }).collect()
        })
        .boxed()
}

pub(crate) fn states() -> BoxedStrategy<ReleaseState> {
    ledgers()
        .prop_map(|entries| {
            let mut state = ReleaseState::default();
            entries.iter().for_each(|entry| state.apply(entry));
            state
        })
        .boxed()
}
