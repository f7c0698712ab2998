//! Whether payments can be taken, asked at most once a second however many ask.

use biopay_protocol::Refusal;
use std::time::Duration;

/// How long an answer stands for every later question.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// The last answer, and when it was given. Whoever asks meanwhile waits for the question that is under way.
#[derive(Default)]
pub(super) struct Health(tokio::sync::Mutex<Option<(Duration, Result<(), Refusal>)>>);

impl Health {
    /// Returns the answer that still stands at a time, or asks again.
    pub(super) async fn ask(
        &self,
        now: Duration,
        question: impl Future<Output = Result<(), Refusal>>,
    ) -> Result<(), Refusal> {
        let mut last = self.0.lock().await;
        match &*last {
            Some((at, answer)) if now < *at + FRESH_FOR => answer.clone(),
            _ => {
                let answer = question.await;
                *last = Some((now, answer.clone()));
                answer
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_thousand_questions_in_a_second_are_asked_once() {
        let (health, asked) = (Health::default(), AtomicU32::new(0));
        let question = || async {
            asked.fetch_add(1, Ordering::Relaxed);
            Err(Refusal::BankUnreachable)
        };
        for ms in 0..1_000 {
            let answer = health.ask(Duration::from_millis(ms), question()).await;
            assert_eq!(answer, Err(Refusal::BankUnreachable));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert!(health.ask(FRESH_FOR, question()).await.is_err());
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
