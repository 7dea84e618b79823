//! Plays a plan: one driver that does everything at its time, then leaves the world to settle.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sales_shared::fake::{Moment, Site, World};
use sales_shared::random::Random;
use sales_shared::region::RegionState;
use sales_shared::sale::SaleId;
use tokio::task::JoinSet;

use super::client::{Client, Doors, SharedAnswers};
use super::design::Design;
use super::fault::Fault;
use super::fleet::Fleet;
use super::plan::{Ending, Nature, Plan, PoisonKind, Post, SETTLE_FROM};
use super::trouble::{Later, Trouble};

/// Time between two looks whether everything has settled.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// When a world that has not settled never will: far beyond any wait in the protocol.
const SETTLED_WITHIN: Duration = Duration::from_secs(40 * 60);
/// Time for both sites to notice that they are PASSIVE, and for every receive that began in bad weather to be over (40 s on
/// its way, 20 s of waiting), before the sales of a quiet flip are posted.
const PASSIVE_FIRST: Duration = Duration::from_secs(65);
/// Sales posted before a quiet flip.
const QUIET_SALES: usize = 4;

/// What was played, for the checker.
pub(super) struct Played {
    pub world: World,
    pub plan: Plan,
    pub answers: SharedAnswers,
    /// The site that was lost for good, when, and the sales of which something was left in the other one.
    pub lost: Option<Loss>,
    /// Whether everything came to rest.
    pub settled: bool,
    pub quiet_flip: Option<QuietFlip>,
    /// Calls of processes that had been killed before.
    pub posthumous_calls: u64,
    /// Ids of the older service's events that were sent.
    pub older_events: Vec<SaleId>,
    /// Bodies that nobody can read, and the queue that each was sent to.
    pub garbage: Vec<(Site, String)>,
}

/// A region that is gone.
pub(super) struct Loss {
    pub site: Site,
    pub at: Moment,
    pub survivors: BTreeSet<SaleId>,
}

/// A flip in quiet weather.
pub(super) struct QuietFlip {
    pub at: Moment,
    pub to: Site,
    pub sales: Vec<SaleId>,
}

#[derive(Clone)]
enum Step {
    Post(usize),
    Twin(usize),
    Poison(usize),
    Fault(usize),
    Later(Later),
    Reap,
}

struct Player {
    world: World,
    plan: Plan,
    fleet: Fleet,
    doors: Doors,
    client: Client,
    clients: JoinSet<()>,
    trouble: Trouble,
    steps: BTreeMap<(Moment, usize), Step>,
    added: usize,
    lost: Option<Loss>,
    older_events: Vec<SaleId>,
    garbage: Vec<(Site, String)>,
}

/// Plays the plan of a seed under a design.
pub(super) async fn play(seed: u64, plan: Plan, design: Design) -> Played {
    let world = World::new(seed, plan.world);
    let answers = SharedAnswers::default();
    let doors = Doors::default();
    let client = Client { world: world.clone(), doors: doors.clone(), answers: answers.clone(), design };
    let mut player = Player {
        fleet: Fleet::new(world.clone(), plan.clone(), design, Random::from_seed(seed.rotate_left(17))),
        world: world.clone(),
        plan,
        doors,
        client,
        clients: JoinSet::new(),
        trouble: Trouble::default(),
        steps: BTreeMap::new(),
        added: 0,
        lost: None,
        older_events: Vec::new(),
        garbage: Vec::new(),
    };
    player.prepare();
    player.carry_out().await;
    player.leave_in_peace();
    let settled = player.settle().await;
    let quiet_flip = match player.plan.quiet_flip {
        Some(after) if settled => Some(player.flip_quietly(after).await),
        Some(_) | None => None,
    };
    let settled = settled && player.settle().await;
    player.clients.shutdown().await;
    let Player { plan, fleet, lost, older_events, garbage, .. } = player;
    let posthumous_calls = fleet.end();
    Played { world, plan, answers, lost, settled, quiet_flip, posthumous_calls, older_events, garbage }
}

impl Player {
    fn add(&mut self, at: Moment, step: Step) {
        self.added += 1;
        self.steps.insert((at, self.added), step);
    }

    fn prepare(&mut self) {
        let active = self.plan.active;
        self.trouble.declare(&self.world, active, RegionState::Active);
        self.trouble.declare(&self.world, active.other(), RegionState::Passive);
        self.fill();
        for (index, post) in self.plan.posts.clone().iter().enumerate() {
            self.add(post.at, Step::Post(index));
            if let Some(after) = post.twin {
                self.add(post.at + after, Step::Twin(index));
            }
        }
        for (index, poison) in self.plan.poison.clone().iter().enumerate() {
            self.add(poison.at, Step::Poison(index));
        }
        for (index, (at, _)) in self.plan.faults.clone().iter().enumerate() {
            self.add(*at, Step::Fault(index));
        }
        self.add(LOOK_EVERY, Step::Reap);
    }

    fn fill(&mut self) {
        for site in Site::BOTH {
            if self.lost.as_ref().is_none_or(|loss| loss.site != site) {
                self.fleet.fill(site);
                self.doors.set(site, self.fleet.api(site));
            }
        }
    }

