//! What a replay comes to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::domain::{Outcome, Really, Reason, Replayed, RiskClass, Ships};

/// A replay in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Commits that were verified.
    pub verified: usize,
    /// Of these: those that ship by themselves.
    pub would_ship: usize,
    /// Those that go along with a later one.
    pub would_go_along: usize,
    /// Those that are held at first, by reason.
    pub would_be_held: BTreeMap<Reason, usize>,
    /// Of those that are held as HIGH: those that brought a path that no earlier one had. The others
    /// wait behind one.
    pub held_for_their_own: usize,
    /// How long those took that were held at first and went out after all, shortest first.
    pub waits: Vec<SignedDuration>,
    /// Those that did not go out.
    pub would_not_ship: usize,
    /// Those that were really deployed by themselves.
    pub really_deployed: usize,
    /// Of these: those that would have been held at that time.
    pub deployed_although_held: usize,
}

impl Summary {
    /// Of these commits.
    #[must_use]
    pub fn of(commits: &[Replayed]) -> Self {
        let mut summary = Self { verified: commits.len(), ..Self::default() };
        let mut brought_before = BTreeSet::new();
        for commit in commits {
            match commit.ships {
                Ships::At(_) => summary.would_ship += 1,
                Ships::Along { .. } => summary.would_go_along += 1,
                Ships::Never => summary.would_not_ship += 1,
            }
            if is_held(commit) {
                *summary.would_be_held.entry(commit.decision.reason()).or_default() += 1;
            }
            let paths = commit.decision.risk.paths.iter();
            let high = paths.filter(|path| path.risk_class == RiskClass::High);
            let brought = high.flat_map(|path| path.brought.iter().map(|one| &one.commit));
            let brought_anew = brought.filter(|sha| brought_before.insert(*sha)).count() > 0;
            let is_high = commit.decision.reason() == Reason::HighRiskNoApproval;
            summary.held_for_their_own += usize::from(is_high && brought_anew);
            summary.waits.extend(waited(commit));
            if let Really::Deployed(deploy) = &commit.really {
                summary.really_deployed += 1;
                let is_out = commit.ships.at().is_some_and(|at| at <= deploy.at);
                summary.deployed_although_held += usize::from(is_held(commit) && !is_out);
            }
        }
        summary.waits.sort_unstable();
        summary
    }

    /// The wait that half of them did not exceed.
    #[must_use]
    pub fn median_wait(&self) -> Option<SignedDuration> {
        self.waits.get(self.waits.len().saturating_sub(1) / 2).copied()
    }
}

/// Whether it is held when it is verified.
fn is_held(commit: &Replayed) -> bool {
    commit.decision.outcome() == Outcome::Hold
}

/// How long it took from its verification until it went out, where it was held at first.
#[must_use]
pub fn waited(commit: &Replayed) -> Option<SignedDuration> {
    let out_at = commit.ships.at().filter(|_| is_held(commit))?;
    Some(out_at.duration_since(commit.verified_at))
}
