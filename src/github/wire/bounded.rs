//! Lists with a maximum length: a longer list is malformed.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// A list of at most `MOST` items.
pub(in crate::github) struct List<T, const MOST: usize>(pub(in crate::github) Vec<T>);

/// A page of a list. GitHub returns at most 100 items on most pages, and 250 on some.
pub(in crate::github) type BoundedPage<T> = List<T, 1_000>;

impl<T, const MOST: usize> IntoIterator for List<T, MOST> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for List<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Things(PhantomData))
    }
}

struct Things<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Things<T, MOST> {
    type Value = List<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut things: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(thing) = things.next_element()? {
            if list.len() >= MOST {
                return Err(A::Error::custom(format_args!("a list of more than {MOST}")));
            }
            list.push(thing);
        }
        Ok(List(list))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    #[test]
    fn a_list_without_end_is_no_answer() {
        let of = |count: usize| {
            let text = format!("[{}]", vec!["{}"; count].join(","));
            serde_json::from_str::<BoundedPage<IgnoredAny>>(&text).map(|page| page.0.len())
        };
        assert_eq!(of(1_000).unwrap(), 1_000);
        let error = of(30_000_000 / 3).unwrap_err().to_string();
        assert!(error.starts_with("a list of more than 1000 at line 1 column 3"), "{error}");
    }
}
