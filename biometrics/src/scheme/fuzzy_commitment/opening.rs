//! What an adversary computes who holds a helper: the payload of a key that is guessed, and the committed bits once a key
//! is found.

use super::FuzzyCommitment;
use crate::scheme::parts::{DeviceToken, HelperData};
use crate::scheme::payload::QrPayload;
use crate::scheme::reference::at_least;
use crate::{BitString, Error, Template};

impl FuzzyCommitment {
    /// Makes the payload that a key would give with a helper: one guess of an offline search.
    ///
    /// Shape: as many bits as [`key_bits`](crate::scheme::Scheme::key_bits) says.
    ///
    /// # Errors
    /// [`Error::Malformed`] for helper data of another scheme or parameters, or a key of another length.
    pub fn payload_of_key(&self, helper: &HelperData, key: &BitString) -> Result<QrPayload, Error> {
        if key.len() != self.code.message_bits() {
            return Err(Error::Malformed { what: "fuzzy-commitment key", why: "it has another length" });
        }
        Ok(self.payload(&self.form().read_whole(helper)?.salt, key))
    }

    /// Opens a helper with a template that is near enough and returns the enrolled bits, every one of them: the offset
    /// hides them no longer when the key is known.
    ///
    /// Shape: pairs of the bit's position in the template and its value.
    ///
    /// # Errors
    /// [`Error::FailedToDerive`]; [`Error::MissingToken`]; [`Error::Malformed`] for helper data of another scheme or other parameters.
    pub fn committed_bits(
        &self,
        near: &Template,
        helper: &HelperData,
        token: Option<&DeviceToken>,
    ) -> Result<Vec<(usize, bool)>, Error> {
        let margins = at_least(near, self.code.length());
        let helper = self.form().read(&helper.0, margins.len())?.with_token(token)?;
        let key = self.decoded(&margins, &helper)?;
        let word = self.code.encode(&key).xor(&helper.offset);
        Ok(self.positions(&helper.selected, helper.seed).into_iter().zip(word.iter()).collect())
    }
}
