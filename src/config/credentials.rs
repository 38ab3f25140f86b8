//! The credential for GitHub: an App, a token file or a token, and which of them is used.

use std::path::{Path, PathBuf};

use figment::value::Value;

use super::environment::Variables;
use super::keys::DEFAULT_TOKEN_FILE;
use super::mistake::Mistakes;
use super::read::FileTree;
use super::settings::{AppSettings, Settings};
use super::values::Setting;
use super::{AppConfig, TokenConfig};

/// The App configuration, if it is complete and does not conflict with other settings.
pub(super) fn whole_app(
    app: AppSettings,
    settings: &Settings,
    file: &FileTree,
    mistakes: &mut Mistakes,
) -> Option<AppConfig> {
    let (value, key) = (Value::from(""), "github.app".to_owned());
    let entry = Setting { value, key, origin: &file.origin };
    for (name, is_missing) in
        [("app_id", app.app_id.is_none()), ("private_key_file", app.private_key_file.is_none())]
    {
        if is_missing && mistakes.is_empty() {
            entry.refuse(mistakes, format!("lacks the key `{name}`"));
        }
    }
    if settings.token_file.is_some() {
        entry.refuse(mistakes, "cannot be set together with github.token_file: choose one");
    }
    let (app_id, private_key_file) = (app.app_id?, app.private_key_file?);
    Some(AppConfig { app_id, private_key_file, installation_id: app.installation_id })
}

pub(super) fn checked_app(
    app: AppConfig,
    environment: &Variables,
    warnings: &mut Vec<String>,
) -> AppConfig {
    warn_if_missing("github.app.private_key_file", &app.private_key_file, warnings);
    if environment.token.is_some() {
        warnings.push("GITHUB_TOKEN is not used: github.app is set".to_owned());
    }
    app
}

/// Selects the token source. An explicitly configured file wins over `GITHUB_TOKEN`, which wins
/// over the file at the chart's default path. Writing the default path in the configuration
/// does not count as explicit if the file is missing and `GITHUB_TOKEN` is set.
pub(super) fn token(
    file: Option<PathBuf>,
    environment: &Variables,
    warnings: &mut Vec<String>,
) -> TokenConfig {
    let default = Path::new(DEFAULT_TOKEN_FILE);
    let gives_way =
        |file: &PathBuf| file == default && !default.is_file() && environment.token.is_some();
    if let Some(file) = file.filter(|file| !gives_way(file)) {
        warn_if_missing("github.token_file", &file, warnings);
        return TokenConfig::File(file);
    }
    if let Some(token) = &environment.token {
        return TokenConfig::Value(token.clone());
    }
    if default.is_file() {
        return TokenConfig::File(default.to_owned());
    }
    warnings.push(format!(
        "no token: set github.token_file or GITHUB_TOKEN, or mount {DEFAULT_TOKEN_FILE}"
    ));
    TokenConfig::Missing
}

pub(super) fn warn_if_missing(key: &str, file: &Path, warnings: &mut Vec<String>) {
    if !file.is_file() {
        warnings.push(format!("{key}: {} does not exist", file.display()));
    }
}
