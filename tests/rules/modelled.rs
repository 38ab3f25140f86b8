//! `decide` against the model in `tests/model`, a second reading of the design.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use release_governor::decide::{Question, decide};
use release_governor::domain::*;

use crate::arbitrary::{policies, states};
use crate::coherent::{COMMITS, Coherent};
use crate::model::{Checked, check};
use crate::world::{World, sha};

/// What came of holding many decisions against the model.
#[derive(Debug, Default)]
struct Tally {
    reasons: BTreeMap<Reason, usize>,
    undetermined: BTreeMap<String, usize>,
    different: Vec<String>,
    checked: usize,
}

impl Tally {
    fn add(&mut self, world: &World, sha: &Sha) {
        let question = Question {
            sha,
            policy: &world.policy,
            observation: &world.observation,
            release: &world.release,
            triggered: world.triggered,
            rollback: world.rollback,
            supposed_production: None,
            now: world.now,
        };
        let Verdict::Decided(decision) = decide(&question) else { return };
        self.checked += 1;
        *self.reasons.entry(decision.reason()).or_default() += 1;
        match check(&question, &decision) {
            Checked::Same => {}
            Checked::Undetermined(why) => *self.undetermined.entry(why).or_default() += 1,
            Checked::Different(how) => self.different.push(how),
        }
    }
}

/// Asks `decide` as a pass does: what lacks is read, until nothing does.
fn ask(coherent: &mut Coherent, sha: &Sha, tally: &mut Tally) {
    for _ in 0..60 {
        let Verdict::Lacks(lacks) = coherent.world.verdict_of(sha) else { break };
        lacks.iter().for_each(|lack| coherent.read(lack));
    }
    tally.add(&coherent.world, sha);
}

fn sampled<T: std::fmt::Debug>(of: &BoxedStrategy<T>, runner: &mut TestRunner) -> T {
    of.new_tree(runner).unwrap().current()
}

#[test]
fn decide_says_of_coherent_worlds_what_the_model_says() {
    let (policies, states) = (policies(), states());
    let mut tally = Tally::default();
    let one: Option<u64> = std::env::var("ONE").ok().map(|t| t.parse().unwrap());
    let of1: Option<u8> = std::env::var("OF").ok().map(|t| t.parse().unwrap());
    for seed in 0..3000 {
        if one.is_some_and(|one| one != seed) { continue; }
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&u64::to_le_bytes(seed));
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let (policy, state) = (sampled(&policies, &mut runner), sampled(&states, &mut runner));
        let mut coherent = Coherent::new(seed, policy, state);
        if one.is_some_and(|one| one != seed) { continue; }
        for of in 0..COMMITS {
            let before = tally.different.len();
            ask(&mut coherent, &sha(of), &mut tally);
            if of1 == Some(of) { coherent.show(); println!("{:#?}", coherent.world.verdict_of(&sha(of))); }
            if tally.different.len() > before {
                tally
                    .different
                    .last_mut()
                    .unwrap()
                    .push_str(&format!("  (seed {seed} commit {of} )"));
            }
        }
    }
    println!("{} checked, {:?}", tally.checked, tally.reasons);
    println!("{} undetermined", tally.undetermined.values().sum::<usize>());
    let mut most: Vec<_> = tally.undetermined.iter().collect();
    most.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    for (why, n) in most.iter().take(30) {
        println!("   {n} {why}");
    }
    println!("{} different", tally.different.len());
    for how in tally.different.iter().take(25) {
        println!("{how}");
    }
    assert!(tally.different.is_empty());
}
