//! Everything that the box knows, behind one lock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::access::Token;
use super::apps::Apps;
use super::faults::Faults;
use super::ids::{Ids, next};
use super::limits::Meters;
use super::log::RequestLog;
use super::people::{GHOST, GHOST_ID, Ghost, Role, Standing, User, UserKind};
use super::repository::Repository;
use super::teams::Teams;

/// How this server differs from github.com.
pub(super) struct Server {
    /// Enterprise Server's version; None: github.com.
    pub(super) enterprise: Option<String>,
    /// Only what is below `/api/v3` is API, all else are pages for people.
    pub(super) root_is_pages: bool,
    /// Enterprise Server before 3.21: knows no `return_run_details`.
    pub(super) refuses_run_details: bool,
    /// Enterprise Server may send none.
    pub(super) sends_limit_headers: bool,
    /// The largest tree that is listed whole.
    pub(super) tree_limit: usize,
    /// The most commits that a page of a comparison lists.
    pub(super) compare_page: usize,
    /// How it speaks of people whose account is gone.
    pub(super) ghost: Ghost,
    /// Where people look: pages are not served, but answers name them.
    pub(super) html_url: String,
}

/// By run and attempt: a mark of what the text was made from, and the text.
type RunTexts = HashMap<(u64, u64), (u64, Arc<str>)>;

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) ids: Ids,
    pub(super) users: BTreeMap<String, User>,
    pub(super) tokens: HashMap<String, Token>,
    pub(super) apps: Apps,
    pub(super) teams: Teams,
    /// Lower-case logins of accounts that are gone, with all that they own.
    pub(super) gone: BTreeSet<String>,
    pub(super) repositories: BTreeMap<u64, Repository>,
    /// Lower-case full name to id; names that were given up lead on until they are taken again.
    pub(super) names: HashMap<String, u64>,
    /// Repositories in which something may happen by itself, and when: no request may cost more
    /// because others are at rest.
    awake: BTreeMap<u64, Timestamp>,
    pub(super) faults: Faults,
    pub(super) meters: Meters,
    pub(super) log: RequestLog,
    pub(super) server: Server,
    /// Runs as JSON, by id and attempt, with a mark of what it was made from: lists of a hundred
    /// runs are what a program asks for most, and a run is 12 kB.
    pub(super) run_texts: Mutex<RunTexts>,
}

impl World {
    pub(super) fn new(now: Timestamp) -> Self {
        World {
            now,
            ids: Ids::new(),
            users: BTreeMap::from([(GHOST.to_owned(), ghost())]),
            tokens: HashMap::new(),
            apps: Apps::default(),
            teams: Teams::default(),
            gone: BTreeSet::new(),
            repositories: BTreeMap::new(),
            names: HashMap::new(),
            awake: BTreeMap::new(),
            faults: Faults::default(),
            meters: Meters::default(),
            log: RequestLog::default(),
            server: Server {
                enterprise: None,
                root_is_pages: false,
                refuses_run_details: false,
                sends_limit_headers: true,
                tree_limit: 100_000, // docs.github.com, REST "Get a tree"
                compare_page: 250,
                ghost: Ghost::Null,
                html_url: "https://github.com".to_owned(),
            },
            run_texts: Mutex::default(),
        }
    }

    /// Lets everything happen that was due until `now`.
    pub(super) fn happen_until(&mut self, now: Timestamp) {
        // A clock that follows another may step back a little between threads; the world does not.
        self.now = self.now.max(now);
        let now = self.now;
        if self.awake.values().all(|due| *due > now) {
            return;
        }
        let due = self.awake.iter().filter(|(_, due)| **due <= now);
        for id in due.map(|(id, _)| *id).collect::<Vec<u64>>() {
            let next = self.repositories.get_mut(&id).and_then(|repository| {
                repository.happen_until(now, &mut self.ids);
                repository.actions.next_due()
            });
            match next {
                Some(next) => self.awake.insert(id, next),
                None => self.awake.remove(&id),
            };
        }
    }

    /// Something may have changed in a repository: look at it before the next request.
    pub(super) fn wake(&mut self, repository: u64) {
        self.awake.insert(repository, Timestamp::MIN);
    }

    /// Whether a repository can be seen by anybody at all.
    pub(super) fn is_there(&self, repository: &Repository) -> bool {
        !repository.hidden && !self.is_gone(&repository.owner)
    }

    /// The user of this login, made on the spot if nobody introduced them.
    pub(super) fn user(&mut self, login: &str) -> User {
        let (ids, now) = (&mut self.ids, self.now);
        let user = self.users.entry(login.to_lowercase()).or_insert_with(|| User {
            id: next(&mut ids.user),
            login: login.to_owned(),
            kind: UserKind::guess(login),
            created_at: now,
        });
        user.clone()
    }

    /// Introduces a user, or says of a known one what kind of account it is.
    pub(super) fn user_of_kind(&mut self, login: &str, kind: UserKind) -> User {
        self.user(login);
        if let Some(user) = self.users.get_mut(&login.to_lowercase()) {
            user.kind = kind;
        }
        self.known_user(login)
    }

    /// The user of this login, as answers show them.
    pub(super) fn known_user(&self, login: &str) -> User {
        self.users.get(&login.to_lowercase()).cloned().unwrap_or_else(ghost)
    }

    /// The user of this login whose account is there still.
    pub(super) fn standing_user(&self, login: &str) -> Option<&User> {
        self.users.get(&login.to_lowercase()).filter(|_| !self.is_gone(login))
    }

    pub(super) fn is_gone(&self, login: &str) -> bool {
        self.gone.contains(&login.to_lowercase())
    }

    /// What a user was given in a repository, or has like everybody: the highest of all that
    /// they have by themselves and by their teams. None: not even read.
    pub(super) fn standing_in(&self, repository: &Repository, login: &str) -> Option<Standing> {
        let own = repository.collaborators.get(&login.to_lowercase()).cloned();
        let everybody = (!repository.private).then_some(Role::Read);
        let by_teams = repository.teams.iter().filter_map(|(slug, role)| {
            let found = self.teams.membership(&repository.owner, slug, login)?;
            (!found.pending).then_some(*role)
        });
        let others = by_teams.chain(everybody).map(Standing::of);
        // Of equals the last wins, which is their own.
        others.chain(own).max_by_key(|standing| standing.role)
    }

    /// What a user may do in a repository; None: not even read.
    pub(super) fn role_in(&self, repository: &Repository, login: &str) -> Option<Role> {
        self.standing_in(repository, login).map(|standing| standing.role)
    }

    pub(super) fn repository_named(&self, full_name: &str) -> Option<&Repository> {
        self.repositories.get(self.names.get(&full_name.to_lowercase())?)
    }
}

/// Who stands for people whose account is gone.
fn ghost() -> User {
    User {
        id: GHOST_ID,
        login: GHOST.to_owned(),
        kind: UserKind::User,
        created_at: Timestamp::UNIX_EPOCH,
    }
}
