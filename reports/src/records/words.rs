//! The words that records are written with and figures are found by, each list generated with its enum.

/// Defines an enum of words: its variants with the word of each, the list of all, and the reading of a word.
macro_rules! words {
    (
        $(#[$doc:meta])*
        pub enum $name:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every one, in order.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$variant),*];

            /// Returns the word that stands in records.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Reads a word; `None` for one that is not in the list.
            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|candidate| candidate.name() == word)
            }
        }

        impl PartialEq<$name> for str {
            fn eq(&self, other: &$name) -> bool {
                self == other.name()
            }
        }

        impl PartialEq<$name> for &str {
            fn eq(&self, other: &$name) -> bool {
                *self == other.name()
            }
        }

        impl PartialEq<$name> for String {
            fn eq(&self, other: &$name) -> bool {
                self == other.name()
            }
        }
    };
}

words! {
    /// An operation whose latency is recorded, in the order in which a handset meets them.
    pub enum Operation {
        /// Features from a captured sample.
        Extract = "extract",
        /// A payload from features.
        Derive = "derive",
        /// A QR symbol from a payload.
        EncodeSymbol = "encode-symbol",
        /// A payload from the image of a symbol.
        ScanSymbol = "scan-symbol",
        /// The connection's handshake.
        Connect = "connect",
        /// Registration in one message.
        Register = "register",
        /// The first message of a registration in two: name and password.
        RegisterCredentials = "register-credentials",
        /// Login with name and password.
        Login = "login",
        /// The second message of a registration in two: QR, bank account and PIN.
        BindAccount = "bind-account",
        /// Public helper data, handed out by the server.
        FetchHelper = "fetch-helper",
        /// The opening of the payment page.
        BeginPayment = "begin-payment",
        /// The presentation of a QR.
        PresentQr = "present-qr",
        /// A verification code as the user typed it.
        SubmitCode = "submit-code",
        /// The answer that a payment was charged, from the request that led to it.
        Charge = "charge",
        /// A whole payment from its start to the receipt, without the user's own time.
        Payment = "payment",
    }
}

words! {
    /// What a transaction is for.
    pub enum TransactionKind {
        /// Opening an account.
        Registration = "registration",
        /// Paying from one.
        Payment = "payment",
    }
}

words! {
    /// How a payment's QR comes about.
    pub enum Journey {
        /// The QR kept since enrolment (patent paragraph 20).
        Stored = "stored",
        /// A new capture on the enrolled handset (paragraph 29).
        Recapture = "recapture",
        /// A new capture on another device, its symbol scanned at the till (claim 4).
        SecondDevice = "second-device",
        /// Somebody else's finger under a known login.
        Impostor = "impostor",
    }
}

words! {
    /// An outcome of a transaction that figures tell from the rest. Every other outcome is a named refusal.
    pub enum TransactionOutcome {
        /// The account was opened.
        Registered = "registered",
        /// The account was there from an earlier run of the seed, and is used again.
        Reused = "reused",
        /// The payment was charged.
        Charged = "charged",
        /// No account was opened, because the samples gave no reference.
        FailureToEnrol = "failure-to-enrol",
        /// The server had no capacity left.
        Overloaded = "overloaded",
        /// The connection was lost before the answer.
        ConnectionLost = "connection-lost",
        /// The bank did not say whether it posted the charge.
        UnknownOutcome = "unknown-outcome",
        /// The bank could not be reached.
        BankUnreachable = "bank-unreachable",
        /// The server limited the rate of requests.
        Throttled = "throttled",
    }
}

impl TransactionOutcome {
    /// Whether the server, the bank or the network is at fault, and no customer.
    pub const fn is_fault(self) -> bool {
        match self {
            Self::Overloaded
            | Self::ConnectionLost
            | Self::UnknownOutcome
            | Self::BankUnreachable
            | Self::Throttled => true,
            Self::Registered | Self::Reused | Self::Charged | Self::FailureToEnrol => false,
        }
    }

    /// Whether the bank may have posted a charge that the handset was not told of.
    pub const fn may_have_charged(self) -> bool {
        match self {
            Self::ConnectionLost | Self::UnknownOutcome => true,
            Self::Registered
            | Self::Reused
            | Self::Charged
            | Self::FailureToEnrol
            | Self::Overloaded
            | Self::BankUnreachable
            | Self::Throttled => false,
        }
    }
}

words! {
    /// How an attacked system was defended.
    pub enum Defence {
        /// What the patent describes and no more.
        PatentLiteral = "patent-literal",
        /// Every counter-measure of this server.
        Hardened = "hardened",
        /// The hardened one without the counter-measure to the attack: the negative control, in which it has to succeed.
        Control = "control",
        /// The scenario's own server configuration, without any change.
        Scenario = "scenario",
        /// As the scenario's own server is configured: attacks that came between the run's own handsets.
        AsConfigured = "as-configured",
    }
}

impl Defence {
    /// The columns of a survey of attacks.
    pub const SURVEYED: [Self; 4] = [Self::PatentLiteral, Self::Hardened, Self::Control, Self::Scenario];
}

/// The latency entry of how late the load generator took up what it was due to do, on the wall clock.
pub const GENERATOR_LAG: &str = "generator-lag";

/// The attack by somebody who knows a login and presents a finger of their own, without any effort to resemble the owner.
pub const ZERO_EFFORT: &str = "zero-effort";

/// The measure of a search: which share of the space of keys, passwords or codes its budget can try.
pub const SPACE_COVERED: &str = "share of the space that the budget can try";

/// The beginning of the reason why a comparison did not take place: a sample gave no features.
pub const FAILURE_TO_ACQUIRE: &str = "failure to acquire";

words! {
    /// A component that files figures about itself.
    pub enum Component {
        /// The payment server.
        Server = "server",
        /// The simulated bank.
        Bank = "bank",
        /// The simulated network: what its links carried, as `PROFILE.DIRECTION.COUNTER`.
        Network = "network",
        /// The QR symbols of the schemes' payloads, as `SCHEME.FIGURE`.
        Symbol = "symbol",
        /// What bounds the security of the schemes' payloads, as `SCHEME.FIGURE`.
        Security = "security",
        /// The simulator.
        Simulator = "simulator",
        /// The counters of a server that the run did not start, as its own page of metrics names them.
        Metrics = "metrics",
    }
}

/// The simulator's figure of how many events it processed.
pub const EVENTS: &str = "events";
/// The bank's figure of charges less reversals over all acquirers. Units: minor units.
pub const POSTED: &str = "audit.acquirers_minor";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_read_back_and_stands_once() {
        for operation in Operation::ALL {
            assert_eq!(Operation::of(operation.name()), Some(operation));
        }
        assert_eq!(TransactionOutcome::of("payment-page-left"), None);
        let owned = "charged".to_owned();
        assert!(*"charged" == TransactionOutcome::Charged && owned != TransactionOutcome::Registered);
    }

    #[test]
    fn only_an_open_ending_may_have_charged_and_each_of_them_is_a_fault() {
        let open = TransactionOutcome::ALL.into_iter().filter(|outcome| outcome.may_have_charged());
        assert!(open.clone().count() == 2 && open.into_iter().all(TransactionOutcome::is_fault));
    }
}
