//! How an attempt finds its run, and when it has none (design, section 5, steps 4 and 5).

use std::collections::BTreeMap;

use proptest::prelude::*;
use release_governor::domain::*;
use release_governor::plan::follow;

use crate::arbitrary::{cases, seen_runs, states};
use crate::world::{at, attempt_id, begun, policy, sha, us};

/// A run of the deploy workflow that we started on `main`, without a title.
fn shown(id: u64, minutes: i64) -> Run {
    Run {
        at: RunRef { id: id.into(), attempt: 1 },
        workflow: 7.into(),
        event: RunEvent("workflow_dispatch".to_owned()),
        head_branch: Some("main".into()),
        head_sha: sha(9),
        head_repository: Some(1.into()),
        title: "Deploy".to_owned(),
        progress: RunProgress::Unfinished(RunStatus::Queued),
        created_at: at(minutes),
        started_at: at(minutes),
        updated_at: at(minutes),
        actors: us().into_iter().collect(),
        html_url: String::new(),
    }
}

/// An attempt to deploy `5`, marked at noon, whose answer was lost or was accepted without a
/// run id.
fn looking(accepted: bool) -> ReleaseState {
    let mut release = ReleaseState::default();
    let id = attempt_id(1);
    let attempt = NewAttempt { newest_run_seen: Some(10.into()), ..begun(1, 5) };
    let mut kinds = vec![
        EntryKind::AttemptBegun { attempt },
        EntryKind::AttemptMarked {
            id: id.clone(),
            mark: Mark { id: 1.into(), at: at(0), target_url: None },
        },
        EntryKind::AttemptSending { id: id.clone() },
    ];
    if accepted {
        kinds.push(EntryKind::AttemptAccepted { id });
    }
    kinds.into_iter().for_each(|kind| release.apply(&Entry { at: at(0), kind }));
    release
}

/// The workflow's list shows these runs. GitHub knows the commits 4 and 5 and no others.
fn shows(runs: Vec<Run>, list: ListRead) -> SeenRuns {
    let titles = runs.iter().map(|run| run.title.as_str());
    let names = titles.flat_map(ShaPrefix::all_in);
    let commit = |name: &ShaPrefix| [sha(4), sha(5)].into_iter().find(|sha| sha.starts_with(name));
    SeenRuns {
        commits_named: names.map(|name| (name.clone(), commit(&name))).collect(),
        searches: BTreeMap::from([(7.into(), RunSearch { runs: runs.clone(), list })]),
        runs,
        ..SeenRuns::default()
    }
}

fn found(release: &ReleaseState, runs: Vec<Run>) -> Option<u64> {
    found_in(release, &shows(runs, ListRead::Incomplete))
}

fn found_in(release: &ReleaseState, seen: &SeenRuns) -> Option<u64> {
    let entries = follow(&policy(), seen, release, &us(), at(1));
    entries.iter().find_map(|entry| match entry {
        EntryKind::AttemptRun { run, .. } => Some(run.get()),
        _ => None,
    })
}

fn titled(id: u64, title: &str) -> Run {
    Run { title: title.to_owned(), ..shown(id, 0) }
}

#[test]
fn a_title_that_names_the_sha_wins_and_one_that_names_another_is_never_it() {
    let release = looking(false);
    let (own, other) = (sha(5).to_string(), sha(4).to_string());
    let deploy = |sha: &str| format!("Deploy {sha}");
    assert_eq!(found(&release, vec![shown(12, 0), shown(11, 0)]), Some(11), "the oldest");
    assert_eq!(found(&release, vec![shown(11, 0), titled(12, &deploy(&own))]), Some(12));
    assert_eq!(found(&release, vec![shown(11, 0), titled(12, &deploy(&own[..7]))]), Some(12));
    assert_eq!(found(&release, vec![titled(11, &deploy(&other))]), None);
    assert_eq!(found(&release, vec![titled(11, &deploy(&other)), shown(12, 0)]), Some(12));
    let both = format!("Deploy {own} after {other}");
    assert_eq!(found(&release, vec![titled(11, &both)]), Some(11));
    // The short sha of another commit counts once the branch confirms it.
    let runs = vec![titled(11, &deploy(&other[..7]))];
    let attributions = BTreeMap::from([(11.into(), Attribution::Sha(sha(4)))]);
    let seen = SeenRuns { attributions, ..shows(runs, ListRead::Incomplete) };
    assert_eq!(found_in(&release, &seen), None);
}

