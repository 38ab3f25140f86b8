//! The names of local user accounts.

use std::fs::File;
use std::io::Read as _;

use crate::messages::plain;

/// The local accounts. Accounts of a directory service are not listed here, so only their uid is
/// shown.
const PASSWD: &str = "/etc/passwd";
/// The maximum number of bytes read. A machine with more accounts uses a directory service.
const MOST_BYTES: u64 = 1024 * 1024;
/// The maximum length of a user name on Linux.
const LONGEST_NAME: usize = 32;

/// Returns `uid 1000 alice`, or `uid 1000` if the name is unknown.
pub(super) fn account(uid: u32) -> String {
    let mut text = Vec::new();
    // If the file cannot be read, the uid suffices.
    let read = File::open(PASSWD).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut text));
    let name = read.ok().and_then(|_| name_in(&String::from_utf8_lossy(&text), uid));
    name.map_or_else(|| format!("uid {uid}"), |name| format!("uid {uid} {name}"))
}

fn name_in(passwd: &str, uid: u32) -> Option<String> {
    let line = passwd.lines().find(|line| line.split(':').nth(2) == Some(&uid.to_string()))?;
    let name = plain(line.split(':').next()?, LONGEST_NAME);
    let is_name = !name.is_empty() && !name.contains([' ', '(', ')']);
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_the_name_that_the_system_gives_it() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:\nbad name:x:7::\n\nx";
        assert_eq!(name_in(passwd, 1000).as_deref(), Some("alice"));
        assert_eq!(name_in(passwd, 0).as_deref(), Some("root"));
        assert_eq!((name_in(passwd, 100), name_in(passwd, 7)), (None, None));
    }
}
