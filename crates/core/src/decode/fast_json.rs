//! A fast reader for plain JSON, which nearly every producer writes: texts without escapes, whole
//! numbers from zero up, `true`, `false` and `null`, lists of texts, objects.
//!
//! The reader gives up where it finds anything else: a fault, an escape, a fraction or a deeply
//! nested value. The general parser of [`raw_value`](super::raw_value) then reads the text from its
//! start, and only that parser reports faults. A text that the fast reader accepts is read as the
//! general parser reads it; a property test compares them. The reader is written by hand because a
//! general parser spends half of its time on forms that such an event never has (ADR 0013).

use wide::u8x16;

use crate::decode::raw_value::{Heap, RawValue};
use crate::event::{LIST_LEN_MAX, Text};

/// The deepest nesting of a value that is skipped. A deeper one is left to the general parser.
const DEPTH_MAX: usize = 8;

/// The longest text that is read, in bytes. A longer one is left to the general parser.
const BYTES_MAX: usize = 64 * WORDS;

/// Words of 64 bits, one bit for each byte of a text.
const WORDS: usize = 32;

/// The positions of the quotes of a text, in order. They are found 16 bytes at a time, before the
/// text is read.
struct Quotes {
    words: [u64; WORDS],
    /// The index of the current word.
    index: usize,
    /// The bits of the current word that are left.
    word: u64,
}

impl Quotes {
    /// Finds the quotes. Returns `None` where the text has an escape or a control character, or is
    /// too long.
    fn of(text: &[u8]) -> Option<Self> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let (mut words, mut unusual) = ([0; WORDS], u8x16::splat(0));
        let (blocks, rest) = text.as_chunks::<64>();
        for (word, block) in words.iter_mut().zip(blocks) {
            *word = quotes_in(block, &mut unusual);
        }
        if let Some(word) = words.get_mut(blocks.len()) {
            let mut last = [b' '; 64];
            last[..rest.len()].copy_from_slice(rest);
            *word = quotes_in(&last, &mut unusual);
        }
        (!unusual.any()).then_some(Quotes { words, index: 0, word: words[0] })
    }

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.word == 0 {
            self.index += 1;
            self.word = *self.words.get(self.index)?;
        }
        let position = self.index * 64 + self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        Some(position)
    }
}

/// Returns a bit for each of 64 bytes that is a quote; the first byte is the lowest bit. Marks
/// escapes and control characters in `unusual`.
fn quotes_in(block: &[u8; 64], unusual: &mut u8x16) -> u64 {
    let (chunks, _) = block.as_chunks::<16>();
    chunks.iter().rev().fold(0, |quotes, chunk| {
        let bytes = u8x16::new(*chunk);
        let is_control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
        *unusual |= bytes.simd_eq(u8x16::splat(b'\\')) | is_control;
        (quotes << 16) | u64::from(bytes.simd_eq(u8x16::splat(b'"')).to_bitmask())
    })
}

/// Reads a JSON text from its start. Every method returns `None` where the text is not plain.
pub(crate) struct FastJson<'a> {
    text: &'a str,
    quotes: Quotes,
    at: usize,
}

impl<'a> FastJson<'a> {
    /// Creates a reader. Returns `None` where the text has an escape or a control character, or is
    /// too long.
    pub(crate) fn new(text: &'a str) -> Option<Self> {
        Some(FastJson { text, quotes: Quotes::of(text.as_bytes())?, at: 0 })
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Returns the next byte that is no space, without passing it. Other white space is a control
    /// character, for which [`Self::new`] has given up.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at)? {
                b' ' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// Passes the next byte that is no space, and returns it.
    #[inline]
    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Succeeds where only spaces are left.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.rest().starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    /// Reads a text that begins at the current byte.
    #[inline]
    fn text(&mut self) -> Option<&'a str> {
        let (first, last) = (self.quotes.next()?, self.quotes.next()?);
        if first != self.at {
            return None;
        }
        self.at = last + 1;
        self.text.get(first + 1..last)
    }

    fn integer(&mut self) -> Option<u64> {
        /// Every number with this many digits fits into 64 bits.
        const DIGITS_MAX: usize = 19;
        let rest = self.rest();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_whole = !matches!(rest.get(digits), Some(b'.' | b'e' | b'E'));
        let has_leading_zero = digits > 1 && rest[0] == b'0';
        if !(1..=DIGITS_MAX).contains(&digits) || has_leading_zero || !is_whole {
            return None;
        }
        self.at += digits;
        Some(rest[..digits].iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')))
    }

    /// Reads an object. Calls `read` with each key; `read` must pass the value.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut read: impl FnMut(&mut Self, &'a str) -> Option<()>,
    ) -> Option<()> {
        self.entries(b'{', b'}', |json| {
            let key = json.text()?;
            if json.take()? != b':' {
                return None;
            }
            read(json, key)
        })
    }

    fn list(&mut self, read: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.entries(b'[', b']', read)
    }

    /// Reads the entries between two brackets, separated by commas. Calls `read` at the first byte
    /// of each entry.
    #[inline]
    fn entries(
        &mut self,
        open: u8,
        close: u8,
        mut read: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        if self.take()? != open {
            return None;
        }
        if self.peek()? == close {
            self.at += 1;
            return Some(());
        }
        loop {
            self.peek()?;
            read(self)?;
            match self.take()? {
                b',' => {}
                byte => return (byte == close).then_some(()),
            }
        }
    }

    /// Reads the value of a field or an attribute.
    pub(crate) fn value(&mut self, heap: &mut Heap<'a>) -> Option<RawValue<'a>> {
        match self.peek()? {
            b'"' => self.text().map(RawValue::Text),
            b'0'..=b'9' => self.integer().map(RawValue::Integer),
            b'[' => {
                let mut texts: Vec<Text<'a>> = Vec::new();
                self.list(|json| {
                    texts.push(json.text()?.into());
                    (texts.len() <= LIST_LEN_MAX).then_some(())
                })?;
                Some(heap.put_texts(texts))
            }
            b't' => self.word("true").map(|()| RawValue::Bool(true)),
            b'f' => self.word("false").map(|()| RawValue::Bool(false)),
            b'n' => self.word("null").map(|()| RawValue::Null),
            _ => None,
        }
    }

    /// Passes a value that is not needed.
    pub(crate) fn skip(&mut self) -> Option<()> {
        self.skip_within(DEPTH_MAX)
    }

    fn skip_within(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.text().map(|_| ()),
            b'0'..=b'9' => self.integer().map(|_| ()),
            b'{' => {
                let inside = depth.checked_sub(1)?;
                self.object(|json, _| json.skip_within(inside))
            }
            b'[' => {
                let inside = depth.checked_sub(1)?;
                self.list(|json| json.skip_within(inside))
            }
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => None,
        }
    }
}
