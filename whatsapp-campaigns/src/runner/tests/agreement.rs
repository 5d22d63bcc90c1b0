//! What a simulation says of a campaign and what the runner then makes of it are the same: end, rate and counts within 2 %.
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use tokio::time::{Duration, Instant, sleep};
use whatsapp_store::{AccountId, CampaignState, RecipientState, WorkspaceId};

use super::bench::{Bench, Running, START, settings};
use crate::{
    audience::FIRST_SEQ,
    dispatch::Dispatch,
    model::Settings,
    pacing::{Rate, SECOND, WarmUp},
    runner::{Clock, Message, Options, Runner, Sender, Submission},
    scheduler::Limits,
    service::{Assumptions, CampaignService},
    simulate::{Delay, Ramp, Report, Transport, answer},
    window::{Millis, Schedule},
};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;

/// One account, which does what the simulation believes of the network.
struct Believed {
    transport: Transport,
    lane: u16,
    limits: Limits,
    warm_up: Option<Ramp>,
    clock: Arc<dyn Clock>,
    /// How often each row was tried.
    tries: Mutex<HashMap<String, u8>>,
    log: Arc<Mutex<Vec<Instant>>>,
}

#[async_trait]
impl Sender for Believed {
    async fn submit(&self, message: Message) -> Submission {
        let handed_over = Instant::now();
        let seq = message.to[message.to.len() - 8..].parse::<u32>().unwrap() - FIRST_SEQ;
        let tries = {
            let mut all = self.tries.lock().unwrap();
            let tries = all.entry(message.id).or_default();
            *tries += 1;
            *tries - 1
        };
        let (refusal, delay) = answer(&self.transport, self.lane, seq, tries);
        sleep(Duration::from_micros(delay)).await;
        match refusal {
            Some(code) => Submission::Refused { code, until: None },
            None if !message.content.as_text().unwrap().starts_with("Hello") => Submission::Acked,
            None => {
                self.log.lock().unwrap().push(handed_over);
                Submission::Acked
            }
        }
    }

    fn limits(&self) -> Limits {
        let day = |ramp: Ramp| u32::try_from((self.clock.now() - ramp.began_at) / (24 * HOUR)).unwrap();
        match self.warm_up {
            Some(ramp) => Limits { people: Some(ramp.warm_up.cap(day(ramp)) as usize), ..self.limits },
            None => self.limits,
        }
    }
}

/// A campaign and who sends it.
struct Shape {
    settings: Settings,
    /// Rows of each sender.
    rows: u32,
    /// Of those, how many the store lets go before the hold.
    first: u32,
    limits: Limits,
    warm_up: Option<WarmUp>,
    dispatch: Dispatch,
    transport: Transport,
    /// Another campaign of the same senders, with so many rows for each.
    beside: Option<(Settings, u32)>,
}

fn limits(count: u32, period: u64) -> Limits {
    let rate = Rate::per(count, period, 1);
    Limits { rate, pair: Rate { interval: 1_000, burst: 1 }, people: None, reserve: 0.0 }
}

