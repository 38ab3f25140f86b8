//! Pull requests in the small repository, and the people who comment on them.

use release_governor::decide::class_of_path;
use release_governor::domain::*;

use crate::world::{BASE, WANTED, World, at, changed, sha};

/// The existing accounts. `ann` opens the pull requests.
pub(crate) const CAST: [&str; 4] = ["ann", "bea", "cid", "kit[bot]"];

pub(crate) fn person(login: &str) -> Person {
    let id = login.bytes().fold(7_u64, |id, byte| (id * 131 + u64::from(byte)) % 1_000_000_007);
    Person { id: id.into(), login: login.into(), is_bot: login.ends_with("[bot]") }
}

pub(crate) fn captains() -> Team {
    Team::new("acme", "captains").unwrap()
}

pub(crate) fn by_ann(number: u64) -> MergedPull {
    MergedPull {
        number: number.into(),
        author: Some(person("ann")),
        head: head_of(number),
        merge_commit: None,
    }
}

/// The last commit of a pull request.
pub(crate) fn head_of(number: u64) -> Sha {
    format!("{number:040x}").parse().unwrap()
}

/// The push of that commit.
pub(crate) fn opened(number: u64) -> PullEvent {
    PullEvent::Pushed { sha: Some(head_of(number)) }
}

/// A push for which GitHub names no commit.
pub(crate) const PUSHED: PullEvent = PullEvent::Pushed { sha: None };

pub(crate) fn labeled(by: Option<Person>, minutes: i64) -> PullEvent {
    PullEvent::Labeled { label: "release:approved".to_owned(), by, at: at(minutes) }
}

pub(crate) fn unlabeled() -> PullEvent {
    PullEvent::Unlabeled { label: "release:approved".to_owned(), at: at(-1) }
}

/// A comment as a user of the repository writes it.
pub(crate) fn comment(by: Option<Person>, minutes: i64) -> Comment {
    Comment {
        by,
        at: at(minutes),
        spoken: CommandReading::Given,
        is_edited: false,
        through_app: None,
        is_from_inside: true,
    }
}

pub(crate) fn stands(permission: Option<Permission>) -> Fact<Availability<RepositoryRole>> {
    let role = permission.map_or("none", Permission::as_str).to_owned();
    Fact::Known(Availability::Known(RepositoryRole { permission, role }))
}

impl World {
    /// HIGH is approved in these ways; every account has write access.
    pub(crate) fn approved_by(mut self, modes: &[ApprovalMode]) -> Self {
        self.policy.approval_modes = modes.to_vec();
        for login in CAST {
            self.may(login, Some(Permission::Write));
        }
        for base in 0..WANTED {
            self.files(base, WANTED);
        }
        self
    }

    pub(crate) fn may(&mut self, login: &str, permission: Option<Permission>) {
        self.observation.origins.standings.insert(login.into(), stands(permission));
    }

    /// The step to commit `of` changes `path`, and comes with these pull requests by ann.
    pub(crate) fn brings(&mut self, of: u8, path: &str, pulls: &[u64]) {
        for base in 0..of {
            for head in of..=WANTED {
                self.changes(base, head, path);
            }
        }
        self.came_with(of, pulls);
        for pull in pulls {
            let shown = self.shown(*pull);
            if !shown.iter().any(|file| file.path == path) {
                shown.push(changed(path));
            }
        }
    }

    /// The step to commit `of` undoes an earlier change of `path`, so that it does not differ
    /// from production.
    pub(crate) fn reverts(&mut self, of: u8, path: &str, pulls: &[u64]) {
        self.changes(of - 1, of, path);
        self.came_with(of, pulls);
        self.files(BASE, WANTED).retain(|file| file.path != path);
    }

    pub(crate) fn came_with(&mut self, of: u8, pulls: &[u64]) {
        for number in pulls {
            self.timeline(*number);
            self.labels(*number);
            self.shown(*number);
        }
        let pulls = pulls.iter().map(|number| by_ann(*number)).collect();
        self.observation.origins.pulls.insert(sha(of), Fact::Known(Availability::Known(pulls)));
    }

