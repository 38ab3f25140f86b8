//! How what is kept for long is written: packed, where that saves much. A page of a hundred runs says
//! the same words a hundred times, and takes a tenth so.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// What is smaller takes a page of the file either way.
const WORTH_IT: usize = 1_024;
/// Fast rather than small: what changes is packed while a pass waits.
const LEVEL: u8 = 1;
/// The first byte of what is packed. No JSON begins so; other bytes that do are packed always.
const PACKED: u8 = 1;
/// No packed value is taken for more than this.
const LARGEST: usize = 32 << 20;

/// The bytes as they are written.
pub(super) fn pack(bytes: Vec<u8>) -> Vec<u8> {
    let is_taken_for_packed = bytes.first() == Some(&PACKED);
    if bytes.len() < WORTH_IT && !is_taken_for_packed {
        return bytes;
    }
    let mut packed = vec![PACKED];
    packed.extend(compress_to_vec(&bytes, LEVEL));
    if packed.len() < bytes.len() || is_taken_for_packed { packed } else { bytes }
}

/// The bytes that were written so; none where they are damaged. Earlier programs packed nothing.
pub(super) fn unpack(bytes: Vec<u8>) -> Option<Vec<u8>> {
    match bytes.split_first() {
        Some((&PACKED, packed)) => decompress_to_vec_with_limit(packed, LARGEST).ok(),
        Some(_) | None => Some(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_as_it_was() {
        let list =
            br#"{"id":1,"html_url":"https://github.com/acme/shop/actions/runs/1"}"#.repeat(100);
        let plain: [Vec<u8>; 5] = [
            Vec::new(),
            b"{}".to_vec(),
            vec![1],
            vec![1; 5_000],
            (0..=255).cycle().take(9_000).collect(),
        ];
        for bytes in plain.into_iter().chain([list.clone()]) {
            assert_eq!(unpack(pack(bytes.clone())), Some(bytes));
        }
        assert!(pack(list.clone()).len() * 10 < list.len());
        assert_eq!(pack(b"{}".to_vec()), b"{}");
    }

    #[test]
    fn what_is_damaged_is_none() {
        assert_eq!(unpack(vec![1, 255, 255]), None);
        assert_eq!(unpack(pack(vec![b' '; LARGEST + 1])), None);
    }
}
