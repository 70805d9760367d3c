//! Lines of bytes with a bound on the memory of a line.

use std::io::{self, BufRead, Read};

/// Reads lines, and only the beginning of a line that is longer than the bound.
pub(in crate::commands) struct BoundedLines<R> {
    input: R,
    bytes_max: usize,
    line: Vec<u8>,
}

impl<R: BufRead> BoundedLines<R> {
    pub(in crate::commands) fn new(input: R, bytes_max: usize) -> Self {
        BoundedLines { input, bytes_max, line: Vec::new() }
    }

    /// Reads the next line without its line feed, or carriage return and line feed. Returns `None`
    /// at the end. A line of more than `bytes_max` bytes is cut, but stays longer than `bytes_max`,
    /// so that the caller can recognize it.
    pub(in crate::commands) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        const LINE_END_BYTES: usize = 2;
        let read_max = self.bytes_max.saturating_add(LINE_END_BYTES);
        self.line.clear();
        let read = self.input.by_ref().take(read_max as u64).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        if self.line.pop_if(|byte| *byte == b'\n').is_some() {
            self.line.pop_if(|byte| *byte == b'\r');
        } else if read == read_max {
            self.input.skip_until(b'\n')?;
        }
        Ok(Some(&self.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn lines(input: &[u8], bytes_max: usize) -> Vec<Vec<u8>> {
        // A small buffer, so that lines span several reads.
        let mut lines = BoundedLines::new(BufReader::with_capacity(3, input), bytes_max);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(line.to_vec());
        }
        all
    }

    #[test]
    fn line_ends_are_removed() {
        assert_eq!(lines(b"one\ntwo\r\n\nlast", 10), [&b"one"[..], b"two", b"", b"last"]);
        assert!(lines(b"", 10).is_empty());
    }

    #[test]
    fn carriage_return_is_kept_when_it_is_within_a_line() {
        assert_eq!(lines(b"a\rb\r\r\n", 10), [b"a\rb\r"]);
    }

    #[test]
    fn line_is_whole_when_it_has_the_length_of_the_bound() {
        assert_eq!(lines(b"12345\n12345\r\n12345", 5), [b"12345", b"12345", b"12345"]);
    }

    #[test]
    fn line_is_cut_when_it_is_longer_and_the_next_one_is_whole() {
        for longer in ["123456", "1234567", "12345678", "123456789012345678901234567890"] {
            for end in ["\n", "\r\n"] {
                let all = lines(format!("{longer}{end}next").as_bytes(), 5);
                assert_eq!(all.len(), 2, "{longer}");
                assert!((6..=7).contains(&all[0].len()), "{longer}: {:?}", all[0]);
                assert_eq!(all[1], b"next");
            }
        }
    }

    #[test]
    fn last_line_is_cut_when_it_is_longer() {
        assert_eq!(lines(b"a\n1234567890", 5), [&b"a"[..], b"1234567"]);
    }
}
