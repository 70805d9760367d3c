//! Values of a path of the gateway: how a request is checked, its secret, and the key of a record.

use std::path::PathBuf;

use super::value_file::read_value;

/// Most secrets of a path: the present one and the next one.
const SECRETS_MAX: usize = 2;

/// How a request proves that it comes from the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookCheck {
    /// The signature of Twilio, over the address and the parameters.
    Twilio,
    /// The signature of Chatwoot, over its time and the body.
    Chatwoot,
    /// The signature of Zammad, over the body.
    Zammad,
    /// A user with a password.
    Basic,
    /// A bearer token.
    Token,
}

impl WebhookCheck {
    /// Every check with its word in the configuration.
    pub(super) const ALL: [(WebhookCheck, &'static str); 5] = [
        (WebhookCheck::Twilio, "twilio"),
        (WebhookCheck::Chatwoot, "chatwoot"),
        (WebhookCheck::Zammad, "zammad"),
        (WebhookCheck::Basic, "basic"),
        (WebhookCheck::Token, "token"),
    ];
}

/// Where the key of a record is in its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordKey {
    /// JSON pointers (RFC 6901). The first one that leads to a text or number counts.
    Pointers(Vec<String>),
    /// A field of a form, or a member of the outermost object.
    Field(String),
}

/// Where a secret is. The configuration itself never holds one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file; each of its lines is a secret.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
}

impl SecretSource {
    /// Reads the secrets, at least one and at most [`SECRETS_MAX`]: each line of a file is one, so
    /// that the next one can be known before the source uses it. The error names the source, and
    /// shows nothing of a secret.
    ///
    /// # Errors
    /// Returns a text when the file or variable cannot be read, is empty, or has too many lines.
    pub fn read(&self) -> Result<Vec<String>, String> {
        let (place, text) = match self {
            SecretSource::File(path) => {
                let place = format!("the file {}", path.display());
                let text = read_value(path).map_err(|error| format!("{place} {error}"))?;
                (place, text)
            }
            SecretSource::Variable(name) => {
                let place = format!("the environment variable {name}");
                let text = std::env::var(name).map_err(|error| match error {
                    std::env::VarError::NotPresent => format!("{place} is not set"),
                    std::env::VarError::NotUnicode(_) => format!("{place} is not UTF-8"),
                })?;
                (place, text)
            }
        };
        let secrets: Vec<String> =
            text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        match secrets.len() {
            0 => Err(format!("{place} is empty")),
            1..=SECRETS_MAX => Ok(secrets),
            many => Err(format!("{place} has {many} lines: expected at most {SECRETS_MAX}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_the_lines_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            SecretSource::File(path.clone()).read()
        };
        assert_eq!(read("one"), Ok(vec!["one".to_owned()]));
        assert_eq!(
            read("one\r\n\ntwo words\n"),
            Ok(vec!["one".to_owned(), "two words".to_owned()])
        );
        for (text, expected) in [("\n", "is empty"), ("", "is empty"), ("a\nb\nc", "has 3 lines")] {
            let error = read(text).expect_err(expected);
            assert!(error.starts_with("the file ") && error.contains(expected), "{error}");
        }
        let error = SecretSource::Variable("NABIZ_TEST_NOT_SET".into()).read().unwrap_err();
        assert_eq!(error, "the environment variable NABIZ_TEST_NOT_SET is not set");
    }
}
