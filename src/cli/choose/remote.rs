//! Parses the URL of a git remote into host and repository.

use std::net::IpAddr;

use crate::domain::RepoName;

/// The location that the URL of a remote names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RemoteLocation {
    /// The host in lowercase, without user and port.
    pub(super) host: String,
    /// `None` if the path is not `OWNER/NAME`.
    pub(super) repository: Option<RepoName>,
}

/// The URL schemes of git's network transports.
const SCHEMES: [&str; 6] = ["https", "http", "ssh", "git", "git+ssh", "ssh+git"];

/// Parses URLs such as `https://host/OWNER/NAME.git`, `ssh://git@host:22/OWNER/NAME` and
/// `git@host:OWNER/NAME`. Returns `None` for a local path.
pub(super) fn place_of(url: &str) -> Option<RemoteLocation> {
    let (authority, path) = match url.split_once("://") {
        Some((scheme, rest)) => {
            SCHEMES.iter().find(|known| known.eq_ignore_ascii_case(scheme))?;
            rest.split_once('/')?
        }
        None => scp_like(url)?,
    };
    // User information may contain an `@`; a host cannot.
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(RemoteLocation { host: host_alone(host)?, repository: repository_at(path) })
}

/// Splits `[user@]host:path`. As in git, it is a local path if a slash comes before the colon.
fn scp_like(url: &str) -> Option<(&str, &str)> {
    let end = match url.find('[') {
        Some(open) if open == 0 || url.get(..open)?.ends_with('@') => url.find(']')?,
        _ => 0,
    };
    let colon = end + url.get(end..)?.find(':')?;
    let (authority, path) = (url.get(..colon)?, url.get(colon + 1..)?);
    (!authority.contains('/')).then_some((authority, path))
}

/// The host without brackets and port. `None` if it is not a valid host name or IP address.
fn host_alone(host: &str) -> Option<String> {
    let host = match host.strip_prefix('[') {
        // An IPv6 address, or `[host:port]`, which git accepts in SSH remotes.
        Some(inner) => {
            let inner = inner.split_once(']')?.0;
            if inner.parse::<IpAddr>().is_ok() { inner } else { without_port(inner) }
        }
        None => without_port(host),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_name = host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    (!host.is_empty() && (is_name || host.parse::<IpAddr>().is_ok())).then_some(host)
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(host, _)| host)
}

fn repository_at(path: &str) -> Option<RepoName> {
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path).parse().ok()
}

