//! The HTTP proxy selected by the environment.

use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;

/// An HTTP CONNECT proxy.
pub(super) struct Proxy {
    uri: Uri,
    auth: Option<HeaderValue>,
}

/// The proxy that the environment selects for this URL. `None` for plain HTTP, which is only
/// used on loopback.
pub(super) fn of(api_url: &str) -> Result<Option<Proxy>, String> {
    chosen(&Matcher::from_env(), api_url)
}

fn chosen(matcher: &Matcher, api_url: &str) -> Result<Option<Proxy>, String> {
    let Ok(uri) = api_url.parse::<Uri>() else { return Ok(None) };
    if uri.scheme_str() != Some("https") {
        return Ok(None);
    }
    let Some(intercept) = matcher.intercept(&uri) else { return Ok(None) };
    let (proxy, auth) = (intercept.uri().clone(), intercept.basic_auth().cloned());
    let host = proxy.host().unwrap_or_default();
    match proxy.scheme_str() {
        Some("http" | "https") => {
            let place = uri.host().unwrap_or_default();
            tracing::info!(proxy = host, "{place} is reached through the proxy {host}");
            Ok(Some(Proxy { uri: proxy, auth }))
        }
        scheme => Err(format!(
            "cannot use the proxy at {host}: {} is not supported. Name an HTTP proxy in \
             HTTPS_PROXY, or leave {} out with NO_PROXY",
            scheme.unwrap_or("its scheme"),
            uri.host().unwrap_or("its host")
        )),
    }
}

impl Proxy {
    /// Tunnels connections of `connector` through the proxy.
    pub(super) fn tunnel<C>(self, connector: C) -> Tunnel<C> {
        let tunnel = Tunnel::new(self.uri, connector);
        match self.auth {
            Some(auth) => tunnel.with_auth(auth),
            None => tunnel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(proxy: &str, no: &str) -> Matcher {
        Matcher::builder().https(proxy.to_owned()).no(no.to_owned()).build()
    }

    #[test]
    fn only_tls_goes_through_a_proxy_and_only_where_it_should() {
        let matcher = with("http://proxy.example.com:3128", "ghe.example.com");
        let is_proxied = |url| chosen(&matcher, url).unwrap().is_some();
        assert!(is_proxied("https://api.github.com"));
        assert!(!is_proxied("https://ghe.example.com/api/v3"));
        assert!(!is_proxied("http://127.0.0.1:8080"));
        assert!(chosen(&with("", ""), "https://api.github.com").unwrap().is_none());
    }

    #[test]
    fn a_proxy_that_is_none_of_http_is_said() {
        let why = chosen(&with("socks5://user:pw@proxy:1080", ""), "https://api.github.com");
        let why = why.err().unwrap();
        assert!(why.contains("socks5 is not supported") && !why.contains("pw"), "{why}");
    }
}
