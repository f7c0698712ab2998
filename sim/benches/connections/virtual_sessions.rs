//! Sessions in virtual time: handshake, request, close, with the real server's code at the other end.

use super::{crowd::ping, people};
use bevy_ecs::prelude::{Entity, World};
use biopay_server::env::Clock;
use biopay_sim::Scenario;
use biopay_sim::io::{CompletionSender, Io, QrMaking};
use biopay_sim::network::{Fabric, Host, Itinerary, ProfileId};
use biopay_sim::virtual_time::{Timeline, VirtualClock, VirtualServer, run};
use biopay_sim::wall::usage::Usage;
use biopay_sim::world::command::Command;
use biopay_sim::world::event::EventKind;
use biopay_sim::world::event::Links;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

const SESSIONS: u32 = 10_000;
/// Sessions under way at once.
const TOGETHER: u32 = 1_000;

pub fn measure() {
    let scenario =
        Scenario::load("throughput", &["clock=virtual".into(), "handsets=2".into()]).expect("it is built in");
    let population = people(&scenario);
    let links = (0..SESSIONS).map(|handset| (handset, Itinerary::fixed(ProfileId::Wifi)));
    let host = Host { cores: 8, datagram: Duration::ZERO, handshake: Duration::ZERO, wakeup: Duration::ZERO };
    let timeline = Timeline::new(Fabric::new(1, links, host));
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock(timeline.clone()));
    let mut world = World::new();
    let handsets: Vec<Entity> = (0..SESSIONS).map(|_| world.spawn_empty().id()).collect();
    let before = Usage::own();
    let answered = run(&timeline, async {
        let owners = BTreeSet::from([0, 1]);
        let server = VirtualServer::start(
            &scenario.server,
            &scenario.network,
            population.registry.clone(),
            population.bank_accounts(&owners),
            &timeline,
            1,
        )
        .await
        .expect("it starts");
        let (sender, mut completions) = unbounded_channel();
        let making = QrMaking::Modelled(Arc::new(scenario.server.service.clone()));
        let post = CompletionSender::Task(sender);
        let mut io = Io::new(clock.clone(), server.address(), making, Links::default(), population.clone(), post);
        let mut waiting = (0..SESSIONS).map(|handset| Command::Connect { target: handsets[handset as usize], handset });
        waiting.by_ref().take(TOGETHER as usize).for_each(|command| io.submit(command));
        let (mut answered, mut ended) = (0_u32, 0_u32);
        while ended < SESSIONS {
            let Some(completion) = completions.recv().await else { break };
            let target = completion.target;
            match completion.kind {
                EventKind::Connected { .. } => io.submit(Command::Send { target, request: ping() }),
                EventKind::Answered { .. } => {
                    answered += 1;
                    io.submit(Command::Close { target });
                }
                EventKind::Closed(_) => {
                    ended += 1;
                    waiting.next().into_iter().for_each(|command| io.submit(command));
                }
                EventKind::Lost => {
                    io.submit(Command::Close { target });
                    ended += 1;
                }
                _ => {}
            }
        }
        io.finish().await;
        drop(server);
        answered
    });
    let cpu = Usage::own().zip(before).map(|(after, before)| (after.cpu - before.cpu).as_secs_f64());
    let cpu = cpu.unwrap_or(f64::NAN);
    println!(
        "virtual sessions: {answered} of {SESSIONS}, {:.0} a second of one core ({cpu:.2} s of processor time, {:.2} virtual s)",
        f64::from(answered) / cpu,
        timeline.elapsed().as_secs_f64(),
    );
}
