//! Whether the time of a refused login tells a known name from an unknown one: the area under the ROC curve of the two
//! samples of times, 0.5 where they cannot be told apart.

use super::common::processes::Processes;
use super::common::{login, register};
use super::quic::{PATIENCE, start};
use biopay_protocol::Response;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Instant;

const TRIES: u64 = 1_500;
/// Names of each kind, so that none is throttled: each takes ten failures.
const NAMES: u64 = 150;

/// Measures the area with its interval at 95 % (Hanley and McNeil 1982).
pub async fn known_and_unknown(round: usize) {
    let folder = tempfile::tempdir().unwrap();
    let processes = start(folder.path(), "memory-kib = 1024\npasses = 1", "low").await;
    let (known, unknown) = times(&processes).await;
    let (n, m) = (known.len() as f64, unknown.len() as f64);
    let greater = |k: &f64| unknown.iter().map(|u| if k > u { 1.0 } else { f64::from(k == u) / 2.0 }).sum::<f64>();
    let area = known.iter().map(greater).sum::<f64>() / (n * m);
    let (q1, q2) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
    let square = area * area;
    let variance = (area * (1.0 - area) + (n - 1.0) * (q1 - square) + (m - 1.0) * (q2 - square)) / (n * m);
    println!(
        "round {round}: known against unknown names by the time of the refusal ({:.0} and {:.0} µs in the median): area \
         {area:.3} ± {:.3} over {n:.0} + {m:.0} logins (0.5: they cannot be told apart)",
        median_us(known),
        median_us(unknown),
        1.96 * variance.sqrt()
    );
}

fn median_us(mut times: Vec<f64>) -> f64 {
    let middle = times.len() / 2;
    *times.select_nth_unstable_by(middle, f64::total_cmp).1 * 1e6
}

async fn times(processes: &Processes) -> (Vec<f64>, Vec<f64>) {
    let connection = processes.door(0).connect().await.unwrap().with_deadline(PATIENCE);
    for n in 8..NAMES {
        // Names without a bank account will do.
        let biopay_protocol::Request::Register { login, password, .. } = register(n) else { panic!() };
        let request = biopay_protocol::Request::RegisterCredentials { login, password };
        assert_eq!(connection.request(&request).await.unwrap(), Response::CredentialsRegistered);
    }
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    // In which order each pair comes is drawn, so that what one login leaves behind for the next favours no kind.
    let mut rng = ChaCha8Rng::seed_from_u64(19);
    for n in 0..TRIES {
        let mut pair = [(n % NAMES, &mut known), (1_000 + n % NAMES, &mut unknown)];
        if rng.next_u32() & 1 == 0 {
            pair.reverse();
        }
        for (name, times) in pair {
            let began = Instant::now();
            let answer = connection.request(&login(&connection, name, "wrong")).await.unwrap();
            let took = began.elapsed().as_secs_f64();
            match answer {
                Response::Refused(biopay_protocol::Refusal::WrongCredentials) => times.push(took),
                Response::Refused(biopay_protocol::Refusal::Throttled { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    (known, unknown)
}
