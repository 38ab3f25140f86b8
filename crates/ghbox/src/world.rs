//! The whole state of the box, behind one lock.

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
    /// The version of Enterprise Server; `None` for github.com.
    pub(super) enterprise: Option<String>,
    /// The API is only below `/api/v3`; all other paths are web pages.
    pub(super) root_is_pages: bool,
    /// Enterprise Server before 3.21 does not know `return_run_details`.
    pub(super) refuses_run_details: bool,
    /// Enterprise Server may send no rate limit headers.
    pub(super) sends_limit_headers: bool,
    /// The maximum number of entries in a tree before it is truncated.
    pub(super) tree_limit: usize,
    /// The maximum number of commits on a page of a comparison.
    pub(super) compare_page: usize,
    /// How answers represent deleted accounts.
    pub(super) ghost: Ghost,
    /// The base URL of web pages. They are not served, but answers link to them.
    pub(super) html_url: String,
}

/// By run id and attempt: a fingerprint of the data that the text was made from, and the text.
type RunTexts = HashMap<(u64, u64), (u64, Arc<str>)>;

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) ids: Ids,
    pub(super) users: BTreeMap<String, User>,
    pub(super) tokens: HashMap<String, Token>,
    pub(super) apps: Apps,
    pub(super) teams: Teams,
    /// Lower-case logins of deleted accounts. Everything they own is gone, too.
    pub(super) gone: BTreeSet<String>,
    pub(super) repositories: BTreeMap<u64, Repository>,
    /// Lower-case full name to id. Former names redirect until they are used again.
    pub(super) names: HashMap<String, u64>,
    /// Repositories with automatic changes ahead, and when the next is due. This keeps idle
    /// repositories from slowing down every request.
    awake: BTreeMap<u64, Timestamp>,
    pub(super) faults: Faults,
    pub(super) meters: Meters,
    pub(super) log: RequestLog,
    pub(super) server: Server,
    /// Cache of runs as JSON text. Lists of a hundred runs are the most frequent requests, and
    /// a run is about 12 kB.
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

    /// Makes all changes that are due by `now`.
    pub(super) fn happen_until(&mut self, now: Timestamp) {
        // A clock that follows another may step back slightly between threads; the world's time
        // does not.
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

    /// Marks a repository as possibly changed, so that it is checked before the next request.
    pub(super) fn wake(&mut self, repository: u64) {
        self.awake.insert(repository, Timestamp::MIN);
    }

    /// Whether a repository is visible to anybody at all.
    pub(super) fn is_there(&self, repository: &Repository) -> bool {
        !repository.hidden && !self.is_gone(&repository.owner)
    }

    /// The user with this login, created if necessary.
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

    /// Registers a user, or changes the kind of a known account.
    pub(super) fn user_of_kind(&mut self, login: &str, kind: UserKind) -> User {
        self.user(login);
        if let Some(user) = self.users.get_mut(&login.to_lowercase()) {
            user.kind = kind;
        }
        self.known_user(login)
    }

    /// The user with this login, as answers show them.
    pub(super) fn known_user(&self, login: &str) -> User {
        self.users.get(&login.to_lowercase()).cloned().unwrap_or_else(ghost)
    }

    /// The user with this login, unless the account was deleted.
    pub(super) fn standing_user(&self, login: &str) -> Option<&User> {
        self.users.get(&login.to_lowercase()).filter(|_| !self.is_gone(login))
    }

    pub(super) fn is_gone(&self, login: &str) -> bool {
        self.gone.contains(&login.to_lowercase())
    }

    /// A user's role in a repository: the highest of their own, their teams' and the public
    /// one. `None` means no access at all.
    pub(super) fn standing_in(&self, repository: &Repository, login: &str) -> Option<Standing> {
        let own = repository.collaborators.get(&login.to_lowercase()).cloned();
        let everybody = (!repository.private).then_some(Role::Read);
        let by_teams = repository.teams.iter().filter_map(|(slug, role)| {
            let found = self.teams.membership(&repository.owner, slug, login)?;
            (!found.pending).then_some(*role)
        });
        let others = by_teams.chain(everybody).map(Standing::of);
        // `max_by_key` returns the last of equal elements: the user's own role.
        others.chain(own).max_by_key(|standing| standing.role)
    }

    /// A user's role in a repository; `None` means no access at all.
    pub(super) fn role_in(&self, repository: &Repository, login: &str) -> Option<Role> {
        self.standing_in(repository, login).map(|standing| standing.role)
    }

    pub(super) fn repository_named(&self, full_name: &str) -> Option<&Repository> {
        self.repositories.get(self.names.get(&full_name.to_lowercase())?)
    }
}

/// The account that represents deleted accounts.
fn ghost() -> User {
    User {
        id: GHOST_ID,
        login: GHOST.to_owned(),
        kind: UserKind::User,
        created_at: Timestamp::UNIX_EPOCH,
    }
}
