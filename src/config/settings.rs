//! Parses the keys that configure the program itself, one line for each.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use crate::domain::Login;

use super::keys::{APP_KEYS, names};
use super::mistake::{Mistakes, holds_a_token, meant};
use super::values::{Setting, interval, line, number_text, or_null, put, text, texts, whole};

/// The values of the sections other than `defaults` and `repositories`.
pub(super) struct Settings {
    pub(super) api_url: String,
    pub(super) token_file: Option<PathBuf>,
    pub(super) app: Option<AppSettings>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) max_requests_per_minute: u32,
    pub(super) identities: Vec<Login>,
    pub(super) poll_interval: Duration,
    pub(super) active_poll_interval: Duration,
    pub(super) max_concurrency: u32,
    pub(super) listen: SocketAddr,
    pub(super) public_url: Option<String>,
    pub(super) state_dir: PathBuf,
    pub(super) history_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api_url: "https://api.github.com".to_owned(),
            token_file: None,
            app: None,
            ca_file: None,
            max_requests_per_minute: 700,
            identities: Vec::new(),
            poll_interval: Duration::from_secs(60),
            active_poll_interval: Duration::from_secs(10),
            max_concurrency: 16,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            public_url: None,
            state_dir: PathBuf::from("./state"),
            history_days: 400,
        }
    }
}

/// The keys of `github.app` that are set.
#[derive(Default)]
pub(super) struct AppSettings {
    pub(super) app_id: Option<String>,
    pub(super) private_key_file: Option<PathBuf>,
    pub(super) installation_id: Option<u64>,
}

/// Linux's limit for a path; also ample for a URL.
pub(super) const LONGEST: usize = 4096;
/// Each concurrent pass uses memory and a connection.
pub(super) const MOST_PASSES: u32 = 1_000;
/// A century.
pub(super) const MOST_DAYS: u32 = 36_525;

impl Settings {
    /// Sets the field for `path` (`SECTION.KEY`) from `entry`. Returns false if `path` is not a
    /// key.
    pub(super) fn set(&mut self, path: &str, entry: &Setting<'_>, m: &mut Mistakes) -> bool {
        match path {
            "github.api_url" => put(&mut self.api_url, api_url(entry, m)),
            "github.token_file" => put(&mut self.token_file, or_null(entry, m, file)),
            "github.max_requests_per_minute" => {
                put(&mut self.max_requests_per_minute, whole(entry, m, 0..=u32::MAX));
            }
            "github.identities" => put(&mut self.identities, logins(entry, m)),
            "github.app" => put(&mut self.app, or_null(entry, m, app)),
            "github.ca_file" => put(&mut self.ca_file, or_null(entry, m, file)),
            "controller.poll_interval" => put(&mut self.poll_interval, interval(entry, m)),
            "controller.active_poll_interval" => {
                put(&mut self.active_poll_interval, interval(entry, m));
            }
            "controller.max_concurrency" => {
                put(&mut self.max_concurrency, whole(entry, m, 1..=MOST_PASSES));
            }
            "server.listen" => put(&mut self.listen, address(entry, m)),
            "server.public_url" => put(&mut self.public_url, or_null(entry, m, public_url)),
            "state.dir" => put(&mut self.state_dir, directory(entry, m)),
            "state.history_days" => put(&mut self.history_days, whole(entry, m, 1..=MOST_DAYS)),
            _ => return false,
        }
        true
    }
}

fn file(entry: &Setting<'_>, m: &mut Mistakes) -> Option<PathBuf> {
    let path = line(entry, m, LONGEST, "a file's path")?;
    if holds_a_token(&path) {
        entry.refuse(
            m,
            "contains the token itself: put it into a file and name the file, or use GITHUB_TOKEN",
        );
        return None;
    }
    Some(PathBuf::from(path))
}