/// GitHub's OpenAPI description allows a run without an actor.
#[test]
fn a_run_that_names_nobody_is_found_by_the_whole_sha_in_its_title_alone() {
    let release = looking(true);
    let own = sha(5).to_string();
    let nobodys = |title: &str| Run { actors: Vec::new(), ..titled(11, title) };
    assert_eq!(found(&release, vec![nobodys(&format!("Deploy {own}"))]), Some(11));
    for title in ["Deploy".to_owned(), format!("Deploy {}", &own[..7])] {
        assert_eq!(found(&release, vec![nobodys(&title)]), None, "{title}");
    }
}

#[test]
fn a_run_must_be_ours_and_newer_and_on_the_ref_and_nobody_elses() {
    let release = looking(false);
    let with = |change: fn(&mut Run)| {
        let mut run = shown(11, 0);
        change(&mut run);
        found(&release, vec![run])
    };
    assert_eq!(with(|_| ()), Some(11));
    assert_eq!(with(|run| run.at.id = 10.into()), None, "not newer than what was seen");
    let before = |seconds| {
        let created_at = at(0) - jiff::SignedDuration::from_secs(seconds);
        found(&release, vec![Run { created_at, ..shown(11, 0) }])
    };
    assert_eq!(before(60), Some(11), "GitHub's services disagree by seconds");
    assert_eq!(before(61), None, "created before the mark");
    assert_eq!(with(|run| run.workflow = 8.into()), None, "of another workflow");
    assert_eq!(with(|run| run.head_branch = None), Some(11), "GitHub may not say the branch");
    assert_eq!(with(|run| run.event = RunEvent("push".to_owned())), None);
    assert_eq!(with(|run| run.actors = vec!["mallory".into()]), None);
    assert_eq!(with(|run| run.head_branch = Some("dev".into())), None);
    let mut owned = release.clone();
    owned.attempts.insert(
        0,
        Attempt {
            begun: begun(2, 4),
            at: at(-9),
            phase: AttemptPhase::Running,
            mark: None,
            run: Some(11.into()),
            absent_at: Vec::new(),
            late: false,
        },
    );
    assert_eq!(found(&owned, vec![shown(11, 0)]), None, "owned by another attempt");
}

/// The result of following an attempt whose run does not appear, minute by minute.
fn told_of_absence(mut release: ReleaseState, minutes: &[i64], unfiltered: bool) -> Vec<String> {
    let list = if unfiltered { ListRead::Complete } else { ListRead::Incomplete };
    told_of(&mut release, minutes, &shows(Vec::new(), list))
}

/// The result of following, minute by minute, while GitHub shows the same.
fn told_of(release: &mut ReleaseState, minutes: &[i64], seen: &SeenRuns) -> Vec<String> {
    let each = minutes.iter().map(|minute| {
        let entries = follow(&policy(), seen, release, &us(), at(*minute));
        let entries: Vec<EntryKind> =
            entries.into_iter().filter(|kind| !matches!(kind, EntryKind::RunSeen { .. })).collect();
        entries.iter().for_each(|kind| {
            release.apply(&Entry { at: at(*minute), kind: kind.clone() });
        });
        match entries.as_slice() {
            [] => "nothing".to_owned(),
            [EntryKind::AttemptAbsent { .. }] => "absent".to_owned(),
            [EntryKind::AttemptClosed { outcome, .. }] => format!("{outcome:?}"),
            other => format!("{other:?}"),
        }
    });
    each.collect()
}

#[test]
fn absence_takes_two_unfiltered_reads_a_fifth_apart_after_the_deadline() {
    // The deadline is 5 minutes (plus GitHub's resolution of a second); a fifth of it is one
    // minute.
    let lost = || looking(false);
    let told = told_of_absence(lost(), &[1, 5, 6, 6, 7, 8], true);
    assert_eq!(told, ["nothing", "nothing", "absent", "nothing", "NotStarted", "nothing"]);
    let filtered = told_of_absence(lost(), &[6, 7, 60], false);
    assert_eq!(filtered, ["nothing", "nothing", "nothing"], "a filtered list proves nothing");
}

#[test]
fn a_dispatch_that_github_took_is_never_concluded_not_started() {
    let told = told_of_absence(looking(true), &[1, 5, 6, 7, 600], true);
    assert_eq!(told, ["nothing", "nothing", "Unconfirmed", "nothing", "nothing"]);
}

