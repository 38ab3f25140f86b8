//! Compression of long-lived values, where it saves enough. A page of a hundred runs is
//! repetitive and shrinks to a tenth.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// Smaller values occupy one page of the file either way.
const WORTH_IT: usize = 1_024;
/// Fast rather than small: a pass waits for the compression.
const LEVEL: u8 = 1;
/// The first byte of a compressed value. JSON never begins with it; other values that do are
/// always compressed.
const PACKED: u8 = 1;
/// Maximum size of a decompressed value.
const LARGEST: usize = 32 << 20;

/// The stored form of `bytes`.
pub(super) fn pack(bytes: Vec<u8>) -> Vec<u8> {
    let is_taken_for_packed = bytes.first() == Some(&PACKED);
    if bytes.len() < WORTH_IT && !is_taken_for_packed {
        return bytes;
    }
    let mut packed = vec![PACKED];
    packed.extend(compress_to_vec(&bytes, LEVEL));
    if packed.len() < bytes.len() || is_taken_for_packed { packed } else { bytes }
}

/// The value of a stored form; `None` if it is damaged. Values from earlier versions are not
/// compressed.
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
