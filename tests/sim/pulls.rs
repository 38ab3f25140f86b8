//! Pull requests and the people who approve them: their events, and what the model knows.

use std::collections::BTreeSet;

use ghbox::{MergeMethod, Repo, Role};

use crate::chance::Chance;
use crate::files;
use crate::model::Model;
use crate::script::{Event, Touch, What};
use crate::world::World;

const LABEL: &str = "release:approved";
/// The author of all pull requests, who has write access.
const AUTHOR: &str = "eve";

/// A person who may comment on a pull request or label it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Author,
    /// Has write access.
    Writer,
    /// Has the triage role, which can also add labels.
    Triager,
    /// Has write access until they leave.
    Leaver,
}

impl Who {
    const ALL: [Self; 4] = [Self::Author, Self::Writer, Self::Triager, Self::Leaver];

    fn login(self) -> &'static str {
        match self {
            Self::Author => AUTHOR,
            Self::Writer => "wes",
            Self::Triager => "tri",
            Self::Leaver => "lea",
        }
    }
}

/// The text of a comment on a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    Approve,
    Quoted,
    InPassing,
    /// The command, edited afterwards.
    Edited,
}

/// An action on a pull request before it was merged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Early {
    Label(Who),
    Comment(Who),
}

/// An event about pull requests; `nth` counts back from the newest.
#[derive(Clone, Debug)]
pub(crate) enum Pulling {
    /// One is opened and merged.
    Merge {
        /// The number of commits since it forked from the branch.
        nth: u64,
        touches: Vec<Touch>,
        method: MergeMethod,
        early: Option<Early>,
        /// A change pushed to it after that.
        pushed_then: Option<Touch>,
        verified: Option<&'static str>,
    },
    Label {
        nth: u64,
        who: Who,
        on: bool,
    },
    Comment {
        nth: u64,
        who: Who,
        words: Words,
    },
    /// The user who leaves loses write access.
    Leave,
}

/// A merged pull request.
#[derive(Clone, Debug)]
pub(crate) struct MergedPull {
    number: u64,
    /// Its commits, and the resulting commits on the branch.
    brought: BTreeSet<String>,
    /// Who added the current label, and whether that was before the last commit.
    label: Option<(Who, bool)>,
    /// The authors of valid commands.
    comments: Vec<Who>,
}

impl Model {
    fn may_approve(&self, who: Who) -> bool {
        match who {
            Who::Author | Who::Triager => false,
            Who::Writer => true,
            Who::Leaver => !self.has_left,
        }
    }

    fn mode_has(&self, mode: &str) -> bool {
        self.policy.get("approval_mode").is_some_and(|modes| modes.contains(mode))
    }

    fn is_pull_approved(&self, pull: &MergedPull) -> bool {
        let by_label = pull.label.is_some_and(|(who, in_time)| in_time && self.may_approve(who));
        let by_comment = pull.comments.iter().any(|who| self.may_approve(*who));
        (self.mode_has("label") && by_label) || (self.mode_has("comment") && by_comment)
    }

    fn is_brought_by_an_approved_pull(&self, sha: &str) -> bool {
        let mut pulls = self.pulls.iter().filter(|pull| pull.brought.contains(sha));
        pulls.any(|pull| self.is_pull_approved(pull))
    }

    /// Whether people approved everything that makes `sha` HIGH over `base`, or over a commit
    /// that an operator approved.
    pub(crate) fn is_approved_by_people(&self, base: &str, sha: &str) -> bool {
        let words = self.approvals.iter().map(|approval| approval.sha.as_str());
        // An approval of a commit that production already contains says nothing about later
        // commits.
        let words = words.filter(|word| self.contains(word, base));
        let mut bases = words.chain([base]).filter(|base| self.contains(sha, base));
        let is_approved = bases.any(|base| self.is_approved_since(base, sha));
        is_approved && self.contains(sha, base) && self.deploy_files_came_approved(sha)
    }

