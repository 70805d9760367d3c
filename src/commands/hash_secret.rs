//! `nabiz hash-secret`.

use std::io::{Read, Write};

use anyhow::{Context, anyhow};

use super::Failure;
use crate::secret::SecretHash;

/// Longest secret, in bytes. A request's headers are bounded too.
const SECRET_BYTES_MAX: u64 = 4096;

/// Reads a password or token from standard input and prints its hash, for the section http of the
/// configuration.
///
/// The end of the line is not part of the secret. The hash is argon2id, and has a salt: each run
/// prints another.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  nabiz hash-secret < token.txt
  openssl rand -hex 32 | tee token.txt | nabiz hash-secret

The hash goes to http.bearer_token_hash, or to http.basic_auth = { user = \"…\" }.")]
pub struct Args {}

/// Reads, hashes and prints.
///
/// # Errors
/// A usage failure where there is no secret, or a too long one.
pub fn run(_args: Args) -> Result<(), Failure> {
    let mut read = Vec::new();
    let input = std::io::stdin().lock();
    input
        .take(SECRET_BYTES_MAX + 3)
        .read_to_end(&mut read)
        .context("standard input cannot be read")?;
    let hash = SecretHash::of(secret(&read).map_err(Failure::Usage)?)
        .context("the secret was not hashed")?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", hash.reveal())
        .and_then(|()| out.flush())
        .context("cannot write to standard output")?;
    Ok(())
}

fn secret(read: &[u8]) -> anyhow::Result<&[u8]> {
    let secret = read.strip_suffix(b"\r\n").or_else(|| read.strip_suffix(b"\n")).unwrap_or(read);
    if secret.is_empty() {
        return Err(anyhow!("standard input is empty; a secret is expected there"));
    }
    if secret.len() as u64 > SECRET_BYTES_MAX {
        return Err(anyhow!("the secret is longer than {SECRET_BYTES_MAX} bytes"));
    }
    // In a header it would be cut there.
    if secret.iter().any(u8::is_ascii_control) {
        return Err(anyhow!("the secret has a control character; one line is expected"));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_without_its_end() {
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
