//! Values that stand in files of their own, such as secrets.

use std::io::Read;
use std::path::Path;

/// Largest file that a value is read from, in bytes.
const VALUE_BYTES_MAX: u64 = 64 * 1024;

/// Returns the text of a file without the end of its last line. The words of the error follow the
/// name of the file.
pub(super) fn read_value(path: impl AsRef<Path>) -> Result<String, String> {
    let unreadable = |error| format!("cannot be read: {error}");
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(VALUE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > VALUE_BYTES_MAX {
        return Err(format!("is larger than {VALUE_BYTES_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_string())?;
    let value = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text);
    if value.is_empty() { Err("is empty".to_string()) } else { Ok(value.to_string()) }
}
