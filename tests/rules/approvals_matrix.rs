//! The complete matrix of one approval of one pull request, against an oracle that restates the
//! design in a few lines.

use release_governor::domain::*;

use crate::people::{by_ann, captains, comment, labeled, opened, person, unlabeled};
use crate::world::{BASE, WANTED, World};

/// What GitHub reports about somebody's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Has(Option<Permission>),
    /// A custom role based on write.
    Custom,
    NotTold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    BeforeTheLastPush,
    BeforeTheMerge,
    AfterTheMerge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Account {
    Person,
    Bot,
    ThroughAnApp,
    Deleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InTeam {
    NoneConfigured,
    Member,
    No,
    NotTold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Label,
    LabelTakenOff,
    LabelGone,
    Comment,
    CommentDeleted,
    CommentEdited,
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
struct Cell {
    modes: &'static [ApprovalMode],
    given: Given,
    role: Role,
    takes: Permission,
    by_the_author: bool,
    authors_may: bool,
    moment: Moment,
    account: Account,
    team: InTeam,
}

const MODES: [&[ApprovalMode]; 5] = [
    &[ApprovalMode::Label],
    &[ApprovalMode::Comment],
    &[ApprovalMode::Label, ApprovalMode::Comment],
    &[ApprovalMode::Environment],
    &[ApprovalMode::Environment, ApprovalMode::Label],
];
const PERMISSIONS: [Permission; 5] = [
    Permission::Read,
    Permission::Triage,
    Permission::Write,
    Permission::Maintain,
    Permission::Admin,
];
const TEAMS: [InTeam; 4] = [InTeam::NoneConfigured, InTeam::Member, InTeam::No, InTeam::NotTold];
const BOTH: [bool; 2] = [false, true];

/// The expected result, directly from the design.
fn counts(cell: &Cell) -> bool {
    let is_heard_and_stands = match cell.given {
        Given::Label => cell.modes.contains(&ApprovalMode::Label),
        Given::Comment => cell.modes.contains(&ApprovalMode::Comment),
        Given::LabelTakenOff | Given::LabelGone | Given::CommentDeleted | Given::CommentEdited => {
            false
        }
    };
    let is_somebodys_own = match cell.account {
        Account::Person => true,
        Account::Deleted => false,
        // "Bots never approve by comment."
        Account::Bot | Account::ThroughAnApp => cell.given == Given::Label,
    };
    let may = match cell.role {
        Role::Has(permission) => permission.is_some_and(|has| has >= cell.takes),
        Role::Custom => Permission::Write >= cell.takes,
        Role::NotTold => false,
    };
    is_heard_and_stands
        && is_somebodys_own
        && may
        && (!cell.by_the_author || cell.authors_may)
        && cell.moment != Moment::BeforeTheLastPush
        && matches!(cell.team, InTeam::NoneConfigured | InTeam::Member)
}

fn world(calm: &World, cell: &Cell) -> World {
    let mut world = calm.clone();
    world.policy.approval_modes = cell.modes.to_vec();
    world.policy.approval_min_permission = cell.takes;
    world.policy.approval_allow_author = cell.authors_may;
    let login = match (cell.account, cell.by_the_author) {
        (Account::Bot, _) => "kit[bot]",
        (_, true) => "ann",
        (_, false) => "bea",
    };
    let origins = &mut world.observation.origins;
    if cell.account == Account::Bot && cell.by_the_author {
        let pull = MergedPull { author: Some(person(login)), ..by_ann(42) };
        let pulls = Fact::Known(Availability::Known(vec![pull]));
        origins.pulls.insert(crate::world::sha(WANTED), pulls);
    }
    let standing = match cell.role {
        Role::Has(permission) => {
            let role = permission.map_or("none", Permission::as_str).to_owned();
            Availability::Known(RepositoryRole { permission, role })
        }
        Role::Custom => {
            let permission = Some(Permission::Write);
            Availability::Known(RepositoryRole { permission, role: "deployer".to_owned() })
        }
        Role::NotTold => Availability::Untold("GitHub said 403".to_owned()),
    };
    origins.standings.insert(login.into(), Fact::Known(standing));
    let membership = match cell.team {
        InTeam::NoneConfigured => None,
        InTeam::Member => Some(Availability::Known(true)),
        InTeam::No => Some(Availability::Known(false)),
        InTeam::NotTold => Some(Availability::Untold("GitHub said 403".to_owned())),
    };
    if let Some(membership) = membership {
        world.policy.approval_teams = vec![captains()];
        origins.members.insert((captains(), login.into()), Fact::Known(membership));
    }
    let by = (cell.account != Account::Deleted).then(|| person(login));
    let (said, labels) = said(cell, by);
    *world.labels(42) = labels;
    *world.timeline(42) = match cell.moment {
        Moment::BeforeTheLastPush => [said, vec![opened(42), PullEvent::Merged]].concat(),
        Moment::BeforeTheMerge => [vec![opened(42)], said, vec![PullEvent::Merged]].concat(),
        Moment::AfterTheMerge => [vec![opened(42), PullEvent::Merged], said].concat(),
    };
    world
}

fn said(cell: &Cell, by: Option<Person>) -> (Vec<PullEvent>, Vec<String>) {
    let on = vec!["release:approved".to_owned()];
    let label = labeled(by.clone(), -30);
    let mut comment = comment(by, -30);
    comment.through_app = (cell.account == Account::ThroughAnApp).then(|| "slack".to_owned());
    match cell.given {
        Given::Label => (vec![label], on),
        Given::LabelTakenOff => (vec![label, unlabeled()], Vec::new()),
        Given::LabelGone => (vec![label], Vec::new()),
        Given::Comment => (vec![PullEvent::Commented(comment)], Vec::new()),
        Given::CommentDeleted => (Vec::new(), Vec::new()),
        Given::CommentEdited => {
            comment.is_edited = true;
            (vec![PullEvent::Commented(comment)], Vec::new())
        }
    }
}

fn calm() -> World {
    let mut world = World::calm().approved_by(&[]);
    *world.files(BASE, WANTED) = Vec::new();
    world.brings(WANTED, "db/1.sql", &[42]);
    world
}

fn differences(cells: impl Iterator<Item = Cell>) -> (usize, usize, Vec<String>) {
    let calm = calm();
    let (mut approved, mut number, mut wrong) = (0, 0, Vec::new());
    for cell in cells {
        number += 1;
        let expected = if counts(&cell) {
            approved += 1;
            Reason::AllowHighApproved
        } else {
            Reason::HighRiskNoApproval
        };
        let reason = world(&calm, &cell).decision().reason();
        if reason != expected {
            wrong.push(format!("{cell:?}: {reason:?}"));
        }
    }
    (number, approved, wrong)
}

const PLAIN: Cell = Cell {
    modes: MODES[2],
    given: Given::Label,
    role: Role::Has(Some(Permission::Write)),
    takes: Permission::Write,
    by_the_author: false,
    authors_may: false,
    moment: Moment::AfterTheMerge,
    account: Account::Person,
    team: InTeam::NoneConfigured,
};

/// Multiplies the cells by `values`.
fn each<T: Copy>(cells: &[Cell], values: &[T], set: impl Fn(&mut Cell, T)) -> Vec<Cell> {
    let mut all = Vec::new();
    for cell in cells {
        for value in values {
            let mut cell = *cell;
            set(&mut cell, *value);
            all.push(cell);
        }
    }
    all
}

#[test]
fn whoever_may_approve_does_and_nobody_else() {
    let mut roles = vec![Role::Has(None), Role::Custom, Role::NotTold];
    roles.extend(PERMISSIONS.map(|permission| Role::Has(Some(permission))));
    let cells = each(&[PLAIN], &MODES, |cell, modes| cell.modes = modes);
    let cells = each(&cells, &[Given::Label, Given::Comment], |cell, given| cell.given = given);
    let cells = each(&cells, &roles, |cell, role| cell.role = role);
    let cells = each(&cells, &PERMISSIONS, |cell, takes| cell.takes = takes);
    let cells = each(&cells, &BOTH, |cell, is| cell.by_the_author = is);
    let cells = each(&cells, &BOTH, |cell, may| cell.authors_may = may);
    let cells = each(&cells, &TEAMS, |cell, team| cell.team = team);
    let (number, approved, wrong) = differences(cells.into_iter());
    assert_eq!((number, &wrong), (6_400, &Vec::new()), "{}", wrong.join("\n"));
    assert!(approved > 500, "{approved}");
}

#[test]
fn what_stands_in_time_and_unchanged_approves_and_nothing_else() {
    let given = [
        Given::Label,
        Given::LabelTakenOff,
        Given::LabelGone,
        Given::Comment,
        Given::CommentDeleted,
        Given::CommentEdited,
    ];
    let moments = [Moment::BeforeTheLastPush, Moment::BeforeTheMerge, Moment::AfterTheMerge];
    let accounts = [Account::Person, Account::Bot, Account::ThroughAnApp, Account::Deleted];
    let roles = [Permission::Triage, Permission::Write].map(|may| Role::Has(Some(may)));
    let cells = each(&[PLAIN], &MODES, |cell, modes| cell.modes = modes);
    let cells = each(&cells, &given, |cell, given| cell.given = given);
    let cells = each(&cells, &roles, |cell, role| cell.role = role);
    let cells = each(&cells, &moments, |cell, moment| cell.moment = moment);
    let cells = each(&cells, &accounts, |cell, account| cell.account = account);
    let cells = each(&cells, &BOTH, |cell, is| cell.by_the_author = is);
    let cells = each(&cells, &BOTH, |cell, may| cell.authors_may = may);
    let cells = each(&cells, &TEAMS, |cell, team| cell.team = team);
    let (number, approved, wrong) = differences(cells.into_iter());
    assert_eq!((number, &wrong), (11_520, &Vec::new()), "{}", wrong.join("\n"));
    assert!(approved > 100, "{approved}");
}
