//! `decide` against the model in `tests/model`, a second reading of the design.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use release_governor::decide::{Question, decide};
use release_governor::domain::*;

use crate::approving::spoken_worlds;
use crate::arbitrary::worlds;
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

#[test]
fn decide_says_of_arbitrary_worlds_what_the_model_says() {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]),
    );
    let mut tally = Tally::default();
    let strategy = prop_oneof![worlds(), spoken_worlds()];
    for _ in 0..2000 {
        let world = strategy.new_tree(&mut runner).unwrap().current();
        for of in 0..=5 {
            tally.add(&world, &sha(of));
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