#[test]
fn a_run_that_shows_late_is_adopted_by_its_closed_attempt() {
    for accepted in [false, true] {
        let mut release = looking(accepted);
        let (id, outcome) = (attempt_id(1), AttemptOutcome::NotStarted);
        release.apply(&Entry { at: at(7), kind: EntryKind::AttemptClosed { id, outcome } });
        let seen = shows(vec![shown(11, 1)], ListRead::Complete);
        let entries = follow(&policy(), &seen, &release, &us(), at(9));
        let late =
            entries.iter().any(|kind| matches!(kind, EntryKind::AttemptRun { late: true, .. }));
        assert!(late, "{entries:?}");
        entries.into_iter().for_each(|kind| release.apply(&Entry { at: at(9), kind }));
        assert!(release.deploy_in_flight());
    }
}

#[test]
fn digits_that_github_resolves_to_no_commit_are_no_name() {
    let release = looking(false);
    for title in ["Release 20261130", "Deploy of run 19283746", "deadbeef", &"e".repeat(40)] {
        assert_eq!(found(&release, vec![titled(11, title)]), Some(11), "{title}");
    }
    let other = format!("Deploy {}", sha(4).short());
    assert_eq!(found(&release, vec![titled(11, &other), titled(12, "Release 20261130")]), Some(12));
    // A title that was not looked up yet may name a commit.
    let unread = SeenRuns {
        commits_named: BTreeMap::new(),
        ..shows(vec![titled(11, "Release 20261130")], ListRead::Complete)
    };
    assert_eq!(found_in(&release, &unread), None);
}

#[test]
fn not_started_is_never_concluded_beside_a_run_that_only_its_title_sets_aside() {
    let other = format!("Deploy {}", sha(4).short());
    for (title, ends) in [(other.as_str(), "Unconfirmed"), ("Deploy", "found")] {
        let (mut release, seen) =
            (looking(false), shows(vec![titled(11, title)], ListRead::Complete));
        let told = told_of(&mut release, &[5, 6, 7, 8], &seen);
        if ends == "found" {
            assert!(told[0].contains("AttemptRun"), "{told:?}");
        } else {
            assert_eq!(told, ["nothing", "absent", ends, "nothing"]);
        }
    }
    let mut release = looking(false);
    let strangers = Run { actors: vec!["mallory".into()], ..titled(11, &other) };
    let told = told_of(&mut release, &[6, 7], &shows(vec![strangers], ListRead::Complete));
    assert_eq!(told, ["absent", "NotStarted"], "a stranger's run is no reason to doubt");
}

#[test]
fn a_list_that_is_gone_proves_nothing_and_the_attempt_is_unconfirmed() {
    for accepted in [false, true] {
        let told = told_of(&mut looking(accepted), &[4, 6, 7], &shows(Vec::new(), ListRead::Gone));
        assert_eq!(told, ["nothing", "Unconfirmed", "nothing"], "{accepted}");
    }
}

#[test]
fn a_run_that_was_taken_for_deleted_and_shows_again_is_followed_again() {
    let works = RunProgress::Unfinished(RunStatus::InProgress);
    let succeeded = RunProgress::Finished(Conclusion::Success);
    for (progress, then) in [(works, None), (succeeded, Some(AttemptOutcome::Succeeded))] {
        let mut release = looking(true);
        let follows = |release: &mut ReleaseState, minute: i64, seen: &SeenRuns| {
            for kind in follow(&policy(), seen, release, &us(), at(minute)) {
                release.apply(&Entry { at: at(minute), kind });
            }
        };
        follows(&mut release, 1, &shows(vec![shown(11, 0)], ListRead::Complete));
        let gone = SeenRuns { deleted: [11.into()].into(), ..SeenRuns::default() };
        follows(&mut release, 3, &gone);
        assert_eq!(release.attempts[0].outcome(), Some(&AttemptOutcome::RunDeleted));
        let shown = Run { progress, ..shown(11, 0) };
        follows(&mut release, 9, &shows(vec![shown], ListRead::Complete));
        assert_eq!(release.attempts[0].outcome(), then.as_ref());
        assert_eq!(release.deploy_in_flight(), then.is_none());
    }
}

