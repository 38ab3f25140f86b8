//! What is in production and what may follow it, by the design, from what the fake GitHub
//! shows.

use ghbox::story as stage;

use crate::model::{Deploy, Lift, Model, ROLLBACK, Try};

/// What a run says about the commit that it deploys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is not a deploy of the governed target.
    Nothing,
    /// It deploys an unknown commit.
    Unknown,
    Sha(String),
    /// Whether it is known depends on when it was read.
    Depends,
}

/// What is in production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    None,
    Unknown,
    Sha(String),
    /// It depends on when it was read.
    Depends,
}

/// A move of production.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    /// GitHub's lists have a resolution of one second.
    pub(crate) second: i64,
    /// Whether it was running during a `set-production`.
    pub(crate) follows_a_word: bool,
    /// Whether it ended in the same second as a `set-production`, so that their order is
    /// unknown.
    pub(crate) ends_with_a_word: bool,
    pub(crate) run: u64,
    pub(crate) told: Told,
    /// Whether it is not a rollback: a pass of ours decided on it, an operator set it, or it is
    /// a stray run.
    pub(crate) is_no_rollback: bool,
}

impl Moved {
    fn sha(&self) -> Option<&str> {
        match &self.told {
            Told::Sha(sha) => Some(sha),
            Told::Nothing | Told::Unknown | Told::Depends => None,
        }
    }
}

impl Model {
    /// What a run says about its commit.
    pub(crate) fn told(&self, deploy: &Deploy) -> Told {
        if self.phantoms.contains(&deploy.id) {
            return if self.jobs_were_unreadable { Told::Depends } else { Told::Nothing };
        }
        if deploy.workflow == self.workflows[ROLLBACK] {
            let counts = self.policy.contains_key("other_deploy_workflows");
            return if counts { self.told_by_title(deploy) } else { Told::Nothing };
        }
        if deploy.workflow != self.deploy_workflow() {
            return Told::Nothing;
        }
        if let Some(sent) = &deploy.sent {
            let kept = self.disk_lost_at.is_none() && !self.twin_seen;
            return if kept || self.holds(sent) { Told::Sha(sent.clone()) } else { Told::Depends };
        }
        if self.strays.contains(&deploy.id) {
            let claims = deploy.branch.as_deref() == Some(self.branch());
            return if claims { Told::Unknown } else { Told::Depends };
        }
        // A force push before it was seen makes it a stray run.
        if deploy.branch.as_deref() == Some(self.branch()) && !self.holds(&deploy.head_sha) {
            return Told::Depends;
        }
        let preview = deploy.branch.as_deref().is_some_and(|on| {
            self.policy.get("preview_refs").is_some_and(|refs| refs == &format!("[\"{on}\"]"))
        });
        match deploy.event.as_str() {
            _ if preview => Told::Nothing,
            "push" if self.holds(&deploy.head_sha) => Told::Sha(deploy.head_sha.clone()),
            "push" => Told::Depends,
            _ => self.told_by_title(deploy),
        }
    }

    /// The commit in the title: `Deploy SHA`, in full, as the workflow's `run-name` makes it. A
    /// rollback's title names it in the last word.
    fn told_by_title(&self, deploy: &Deploy) -> Told {
        let title = deploy.title.as_str();
        let fits = title.strip_prefix("Deploy ").or_else(|| title.strip_prefix("Roll back to "));
        let digits = fits.filter(|rest| {
            (7..=40).contains(&rest.len()) && rest.bytes().all(|one| one.is_ascii_hexdigit())
        });
        let Some(digits) = digits else { return Told::Unknown };
        let mut known = self.order.iter().filter(|sha| sha.starts_with(digits));
        match (known.next(), known.next()) {
            (None, _) => Told::Unknown,
            (Some(sha), None) if self.holds(sha) => Told::Sha(sha.clone()),
            (Some(_), _) => Told::Depends,
        }
    }

    /// The commit that a run is an attempt of.
    pub(crate) fn attempt_of(&self, deploy: &Deploy) -> Option<String> {
        if let Some(sent) = &deploy.sent {
            return Some(sent.clone());
        }
        match self.told(deploy) {
            Told::Sha(sha) => Some(sha),
            Told::Nothing | Told::Unknown | Told::Depends => None,
        }
    }