/// One account, 20 messages a second, a network that answers within 50 to 150 ms and refuses nothing.
fn shape(more: &str) -> Shape {
    let canary = if more.contains("canary") { "" } else { r#""canary":null,"# };
    Shape {
        settings: settings(&format!(r#""autoPause":{{"minSample":1000000}},{canary}{more}"#)),
        rows: 1_500,
        first: 1_500,
        limits: limits(20, SECOND),
        warm_up: None,
        dispatch: Dispatch::default(),
        transport: Transport { answer: Delay { from: 50, to: 150 }, ..Transport::perfect() },
        beside: None,
    }
}

fn senders(settings: &mut Settings, count: usize) {
    settings.senders = (0..count).map(|place| format!("line{place}")).collect();
}

/// When the first and the last message went out and the campaign was over, and how many were sent and failed.
#[derive(Debug)]
struct Course {
    first: Millis,
    last: Millis,
    finished: Millis,
    sent: u64,
    failed: u64,
    expired: u64,
}

async fn simulated(bench: &Bench, shape: &Shape) -> Course {
    let began_at = START - 3 * HOUR;
    let named = |value: Limits| shape.settings.senders.iter().map(|name| (name.clone(), value)).collect();
    let warm_ups: BTreeMap<String, Ramp> = shape
        .warm_up
        .iter()
        .flat_map(|warm_up| shape.settings.senders.iter().map(|name| (name.clone(), *warm_up)))
        .map(|(name, warm_up)| (name, Ramp { warm_up, began_at }))
        .collect();
    let assumptions = Assumptions {
        limits: named(shape.limits),
        warm_ups,
        dispatch: shape.dispatch,
        transport: shape.transport.clone(),
        ..Assumptions::default()
    };
    let service = CampaignService::with_clock(
        bench.store.clone(),
        WorkspaceId::default(),
        Arc::new(bench.clock.clone()),
    );
    let report: Report = service.eta("spring", &assumptions).await.unwrap();
    let course = report.campaigns[0].course;
    Course {
        first: course.first_sent_at.unwrap(),
        last: course.last_sent_at.unwrap(),
        finished: course.finished_at.unwrap(),
        sent: course.counts.sent,
        failed: course.counts.failed,
        expired: course.counts.expired,
    }
}

async fn run(bench: &Bench, shape: &Shape, patience: Millis) -> Course {
    let options = Options { dispatch: shape.dispatch, events: false, ..Options::new("a") };
    let runner = Runner::with_clock(bench.store.clone(), options, Arc::new(bench.clock.clone()));
    let log = Arc::<Mutex<Vec<Instant>>>::default();
    let begun = Instant::now();
    for (lane, name) in (0..).zip(&shape.settings.senders) {
        let sender = Believed {
            transport: shape.transport.clone(),
            lane,
            limits: shape.limits,
            warm_up: shape.warm_up.map(|warm_up| Ramp { warm_up, began_at: START - 3 * HOUR }),
            clock: Arc::new(bench.clock.clone()),
            tries: Mutex::default(),
            log: log.clone(),
        };
        runner.serve(name.parse::<AccountId>().unwrap(), Arc::new(sender));
    }
    let running = Running::of(runner);
    bench.until("spring", CampaignState::Finished, patience).await;
    let finished = bench.clock.now();
    let counts = bench.counts("spring").await;
    running.shutdown().await;
    let log = log.lock().unwrap();
    let at =
        |moment: Option<&Instant>| START + i64::try_from((*moment.unwrap() - begun).as_millis()).unwrap();
    Course {
        first: at(log.iter().min()),
        last: at(log.iter().max()),
        finished,
        sent: counts.of(RecipientState::Acked),
        failed: counts.of(RecipientState::Failed),
        expired: counts.of(RecipientState::Expired),
    }
}

async fn agrees(shape: Shape) {
    let bench = Bench::new();
    bench.campaign_of("spring", shape.settings.clone(), shape.rows, shape.first).await;
    if let Some((beside, rows)) = &shape.beside {
        bench.campaign("other", beside.clone(), *rows).await;
    }
    let simulated = simulated(&bench, &shape).await;
    let real = run(&bench, &shape, 2 * (simulated.finished - START) + MINUTE).await;
    let says = format!("simulated {simulated:?}, real {real:?}");
    // Within 2 % of the time in which it sends, and of its rows.
    let span = |of: &Course| (of.last - of.first) as f64;
    let close = |one: f64, other: f64, whole: f64| (one - other).abs() <= 0.02 * whole;
    let whole = span(&simulated);
    for (one, other) in
        [(simulated.first, real.first), (simulated.last, real.last), (simulated.finished, real.finished)]
    {
        assert!(close((one - START) as f64, (other - START) as f64, whole), "{says}");
    }
    let rate = |of: &Course| of.sent as f64 / span(of);
    assert!(close(rate(&simulated), rate(&real), rate(&simulated)), "{says}");
    let rows = f64::from(shape.rows) * shape.settings.senders.len() as f64;
    for (one, other) in
        [(simulated.sent, real.sent), (simulated.failed, real.failed), (simulated.expired, real.expired)]
    {
        assert!(close(one as f64, other as f64, rows), "{says}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_account() {
    agrees(shape("")).await;
}

#[tokio::test(start_paused = true)]
async fn many_accounts_under_one_limit_of_the_campaign() {
    let mut many = shape(r#""perMinute":1200,"#);
    senders(&mut many.settings, 6);
    (many.rows, many.first) = (400, 400);
    agrees(many).await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_the_workspace() {
    let mut limited = shape("");
    senders(&mut limited.settings, 3);
    limited.dispatch.workspace_rate = Some(Rate::per(10, SECOND, 1));
    (limited.rows, limited.first) = (400, 400);
    agrees(limited).await;
}

#[tokio::test(start_paused = true)]
async fn a_careful_account_that_warms_up() {
    let mut careful = shape("");
    careful.dispatch.tick = 1_000;
    careful.limits = Limits { reserve: 0.5, ..Limits::default() };
    careful.warm_up = Some(WarmUp { start: 20, growth: 1.5, ceiling: 1_000 });
    (careful.rows, careful.first) = (70, 70);
    agrees(careful).await;
}

#[tokio::test(start_paused = true)]
async fn quiet_hours() {
    // It is 16:13 in Berlin.
    let mut quiet = shape("");
    quiet.settings.timing.quiet_hours = serde_json::from_str(r#"{"from":"16:40","to":"18:00"}"#).unwrap();
    quiet.limits = limits(1, SECOND);
    (quiet.rows, quiet.first) = (4_000, 4_000);
    agrees(quiet).await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_of_several_accounts_and_a_short_hold() {
    let mut canary = shape(r#""canary":{"first":90,"holdMinutes":1,"over":0},"#);
    senders(&mut canary.settings, 3);
    canary.limits = limits(4, SECOND);
    (canary.rows, canary.first) = (300, 30);
    agrees(canary).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_start() {
    let mut late = shape("");
    late.settings.timing.schedule = Schedule::Once { at: START + 37 * MINUTE };
    agrees(late).await;
}

#[tokio::test(start_paused = true)]
async fn refusals_and_retries() {
    let mut refused = shape("");
    refused.transport.retry_permille = 60;
    refused.transport.failed_permille = 30;
    refused.limits = limits(3, SECOND);
    agrees(refused).await;
}

#[tokio::test(start_paused = true)]
async fn a_network_that_slows_the_account_down() {
    let mut slowed = shape("");
    slowed.transport.throttle_permille = 2;
    agrees(slowed).await;
}

#[tokio::test(start_paused = true)]
async fn slow_answers_and_few_messages_in_flight() {
    for in_flight in [4, 64] {
        let mut slow = shape("");
        slow.transport.answer = Delay { from: 2_000, to: 6_000 };
        slow.dispatch = Dispatch { in_flight, lease_term: 30_000, ..Dispatch::default() };
        agrees(slow).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_before_all_are_sent() {
    let mut short = shape("");
    short.settings.timing.ends_at = Some(START + MINUTE);
    agrees(short).await;
}

#[tokio::test(start_paused = true)]
async fn another_campaign_of_the_same_accounts() {
    let mut both = shape("");
    let mut other = settings(r#""autoPause":{"minSample":1000000},"canary":null,"weight":2,"#);
    other.content.variants[0].content = whatsapp_store::Content::text("Other {{ name }}");
    both.beside = Some((other, 1_200));
    agrees(both).await;
}

#[tokio::test(start_paused = true)]
async fn a_simulation_with_other_numbers_than_the_runner_is_wrong() {
    let mut slow = shape("");
    slow.transport.answer = Delay { from: 2_000, to: 6_000 };
    slow.dispatch.in_flight = 64;
    let bench = Bench::new();
    bench.campaign("spring", slow.settings.clone(), slow.rows).await;
    let right = simulated(&bench, &slow).await;
    slow.dispatch = Dispatch::default();
    let wrong = simulated(&bench, &slow).await;
    assert!(wrong.last - START > 2 * (right.last - START), "{right:?} and {wrong:?}");
}
