//! Attacks on what a user's helper data alone tells.

use crate::Error;
use crate::attack::act::{Act, Attack};
use crate::attack::definition::{Description, Elsewhere, RESISTED, Requirement, one_defence, unchanged};
use crate::attack::findings::Findings;
use crate::attack::offline_system::OfflineSystem;
use crate::scenario::Configuration;
use biopay_biometrics::attack::Trial;
use biopay_biometrics::attack::helper_only::{Search, SignCheck, search};
use biopay_biometrics::scheme::HelperKey;

/// The greatest number of people tried on one helper; each costs a derivation.
const PEOPLE_MAX: u64 = 150;

/// Helpers searched for people who open them, without the server or its records.
pub(in crate::attack) const HELPER_ONLY_SEARCH: Attack = Attack {
    description: Description {
        knowledge: "the helper data alone; the owner's other capture among the people in the control",
        targets: 40,
        budget: PEOPLE_MAX,
        needs: unchanged,
        weaken: unchanged,
        defences: one_defence,
        requirement: Some(Requirement {
            source: "ISO/IEC 24745:2022: public data alone does not open the account",
            max: RESISTED,
        }),
        is_decided_by_scheme: true,
        elsewhere: Elsewhere::NoServer,
    },
    act: Act::Offline(helper_only_search),
};

/// Tries people on each helper until it proves one of them right, and presents that one's payload once. The hardened
/// column puts a commitment's helper under the device token; in the control the owner's other capture, as one stolen
/// elsewhere, comes first among the people.
fn helper_only_search(system: &OfflineSystem<'_>) -> Result<Findings, Error> {
    let mut parameters = system.parameters();
    if system.setup.configuration == Configuration::Hardened {
        parameters.fuzzy_commitment.helper_key = HelperKey::Token;
    }
    let strangers = system.strangers(3);
    let margins = system.setup.scenario.biometric.modality.definition().margins;
    system.each_scheme(&parameters, |scheme| {
        let mut rows = Vec::new();
        let mut rng = system.rng(scheme.id().name(), 0);
        let Some(bits) = strangers.first().map(|stranger| stranger.margins().len()) else {
            return Ok(Findings::default());
        };
        let check = SignCheck::learn(
            |real| margins(real, bits),
            &strangers,
            parameters.fuzzy_commitment.code.length(),
            &mut rng,
        );
        for person in system.people() {
            let Some(target) = system.enrol(scheme, person.subject, person.references, 0) else { continue };
            let owner = (system.setup.configuration == Configuration::Control).then_some(person.probe);
            let people = owner.into_iter().chain(&strangers).cloned();
            let budget = system.setup.budget.min(PEOPLE_MAX);
            let Search { tried, claim, .. } =
                search(scheme, &target.enrolment.helper, None, people, budget, check.as_ref());
            let succeeded = claim.as_ref().is_some_and(|payload| target.verify(scheme, payload).accepted);
            let outcome = match (&claim, succeeded) {
                (None, _) => "nobody-proven",
                (Some(_), true) => "accepted",
                (Some(_), false) => "refused",
            };
            let trial = Trial { target: person.subject, queries: tried, succeeded, value: None };
            rows.push(system.trial(&trial, outcome));
        }
        Ok(system.setup.trials("", scheme.id().name(), rows))
    })
}