/// The git host of the GitHub instance with this API URL: `github.com` for
/// `https://api.github.com`, `ghe.example.com` for `https://ghe.example.com/api/v3`.
pub(super) fn host_of_api(api_url: &str) -> String {
    let rest = api_url.split_once("://").map_or(api_url, |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host_alone(authority).unwrap_or_else(|| authority.to_owned());
    match host.strip_prefix("api.") {
        Some(bare) if path.trim_matches('/').is_empty() => bare.to_owned(),
        _ => host,
    }
}

/// Whether a remote's host is `ours`. If the API is on a loopback address, it is a gateway or a
/// fake GitHub, which may serve the repositories of any host.
pub(super) fn is_same(host: &str, ours: &str) -> bool {
    let bare = match ours {
        "github.com" => ["ssh.", "www."].iter().find_map(|front| host.strip_prefix(front)),
        _ => None,
    };
    bare.unwrap_or(host) == ours || is_loopback(ours)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_remote_tells_its_host_and_repository() {
        for (url, host) in [
            ("https://github.com/acme/shop", "github.com"),
            ("https://github.com/acme/shop.git", "github.com"),
            ("https://github.com/acme/shop/", "github.com"),
            ("https://github.com/acme/shop.git/", "github.com"),
            ("https://GitHub.com/acme/shop", "github.com"),
            ("HTTPS://github.com./acme/shop", "github.com"),
            ("https://ada@github.com/acme/shop", "github.com"),
            ("https://ada:ghp_x@github.com:443/acme/shop.git", "github.com"),
            ("http://127.0.0.1:4000/acme/shop", "127.0.0.1"),
            ("http://[::1]:4000/acme/shop.git", "::1"),
            ("ssh://git@github.com/acme/shop.git", "github.com"),
            ("ssh://github.com/acme/shop", "github.com"),
            ("ssh://git@github.com:22/acme/shop", "github.com"),
            ("ssh://git@ssh.github.com:443/acme/shop.git", "ssh.github.com"),
            ("git+ssh://git@github.com/acme/shop.git", "github.com"),
            ("git://github.com/acme/shop.git", "github.com"),
            ("git@github.com:acme/shop.git", "github.com"),
            ("git@github.com:acme/shop", "github.com"),
            ("git@github.com:/acme/shop.git", "github.com"),
            ("github.com:acme/shop", "github.com"),
            ("git@[github.com:22]:acme/shop.git", "github.com"),
            ("git@[::1]:acme/shop", "::1"),
            ("org-1234@github.com:acme/shop.git", "github.com"),
            ("https://ghe.example.com:8443/acme/shop.git", "ghe.example.com"),
            ("git@ghe.example.com:acme/shop.git", "ghe.example.com"),
            // User information that looks like a host is not the host.
            ("https://github.com@gitlab.com/acme/shop", "gitlab.com"),
            ("https://github.com:x@gitlab.com/acme/shop", "gitlab.com"),
            ("ssh://github.com@gitlab.com:22/acme/shop", "gitlab.com"),
            ("github.com@gitlab.com:acme/shop", "gitlab.com"),
        ] {
            let repository = Some("acme/shop".parse().unwrap());
            assert_eq!(
                place_of(url),
                Some(RemoteLocation { host: host.to_owned(), repository }),
                "{url}"
            );
        }
    }

    #[test]
    fn a_path_that_is_no_owner_and_name_tells_the_host_alone() {
        for url in [
            "https://github.com/acme",
            "https://github.com/acme/shop/tree/main",
            "https://github.com/acme/.git",
            "https://github.com/acme/shop?x=1",
            "git@github.com:22/acme/shop.git",
            "git@github.com:shop.git",
            "git@github.com:",
        ] {
            let place = RemoteLocation { host: "github.com".to_owned(), repository: None };
            assert_eq!(place_of(url), Some(place), "{url}");
        }
    }

    #[test]
    fn what_is_on_this_machine_or_no_address_tells_nothing() {
        for url in [
            "",
            "/srv/git/acme/shop.git",
            "../acme/shop",
            "./github.com:acme/shop",
            "acme/shop",
            "file:///srv/git/acme/shop",
            "ext::ssh://github.com/acme/shop",
            "https://",
            "https:///acme/shop",
            "https://github.com\u{1b}[2J/acme/shop",
            "https://github.com\\x/acme/shop",
            "git@[github.com:acme/shop",
            ":acme/shop",
            "é[:acme/shop",
        ] {
            assert_eq!(place_of(url), None, "{url}");
        }
    }

    #[test]
    fn a_remote_belongs_to_the_github_of_its_host() {
        for (api, host, is_ours) in [
            ("https://api.github.com", "github.com", true),
            ("https://api.github.com", "ssh.github.com", true),
            ("https://api.github.com", "www.github.com", true),
            ("https://api.github.com", "gist.github.com", false),
            ("https://api.github.com", "gitlab.com", false),
            ("https://api.github.com", "github.com.example.com", false),
            ("https://api.github.com", "ghe.example.com", false),
            ("https://api.github.com", "localhost", false),
            ("https://ghe.example.com/api/v3", "ghe.example.com", true),
            ("https://GHE.example.com:8443/api/v3", "ghe.example.com", true),
            ("https://ghe.example.com/api/v3", "github.com", false),
            ("https://ghe.example.com/api/v3", "ssh.ghe.example.com", false),
            ("https://api.example.com/api/v3", "api.example.com", true),
            ("https://api.example.com/api/v3", "example.com", false),
            ("https://api.acme.ghe.com", "acme.ghe.com", true),
            ("http://127.0.0.1:4000", "127.0.0.1", true),
            ("http://127.0.0.1:4000", "localhost", true),
            ("http://localhost:4000", "::1", true),
            ("http://[::1]:4000", "127.0.0.1", true),
            ("http://127.0.0.1:4000", "github.com", true),
            ("https://api.github.com", "127.0.0.1", false),
        ] {
            assert_eq!(is_same(host, &host_of_api(api)), is_ours, "{host} of {api}");
        }
    }
}
