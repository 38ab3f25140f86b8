//! Detects changes of the configuration file of a running controller, by polling its content.
//!
//! File notifications do not suffice: the file of a mounted `ConfigMap` is a symlink to a
//! symlink that is swapped, and a watch on the file sees only the first swap. Modification
//! times do not describe symlink targets. Therefore the content is read and compared each time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Config, ConfigErrors, checked, read};

/// Returns the environment variables of this process, which override the file on every reload.
pub type ReadEnvironment = Arc<dyn Fn() -> Vec<(String, String)> + Send + Sync>;

/// The configuration file and the content that was validated last.
pub struct Watched {
    path: PathBuf,
    environment: ReadEnvironment,
    judged: Content,
    /// Content that was seen once but not yet validated, because the file may still be being
    /// written.
    fresh: Option<Content>,
}

/// The content found by one poll.
#[derive(Clone, PartialEq, Eq)]
enum Content {
    /// The digest of the file.
    Bytes(String),
    /// The reason the file could not be read.
    Unreadable(String),
}

/// The result of one poll.
#[derive(Debug)]
pub enum FilePoll {
    /// The content is the one validated last.
    Same,
    /// The content just changed. Poll again shortly.
    Unsettled,
    /// The content changed and was validated, or validation was requested.
    Judged(Box<Result<Config, ConfigErrors>>),
}

/// Options of a poll.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// Validate changed content immediately, because the caller knows that the file is
    /// complete.
    pub at_once: bool,
    /// Validate even if the content is unchanged.
    pub again: bool,
}

impl Watched {
    /// Watches the file at `path`, from which `config` was read. `None` if it is not a regular
    /// file, such as a pipe, which cannot be read twice.
    #[must_use]
    pub fn new(path: &Path, environment: ReadEnvironment, config: &Config) -> Option<Self> {
        let judged = Content::Bytes(config.file_digest.clone());
        let watched = Self { path: path.to_path_buf(), environment, judged, fresh: None };
        path.is_file().then_some(watched)
    }

    /// Polls the file. Blocks on file I/O: do not call it on an async worker thread.
    pub fn look(&mut self, how: How) -> FilePoll {
        let bytes = read::bytes(&self.path, "");
        let seen = match &bytes {
            Ok(bytes) => Content::Bytes(digest(bytes)),
            Err(why) => Content::Unreadable(why.clone()),
        };
        if seen == self.judged && !how.again {
            self.fresh = None;
            return FilePoll::Same;
        }
        let settled = how.at_once || seen == self.judged || self.fresh.as_ref() == Some(&seen);
        if !settled {
            self.fresh = Some(seen);
            return FilePoll::Unsettled;
        }
        self.judged = seen;
        self.fresh = None;
        let environment = (self.environment)().into_iter();
        let bytes = bytes.as_deref().map_err(Clone::clone);
        FilePoll::Judged(Box::new(checked(&self.path, bytes, environment)))
    }
}

