//! Checks every decision of a history against the model of the design in `tests/model`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use release_governor::controller::Witness;
use release_governor::domain::Reason;

use crate::design::{Checked, check as held_against};
use crate::oracles::{Broken, broken};
use crate::world::World;

/// The results so far.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    /// How often each reason was given.
    pub(crate) reasons: BTreeMap<Reason, usize>,
    /// How often, and why, the model was undetermined.
    pub(crate) undetermined: BTreeMap<String, usize>,
    /// The first decision that differs from the design.
    different: Option<String>,
}

/// Checks each decision of a process against the design.
pub(crate) fn witness(judge: &Arc<Mutex<Judge>>) -> Witness {
    let judge = Arc::clone(judge);
    Arc::new(move |question, decision| {
        let checked = held_against(question, decision);
        let mut judge = judge.lock().unwrap();
        *judge.reasons.entry(decision.reason()).or_default() += 1;
        match checked {
            Checked::Same => {}
            Checked::Undetermined(why) => *judge.undetermined.entry(why).or_default() += 1,
            Checked::Different(how) => judge.different = judge.different.take().or(Some(how)),
        }
    })
}

/// Fails if any decision since the last call differed from the design.
pub(crate) fn check(world: &World) -> Result<(), Broken> {
    match world.judge.lock().unwrap().different.take() {
        Some(how) => broken("model", how),
        None => Ok(()),
    }
}
