//! Kills the real program with SIGKILL again and again, against a fake GitHub over TCP. Every
//! commit must ship at most once, and in the end the wanted commit must have shipped. Before a
//! kill, the program may also be stopped for a while, or run with a full disk, few file
//! descriptors, little memory, or a clock that is hours off.
//!
//! `KILLS=2000` sets the number of kills, `KILL_SEED=7` their moments.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::cloned_ref_to_slice_refs,
    reason = "a test asserts on what it names, and compares with a list of it"
)]

#[cfg(test)]
mod governor;
#[cfg(test)]
#[path = "../surface/town.rs"]
#[allow(dead_code, reason = "it serves other tests, too")]
mod town;

#[cfg(test)]
use std::{collections::BTreeMap, time::Duration};

#[cfg(test)]
use ghbox::{AutoProgress, Repo, story};

#[cfg(test)]
use crate::governor::{Chance, Hardship, Moment, Yard};

#[cfg(test)]
const KILLS: u64 = 120;
#[cfg(test)]
const REPOSITORIES: u64 = 3;
/// Every this many kills, the state directory is lost, too.
#[cfg(test)]
const LOSES_ITS_DISK: u64 = 5;
/// Everything must have shipped by then in the end, even on a busy machine.
#[cfg(test)]
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_governor_that_is_killed_at_any_moment_ships_every_commit_at_most_once() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let kills: u64 = number("KILLS").unwrap_or(KILLS);
    let mut chance = Chance(number("KILL_SEED").unwrap_or(1));
    let mut yard = Yard::new();
    let repos: Vec<Repo> = (0..REPOSITORIES).map(|number| repository(&yard, number)).collect();
    yard.configure(REPOSITORIES);
    let mut met: BTreeMap<Moment, u64> = BTreeMap::new();
    let mut lived_with: BTreeMap<&str, u64> = BTreeMap::new();
    let mut gave_up = 0;
    for kill in 0..kills {
        let repo = &repos[usize::try_from(chance.below(REPOSITORIES)).unwrap()];
        repo.verified(&["src/cart.rs"]);
        let hardship = Hardship::any(&mut chance);
        *lived_with.entry(hardship.name()).or_default() += 1;
        let mut running = yard.govern(hardship);
        let wanted = match chance.below(4) {
            0 => Moment::Whenever,
            1 => Moment::AfterAMark,
            _ => Moment::AtADispatch,
        };
        let moment = yard.wait_for(wanted, Duration::from_millis(chance.below(150)));
        *met.entry(moment).or_default() += 1;
        yard.sleep(Duration::from_micros(chance.below(4) * chance.below(1_500)));
        if hardship == Hardship::Stopped {
            running.freeze(&yard, Duration::from_millis(100 + chance.below(1_500)));
            yard.sleep(Duration::from_millis(chance.below(100)));
        }
        gave_up += u64::from(!running.kill());
        if kill % LOSES_ITS_DISK == LOSES_ITS_DISK - 1 {
            yard.lose_the_state();
        }
        nothing_shipped_twice(&repos, kill);
    }
    println!("{kills} kills: {met:?}; {lived_with:?}, of which {gave_up} gave up before");
    let running = yard.govern(Hardship::None);
    let newest: Vec<String> = repos.iter().map(|repo| repo.tip("main")).collect();
    let shipped = |repo: &Repo, sha: &String| {
        repo.runs().iter().any(|run| {
            run.input_sha.as_ref() == Some(sha) && run.conclusion.as_deref() == Some("success")
        })
    };
    let done = || repos.iter().zip(&newest).all(|(repo, sha)| shipped(repo, sha));
    yard.until(PATIENCE, done);
    assert!(done(), "not all shipped:\n{}", yard.said());
    yard.sleep(Duration::from_secs(3));
    nothing_shipped_twice(&repos, kills);
    assert!(running.end(), "SIGTERM ends it well:\n{}", yard.said());
    assert!(!yard.said().contains("panicked"), "{}", yard.said());
}

#[cfg(test)]
fn repository(yard: &Yard, number: u64) -> Repo {
    let repo = story::repository(&yard.github, &format!("acme/shop{number}"));
    repo.in_production();
    let (queued, runs) = (Duration::from_millis(20), Duration::from_millis(60));
    repo.auto_progress(story::DEPLOY, AutoProgress::new(queued, runs));
    repo
}

#[cfg(test)]
fn nothing_shipped_twice(repos: &[Repo], kill: u64) {
    for repo in repos {
        let mut times: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for dispatch in repo.dispatches().iter().filter(|one| one.by == story::GOVERNOR) {
            let told = format!("run {} at {}", dispatch.run_id, dispatch.at);
            times.entry(dispatch.sha().unwrap().to_owned()).or_default().push(told);
        }
        if let Some((sha, times)) = times.iter().find(|(_, times)| times.len() > 1) {
            let statuses = repo.statuses(sha);
            panic!("kill {kill}: {sha} shipped {times:?}; its statuses: {statuses:#?}");
        }
    }
}
