//! `nabiz hash-secret`

use std::io::{Read, Write};

use anyhow::{Context, anyhow};

use super::failure::Failure;
use crate::secret::SecretHash;

/// Longest secret in bytes. It has to fit into the headers of a request.
const SECRET_BYTES_MAX: u64 = 4096;

/// Reads a password or token from standard input and prints its hash, for the section http of the
/// configuration.
///
/// The end of the line is not part of the secret. The hash is argon2id with a random salt, so each
/// run prints another one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nabiz hash-secret < token.txt
  openssl rand -hex 32 | tee token.txt | nabiz hash-secret

Use the hash as http.bearer_token_hash, or in http.basic_auth = { user = \"…\" }.")]
pub(crate) struct Args {}

/// Reads the secret and prints its hash.
///
/// # Errors
/// Returns a usage failure when the secret is empty, too long, or not one line.
pub(crate) fn run(_args: Args) -> Result<(), Failure> {
    let mut read = Vec::new();
    let input = std::io::stdin().lock();
    input
        .take(SECRET_BYTES_MAX + 3)
        .read_to_end(&mut read)
        .context("cannot read standard input")?;
    let hash =
        SecretHash::of(secret(&read).map_err(Failure::Usage)?).context("cannot hash the secret")?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", hash.reveal())
        .and_then(|()| out.flush())
        .context("cannot write to standard output")?;
    Ok(())
}

/// Returns the secret without its line end.
fn secret(read: &[u8]) -> anyhow::Result<&[u8]> {
    let secret = read.strip_suffix(b"\r\n").or_else(|| read.strip_suffix(b"\n")).unwrap_or(read);
    if secret.is_empty() {
        return Err(anyhow!("expected a secret on standard input, found nothing"));
    }
    if secret.len() as u64 > SECRET_BYTES_MAX {
        return Err(anyhow!("expected a secret of at most {SECRET_BYTES_MAX} bytes"));
    }
    // A header cannot contain a control character.
    if secret.iter().any(u8::is_ascii_control) {
        return Err(anyhow!("expected one line, found a control character"));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_one_line_without_its_end() {
        for read in ["a secret", "a secret\n", "a secret\r\n"] {
            assert_eq!(secret(read.as_bytes()).unwrap(), b"a secret");
        }
        let long = vec![b'a'; 4097];
        for wrong in [b"".as_slice(), b"\n", b"\r\n", b"a\nb", b"a\n\n", &long] {
            assert!(secret(wrong).is_err());
        }
        assert!(secret(&long[1..]).is_ok());
    }
}
