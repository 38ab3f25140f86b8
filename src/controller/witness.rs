//! Observes each decision with its question. Tests use it to check decisions against the
//! design; the program itself does not set one.

use std::sync::Arc;

use jiff::Timestamp;

use super::Shared;
use crate::decide::{Judgement, Question};
use crate::domain::{Decision, Observation, Policy, ReleaseState};

/// Receives each decision that is acted on, with its question. It cannot change anything.
pub type Witness = Arc<dyn Fn(&Question<'_>, &Decision) + Send + Sync>;

impl Shared {
    /// Sets the witness.
    #[must_use]
    pub fn witnessed_by(self, witness: Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Passes one decision to the witness.
    pub(super) fn show_decision(&self, question: &Question<'_>, decision: &Decision) {
        if let Some(witness) = &self.witness {
            witness(question, decision);
        }
    }

    /// Passes every decision of a judgement to the witness.
    pub(super) fn show_judgement(
        &self,
        policy: &Policy,
        observation: &Observation,
        release: &ReleaseState,
        judgement: &Judgement,
        now: Timestamp,
    ) {
        let below = judgement.ships.iter();
        let below = below.filter(|ships| !judgement.decisions.contains_key(&ships.sha));
        for decision in judgement.decisions.values().chain(below) {
            let question = Question::of_a_pass(&decision.sha, policy, observation, release, now);
            self.show_decision(&question, decision);
        }
    }
}
