//! Messages on a byte stream: two bytes of length, big-endian, then the message.

use super::message::{DecodeError, MESSAGE_BYTES_MAX, Message};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The reason why no message could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The stream ended between two messages.
    #[error("the peer closed the connection")]
    Closed,
    /// The stream broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] std::io::Error),
    /// The bytes are not a message; nothing after them can be trusted.
    #[error("the peer sent something other than an ISO 8583 message: {0}")]
    Malformed(#[from] DecodeError),
}

/// Reads one message.
///
/// # Errors
///
/// [`ReadError`]; after one, the stream is out of step.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Message, ReadError> {
    let mut prefix = [0; 2];
    match stream.read_exact(&mut prefix).await {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(ReadError::Closed),
        other => other?,
    };
    let length = usize::from(u16::from_be_bytes(prefix));
    if length > MESSAGE_BYTES_MAX {
        return Err(DecodeError::TooLong.into());
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    Ok(Message::decode(&bytes)?)
}

/// How many messages share a write; more wait for the next.
pub const TOGETHER_MAX: usize = 64;

/// Writes messages, together: under load a write, and its record of TLS, is most of what a message costs.
///
/// # Errors
///
/// When the stream breaks; the peer may have read the messages or not.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), messages: &[Message]) -> std::io::Result<()> {
    let mut frames = Vec::new();
    for message in messages {
        let bytes = message.encode();
        let length = u16::try_from(bytes.len()).map_err(|_| std::io::ErrorKind::InvalidInput)?;
        frames.extend_from_slice(&length.to_be_bytes());
        frames.extend_from_slice(&bytes);
    }
    stream.write_all(&frames).await
}