    /// Whether it runs on another ref than the deploys do, or by another workflow.
    pub(crate) fn is_other_deploy(&self, deploy: &Deploy) -> bool {
        deploy.workflow != self.deploy_workflow()
            || deploy
                .branch
                .as_deref()
                .is_some_and(|on| on != self.branch() && on != self.deploy_ref())
    }

    /// Whether nothing may be started while it is in flight.
    pub(crate) fn blocks(&self, deploy: &Deploy) -> bool {
        deploy.is_ours()
            || deploy.workflow == self.deploy_workflow() && self.told(deploy) != Told::Nothing
            || deploy.workflow == self.workflows[ROLLBACK]
                && self.policy.contains_key("other_deploy_workflows")
    }

    /// All moves of production, in order.
    pub(crate) fn moves(&self) -> Vec<Moved> {
        let mut moves = Vec::new();
        for deploy in self.deploys.values() {
            let told = self.told(deploy);
            if told == Told::Nothing {
                continue;
            }
            for (number, one) in &deploy.tries {
                if one.ended.as_ref().is_some_and(|(_, conclusion)| conclusion == "success") {
                    let word = self.word_before_its_end(one);
                    moves.push(Moved {
                        second: word.unwrap_or(one.started_at.as_second()),
                        follows_a_word: word.is_some(),
                        ends_with_a_word: self.ends_with_a_word(one),
                        run: deploy.id,
                        told: told.clone(),
                        is_no_rollback: deploy.is_ours()
                            && *number == 1
                            && !self.rollbacks.contains(&deploy.id)
                            || self.strays.contains(&deploy.id),
                    });
                }
            }
        }
        if let Some((sha, at)) = &self.production_set {
            let told = Told::Sha(sha.clone());
            let (second, run) = (at.as_second(), u64::MAX);
            moves.push(Moved {
                second,
                follows_a_word: false,
                ends_with_a_word: false,
                run,
                told,
                is_no_rollback: true,
            });
        }
        moves.sort_by_key(|moved| (moved.second, moved.follows_a_word, moved.run));
        moves
    }

    /// A run counts from its start. One that ended after a `set-production` counts from that
    /// action, which it follows.
    fn word_before_its_end(&self, one: &Try) -> Option<i64> {
        let started = one.started_at.as_second();
        let ended = one.ended.as_ref().map_or(i64::MAX, |(at, _)| at.as_second());
        let words = self.words_of_production.iter().map(|at| at.as_second());
        words.filter(|at| started < *at && *at < ended).max()
    }

    fn ends_with_a_word(&self, one: &Try) -> bool {
        let Some((ended, _)) = &one.ended else { return false };
        let mut words = self.words_of_production.iter();
        words.any(|at| (at.as_second() - ended.as_second()).abs() <= 1)
    }

    pub(crate) fn production(&self) -> Truth {
        let moves = self.moves();
        let Some(last) = moves.last() else {
            // A deploy by another workflow shows that something is in production, but not what.
            let workflow = self.deploy_workflow();
            let ours = self.deploys.values().filter(|one| one.is_ours());
            let mut other = ours.filter(|one| one.workflow != workflow).peekable();
            if other.peek().is_none() {
                return Truth::None;
            }
            let succeeded = |one: &Deploy| {
                let mut ended = one.tries.values().filter_map(|one| one.ended.as_ref());
                ended.any(|(_, conclusion)| conclusion == "success")
            };
            // The statuses do not show what a lost disk knew of a commit that left the branch.
            let is_kept = self.disk_lost_at.is_none() && !self.twin_seen;
            let is_told =
                |one: &Deploy| is_kept || one.sent.as_ref().is_some_and(|sha| self.holds(sha));
            let is_known = other.any(|one| succeeded(one) && is_told(one));
            return if is_known { Truth::Unknown } else { Truth::Depends };
        };
        // The order of an action and a run in the same second is unknown.
        let near = |one: &Moved, at: i64| (one.second - at).abs() <= 1;
        let is_run = |one: &Moved| one.run != u64::MAX && !one.follows_a_word;
        let unclear = self
            .words_of_production
            .iter()
            .map(|at| at.as_second())
            .any(|at| near(last, at) && moves.iter().any(|one| is_run(one) && near(one, at)));
        if unclear || moves.iter().any(|one| one.ends_with_a_word) {
            return Truth::Depends;
        }
        match &last.told {
            Told::Sha(sha) => Truth::Sha(sha.clone()),
            Told::Depends => Truth::Depends,
            Told::Unknown | Told::Nothing => Truth::Unknown,
        }
    }

