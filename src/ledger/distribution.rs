//! Distributions as the ledger stores them: HDR histograms, format V2 with deflate, two significant digits, milliseconds.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use nabiz_core::measures::{SparseHdrCounts, lowest_value_at};

/// Number of the format in the column `histogram_format`.
pub(super) const FORMAT: i64 = 1;
/// What the format begins with, before and after deflate: the magic number with the layout of the counters.
const COMPRESSED_COOKIE: u32 = 0x1c84_9314;
/// The magic number, and the length of what follows it.
const COMPRESSED_HEADER_BYTES: usize = 8;
/// Cookie, payload length, normalising offset, digits, lowest and highest value, ratio.
const HEADER_BYTES: usize = 40;
/// Most bytes of a distribution before deflate: all cells up to 2^41 ms with nine bytes each take half of it.
const RAW_BYTES_MAX: usize = 1 << 16;
/// Largest value that a distribution is made for.
const VALUE_MAX: u64 = 1 << 42;

/// Values of one kind, in milliseconds. Counters have 64 bits, so that years can be added up.
pub(super) type Distribution = Histogram<u64>;

/// One without values.
pub(super) fn empty() -> Distribution {
    Histogram::new(2).unwrap_or_else(|_| unreachable!("two significant digits are valid"))
}

/// Adds the values of `more`; both have the same digits.
pub(super) fn add(sum: &mut Distribution, more: &Distribution) {
    // An auto-resizing histogram takes every value of another.
    let _ = sum.add(more);
}

/// Adds increments.
pub(super) fn add_cells(sum: &mut Distribution, cells: &SparseHdrCounts) {
    for &(cell, count) in &cells.counts {
        // An auto-resizing histogram refuses only values above 2^63, and cells end far below.
        let _ = sum.record_n(lowest_value_at(usize::from(cell)), u64::from(count));
    }
}

/// Writes and reads blobs, with its buffers. The crate's own deflating serializer makes a compressor of 300 KiB for each blob.
pub(super) struct Codec {
    serializer: V2Serializer,
    compressor: Compress,
    decompressor: Decompress,
    deserializer: Deserializer,
    /// A distribution before deflate, to be written.
    raw: Vec<u8>,
    /// Where a blob is inflated: longer than it may become. A vector with room for it would be filled with zeros each time.
    space: Box<[u8]>,
}

impl Codec {
    pub(super) fn new() -> Self {
        Codec {
            serializer: V2Serializer::new(),
            compressor: Compress::new(Compression::fast(), true),
            decompressor: Decompress::new(true),
            deserializer: Deserializer::new(),
            raw: Vec::new(),
            space: vec![0; RAW_BYTES_MAX + 1].into(),
        }
    }

