//! The secret that a client shows.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LENGTHS: std::ops::RangeInclusive<usize> = 22..=128;

/// 22 to 128 letters, digits, `-` and `_`. It is never shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Too short, too long, or other characters.
    #[error("a token is 22 to 128 letters, digits, `-` and `_`")]
    Form,
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// Its file cannot be read or written.
    #[error("the token's file `{}` cannot be read or written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Token {
    /// A new one, of 192 random bits.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> Result<Self, TokenError> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(TokenError::Random)?;
        Ok(Self(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect()))
    }

    /// The one in the file, or a new one that is then in the file, which only its user may read.
    ///
    /// # Errors
    /// When the file cannot be read or written, or has something else in it.
    pub fn in_file(path: &Path) -> Result<Self, TokenError> {
        let failed = |source| TokenError::File { path: path.to_owned(), source };
        match fs::read_to_string(path) {
            Ok(text) => text.trim().parse(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = Self::random()?;
                write_secret(path, &token.0).map_err(failed)?;
                Ok(token)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Whether `shown` is this one. How long it takes says nothing about where they differ.
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        // Hashes of secrets are compared: where two of these differ tells nothing of the secrets.
        Sha256::digest(self.0.as_bytes()) == Sha256::digest(shown.as_bytes())
    }

    /// The secret itself, for whoever is to show it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn write_secret(path: &Path, secret: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(path)?, "{secret}")
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let fits = LENGTHS.contains(&text.len()) && text.bytes().all(|byte| ALPHABET.contains(&byte));
        if fits { Ok(Self(text.to_owned())) } else { Err(TokenError::Form) }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_is_well_formed_and_unlike_another() {
        let token = Token::random().unwrap();
        assert_eq!(token.reveal().parse::<Token>().unwrap(), token);
        assert!(!token.is(Token::random().unwrap().reveal()));
        assert!(token.is(token.reveal()));
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    #[test]
    fn short_or_strange_tokens_are_refused() {
        for text in ["", "short", "has a space in it, and is long", &"x".repeat(129)] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_keeps_its_token_to_its_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/token");
        let token = Token::in_file(&path).unwrap();
        assert_eq!(Token::in_file(&path).unwrap(), token);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
