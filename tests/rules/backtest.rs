//! Backtests: replaying verifications, approvals and deploys of the past under a policy.

use std::collections::BTreeMap;

use release_governor::backtest::{Course, Past, Progress, Summary, replay};
use release_governor::domain::*;

use crate::world::{
    ahead, at, changed, failed, observation, operator, policy, run, sha, succeeded,
};

/// `1` is in production. Each commit comes with the pull request of its number, by `dev`. Times
/// are in minutes. Columns: the policy | the events | for each verified commit its risk and
/// reason when it was verified, when it ships, and what really happened to it.
const TABLE: &str = "
plain | 2 LOW @0, 3 MEDIUM @10 | 2 LOW allow_low @0 never; 3 MEDIUM allow_medium @10 never
plain | 2 LOW @0, deploy 2 @3, 3 LOW @10 | 2 LOW allow_low @0 deployed; 3 LOW allow_low @10 never
plain | 2 HIGH @0, fail 2 @3 | 2 HIGH high_risk_no_approval - failed
plain | 2 HIGH @0, 3 LOW @10, deploy 3 @20 | 2 HIGH high_risk_no_approval - with 3; 3 HIGH high_risk_no_approval - deployed
plain | 2 LOW @0, 3 HIGH @0 | 2 LOW allow_low @0 never; 3 HIGH high_risk_no_approval - never
plain | 3 HIGH @0, 2 LOW @10 | 3 HIGH high_risk_no_approval - never; 2 LOW allow_low @10 never
plain | 3 LOW @0, 2 LOW @10 | 3 LOW allow_low @0 never; 2 LOW older_than_production with 3 @10 never
plain | 2 HIGH @0, approve 2 @30 | 2 HIGH high_risk_no_approval @30 never
plain | 2 HIGH @5, approve 2 @0 | 2 HIGH allow_high_approved @5 never
plain | 2 HIGH @0, approve 2 @30, 3 LOW @20 | 2 HIGH high_risk_no_approval with 3 @30 never; 3 HIGH high_risk_no_approval @30 never
plain | 2 HIGH @0, approve 2 @200 | 2 HIGH high_risk_no_approval - never
plain | 2 HIGH @0, label 2 @30 | 2 HIGH high_risk_no_approval - never
label | 2 HIGH @0, label 2 @30 | 2 HIGH high_risk_no_approval @30 never
label | 2 HIGH @10, label 2 @0 | 2 HIGH allow_high_approved @10 never
label | 2 HIGH @10, label 2 @0, unlabel 2 @5 | 2 HIGH high_risk_no_approval - never
label | 2 HIGH @10, label 2 @0, unlabel 2 @20 | 2 HIGH allow_high_approved @10 never
label | 2 HIGH @0, 3 HIGH @10, label 2 @20, label 3 @40 | 2 HIGH high_risk_no_approval @20 never; 3 HIGH high_risk_no_approval @40 never
one an hour | 2 LOW @0, 3 LOW @10 | 2 LOW allow_low @0 never; 3 LOW rate_limit @60 never
one an hour | 2 LOW @0, 3 LOW @10, 4 LOW @20 | 2 LOW allow_low @0 never; 3 LOW rate_limit with 4 @60 never; 4 LOW rate_limit @60 never
plain | pause @0, 2 LOW @5, resume @20 | 2 LOW paused @20 never
plain | 2 LOW @0, set 1 @5, 3 LOW @10 | 2 LOW allow_low @0 never; 3 LOW allow_low @10 never
stopped | 2 LOW @0, deploy 2 @1 | 2 LOW paused - deployed
strict | 2 LOW @0, 3 MEDIUM @10 | 2 HIGH high_risk_no_approval - never; 3 HIGH high_risk_no_approval - never
deploys unread | 2 LOW @0, deploy 2 @5, 3 LOW @10 | 2 HIGH high_risk_no_approval - deployed; 3 HIGH high_risk_no_approval - never
never deployed | 2 HIGH @0, 3 HIGH @10 | 2 LOW allow_low @0 never; 3 HIGH high_risk_no_approval - never
";

const UNTIL: i64 = 100;

#[derive(Default)]
struct Story {
    /// For each commit: its risk class, and when it was verified.
    verified: Vec<(u8, String, i64)>,
    entries: Vec<Entry>,
    events: BTreeMap<u8, Vec<PullEvent>>,
    release: ReleaseState,
}

fn person(id: u64, login: &str) -> Option<Person> {
    Some(Person { id: id.into(), login: login.into(), is_bot: false })
}

