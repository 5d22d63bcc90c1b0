//! What goes in wrong, and how it comes out.
use super::*;
use crate::content::Category;

#[test]
fn what_cannot_be_simulated_is_said() {
    let wrong = |change: &dyn Fn(&mut Forecast)| {
        let mut forecast = simple(SIMPLE, 1, 10);
        change(&mut forecast);
        simulate(&forecast).unwrap_err().to_string()
    };
    let runs = r#"{"schedule":{"type":"recurring","cron":"0 9 * * MON","zone":"Europe/Berlin"}}"#;
    let runs = Timing::from_json(runs).unwrap().plan().unwrap();
    let countries = vec![Country { prefix: "49".to_owned(), rows: 11 }];
    for (says, found) in [
        ("start", wrong(&|forecast| forecast.start = -1)),
        ("start", wrong(&|forecast| forecast.start = Millis::MAX)),
        ("zone", wrong(&|forecast| forecast.zone = Some("Mars/Phobos".to_owned()))),
        ("campaigns[0].lanes[0].sender", wrong(&|forecast| forecast.campaigns[0].lanes[0].sender = 1)),
        ("16,777,215", wrong(&|forecast| forecast.campaigns[0].lanes[0].rows = 1 << 24)),
        ("countries", wrong(&|forecast| forecast.campaigns[0].lanes[0].countries = countries.clone())),
        ("one of them", wrong(&|forecast| forecast.campaigns[0].plan = runs.clone())),
        ("audience", wrong(&|forecast| forecast.campaigns[0].audience = u16::MAX)),
        ("transport.answer", wrong(&|forecast| forecast.transport.answer.from = 1)),
        (
            "at most",
            wrong(&|forecast| {
                forecast.campaigns[0].lanes = vec![forecast.campaigns[0].lanes[0].clone(); 5_000]
            }),
        ),
    ] {
        assert!(found.contains(says), "{found}");
    }
}

#[test]
fn nothing_to_send_is_done_at_once() {
    let report = simulate(&Forecast::new(START)).unwrap();
    assert_eq!((report.all.counts, report.eta()), (Counts::default(), None));
    let report = simulate(&simple(SIMPLE, 2, 0)).unwrap();
    assert_eq!((report.eta(), report.warnings), (Some(0), vec![Warning::Empty { campaign: 0 }]));
}

#[test]
fn costs_are_exact() {
    let mut forecast = simple(SIMPLE, 1, 100);
    forecast.transport.undelivered_permille = 1_000;
    forecast.campaigns[0].lanes[0].countries =
        vec![Country { prefix: "49".to_owned(), rows: 30 }, Country { prefix: "351".to_owned(), rows: 20 }];
    let mut orders = forecast.campaigns[0].clone();
    (orders.category, orders.audience) = (Category::Utility, 2);
    forecast.campaigns.push(orders);
    let prices = r#"{"currency":"EUR","prices":[
        {"prefix":"49","each":"0.1131"},{"category":"marketing","each":"0.1"},{"prefix":"351","each":"0.2"}]}"#;
    forecast.prices = Some(Prices::from_json(prices).unwrap());
    let cost = simulate(&forecast).unwrap().cost.unwrap();
    // 60 to Germany, 40 to Portugal, 50 of the marketing elsewhere; nobody knows what the others cost.
    assert_eq!((cost.total.to_string(), cost.at_most.to_string()), ("0.00".into(), "19.786".into()));
    assert_eq!(cost.unpriced, 50);
    forecast.transport.undelivered_permille = 0;
    let report = simulate(&forecast).unwrap();
    assert_eq!(report.warnings, [Warning::Unpriced { rows: 50 }]);
    let cost = report.cost.unwrap();
    assert_eq!(cost.total, cost.at_most);
    let categories: Vec<_> =
        cost.categories.iter().map(|of| (of.category, of.messages, of.total.to_string())).collect();
    assert_eq!(
        categories,
        [(Category::Marketing, 100, "12.393".into()), (Category::Utility, 50, "7.393".into())]
    );
}

#[test]
fn json_for_programs_and_words_for_people() {
    let mut forecast = simple(Limits { people: Some(2), ..SIMPLE }, 1, 3);
    forecast.zone = Some("Europe/Berlin".to_owned());
    forecast.excluded = [("duplicate".to_owned(), 7)].into();
    forecast.prices = Some(Prices::flat("EUR", Money::of_millionths(62_500)));
    let report = simulate(&forecast).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["firstSentAt"], START);
    assert_eq!(json["counts"]["delivered"], 3);
    assert_eq!(json["campaigns"][0]["lanes"][0]["zones"][0], "Europe/Berlin");
    assert_eq!(json["senders"][0]["waits"]["rate"], 2_000);
    assert_eq!(
        json["days"][1],
        serde_json::json!({"date": "2027-01-12", "sent": 1, "delivered": 1, "read": 1})
    );
    assert_eq!(json["hours"][0]["at"], START - 30 * 60_000);
    assert_eq!(json["cost"]["lines"][0]["atMost"], "0.1875");
    assert_eq!(json["excluded"]["duplicate"], 7);
    assert_eq!(json["warnings"][0]["type"], "capBinds");
    let shown = report.to_string();
    for part in [
        "All is done after 1 d 0 h, at 2027-01-12T06:35:00Z",
        "3 rows: 3 sent (3 delivered, 3 read), 0 failed\n",
        "duplicate: 7",
        "Campaign news: from 2027-01-11T06:30:00Z",
        "1 d 0 h: the cap of different people a day",
        "at most 2 people in 24 hours, of 2 (2027-01-11)",
        "Cost: 0.1875 EUR",
        "! s0: its cap of different people holds it up for 1 d 0 h",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
}

#[test]
fn people_reached_some_time_in_the_last_day() {
    let mut forecast = simple(SIMPLE, 1, 1);
    let sender = forecast.senders.remove(0).with_reached(50, START);
    assert_eq!(sender.reached.iter().map(|reached| reached.people).sum::<u32>(), 50);
    assert!(sender.reached.iter().all(|reached| reached.at < START && reached.at >= START - 86_400_000));
}