    fn changes(&mut self, base: u8, head: u8, path: &str) {
        let files = self.files(base, head);
        if !files.iter().any(|file| file.path == path) {
            files.push(changed(path));
        }
    }

    pub(crate) fn files(&mut self, base: u8, head: u8) -> &mut Vec<FileChange> {
        let ranges = &mut self.observation.ranges;
        let fact = ranges.entry((sha(base), sha(head))).or_insert_with(|| crate::world::ahead(&[]));
        match fact {
            Fact::Known(Ranged::Compared(Comparison {
                files: RangeFiles::Complete(files),
                ..
            })) => files,
            other => panic!("no list of files: {other:?}"),
        }
    }

    /// The files that a pull request shows.
    pub(crate) fn shown(&mut self, pull: u64) -> &mut Vec<FileChange> {
        let none = || Fact::Known(Availability::Known(RangeFiles::Complete(Vec::new())));
        match self.observation.origins.files.entry(pull.into()).or_insert_with(none) {
            Fact::Known(Availability::Known(RangeFiles::Complete(files))) => files,
            other => panic!("no list of files: {other:?}"),
        }
    }

    /// The events of a pull request, which was opened with a commit.
    pub(crate) fn timeline(&mut self, pull: u64) -> &mut Vec<PullEvent> {
        let opened = || Fact::Known(Availability::Known(vec![opened(pull)]));
        match self.observation.origins.events.entry(pull.into()).or_insert_with(opened) {
            Fact::Known(Availability::Known(events)) => events,
            other => panic!("no events: {other:?}"),
        }
    }

    pub(crate) fn labels(&mut self, pull: u64) -> &mut Vec<String> {
        let none = || Fact::Known(Availability::Known(Vec::new()));
        match self.observation.origins.labels.entry(pull.into()).or_insert_with(none) {
            Fact::Known(Availability::Known(labels)) => labels,
            other => panic!("no labels: {other:?}"),
        }
    }

    /// `by` adds the label to the pull request.
    pub(crate) fn label(&mut self, pull: u64, by: Option<Person>, minutes: i64) {
        self.timeline(pull).push(labeled(by, minutes));
        *self.labels(pull) = vec!["release:approved".to_owned()];
    }

    /// Somebody removes the label.
    pub(crate) fn take_the_label_off(&mut self, pull: u64) {
        self.timeline(pull).push(unlabeled());
        self.labels(pull).clear();
    }
}

/// Directly from the design: whether a label or comment on this pull request counts. An unknown
/// one does not.
pub(crate) fn is_approved(world: &World, pull: &MergedPull) -> bool {
    let origins = &world.observation.origins;
    let Some(Fact::Known(Availability::Known(events))) = origins.events.get(&pull.number) else {
        return false;
    };
    let modes = &world.policy.approval_modes;
    let in_time = |place: usize| {
        let (before, after) = events.split_at(place);
        let pushed = |event: &PullEvent| matches!(event, PullEvent::Pushed { .. });
        let shown = |event: &PullEvent| matches!(event, PullEvent::Pushed { sha: Some(_) });
        let last = PullEvent::Pushed { sha: Some(pull.head.clone()) };
        before.contains(&PullEvent::Merged)
            || (world.policy.approval_before_merge
                && !after.iter().any(pushed)
                && (!before.iter().any(shown) || before.contains(&last)))
    };
    let by_label = modes.contains(&ApprovalMode::Label)
        && {
            let ours = |label: &str| label.eq_ignore_ascii_case(&world.policy.approval_label);
            let is_on = matches!(origins.labels.get(&pull.number), Some(Fact::Known(Availability::Known(on)))
            if on.iter().any(|label| ours(label)));
            let last = events.iter().rposition(|event| match event {
                PullEvent::Labeled { label, .. } | PullEvent::Unlabeled { label, .. } => {
                    ours(label)
                }
                _ => false,
            });
            is_on
                && last.is_some_and(|place| match &events[place] {
                    PullEvent::Labeled { by: Some(by), .. } => {
                        in_time(place) && may_approve(world, pull, by)
                    }
                    _ => false,
                })
        };
    let by_comment = modes.contains(&ApprovalMode::Comment)
        && events.iter().enumerate().any(|(place, event)| match event {
            PullEvent::Commented(Comment {
                by: Some(by),
                spoken: CommandReading::Given,
                is_edited: false,
                through_app: None,
                ..
            }) => !by.is_bot && in_time(place) && may_approve(world, pull, by),
            _ => false,
        });
    by_label || by_comment
}

