//! What a new name and a new password must be like. Old ones are not held to it: they stay as they are.

use crate::{Error, LoginName, Secret};
use precis_core::profile::Profile;
use precis_profiles::{OpaqueString, UsernameCasePreserved};

/// The shortest password, in characters: it is one of two factors, beside the QR (NIST SP 800-63B-4, 3.1.1.2).
pub const PASSWORD_CHARACTERS_MIN: usize = 8;

/// Checks a new login name: letters and digits of any script, without spaces, and without characters that cannot be seen
/// or can be written in another way (RFC 8265, profile UsernameCasePreserved).
///
/// # Errors
///
/// [`Error::Value`] when the name is not written as the profile writes it.
pub fn check_new_name(name: &LoginName) -> Result<(), Error> {
    let enforced = UsernameCasePreserved::new().enforce(name.as_str());
    if enforced.is_ok_and(|enforced| enforced == name.as_str()) {
        return Ok(());
    }
    Err(Error::Value { what: "login name", why: "letters, digits and signs without spaces or invisible characters" })
}

/// Checks a new password: eight characters at least, written as the profile OpaqueString of RFC 8265 writes them.
///
/// # Errors
///
/// [`Error::Value`] when it is shorter, or holds characters that another keyboard may write in another way.
pub fn check_new_password(password: &Secret) -> Result<(), Error> {
    let long_enough = password.expose().chars().count() >= PASSWORD_CHARACTERS_MIN;
    let enforced = OpaqueString::new().enforce(password.expose());
    if long_enough && enforced.is_ok_and(|enforced| enforced == password.expose()) {
        return Ok(());
    }
    Err(Error::Value { what: "password", why: "8 characters at least, without control characters" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_others_are_refused() {
        for good in ["ada", "user-000017", "Zoë", "张三", "o.brien", "ada@example"] {
            assert_eq!(check_new_name(&LoginName::new(good).unwrap()), Ok(()), "{good}");
        }
        // Zero width space and joiner, soft hyphen, no-break space, a decomposed letter, a full-width one, a bidi mark.
        for bad in
            ["a\u{200b}da", "a\u{200d}da", "a\u{ad}da", "ada\u{a0}", "Zoe\u{308}", "\u{ff41}da", "\u{200f}ada", "a da"]
        {
            assert!(check_new_name(&LoginName::new(bad).unwrap()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn short_passwords_are_refused() {
        for good in ["password", "correct horse battery", "12345678", "пароль-и-ещё"] {
            assert_eq!(check_new_password(&Secret::new(good).unwrap()), Ok(()), "{good}");
        }
        for bad in ["", "a", "1234567", "pass\nword", "\u{fb01}nefinefine"] {
            let refused = check_new_password(&Secret::new(bad).unwrap());
            assert_eq!(refused.is_err(), bad != "\u{fb01}nefinefine", "{bad:?}");
        }
    }
}
