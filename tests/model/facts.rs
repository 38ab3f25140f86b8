//! Facts with their doubt, and what follows from them about which commits contain which.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use release_governor::decide::Question;
use release_governor::domain::{
    Availability as Answered, BranchCommits, Fact, Ranged, Relation, Sha,
};

use super::production::{self, Certain, Moves};
use super::{Availability, undetermined};

/// A question and the commit graph that its facts add up to.
pub(crate) struct Asked<'a> {
    pub(super) question: Question<'a>,
    graph: Graph,
    pub(super) moves: Moves,
    pub(super) production: Certain,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(question: &Question<'a>) -> Self {
        let moves = production::moves(question.release);
        let production = production::production(question, &moves);
        let graph = Graph::of(question, moves.shas());
        Self { question: *question, graph, moves, production }
    }
}

impl<'a> std::ops::Deref for Asked<'a> {
    type Target = Question<'a>;
    fn deref(&self) -> &Question<'a> {
        &self.question
    }
}

/// The value of a fact, if it is known.
pub(super) fn fact<'f, T>(known: Option<&'f Fact<T>>, what: &str) -> Availability<&'f T> {
    match known {
        Some(Fact::Known(value)) => Ok(value),
        None | Some(Fact::NotAsked) => undetermined(format!("nobody asked for {what}")),
        Some(Fact::Unreadable(_)) => undetermined(format!("{what} cannot be read")),
    }
}

/// The answer of a fact. The inner `None` means that it can never be known.
pub(super) fn answer<'f, T>(
    known: Option<&'f Fact<Answered<T>>>,
    what: &str,
) -> Availability<Option<&'f T>> {
    match fact(known, what)? {
        Answered::Known(value) => Ok(Some(value)),
        Answered::Untold(_) => Ok(None),
    }
}

/// How `head` relates to `base`, and the files that differ.
pub(super) fn range<'a>(asked: &Asked<'a>, base: &Sha, head: &Sha) -> Availability<&'a Ranged> {
    let between = (base.clone(), head.clone());
    let what = format!("the range {}..{}", base.short(), head.short());
    fact(asked.question.observation.ranges.get(&between), &what)
}

/// Whether the branch contains this commit.
pub(super) fn is_on_branch(asked: &Asked<'_>, sha: &Sha) -> Availability<bool> {
    let facts = asked.observation.commits.get(sha).map(|facts| &facts.on_branch);
    if let Some(Fact::Known(is_on)) = facts {
        return Ok(*is_on);
    }
    match &asked.observation.branch_tip {
        Some(tip) => contains(asked, tip, sha),
        None => undetermined("the branch has no tip"),
    }
}

/// Whether `container` contains `contained`, by all known facts. A commit that GitHub cannot
/// compare is not contained.
pub(super) fn contains(asked: &Asked<'_>, container: &Sha, contained: &Sha) -> Availability<bool> {
    let graph = &asked.graph;
    let is_seen = graph.reached(container).contains(contained);
    let is_other_way_round = container != contained && graph.reached(contained).contains(container);
    let pair = (container.clone(), contained.clone());
    let is_apart = is_other_way_round || graph.apart.contains(&pair);
    let ancestry = &asked.observation.ancestry;
    let is_told_apart = graph.incomparable.contains(&pair)
        || graph.is_whole(container)
        || ancestry.containment(container, contained, &BranchCommits::default())
            == Fact::Known(false);
    let (one, other) = (container.short(), contained.short());
    if graph.broken.contains(&pair)
        && !asked.observation.branch_commits.shows_containment(container, contained)
    {
        // Containment may be known from a list that was read for another rule.
        return undetermined(format!("{one} and {other} cannot be compared for good"));
    }
    match (is_seen, is_apart, is_told_apart) {
        (true, true, _) => undetermined(format!("{one} contains {other}, and does not")),
        (true, false, _) => Ok(true),
        (false, true, _) | (false, false, true) => Ok(false),
        (false, false, false) => undetermined(format!("whether {one} contains {other}")),
    }
}