    /// Whether each step of the branch since `base` that changes a HIGH path in which `base`
    /// and `sha` differ came with an approved pull request.
    fn is_approved_since(&self, base: &str, sha: &str) -> bool {
        let differ = |touch: &Touch, one: &str, other: &str| {
            let at = |sha: &str| self.commits[sha].files.get(touch).copied().unwrap_or(0);
            at(one) != at(other)
        };
        let mut high: Vec<Touch> = Touch::ALL.into_iter().filter(|touch| touch.is_high()).collect();
        high.retain(|touch| differ(touch, base, sha));
        let brings_some = |step: &str| {
            let parent = self.commits[step].parents.first();
            parent.is_none_or(|parent| high.iter().any(|touch| differ(touch, parent, step)))
        };
        let mut steps = self.line(sha).take_while(|step| !self.contains(base, step));
        steps.all(|step| !brings_some(step) || self.is_brought_by_an_approved_pull(step))
    }

    /// Whether the deploy files at the tip are those of `sha`, or came with an approved pull
    /// request.
    pub(crate) fn deploy_files_came_approved(&self, sha: &str) -> bool {
        let tip = self.deploy_tip();
        if self.deploy_files(sha) == self.deploy_files(tip) {
            return true;
        }
        let mut later = self.between(sha, tip).into_iter();
        later.any(|one| {
            let parents = &self.commits[one].parents;
            let before = parents.first().map(|parent| self.deploy_files(parent));
            before != Some(self.deploy_files(one)) && self.is_brought_by_an_approved_pull(one)
        })
    }
}

impl World {
    pub(crate) fn pulls(&mut self, at: usize, what: &Pulling) {
        match what {
            Pulling::Merge { nth, touches, method, early, pushed_then, verified } => {
                let opened = self.opened(at, *nth, touches, *early, *pushed_then);
                let Some((pull, fork)) = opened else { return };
                self.merged(at, pull, &fork, *method);
                self.verify_tip(at, *verified);
            }
            Pulling::Label { nth, who, on } => {
                let Some((number, place)) = self.pull(at, *nth) else { return };
                let ground = &mut self.grounds[at];
                let label = &mut ground.model.pulls[place].label;
                if *on {
                    ground.repo.add_label(number, LABEL, who.login());
                    // A label that is already present is not added again.
                    label.get_or_insert((*who, true));
                } else {
                    ground.repo.remove_label(number, LABEL, who.login());
                    *label = None;
                }
            }
            Pulling::Comment { nth, who, words } => {
                let Some((number, place)) = self.pull(at, *nth) else { return };
                let ground = &mut self.grounds[at];
                let pull = ground.model.pulls.get_mut(place);
                let comment = say(pull, &ground.repo, number, *who, *words);
                if *words == Words::Edited {
                    // GitHub does not show an edit within the same second.
                    self.later(2);
                    self.grounds[at].repo.edit_comment(number, comment, "Well.\n\n/approve\n");
                }
            }
            Pulling::Leave => {
                let ground = &mut self.grounds[at];
                ground.repo.remove_collaborator(Who::Leaver.login());
                ground.model.has_left = true;
            }
        }
    }

    fn pull(&self, at: usize, nth: u64) -> Option<(u64, usize)> {
        let pulls = &self.grounds[at].model.pulls;
        let place = pulls.len().checked_sub(1 + usize::try_from(nth).unwrap())?;
        Some((pulls[place].number, place))
    }

