//! Any bytes as the content of the store. They are decoded or rejected with a reason, and what
//! is decoded is encoded again as it was. A ledger and a release state are accepted only as a
//! whole, and only if attempt ids are unique and no run has two attempts.
//!
//! The input is a release state, or nothing, on the first line, and one entry on each further
//! line.

use std::collections::BTreeSet;

use release_governor::controller::LastStanding;
use release_governor::domain::Entry;
use release_governor::github::{CachedResponse, Compared, Tree};
use release_governor::messages;
use release_governor::queries::view::FleetStatus;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::packed::{pack, unpack};
use crate::release::{
    ReleaseSnapshot, Stored, check_entry, check_state, decode, encode, encode_entry,
    encode_snapshot,
};
use crate::support::first_line;

/// The maximum size of a decompressed value.
const LARGEST: usize = 32 << 20;

pub fn run(input: &[u8]) {
    a_ledger(input);
    assert_eq!(unpack(pack(input.to_vec())).as_deref(), Some(input), "packed otherwise");
    let Some(bytes) = unpack(input.to_vec()) else { return };
    assert!(bytes.len() <= LARGEST.max(input.len()), "unpacked without end");
    kept::<CachedResponse>(&bytes);
    kept::<Compared>(&bytes);
    kept::<LastStanding>(&bytes);
    kept::<FleetStatus>(&bytes);
    kept::<Tree>(&bytes);
}

fn a_ledger(input: &[u8]) {
    let (snapshot, rows) = first_line(input);
    let snapshot = Some(snapshot.to_vec()).filter(|bytes| !bytes.is_empty());
    let from = snapshot.as_deref().and_then(|bytes| decode::<ReleaseSnapshot>(bytes).ok());
    let from = from.map_or(0, |snapshot| snapshot.seq);
    let rows = rows.split(|byte| *byte == b'\n').filter(|row| !row.is_empty());
    let tail: Vec<(u64, Vec<u8>)> = (1..)
        .map(|number: u64| from.saturating_add(number))
        .zip(rows.map(<[u8]>::to_vec))
        .collect();
    let last = tail.last().map_or(from, |(number, _)| *number);
    for (_, row) in &tail {
        an_entry(row);
    }
    let entries = tail.len();
    match (Stored { snapshot, tail, last }).fold(7.into()) {
        Ok((folded, began)) => {
            assert_eq!((folded.seq, began), (last, from), "an entry too many, or too few");
            let ids: BTreeSet<_> = folded.state.attempts.iter().map(|one| &one.begun.id).collect();
            assert_eq!(ids.len(), folded.state.attempts.len(), "two attempts with one id");
            let runs: Vec<_> = folded.state.attempts.iter().filter_map(|one| one.run).collect();
            assert_eq!(runs.iter().collect::<BTreeSet<_>>().len(), runs.len(), "a run of two");
            assert_eq!(check_state(&folded.state), Ok(()));
            let written = encode_snapshot(&folded).expect("what was read is written");
            assert_eq!(decode::<ReleaseSnapshot>(&written).as_ref(), Ok(&folded));
        }
        Err(StoreError::Broken { what, .. }) => assert!(!what.is_empty(), "{entries} entries"),
    }
}

fn an_entry(row: &[u8]) {
    let Ok(entry) = decode::<Entry>(row) else { return };
    let written = encode_entry(&entry).expect("what was read is written");
    assert_eq!(decode::<Entry>(&written), Ok(entry.clone()));
    // Checking whether it can be added must work for an empty state, too.
    let _ = check_entry(&ReleaseSnapshot::default().state, &entry);
    assert!(!messages::describe_entry(&entry.kind).is_empty());
}

fn kept<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(value) = decode::<T>(bytes) else { return };
    let written = encode(&value).expect("what was read is written");
    let again = decode::<T>(&written).expect("what was written is read");
    assert_eq!(encode(&again), Ok(written), "read otherwise");
}