/// Identifies the content of a file.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: How = How { at_once: true, again: false };
    const LATER: How = How { at_once: false, again: false };

    struct Mount {
        dir: tempfile::TempDir,
        swaps: u32,
    }

    impl Mount {
        fn of(text: &str) -> Self {
            let mut mount = Self { dir: tempfile::tempdir().unwrap(), swaps: 0 };
            mount.swap(text);
            std::os::unix::fs::symlink("..data/c.yaml", mount.path()).unwrap();
            mount
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("c.yaml")
        }

        /// Swaps the symlink as the kubelet does.
        fn swap(&mut self, text: &str) {
            let old = format!("..{}", self.swaps);
            self.swaps += 1;
            let new = format!("..{}", self.swaps);
            std::fs::create_dir(self.dir.path().join(&new)).unwrap();
            std::fs::write(self.dir.path().join(&new).join("c.yaml"), text).unwrap();
            let young = self.dir.path().join("..data_tmp");
            std::os::unix::fs::symlink(&new, &young).unwrap();
            std::fs::rename(young, self.dir.path().join("..data")).unwrap();
            if self.swaps > 1 {
                std::fs::remove_dir_all(self.dir.path().join(old)).unwrap();
            }
        }

        fn watched(&self) -> Watched {
            let config = super::super::load(&self.path(), std::iter::empty()).unwrap();
            Watched::new(&self.path(), Arc::new(Vec::new), &config).unwrap()
        }
    }

    fn shop(minutes: u32) -> String {
        format!("repositories: [{{name: acme/shop, cooldown_minutes: {minutes}}}]\n")
    }

    /// The result of a poll as text: the cooldown in minutes, the mistakes, or that nothing
    /// changed.
    fn seen(watched: &mut Watched, how: How) -> String {
        match watched.look(how) {
            FilePoll::Same => "same".to_owned(),
            FilePoll::Unsettled => "unsettled".to_owned(),
            FilePoll::Judged(judged) => match *judged {
                Ok(config) => (config.repositories[0].cooldown.as_secs() / 60).to_string(),
                Err(mistakes) => mistakes.to_string(),
            },
        }
    }

    #[test]
    fn every_swap_of_a_mounted_configmap_is_seen() {
        let mut mount = Mount::of(&shop(1));
        let mut watched = mount.watched();
        assert_eq!(seen(&mut watched, LATER), "same");
        for minutes in 2..6 {
            mount.swap(&shop(minutes));
            assert_eq!(seen(&mut watched, LATER), "unsettled");
            assert_eq!(seen(&mut watched, LATER), minutes.to_string());
            assert_eq!(seen(&mut watched, LATER), "same");
        }
        mount.swap(&shop(5));
        assert_eq!(seen(&mut watched, LATER), "same", "another file, and the same text");
    }

    #[test]
    fn half_a_file_is_not_taken_for_a_whole_one_unless_somebody_says_so() {
        let whole =
            "repositories:\n- {name: acme/shop, cooldown_minutes: 7}\n- {name: acme/cart}\n";
        let mut mount = Mount::of(&shop(1));
        let mut watched = mount.watched();
        mount.swap(&whole[..whole.len() - 20]);
        assert_eq!(seen(&mut watched, LATER), "unsettled");
        mount.swap(whole);
        assert_eq!(seen(&mut watched, LATER), "unsettled");
        assert_eq!(seen(&mut watched, LATER), "7");
        mount.swap(&shop(3));
        assert_eq!(seen(&mut watched, NOW), "3");
    }

    #[test]
    fn a_file_that_is_away_for_a_moment_is_no_mistake_and_one_that_stays_away_is() {
        let mount = Mount::of(&shop(1));
        let mut watched = mount.watched();
        let (data, away) = (mount.dir.path().join("..data"), mount.dir.path().join("away"));
        std::fs::rename(&data, &away).unwrap();
        assert_eq!(seen(&mut watched, LATER), "unsettled");
        std::fs::rename(&away, &data).unwrap();
        assert_eq!(seen(&mut watched, LATER), "same");
        std::fs::rename(&data, &away).unwrap();
        assert_eq!(seen(&mut watched, LATER), "unsettled");
        let said = seen(&mut watched, LATER);
        assert!(said.contains("c.yaml: cannot be read: No such file"), "{said}");
        assert_eq!(seen(&mut watched, LATER), "same", "it is judged once");
        let again = seen(&mut watched, How { at_once: false, again: true });
        assert_eq!(again, said, "and again where that is asked for");
        std::fs::rename(&away, &data).unwrap();
        assert_eq!(seen(&mut watched, NOW), "1", "what is in force is good again");
    }

    #[test]
    fn whatever_else_is_in_its_place_is_said_and_waited_for_by_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.yaml");
        std::fs::write(&path, shop(1)).unwrap();
        let config = super::super::load(&path, std::iter::empty()).unwrap();
        let mut watched = Watched::new(&path, Arc::new(Vec::new), &config).unwrap();
        std::fs::remove_file(&path).unwrap();

        std::fs::create_dir(&path).unwrap();
        assert!(seen(&mut watched, NOW).contains("Is a directory"));
        std::fs::remove_dir(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert!(seen(&mut watched, NOW).contains("is not a regular file"));
        assert!(Watched::new(&path, Arc::new(Vec::new), &config).is_none(), "a pipe is read once");
        std::fs::remove_file(&path).unwrap();
        let huge = std::fs::File::create(&path).unwrap();
        huge.set_len(1 << 40).unwrap();
        assert!(seen(&mut watched, NOW).contains("is larger than 4 MiB"));
        std::fs::write(&path, [0xff, 0xfe, 0]).unwrap();
        assert!(seen(&mut watched, NOW).contains("is not UTF-8 text"));
        std::fs::write(&path, "repositories: [").unwrap();
        assert!(seen(&mut watched, NOW).contains("is not valid YAML"));
        std::fs::write(&path, shop(2)).unwrap();
        assert_eq!(seen(&mut watched, NOW), "2");
    }

    #[test]
    fn variables_stay_in_force_over_whatever_the_file_becomes() {
        let mut mount = Mount::of(&shop(1));
        let config = super::super::load(&mount.path(), std::iter::empty()).unwrap();
        let variable = ("RELEASE_GOVERNOR_COOLDOWN_MINUTES".to_owned(), "99".to_owned());
        let environment: ReadEnvironment = Arc::new(move || vec![variable.clone()]);
        let mut watched = Watched::new(&mount.path(), environment, &config).unwrap();
        mount.swap(&shop(4));
        assert_eq!(seen(&mut watched, NOW), "99");
    }
}
