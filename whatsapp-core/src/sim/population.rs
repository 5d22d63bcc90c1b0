//! The people of the network: they get numbers, one by one or many in a row.
use super::{
    accounts::{Behaviour, Person},
    network::{Network, SimError},
};
use crate::jid::{Jid, Server};

/// The largest number of people that are added or changed at once.
const MOST_AT_ONCE: u32 = 1_000_000;

impl Network {
    /// Gives a person an account with this number (digits).
    ///
    /// # Errors
    /// When the number is taken or malformed.
    pub fn add_person(&mut self, phone: &str, name: &str, behaviour: Behaviour) -> Result<Jid, SimError> {
        self.check_free(phone)?;
        let person = Person::new(phone, name, behaviour, &mut self.rng);
        self.accounts.add(person);
        Ok(Jid::pn(phone))
    }

    /// Gives accounts with `count` consecutive numbers to people called `name` and 1, 2, 3, …; to all or none of them.
    /// A person costs next to nothing before the first message to them.
    ///
    /// # Errors
    /// When one of the numbers is taken or malformed, or there are more than a million.
    pub fn add_people(
        &mut self,
        first_phone: &str,
        count: u32,
        name: &str,
        behaviour: &Behaviour,
    ) -> Result<(), SimError> {
        let phones = Numbers::new(first_phone, count)?;
        if let Some(taken) = phones.iter().find(|phone| self.accounts.find(&Jid::pn(phone)).is_some()) {
            return Err(SimError::NumberTaken(taken));
        }
        for (phone, number) in phones.iter().zip(1..) {
            let person = Person::new(&phone, &format!("{name} {number}"), behaviour.clone(), &mut self.rng);
            self.accounts.add(person);
        }
        Ok(())
    }

    /// Changes the behaviour of people with `count` consecutive numbers; of all or none of them.
    ///
    /// # Errors
    /// When one of the numbers has no account, or there are more than a million.
    pub fn set_behaviours(
        &mut self,
        first_phone: &str,
        count: u32,
        behaviour: &Behaviour,
    ) -> Result<(), SimError> {
        let phones = Numbers::new(first_phone, count)?;
        let people = phones.iter().map(|phone| self.person(&phone)).collect::<Result<Vec<_>, _>>()?;
        for person in people {
            self.accounts.people[person].behaviour = behaviour.clone();
        }
        Ok(())
    }

    /// Changes a person's behaviour.
    ///
    /// # Errors
    /// When the number has no account.
    pub fn set_behaviour(&mut self, phone: &str, behaviour: Behaviour) -> Result<(), SimError> {
        let person = self.person(phone)?;
        self.accounts.people[person].behaviour = behaviour;
        Ok(())
    }

    /// Gives a person another name; messages carry it from then on.
    ///
    /// # Errors
    /// When the number has no account.
    pub fn rename(&mut self, phone: &str, name: &str) -> Result<(), SimError> {
        let person = self.person(phone)?;
        name.clone_into(&mut self.accounts.people[person].name);
        Ok(())
    }

    /// Is this number valid and free?
    pub(super) fn check_free(&self, phone: &str) -> Result<(), SimError> {
        check_number(phone)?;
        match self.accounts.find(&Jid::pn(phone)) {
            Some(_) => Err(SimError::NumberTaken(phone.to_owned())),
            None => Ok(()),
        }
    }

    /// The LID of a person.
    ///
    /// # Errors
    /// When the number has no account.
    pub fn lid_of(&self, phone: &str) -> Result<Jid, SimError> {
        Ok(self.accounts.people[self.person(phone)?].jid(Server::Lid, 0))
    }

    pub(super) fn person(&self, phone: &str) -> Result<usize, SimError> {
        self.accounts.find(&Jid::pn(phone)).ok_or_else(|| SimError::UnknownPerson(phone.to_owned()))
    }
}

/// Phone numbers in a row.
struct Numbers {
    first: u64,
    count: u32,
    digits: usize,
}

impl Numbers {
    fn new(first: &str, count: u32) -> Result<Self, SimError> {
        check_number(first)?;
        if count > MOST_AT_ONCE {
            return Err(SimError::TooMany);
        }
        let numbers =
            Self { first: first.parse().map_err(|_| SimError::BadNumber)?, count, digits: first.len() };
        numbers.iter().last().map_or(Ok(()), |last| check_number(&last))?;
        Ok(numbers)
    }

    fn iter(&self) -> impl Iterator<Item = String> {
        let (first, digits) = (self.first, self.digits);
        (0..u64::from(self.count)).map(move |n| format!("{:0digits$}", first + n))
    }
}

fn check_number(phone: &str) -> Result<(), SimError> {
    let fits = (7..=15).contains(&phone.len()) && phone.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(()).ok_or(SimError::BadNumber)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sim::SimConfig, time::Timestamp};

    fn network(seed: u64) -> Network {
        Network::new(SimConfig::new(seed, Timestamp::from_secs(1_790_000_000)))
    }

    #[test]
    fn people_added_at_once_get_their_keys_from_the_seed() {
        let grown = |seed| {
            let mut network = network(seed);
            network.add_people("15551000000", 20_000, "Person", &Behaviour::Read).unwrap();
            network
        };
        let network = grown(7);
        let people = network.people();
        assert_eq!(people.len(), 20_000);
        assert_eq!(people[0], ("15551000000".into(), "Person 1".into()));
        assert_eq!(people[19_999], ("15551019999".into(), "Person 20000".into()));
        let made = network.accounts.people.iter().filter(|person| person.phone.has_keys()).count();
        assert_eq!(made, 0, "keys are made when somebody needs them");
        let key = |network: &Network, person: usize| network.accounts.people[person].phone.identity();
        assert_eq!(key(&network, 12_345), key(&grown(7), 12_345));
        assert_ne!(key(&network, 12_345), key(&network, 12_346));
        assert_ne!(key(&network, 12_345), key(&grown(8), 12_345));
    }

    #[test]
    fn consecutive_numbers_are_added_all_or_none() {
        let mut network = network(1);
        network.add_person("15551000005", "Ann", Behaviour::Silent).unwrap();
        let taken = network.add_people("15551000000", 10, "Person", &Behaviour::Read);
        assert_eq!(taken, Err(SimError::NumberTaken("15551000005".into())));
        assert_eq!(network.people().len(), 1);
        let nobody = network.set_behaviours("15551000004", 2, &Behaviour::Read);
        assert_eq!(nobody, Err(SimError::UnknownPerson("15551000004".into())));
        assert_eq!(network.accounts.people[0].behaviour, Behaviour::Silent);
        network.set_behaviours("15551000005", 1, &Behaviour::Echo).unwrap();
        assert_eq!(network.accounts.people[0].behaviour, Behaviour::Echo);
        for (first, count, error) in [
            ("999999999999999", 2, SimError::BadNumber),
            ("+1555100000", 2, SimError::BadNumber),
            ("15551000000", 1_000_001, SimError::TooMany),
        ] {
            assert_eq!(network.add_people(first, count, "Person", &Behaviour::Read), Err(error));
        }
    }
}
