//! Distributions as the ledger stores them: HDR histograms of milliseconds with two significant
//! digits, in format V2 with deflate.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use nabiz_core::measures::{SparseHdrCounts, lowest_value_at};

/// The number of the format in the column `histogram_format`.
pub(super) const FORMAT: i64 = 1;
/// The first four bytes of a blob: the magic number with the layout of the counters.
const COMPRESSED_COOKIE: u32 = 0x1c84_9314;
/// The magic number, and the length of the compressed bytes.
const COMPRESSED_HEADER_BYTES: usize = 8;
/// The inner header: cookie, payload length, normalising offset, digits, lowest and highest value,
/// ratio.
const HEADER_BYTES: usize = 40;
/// The largest distribution before deflate: all cells up to 2^41 ms with nine bytes each take half
/// of it.
const RAW_BYTES_MAX: usize = 1 << 16;
/// The largest value that a distribution may have been created for.
const VALUE_MAX: u64 = 1 << 42;

/// Counts of durations in milliseconds. Counters have 64 bits, so that years can be added up.
pub(super) type Distribution = Histogram<u64>;

/// Returns a distribution without values.
pub(super) fn empty() -> Distribution {
    Histogram::new(2).unwrap_or_else(|_| unreachable!("two significant digits are valid"))
}

/// Adds the values of `more`, which has the same digits.
pub(super) fn add(sum: &mut Distribution, more: &Distribution) {
    // Cannot fail: an auto-resizing histogram accepts every value of another.
    let _ = sum.add(more);
}

/// Adds counts by cell.
pub(super) fn add_cells(sum: &mut Distribution, cells: &SparseHdrCounts) {
    for &(cell, count) in &cells.counts {
        // Cannot fail: an auto-resizing histogram refuses only values above 2^63, and cells end far
        // below.
        let _ = sum.record_n(lowest_value_at(usize::from(cell)), u64::from(count));
    }
}

/// Encodes and decodes blobs, and keeps the buffers for it: the deflating serializer of the
/// histogram crate would allocate a compressor of 300 KiB for each blob.
pub(super) struct Codec {
    serializer: V2Serializer,
    compressor: Compress,
    decompressor: Decompress,
    deserializer: Deserializer,
    /// The distribution to encode, before deflate.
    raw: Vec<u8>,
    /// Receives an inflated blob; one byte longer than allowed, so that a longer one is noticed.
    /// Allocated once, because inflating into a `Vec` would fill it with zeros each time.
    inflated: Box<[u8]>,
}

impl Codec {
    pub(super) fn new() -> Self {
        Codec {
            serializer: V2Serializer::new(),
            compressor: Compress::new(Compression::fast(), true),
            decompressor: Decompress::new(true),
            deserializer: Deserializer::new(),
            raw: Vec::new(),
            inflated: vec![0; RAW_BYTES_MAX + 1].into(),
        }
    }

    /// Returns the blob of a distribution; `None` where it has no values.
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
        // Deflate adds at most five bytes to a block that it cannot shorten, and a frame of six.
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

    /// Returns the distribution in a blob. Checks the checksum and every length before it allocates
    /// memory for them.
    pub(super) fn decode(&mut self, format: i64, blob: &[u8]) -> Result<Distribution, String> {
        if format != FORMAT {
            return Err(format!("expected format {FORMAT}, found {format}"));
        }
        let (cookie, rest) = split_u32(blob).ok_or("the header is cut short")?;
        if cookie != COMPRESSED_COOKIE {
            return Err(format!("expected the cookie {COMPRESSED_COOKIE:#x}, found {cookie:#x}"));
        }
        let (length, compressed) = split_u32(rest).ok_or("the header is cut short")?;
        if usize::try_from(length).ok() != Some(compressed.len()) {
            return Err(format!("expected {length} bytes, found {}", compressed.len()));
        }
        // Only inflating to the end compares the checksum; the histogram crate stops before it.
        self.decompressor.reset(true);
        let ended =
            self.decompressor.decompress(compressed, &mut self.inflated, FlushDecompress::Finish);
        let length = usize::try_from(self.decompressor.total_out()).unwrap_or(usize::MAX);
        let mut raw = match ended {
            Ok(Status::StreamEnd) if length <= RAW_BYTES_MAX => &self.inflated[..length],
            Ok(_) => return Err("the content is cut short or too long".to_string()),
            Err(error) => return Err(error.to_string()),
        };
        check_header(raw)?;
        let mut read: Distribution =
            self.deserializer.deserialize(&mut raw).map_err(|error| error.to_string())?;
        // A deserialized histogram has a fixed size and would refuse larger values.
        read.auto(true);
        Ok(read)
    }
}

/// Checks the lengths and bounds in the inner header, which decide how much memory the histogram
/// takes.
fn check_header(raw: &[u8]) -> Result<(), String> {
    let header = raw.first_chunk::<HEADER_BYTES>().ok_or("the inner header is cut short")?;
    let word = |at: usize| {
        header.iter().skip(at).take(4).fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let (payload, digits) = (word(4), word(12));
    let highest = word(24) << 32 | word(28);
    if usize::try_from(payload).ok() != Some(raw.len() - HEADER_BYTES)
        || digits != 2
        || highest > VALUE_MAX
    {
        return Err(format!(
            "expected {} bytes of payload, 2 digits and values up to {VALUE_MAX}, found {payload}, \
             {digits} and {highest}",
            raw.len() - HEADER_BYTES
        ));
    }
    Ok(())
}

/// Splits a big-endian number from the front of bytes.
fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
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
    fn codec_decodes_its_own_blobs_as_the_histogram_crate_does() {
        let mut codec = Codec::new();
        let blob = codec.encode(&sample()).unwrap().unwrap();
        assert_eq!(codec.decode(FORMAT, &blob).unwrap(), sample());
        assert_eq!(codec.encode(&empty()), Ok(None));
        let decoded_by_crate: Distribution =
            Deserializer::new().deserialize(&mut blob.as_slice()).unwrap();
        assert_eq!(decoded_by_crate, sample());
    }

    #[test]
    fn decoded_distribution_accepts_larger_values() {
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
    fn codec_keeps_counts_past_32_bits_and_the_longest_values() {
        let mut sum = empty();
        for power in 0..41 {
            sum.record_n(1 << power, 1 << 50).unwrap();
        }
        let mut codec = Codec::new();
        let blob = codec.encode(&sum).unwrap().unwrap();
        assert_eq!(codec.decode(FORMAT, &blob).unwrap(), sum);
    }

    #[test]
    fn codec_rejects_a_blob_when_a_byte_is_broken_or_missing() {
        let mut codec = Codec::new();
        let blob = codec.encode(&sample()).unwrap().unwrap();
        for at in 0..blob.len() {
            let mut broken = blob.clone();
            broken[at] ^= 0x10;
            // Some bits of the zlib header and of its padding have no meaning; the values must then
            // be the same.
            if let Ok(read) = codec.decode(FORMAT, &broken) {
                assert_eq!(read, sample(), "byte {at}");
            }
            assert!(codec.decode(FORMAT, &blob[..at]).is_err(), "cut at {at}");
        }
        assert!(codec.decode(2, &blob).is_err());
        assert!(codec.decode(FORMAT, &[]).is_err());
    }
}