fn story(told: &str) -> Story {
    let mut story = Story::default();
    for (index, what) in told.split(", ").enumerate() {
        let words: Vec<&str> = what.split(' ').collect();
        let minutes: i64 = words.last().unwrap().strip_prefix('@').unwrap().parse().unwrap();
        let number = || words[1].parse::<u8>().unwrap();
        let label = "release:approved".to_owned();
        let word = |word| Entry { at: at(minutes), kind: EntryKind::Operator(word) };
        let runs = 50 + u64::try_from(index).unwrap();
        match words[0] {
            "approve" => {
                let approval = Approval {
                    sha: sha(number()),
                    deploy_file: None,
                    why: "looked at it".to_owned(),
                    by: operator(),
                };
                story.entries.push(word(OperatorAction::Approved { approval }));
            }
            "pause" => {
                let (why, by) = ("incident".to_owned(), operator());
                story.entries.push(word(OperatorAction::Paused { why, by }));
            }
            "resume" => story.entries.push(word(OperatorAction::Resumed { by: operator() })),
            "set" => {
                let (why, by) = ("by hand".to_owned(), operator());
                let set = OperatorAction::ProductionSet { sha: sha(number()), why, by };
                story.entries.push(word(set));
            }
            "label" => story.events.entry(number()).or_default().push(PullEvent::Labeled {
                label,
                by: person(2, "kim"),
                at: at(minutes),
            }),
            "unlabel" => story
                .events
                .entry(number())
                .or_default()
                .push(PullEvent::Unlabeled { label, at: at(minutes) }),
            "deploy" | "fail" => {
                let progress = if words[0] == "fail" { failed() } else { succeeded() };
                let run = run(runs, Some(number()), minutes, progress);
                story.release.apply(&Entry { at: at(minutes), kind: EntryKind::RunSeen { run } });
            }
            commit => {
                story.verified.push((commit.parse().unwrap(), words[1].to_owned(), minutes));
            }
        }
    }
    story.verified.sort_by_key(|(_, _, minutes)| *minutes);
    story.entries.sort_by_key(|entry| entry.at);
    story
}

fn path_of(class: &str) -> &'static str {
    match class {
        "HIGH" => "infra/main.tf",
        "MEDIUM" => "Cargo.toml",
        _ => "src/cart.rs",
    }
}

/// What GitHub shows now: ranges, and pull requests with all later comments.
fn shown(story: &Story) -> Observation {
    let mut shown = observation();
    let paths = |base: u8, head: u8| -> Vec<&'static str> {
        let within =
            story.verified.iter().filter(|(number, _, _)| base < *number && *number <= head);
        within.map(|(_, class, _)| path_of(class)).collect()
    };
    for head in 1..=9 {
        for base in 0..head {
            shown.ranges.insert((sha(base), sha(head)), ahead(&paths(base, head)));
        }
        let pull = MergedPull {
            number: u64::from(head).into(),
            author: person(1, "dev"),
            head: sha(head),
            merge_commit: None,
        };
        shown.origins.pulls.insert(sha(head), Fact::Known(Availability::Known(vec![pull])));
        let files = paths(head - 1, head).into_iter().map(changed).collect();
        let files = Availability::Known(RangeFiles::Complete(files));
        shown.origins.files.insert(u64::from(head).into(), Fact::Known(files));
        let said = story.events.get(&head).cloned().unwrap_or_default();
        let events = [vec![PullEvent::Merged], said].concat();
        let number = u64::from(head).into();
        shown.origins.events.insert(number, Fact::Known(Availability::Known(events)));
    }
    let standing = RepositoryRole { permission: Some(Permission::Write), role: "write".to_owned() };
    shown.origins.standings.insert("kim".into(), Fact::Known(Availability::Known(standing)));
    shown
}

fn moments(story: &Story) -> Vec<Moment> {
    let mut ends: Vec<i64> = story.verified.iter().map(|(_, _, minutes)| *minutes).collect();
    ends.dedup();
    let passed = |number: u8, minutes: i64| {
        let at_run = RunRef { id: u64::from(number).into(), attempt: 1 };
        let started_at = at(minutes - 1);
        Verification::Passed(VerificationRun { at: at_run, started_at, html_url: String::new() })
    };
    let moment = |end: &i64| {
        let by_then = story.verified.iter().filter(|(_, _, minutes)| minutes <= end);
        let mut numbers: Vec<u8> = by_then.map(|(number, _, _)| *number).collect();
        numbers.sort_unstable();
        let verifications = numbers.iter().map(|number| (sha(*number), passed(*number, *end)));
        let verifications = verifications.collect();
        let candidate = numbers.pop().map(sha);
        let verified_below = numbers.iter().rev().map(|number| sha(*number)).collect();
        let now = story.verified.iter().filter(|(_, _, minutes)| minutes == end);
        Moment {
            at: at(*end),
            verified: now.map(|(number, _, _)| sha(*number)).collect(),
            tip: candidate.clone(),
            candidates: Candidates { candidate, head: None, verified_below },
            verifications,
        }
    };
    ends.iter().map(moment).collect()
}