    /// Opens a pull request with one commit for each touch. Returns it and its fork point.
    fn opened(
        &mut self,
        at: usize,
        nth: u64,
        touches: &[Touch],
        early: Option<Early>,
        pushed_then: Option<Touch>,
    ) -> Option<(MergedPull, String)> {
        self.people_come(at);
        let model = &self.grounds[at].model;
        let tip = model.tips["main"].clone();
        let fork = model.line(&tip).nth(usize::try_from(nth).unwrap())?.to_owned();
        let branch = format!("pull-{}", model.order.len());
        let mut parent = fork.clone();
        let mut brought = BTreeSet::new();
        for touch in touches {
            parent = self.commit_on(at, &branch, *touch, &parent);
            brought.insert(parent.clone());
        }
        let repo = &self.grounds[at].repo;
        let number = repo.open_pull_request(&branch, "main", &format!("Do {branch}"), AUTHOR);
        let mut pull = MergedPull { number, brought, label: None, comments: Vec::new() };
        match early {
            Some(Early::Label(who)) => {
                repo.add_label(number, LABEL, who.login());
                pull.label = Some((who, pushed_then.is_none()));
            }
            Some(Early::Comment(who)) => {
                let counts = pushed_then.is_none();
                let kept = counts.then_some(&mut pull);
                say(kept, repo, number, who, Words::Approve);
            }
            None => {}
        }
        if let Some(touch) = pushed_then {
            parent = self.commit_on(at, &branch, touch, &parent);
            pull.brought.insert(parent);
        }
        Some((pull, fork))
    }

    fn commit_on(&mut self, at: usize, branch: &str, touch: Touch, parent: &str) -> String {
        let version = self.next_version(at);
        let ground = &mut self.grounds[at];
        let commit = files::write(branch, touch, version, ground.model.calls_lib);
        let sha = ground.repo.push(commit.parents(&[parent]).author(AUTHOR));
        let mut changed = ground.model.files(parent);
        changed.insert(touch, version);
        ground.model.pushed(&sha, branch, &[parent.to_owned()], changed, None);
        sha
    }

    fn merged(&mut self, at: usize, mut pull: MergedPull, fork: &str, method: MergeMethod) {
        let ground = &mut self.grounds[at];
        let model = &mut ground.model;
        let tip = model.tips["main"].clone();
        let head = model.order.last().cloned().unwrap();
        let (base, side) = (model.files(fork), model.files(&head));
        let mut changed = model.files(&tip);
        changed.extend(side.into_iter().filter(|(touch, now)| base.get(touch) != Some(now)));
        let sha = ground.repo.merge_pull_request(pull.number, method, "dev");
        let parents = match method {
            MergeMethod::Merge => vec![tip, head],
            MergeMethod::Squash | MergeMethod::Rebase => vec![tip],
        };
        pull.brought.insert(sha.clone());
        model.pushed(&sha, "main", &parents, changed, None);
        model.pulls.push(pull);
    }

    /// Creates accounts and roles for everybody who acts on pull requests.
    fn people_come(&mut self, at: usize) {
        let ground = &mut self.grounds[at];
        if !ground.model.pulls.is_empty() {
            return;
        }
        for who in Who::ALL {
            let role = if who == Who::Triager { Role::Triage } else { Role::Write };
            let has_left = who == Who::Leaver && ground.model.has_left;
            ground.repo.person(who.login());
            if !has_left {
                ground.repo.add_collaborator(who.login(), role);
            }
        }
    }
}

/// Adds a comment and returns its id. If it counts, the pull request records it.
fn say(pull: Option<&mut MergedPull>, repo: &Repo, number: u64, who: Who, words: Words) -> u64 {
    let text = match words {
        Words::Approve | Words::Edited => "/approve",
        Words::Quoted => "> /approve\n\nDid you?",
        Words::InPassing => "I would not /approve this",
    };
    if let (Words::Approve, Some(pull)) = (words, pull) {
        pull.comments.push(who);
    }
    repo.comment(number, text, who.login())
}

