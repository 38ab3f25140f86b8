//! Checks `decide` against the model in `tests/model`, an independent implementation of the
//! design.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use release_governor::decide::{Question, decide};
use release_governor::domain::*;

use crate::arbitrary::{cases, policies, states};
use crate::coherent::{COMMITS, Coherent};
use crate::model::{Checked, check};
use crate::world::sha;

/// The minimum number of worlds; these produce every reason.
const WORLDS: u32 = 500;
/// The maximum number of rounds in which a decision may name lacks.
const ROUNDS: usize = 60;

/// Statistics of the checks.
#[derive(Debug, Default)]
struct Tally {
    reasons: BTreeMap<Reason, usize>,
    undetermined: BTreeMap<String, usize>,
    different: Vec<String>,
}

/// The world of this seed.
fn world_of(seed: u32) -> Coherent {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(cases(1), rng);
    let policy = policies().new_tree(&mut runner).unwrap().current();
    let state = states().new_tree(&mut runner).unwrap().current();
    Coherent::new(seed.into(), policy, state)
}

/// Decides as a pass does: reads lacking facts until there are none.
fn ask(coherent: &mut Coherent, sha: &Sha, seed: u32, tally: &mut Tally) {
    for _ in 0..ROUNDS {
        let Verdict::Lacks(lacks) = coherent.world.verdict_of(sha) else { break };
        lacks.iter().for_each(|lack| coherent.read(lack));
    }
    let world = &coherent.world;
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
    let Verdict::Decided(decision) = decide(&question) else {
        return tally.different.push(format!("seed {seed}: no decision about {sha}"));
    };
    *tally.reasons.entry(decision.reason()).or_default() += 1;
    match check(&question, &decision) {
        Checked::Same => {}
        Checked::Undetermined(why) => *tally.undetermined.entry(why).or_default() += 1,
        Checked::Different(how) => tally.different.push(format!("seed {seed}: {how}")),
    }
}

/// Failures are reported with their seed. `PROPTEST_CASES=2560` checks ten times as many
/// worlds.
#[test]
fn decide_says_what_the_model_says() {
    let mut tally = Tally::default();
    for seed in 0..cases(WORLDS).cases.max(WORLDS) {
        let mut coherent = world_of(seed);
        for of in 0..COMMITS {
            ask(&mut coherent, &sha(of), seed, &mut tally);
        }
    }
    let decisions: usize = tally.reasons.values().sum();
    let undetermined: usize = tally.undetermined.values().sum();
    println!("decisions: {decisions}, undetermined: {undetermined} {:?}", tally.undetermined);
    assert!(tally.different.is_empty(), "\n{}", tally.different.join("\n"));
    let never = Reason::ALL.iter().filter(|reason| !tally.reasons.contains_key(reason));
    let never: Vec<&str> = never.map(|reason| reason.code()).collect();
    assert!(never.is_empty(), "never met: {never:?} of {:?}", tally.reasons);
    assert!(undetermined * 50 < decisions, "{undetermined} of {decisions} were not told");
}