    /// The blob of a distribution; `None` where it has no values.
    pub(super) fn encode(
        &mut self,
        distribution: &Distribution,
    ) -> Result<Option<Vec<u8>>, String> {
        if distribution.is_empty() {
            return Ok(None);
        }
        self.raw.clear();
        self.serializer
            .serialize(distribution, &mut self.raw)
            .map_err(|error| error.to_string())?;
        // Deflate stores what it cannot shorten, with five bytes a block, in a frame of six.
        let mut blob = Vec::with_capacity(COMPRESSED_HEADER_BYTES + self.raw.len() + 64);
        blob.extend(COMPRESSED_COOKIE.to_be_bytes());
        blob.extend([0; 4]);
        self.compressor.reset();
        match self.compressor.compress_vec(&self.raw, &mut blob, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => {}
            ended => return Err(format!("deflate ended with {ended:?}")),
        }
        let length = u32::try_from(blob.len() - COMPRESSED_HEADER_BYTES)
            .map_err(|error| error.to_string())?;
        blob[4..COMPRESSED_HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
        Ok(Some(blob))
    }

    /// The distribution of a blob. Checks the checksum and every length before memory is taken for them.
    pub(super) fn decode(&mut self, format: i64, blob: &[u8]) -> Result<Distribution, String> {
        if format != FORMAT {
            return Err(format!("format {format}, known is {FORMAT}"));
        }
        let (cookie, rest) = number(blob).ok_or("no header")?;
        if cookie != COMPRESSED_COOKIE {
            return Err(format!("begins with {cookie:#x}"));
        }
        let (length, compressed) = number(rest).ok_or("no length")?;
        if usize::try_from(length).ok() != Some(compressed.len()) {
            return Err(format!("{} bytes instead of {length}", compressed.len()));
        }
        // Inflating to the end, which the histogram crate does not, is what compares the checksum.
        self.decompressor.reset(true);
        let ended =
            self.decompressor.decompress(compressed, &mut self.space, FlushDecompress::Finish);
        let length = usize::try_from(self.decompressor.total_out()).unwrap_or(usize::MAX);
        let mut raw = match ended {
            Ok(Status::StreamEnd) if length <= RAW_BYTES_MAX => &self.space[..length],
            Ok(_) => return Err("cut short or too long".to_string()),
            Err(error) => return Err(error.to_string()),
        };
        check_header(raw)?;
        let mut read: Distribution =
            self.deserializer.deserialize(&mut raw).map_err(|error| error.to_string())?;
        // One that was read has the size at which it was written, and would refuse what is larger.
        read.auto(true);
        Ok(read)
    }
}

/// Checks the lengths and bounds of a distribution before deflate, which decide how much memory the histogram takes.
fn check_header(raw: &[u8]) -> Result<(), String> {
    let header = raw.first_chunk::<HEADER_BYTES>().ok_or("cut short")?;
    let word = |at: usize| {
        header.iter().skip(at).take(4).fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let (payload, digits) = (word(4), word(12));
    let highest = word(24) << 32 | word(28);
    if usize::try_from(payload).ok() != Some(raw.len() - HEADER_BYTES)
        || digits != 2
        || highest > VALUE_MAX
    {
        return Err(format!("payload of {payload} bytes, {digits} digits, values up to {highest}"));
    }
    Ok(())
}

/// A big-endian number and what follows it.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*head), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nabiz_core::measures::hdr_index;

    fn sample() -> Distribution {
        let mut sum = empty();
        let cells = [0, 1, 255, 20_000, 1 << 40].map(|value| (hdr_index(value) as u16, 3));
        add_cells(&mut sum, &SparseHdrCounts { counts: cells.to_vec() });
        sum
    }

    #[test]
    fn what_is_written_is_read() {
        let mut codec = Codec::new();
        let blob = codec.encode(&sample()).unwrap().unwrap();
        assert_eq!(codec.decode(FORMAT, &blob).unwrap(), sample());
        assert_eq!(codec.encode(&empty()), Ok(None));
        let by_the_crate: Distribution =
            Deserializer::new().deserialize(&mut blob.as_slice()).unwrap();
        assert_eq!(by_the_crate, sample());
    }

    #[test]
    fn what_is_read_takes_every_value() {
        let one = |value| SparseHdrCounts { counts: vec![(hdr_index(value) as u16, 1)] };
        let mut codec = Codec::new();
        for (small, large) in [(0, 1), (8, 256), (511, 1_000_000), (1, (1 << 40) + 99)] {
            let mut sum = empty();
            add_cells(&mut sum, &one(small));
            let blob = codec.encode(&sum).unwrap().unwrap();
            let mut grown = codec.decode(FORMAT, &blob).unwrap();
            add_cells(&mut grown, &one(large));
            assert_eq!(
                (grown.len(), grown.count_at(small), grown.count_at(large)),
                (2, 1, 1),
                "{small} {large}"
            );
        }
    }

    #[test]
    fn counts_past_32_bits_and_the_longest_values_fit() {
        let mut sum = empty();
        for power in 0..41 {
            sum.record_n(1 << power, 1 << 50).unwrap();
        }
        let mut codec = Codec::new();
        let blob = codec.encode(&sum).unwrap().unwrap();
        assert_eq!(codec.decode(FORMAT, &blob).unwrap(), sum);
    }

    #[test]
    fn every_single_broken_byte_is_found() {
        let mut codec = Codec::new();
        let blob = codec.encode(&sample()).unwrap().unwrap();
        for at in 0..blob.len() {
            let mut broken = blob.clone();
            broken[at] ^= 0x10;
            // Some bits of the zlib header and of its padding mean nothing; then the values are the same.
            if let Ok(read) = codec.decode(FORMAT, &broken) {
                assert_eq!(read, sample(), "byte {at}");
            }
            assert!(codec.decode(FORMAT, &blob[..at]).is_err(), "cut at {at}");
        }
        assert!(codec.decode(2, &blob).is_err());
        assert!(codec.decode(FORMAT, &[]).is_err());
    }
}
