//! Which rows of a lane live where, and what all of it costs.
use super::{
    forecast::{Campaign, Country, Forecast},
    prices::{Money, Prices},
    report::{CategoryCost, Cost, CostLine},
    run::World,
};

/// The countries of a lane's rows: mixed as by chance, and in exactly the numbers that were given.
#[derive(Debug, Default)]
pub(super) struct Mix {
    rows: u64,
    step: u64,
    /// Rows of this country and those before it.
    bounds: Vec<u64>,
    /// Messages delivered, by country; the last of those somewhere else.
    pub(super) delivered: Vec<u64>,
}

impl Mix {
    pub(super) fn new(countries: &[Country], rows: u64) -> Self {
        let mut bound = 0;
        let mut add = |country: &Country| {
            bound += u64::from(country.rows);
            bound
        };
        let bounds: Vec<u64> = countries.iter().map(&mut add).collect();
        // A step that has no divisor in common with the number of rows comes to each of them once.
        let near = (rows * 5 / 8).max(1);
        let step = (near..near + rows + 1).find(|step| divisor(*step, rows) == 1).unwrap_or(1);
        Self { rows, step, delivered: vec![0; bounds.len() + 1], bounds }
    }

    pub(super) fn delivered(&mut self, seq: u32) {
        let place = match self.bounds.is_empty() {
            true => 0,
            false => {
                let mixed = u64::from(seq) * self.step % self.rows.max(1);
                self.bounds.partition_point(|bound| *bound <= mixed)
            }
        };
        self.delivered[place] += 1;
    }
}

fn divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { divisor(other, one % other) }
}

/// What is paid: for messages that are expected to be delivered, and if all of them were.
pub(super) fn cost(forecast: &Forecast, world: &World<'_>) -> Option<Cost> {
    let prices = forecast.prices.as_ref()?;
    let mut bill = Bill { prices, counts: vec![[0; 2]; prices.prices.len() * CATEGORIES], unpriced: 0 };
    for (place, campaign) in forecast.campaigns.iter().enumerate() {
        for lane in world.lanes(place) {
            bill.add(campaign, &lane.spec().countries, &lane.mix.delivered, lane.counts.rows);
        }
    }
    Some(bill.total())
}

const CATEGORIES: usize = 3;
const ALL: [crate::content::Category; CATEGORIES] = {
    use crate::content::Category::{Authentication, Marketing, Utility};
    [Marketing, Utility, Authentication]
};

struct Bill<'a> {
    prices: &'a Prices,
    /// By price and category: messages delivered, and rows.
    counts: Vec<[u64; 2]>,
    unpriced: u64,
}

impl Bill<'_> {
    fn add(&mut self, campaign: &Campaign, countries: &[Country], delivered: &[u64], rows: u64) {
        let named: u64 = countries.iter().map(|country| u64::from(country.rows)).sum();
        let each = countries.iter().map(|country| (Some(country.prefix.as_str()), u64::from(country.rows)));
        let elsewhere = (None, rows - named);
        for ((country, rows), delivered) in each.chain([elsewhere]).zip(delivered) {
            let Some(price) = self.prices.of(campaign.category, country) else {
                self.unpriced += rows;
                continue;
            };
            let category = ALL.iter().position(|of| *of == campaign.category).unwrap_or_default();
            let counts = &mut self.counts[price * CATEGORIES + category];
            counts[0] += delivered;
            counts[1] += rows;
        }
    }

    fn total(self) -> Cost {
        let mut lines = Vec::new();
        for (place, [messages, rows]) in self.counts.iter().copied().enumerate() {
            if rows == 0 {
                continue;
            }
            let (price, category) = (&self.prices.prices[place / CATEGORIES], ALL[place % CATEGORIES]);
            let (prefix, each) = (price.prefix.clone(), price.each);
            let (total, at_most) = (each.times(messages), each.times(rows));
            lines.push(CostLine { category, prefix, messages, each, total, at_most });
        }
        let categories = ALL.into_iter().filter_map(|category| {
            let of = || lines.iter().filter(move |line| line.category == category);
            let messages = of().map(|line| line.messages).sum();
            of().next().is_some().then(|| CategoryCost {
                category,
                messages,
                total: of().map(|line| line.total).sum(),
                at_most: of().map(|line| line.at_most).sum(),
            })
        });
        Cost {
            currency: self.prices.currency.clone(),
            total: lines.iter().map(|line| line.total).sum::<Money>(),
            at_most: lines.iter().map(|line| line.at_most).sum::<Money>(),
            categories: categories.collect(),
            unpriced: self.unpriced,
            lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_has_the_numbers_that_were_given() {
        for (rows, parts) in
            [(10, vec![3, 4]), (97, vec![97]), (1, vec![]), (64, vec![0, 1, 63]), (0, vec![0])]
        {
            let countries: Vec<Country> =
                parts.iter().map(|rows| Country { prefix: "1".to_owned(), rows: *rows }).collect();
            let mut mix = Mix::new(&countries, rows);
            (0..u32::try_from(rows).unwrap()).for_each(|seq| mix.delivered(seq));
            let named: u64 = parts.iter().copied().map(u64::from).sum();
            let expected: Vec<u64> = parts.iter().copied().map(u64::from).chain([rows - named]).collect();
            assert_eq!(mix.delivered, expected, "{rows}");
        }
        let halves = [50, 50].map(|rows| Country { prefix: "1".to_owned(), rows });
        let mut mix = Mix::new(&halves, 100);
        (0..20).for_each(|seq| mix.delivered(seq));
        assert!((8..=12).contains(&mix.delivered[0]), "mixed from the start: {:?}", mix.delivered);
    }
}