    /// Does every step at its time.
    async fn carry_out(&mut self) {
        while let Some(((at, _), step)) = self.steps.pop_first() {
            if at > SETTLE_FROM {
                break;
            }
            self.wait_until(at).await;
            self.take(step);
        }
        self.wait_until(SETTLE_FROM).await;
    }

    async fn wait_until(&self, at: Moment) {
        let now = self.world.now();
        if at > now {
            tokio::time::sleep(at - now).await;
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Post(index) => {
                let post = self.plan.posts[index].clone();
                self.clients.spawn(self.client.clone().post(post, index));
            }
            Step::Twin(index) => {
                let post = self.plan.posts[index].clone();
                self.clients.spawn(self.client.clone().post_twin(post, index));
            }
            Step::Poison(index) => self.poison(index),
            Step::Fault(index) => self.fault(index),
            Step::Later(later) => self.later(&later),
            Step::Reap => {
                self.fleet.reap();
                self.add(self.world.now() + LOOK_EVERY, Step::Reap);
            }
        }
    }

    fn poison(&mut self, index: usize) {
        match self.plan.poison[index].kind {
            PoisonKind::Garbage(site) => {
                let body = format!("this is no event: {index}");
                self.world.send(site, &body);
                self.garbage.push((site, body));
            }
            PoisonKind::OlderEvent => {
                let id = SaleId::generate(self.world.true_time(), &Random::from_seed(index as u64));
                let seconds = self.world.true_time().seconds();
                let body = format!(
                    "{{\"id\":\"{id}\",\"product\":\"old book\",\"amount\":9.99,\"sale_processed\":false,\"timestamp\":{seconds}}}"
                );
                for site in Site::BOTH {
                    self.world.send(site, &body);
                }
                self.older_events.push(id);
            }
        }
    }

    fn fault(&mut self, index: usize) {
        let fault = self.plan.faults[index].1.clone();
        for (at, later) in self.trouble.begin(index, &fault, &self.world, &mut self.fleet) {
            self.add(at, Step::Later(later));
        }
        if let Fault::Lose { site } = fault {
            let survivors = self.world.lose(site);
            self.lost = Some(Loss { site, at: self.world.now(), survivors });
        }
        for site in Site::BOTH {
            self.doors.set(site, self.fleet.api(site));
        }
    }

    fn is_lost(&self, site: Site) -> bool {
        self.lost.as_ref().is_some_and(|loss| loss.site == site)
    }

    fn later(&mut self, later: &Later) {
        match *later {
            Later::StartApi(site) if !self.is_lost(site) => {
                self.fleet.start_api(site);
                self.doors.set(site, self.fleet.api(site));
            }
            Later::StartWorker(site, index) if !self.is_lost(site) => self.fleet.start_worker(site, index),
            Later::StartApi(_) | Later::StartWorker(..) => {}
            Later::StopWorker(site, index) => self.fleet.stop_worker(site, index),
            Later::Declare(site, state) => self.trouble.declare(&self.world, site, state),
            Later::Over(number) => self.trouble.end(number, &self.world),
        }
    }

    /// Ends all trouble, and has the operator put things right.
    fn leave_in_peace(&mut self) {
        self.steps.clear();
        self.trouble.end_all(&self.world);
        for site in Site::BOTH {
            let state = match self.plan.ending {
                Ending::BothActive => RegionState::Active,
                Ending::OneActive(active) if active == site => RegionState::Active,
                Ending::OneActive(_) => RegionState::Passive,
            };
            self.trouble.declare(&self.world, site, state);
        }
        self.fill();
    }

    /// Waits until nothing is on its way and nothing is left to do.
    async fn settle(&mut self) -> bool {
        let until = self.world.now() + SETTLED_WITHIN;
        while self.world.now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
            self.fleet.reap();
            while self.clients.try_join_next().is_some() {}
            if self.clients.is_empty() && self.is_quiet() {
                return true;
            }
        }
        false
    }

    fn is_quiet(&self) -> bool {
        let world = &self.world;
        let empty = |site: Site| {
            self.is_lost(site) || (world.queue_length(site) == 0 && world.outbox_length(site) == 0)
        };
        world.is_level() && Site::BOTH.into_iter().all(empty)
    }

    /// Both sites PASSIVE, a few sales, a wait; then one becomes ACTIVE, and has to go on within its time.
    async fn flip_quietly(&mut self, after: Duration) -> QuietFlip {
        let to = match self.plan.ending {
            Ending::OneActive(active) => active.other(),
            Ending::BothActive => self.plan.active,
        };
        for site in Site::BOTH {
            self.trouble.declare(&self.world, site, RegionState::Passive);
        }
        tokio::time::sleep(PASSIVE_FIRST).await;
        let before = self.answers();
        for number in 0..QUIET_SALES {
            let site = if number % 2 == 0 { to } else { to.other() };
            let post = Post {
                at: self.world.now(),
                site,
                nature: Nature::Plain,
                key: None,
                twin: None,
                retries: 0,
                delete_after: None,
            };
            self.clients.spawn(self.client.clone().post(post, 1000 + number));
        }
        tokio::time::sleep(after).await;
        let sales = self.answers().split_off(before.len());
        self.trouble.declare(&self.world, to, RegionState::Active);
        QuietFlip { at: self.world.now(), to, sales }
    }

    fn answers(&self) -> Vec<SaleId> {
        let answers = self.client.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        answers.accepted.iter().map(|answer| answer.id).collect()
    }
}
