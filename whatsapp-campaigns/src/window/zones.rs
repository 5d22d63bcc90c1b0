//! Time zones in groups: whose clocks show the same from December 2026 on, and in a few groups small zones of nearly the same.
//!
//! Per group: the zones whose rules it keeps, all of them at once, and after those the zones whose clocks go like one of these.
//! A test compares this with the time zone database. `UTC` and its like are no place where people live, and stand for a
//! zone that nobody knows: they are not here.

/// The groups, from west to east.
pub(super) const GROUPS: [(&str, &str); 46] = [
    ("Pacific/Pago_Pago", "Pacific/Midway Pacific/Niue Pacific/Samoa US/Samoa"),
    ("Pacific/Honolulu", "HST Pacific/Johnston Pacific/Rarotonga Pacific/Tahiti US/Hawaii"),
    ("America/Adak Pacific/Marquesas Pacific/Gambier Pacific/Pitcairn", "America/Atka US/Aleutian"),
    (
        "America/Anchorage",
        "America/Juneau America/Metlakatla America/Nome America/Sitka America/Yakutat US/Alaska",
    ),
    (
        "America/Los_Angeles",
        "America/Ensenada America/Santa_Isabel America/Tijuana Mexico/BajaNorte PST8PDT US/Pacific",
    ),
    (
        "America/Phoenix",
        "America/Creston America/Dawson America/Dawson_Creek America/Fort_Nelson America/Hermosillo \
         America/Mazatlan America/Vancouver America/Whitehorse Canada/Pacific Canada/Yukon MST \
         Mexico/BajaSur US/Arizona",
    ),
    (
        "America/Denver",
        "America/Boise America/Cambridge_Bay America/Ciudad_Juarez America/Shiprock MST7MDT Navajo \
         US/Mountain",
    ),
    (
        "America/Mexico_City",
        "America/Bahia_Banderas America/Belize America/Chihuahua America/Costa_Rica America/Edmonton \
         America/El_Salvador America/Guatemala America/Inuvik America/Managua America/Merida \
         America/Monterrey America/Regina America/Swift_Current America/Tegucigalpa America/Yellowknife \
         Canada/Mountain Canada/Saskatchewan Mexico/General Pacific/Galapagos",
    ),
    (
        "America/Chicago",
        "America/Indiana/Knox America/Indiana/Tell_City America/Knox_IN America/Matamoros \
         America/Menominee America/North_Dakota/Beulah America/North_Dakota/Center \
         America/North_Dakota/New_Salem America/Ojinaga America/Rankin_Inlet America/Resolute CST6CDT \
         US/Central US/Indiana-Starke",
    ),
    (
        "America/Bogota",
        "America/Atikokan America/Cancun America/Cayman America/Coral_Harbour America/Eirunepe \
         America/Guayaquil America/Jamaica America/Lima America/Panama America/Porto_Acre \
         America/Rainy_River America/Rio_Branco America/Winnipeg Brazil/Acre Canada/Central EST Jamaica",
    ),
    (
        "America/New_York America/Havana",
        "America/Detroit America/Fort_Wayne America/Grand_Turk America/Indiana/Indianapolis \
         America/Indiana/Marengo America/Indiana/Petersburg America/Indiana/Vevay \
         America/Indiana/Vincennes America/Indiana/Winamac America/Indianapolis America/Iqaluit \
         America/Kentucky/Louisville America/Kentucky/Monticello America/Louisville America/Montreal \
         America/Nassau America/Nipigon America/Pangnirtung America/Port-au-Prince America/Thunder_Bay \
         America/Toronto Canada/Eastern Cuba EST5EDT US/East-Indiana US/Eastern US/Michigan",
    ),
    ("Pacific/Easter", "Chile/EasterIsland"),
    (
        "America/Halifax",
        "America/Glace_Bay America/Goose_Bay America/Moncton America/Thule Atlantic/Bermuda \
         Canada/Atlantic",
    ),
    (
        "America/Caracas",
        "America/Anguilla America/Antigua America/Aruba America/Barbados America/Blanc-Sablon \
         America/Boa_Vista America/Campo_Grande America/Cuiaba America/Curacao America/Dominica \
         America/Grenada America/Guadeloupe America/Guyana America/Kralendijk America/La_Paz \
         America/Lower_Princes America/Manaus America/Marigot America/Martinique America/Montserrat \
         America/Port_of_Spain America/Porto_Velho America/Puerto_Rico America/Santo_Domingo \
         America/St_Barthelemy America/St_Kitts America/St_Lucia America/St_Thomas America/St_Vincent \
         America/Tortola America/Virgin Brazil/West",
    ),
    ("America/Santiago", "Chile/Continental"),
    ("America/St_Johns America/Miquelon", "Canada/Newfoundland"),
    (
        "America/Sao_Paulo",
        "America/Araguaina America/Argentina/Buenos_Aires America/Argentina/Catamarca \
         America/Argentina/ComodRivadavia America/Argentina/Cordoba America/Argentina/Jujuy \
         America/Argentina/La_Rioja America/Argentina/Mendoza America/Argentina/Rio_Gallegos \
         America/Argentina/Salta America/Argentina/San_Juan America/Argentina/San_Luis \
         America/Argentina/Tucuman America/Argentina/Ushuaia America/Asuncion America/Bahia America/Belem \
         America/Buenos_Aires America/Catamarca America/Cayenne America/Cordoba America/Coyhaique \
         America/Fortaleza America/Jujuy America/Maceio America/Mendoza America/Montevideo \
         America/Paramaribo America/Punta_Arenas America/Recife America/Rosario America/Santarem \
         Antarctica/Palmer Antarctica/Rothera Atlantic/Stanley Brazil/East",
    ),
    (
        "America/Noronha America/Nuuk",
        "America/Godthab America/Scoresbysund Atlantic/South_Georgia Brazil/DeNoronha",
    ),
    ("Atlantic/Cape_Verde Atlantic/Azores", ""),
    (
        "Africa/Abidjan",
        "Africa/Accra Africa/Bamako Africa/Banjul Africa/Bissau Africa/Casablanca Africa/Conakry \
         Africa/Dakar Africa/El_Aaiun Africa/Freetown Africa/Lome Africa/Monrovia Africa/Nouakchott \
         Africa/Ouagadougou Africa/Sao_Tome Africa/Timbuktu America/Danmarkshavn Atlantic/Reykjavik \
         Atlantic/St_Helena Iceland",
    ),
    (
        "Europe/London Antarctica/Troll",
        "Atlantic/Canary Atlantic/Faeroe Atlantic/Faroe Atlantic/Madeira Eire Europe/Belfast \
         Europe/Dublin Europe/Guernsey Europe/Isle_of_Man Europe/Jersey Europe/Lisbon GB GB-Eire Portugal \
         WET",
    ),
    (
        "Africa/Lagos",
        "Africa/Algiers Africa/Bangui Africa/Brazzaville Africa/Douala Africa/Kinshasa Africa/Libreville \
         Africa/Luanda Africa/Malabo Africa/Ndjamena Africa/Niamey Africa/Porto-Novo Africa/Tunis",
    ),
    (
        "Europe/Berlin",
        "Africa/Ceuta Arctic/Longyearbyen Atlantic/Jan_Mayen CET Europe/Amsterdam Europe/Andorra \
         Europe/Belgrade Europe/Bratislava Europe/Brussels Europe/Budapest Europe/Busingen \
         Europe/Copenhagen Europe/Gibraltar Europe/Ljubljana Europe/Luxembourg Europe/Madrid Europe/Malta \
         Europe/Monaco Europe/Oslo Europe/Paris Europe/Podgorica Europe/Prague Europe/Rome \
         Europe/San_Marino Europe/Sarajevo Europe/Skopje Europe/Stockholm Europe/Tirane Europe/Vaduz \
         Europe/Vatican Europe/Vienna Europe/Warsaw Europe/Zagreb Europe/Zurich MET Poland",
    ),
    (
        "Africa/Johannesburg",
        "Africa/Blantyre Africa/Bujumbura Africa/Gaborone Africa/Harare Africa/Juba Africa/Khartoum \
         Africa/Kigali Africa/Lubumbashi Africa/Lusaka Africa/Maputo Africa/Maseru Africa/Mbabane \
         Africa/Tripoli Africa/Windhoek Europe/Kaliningrad Libya",
    ),
    ("Africa/Cairo Asia/Jerusalem Asia/Gaza Asia/Beirut", "Asia/Hebron Asia/Tel_Aviv Egypt Israel"),
    (
        "Europe/Athens",
        "Asia/Famagusta Asia/Nicosia EET Europe/Bucharest Europe/Chisinau Europe/Helsinki Europe/Kiev \
         Europe/Kyiv Europe/Mariehamn Europe/Nicosia Europe/Riga Europe/Sofia Europe/Tallinn \
         Europe/Tiraspol Europe/Uzhgorod Europe/Vilnius Europe/Zaporozhye",
    ),
    (
        "Europe/Moscow",
        "Africa/Addis_Ababa Africa/Asmara Africa/Asmera Africa/Dar_es_Salaam Africa/Djibouti \
         Africa/Kampala Africa/Mogadishu Africa/Nairobi Antarctica/Syowa Asia/Aden Asia/Amman \
         Asia/Baghdad Asia/Bahrain Asia/Damascus Asia/Istanbul Asia/Kuwait Asia/Qatar Asia/Riyadh \
         Europe/Istanbul Europe/Kirov Europe/Minsk Europe/Simferopol Europe/Volgograd Indian/Antananarivo \
         Indian/Comoro Indian/Mayotte Turkey W-SU",
    ),
    ("Asia/Tehran", "Iran"),
    (
        "Asia/Dubai",
        "Asia/Baku Asia/Muscat Asia/Tbilisi Asia/Yerevan Europe/Astrakhan Europe/Samara Europe/Saratov \
         Europe/Ulyanovsk Indian/Mahe Indian/Mauritius Indian/Reunion",
    ),
    ("Asia/Kabul", ""),
    (
        "Asia/Karachi",
        "Antarctica/Mawson Antarctica/Vostok Asia/Almaty Asia/Aqtau Asia/Aqtobe Asia/Ashgabat \
         Asia/Ashkhabad Asia/Atyrau Asia/Dushanbe Asia/Oral Asia/Qostanay Asia/Qyzylorda Asia/Samarkand \
         Asia/Tashkent Asia/Yekaterinburg Indian/Kerguelen Indian/Maldives",
    ),
    ("Asia/Kolkata", "Asia/Calcutta Asia/Colombo"),
    ("Asia/Kathmandu", "Asia/Katmandu"),
    (
        "Asia/Dhaka",
        "Asia/Bishkek Asia/Dacca Asia/Kashgar Asia/Omsk Asia/Thimbu Asia/Thimphu Asia/Urumqi \
         Indian/Chagos",
    ),
    ("Asia/Yangon", "Asia/Rangoon Indian/Cocos"),
    (
        "Asia/Bangkok",
        "Antarctica/Davis Asia/Barnaul Asia/Ho_Chi_Minh Asia/Hovd Asia/Jakarta Asia/Krasnoyarsk \
         Asia/Novokuznetsk Asia/Novosibirsk Asia/Phnom_Penh Asia/Pontianak Asia/Saigon Asia/Tomsk \
         Asia/Vientiane Indian/Christmas",
    ),
    (
        "Asia/Shanghai",
        "Antarctica/Casey Asia/Brunei Asia/Choibalsan Asia/Chongqing Asia/Chungking Asia/Harbin \
         Asia/Hong_Kong Asia/Irkutsk Asia/Kuala_Lumpur Asia/Kuching Asia/Macao Asia/Macau Asia/Makassar \
         Asia/Manila Asia/Singapore Asia/Taipei Asia/Ujung_Pandang Asia/Ulaanbaatar Asia/Ulan_Bator \
         Australia/Perth Australia/West Hongkong PRC ROC Singapore",
    ),
    (
        "Asia/Tokyo",
        "Asia/Chita Asia/Dili Asia/Jayapura Asia/Khandyga Asia/Pyongyang Asia/Seoul Asia/Yakutsk Japan \
         Pacific/Palau ROK",
    ),
    ("Australia/Darwin Australia/Eucla", "Australia/North"),
    (
        "Australia/Brisbane",
        "Antarctica/DumontDUrville Asia/Ust-Nera Asia/Vladivostok Australia/Lindeman Australia/Queensland \
         Pacific/Chuuk Pacific/Guam Pacific/Port_Moresby Pacific/Saipan Pacific/Truk Pacific/Yap",
    ),
    ("Australia/Adelaide", "Australia/Broken_Hill Australia/South Australia/Yancowinna"),
    (
        "Australia/Sydney",
        "Antarctica/Macquarie Australia/ACT Australia/Canberra Australia/Currie Australia/Hobart \
         Australia/Melbourne Australia/NSW Australia/Tasmania Australia/Victoria",
    ),
    (
        "Pacific/Guadalcanal Pacific/Norfolk Australia/Lord_Howe",
        "Asia/Magadan Asia/Sakhalin Asia/Srednekolymsk Australia/LHI Pacific/Bougainville Pacific/Efate \
         Pacific/Kosrae Pacific/Noumea Pacific/Pohnpei Pacific/Ponape",
    ),
    (
        "Pacific/Fiji",
        "Asia/Anadyr Asia/Kamchatka Kwajalein Pacific/Funafuti Pacific/Kwajalein Pacific/Majuro \
         Pacific/Nauru Pacific/Tarawa Pacific/Wake Pacific/Wallis",
    ),
    ("Pacific/Auckland", "Antarctica/McMurdo Antarctica/South_Pole NZ"),
    (
        "Pacific/Tongatapu Pacific/Chatham Pacific/Kiritimati",
        "NZ-CHAT Pacific/Apia Pacific/Enderbury Pacific/Fakaofo Pacific/Kanton",
    ),
];