/// A `trigger` counts depending on the outcome of its attempt.
#[test]
fn a_trigger_counts_from_started_or_unknown_on() {
    let id = || attempt_id(1);
    let closed = |outcome| EntryKind::AttemptClosed { id: id(), outcome };
    let words = || "no".to_owned();
    let sending = || EntryKind::AttemptSending { id: id() };
    let run = || EntryKind::AttemptRun { id: id(), run: 11.into(), late: false };
    let rows: [(Vec<EntryKind>, usize); 8] = [
        (vec![], 0),
        (vec![closed(AttemptOutcome::Withdrawn(words()))], 0),
        (vec![sending(), closed(AttemptOutcome::Withdrawn(words()))], 0),
        (vec![sending(), closed(AttemptOutcome::Rejected(words()))], 0),
        (vec![sending(), closed(AttemptOutcome::NotSent(words()))], 0),
        (vec![sending()], 1),
        (vec![sending(), closed(AttemptOutcome::NotStarted)], 1),
        (vec![sending(), run(), closed(AttemptOutcome::Succeeded)], 1),
    ];
    for (kinds, counts) in rows {
        let mut release = ReleaseState::default();
        let triggered_by = Some(crate::world::operator());
        let attempt = NewAttempt { triggered_by, ..begun(1, 5) };
        let told = format!("{kinds:?}");
        for kind in [EntryKind::AttemptBegun { attempt }].into_iter().chain(kinds) {
            release.apply(&Entry { at: at(0), kind });
        }
        assert_eq!(release.triggers().count(), counts, "{told}");
    }
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn following_the_same_runs_again_says_nothing(state in states(), seen in seen_runs()) {
        let mut state = state;
        let entries = follow(&policy(), &seen, &state, &us(), at(9));
        for kind in &entries {
            state.apply(&Entry { at: at(9), kind: kind.clone() });
        }
        let again = follow(&policy(), &seen, &state, &us(), at(9));
        prop_assert_eq!(again, Vec::<EntryKind>::new(), "after {:?}", entries);
    }

    #[test]
    fn no_run_ever_belongs_to_two_attempts(state in states(), seen in seen_runs()) {
        let mut owners = BTreeMap::new();
        for attempt in &state.attempts {
            if let Some(run) = attempt.run {
                owners.entry(run).or_insert_with(Vec::new).push(attempt.begun.id.clone());
            }
        }
        for kind in follow(&policy(), &seen, &state, &us(), at(9)) {
            if let EntryKind::AttemptRun { id, run, .. } = kind {
                let others = owners.insert(run, vec![id.clone()]);
                prop_assert!(others.is_none_or(|others| others == [id]), "run {} is owned", run);
                // It was seen now, or is known to be there: an attempt that took it for deleted has
                // it again.
                let is_known = state.runs.get(&run).is_some_and(|known| !known.deleted);
                prop_assert!(seen.run(run).is_some() || is_known);
            }
        }
    }
}

#[test]
fn a_run_that_is_older_than_an_earlier_attempts_is_never_in_time() {
    // A lost ledger remembers no run id; another attempt's run existed when this one began.
    let other = format!("Deploy {}", sha(4).short());
    let recovered = |earlier: Option<u64>| {
        let mut release = looking(false);
        release.attempts[0].begun.newest_run_seen = None;
        if let Some(run) = earlier {
            let (begun, run) = (begun(2, 4), Some(run.into()));
            let (phase, mark) = (AttemptPhase::Running, None);
            let before =
                Attempt { begun, at: at(-9), phase, mark, run, absent_at: Vec::new(), late: false };
            release.attempts.insert(0, before);
        }
        let mut runs = vec![titled(11, &other)];
        runs.extend(earlier.map(|run| Run { created_at: at(-9), ..shown(run, 0) }));
        let told = told_of(&mut release, &[6, 7], &shows(runs, ListRead::Complete));
        told.last().cloned().unwrap()
    };
    assert_eq!(recovered(Some(12)), "NotStarted", "11 is older than a run that was there before");
    assert_eq!(recovered(None), "Unconfirmed");
}

#[test]
fn a_late_run_goes_to_the_attempt_that_github_said_yes_to() {
    let mut release = looking(false);
    let closed = |id, outcome| EntryKind::AttemptClosed { id: attempt_id(id), outcome };
    let second = NewAttempt { newest_run_seen: Some(10.into()), ..begun(2, 5) };
    let mark = Mark { id: 2.into(), at: at(8), target_url: None };
    for (minute, kind) in [
        (7, closed(1, AttemptOutcome::NotStarted)),
        (8, EntryKind::AttemptBegun { attempt: second }),
        (8, EntryKind::AttemptMarked { id: attempt_id(2), mark }),
        (8, EntryKind::AttemptSending { id: attempt_id(2) }),
        (8, EntryKind::AttemptAccepted { id: attempt_id(2) }),
        (14, closed(2, AttemptOutcome::Unconfirmed)),
    ] {
        release.apply(&Entry { at: at(minute), kind });
    }
    let run = Run { created_at: at(8), ..titled(11, &format!("Deploy {}", sha(5))) };
    let entries = follow(&policy(), &shows(vec![run], ListRead::Complete), &release, &us(), at(15));
    let owner = entries.iter().find_map(|entry| match entry {
        EntryKind::AttemptRun { id, .. } => Some(id.clone()),
        _ => None,
    });
    assert_eq!(owner, Some(attempt_id(2)));
}
