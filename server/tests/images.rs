//! Images of QR symbols, honest and hostile: the honest are read, the hostile cost a process and a deadline.

#![allow(clippy::unwrap_used, reason = "in a test, that is the report")]
#![allow(clippy::disallowed_methods, reason = "these tests measure real time")]

mod common;

use biopay_protocol::qr::{Level, Symbol};
use biopay_protocol::{ImageBytes, PaymentId, Refusal, Request, Response};
use biopay_server::client::Connection;
use biopay_server::config::ImageLimits;
use common::*;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, GrayImage, ImageEncoder, Luma};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_millis(700);

fn png(image: &GrayImage) -> ImageBytes {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Up);
    encoder.write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::L8).unwrap();
    ImageBytes::new(bytes).unwrap()
}

/// Draws a megapixel of finder patterns (ISO/IEC 18004, 6.3.3.1), as many as asked for.
fn finders(count: u32) -> ImageBytes {
    let side = 1_000;
    let columns = count.isqrt() + u32::from(count.isqrt().pow(2) < count);
    let pitch = side / columns;
    let module = (pitch / 9).max(1);
    let image = GrayImage::from_fn(side, side, |x, y| {
        let (column, row) = (x / pitch, y / pitch);
        let (dx, dy) = ((x % pitch) / module, (y % pitch) / module);
        let ring = dx.abs_diff(3).max(dy.abs_diff(3));
        let is_dark = row * columns + column < count && column < columns && dx < 7 && dy < 7 && ring != 2;
        Luma([if is_dark { 0 } else { 255 }])
    });
    png(&image)
}

async fn present(connection: &Connection, payment: PaymentId, image: ImageBytes) -> Response {
    connection.request(&Request::PresentImage { payment, image }).await.unwrap()
}

fn limits(processes: usize, queue: usize) -> Setup {
    let images = ImageLimits { processes, queue, deadline_ms: DEADLINE.as_millis() as u32, ..ImageLimits::default() };
    Setup { images, ..Setup::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_the_right_symbol_pays_and_a_wrong_one_does_not() {
    let images = ImageLimits { deadline_ms: 10_000, ..ImageLimits::default() };
    let system = System::start(Setup { images, ..Setup::default() }).await;
    let user = system.user(1).await;
    let symbol = |finger| png(&Symbol::encode(payload(finger).as_bytes(), Level::M).unwrap().render(4));
    let payment = open_page(&user, 10, "k").await;
    assert_eq!(present(&user, payment, symbol(2)).await, Response::Refused(Refusal::QrMismatch { tries_left: 2 }));
    let rubbish = ImageBytes::new(b"no image at all".to_vec()).unwrap();
    let unreadable = Response::Refused(Refusal::UnreadableImage { tries_left: 1 });
    assert_eq!(present(&user, payment, rubbish).await, unreadable);
    assert!(matches!(present(&user, payment, symbol(1)).await, Response::Charged(_)));
    assert_eq!(system.service.images().killed(), 0);
    system.assert_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_has_the_memory_of_its_limit_and_no_more() {
    let image = png(&Symbol::encode(payload(1).as_bytes(), Level::M).unwrap().render(4));
    for (mebibytes, is_enough) in [(8, false), (128, true)] {
        let memory_bytes = mebibytes * 1024 * 1024;
        let images = ImageLimits { deadline_ms: 10_000, memory_bytes, ..ImageLimits::default() };
        let system = System::start(Setup { images, ..Setup::default() }).await;
        let read = system.service.images().read(&image).await;
        assert_eq!(read.is_ok(), is_enough, "{mebibytes} MiB: {read:?}");
        assert_eq!(system.service.images().killed(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_image_costs_its_deadline_and_the_page_its_tries() {
    let system = System::start(limits(1, 4)).await;
    let user = system.user(1).await;
    for count in [800, 3_000] {
        let image = finders(count);
        let payment = open_page(&user, 10, &format!("k{count}")).await;
        let tries = |tries_left| Response::Refused(Refusal::UnreadableImage { tries_left });
        for expected in [tries(2), tries(1), Response::Refused(Refusal::PaymentPageLeft)] {
            let began = Instant::now();
            assert_eq!(present(&user, payment, image.clone()).await, expected);
            let took = began.elapsed();
            println!(
                "{count} finder patterns, {} bytes: refused after {} ms",
                image.as_bytes().len(),
                took.as_millis()
            );
            assert!(took < DEADLINE + Duration::from_secs(3), "{took:?}");
        }
    }
    assert!(system.service.images().killed() >= 3, "3,000 patterns were read in time: the test shows nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_hostile_images_are_read_others_are_served() {
    let system = System::start(limits(1, 2)).await;
    let (image, honest) = (finders(3_000), system.user(0).await);
    let mut attacking = Vec::new();
    for n in 1..9 {
        let (attacker, image) = (system.user(n).await, image.clone());
        attacking.push(tokio::spawn(async move {
            let mut answers = Vec::new();
            for page in 0..2 {
                let payment = open_page(&attacker, 10, &format!("k{page}")).await;
                answers.push(present(&attacker, payment, image.clone()).await);
            }
            answers
        }));
    }
    let (mut slowest, mut paid) = (Duration::ZERO, 0);
    while attacking.iter().any(|attack| !attack.is_finished()) {
        let began = Instant::now();
        let answer = pay(&honest, 1, &format!("p{paid}"), 0).await;
        assert!(matches!(answer, Response::Charged(_)), "charge {paid}: {answer:?}");
        (slowest, paid) = (slowest.max(began.elapsed()), paid + 1);
        // The account holds a thousand of these, which a quick machine would spend before the attack is over.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (mut unreadable, mut shed) = (0, 0);
    for attack in attacking {
        for answer in attack.await.unwrap() {
            match answer {
                Response::Refused(Refusal::UnreadableImage { .. }) => unreadable += 1,
                Response::Refused(Refusal::Overloaded) => shed += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    println!(
        "{unreadable} hostile images killed or read to no end, {shed} shed; {paid} charges beside them, the slowest {slowest:?}"
    );
    assert!(unreadable >= 2 && shed >= 1 && paid >= 10, "{unreadable} {shed} {paid}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    system.assert_money().await;
}
