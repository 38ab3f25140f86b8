//! A simulation: seeded scripts of events that a governor and its GitHub may encounter, run
//! against a fake GitHub in process and a manual clock. Oracles check safety after every step
//! by reading the fake GitHub. At the end the faults stop, and everything must settle.
//!
//! `HISTORIES=20000 SEED=7` runs that many seeds, starting there. `SIM_SEEDS=0..5000` sets a
//! range, `SIM_SEED=7` one seed. `SIM_STEPS=200` makes longer scripts. The script of a failing
//! seed is shortened before it is printed; `SIM_QUIET=1` prints one line instead.
//! `SIM_WITHOUT=Stray,Freeze` omits events whose name contains one of these words. The last
//! line is a summary.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::cloned_ref_to_slice_refs,
    reason = "a test asserts on what it names, and compares with a list of it"
)]

#[cfg(test)]
mod calendar;
#[cfg(test)]
mod calm;
#[cfg(test)]
mod chance;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "each hand takes its own events, and no others")]
mod commits;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "each hand takes its own events, and no others")]
mod deploys;
#[cfg(test)]
#[path = "../model/mod.rs"]
mod design;
#[cfg(test)]
mod draw;
#[cfg(test)]
mod due;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "each hand takes its own events, and no others")]
mod events;
#[cfg(test)]
mod files;
#[cfg(test)]
mod judged;
#[cfg(test)]
mod model;
#[cfg(test)]
mod oracles;
#[cfg(test)]
mod process;
#[cfg(test)]
mod production;
#[cfg(test)]
mod pulls;
#[cfg(test)]
mod scenes;
#[cfg(test)]
mod script;
#[cfg(test)]
mod world;

#[cfg(test)]
use std::{
    collections::BTreeMap,
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

#[cfg(test)]
use release_governor::domain::Reason;

#[cfg(test)]
use crate::{
    oracles::Broken,
    script::{Event, Script, What},
    world::World,
};

/// The seeds that `cargo test` runs, without and with optimizations.
#[cfg(test)]
const SEEDS: std::ops::Range<u64> = if cfg!(debug_assertions) { 0..90 } else { 0..2_000 };
/// The number of seeds that are run twice and compared.
#[cfg(test)]
const TOLD_TWICE: u64 = if cfg!(debug_assertions) { 4 } else { 100 };
#[cfg(test)]
const STEPS: usize = 60;
/// The number of threads. Each has its own worlds.
#[cfg(test)]
const WORKERS: usize = 2;

#[test]
fn whatever_happens_the_promises_hold_and_in_the_end_it_settles() {
    let steps = number("SIM_STEPS").map_or(STEPS, |steps| usize::try_from(steps).unwrap());
    let seeds = wanted_seeds();
    let next = AtomicU64::new(seeds.start);
    let found = Mutex::new((Vec::new(), Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let (broken, more) = simulate(seed, steps);
                    let mut found = found.lock().unwrap();
                    found.0.extend(broken.map(|promise| (seed, promise)));
                    found.1.add(&more);
                }
            });
        }
    });
    let (failed, tally) = found.into_inner().unwrap();
    println!("{tally:?}");
    // Do not use `println!`, whose output is hidden for a passing test.
    writeln!(std::io::stdout(), "{}, violations: {}", tally.line(), failed.len()).unwrap();
    assert!(failed.is_empty(), "promises were broken: {failed:?}");
    // The model determines almost every decision.
    let (decisions, untold): (usize, usize) =
        (tally.decisions.values().sum(), tally.undetermined.values().sum());
    assert!(untold * 20 <= decisions.max(1_000), "{untold} of {decisions} decisions: {tally:?}");
}

/// The seeds selected by the environment.
#[cfg(test)]
fn wanted_seeds() -> std::ops::Range<u64> {
    if let Some(seed) = number("SIM_SEED") {
        return seed..seed + 1;
    }
    if let Ok(range) = std::env::var("SIM_SEEDS") {
        let (from, to) = range.split_once("..").expect("SIM_SEEDS=a..b");
        return from.parse().unwrap()..to.parse().unwrap();
    }
    let from = number("SEED").unwrap_or(SEEDS.start);
    let histories = number("HISTORIES").unwrap_or(SEEDS.end - SEEDS.start);
    from..from.saturating_add(histories)
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in 0..TOLD_TWICE {
        let story = || {
            let script = draw::script(seed, STEPS);
            let mut world = World::new(seed, &script);
            let end = play(&mut world, &script.events).map_err(|broken| broken.how);
            let told = std::mem::take(&mut world.told);
            (world.digest, end, told)
        };
        let (first, again) = (story(), story());
        assert_eq!(first, again, "seed {seed} told two stories");
    }
}

/// Statistics of the simulations: histories in which nothing happens would prove little.
#[cfg(test)]
#[derive(Debug, Default)]
struct Tally {
    histories: usize,
    events: usize,
    /// Requests that GitHub or the network did not answer correctly.
    faults: usize,
    dispatches: usize,
    repeated: usize,
    answers_lost: usize,
    killed: usize,
    issues: usize,
    statuses: usize,
    /// Decisions by reason, each checked against the model of the design.
    decisions: BTreeMap<Reason, usize>,
    /// Why the model was undetermined.
    undetermined: BTreeMap<String, usize>,
}