    /// An earlier production that a deploy which no pass decided on rolled back. Production
    /// still lacks it, and no operator has allowed `sha` to ship since.
    pub(crate) fn rolled_back(&self, sha: &str) -> Option<String> {
        let moves = self.moves();
        let now = moves.last()?;
        let lacks = |moved: &Moved, earlier: &str| match &moved.told {
            Told::Sha(sha) => !self.contains(sha, earlier),
            Told::Unknown => true,
            Told::Depends | Told::Nothing => false,
        };
        for (place, moved) in moves.iter().enumerate().filter(|(_, moved)| !moved.is_no_rollback) {
            let is_lifted = self.is_lifted(moved.second + i64::from(moved.follows_a_word), sha);
            if is_lifted || moved.ends_with_a_word {
                continue;
            }
            let mut earlier = moves[..place].iter().filter_map(Moved::sha);
            let lost = earlier.find(|&earlier| {
                lacks(moved, earlier) && lacks(now, earlier) && self.holds(earlier)
            });
            if let Some(lost) = lost {
                return Some(lost.to_owned());
            }
        }
        None
    }

    fn is_lifted(&self, since: i64, sha: &str) -> bool {
        let later = self.lifts.iter().filter(|(at, _)| at.as_second() >= since);
        later.into_iter().any(|(_, lift)| match lift {
            Lift::Everything => true,
            Lift::Below(of) => self.contains(of, sha),
        })
    }

    /// Whether it may have been in production.
    pub(crate) fn may_have_run(&self, sha: &str) -> bool {
        let mut moves = self.moves().into_iter();
        moves.any(|moved| moved.sha() == Some(sha) || moved.told == Told::Depends)
    }

    /// A certain production that contains `sha` and differs from it, while the current one is
    /// uncertain.
    pub(crate) fn older_than_a_certain_one(&self, sha: &str) -> Option<String> {
        let moves = self.moves();
        let certain = moves.iter().filter_map(Moved::sha);
        certain.into_iter().find(|&one| one != sha && self.contains(one, sha)).map(str::to_owned)
    }

    /// The commit that `sha` would bring into production although the branch reverted it.
    pub(crate) fn reverted(&self, sha: &str) -> Option<String> {
        let (base, certain) = match self.production() {
            Truth::Sha(base) => (base, true),
            Truth::None | Truth::Unknown => (String::new(), false),
            Truth::Depends => return None,
        };
        let brought = self.between(&base, sha);
        let later = self.between(sha, self.tip());
        let words = later.iter().filter_map(|sha| self.commits[*sha].undoes.as_ref());
        let words: Vec<_> = words.filter(|undo| certain || undo.by_sha || undo.restores).collect();
        let own: Vec<_> =
            brought.iter().filter_map(|sha| self.commits[*sha].undoes.as_ref()).collect();
        brought.into_iter().find_map(|target| {
            let last = words.iter().rfind(|undo| undo.of == target)?;
            // A range does not bring what it reverts itself.
            let is_undone = own.iter().rfind(|undo| undo.of == target);
            let is_brought = is_undone.is_none_or(|undo| undo.restores);
            (!last.restores && is_brought).then(|| target.to_owned())
        })
    }

    /// Whether shipping `sha` now is HIGH; `None` if that depends on when it was read.
    pub(crate) fn is_high(&self, sha: &str) -> Option<bool> {
        match self.production() {
            Truth::None => Some(false),
            Truth::Unknown => Some(true),
            Truth::Depends => None,
            Truth::Sha(base) => Some(
                !self.contains(sha, &base)
                    || self.high_between(&base, sha)
                    || self.deploy_files(sha) != self.deploy_files(self.deploy_tip()),
            ),
        }
    }

    /// Whether production was ever determined by anything but our own passes, so that the safe
    /// answer may differ from the true one.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.disk_lost_at.is_some()
            || self.deploys.values().any(|one| {
                one.deleted_at.is_some()
                    || one.branch.is_none()
                    || one.workflow != self.workflows[stage::DEPLOY]
                    || (!one.is_ours() && !matches!(self.told(one), Told::Sha(_)))
            })
    }
}