fn policy_of(name: &str) -> Policy {
    let patterns = |patterns: &[&str]| PathPatterns::new(patterns).unwrap();
    match name {
        "plain" | "never deployed" | "deploys unread" => policy(),
        "label" => Policy { approval_modes: vec![ApprovalMode::Label], ..policy() },
        "one an hour" => Policy { max_deploys_per_hour: 1, ..policy() },
        "stopped" => Policy { paused: Some("freeze".to_owned()), ..policy() },
        "strict" => Policy { high_risk_paths: patterns(&["src/**", "Cargo.toml"]), ..policy() },
        other => panic!("no policy {other}"),
    }
}

fn past_of(name: &str, told: &str) -> (Past, Observation) {
    let mut story = story(told);
    if !["never deployed", "deploys unread"].contains(&name) {
        let before = run(10, Some(1), -600, succeeded());
        story.release.apply(&Entry { at: at(-600), kind: EntryKind::RunSeen { run: before } });
    }
    let shown = shown(&story);
    let past = Past {
        since: at(-60),
        until: at(UNTIL),
        moments: moments(&story),
        words: story.entries,
        release: story.release,
        runs_unread: name == "deploys unread",
    };
    (past, shown)
}

/// Replays all moments until a fact is lacking.
fn replay_on(
    policy: &Policy,
    past: &Past,
    shown: &mut Observation,
    mut course: Course,
) -> Progress {
    let before = format!("{shown:?}");
    loop {
        let progress = replay(policy, past, shown, course);
        assert_eq!(format!("{shown:?}"), before, "what is there now is shown again");
        match progress {
            Progress::Paused(at) => course = at,
            other => return other,
        }
    }
}

fn replayed(name: &str, told: &str) -> Vec<Replayed> {
    let (past, mut shown) = past_of(name, told);
    let course = Course::begin(&past, &shown);
    match replay_on(&policy_of(name), &past, &mut shown, course) {
        Progress::Done(commits) => commits,
        other => panic!("it did not come to its end: {other:?}"),
    }
}

fn number(of: &Sha) -> u8 {
    (0..=9).find(|number| sha(*number) == *of).unwrap()
}

fn told(commit: &Replayed) -> String {
    let minute = |then: jiff::Timestamp| then.duration_since(at(0)).as_mins();
    let ships = match &commit.ships {
        Ships::At(then) => format!("@{}", minute(*then)),
        Ships::Along { with, at: then } => format!("with {} @{}", number(with), minute(*then)),
        Ships::Never => "-".to_owned(),
    };
    let really = match &commit.really {
        Really::Deployed(_) => "deployed".to_owned(),
        Really::Along { with, .. } => format!("with {}", number(with)),
        Really::Failed { .. } => "failed".to_owned(),
        Really::Never => "never".to_owned(),
    };
    let decision = &commit.decision;
    let (class, code) = (decision.risk.class.as_str(), decision.reason().code());
    format!("{} {class} {code} {ships} {really}", number(&decision.sha))
}

