//! Whoever wants to see each decision with the question that it answers: the tests do, to hold it
//! against the design. The program has none.

use std::sync::Arc;

use jiff::Timestamp;

use super::Shared;
use crate::decide::{Judgement, Question};
use crate::domain::{Decision, Observation, Policy, ReleaseState};

/// Is shown each decision that is acted on, and what it was decided on. It changes nothing.
pub type Witness = Arc<dyn Fn(&Question<'_>, &Decision) + Send + Sync>;

impl Shared {
    /// The same, with a witness.
    #[must_use]
    pub fn witnessed_by(self, witness: Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Shows one decision.
    pub(super) fn show_decision(&self, question: &Question<'_>, decision: &Decision) {
        if let Some(witness) = &self.witness {
            witness(question, decision);
        }
    }

    /// Shows every decision of a judgement.
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
