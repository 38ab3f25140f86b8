use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::facts::MOST;
use super::*;
use crate::domain::{
    Attempt, AttemptId, AttemptOutcome, AttemptPhase, Attribution, AttributionRule, Conclusion,
    EntryKind, KnownRun, KnownRunAttempt, Mark, NewAttempt, Operator, OperatorAction, Outcome,
    Reason, RefHistory, RejectionKey, ReleaseState, RiskClass, RunEvent, RunId, RunKind,
    RunProgress, Sha, StatusId, WorkflowId,
};

mod kept;

fn at(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_secs(seconds)
}

fn shop() -> RepoId {
    RepoId::from(7)
}

fn sha(number: u8) -> Sha {
    format!("{number:040x}").parse().unwrap()
}

fn attempt(number: u8) -> NewAttempt {
    NewAttempt {
        id: AttemptId::from_chance([0, 0, number]),
        sha: sha(number),
        number: 1,
        risk: RiskClass::Low,
        reason: Reason::AllowLow,
        newest_run_seen: Some(RunId::from(3)),
        workflow: WorkflowId::from(9),
        deploy_ref: "main".into(),
        rejection_key: RejectionKey("k".into()),
        merged_at: None,
        triggered_by: None,
        judged_tip: None,
        rollback: false,
    }
}

fn mark() -> Mark {
    Mark { id: StatusId::from(5), at: at(0), target_url: None }
}

fn run(number: u64) -> KnownRun {
    let attempt = KnownRunAttempt {
        started_at: at(1),
        updated_at: at(2),
        progress: RunProgress::Finished(Conclusion::Success),
        superseded: None,
        failed_step: None,
        has_jobs: None,
    };
    KnownRun {
        id: RunId::from(number),
        event: RunEvent("workflow_dispatch".into()),
        attribution: Attribution::Sha(sha(1)),
        created_at: at(0),
        html_url: format!("https://github.com/acme/shop/actions/runs/{number}"),
        attempts: BTreeMap::from([(1, Box::new(attempt))]),
        deleted: false,
        kind: RunKind::Deploy,
        source: None,
        history: RefHistory::NotAsked,
        attributed_by: AttributionRule::Own,
        searched: None,
        moved_deploy_files: None,
    }
}

fn governed(name: &str) -> EntryKind {
    EntryKind::Governed { name: name.parse().unwrap() }
}

fn decided(number: u8) -> EntryKind {
    EntryKind::Decided {
        sha: sha(number),
        outcome: Outcome::Hold,
        reason: Reason::Cooldown,
        risk: RiskClass::High,
        evidence: vec!["because".into()],
    }
}

async fn fold_of_history(store: &Store, repo: RepoId) -> ReleaseState {
    let mut state = ReleaseState::default();
    for (_, entry) in store.history(repo, None, 1_000).await.unwrap().iter().rev() {
        state.apply(entry);
    }
    state
}

fn now<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(future)
}

