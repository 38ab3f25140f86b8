//! Many repositories with deploys in flight, while the file is swapped ten times a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ghbox::{AutoProgress, Limits, Repo, story};
use release_governor::clock::Clock;

use super::{Mount, REFUSED, TAKEN, entry_numbers, passes};
use crate::town::{Running, Town, until};

/// Repositories in every valid content, and those in every second one.
const STAY: usize = 12;
const COME_AND_GO: usize = 6;
const SWAPS_FOR: Duration = Duration::from_secs(12);
const BETWEEN_SWAPS: Duration = Duration::from_millis(100);

fn name(number: usize) -> String {
    format!("acme/r{number:02}")
}

fn configuration(town: &Town, count: usize, minutes: u32) -> String {
    let names: Vec<String> =
        (0..count).map(|number| format!("{{name: {}}}", name(number))).collect();
    town.text(&format!(
        "defaults: {{max_deploys_per_hour: 1000, cooldown_minutes: {minutes}}}\n\
         repositories: [{}]\n",
        names.join(", ")
    ))
}

fn repository(town: &Town, number: usize) -> Repo {
    let repository = story::repository(&town.github, &name(number));
    repository.in_production();
    let (queued, runs) = (Duration::from_millis(200), Duration::from_millis(1_500));
    repository.auto_progress(story::DEPLOY, AutoProgress::new(queued, runs));
    repository
}

/// Swaps in valid, invalid and missing contents until `done`. Returns how many.
fn swap(mount: &mut Mount<'_>, running: &Running, contents: &[String], done: &AtomicBool) -> u32 {
    let mut swaps = 0;
    for content in contents.iter().cycle() {
        if done.load(Ordering::Relaxed) {
            break;
        }
        mount.swap(content);
        swaps += 1;
        // Every second one is announced by a signal; the others are found by polling.
        if swaps % 2 == 0 {
            running.signal("-HUP");
        }
        pause(BETWEEN_SWAPS);
    }
    swaps
}

#[expect(clippy::disallowed_methods, reason = "the program under test runs in real time")]
fn pause(length: Duration) {
    std::thread::sleep(length);
}

#[test]
fn under_load_swaps_lose_no_pass_ship_nothing_twice_and_need_no_restart() {
    let town = Town::new();
    town.github.set_limits(Limits { requests_per_hour: 10_000_000, ..Limits::default() });
    town.github.keep_requests(1);
    let repositories: Vec<Repo> =
        (0..STAY + COME_AND_GO).map(|number| repository(&town, number)).collect();
    let few = configuration(&town, STAY, 0);
    let all = configuration(&town, STAY + COME_AND_GO, 1);
    let bad = few.replace("cooldown_minutes: 0", "cooldwn_minutes: 0");
    let mut mount = Mount::of(&town, "");
    mount.swap(&all);
    let running = town.govern();
    let process = running.process();
    assert!(until(|| (0..STAY).all(|number| passes(&running, &name(number)) > 0.0)));

    let done = AtomicBool::new(false);
    let contents =
        [few.clone(), bad, all.clone(), String::new(), "repositories: [".to_owned(), all.clone()];
    let mut seen: BTreeMap<usize, f64> = BTreeMap::new();
    let swaps = std::thread::scope(|scope| {
        let swapping = scope.spawn(|| swap(&mut mount, &running, &contents, &done));
        let clock = Clock::system();
        let mut turn = 0;
        while clock.monotonic() < SWAPS_FOR {
            repositories[turn % repositories.len()].verified(&[&format!("src/{turn}.rs")]);
            turn += 1;
            for number in 0..STAY {
                let now = passes(&running, &name(number));
                let before = seen.insert(number, now).unwrap_or_default();
                assert!(now >= before, "{} was begun anew: {before} to {now}", name(number));
            }
        }
        done.store(true, Ordering::Relaxed);
        swapping.join().unwrap()
    });
    assert!(swaps > 50, "{swaps}");
    let (taken, refused) = (running.metric(TAKEN).unwrap(), running.metric(REFUSED).unwrap());
    assert!(taken > 5.0 && refused > 5.0, "{swaps} swaps: {taken} taken, {refused} refused");

    // Then it settles: every verified commit ships once, and every ledger is complete.
    mount.swap(&all);
    running.signal("-HUP");
    for repository in &repositories {
        let newest = repository.tip("main");
        let shipped = until(|| repository.dispatches_of(&newest) > 0);
        let row = || town.run(&["status", &repository.full_name(), "--json"]).json();
        assert!(shipped, "{} at {newest}: {:#}\n{}", repository.full_name(), row(), running.log());
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for dispatch in repository.dispatches().iter().filter(|one| one.by == story::GOVERNOR) {
            *times.entry(dispatch.sha().unwrap().to_owned()).or_default() += 1;
        }
        assert!(times.values().all(|count| *count == 1), "{}: {times:?}", repository.full_name());
        let numbers = entry_numbers(&town, &repository.full_name());
        let whole = numbers.windows(2).all(|two| two[1] + 1 == two[0]);
        assert!(whole && numbers.last() == Some(&1), "{}: {numbers:?}", repository.full_name());
    }
    assert_eq!(running.process(), process);
    let panicked = running.log().contains("panicked") || running.log().contains("defect");
    assert!(!panicked, "{}", running.log());
    assert_eq!(running.end().0, 0, "the process that was started is the one that ends");
}