#[test]
fn a_replay_decides_at_each_moment_what_would_have_been_decided_then() {
    let mut wrong = Vec::new();
    for row in TABLE.lines().filter(|row| !row.is_empty()) {
        let mut cells = row.split(" | ");
        let (name, happened) = (cells.next().unwrap(), cells.next().unwrap());
        let expected = cells.next().unwrap();
        let found: Vec<String> = replayed(name, happened).iter().map(told).collect();
        let found = found.join("; ");
        if found != expected {
            wrong.push(format!("{name} | {happened}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The number of decisions that a replay makes.
fn decisions(name: &str, told: &str) -> usize {
    let (past, mut shown) = past_of(name, told);
    let mut course = Course::begin(&past, &shown);
    let mut decisions = 0;
    loop {
        match replay(&policy_of(name), &past, &mut shown, course) {
            Progress::Paused(at) => {
                decisions = at.decisions();
                course = at;
            }
            Progress::Done(_) => return decisions,
            other => panic!("it did not come to its end: {other:?}"),
        }
    }
}

#[test]
fn a_commit_that_lacks_an_approval_is_judged_again_only_after_a_word() {
    let held: Vec<String> =
        (2..=9).map(|number| format!("{number} HIGH @{}", 10 * (number - 2))).collect();
    let held = held.join(", ");
    for policy in ["plain", "label"] {
        assert_eq!(decisions(policy, &held), 8, "{policy}");
    }
    for word in ["label 9 @75", "approve 1 @75"] {
        assert_eq!(decisions("label", &format!("{held}, {word}")), 16, "{word}");
    }
}

#[test]
fn a_replay_that_lacks_a_fact_says_which_and_goes_on_from_there() {
    let (past, shown) = past_of("label", "2 LOW @0, 3 HIGH @10, label 3 @30");
    let policy = policy_of("label");
    let mut known = Observation { ranges: BTreeMap::new(), ..shown.clone() };
    known.origins = Origins::default();
    let mut course = Course::begin(&past, &known);
    let (mut rounds, mut asked) = (0, Vec::new());
    let commits = loop {
        rounds += 1;
        assert!(rounds < 50, "{asked:?}");
        match replay_on(&policy, &past, &mut known, course) {
            Progress::Done(commits) => break commits,
            Progress::Paused(_) => panic!("it goes on"),
            Progress::Unreadable(_, why) => panic!("{why:?}"),
            Progress::Lacks(at, lacks) => {
                course = at;
                for lack in lacks {
                    match &lack {
                        Lack::Range(base, head) => {
                            let of = (base.clone(), head.clone());
                            let range = shown.ranges[&of].clone();
                            known.ranges.insert(of, range);
                        }
                        Lack::Step(step) => {
                            let of = (step.parent.clone(), step.sha.clone());
                            let range = shown.ranges[&of].clone();
                            known.ranges.insert(of, range);
                        }
                        Lack::Pulls(sha) => {
                            let pulls = shown.origins.pulls[sha].clone();
                            known.origins.pulls.insert(sha.clone(), pulls);
                        }
                        Lack::PullFiles(pull, _) => {
                            let files = shown.origins.files[pull].clone();
                            known.origins.files.insert(*pull, files);
                        }
                        Lack::Events(pull) => {
                            let events = shown.origins.events[pull].clone();
                            known.origins.events.insert(*pull, events);
                        }
                        Lack::Standing(login) => {
                            let standing = shown.origins.standings[login].clone();
                            known.origins.standings.insert(login.clone(), standing);
                        }
                        other => panic!("nobody needs {other:?}"),
                    }
                    asked.push(lack);
                }
            }
        }
    };
    assert_eq!(commits, replayed("label", "2 LOW @0, 3 HIGH @10, label 3 @30"));
    let asked_twice = asked.iter().enumerate().any(|(index, lack)| asked[..index].contains(lack));
    assert!(!asked_twice, "{asked:?}");
}

#[test]
fn a_replay_is_summed_up() {
    let happened = "2 LOW @0, deploy 2 @2, 3 HIGH @10, approve 3 @40, deploy 3 @20, 4 HIGH @50, \
                    5 LOW @60, deploy 5 @61";
    let summary = Summary::of(&replayed("plain", happened));
    let minutes: Vec<i64> = summary.waits.iter().map(|wait| wait.as_mins()).collect();
    assert_eq!((minutes, summary.median_wait().unwrap().as_mins()), (vec![30], 30));
    let held = BTreeMap::from([(Reason::HighRiskNoApproval, 3)]);
    let expected = Summary {
        verified: 4,
        would_ship: 2,
        would_go_along: 0,
        would_be_held: held,
        held_for_their_own: 2,
        waits: summary.waits.clone(),
        would_not_ship: 2,
        really_deployed: 3,
        deployed_although_held: 2,
    };
    assert_eq!(summary, expected);
}

#[test]
fn production_begins_as_the_last_deploy_that_had_succeeded_by_then() {
    let (mut past, mut shown) = past_of("plain", "2 LOW @0, deploy 2 @1");
    assert_eq!(past.production().sha(), Some(&sha(1)));
    past.since = at(-700);
    assert_eq!(past.production(), Production::None);
    let run = past.release.runs.get_mut(&10.into()).unwrap();
    std::sync::Arc::make_mut(run).attribution = Attribution::Unknown;
    past.since = at(-60);
    assert!(matches!(past.production(), Production::Uncertain { .. }));
    let course = Course::begin(&past, &shown);
    let progress = replay_on(&policy(), &past, &mut shown, course);
    let Progress::Done(commits) = progress else { panic!() };
    assert_eq!(told(&commits[0]), "2 HIGH high_risk_no_approval - deployed");
}
