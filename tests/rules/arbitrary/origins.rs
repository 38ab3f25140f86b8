//! Arbitrary people, pull requests and steps.

use super::*;

/// Arbitrary origins and events, including contradictory ones.
pub(super) fn origins() -> BoxedStrategy<Origins> {
    let pulls = prop_oneof![
        9 => subsequence(vec![by_ann(42), by_ann(43)], 0..=2).prop_map(Availability::Known),
        1 => texts().prop_map(Availability::Untold),
    ];
    let pulls = facts_of(pulls);
    let timeline = prop_oneof![
        9 => timelines().prop_map(Availability::Known),
        1 => texts().prop_map(Availability::Untold),
    ];
    let label = select(vec!["release:approved", "Release:Approved", "needs-ops"]);
    let labels = vec(label.prop_map(str::to_owned), 0..2).prop_map(Availability::Known);
    let member = prop_oneof![
        3 => any::<bool>().prop_map(Availability::Known),
        1 => texts().prop_map(Availability::Untold),
    ];
    let flag = select(vec![FlagKind::Objected, FlagKind::Pending])
        .prop_map(|kind| Flag { context: "scan".to_owned(), kind });
    let shown = prop_oneof![
        8 => files().prop_map(|files| Availability::Known(RangeFiles::Complete(files))),
        1 => files().prop_map(|files| Availability::Known(RangeFiles::Truncated(files))),
        1 => texts().prop_map(Availability::Untold),
    ];
    let yes_or_no = prop_oneof![
        5 => any::<bool>().prop_map(Availability::Known),
        1 => texts().prop_map(Availability::Untold),
    ];
    let commits = usize::from(COMMITS);
    (
        vec(pulls, commits),
        vec(facts_of(timeline), 2),
        vec(facts_of(labels), 2),
        vec(facts_of(standings()), CAST.len()),
        vec(facts_of(member), CAST.len()),
        vec(facts_of(option::weighted(0.1, flag)), commits),
        (
            vec(facts_of(shown), 2),
            vec(facts_of(yes_or_no.clone()), 2),
            vec(facts_of(yes_or_no), commits),
        ),
    )
        .prop_map(|(pulls, events, labels, standings, members, flags, brought)| {
            let (files, heads, made) = brought;
            let numbers = || [42, 43].map(PullNumber::from).into_iter();
            let cast = || CAST.into_iter().map(Login::from);
            let flags = flags.into_iter().map(|fact| match fact {
                Fact::Known(flag) => Fact::Known(Availability::Known(flag.into_iter().collect())),
                Fact::NotAsked => Fact::NotAsked,
                Fact::Unreadable(why) => Fact::Unreadable(why),
            });
            Origins {
                steps: BTreeMap::new(),
                pulls: (0..COMMITS).map(sha).zip(pulls).collect(),
                files: numbers().zip(files).collect(),
                heads_on_branch: [42, 43].map(head_of).into_iter().zip(heads).collect(),
                made_by_github: (0..COMMITS).map(sha).zip(made).collect(),
                events: numbers().zip(events).collect(),
                labels: numbers().zip(labels).collect(),
                standings: cast().zip(standings).collect(),
                members: cast().map(|login| (captains(), login)).zip(members).collect(),
                flags: (0..COMMITS).map(sha).zip(flags).collect(),
            }
        })
        .boxed()
}

pub(super) type Steps = BTreeMap<(Sha, Sha), Fact<Availability<Vec<BranchStep>>>>;

pub(super) fn steps_of_origins() -> BoxedStrategy<Steps> {
    let way = |base: u8, head: u8| -> Vec<BranchStep> {
        (base + 1..=head)
            .rev()
            .map(|number| BranchStep { sha: sha(number), parent: sha(number - 1), is_merge: false })
            .collect()
    };
    let pairs: Vec<(u8, u8)> =
        (0..COMMITS).flat_map(|base| (base + 1..COMMITS).map(move |head| (base, head))).collect();
    let tells = prop_oneof![5 => Just(true), 1 => Just(false)];
    vec(facts_of(tells), pairs.len())
        .prop_map(move |facts| {
            let told = |(base, head): (u8, u8), fact| match fact {
                Fact::Known(true) => Fact::Known(Availability::Known(way(base, head))),
                Fact::Known(false) => Fact::Known(Availability::Untold("no way".to_owned())),
                Fact::NotAsked => Fact::NotAsked,
                Fact::Unreadable(why) => Fact::Unreadable(why),
            };
            let pairs = pairs.iter().copied().zip(facts);
            pairs.map(|(pair, fact)| ((sha(pair.0), sha(pair.1)), told(pair, fact))).collect()
        })
        .boxed()
}
