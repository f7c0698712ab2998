//! Passwords that everybody tries first (NIST SP 800-63B-4, 3.1.1.2: compared as a whole, when a password is set).

use biopay_protocol::{LoginName, Refusal, Secret, credentials};
use std::collections::HashSet;
use std::path::Path;

/// Passwords that nobody may choose, whatever their case.
#[derive(Clone, Default)]
pub struct Blocklist(HashSet<String>);

impl Blocklist {
    /// Reads a list with a password a line, as they are published; blank lines are skipped.
    ///
    /// # Errors
    ///
    /// The system's when it cannot be read, and [`InvalidData`](std::io::ErrorKind::InvalidData) when it has no password.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let bytes = std::fs::read(path)?;
        // Published lists have a few lines in other encodings: nobody can type those as they stand.
        let text = String::from_utf8_lossy(&bytes);
        let listed: HashSet<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_lowercase).collect();
        if listed.is_empty() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "it has no password: write one on each line",
            ));
        }
        Ok(Self(listed))
    }

    /// Checks a password that somebody wants: as every new password is checked, and that it is neither listed nor the
    /// login name.
    ///
    /// # Errors
    ///
    /// [`Refusal::WeakPassword`].
    pub fn check(&self, login: &LoginName, password: &Secret) -> Result<(), Refusal> {
        credentials::check_new_password(password).map_err(|_| Refusal::WeakPassword)?;
        let wanted = zeroize::Zeroizing::new(password.expose().to_lowercase());
        let is_expected = *wanted == login.as_str().to_lowercase() || self.0.contains(wanted.as_str());
        if is_expected { Err(Refusal::WeakPassword) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_passwords_and_ones_own_name_are_refused_in_any_case() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("common.txt");
        std::fs::write(&path, b"password\r\n\nPassw0rd!\nqwertyui\n\xff\xfe\n").unwrap();
        let list = Blocklist::read(&path).unwrap();
        let login = LoginName::new("ada-lovelace").unwrap();
        let check = |password: &str| list.check(&login, &Secret::new(password).unwrap());
        for bad in ["password", "PassWord", "passw0rd!", "Ada-Lovelace", "short"] {
            assert_eq!(check(bad), Err(Refusal::WeakPassword), "{bad}");
        }
        for good in ["password of mine", "ada-lovelace-1815"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(Blocklist::default().check(&login, &Secret::new("password").unwrap()), Ok(()));
        std::fs::write(&path, "\n").unwrap();
        assert!(Blocklist::read(&path).is_err_and(|error| error.to_string().contains("no password")));
    }
}
