//! Reloads the configuration of a running controller. A valid change takes effect without a
//! restart. An invalid one is reported, and the last valid configuration stays in force.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinHandle};

use crate::config::{
    self, Config, ConfigErrors, ConfigInForce, FilePoll, How, ReadEnvironment, RefusedChange,
    TokenConfig, Watched,
};
use crate::controller::Controller;
use crate::messages;

use crate::bootstrap::terms;
use crate::network::stopped;

/// The interval between two polls of the file. The kubelet takes up to a minute to propagate a
/// change of a `ConfigMap`.
const EVERY: Duration = Duration::from_secs(2);
/// New content is read again after this time, so that a partly written file is not used.
const SETTLES_WITHIN: Duration = Duration::from_millis(500);
/// A poll that takes longer is logged, because a mount may hang.
const SLOW: Duration = Duration::from_secs(10);
/// How often a refused configuration is validated again. The token file that it names may exist
/// by now.
const AGAIN: Duration = Duration::from_secs(30);
/// How often a refusal that persists is logged again, for readers of only the end of the log.
const REMINDER: Duration = Duration::from_secs(60 * 60);
/// How many mistakes of a refused file are shown. `check-config` shows all.
const SHOWN_MISTAKES: usize = 10;
/// How many characters of each mistake are shown.
const SHOWN_CHARACTERS: usize = 500;

/// Keeps a controller's configuration in line with its file. Clones share the same state.
#[derive(Clone)]
pub struct Reload(Arc<ReloadInner>);

/// The source of a configuration: a file and environment variables. Clones share the same
/// source.
#[derive(Clone)]
pub struct ConfigFile {
    path: PathBuf,
    environment: ReadEnvironment,
    knocked: Arc<Notify>,
}

impl ConfigFile {
    /// The file at `path`, overridden by the variables that `environment` returns.
    #[must_use]
    pub fn new(path: &Path, environment: ReadEnvironment) -> Self {
        Self { path: path.to_path_buf(), environment, knocked: Arc::default() }
    }

    /// Requests a poll now. The content is taken to be complete.
    pub fn look_now(&self) {
        self.knocked.notify_one();
    }
}

struct ReloadInner {
    controller: Controller,
    file: ConfigFile,
    in_force: ConfigInForce,
    watched: Mutex<Option<Watched>>,
}

impl Reload {
    /// Reloads the configuration of `controller`, which uses `config`, as read from `file`.
    #[must_use]
    pub fn of(controller: Controller, config: Config, file: ConfigFile) -> Self {
        let watched = Watched::new(&file.path, Arc::clone(&file.environment), &config);
        controller.shared().metrics.config_in_force(controller.shared().clock.now());
        Self(Arc::new(ReloadInner {
            controller,
            file,
            in_force: ConfigInForce::new(config),
            watched: Mutex::new(watched),
        }))
    }

    /// The configuration in force, and the change that was refused, if any.
    #[must_use]
    pub fn in_force(&self) -> ConfigInForce {
        self.0.in_force.clone()
    }

    fn refused(&self) -> Option<RefusedChange> {
        self.0.in_force.refused()
    }

