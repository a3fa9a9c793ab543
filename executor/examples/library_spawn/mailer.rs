//! The library: sends letters in the background.
//!
//! Whoever calls [`send`] gets a handle: await it for the receipt, block on it, or drop it and the letter is
//! sent all the same.

use filch::JoinHandle;
use filch::time::sleep;
use std::fmt;
use std::time::Duration;

/// What comes back for a letter.
pub struct Receipt {
    /// To whom it went.
    pub recipient: String,
    /// How long it was.
    pub bytes: usize,
    /// The thread that happened to do the sending.
    pub sent_by: String,
}

/// Sends a letter. Callable from anywhere.
pub fn send(recipient: &str, text: &str) -> JoinHandle<Receipt> {
    let (recipient, bytes) = (recipient.to_owned(), text.len());
    filch::spawn(async move {
        // The wire takes its time. This timer, too, finds its runtime by itself.
        sleep(Duration::from_millis(20)).await;
        let sent_by = std::thread::current().name().unwrap_or("a thread without a name").to_owned();
        Receipt { recipient, bytes, sent_by }
    })
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes to '{}', sent by thread '{}'", self.bytes, self.recipient, self.sent_by)
    }
}