fn may_approve(world: &World, pull: &MergedPull, by: &Person) -> bool {
    let (origins, policy) = (&world.observation.origins, &world.policy);
    let is_own = pull.author.as_ref().is_some_and(|author| author.id == by.id);
    let permitted = matches!(origins.standings.get(&by.login), Some(Fact::Known(Availability::Known(it)))
        if it.permission.is_some_and(|has| has >= policy.approval_min_permission));
    let in_a_team = policy.approval_teams.iter().any(|team| {
        let key = (team.clone(), by.login.clone());
        origins.members.get(&key) == Some(&Fact::Known(Availability::Known(true)))
    });
    permitted
        && (policy.approval_allow_author || !is_own)
        && (policy.approval_teams.is_empty() || in_a_team)
}

/// Directly from the design: whether people approved everything HIGH from `base` to `head`, if
/// only paths make it HIGH. The branch is linear.
pub(crate) fn people_approved(world: &World, base: &Sha, head: &Sha) -> bool {
    let observation = &world.observation;
    let Fact::Known(Ranged::Compared(range)) = observation.range(base, head) else { return false };
    let (Relation::Ahead, RangeFiles::Complete(_)) = (range.relation, &range.files) else {
        return false;
    };
    let Some(steps) = steps_to(observation, base, head) else { return false };
    let mut unseen: Vec<&str> = high_paths(world, observation.range(base, head));
    let in_the_range = unseen.clone();
    for step in steps {
        let changed = high_paths(world, observation.range(&step.parent, &step.sha));
        let risky = changed.iter().any(|path| in_the_range.contains(path));
        unseen.retain(|path| !changed.contains(path));
        if !risky {
            continue;
        }
        let Some(Fact::Known(Availability::Known(pulls))) =
            observation.origins.pulls.get(&step.sha)
        else {
            return false;
        };
        let [pull] = pulls.as_slice() else { return false };
        let shows = |path: &&str| {
            let Some(Fact::Known(Availability::Known(shown))) =
                observation.origins.files.get(&pull.number)
            else {
                return false;
            };
            shown.listed().iter().any(|file| file.path == **path)
        };
        let brought = changed.iter().filter(|path| in_the_range.contains(path));
        if !is_approved(world, pull) || !brought.copied().all(|path| shows(&path)) {
            return false;
        }
    }
    unseen.is_empty()
}

fn steps_to(observation: &Observation, base: &Sha, head: &Sha) -> Option<Vec<BranchStep>> {
    let listed = &observation.branch_commits;
    if let Some(steps) = steps_between(listed, base, head, Within::TheBranch) {
        return Some(steps);
    }
    match observation.origins.steps.get(&(base.clone(), head.clone())) {
        Some(Fact::Known(Availability::Known(steps))) => Some(steps.clone()),
        _ => None,
    }
}

/// The HIGH paths of a range; a rename counts under both names.
pub(crate) fn high_paths<'w>(world: &World, range: &'w Fact<Ranged>) -> Vec<&'w str> {
    let Fact::Known(Ranged::Compared(range)) = range else { return Vec::new() };
    let (RangeFiles::Complete(files) | RangeFiles::Truncated(files)) = &range.files;
    let names = files.iter().flat_map(|file| [Some(&file.path), file.previous_path.as_ref()]);
    let is_high = |path: &&str| {
        class_of_path(&world.policy, path).is_some_and(|(class, _)| class == RiskClass::High)
    };
    names.flatten().map(String::as_str).filter(is_high).collect()
}
