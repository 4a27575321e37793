//! Texts by the name of what they are called, so that a row reads as if someone had filled it in.

use schemas::Draw;

use crate::engine::key;
use crate::materialize::populate::cell::{Cell, date, time};
use crate::materialize::populate::lists::{
    ADJECTIVES, AIRPORTS, AUTHORS, BRANDS, CATEGORIES, COLOURS, DEPARTMENTS, DISHES, EXTENSIONS,
    GENRES, JOBS, LANGUAGES, METHODS, NOTES, PLACES, PRODUCTS, PROJECTS, REASONS, ROLES, SENTENCES,
    STREETS, SYMBOLS, TAGS, THINGS, TITLES, UNITS,
};
use crate::materialize::populate::marks::{
    address_of_machine, clock, host, identifier, is_mark, machine, marked, media, slug, spelled,
    url,
};
use crate::materialize::populate::numbers;
use crate::materialize::populate::people::{
    company, email, full_name, is_person, person, phone, postcode, user_name, whom,
};
use crate::materialize::populate::vocabulary::usual;
use crate::materialize::words::singular;
use schemas::KeyStyle;

/// Words after which a name says no more of its values than before them.
const HOLLOW: [&str; 26] = [
    "value", "text", "string", "str", "list", "filter", "code", "val", "info", "var", "array",
    "set", "in", "eq", "like", "contain", "name", "field", "entry", "item", "type", "param",
    "label", "tag", "spec", "input",
];
/// What tells things of one kind apart.
const QUALIFIERS: [&str; 20] = [
    "primary",
    "secondary",
    "default",
    "main",
    "backup",
    "shared",
    "internal",
    "external",
    "temporary",
    "standard",
    "regional",
    "central",
    "second",
    "new",
    "previous",
    "local",
    "original",
    "custom",
    "annual",
    "combined",
];
/// Keys and values that people put on things.
const PAIRS: [(&str, &str); 8] = [
    ("environment", "production"),
    ("team", "platform"),
    ("owner", "finance"),
    ("project", "atlas"),
    ("cost-center", "4021"),
    ("source", "web"),
    ("priority", "high"),
    ("season", "spring-2025"),
];

/// A text for the cell.
pub(super) fn text(cell: &Cell<'_>) -> String {
    if let Some(formatted) = by_format(cell) {
        return formatted;
    }
    known(cell).unwrap_or_else(|| plain(cell))
}

/// A text for the cell, if its name says what it holds.
pub(super) fn known(cell: &Cell<'_>) -> Option<String> {
    if let Some(formatted) = by_format(cell) {
        return Some(formatted);
    }
    let mut split: Vec<String> =
        cell.name.split('_').filter(|part| !part.is_empty()).map(String::from).collect();
    let whole = by_whole_name(cell, cell.name);
    if whole.is_some() {
        return whole;
    }
    if let Some(last) = split.last_mut() {
        *last = singular(last);
    }
    // `date_of_birth` and the like: the day is told, whatever the last word would be.
    if split.len() > 2 && split[1] == "of" && ["date", "day"].contains(&split[0].as_str()) {
        return Some(date(cell));
    }
    let noun = cell.noun.rsplit(' ').next().unwrap_or_default();
    let of_noun = of_vocabulary(cell, &format!("{noun}_{}", cell.name));
    if of_noun.is_some() {
        return of_noun;
    }
    let mut parts: Vec<&str> = split.iter().map(String::as_str).collect();
    while let Some(last) = parts.last().copied() {
        let found = phrase(cell, &parts)
            .or_else(|| by_last_word(cell, last, &parts))
            .or_else(|| of_vocabulary(cell, last))
            .or_else(|| numbers::spelled(cell, last));
        if found.is_some() || !HOLLOW.contains(&last) {
            return found;
        }
        parts.pop();
    }
    None
}

/// A usual value of the name's last words, where there are several.
fn phrase(cell: &Cell<'_>, parts: &[&str]) -> Option<String> {
    let starts = (parts.len().saturating_sub(3)..parts.len().saturating_sub(1)).rev();
    let mut found = starts.filter_map(|start| of_vocabulary(cell, &parts[start..].join("_")));
    found.next()
}

