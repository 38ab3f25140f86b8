//! The real program's connection to GitHub: TLS with a private authority, and a proxy.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ghbox::Repo;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::town::{Town, until};

const SHOP: &str = "repositories: [{name: acme/shop}]\n";

/// An authority that no machine trusts by default, and a certificate that it issued for
/// `localhost`. Everything here is public and valid from 2020 to 2120; the authority's private
/// key was discarded.
fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surface/network").join(name)
}

/// Puts the fake GitHub behind TLS, at `https://localhost:…`.
fn behind_tls(town: &mut Town) -> String {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let certificates = CertificateDer::pem_file_iter(pem("localhost.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            certificates.map(Result::unwrap).collect(),
            PrivateKeyDer::from_pem_file(pem("localhost.key.pem")).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let behind = town.api_url().trim_start_matches("http://").to_owned();
    let listener = town.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let place = format!("localhost:{}", listener.local_addr().unwrap().port());
    town.runtime.spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((outside, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            connections.spawn(async move {
                let Ok(mut outside) = acceptor.accept(outside).await else { return };
                let mut inside = tokio::net::TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    town.find_github_at(format!("https://{place}"));
    place
}

/// An HTTP CONNECT proxy: its address, and the head of each request that it received.
fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    std::thread::spawn(move || {
        for asker in listener.incoming().map_while(Result::ok) {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || tunnel(asker, &kept));
        }
    });
    (address, heads)
}

fn tunnel(mut asker: TcpStream, heads: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && asker.read_exact(&mut byte).is_ok() {
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    heads.lock().unwrap().push(head.clone());
    let Some(place) = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) else {
        let _ = asker.write_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n");
        return;
    };
    let server = TcpStream::connect(place.replace("localhost", "127.0.0.1")).unwrap();
    asker.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").unwrap();
    let (back, forth) = (asker.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || pour(server, back));
    pour(asker, forth);
}

fn pour(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

/// Governs the shop until this commit is being deployed.
fn ships(town: &Town, shop: &Repo, sha: &str) {
    let running = town.govern();
    assert!(until(|| shop.dispatches_of(sha) == 1), "not dispatched:\n{}", running.log());
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_github_whose_authority_is_ones_own_is_reached_by_ca_file_and_refused_without() {
    let (mut town, shop, _) = Town::with_shop();
    behind_tls(&mut town);
    let sha = shop.verified(&["src/cart.rs"]);
    town.configure(SHOP);
    let before = town.github.requests().len();
    let refused = town.run(&["simulate", &sha]).with(3).error();
    let why = "its TLS certificate is by an authority that is not trusted here";
    assert!(refused.contains(why) && refused.contains("`github.ca_file`"), "{refused}");
    assert_eq!(town.github.requests().len(), before, "no token left this machine");

    town.trust(Some(pem("ca.pem")));
    town.configure(SHOP);
    town.run(&["simulate", &sha]).with(0);
    ships(&town, &shop, &sha);
}

#[test]
fn a_certificate_for_another_name_is_refused_also_where_its_authority_is_trusted() {
    let (mut town, _, _) = Town::with_shop();
    let place = behind_tls(&mut town);
    town.find_github_at(format!("https://{}", place.replace("localhost", "127.0.0.1")));
    town.trust(Some(pem("ca.pem")));
    town.configure(SHOP);
    let refused = town.run(&["simulate", "1234567"]).with(3).error();
    assert!(refused.contains("invalid peer certificate"), "{refused}");
}

#[test]
fn a_proxy_carries_tls_and_nothing_that_stays_on_this_machine() {
    let (mut town, shop, _) = Town::with_shop();
    let (proxy, heads) = proxy();
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        town.set(name, &proxy);
    }
    let a1 = shop.verified(&["src/cart.rs"]);
    ships(&town, &shop, &a1);
    assert_eq!(heads.lock().unwrap().len(), 0, "plain HTTP goes to loopback, and past any proxy");
    shop.finish_run(shop.dispatches().last().unwrap().run_id, "success");

    let place = behind_tls(&mut town);
    town.trust(Some(pem("ca.pem")));
    town.configure(SHOP);
    town.run(&["simulate", &a1]).with(0);
    let heads = heads.lock().unwrap();
    assert!(!heads.is_empty(), "the proxy was asked");
    for head in heads.iter() {
        assert!(head.starts_with(&format!("CONNECT {place} HTTP/1.1\r\n")), "{head}");
        assert!(!head.to_lowercase().contains("bearer"), "a proxy sees no token: {head}");
    }
}

#[test]
fn a_github_that_no_proxy_names_is_reached_past_the_proxy() {
    let (mut town, shop, _) = Town::with_shop();
    let (proxy, heads) = proxy();
    town.set("HTTPS_PROXY", &proxy);
    town.set("NO_PROXY", "localhost");
    behind_tls(&mut town);
    town.trust(Some(pem("ca.pem")));
    town.configure(SHOP);
    let sha = shop.verified(&["src/cart.rs"]);
    ships(&town, &shop, &sha);
    assert_eq!(heads.lock().unwrap().len(), 0);
}
