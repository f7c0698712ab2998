//! PHOLD on nexosim, on one thread.

use super::{Delays, Target};
use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::Output;
use nexosim::simulation::{Mailbox, SimInit, Simulation};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Models of a population, whose counters are shared with the bench alone: each is written by one model.
#[derive(Serialize, Deserialize)]
struct Process {
    delays: Delays,
    #[serde(skip)]
    events: Arc<AtomicU64>,
    neighbour: Output<()>,
    has_neighbour: bool,
}

#[Model]
impl Process {
    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        self.plan(context);
    }

    fn plan(&mut self, context: &Context<Self>) {
        let delay = self.delays.next();
        context.schedule_event(delay, schedulable!(Self::hold), ()).expect("a delay is never zero");
    }

    /// Takes a neighbour's event.
    fn take(&mut self, (): (), context: &Context<Self>) {
        self.plan(context);
    }

    #[nexosim(schedulable)]
    async fn hold(&mut self, (): (), context: &Context<Self>) {
        self.events.store(self.events.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        if self.has_neighbour {
            self.neighbour.send(()).await;
        } else {
            self.plan(context);
        }
    }
}

pub struct World {
    simulation: Simulation,
    counters: Vec<Arc<AtomicU64>>,
}

impl World {
    pub fn new(population: usize, target: Target) -> Self {
        let mailboxes: Vec<Mailbox<Process>> = (0..population).map(|_| Mailbox::new()).collect();
        let counters: Vec<_> = (0..population).map(|_| Arc::default()).collect();
        let process = |i: usize| {
            let mut neighbour = Output::default();
            neighbour.connect(Process::take, &mailboxes[(i + 1) % population]);
            let has_neighbour = target == Target::Neighbour;
            Process { delays: Delays::of(i), events: Arc::clone(&counters[i]), neighbour, has_neighbour }
        };
        let processes: Vec<Process> = (0..population).map(process).collect();
        let together = processes.into_iter().zip(mailboxes).enumerate();
        let bench = together.fold(SimInit::with_num_threads(1), |bench, (i, (process, mailbox))| {
            bench.add_model(process, mailbox, &i.to_string())
        });
        let simulation = bench.init(MonotonicTime::EPOCH).expect("the models are connected");
        Self { simulation, counters }
    }

    pub fn run(&mut self, span: Duration) {
        self.simulation.step_until(span).expect("no model fails");
    }

    pub fn events(&self) -> u64 {
        self.counters.iter().map(|counter| counter.load(Ordering::Relaxed)).sum()
    }
}