fn of_vocabulary(cell: &Cell<'_>, name: &str) -> Option<String> {
    usual(name).map(|values| (*cell.own().from_list(values)).to_string())
}

/// A key and a value that belong together.
pub(super) fn pair(row: Draw) -> (&'static str, &'static str) {
    *row.with("pair").from_list(&PAIRS)
}

fn by_format(cell: &Cell<'_>) -> Option<String> {
    let draw = cell.own();
    Some(match cell.hints.format.as_str() {
        "email" | "idn-email" => email(cell),
        "uri" | "url" | "uri-reference" => url(cell),
        "uuid" | "guid" => spelled(&key(&KeyStyle::Uuid, &[&draw.bits().to_string()])),
        "date" => date(cell),
        "date-time" => time(cell),
        "time" => clock(draw),
        "ipv4" => address_of_machine(draw),
        "ipv6" => format!("2001:db8:{:x}::{:x}", draw.below(65_536), draw.at(1).below(65_536)),
        "hostname" => host(draw),
        "byte" | "binary" => format!("{:016x}", draw.bits()),
        _ => return None,
    })
}

fn by_whole_name(cell: &Cell<'_>, name: &str) -> Option<String> {
    let row = whom(cell);
    let draw = cell.own();
    let place = cell.row.with("place").from_list(&PLACES);
    Some(match name {
        "key" | "tag_key" => pair(cell.row).0.into(),
        "value" | "tag_value" | "values" => pair(cell.row).1.into(),
        "self" | "next" | "previous" | "prev" | "first" | "last" => url(cell),
        "name" | "title" | "display_name" | "label" | "headline" => called(cell),
        "first_name" | "given_name" | "firstname" | "forename" => person(row).0.into(),
        "last_name" | "family_name" | "surname" | "lastname" => person(row).1.into(),
        "middle_name" => person(row.with("middle")).0.into(),
        "full_name" | "contact_name" | "customer_name" | "guest_name" | "passenger_name"
        | "patient_name" | "user_name_full" | "holder_name" | "recipient_name" | "sender_name"
        | "owner_name" | "cardholder_name" | "employee_name" | "student_name" | "driver_name"
        | "doctor_name" | "host_name_full" | "participant" | "participants" => full_name(row),
        "username" | "user_name" | "login" | "handle" | "screen_name" => user_name(row),
        "nickname" => person(row).0.to_lowercase(),
        "author" | "artist" | "director" => (*draw.from_list(&AUTHORS)).into(),
        "country" => place.2.into(),
        "country_code" => place.3.into(),
        "state" | "province" | "region_name" | "county" => place.1.into(),
        "zip" | "postcode" | "postal_code" | "zip_code" => postcode(place.3, draw),
        "timezone" | "time_zone" | "tz" => place.4.into(),
        "origin" | "departure_city" | "from_" | "from" | "source_city" | "from_city"
        | "departure" => cell.row.with("from").from_list(&PLACES).0.into(),
        "destination" | "arrival_city" | "to_" | "to" | "destination_city" | "to_city"
        | "arrival" => cell.row.with("to").from_list(&PLACES).0.into(),
        "currency" | "currency_code" | "base_currency" | "base" => {
            (*draw.from_list(&["USD", "EUR", "GBP", "JPY", "CAD", "CHF", "AUD"])).into()
        }
        "isbn" => format!(
            "978-0-{:03}-{:05}-{}",
            draw.between(100, 999),
            draw.at(1).between(10_000, 99_999),
            draw.at(2).between(0, 9)
        ),
        "sku" => format!(
            "{}-{:04}",
            draw.from_list(&["AX", "BR", "KT", "LM", "QS"]),
            draw.at(1).between(1000, 9999)
        ),
        "user_agent" => "Mozilla/5.0 (X11; Linux x86_64)".into(),
        "content_type" | "mime_type" | "media_type" => {
            (*draw.from_list(&["application/json", "application/pdf", "image/png", "text/csv"]))
                .into()
        }
        "sql" => "SELECT name FROM orders WHERE total > 100".into(),
        "code" if cell.noun.contains("country") => place.3.into(),
        _ => return None,
    })
}

