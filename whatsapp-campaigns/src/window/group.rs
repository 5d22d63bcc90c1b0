//! Which clocks a recipient lives by.
use std::{collections::HashMap, fmt, sync::OnceLock};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use super::{countries, zones::GROUPS};

/// One of about 40 groups of time zones, or all groups that a country lies in, for somebody of whom only the country is known.
///
/// In JSON the name of each group's first zone: `["Europe/Berlin"]`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "Vec<&'static str>", try_from = "Vec<String>")]
pub struct ZoneGroup(u64);

/// No group can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoZone {
    /// Neither the zone nor the number says anything.
    #[error("no time zone is known: give the contact one, or a number that begins with a country's code")]
    Unknown,
    /// It is no name of a group.
    #[error("this is no list of names of zone groups")]
    Name,
}

impl ZoneGroup {
    /// The group of a zone, such as `Europe/Vienna`. `None` for what is no zone that people live in, such as `UTC`.
    pub fn of_zone(name: &str) -> Option<Self> {
        known().by_zone.get(name).copied()
    }

    /// The groups of the country of a number: digits with the country's code, with or without `+`.
    pub fn of_phone(number: &str) -> Option<Self> {
        let digits = number.strip_prefix('+').unwrap_or(number);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let groups = countries::zones(digits)?.filter_map(Self::of_zone).map(|group| group.0);
        groups.reduce(|all, group| all | group).map(Self)
    }

    /// The group of a contact: of its own zone if that is one, or else of its number.
    pub fn of_contact(zone: Option<&str>, phone: Option<&str>) -> Result<Self, NoZone> {
        let of_zone = zone.and_then(Self::of_zone);
        of_zone.or_else(|| phone.and_then(Self::of_phone)).ok_or(NoZone::Unknown)
    }

    /// All groups there are, one by one.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..GROUPS.len()).map(|place| Self(1 << place))
    }

    /// The names of its groups.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        GROUPS
            .iter()
            .enumerate()
            .filter(move |(place, _)| self.has(*place))
            .map(|(_, (rules, _))| first(rules))
    }

    /// The clocks of its zones; one of each kind.
    pub(super) fn clocks(self) -> impl Iterator<Item = &'static TimeZone> {
        known()
            .clocks
            .iter()
            .enumerate()
            .filter(move |(place, _)| self.has(*place))
            .flat_map(|(_, clocks)| clocks)
    }

    const fn has(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }
}

impl fmt::Display for ZoneGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.names().enumerate() {
            write!(f, "{}{name}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for ZoneGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZoneGroup({self})")
    }
}

impl From<ZoneGroup> for Vec<&'static str> {
    fn from(group: ZoneGroup) -> Self {
        group.names().collect()
    }
}

impl TryFrom<Vec<String>> for ZoneGroup {
    type Error = NoZone;

    fn try_from(names: Vec<String>) -> Result<Self, NoZone> {
        let groups = names.iter().map(|name| Self::of_zone(name).ok_or(NoZone::Name));
        let all = groups.reduce(|all, group| Ok(Self(all?.0 | group?.0)));
        all.unwrap_or(Err(NoZone::Name))
    }
}