/// Everything that the facts say about containment.
struct Graph {
    /// By commit: what it is known to contain, through parents or a comparison.
    below: BTreeMap<Sha, BTreeSet<Sha>>,
    /// Commits whose parents are all in `below`.
    listed: BTreeSet<Sha>,
    /// Pairs of a container and a commit that it is known not to contain.
    apart: BTreeSet<(Sha, Sha)>,
    /// The same, because GitHub cannot compare them.
    incomparable: BTreeSet<(Sha, Sha)>,
    /// Pairs that GitHub repeatedly fails to compare.
    broken: BTreeSet<(Sha, Sha)>,
    reached: RefCell<BTreeMap<Sha, Rc<BTreeSet<Sha>>>>,
}

impl Graph {
    fn of(question: &Question<'_>, others: Vec<Sha>) -> Self {
        let observation = question.observation;
        let mut graph = Self {
            below: BTreeMap::new(),
            listed: BTreeSet::new(),
            apart: BTreeSet::new(),
            incomparable: BTreeSet::new(),
            broken: BTreeSet::new(),
            reached: RefCell::default(),
        };
        for (sha, parents) in &observation.branch_commits.commits {
            graph.list(sha, parents);
        }
        for known in observation.commits_between.values() {
            let Fact::Known(Answered::Known(commits)) = known else { continue };
            commits.iter().for_each(|commit| graph.list(&commit.sha, &commit.parents));
        }
        for known in observation.origins.steps.values() {
            let Fact::Known(Answered::Known(steps)) = known else { continue };
            steps.iter().for_each(|step| graph.add(&step.sha, &step.parent));
        }
        for ((base, head), known) in &observation.ranges {
            if let Fact::Known(ranged) = known {
                graph.compare(base, head, ranged);
            }
        }
        // Facts that are recorded by a single commit.
        let nothing = BranchCommits::default();
        let all = graph.below.iter().flat_map(|(sha, below)| below.iter().chain([sha])).cloned();
        let all: BTreeSet<Sha> = all.chain(others).chain([question.sha.clone()]).collect();
        let all: BTreeSet<Sha> =
            all.into_iter().chain(observation.commits.keys().cloned()).collect();
        for sha in all.iter().chain(&observation.branch_tip) {
            for below in observation.ancestry.contained_in(sha, &nothing) {
                graph.add(sha, below);
            }
        }
        graph
    }

    fn list(&mut self, sha: &Sha, parents: &[Sha]) {
        self.listed.insert(sha.clone());
        self.below.entry(sha.clone()).or_default().extend(parents.iter().cloned());
    }

    fn add(&mut self, container: &Sha, contained: &Sha) {
        self.below.entry(container.clone()).or_default().insert(contained.clone());
    }

    fn compare(&mut self, base: &Sha, head: &Sha, ranged: &Ranged) {
        let (there, back) = ((base.clone(), head.clone()), (head.clone(), base.clone()));
        match ranged {
            Ranged::Compared(compared) => match compared.relation {
                Relation::Identical => {}
                Relation::Ahead => {
                    self.add(head, base);
                    self.apart.insert(there);
                }
                Relation::Behind => {
                    self.add(base, head);
                    self.apart.insert(back);
                }
                Relation::Diverged => self.apart.extend([there, back]),
            },
            Ranged::Incomparable(_) => self.incomparable.extend([there, back]),
            Ranged::Broken(_) => self.broken.extend([there, back]),
        }
    }

    /// Everything that `sha` is known to contain, including itself.
    fn reached(&self, sha: &Sha) -> Rc<BTreeSet<Sha>> {
        if let Some(found) = self.reached.borrow().get(sha) {
            return Rc::clone(found);
        }
        let (mut found, mut open) = (BTreeSet::from([sha.clone()]), vec![sha.clone()]);
        while let Some(one) = open.pop() {
            for below in self.below.get(&one).into_iter().flatten() {
                if found.insert(below.clone()) {
                    open.push(below.clone());
                }
            }
        }
        let found = Rc::new(found);
        self.reached.borrow_mut().insert(sha.clone(), Rc::clone(&found));
        found
    }

    /// Whether everything it contains was listed, down to the root.
    fn is_whole(&self, sha: &Sha) -> bool {
        self.reached(sha).iter().all(|one| self.listed.contains(one))
    }
}