fn by_last_word(cell: &Cell<'_>, last: &str, split: &[&str]) -> Option<String> {
    contact(cell, last, split)
        .or_else(|| artefact(cell, last, split))
        .or_else(|| word(cell, last, split))
}

/// Texts about people and places.
fn contact(cell: &Cell<'_>, last: &str, split: &[&str]) -> Option<String> {
    let draw = cell.own();
    let has = |word: &str| split.contains(&word);
    let place = cell.row.with("place").from_list(&PLACES);
    let of = |list: &[&'static str]| (*draw.from_list(list)).to_string();
    Some(match last {
        "email" | "mail" | "emails" | "recipient" | "sender" | "cc" | "bcc" => email(cell),
        "phone" | "mobile" | "telephone" | "fax" | "phonenumber" => phone(draw),
        "number" if has("phone") || has("mobile") => phone(draw),
        "number" | "no" => format!(
            "{}{}",
            draw.from_list(&["AB", "CX", "DL", "KM", "RT", "ZN"]),
            draw.at(1).between(100, 9999)
        ),
        _ if has("price") || has("cost") => {
            format!("{}.{:02}", draw.between(5, 950), draw.at(1).below(100))
        }
        "slug" | "slugs" => slug(draw),
        "locale" => of(&["en-US", "en-GB", "de-DE", "fr-FR", "es-ES"]),
        "address2" => format!("Apt {}", draw.between(2, 60)),
        "username" => user_name(whom(cell)),
        "state" | "province" | "county" if has("address") || has("shipping") || has("billing") => {
            place.1.into()
        }
        "postcode" | "zip" => postcode(place.3, draw),
        "code" if has("postal") || has("zip") => postcode(place.3, draw),
        "code" if has("country") => place.3.into(),
        "line2" | "line3" | "complement" | "apartment" | "suite" => {
            format!("Apt {}", draw.between(2, 60))
        }
        "city" | "town" | "location" | "place" | "area" => place.0.into(),
        "country" | "nationality" => place.2.into(),
        "address" if has("ip") => address_of_machine(draw),
        "address" if has("email") => email(cell),
        "mac" => machine(draw),
        "address" if has("mac") => machine(draw),
        "address" | "street" | "line1" | "address1" => {
            format!("{} {}", draw.between(2, 480), draw.at(1).from_list(&STREETS))
        }
        "ip" | "ips" => address_of_machine(draw),
        "company" | "organization" | "organisation" | "vendor" | "supplier" | "employer"
        | "publisher" | "manufacturer" | "merchant" | "provider" | "bank" | "account"
        | "tenant" | "client" | "partner" | "agency" | "insurer" | "institution" | "business"
        | "store" => company(draw),
        "brand" | "make" => of(&BRANDS),
        "url" | "uri" | "link" | "website" | "href" | "endpoint" | "webhook" | "avatar"
        | "thumbnail" | "logo" | "photo" | "picture" | "origin" | "feed" => url(cell),
        "image" | "video" | "audio" if !has("container") => media(cell, last),
        "domain" | "hostname" | "host" | "fqdn" | "server" => host(draw),
        "date" | "birthday" | "dob" | "deadline" | "after" | "before" | "since" | "until"
        | "on" | "start" | "end" | "day_date" | "expiry" => date(cell),
        "at" | "timestamp" | "datetime" | "utc" | "updated" | "created" | "modified" => time(cell),
        "time" | "hour" => clock(draw),
        _ => return None,
    })
}

/// Texts about files, machines and codes.
fn artefact(cell: &Cell<'_>, last: &str, split: &[&str]) -> Option<String> {
    let draw = cell.own();
    let of = |list: &[&'static str]| (*draw.from_list(list)).to_string();
    Some(match last {
        "color" | "colour" => of(&COLOURS),
        "language" | "lang" if !split.contains(&"programming") => of(&LANGUAGES),
        "version" | "release" => format!(
            "{}.{}.{}",
            draw.between(1, 4),
            draw.at(1).between(0, 12),
            draw.at(2).between(0, 9)
        ),
        "path" | "folder" | "directory" => {
            format!("/{}/{}", of(&["projects", "reports", "data", "archive"]), slug(draw.at(3)))
        }
        "file" | "filename" | "attachment" | "document" => {
            format!("{}.{}", slug(draw), draw.at(1).from_list(&EXTENSIONS))
        }
        "hash" | "sha" | "checksum" | "digest" | "sha256" | "md5" | "etag" | "fingerprint"
        | "commit" | "thumbprint" | "txid" | "signature" | "etag_value" => {
            format!("{:016x}{:016x}", draw.bits(), draw.at(1).bits())
        }
        "token" | "secret" | "password" | "jwt" | "cursor" | "nonce" => {
            format!("{:012x}", draw.bits() >> 16)
        }
        "uuid" | "guid" => spelled(&key(&KeyStyle::Uuid, &[&draw.bits().to_string()])),
        "id" | "identifier" | "key" | "ref" | "reference" => marked(cell, split),
        _ if 2 < last.len() && last.len() < 6 && last.ends_with("id") && is_mark(last) => {
            marked(cell, split)
        }
        "serial" | "iban" | "vat" | "ean" | "bic" | "tracking" | "abbreviation" | "barcode" => {
            format!(
                "{}{:07}",
                draw.from_list(&["AB", "CX", "DL", "KM", "RT", "ZN"]),
                draw.at(1).below(10_000_000)
            )
        }
        "arn" => format!(
            "arn:aws:service:us-east-1:{:012}:resource/{}",
            draw.between(100_000_000_000, 999_999_999_999),
            slug(draw.at(1))
        ),
        "code" => format!(
            "{}{}",
            draw.from_list(&["AB", "CX", "DL", "KM", "RT", "ZN"]),
            draw.at(1).between(100, 999)
        ),
        "airport" | "iata" => of(&AIRPORTS),
        "symbol" | "ticker" | "symbols" => of(&SYMBOLS),
        "reason" | "cause" => of(&REASONS),
        "note" | "comment" | "feedback" | "remark" | "annotation" | "review" => of(&NOTES),
        "description" | "summary" | "body" | "content" | "message" | "detail" | "abstract"
        | "overview" | "bio" | "prompt" | "instruction" | "result" | "output" | "response"
        | "data" | "info" | "msg" | "context" | "explanation" | "paragraph" | "report"
        | "analysis" | "information" | "sentence" | "insight" | "finding" => of(&SENTENCES),
        "text" if split.len() == 1 => of(&SENTENCES),
        "status" | "state" => of(&["active", "pending", "completed"]),
        "category" | "topic" | "subject" | "theme" if split.len() < 3 => of(&CATEGORIES),
        "genre" => of(&GENRES),
        "tag" | "keyword" | "query" | "q" | "word" | "search" => of(&TAGS),
        _ => return None,
    })
}

/// Words of a kind, and numbers written as text.
fn word(cell: &Cell<'_>, last: &str, split: &[&str]) -> Option<String> {
    let draw = cell.own();
    let of = |list: &[&'static str]| (*draw.from_list(list)).to_string();
    Some(match last {
        "role" | "permission" | "scope" => of(&ROLES),
        "job" | "occupation" | "profession" | "designation" => of(&JOBS),
        "department" | "group" | "division" => of(&DEPARTMENTS),
        "method" if split.contains(&"payment") => of(&METHODS),
        "unit" | "units" => of(&UNITS),
        "currency" => of(&["USD", "EUR", "GBP", "JPY", "CAD"]),
        "size" => of(&["small", "medium", "large"]),
        "priority" | "severity" => of(&["low", "normal", "high"]),
        "format" => of(&["json", "csv", "pdf"]),
        "author" | "artist" | "director" | "writer" => of(&AUTHORS),
        last if is_person(last) || last == "by" => full_name(whom(cell)),
        "dish" | "food" | "recipe" => of(&DISHES),
        "product" | "item" => of(&PRODUCTS),
        "project" | "workspace" | "campaign" => of(&PROJECTS),
        "name" | "title" | "names" => named(cell, split),
        "latitude" | "lat" => format!("{}.{:04}", draw.between(-55, 65), draw.at(1).below(10_000)),
        "longitude" | "lng" | "lon" => {
            format!("{}.{:04}", draw.between(-150, 150), draw.at(1).below(10_000))
        }
        "forecast" => of(&["clear sky", "light rain", "overcast", "fog", "heavy snow"]),
        _ => return None,
    })
}

/// The name of a thing of the cell's noun, or of the noun in the column's own name.
fn named(cell: &Cell<'_>, split: &[&str]) -> String {
    let noun = split[..split.len() - 1].join(" ");
    name_of(&noun, cell)
}

/// The name or title of the row itself.
fn called(cell: &Cell<'_>) -> String {
    name_of(cell.noun, cell)
}

fn name_of(noun: &str, cell: &Cell<'_>) -> String {
    let draw = cell.row.with("called").with(noun);
    let last = noun.rsplit([' ', '_']).next().unwrap_or_default();
    let of = |list: &[&'static str]| (*draw.from_list(list)).to_string();
    match last {
        last if is_person(last) => full_name(whom(cell)),
        "book" | "novel" | "ebook" | "movie" | "film" | "show" | "series" | "episode" | "video"
        | "album" | "song" | "track" | "playlist" => of(&TITLES),
        "product" | "item" | "inventory" | "stock" | "good" | "asset" => of(&PRODUCTS),
        "company" | "organization" | "vendor" | "supplier" | "merchant" | "provider" | "brand"
        | "business" | "store" | "shop" | "account" | "tenant" => company(draw),
        "recipe" | "dish" | "meal" | "food" | "menu" => of(&DISHES),
        "airport" | "station" | "office" | "branch" | "warehouse" => {
            format!("{} {last}", draw.from_list(&PLACES).0)
        }
        "city" | "location" | "place" | "venue" | "region" | "country" => {
            draw.from_list(&PLACES).0.into()
        }
        "hotel" | "restaurant" | "cafe" | "property" => format!(
            "{} {}",
            of(&ADJECTIVES),
            draw.at(1).from_list(&["House", "Garden", "Corner", "Terrace", "Harbour", "Court"])
        ),
        "category" | "tag" | "topic" | "genre" => of(&CATEGORIES),
        "project" | "workspace" | "campaign" | "board" | "task" | "issue" | "ticket" | "goal"
        | "event" | "meeting" => of(&PROJECTS),
        "team" | "group" | "department" => of(&DEPARTMENTS),
        "role" | "permission" => of(&ROLES),
        "file" | "document" | "image" | "attachment" | "report" => {
            format!("{}.{}", slug(draw), draw.at(1).from_list(&EXTENSIONS))
        }
        "domain" | "host" | "site" | "website" => host(draw),
        "server" | "instance" | "cluster" | "database" | "bucket" | "queue" | "function"
        | "node" | "volume" | "network" | "key" | "table" | "index" | "repository" | "service"
        | "job" | "pipeline" | "policy" | "rule" | "webhook" | "app" | "application" => {
            identifier(draw)
        }
        "" => identifier(draw),
        _ => match usual(&noun.replace(' ', "_")).or_else(|| usual(last)) {
            Some(values) => of(values),
            None => {
                let thing = of(&THINGS);
                format!("{}{} {last}", thing[..1].to_uppercase(), &thing[1..])
            }
        },
    }
}

/// What reads like a value though nothing is known of it.
fn plain(cell: &Cell<'_>) -> String {
    let draw = cell.own();
    let split: Vec<&str> = cell.name.split('_').filter(|part| !part.is_empty()).collect();
    let last = split.last().map(|last| singular(last)).unwrap_or_else(|| "entry".into());
    let before = split.len().checked_sub(2).map(|place| split[place]);
    let noun = cell.noun.rsplit(' ').next().filter(|noun| !noun.is_empty() && *noun != last);
    let mut words = vec![*draw.with("qualifier").from_list(&QUALIFIERS)];
    words.extend(before.or(noun));
    words.push(&last);
    let phrase = words.join(" ");
    phrase.chars().take(60).collect()
}