#[cfg(test)]
fn sum<K: Ord + Clone>(counts: &mut BTreeMap<K, usize>, more: &BTreeMap<K, usize>) {
    more.iter().for_each(|(key, count)| *counts.entry(key.clone()).or_default() += count);
}

#[cfg(test)]
impl Tally {
    fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.events += other.events;
        self.faults += other.faults;
        self.dispatches += other.dispatches;
        self.repeated += other.repeated;
        self.answers_lost += other.answers_lost;
        self.killed += other.killed;
        self.issues += other.issues;
        self.statuses += other.statuses;
        sum(&mut self.decisions, &other.decisions);
        sum(&mut self.undetermined, &other.undetermined);
    }

    fn count(&mut self, world: &World, events: usize) {
        self.histories += 1;
        self.events += events;
        self.faults += world.faults;
        let judge = world.judge.lock().unwrap();
        sum(&mut self.decisions, &judge.reasons);
        sum(&mut self.undetermined, &judge.undetermined);
        for ground in &world.grounds {
            let ours: Vec<_> = ground.model.deploys.values().filter(|one| one.is_ours()).collect();
            let shas: std::collections::BTreeSet<_> = ours.iter().map(|one| &one.sent).collect();
            self.dispatches += ours.len();
            self.repeated += ours.len() - shas.len();
            self.answers_lost += ours.iter().filter(|one| one.answer_lost).count();
            self.issues += ground.repo.issues().len();
            let all = ground.model.order.iter().map(|sha| ground.repo.statuses(sha).len());
            self.statuses += all.sum::<usize>();
        }
        self.killed += world.told.iter().filter(|line| line.ends_with("killed")).count();
    }

    fn line(&self) -> String {
        let Self { histories, events, faults, dispatches, .. } = self;
        let decisions: usize = self.decisions.values().sum();
        format!(
            "histories: {histories}, events: {events}, faults: {faults}, dispatches: \
             {dispatches}, decisions: {decisions}"
        )
    }
}

/// Runs one seed. Returns the broken promise, if any, and the statistics.
#[cfg(test)]
fn simulate(seed: u64, steps: usize) -> (Option<&'static str>, Tally) {
    let mut script = draw::script(seed, steps);
    let left_out = std::env::var("SIM_WITHOUT").unwrap_or_default();
    let is_left_out = |event: &Event| {
        let what = format!("{:?}", event.what);
        left_out.split(',').any(|word| !word.is_empty() && what.contains(word))
    };
    script.events.retain(|event| !is_left_out(event));
    let mut tally = Tally::default();
    let Err((broken, _)) = run(seed, &script, &script.events, &mut tally) else {
        return (None, tally);
    };
    let promise = broken.promise;
    if number("SIM_QUIET").is_some() {
        println!("seed {seed}: {promise}: {}", broken.how);
        return (Some(promise), tally);
    }
    let (short, broken, told) = shortened(seed, &script, broken);
    let (all, told) = (script.events.len(), told.join("\n"));
    println!("seed {seed}: {promise}: {}\n{told}\n({short} of {all} events)\n", broken.how);
    (Some(promise), tally)
}

#[cfg(test)]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Runs a script, and records what happened for debugging.
#[cfg(test)]
fn run(
    seed: u64,
    script: &Script,
    events: &[Event],
    tally: &mut Tally,
) -> Result<(), (Broken, Vec<String>)> {
    let mut world = World::new(seed, script);
    let played = catch_unwind(AssertUnwindSafe(|| play(&mut world, events)));
    tally.count(&world, events.len());
    let told = std::mem::take(&mut world.told);
    match played {
        Ok(Ok(())) => Ok(()),
        Ok(Err(broken)) => Err((broken, told)),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            let how = words.unwrap_or_default();
            std::mem::forget(world);
            Err((Broken { promise: "no panic", how }, told))
        }
    }
}

#[cfg(test)]
fn play(world: &mut World, events: &[Event]) -> Result<(), Broken> {
    for event in events {
        let at = usize::try_from(event.at).unwrap() % world.grounds.len();
        let before = oracles::before(world, at);
        world.requests.clear();
        world.happen(event);
        let killed = matches!(event.what, What::Pass { crash: Some(_) });
        oracles::check(world, at, &before, killed)?;
    }
    calm::settle(world)
}

/// Removes events while the same promise stays broken.
#[cfg(test)]
fn shortened(seed: u64, script: &Script, first: Broken) -> (usize, Broken, Vec<String>) {
    let mut events = script.events.clone();
    let mut last = (first.clone(), Vec::new());
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut size = events.len().div_ceil(2);
    let mut runs = 0;
    loop {
        let mut at = 0;
        let mut any = false;
        while at < events.len() && runs < 400 {
            let mut fewer = events.clone();
            fewer.drain(at..(at + size).min(events.len()));
            runs += 1;
            match run(seed, script, &fewer, &mut Tally::default()) {
                Err((broken, told)) if broken.promise == first.promise => {
                    (events, last, any) = (fewer, (broken, told), true);
                }
                Err(_) | Ok(()) => at += size,
            }
        }
        if size == 1 && !any || runs >= 400 {
            break;
        }
        size = (size / 2).max(1);
    }
    if last.1.is_empty()
        && let Err((broken, told)) = run(seed, script, &events, &mut Tally::default())
    {
        last = (broken, told);
    }
    std::panic::set_hook(hook);
    (events.len(), last.0, last.1)
}