/// The next possible event, chosen by a number.
fn next_kinds(state: &ReleaseState, choice: u8, step: u8) -> Vec<EntryKind> {
    let open = state.open_attempts().next().cloned();
    let lifecycle = match open {
        None => EntryKind::AttemptBegun { attempt: attempt(step) },
        Some(Attempt { begun: NewAttempt { id, .. }, phase, mark: marked, .. }) => match phase {
            AttemptPhase::Intent if marked.is_none() => {
                EntryKind::AttemptMarked { id, mark: mark() }
            }
            AttemptPhase::Intent => EntryKind::AttemptSending { id },
            AttemptPhase::Sending => EntryKind::AttemptAccepted { id },
            AttemptPhase::Accepted => {
                let run = RunId::from(u64::from(step) + 1_000);
                EntryKind::AttemptRun { id, run, late: false }
            }
            AttemptPhase::Running | AttemptPhase::Closed(_) => {
                EntryKind::AttemptClosed { id, outcome: AttemptOutcome::Succeeded }
            }
        },
    };
    match choice % 6 {
        0 => vec![governed("acme/shop"), EntryKind::Candidate { sha: Some(sha(step)) }],
        1 => vec![EntryKind::RunSeen { run: run(u64::from(step)) }, decided(step)],
        2 => vec![EntryKind::Operator(OperatorAction::Paused {
            why: "freeze".into(),
            by: Operator { peer: "uid 1000".into(), name: None },
        })],
        _ => vec![lifecycle],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_crash_at_any_write_loses_nothing_that_was_acknowledged(
        choices in prop::collection::vec(any::<u8>(), 1..90),
        plug in 0_u64..600,
        survivors in any::<u64>(),
    ) {
        now(async {
            let disk = MemoryDisk::new();
            drop(Store::in_memory_on(&disk).unwrap());
            disk.stop_after(plug);
            let mut acknowledged = 0;
            let mut at_most = 0;
            let mut state = ReleaseState::default();
            if let Ok(store) = Store::in_memory_on(&disk) {
                let cache = store.cache();
                if let Ok(mut ledger) = store.ledger(shop()).await {
                    for (step, choice) in (0_u8..).zip(&choices) {
                        let kinds = next_kinds(ledger.state(), *choice, step);
                        cache.put(&format!("key {choice}"), vec![step; 100]);
                        store.put_fact(shop(), "fact", json!(step)).await.ok();
                        at_most = acknowledged + kinds.len();
                        if ledger.record(at(step.into()), kinds).await.is_err() {
                            break;
                        }
                        acknowledged = at_most;
                        state = ledger.state().clone();
                    }
                }
                // The crash: the store is not closed.
                disk.crash(|number| survivors >> (number % 64) & 1 == 1);
            } else {
                disk.crash(|number| survivors >> (number % 64) & 1 == 1);
            }

            let store = Store::in_memory_on(&disk).unwrap();
            let ledger = store.ledger(shop()).await.unwrap();
            let found = store.history(shop(), None, 1_000).await.unwrap().len();
            assert!(found == acknowledged || found == at_most, "{acknowledged} {found} {at_most}");
            assert_eq!(*ledger.state(), fold_of_history(&store, shop()).await);
            if found == acknowledged {
                assert_eq!(*ledger.state(), state);
            }
        });
    }
}

#[test]
fn a_deploy_is_proven_step_by_step() {
    now(async {
        let store = Store::in_memory();
        let mut ledger = store.ledger(shop()).await.unwrap();
        let intent = ledger.record_intent(at(0), attempt(1)).await.unwrap();
        assert_eq!(intent.attempt().id, attempt(1).id);
        let marked = ledger.record_mark(at(1), intent, mark()).await.unwrap();
        assert_eq!(*marked.mark(), mark());
        let sending = ledger.record_sending(at(2), marked).await.unwrap();
        assert_eq!(*sending.attempt(), attempt(1));
        let known = ledger.state().attempt(&attempt(1).id).unwrap();
        assert_eq!(known.phase, AttemptPhase::Sending);
        assert_eq!(store.history(shop(), None, 10).await.unwrap().len(), 3);
    });
}

#[test]
fn what_would_break_the_ledger_is_refused_and_leaves_no_trace() {
    now(async {
        let store = Store::in_memory();
        let mut ledger = store.ledger(shop()).await.unwrap();
        let id = |number| AttemptId::from_chance([0, 0, number]);
        let _intent = ledger.record_intent(at(0), attempt(1)).await.unwrap();
        let before = ledger.state().clone();
        let broken = [
            EntryKind::AttemptBegun { attempt: attempt(1) },
            EntryKind::AttemptBegun { attempt: attempt(2) },
            EntryKind::AttemptSending { id: id(1) },
            EntryKind::AttemptMarked { id: id(9), mark: mark() },
            EntryKind::AttemptClosed { id: id(9), outcome: AttemptOutcome::Succeeded },
        ];
        for kind in broken {
            let kinds = vec![decided(1), kind.clone()];
            let result = ledger.record(at(1), kinds).await;
            assert!(matches!(result, Err(StoreError::Broken { .. })), "{kind:?}: {result:?}");
            assert_eq!(*ledger.state(), before);
        }
        assert_eq!(store.history(shop(), None, 10).await.unwrap().len(), 1);

        let outcome = AttemptOutcome::Withdrawn("restart".into());
        let closed = EntryKind::AttemptClosed { id: id(1), outcome };
        let first = EntryKind::AttemptRun { id: id(1), run: RunId::from(4), late: true };
        let second = EntryKind::AttemptRun { id: id(2), run: RunId::from(4), late: false };
        let begun = EntryKind::AttemptBegun { attempt: attempt(2) };
        ledger.record(at(2), vec![closed.clone(), first, closed, begun]).await.unwrap();
        let two_owners = ledger.record(at(3), vec![second]).await;
        assert!(two_owners.unwrap_err().to_string().contains("run 4 belongs to attempt 000001"));
    });
}

#[test]
fn a_proof_of_one_repository_is_none_in_another() {
    now(async {
        let store = Store::in_memory();
        let mut ledger = store.ledger(shop()).await.unwrap();
        let mut other = store.ledger(RepoId::from(8)).await.unwrap();
        let intent = ledger.record_intent(at(0), attempt(1)).await.unwrap();
        let refused = other.record_mark(at(1), intent, mark()).await;
        assert!(matches!(refused, Err(StoreError::Broken { .. })));
    });
}

#[test]
fn a_full_disk_loses_nothing_and_the_ledger_goes_on_when_there_is_space() {
    now(async {
        let disk = MemoryDisk::new();
        let store = Store::in_memory_on(&disk).unwrap();
        let mut ledger = store.ledger(shop()).await.unwrap();
        ledger.record(at(0), vec![decided(1)]).await.unwrap();
        let before = ledger.state().clone();
        disk.set_full(true);
        for _ in 0..3 {
            let error = ledger.record(at(1), vec![decided(2)]).await.unwrap_err();
            assert!(error.is_disk_full(), "{error}");
            assert!(error.to_string().contains("the disk is full"), "{error}");
            assert_eq!(*ledger.state(), before);
        }
        let trouble = store.trouble().expect("it is said");
        assert!(trouble.is_disk_full(), "{trouble}");
        disk.set_full(false);
        ledger.record(at(2), vec![decided(3)]).await.unwrap();
        assert_eq!(store.trouble(), None);
        assert_eq!(*ledger.state(), fold_of_history(&store, shop()).await);
        assert_eq!(store.history(shop(), None, 10).await.unwrap().len(), 2);
    });
}

/// While idle, the thread of a file store checks on its own whether there is space again.
#[test]
fn a_full_disk_is_tried_again_by_itself() {
    let disk = MemoryDisk::new();
    let place = engine::StorageLocation::Memory { disk: disk.clone(), cache_bytes: 1 << 20 };
    let mut engine = engine::Engine::new(place, Arc::new(AnswerCache::new()));
    engine.start().unwrap();
    let trouble = engine.trouble();
    disk.set_full(true);
    assert!(engine.try_again().is_err() && engine.is_in_trouble());
    assert!(engine.try_again().is_err() && trouble.get().is_some());
    disk.set_full(false);
    engine.try_again().unwrap();
    assert!(!engine.is_in_trouble() && trouble.get().is_none());
    let left = engine.read(|read| {
        let answers = read.open_table(schema::ANSWERS)?;
        Ok(redb::ReadableTableMetadata::len(&answers)?)
    });
    assert_eq!(left.unwrap(), 0, "what was written to try it is gone");
}

#[test]
fn a_range_of_many_names_is_kept() {
    now(async {
        let disk = MemoryDisk::new();
        let store = Store::in_memory_on(&disk).unwrap();
        let names = |of: &str| vec![format!("{of}/{}", "x".repeat(100)); 100_000];
        for range in ["one", "two"] {
            store.put_fact_of(shop(), range, &names(range)).await.unwrap();
        }
        store.put_fact(shop(), "small", json!(1)).await.unwrap();
        for range in ["one", "two"] {
            let kept = store.fact_of::<Vec<String>>(shop(), range).await.unwrap();
            assert!(kept.is_some_and(|kept| kept == names(range)), "{range}");
        }
        assert_eq!(store.fact(shop(), "small").await.unwrap(), Some(json!(1)));
    });
}

#[test]
fn of_two_hands_on_one_ledger_the_second_is_told_that_it_moved() {
    now(async {
        let store = Store::in_memory();
        let mut one = store.ledger(shop()).await.unwrap();
        let mut other = store.ledger(shop()).await.unwrap();
        one.record(at(0), vec![decided(1)]).await.unwrap();
        let moved = other.record(at(1), vec![decided(2)]).await;
        assert_eq!(moved, Err(StoreError::Moved { repo: shop() }));
        assert_eq!(other.state(), one.state());
        other.record(at(2), vec![decided(2)]).await.unwrap();
    });
}

#[test]
fn what_operators_say_meanwhile_comes_before_what_a_pass_records() {
    now(async {
        let store = Store::in_memory();
        let mut pass = store.ledger(shop()).await.unwrap();
        pass.record(at(0), vec![decided(1)]).await.unwrap();
        let by = Operator { peer: "uid 1000".into(), name: None };
        let pause = OperatorAction::Paused { why: "incident 42".into(), by };
        store.append_words(shop(), WordTime::Known(at(1)), vec![pause]).await.unwrap();
        assert_eq!(pass.state().pause, None, "not taken in yet");
        pass.record(at(2), vec![decided(2)]).await.unwrap();
        assert_eq!(pass.state().pause.as_ref().unwrap().why, "incident 42");
        assert_eq!(*pass.state(), fold_of_history(&store, shop()).await);
        assert_eq!(pass.length(), 3);
    });
}

#[test]
fn what_operators_say_can_be_taken_in_without_recording_anything() {
    now(async {
        let store = Store::in_memory();
        let mut pass = store.ledger(shop()).await.unwrap();
        pass.record(at(0), vec![decided(1)]).await.unwrap();
        let by = Operator { peer: "uid 1000".into(), name: None };
        for second in 1..4 {
            let pause = OperatorAction::Paused { why: second.to_string(), by: by.clone() };
            store.append_words(shop(), WordTime::Known(at(second)), vec![pause]).await.unwrap();
        }
        assert_eq!(pass.catch_up().await, Ok(true));
        assert_eq!(pass.state().pause.as_ref().unwrap().why, "3");
        let mut other = store.ledger(shop()).await.unwrap();
        other.record(at(9), vec![decided(3)]).await.unwrap();
        assert_eq!(pass.catch_up().await, Ok(false), "another process's entries are no words");
        assert_eq!(pass.state(), other.state());
    });
}

fn paused(why: &str) -> OperatorAction {
    let by = Operator { peer: "uid 1000".into(), name: None };
    OperatorAction::Paused { why: why.into(), by }
}

#[test]
fn what_operators_say_before_there_is_a_ledger_comes_into_it_with_its_first_entry() {
    now(async {
        let disk = MemoryDisk::new();
        let name: RepoName = "Acme/Shop".parse().unwrap();
        {
            let store = Store::in_memory_on(&disk).unwrap();
            let local = WordTime::Unknown { local: at(90_000) };
            for why in ["one", "two"] {
                store.append_words_by_name(&name, local, vec![paused(why)]).await.unwrap();
            }
        }
        disk.crash(|_| false);
        let store = Store::in_memory_on(&disk).unwrap();
        let mut pass = store.ledger(shop()).await.unwrap();
        assert_eq!(pass.state().pause, None);
        pass.record(at(5), vec![governed("acme/shop")]).await.unwrap();
        let pause = pass.state().pause.clone().unwrap();
        assert_eq!((pause.why.as_str(), pause.since), ("two", at(5)), "dated by GitHub's clock");
        assert_eq!(*pass.state(), fold_of_history(&store, shop()).await);
        // From here on, the name leads to the ledger.
        store
            .append_words_by_name(&name, WordTime::Known(at(6)), vec![paused("three")])
            .await
            .unwrap();
        assert_eq!(pass.catch_up().await, Ok(true));
        assert_eq!(pass.length(), 4);
    });
}

#[test]
fn a_word_is_never_dated_before_the_last_entry_and_not_at_all_by_a_clock_that_may_be_wrong() {
    now(async {
        let store = Store::in_memory();
        let mut pass = store.ledger(shop()).await.unwrap();
        pass.record(at(100), vec![decided(1)]).await.unwrap();
        let dated = async |time| store.append_words(shop(), time, vec![paused("x")]).await.unwrap();
        assert_eq!(dated(WordTime::Known(at(40))).await, at(100));
        assert_eq!(dated(WordTime::Unknown { local: at(90_000) }).await, at(100));
        assert_eq!(dated(WordTime::Known(at(101))).await, at(101));
    });
}

#[test]
fn a_ledger_in_memory_learns_and_leaves_the_file_and_every_dispatch_alone() {
    now(async {
        let store = Store::in_memory();
        let mut kept = store.ledger(shop()).await.unwrap();
        kept.record(at(0), vec![decided(1)]).await.unwrap();
        let mut look = kept.in_memory();
        for number in 0..100 {
            look.record(at(1), vec![governed("acme/other"), decided(number)]).await.unwrap();
        }
        assert_eq!(look.state().decided.len(), 100);
        assert!(look.record_intent(at(2), attempt(1)).await.is_err());
        assert_eq!(look.state().attempts, []);
        assert_eq!(store.history(shop(), None, 10).await.unwrap().len(), 1);
        assert_eq!(store.repo_id(&"acme/other".parse().unwrap()).await.unwrap(), None);
        kept.record(at(3), vec![decided(2)]).await.unwrap();
        assert_eq!(kept.state().decided.len(), 2);
    });
}

#[test]
fn a_long_ledger_reads_as_it_was_written() {
    now(async {
        let disk = MemoryDisk::new();
        let store = Store::in_memory_on(&disk).unwrap();
        let mut ledger = store.ledger(shop()).await.unwrap();
        for number in 0..200 {
            ledger.record(at(number.into()), vec![decided(number)]).await.unwrap();
            if number % 30 == 0 {
                assert_eq!(store.ledger(shop()).await.unwrap().state(), ledger.state());
            }
        }
        disk.crash(|_| false);
        let store = Store::in_memory_on(&disk).unwrap();
        assert_eq!(store.ledger(shop()).await.unwrap().state(), ledger.state());
        let page = store.history(shop(), Some(11), 3).await.unwrap();
        assert_eq!(page.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [10, 9, 8]);
    });
}

#[test]
fn an_empty_record_is_no_transaction() {
    now(async {
        let disk = MemoryDisk::new();
        let store = Store::in_memory_on(&disk).unwrap();
        let mut ledger = store.ledger(shop()).await.unwrap();
        disk.set_full(true);
        ledger.record(at(0), vec![]).await.unwrap();
    });
}

#[test]
fn old_history_goes_and_what_it_came_to_stays() {
    now(async {
        let store = Store::in_memory();
        let mut ledger = store.ledger(shop()).await.unwrap();
        let mut quiet = store.ledger(RepoId::from(8)).await.unwrap();
        quiet.record(at(0), vec![governed("acme/quiet"), decided(1)]).await.unwrap();
        for number in 0..100 {
            ledger.record(at(number.into()), vec![decided(number), decided(7)]).await.unwrap();
        }
        assert_eq!(store.prune(at(90)).await.unwrap(), 180 + 1);
        assert_eq!(store.prune(at(90)).await.unwrap(), 0);
        let left = store.history(shop(), None, 1_000).await.unwrap();
        assert_eq!(left.len(), 20);
        assert!(left.iter().all(|(_, entry)| entry.at >= at(90)));
        for kept in [&ledger, &quiet] {
            assert_eq!(store.ledger(kept.repo()).await.unwrap().state(), kept.state());
        }
        ledger.record(at(200), vec![decided(3)]).await.unwrap();
        quiet.record(at(200), vec![decided(3)]).await.unwrap();
        assert_eq!(store.ledger(shop()).await.unwrap().state(), ledger.state());
    });
}

#[test]
fn a_repository_is_found_by_its_old_and_its_new_name_in_any_case() {
    now(async {
        let store = Store::in_memory();
        let mut ledger = store.ledger(shop()).await.unwrap();
        ledger.record(at(0), vec![governed("Acme/Shop")]).await.unwrap();
        ledger.record(at(1), vec![governed("acme/store")]).await.unwrap();
        for name in ["acme/shop", "ACME/Store"] {
            assert_eq!(store.repo_id(&name.parse().unwrap()).await.unwrap(), Some(shop()));
        }
        assert_eq!(store.repo_id(&"acme/other".parse().unwrap()).await.unwrap(), None);
    });
}

#[test]
fn a_large_release_state_does_not_make_a_record_slow() {
    now(async {
        let home = tempfile::TempDir::new().unwrap();
        let store = Store::open(home.path(), StoreOptions::default()).unwrap();
        let mut ledger = store.ledger(shop()).await.unwrap();
        let runs = (0..1_000).map(|number| EntryKind::RunSeen { run: run(number) }).collect();
        ledger.record(at(0), runs).await.unwrap();
        let clock = crate::clock::Clock::system();
        let mut times = Vec::new();
        for number in 0..128 {
            let start = clock.monotonic();
            ledger.record(at(1), vec![decided(number)]).await.unwrap();
            times.push(clock.monotonic() - start);
        }
        times.sort();
        println!("median {:?}, slowest {:?}", times[64], times[127]);
        assert!(times[64] < std::time::Duration::from_millis(100), "{:?}", times[64]);
        store.close().await.unwrap();
    });
}
