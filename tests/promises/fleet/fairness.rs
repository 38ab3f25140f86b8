//! Three owners under one App with many repositories each, one of them in trouble: whatever its
//! passes wait for, those of the other two start in time.

use std::collections::BTreeMap;
use std::time::Duration;

use ghbox::{Fault, FaultOn, Installed};
use http::Method;
use jiff::{SignedDuration, Timestamp};

use super::{Asked, Fleet, MINUTE, polls};

/// The owner in trouble.
const TROUBLED: &str = "initech";
const OTHERS: [&str; 2] = ["acme", "globex"];
/// GitHub's normal latency.
const LATENCY: Duration = Duration::from_millis(150);
/// Twice the interval between two passes of a settled repository.
const IN_TIME: SignedDuration = SignedDuration::from_mins(2);

struct Owners {
    fleet: Fleet,
    troubled: Installed,
    seen_until: Timestamp,
}

impl Owners {
    fn new(each: usize, pace: u32) -> Self {
        let mut fleet = Fleet::new(pace);
        let mut installed = BTreeMap::new();
        for owner in [TROUBLED, OTHERS[0], OTHERS[1]] {
            installed.insert(owner, fleet.installed_at(owner));
        }
        for number in 0..each {
            for owner in [TROUBLED, OTHERS[0], OTHERS[1]] {
                fleet.repository(&format!("{owner}/r{number}"));
            }
        }
        for owner in OTHERS {
            fleet.github.fail(FaultOn::any().of_owner(owner).always(), Fault::Delay(LATENCY));
        }
        let seen_until = fleet.clock.now();
        let troubled = installed.remove(TROUBLED).unwrap();
        Self { fleet, troubled, seen_until }
    }

    fn start(&mut self) -> &mut Self {
        self.fleet.start();
        self.seen_until = self.fleet.clock.now();
        self
    }

    /// Starts, and waits until every repository has settled.
    async fn settled(&mut self) -> &mut Self {
        self.start();
        self.fleet.asked_within(6 * MINUTE).await;
        self.seen_until = self.fleet.clock.now();
        self
    }

    fn token_requests_fail(&self, fault: Fault) {
        let path = format!("/app/installations/{}/access_tokens", self.troubled.id());
        self.fleet.github.fail(FaultOn::path(&path).always(), fault);
    }

    /// Verifies a new commit with these paths in each of the troubled owner's repositories.
    fn troubled_all_verify(&self, paths: &[&str]) {
        for repo in self.fleet.repos.iter().filter(|one| is_of(TROUBLED, &one.full_name())) {
            repo.verified(paths);
        }
    }

    /// Asserts that for `time`, every repository of the others is polled within [`IN_TIME`].
    async fn others_are_looked_at_for(&mut self, time: Duration) -> Vec<Asked> {
        let asked = self.fleet.asked_within(time).await;
        let until = self.fleet.clock.now();
        let mut late = Vec::new();
        for owner in OTHERS {
            let its = self.fleet.repos.iter().filter(|one| is_of(owner, &one.full_name()));
            let its: Vec<_> = its.cloned().collect();
            for (name, mut times) in polls(&asked, &its) {
                times.insert(0, self.seen_until);
                times.push(until);
                let longest = times.windows(2).map(|two| two[1].duration_since(two[0])).max();
                late.extend(longest.filter(|gap| *gap > IN_TIME).map(|gap| (name, gap)));
            }
        }
        self.seen_until = until;
        let longest = late.iter().map(|(_, gap)| gap).max();
        assert!(late.is_empty(), "{} repositories waited, up to {longest:?}", late.len());
        asked
    }
}

fn is_of(owner: &str, name: &str) -> bool {
    name.split_once('/').is_some_and(|(its, _)| its == owner)
}

/// The number of requests for a token.
fn mints(asked: &[Asked]) -> usize {
    asked.iter().filter(|one| one.path.ends_with("/access_tokens")).count()
}

#[tokio::test(start_paused = true)]
async fn an_owner_whose_token_requests_hang_keeps_no_other_owner_waiting() {
    let mut owners = Owners::new(60, 0);
    owners.token_requests_fail(Fault::Hang);
    let asked = owners.start().others_are_looked_at_for(5 * MINUTE).await;
    // Each takes half a minute to fail, and the failure is cached for some seconds.
    assert!(mints(&asked) <= 2 + 10, "{} requests for a token", mints(&asked));
}

#[tokio::test(start_paused = true)]
async fn an_owner_whose_token_requests_fail_keeps_no_other_owner_waiting_and_is_asked_for_seldom() {
    let mut owners = Owners::new(60, 0);
    owners.token_requests_fail(Fault::Status(502));
    let asked = owners.start().others_are_looked_at_for(5 * MINUTE).await;
    assert!(mints(&asked) <= 2 + 60, "{} requests for a token", mints(&asked));
}

#[tokio::test(start_paused = true)]
async fn an_owner_whose_reads_queue_for_the_pace_keeps_no_other_owner_waiting() {
    let mut owners = Owners::new(40, 300);
    owners.settled().await.troubled_all_verify(&["src/cart.rs"]);
    owners.others_are_looked_at_for(8 * MINUTE).await;
}

#[tokio::test(start_paused = true)]
async fn an_owner_whose_reads_are_slow_keeps_no_other_owner_waiting() {
    for seconds in [2, 25] {
        let mut owners = Owners::new(60, 0);
        let slow = FaultOn::any().method(Method::GET).of_owner(TROUBLED).always();
        owners.fleet.github.fail(slow, Fault::Delay(Duration::from_secs(seconds)));
        owners.start().others_are_looked_at_for(5 * MINUTE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_whose_status_writes_are_slow_keeps_no_other_owner_waiting() {
    let mut owners = Owners::new(80, 700);
    let slow = FaultOn::operation("create-commit-status").of_owner(TROUBLED).always();
    owners.fleet.github.fail(slow, Fault::Delay(Duration::from_secs(25)));
    owners.settled().await.troubled_all_verify(&["infra/dns.tf"]);
    owners.others_are_looked_at_for(6 * MINUTE).await;
}