fn app(entry: &Setting<'_>, m: &mut Mistakes) -> Option<AppSettings> {
    let expected = "a mapping with `app_id` and `private_key_file`";
    let Some(fields) = entry.value.as_dict() else {
        entry.wrong(m, expected);
        return None;
    };
    let mut app = AppSettings::default();
    for (name, value) in fields {
        let key = format!("{}.{name}", entry.key);
        let field = Setting { value: value.clone(), key, origin: entry.origin };
        match name.as_str() {
            "app_id" => app.app_id = app_id(&field, m),
            "private_key_file" => app.private_key_file = file(&field, m),
            "installation_id" => put(&mut app.installation_id, or_null(&field, m, number)),
            _ => {
                let hint = meant(name, names(APP_KEYS));
                let known = || format!("known are {}", names(APP_KEYS).join(", "));
                let hint = hint.map_or_else(known, |near| format!("did you mean {near}?"));
                field.refuse(m, format!("is not a known key: {hint}"));
            }
        }
    }
    Some(app)
}

/// The App's numeric id or its client id.
fn app_id(entry: &Setting<'_>, m: &mut Mistakes) -> Option<String> {
    let expected = "the App's number or its client id, as on its page at GitHub";
    let whole = entry.value.to_i128().map(|number| number.to_string());
    let id = whole.or_else(|| text(entry, m, expected))?;
    let fits = !id.is_empty()
        && id.len() <= 100
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    if !fits {
        entry.wrong(m, expected);
    }
    fits.then_some(id)
}

fn number(entry: &Setting<'_>, m: &mut Mistakes) -> Option<u64> {
    let written = entry.variable().and_then(|text| text.trim().parse().ok());
    let number = entry.value.to_num().and_then(number_text).and_then(|text| text.parse().ok());
    let number = number.or(written).filter(|number| *number > 0);
    if number.is_none() {
        entry.wrong(m, "the installation's number, or nothing: it is found from the owner");
    }
    number
}

fn directory(entry: &Setting<'_>, m: &mut Mistakes) -> Option<PathBuf> {
    line(entry, m, LONGEST, "a directory's path").map(PathBuf::from)
}

fn logins(entry: &Setting<'_>, m: &mut Mistakes) -> Option<Vec<Login>> {
    let logins = texts(entry, m, "logins, as in release-bot or my-app[bot]")?;
    Some(logins.iter().map(|login| Login::from(login.trim_start_matches('@'))).collect())
}

/// Plain HTTP is only allowed on loopback, for a fake GitHub: elsewhere it would expose the
/// token.
fn api_url(entry: &Setting<'_>, m: &mut Mistakes) -> Option<String> {
    let expected = "an https address without user, query or fragment, as in \
                    https://ghe.example.com/api/v3 (http only on loopback)";
    let (uri, text) = address_of(entry, m, expected)?;
    let host = uri.host().unwrap_or_default();
    if host.eq_ignore_ascii_case("github.com") {
        entry.wrong(m, "the address of the API, which is https://api.github.com");
        return None;
    }
    if uri.scheme_str() == Some("https") || is_loopback(host) {
        return Some(text);
    }
    entry.wrong(m, expected);
    None
}

fn public_url(entry: &Setting<'_>, m: &mut Mistakes) -> Option<String> {
    let expected = "an http or https address without user, query or fragment, or null";
    address_of(entry, m, expected).map(|(_, text)| text)
}

fn address_of(entry: &Setting<'_>, m: &mut Mistakes, expected: &str) -> Option<(Uri, String)> {
    let text = line(entry, m, LONGEST, expected)?;
    let uri = text.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("https" | "http"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && (uri.authority().is_some_and(|a| a.port().is_some() == has_port(a.as_str())))
            && uri.query().is_none()
            && !text.contains('#')
    });
    if let Some(uri) = uri {
        return Some((uri, text.trim_end_matches('/').to_owned()));
    }
    entry.wrong(m, expected);
    None
}

fn has_port(authority: &str) -> bool {
    authority.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `:8080` means all addresses, as in other servers.
fn address(entry: &Setting<'_>, m: &mut Mistakes) -> Option<SocketAddr> {
    let expected = "an address and a port, as in 127.0.0.1:8080, [::]:8080 or :8080";
    let text = line(entry, m, LONGEST, expected)?;
    let any_host = text.strip_prefix(':').map(|port| format!("0.0.0.0:{port}"));
    let local_host = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let address = any_host.or(local_host).unwrap_or_else(|| text.clone()).parse().ok();
    if address.is_none() {
        entry.wrong(m, expected);
    }
    address
}
