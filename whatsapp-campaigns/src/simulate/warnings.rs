//! What somebody should know before the start.
use std::fmt;

use serde::Serialize;

use super::{
    forecast::Forecast,
    print::Span,
    report::{Report, SenderReport, Wait},
};
use crate::window::Millis;

const HOUR: Millis = 3_600_000;

/// What somebody should know. Campaigns and senders are named by their places in the forecast. In JSON with a `type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Warning {
    /// The campaign has no rows.
    Empty {
        /// Which.
        campaign: usize,
    },
    /// A text has something that looks like a placeholder of another program, and is sent as it stands.
    Placeholder {
        /// Which.
        campaign: usize,
        /// Where, such as `variants[0].content.text`.
        path: String,
        /// What stands there.
        text: String,
    },
    /// Quiet hours leave no moment for rows of some zones.
    NeverOpen {
        /// Which.
        campaign: usize,
        /// How many.
        rows: u64,
    },
    /// It ends before all are sent.
    EndsBefore {
        /// Which.
        campaign: usize,
        /// How many are not sent.
        rows: u64,
    },
    /// The first part does not come to its end, so that nothing else goes.
    CanaryStuck {
        /// Which.
        campaign: usize,
        /// How many are not sent.
        rows: u64,
    },
    /// It is not done after the longest time that was simulated.
    TooLong {
        /// Which.
        campaign: usize,
        /// How many are not sent.
        rows: u64,
        /// How many days were simulated.
        days: u32,
    },
    /// The server stops a sender, and nothing says for how long.
    Stopped {
        /// Which.
        sender: usize,
    },
    /// The cap of different people holds a sender up.
    CapBinds {
        /// Which.
        sender: usize,
        /// For how long, milliseconds.
        waits: Millis,
    },
    /// The server slows a sender down.
    SlowedDown {
        /// Which.
        sender: usize,
        /// For how long, milliseconds.
        waits: Millis,
    },
    /// The answers of the server take so long that a sender does not come to its rate.
    SlowAnswers {
        /// Which.
        sender: usize,
        /// For how long, milliseconds.
        waits: Millis,
    },
    /// So many fail that the campaign will pause by itself.
    ManyFail {
        /// Which.
        campaign: usize,
        /// In thousandths of the rows that are tried.
        permille: u64,
        /// It pauses above so many.
        limit_permille: u32,
        /// Counted within so many minutes.
        window_minutes: u32,
    },
    /// The simulation was stopped before the end: it would have been too much work.
    Incomplete {
        /// How far it was simulated, milliseconds since the Unix epoch.
        until: Millis,
        /// How many are not decided by then.
        rows: u64,
    },
    /// The price list has no price for some.
    Unpriced {
        /// How many.
        rows: u64,
    },
}

pub(super) fn warnings(forecast: &Forecast, report: &Report) -> Vec<Warning> {
    let campaigns = (0..report.campaigns.len()).flat_map(|campaign| of_campaign(forecast, report, campaign));
    let senders = report.senders.iter().enumerate().flat_map(|(place, sender)| of_sender(place, sender));
    let unpriced = report.cost.as_ref().map_or(0, |cost| cost.unpriced);
    let incomplete =
        report.simulated_until.map(|until| Warning::Incomplete { until, rows: report.all.counts.left });
    let unpriced = (unpriced > 0).then_some(Warning::Unpriced { rows: unpriced });
    incomplete.into_iter().chain(campaigns).chain(senders).chain(unpriced).collect()
}

fn of_campaign(forecast: &Forecast, report: &Report, campaign: usize) -> Vec<Warning> {
    let (of, counts) = (&report.campaigns[campaign], report.campaigns[campaign].course.counts);
    let mut found = Vec::new();
    if counts.rows == 0 {
        found.push(Warning::Empty { campaign });
    }
    if counts.never > 0 {
        found.push(Warning::NeverOpen { campaign, rows: counts.never });
    }
    if counts.expired > 0 {
        found.push(Warning::EndsBefore { campaign, rows: counts.expired });
    }
    let rows = counts.left;
    let is_stopped = |sender: usize| report.senders[sender].stopped;
    let is_canary = forecast.campaigns[campaign].canary.is_some() && of.canary_until.is_none();
    if report.simulated_until.is_some() {
        // What is left says nothing then.
    } else if rows > 0 && is_canary {
        found.push(Warning::CanaryStuck { campaign, rows });
    } else if of.lanes.iter().any(|lane| lane.course.counts.left > 0 && !is_stopped(lane.sender)) {
        found.push(Warning::TooLong { campaign, rows, days: forecast.most_days });
    }
    let tried = counts.sent + counts.failed;
    let rule = forecast.campaigns[campaign].auto_pause;
    if rule.is_exceeded(counts.failed, tried, rule.failed_permille) {
        let (limit_permille, window_minutes) = (rule.failed_permille, rule.window_minutes);
        let permille = counts.failed * 1_000 / tried.max(1);
        found.push(Warning::ManyFail { campaign, permille, limit_permille, window_minutes });
    }
    found
}

fn of_sender(place: usize, of: &SenderReport) -> Vec<Warning> {
    let sender = place;
    let mut found = Vec::new();
    if of.stopped {
        found.push(Warning::Stopped { sender });
    }
    let waits = |wait| Some(of.waits.of(wait)).filter(|time| *time >= HOUR);
    found.extend(waits(Wait::People).map(|waits| Warning::CapBinds { sender, waits }));
    found.extend(waits(Wait::Slowed).map(|waits| Warning::SlowedDown { sender, waits }));
    found.extend(waits(Wait::Answers).map(|waits| Warning::SlowAnswers { sender, waits }));
    found
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { .. } => f.write_str("there is nobody to write to"),
            Self::Placeholder { path, text, .. } => {
                write!(f, "{path}: `{text}` looks like a placeholder and is sent as it stands")
            }
            Self::NeverOpen { rows, .. } => write!(
                f,
                "{rows} people live in countries with so many zones that it is always quiet in one: choose shorter quiet hours, or give the contacts their zone"
            ),
            Self::EndsBefore { rows, .. } => {
                write!(f, "it ends before {rows} messages are sent: let it end later, or add senders")
            }
            Self::CanaryStuck { rows, .. } => {
                write!(
                    f,
                    "the first part cannot be sent, and {rows} messages wait for it: look at quiet hours and senders"
                )
            }
            Self::TooLong { rows, days, .. } => {
                write!(
                    f,
                    "{rows} messages are not sent after {days} days: add senders, or raise their limits"
                )
            }
            Self::Stopped { .. } => f.write_str("the server stops it, and nothing says for how long"),
            Self::CapBinds { waits, .. } => {
                write!(f, "its cap of different people holds it up for {}", Span(*waits))
            }
            Self::SlowedDown { waits, .. } => write!(f, "the server slows it down for {}", Span(*waits)),
            Self::SlowAnswers { waits, .. } => {
                write!(
                    f,
                    "it waits {} for answers of the server, and does not come to its rate",
                    Span(*waits)
                )
            }
            Self::ManyFail { permille, limit_permille, window_minutes, .. } => write!(
                f,
                "{}.{} % fail: above {}.{} % within {window_minutes} minutes it pauses by itself",
                permille / 10,
                permille % 10,
                limit_permille / 10,
                limit_permille % 10
            ),
            Self::Incomplete { rows, .. } => write!(
                f,
                "the simulation was too long and was stopped: what becomes of {rows} rows is not in it, and the end is later than all it shows"
            ),
            Self::Unpriced { rows } => write!(f, "the price list has no price for {rows} rows"),
        }
    }
}
