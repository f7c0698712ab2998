//! The crate's one error enum.

/// Everything that can go wrong in this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A frame announces more bytes than its kind may have.
    #[error("the frame announces {announced} bytes, {allowed} are allowed")]
    FrameTooLong {
        /// What the length prefix says.
        announced: usize,
        /// The limit for this kind of frame.
        allowed: usize,
    },
    /// The frame ended before its announced length, or goes on after it.
    #[error("the frame's length does not match its prefix")]
    FrameLength,
    /// The frame's content is not a message of this protocol.
    #[error("the message is malformed")]
    Malformed,
    /// A value is outside what its type allows.
    #[error("invalid {what}: {why}")]
    Value {
        /// The value's name.
        what: &'static str,
        /// What is allowed.
        why: &'static str,
    },
    /// The session was given something that it did not ask for.
    #[error("the session expected {expected}")]
    OutOfOrder {
        /// What the session was waiting for.
        expected: &'static str,
    },
    /// A payload does not fit a symbol of the requested version and level.
    #[error("{bytes} bytes do not fit the symbol")]
    SymbolTooSmall {
        /// The payload's length.
        bytes: usize,
    },
    /// An image is larger than the reader is willing to search.
    #[error("the image has {pixels} pixels, {allowed} are allowed")]
    ImageTooLarge {
        /// The image's pixels.
        pixels: u64,
        /// The limit.
        allowed: u64,
    },
    /// The server's half of an OPAQUE exchange is malformed, or the handset could not make its own.
    #[error("the OPAQUE exchange is malformed")]
    Opaque,
    /// The server's half of an OPAQUE login does not fit the password.
    #[error("name or password is wrong")]
    WrongPassword,
    /// No symbol could be read in the image.
    #[error("no readable QR symbol in the image")]
    NoSymbol,
}
