//! Ids and hashes. Each kind of id starts from its own number, so that a program that confuses
//! two kinds finds nothing.

use sha2::{Digest as _, Sha256};

/// The last assigned id of each kind.
pub(super) struct Ids {
    pub(super) repository: u64,
    pub(super) user: u64,
    pub(super) workflow: u64,
    pub(super) run: u64,
    pub(super) job: u64,
    pub(super) status: u64,
    pub(super) issue: u64,
    pub(super) comment: u64,
    pub(super) event: u64,
    pub(super) label: u64,
    pub(super) request: u64,
    pub(super) fault: u64,
    pub(super) app: u64,
    pub(super) installation: u64,
}

impl Ids {
    pub(super) fn new() -> Self {
        Ids {
            repository: 500_000_000,
            user: 1_000,
            workflow: 90_000_000,
            run: 17_000_000_000,
            job: 48_000_000_000,
            status: 35_000_000_000,
            issue: 2_500_000_000,
            comment: 3_100_000_000,
            event: 15_000_000_000,
            label: 7_000_000_000,
            request: 0,
            fault: 0,
            app: 1_200_000,
            installation: 60_000_000,
        }
    }
}

/// Assigns the next id of a kind: `next(&mut ids.run)`.
pub(super) fn next(last: &mut u64) -> u64 {
    *last += 1;
    *last
}

/// Forty hex digits that identify these parts, like the name of a git object.
pub(super) fn object_name<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize(), 20)
}

/// The first `bytes` bytes of `data`, in hex.
pub(super) fn hex(data: &[u8], bytes: usize) -> String {
    use std::fmt::Write as _;
    data.iter().take(bytes).fold(String::with_capacity(bytes * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A node id in the format of GitHub's GraphQL API: a prefix for the kind, then opaque
/// characters.
pub(super) fn node_id(kind: &str, id: impl std::fmt::Display) -> String {
    use base64::Engine as _;
    let opaque = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id.to_string());
    format!("{kind}_{opaque}")
}
