//! Fingerprints of files: SHA-256 as the store and Pyodide's lock use it, SHA-512 as npm registries use it.
//!
//! It knows nothing of where bytes come from. Everything that enters the store passes through here.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

const SHA256_HEX_CHARS: usize = 64;

/// The SHA-256 of a file's bytes; written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The fingerprint of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sha256({self})")
    }
}

impl FromStr for Sha256 {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let malformed = || DigestError::MalformedSha256 { text: shortened(text) };
        if text.len() != SHA256_HEX_CHARS {
            return Err(malformed());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let (Some(high), Some(low)) = (hex_value(pair[0]), hex_value(pair[1])) else {
                return Err(malformed());
            };
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(sha256: Sha256) -> Self {
        sha256.to_string()
    }
}

/// Bytes arrive in pieces; their fingerprint is asked for at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sha256Hasher(sha2::Sha256);

impl Sha256Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

/// The SHA-512 of an npm tarball; written as npm does, `sha512-` and base64.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Integrity([u8; 64]);

impl Integrity {
    /// The integrity of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha512::digest(bytes).into())
    }
}

impl TryFrom<String> for Integrity {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Integrity> for String {
    fn from(integrity: Integrity) -> Self {
        integrity.to_string()
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha512-{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Integrity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Integrity({self})")
    }
}

impl FromStr for Integrity {
    type Err = DigestError;

    /// Takes npm's form: hashes of several kinds with spaces between. Only SHA-512 is trusted.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.split_ascii_whitespace()
            .filter_map(|hash| hash.strip_prefix("sha512-"))
            .find_map(|encoded| STANDARD.decode(encoded).ok()?.try_into().ok())
            .map(Self)
            .ok_or_else(|| DigestError::MalformedIntegrity { text: shortened(text) })
    }
}

/// Why a text is no fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Not 64 lower-case hexadecimal digits.
    #[error("`{text}` is no sha256: 64 lower-case hexadecimal digits are expected")]
    MalformedSha256 {
        /// What was read, cut short.
        text: String,
    },
    /// No SHA-512 in npm's notation.
    #[error("`{text}` holds no `sha512-…` hash")]
    MalformedIntegrity {
        /// What was read, cut short.
        text: String,
    },
}

const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_sha256_is_written_and_read_back() {
        let sha256 = Sha256::of(b"abc");
        assert_eq!(sha256.to_string(), OF_ABC);
        assert_eq!(OF_ABC.parse(), Ok(sha256));
    }

    #[test]
    fn pieces_have_the_hash_of_the_whole() {
        let mut hasher = Sha256Hasher::default();
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish(), Sha256::of(b"abc"));
    }

    #[test]
    fn what_is_no_sha256_is_refused() {
        let long = "0".repeat(65);
        for text in ["", "ba78", &OF_ABC.to_uppercase(), &long, &format!("{}é", "0".repeat(62))] {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_integrity_is_found_among_other_hashes() {
        let integrity = Integrity::of(b"abc");
        assert_eq!(format!("sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0= {integrity}").parse(), Ok(integrity));
        assert!("sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=".parse::<Integrity>().is_err());
        assert!("sha512-AAAA".parse::<Integrity>().is_err());
    }
}