/// Inserts pull requests into some of the scripts. Uses its own random numbers, so that the
/// other events stay the same.
pub(crate) fn weave(seed: u64, events: Vec<Event>, repositories: u64) -> Vec<Event> {
    if (seed / 2) % 4 != 3 {
        return events;
    }
    let mut chance = Chance::new(seed ^ 0x9d11_5000);
    let mut woven = Vec::new();
    for at in 0..repositories {
        let value = chance.pick(&["label", "comment", "[label, comment]", "[environment, label]"]);
        let what = What::Policy { key: "approval_mode", value, live: false };
        woven.push(Event { at, what });
    }
    for event in events {
        if chance.percent(20) {
            let at = chance.below(repositories);
            let words = draw(&mut chance);
            woven.extend(words.into_iter().map(|what| Event { at, what }));
        }
        woven.push(event);
    }
    woven
}

fn draw(chance: &mut Chance) -> Vec<What> {
    let mut what = Vec::new();
    if chance.percent(30) {
        return approved(chance);
    }
    if chance.percent(60) {
        what.push(What::Pull(merge(chance)));
        what.push(What::Wait { seconds: chance.pick(&[1, 15, 60]) });
        what.push(What::Pass { crash: None });
    }
    for _ in 0..chance.below(3) {
        what.push(What::Pull(words(chance)));
    }
    what.push(What::Pass { crash: None });
    what
}

/// A HIGH change is merged, held, and approved by somebody with or without permission.
fn approved(chance: &mut Chance) -> Vec<What> {
    let who = chance.pick(&[Who::Writer, Who::Writer, Who::Leaver, Who::Triager, Who::Author]);
    let words = chance.pick(&[Words::Approve, Words::Approve, Words::Edited, Words::Quoted]);
    vec![
        What::Pull(Pulling::Merge {
            nth: chance.below(2),
            touches: vec![chance.pick(&[Touch::High, Touch::High, Touch::Link, Touch::DeployFile])],
            method: chance.pick(&[MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase]),
            early: None,
            pushed_then: None,
            verified: Some("success"),
        }),
        What::Wait { seconds: 30 },
        What::Pass { crash: None },
        What::Pull(Pulling::Label { nth: 0, who, on: true }),
        What::Pull(Pulling::Comment { nth: 0, who, words }),
        What::Wait { seconds: 60 },
        What::Pass { crash: None },
    ]
}

fn merge(chance: &mut Chance) -> Pulling {
    let touches = [Touch::Low, Touch::High, Touch::High, Touch::Link, Touch::DeployFile];
    let method = chance.pick(&[
        MergeMethod::Merge,
        MergeMethod::Squash,
        MergeMethod::Squash,
        MergeMethod::Rebase,
    ]);
    // A rebase recreates each commit; the model follows only one.
    let commits = if method == MergeMethod::Rebase { 1 } else { 1 + chance.below(2) };
    let early = chance.percent(30).then(|| {
        let who = chance.pick(&Who::ALL);
        if chance.percent(50) { Early::Label(who) } else { Early::Comment(who) }
    });
    let more = early.is_some() && method != MergeMethod::Rebase && chance.percent(50);
    Pulling::Merge {
        nth: chance.weighted(&[(3, 0), (2, 1), (1, 3)]),
        touches: (0..commits).map(|_| chance.pick(&touches)).collect(),
        method,
        early,
        pushed_then: more.then(|| chance.pick(&touches)),
        verified: chance.weighted(&[(8, Some("success")), (1, Some("failure")), (1, None)]),
    }
}

fn words(chance: &mut Chance) -> Pulling {
    let (nth, who) = (chance.near(), chance.pick(&Who::ALL));
    match chance.below(10) {
        0..=3 => Pulling::Label { nth, who, on: true },
        4 => Pulling::Label { nth, who, on: false },
        5..=8 => {
            let words = chance.pick(&[
                Words::Approve,
                Words::Approve,
                Words::Approve,
                Words::Quoted,
                Words::InPassing,
                Words::Edited,
            ]);
            Pulling::Comment { nth, who, words }
        }
        _ => Pulling::Leave,
    }
}
