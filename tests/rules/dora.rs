//! The four DORA metrics from the ledger, one row per sentence.

use std::time::Duration;

use proptest::prelude::*;
use release_governor::domain::*;

use crate::arbitrary::{cases, states};
use crate::world::{at, begun, failed, run, succeeded, works};

const DAY: i64 = 24 * 60;

/// Runs that end this many minutes before now, one after another. `a` is a commit, `a!` a
/// failed deploy of it, `?` a success without a known commit, `a~` superseded, `a…` still
/// running. `a@90` is our own deploy of a commit that was merged 90 minutes before its end.
fn told(deploys: &[(i64, &str)]) -> ReleaseState {
    let mut release = ReleaseState::default();
    for (index, (ago, what)) in deploys.iter().enumerate() {
        let id = u64::try_from(index).unwrap() + 1;
        let (what, merged) = match what.split_once('@') {
            Some((what, minutes)) => (what, Some(minutes.parse::<i64>().unwrap())),
            None => (*what, None),
        };
        let of = what.bytes().next().filter(u8::is_ascii_lowercase).map(|letter| letter - b'a');
        let progress = match what.chars().last() {
            Some('!' | '~') => failed(),
            Some('…') => works(),
            _ => succeeded(),
        };
        let mut seen = run(id, of, -ago - 10, progress);
        let ended = seen.attempts.values_mut().next().unwrap();
        ended.updated_at = at(-ago);
        ended.superseded = Some(what.ends_with('~'));
        release.apply(&Entry { at: at(-ago), kind: EntryKind::RunSeen { run: seen } });
        if let Some(minutes) = merged {
            let attempt =
                NewAttempt { merged_at: Some(at(-ago - minutes)), ..begun(id, of.unwrap()) };
            let own = attempt.id.clone();
            let began = EntryKind::AttemptBegun { attempt };
            let found = EntryKind::AttemptRun { id: own, run: id.into(), late: false };
            for kind in [began, found] {
                release.apply(&Entry { at: at(-ago), kind });
            }
        }
    }
    release
}

/// Deploys per month, failures in percent, and the medians in minutes; `-` means unknown.
fn shown(release: &ReleaseState) -> String {
    let dora = Dora::of(release, at(0));
    let minutes = |time: Option<Duration>| {
        time.map_or_else(|| "-".to_owned(), |time| (time.as_secs() / 60).to_string())
    };
    let share = dora
        .change_failure_ratio
        .map_or_else(|| "-".to_owned(), |ratio| format!("{:.0}%", ratio * 100.0));
    format!(
        "{:.0} deploys, {share} bad, lead {}, restore {}",
        dora.deploys_per_day * 30.0,
        minutes(dora.lead_time),
        minutes(dora.time_to_restore)
    )
}

/// The sentence, the deploys, and the expected metrics.
type Row = (&'static str, &'static [(i64, &'static str)], &'static str);

#[test]
fn each_kind_of_deploy_counts_as_the_reference_says() {
    let rows: &[Row] = &[
        ("nothing is known of nothing", &[], "0 deploys, - bad, lead -, restore -"),
        ("two commits", &[(200, "a"), (100, "b")], "2 deploys, 0% bad, lead -, restore -"),
        (
            "a failure ends with the next good deploy, and only the first counts as its beginning",
            &[(300, "a"), (200, "b!"), (150, "b!"), (80, "c")],
            "2 deploys, 50% bad, lead -, restore 120",
        ),
        (
            "a failure that nothing mended is not restored",
            &[(300, "a"), (200, "b!")],
            "1 deploys, 50% bad, lead -, restore -",
        ),
        (
            "a rollback is no deploy; what it took back was bad from the start",
            &[(300, "a"), (200, "b"), (140, "a")],
            "2 deploys, 50% bad, lead -, restore 60",
        ),
        (
            "forward again over a rollback is neither a new deploy nor another failure",
            &[(300, "a"), (200, "b"), (140, "a"), (100, "b")],
            "2 deploys, 50% bad, lead -, restore 60",
        ),
        (
            "a rollback after a failed deploy mends what began first",
            &[(300, "a"), (200, "b"), (180, "c!"), (140, "a")],
            "2 deploys, 67% bad, lead -, restore 60",
        ),
        (
            "the same commit once more is no new deploy",
            &[(300, "a"), (200, "a")],
            "1 deploys, 0% bad, lead -, restore -",
        ),
        (
            "superseded and unfinished runs do not count",
            &[(300, "a"), (200, "b~"), (100, "c…")],
            "1 deploys, 0% bad, lead -, restore -",
        ),
        (
            "a success that cannot be attributed is a deploy",
            &[(300, "a"), (200, "?"), (100, "b")],
            "3 deploys, 0% bad, lead -, restore -",
        ),
        (
            "lead time is the median of our own deploys",
            &[(900, "a@30"), (800, "b@600"), (700, "c@90"), (600, "d")],
            "4 deploys, 0% bad, lead 90, restore -",
        ),
        (
            "of an even number, the median is the mean of the middle two",
            &[(900, "a@30"), (800, "b@90")],
            "2 deploys, 0% bad, lead 60, restore -",
        ),
        (
            "what ended more than thirty days ago does not count, and is remembered for rollbacks",
            &[(40 * DAY, "a@5"), (31 * DAY, "b!"), (20, "c"), (10, "a")],
            "1 deploys, 100% bad, lead -, restore 22315",
        ),
    ];
    for (sentence, deploys, expected) in rows {
        assert_eq!(shown(&told(deploys)), *expected, "{sentence}");
    }
}

#[test]
fn a_failure_is_restored_once_by_the_run_that_mended_it() {
    let release = told(&[(300, "a"), (200, "b!"), (80, "c"), (50, "d"), (20, "c")]);
    let restored: Vec<(u64, u64)> = restorations(&release)
        .iter()
        .map(|one| (one.run.id.get(), one.took.as_secs() / 60))
        .collect();
    assert_eq!(restored, [(3, 120), (5, 30)]);
}

proptest! {
    #![proptest_config(cases(200))]

    /// A ratio stays within 0 and 1, and the result is unchanged by storing the state.
    #[test]
    fn the_four_are_numbers_that_mean_something(state in states(), minutes in -100_000_i64..100_000) {
        let now = at(minutes);
        let dora = Dora::of(&state, now);
        prop_assert!((0.0..=f64::from(u16::MAX)).contains(&dora.deploys_per_day));
        if let Some(ratio) = dora.change_failure_ratio {
            prop_assert!((0.0..=1.0).contains(&ratio), "{}", ratio);
        }
        let text = serde_json::to_string(&state).unwrap();
        let read: ReleaseState = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(Dora::of(&read, now), dora);
    }
}
