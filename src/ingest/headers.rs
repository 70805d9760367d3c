//! The headers of a record.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::message::{Header, Headers};

/// Adds the names and values of `headers` to `out`, without those that have no value. A header
/// whose name is not UTF-8 is left out: no attribute has such a name.
pub(super) fn read<'m>(headers: &'m impl Headers, out: &mut Vec<(&'m str, &'m [u8])>) {
    for index in 0..headers.count() {
        // The client library panics at a name that is not UTF-8, which any producer can write.
        let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(index)));
        if let Ok(Some(Header { key, value: Some(value) })) = header {
            out.push((key, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three headers: one without a value, one whose name is not UTF-8, and a good one.
    struct Fake;

    impl Headers for Fake {
        fn count(&self) -> usize {
            3
        }

        fn try_get(&self, index: usize) -> Option<Header<'_, &[u8]>> {
            match index {
                0 => Some(Header { key: "ce_time", value: None }),
                1 => panic!("as the library does"),
                _ => Some(Header { key: "ce_id", value: Some(b"7") }),
            }
        }
    }

    #[test]
    fn header_is_left_out_when_its_name_is_not_utf_8_or_it_has_no_value() {
        let mut headers = Vec::new();
        read(&Fake, &mut headers);
        assert_eq!(headers, [("ce_id", b"7".as_slice())]);
    }
}
