//! When a recipient may be written to: quiet hours, schedules, and time zones in groups.
//!
//! A campaign has a lane for each [`ZoneGroup`] and not a timer for each recipient: a lane opens when all of its group's zones
//! are out of their quiet hours. All of it is arithmetic on the time that it is given, with the time zone database in the
//! program, so that every machine comes to the same answer.
mod countries;
mod group;
mod quiet;
mod schedule;
mod zones;

pub use self::{
    group::{NoZone, ZoneGroup},
    quiet::{LocalTime, Opening, QuietHours, TimeError},
    schedule::{Plan, Schedule, ScheduleError, Timing, When},
};

/// Milliseconds since the Unix epoch.
pub type Millis = i64;