    /// Polls the file until `stop`.
    pub async fn watch(&self, mut stop: watch::Receiver<bool>) {
        let watched = self.0.watched.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut watched) = watched else {
            tracing::info!("{} is not a file that can be watched", self.0.file.path.display());
            return stopped(&mut stop).await;
        };
        let clock = &self.0.controller.shared().clock;
        let mut wait = EVERY;
        let mut standing = LastTimes::default();
        loop {
            let at_once = tokio::select! {
                () = stopped(&mut stop) => return,
                () = self.0.file.knocked.notified() => true,
                () = clock.sleep(wait) => false,
            };
            let again = self.refused().is_some()
                && clock.monotonic().saturating_sub(standing.judged_at) >= AGAIN;
            let how = How { at_once, again };
            let mut looking = tokio::task::spawn_blocking(move || {
                let look = watched.look(how);
                (watched, look)
            });
            let looked = tokio::select! {
                () = stopped(&mut stop) => return,
                looked = self.looked(&mut looking) => looked,
            };
            let Ok((returned, look)) = looked else {
                tracing::error!(
                    "the watch on {} ended: this is a defect, please report it with the log. \
                     Changes need a restart from now on",
                    self.0.file.path.display()
                );
                return;
            };
            watched = returned;
            wait = if matches!(look, FilePoll::Unsettled) { SETTLES_WITHIN } else { EVERY };
            if let FilePoll::Judged(judged) = look {
                standing.judged_at = clock.monotonic();
                self.judged(*judged, again, &mut standing).await;
            }
            self.remind(&mut standing);
        }
    }

    /// Waits for the result of a poll. A slow poll is logged, but not abandoned: another one would
    /// hang, too.
    async fn looked<T>(&self, looking: &mut JoinHandle<T>) -> Result<T, JoinError> {
        let clock = &self.0.controller.shared().clock;
        if let Ok(looked) = clock.timeout(SLOW, &mut *looking).await {
            return looked;
        }
        let path = self.0.file.path.display();
        tracing::error!(
            "{path} is looked at for longer than {} s: its file system may not answer. The \
             configuration in force stays until that ends",
            SLOW.as_secs()
        );
        looking.await
    }

    async fn judged(
        &self,
        judged: Result<Config, ConfigErrors>,
        again: bool,
        standing: &mut LastTimes,
    ) {
        let taken = match judged {
            Ok(config) => self.take(config).await,
            Err(mistakes) => Err(mistakes),
        };
        if let Err(mistakes) = taken {
            self.refuse(&mistakes, again, standing);
        }
    }

    /// Puts a configuration in force, unless a part of it needs a restart.
    async fn take(&self, new: Config) -> Result<(), ConfigErrors> {
        let old = self.0.in_force.config();
        config::needs_restart(&self.0.file.path, &old, &new)?;
        self.apply(&old, &new).await?;
        let new = Arc::new(new);
        let was_refused = self.0.in_force.take(Arc::clone(&new));
        let shared = self.0.controller.shared();
        shared.metrics.config_taken(shared.clock.now());
        self.tell(&old, &new, was_refused.is_some()).await;
        Ok(())
    }

    /// Logs what changed.
    async fn tell(&self, old: &Arc<Config>, new: &Arc<Config>, was_refused: bool) {
        let (was, is) = (Arc::clone(old), Arc::clone(new));
        // With ten thousand repositories, this takes too long for an async worker thread.
        let lines = move || config::lines(&config::changes(&was, &is));
        let lines = tokio::task::spawn_blocking(lines).await.unwrap_or_default();
        let path = self.0.file.path.display();
        if lines.is_empty() {
            let word = if was_refused { "good again" } else { "another text" };
            tracing::info!("{path} is {word}, and says what is in force");
        } else {
            tracing::info!(digest = new.digest, "{path} changed and is now in force");
        }
        for line in lines {
            tracing::info!("config: {line}");
        }
        for warning in new.warnings.iter().filter(|warning| !old.warnings.contains(warning)) {
            tracing::warn!("{warning}");
        }
    }

    /// Applies a validated configuration to everything built from the old one. This is the only
    /// place that does so. The step that can fail comes first, so that either all of the
    /// configuration takes effect or none of it.
    async fn apply(&self, old: &Config, new: &Config) -> Result<(), ConfigErrors> {
        let controller = &self.0.controller;
        let readers = &controller.shared().readers;
        if let (TokenConfig::File(was), TokenConfig::File(is)) =
            (&old.github.token, &new.github.token)
            && was != is
        {
            let moved = readers.use_token_file(is.clone()).await;
            moved.map_err(|why| config::refusal(&self.0.file.path, "github.token_file", why))?;
        }
        readers.set_pace(new.github.max_requests_per_minute);
        controller.govern_by(terms(new));
        Ok(())
    }

    fn refuse(&self, mistakes: &ConfigErrors, again: bool, standing: &mut LastTimes) {
        let shared = self.0.controller.shared();
        let shown = shown(mistakes);
        let is_known = again && self.refused().is_some_and(|known| known.mistakes == shown);
        if is_known {
            return;
        }
        shared.metrics.config_refused();
        let refusal = RefusedChange { at: shared.clock.now(), mistakes: shown };
        say(&self.0.file.path, &refusal);
        standing.said_at = shared.clock.monotonic();
        self.0.in_force.refuse(refusal);
    }

    fn remind(&self, standing: &mut LastTimes) {
        let Some(refused) = self.refused() else { return };
        let now = self.0.controller.shared().clock.monotonic();
        if now.saturating_sub(standing.said_at) >= REMINDER {
            say(&self.0.file.path, &refused);
            standing.said_at = now;
        }
    }
}

/// Times on the monotonic clock: of the last validation, and of the last log of a refusal.
#[derive(Default)]
struct LastTimes {
    judged_at: Duration,
    said_at: Duration,
}

fn say(path: &Path, refused: &RefusedChange) {
    tracing::error!(
        mistakes = refused.mistakes.len(),
        "{} is refused, and the last good configuration stays in force: {}",
        path.display(),
        refused.mistakes.join("; ")
    );
}

/// The mistakes as lines of text, limited in number and length.
fn shown(ConfigErrors(mistakes): &ConfigErrors) -> Vec<String> {
    let line = |mistake: &config::Mistake| messages::plain(&mistake.to_string(), SHOWN_CHARACTERS);
    let mut lines: Vec<String> = mistakes.iter().take(SHOWN_MISTAKES).map(line).collect();
    if mistakes.len() > lines.len() {
        let more = mistakes.len() - lines.len();
        lines.push(format!("and {more} more: `release-governor check-config` shows all"));
    }
    lines
}