fn first(rules: &'static str) -> &'static str {
    rules.split(' ').next().unwrap_or(rules)
}

struct Known {
    by_zone: HashMap<&'static str, ZoneGroup>,
    /// Of each group.
    clocks: Vec<Vec<TimeZone>>,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        // What is in the program, whatever the machine has installed.
        let database = TimeZoneDatabase::bundled();
        let (mut by_zone, mut clocks) = (HashMap::new(), Vec::new());
        for (place, (rules, like)) in GROUPS.iter().enumerate() {
            let names = rules.split(' ').chain(like.split_ascii_whitespace());
            by_zone.extend(names.map(|name| (name, ZoneGroup(1 << place))));
            clocks.push(rules.split(' ').filter_map(|name| database.get(name).ok()).collect());
        }
        Known { by_zone, clocks }
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{super::countries::COUNTRIES, *};

    /// Offsets at the start, and all changes of them in the three years after it: from December 2026 on.
    fn changes(zone: &TimeZone) -> Vec<(i64, i32)> {
        let start = Timestamp::from_second(1_796_083_200).unwrap();
        let end = start.as_second() + 3 * 366 * 86_400;
        let mut changes = vec![(0, zone.to_offset(start).seconds())];
        for next in zone.following(start).take_while(|next| next.timestamp().as_second() < end) {
            if changes.last().unwrap().1 != next.offset().seconds() {
                changes.push((next.timestamp().as_second(), next.offset().seconds()));
            }
        }
        changes
    }

    #[test]
    fn every_zone_is_in_a_group_whose_clocks_go_like_its_own() {
        let database = TimeZoneDatabase::bundled();
        let mut seen = 0;
        for name in database.available() {
            let name = name.as_str();
            let Some(group) = ZoneGroup::of_zone(name) else {
                assert!(name.starts_with("Etc/") || !name.contains('/'), "{name} is in no group");
                continue;
            };
            seen += 1;
            let own = changes(&database.get(name).unwrap());
            assert!(group.clocks().any(|clock| changes(clock) == own), "{name} is not like {group}");
        }
        assert_eq!(seen, known().by_zone.len(), "a zone of the table is not in the database");
        assert!(known().clocks.iter().all(|clocks| !clocks.is_empty()));
        let rules: usize = GROUPS.iter().map(|(rules, _)| rules.split(' ').count()).sum();
        assert_eq!(known().clocks.iter().map(Vec::len).sum::<usize>(), rules);
    }

    #[test]
    fn a_number_says_the_country_and_a_zone_says_more() {
        let zones = |phone: &str| ZoneGroup::of_phone(phone).map(|group| group.to_string());
        assert_eq!(zones("+4915112345678").as_deref(), Some("Europe/Berlin"));
        assert_eq!(zones("18765550100").as_deref(), Some("America/Bogota"), "Jamaica");
        assert_eq!(zones("77011234567").as_deref(), Some("Asia/Karachi"), "Kazakhstan");
        assert_eq!(zones("5511987654321").map(|zones| zones.split(' ').count()), Some(4));
        assert_eq!(zones("79161234567").map(|zones| zones.split(' ').count()), Some(11));
        assert_eq!(zones("15551234567").map(|zones| zones.split(' ').count()), Some(13));
        for none in ["", "+", "999123", "0123", "abc", "8816123", "٤٩١٥١"] {
            assert_eq!(zones(none), None, "{none}");
        }
        let of = |zone, phone| ZoneGroup::of_contact(zone, phone).map(|group| group.to_string());
        assert_eq!(of(Some("Asia/Tokyo"), Some("49151")).as_deref(), Ok("Asia/Tokyo"));
        assert_eq!(of(Some("Mars/Phobos"), Some("49151")).as_deref(), Ok("Europe/Berlin"));
        assert_eq!(of(Some("UTC"), Some("49151")).as_deref(), Ok("Europe/Berlin"));
        assert_eq!(of(Some("UTC"), None), Err(NoZone::Unknown));
    }

    #[test]
    fn every_country_has_its_zones() {
        for line in COUNTRIES.lines() {
            let digits = line.split(' ').next().unwrap();
            let zones = line.split(' ').count() - 2;
            let group = ZoneGroup::of_phone(&format!("{digits}0")).unwrap_or_else(|| panic!("{line}"));
            assert!(zones > 0 && group.names().count() == zones, "{line}: {group}");
        }
    }

    #[test]
    fn json_names_the_groups() {
        let group = ZoneGroup::of_phone("62").unwrap();
        let json = serde_json::to_string(&group).unwrap();
        assert_eq!(json, r#"["Asia/Bangkok","Asia/Shanghai","Asia/Tokyo"]"#);
        assert_eq!(serde_json::from_str::<ZoneGroup>(&json).unwrap(), group);
        assert!(serde_json::from_str::<ZoneGroup>("[]").is_err());
        assert!(serde_json::from_str::<ZoneGroup>(r#"["Asia/Tokyo","x"]"#).is_err());
        assert_eq!(ZoneGroup::all().count(), GROUPS.len());
    }
}
