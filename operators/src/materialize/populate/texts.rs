//! Texts by the name of what they are called, so that a row reads as if someone had filled it in.

use fake::locales::{Data, EN};
use schemas::{Draw, Value};

use crate::engine::key;
use crate::materialize::populate::cell::{Cell, date, time};
use crate::materialize::populate::lists::{
    ADJECTIVES, AIRPORTS, AUTHORS, BRANDS, CATEGORIES, COLOURS, COMPANY_ENDS, DEPARTMENTS, DISHES,
    DOMAINS, EXTENSIONS, GENRES, JOBS, LANGUAGES, METHODS, NOTES, PLACES, PRODUCTS, PROJECTS,
    REASONS, REGIONS, ROLES, SENTENCES, STREETS, SYMBOLS, TAGS, THINGS, TITLES, UNITS,
};
use schemas::KeyStyle;

/// A text for the cell.
pub(super) fn text(cell: &Cell<'_>) -> String {
    if let Some(formatted) = by_format(cell) {
        return formatted;
    }
    let name = cell.name;
    let split: Vec<&str> = name.split('_').filter(|part| !part.is_empty()).collect();
    let last = split.last().copied().unwrap_or_default();
    by_whole_name(cell, name)
        .or_else(|| by_last_word(cell, last, &split))
        .unwrap_or_else(|| plain(cell, last))
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
    let row = cell.row;
    let draw = cell.own();
    let place = row.with("place").from_list(&PLACES);
    Some(match name {
        "name" | "title" | "display_name" | "label" | "headline" => called(cell),
        "first_name" | "given_name" | "firstname" => person(row).0.into(),
        "last_name" | "family_name" | "surname" | "lastname" => person(row).1.into(),
        "full_name" | "contact_name" | "customer_name" | "guest_name" | "passenger_name"
        | "patient_name" | "user_name_full" | "holder_name" | "recipient_name" => full_name(row),
        "username" | "user_name" | "login" | "handle" | "screen_name" => user_name(row),
        "nickname" => person(row).0.to_lowercase(),
        "author" | "artist" | "director" => (*draw.from_list(&AUTHORS)).into(),
        "country" => place.2.into(),
        "country_code" => place.3.into(),
        "state" | "province" | "region_name" | "county" => place.1.into(),
        "zip" | "postcode" | "postal_code" | "zip_code" => {
            format!("{:05}", draw.between(10_000, 98_999))
        }
        "timezone" | "time_zone" | "tz" => place.4.into(),
        "origin" | "departure_city" | "from_" | "source_city" | "from_city" | "departure" => {
            row.with("from").from_list(&PLACES).0.into()
        }
        "destination" | "arrival_city" | "to_" | "destination_city" | "to_city" | "arrival" => {
            row.with("to").from_list(&PLACES).0.into()
        }
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
        "gender" | "sex" => (*draw.from_list(&["female", "male", "non-binary"])).into(),
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
        "number" | "no" if 1 < split.len() => format!(
            "{}{}",
            draw.from_list(&["AB", "CX", "DL", "KM", "RT", "ZN"]),
            draw.at(1).between(100, 9999)
        ),
        _ if has("price") || has("cost") => {
            format!("{}.{:02}", draw.between(5, 950), draw.at(1).below(100))
        }
        "slug" | "slugs" => slug(draw),
        "locale" => of(&["en-US", "en-GB", "de-DE", "fr-FR", "es-ES"]),
        "address2" | "line2" => format!("Apt {}", draw.between(2, 60)),
        "username" => user_name(cell.row),
        "city" | "town" | "location" | "place" | "area" => place.0.into(),
        "country" | "nationality" => place.2.into(),
        "address" if has("ip") => address_of_machine(draw),
        "address" if has("email") => email(cell),
        "address" if has("mac") => {
            "3c:22:fb:".to_string()
                + &format!(
                    "{:02x}:{:02x}:{:02x}",
                    draw.below(256),
                    draw.at(1).below(256),
                    draw.at(2).below(256)
                )
        }
        "address" | "street" | "line1" | "address1" => {
            format!("{} {}", draw.between(2, 480), draw.at(1).from_list(&STREETS))
        }
        "ip" | "ips" => address_of_machine(draw),
        "company" | "organization" | "organisation" | "vendor" | "supplier" | "employer"
        | "publisher" | "manufacturer" | "merchant" => company(draw),
        "brand" | "make" => of(&BRANDS),
        "url" | "uri" | "link" | "website" | "href" | "endpoint" | "webhook" | "avatar"
        | "image" | "thumbnail" | "logo" | "photo" | "picture" => url(cell),
        "domain" | "hostname" | "host" | "fqdn" | "server" => host(draw),
        "date" | "birthday" | "dob" | "deadline" => date(cell),
        "at" | "timestamp" | "datetime" => time(cell),
        "time" | "hour" => clock(draw),
        _ => return None,
    })
}

/// Texts about files, machines and codes.
fn artefact(cell: &Cell<'_>, last: &str, _split: &[&str]) -> Option<String> {
    let draw = cell.own();
    let of = |list: &[&'static str]| (*draw.from_list(list)).to_string();
    Some(match last {
        "color" | "colour" => of(&COLOURS),
        "language" | "lang" | "languages" => of(&LANGUAGES),
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
        | "commit" => format!("{:016x}{:016x}", draw.bits(), draw.at(1).bits()),
        "token" | "secret" | "password" => format!("{:012x}", draw.bits() >> 16),
        "id" | "ids" | "uuid" | "guid" | "identifier" | "key" | "ref" | "reference" | "oid" => {
            format!("{:08x}", draw.bits() >> 32)
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
        "region" | "zone" => of(&REGIONS),
        "reason" => of(&REASONS),
        "note" | "notes" | "comment" | "comments" | "feedback" | "remarks" => of(&NOTES),
        "description" | "summary" | "body" | "content" | "message" | "text" | "details"
        | "abstract" | "overview" | "bio" | "prompt" | "instructions" => of(&SENTENCES),
        "status" | "state" => of(&["active", "pending", "completed"]),
        "type" | "kind" | "mode" => of(&["standard", "basic", "premium", "custom"]),
        "category" | "categories" | "topic" | "subject" | "industry" | "field" => of(&CATEGORIES),
        "genre" | "genres" => of(&GENRES),
        "tag" | "tags" | "keyword" | "keywords" | "query" | "q" => of(&TAGS),
        _ => return None,
    })
}

/// Words of a kind, and numbers written as text.
fn word(cell: &Cell<'_>, last: &str, split: &[&str]) -> Option<String> {
    let draw = cell.own();
    let of = |list: &[&'static str]| (*draw.from_list(list)).to_string();
    Some(match last {
        "role" | "permission" | "scope" => of(&ROLES),
        "job" | "occupation" | "profession" | "position" => of(&JOBS),
        "department" | "team" | "group" => of(&DEPARTMENTS),
        "method" => of(&METHODS),
        "unit" | "units" => of(&UNITS),
        "currency" => of(&["USD", "EUR", "GBP", "JPY", "CAD"]),
        "size" => of(&["small", "medium", "large"]),
        "priority" | "severity" => of(&["low", "normal", "high"]),
        "format" => of(&["json", "csv", "pdf"]),
        "author" | "artist" | "director" | "writer" => of(&AUTHORS),
        "user" | "owner" | "assignee" | "customer" | "member" | "person" | "contact" | "guest"
        | "manager" | "creator" | "by" => full_name(cell.row),
        "ingredient" | "ingredients" | "dish" | "cuisine" | "food" | "recipe" => of(&DISHES),
        "product" | "item" => of(&PRODUCTS),
        "project" | "workspace" | "campaign" => of(&PROJECTS),
        "name" | "title" | "names" => named(cell, split),
        "price" | "amount" | "cost" | "total" | "balance" | "fee" => {
            format!("{}.{:02}", draw.between(5, 950), draw.at(1).below(100))
        }
        "latitude" | "lat" => format!("{}.{:04}", draw.between(-55, 65), draw.at(1).below(10_000)),
        "longitude" | "lng" | "lon" => {
            format!("{}.{:04}", draw.between(-150, 150), draw.at(1).below(10_000))
        }
        "count" | "quantity" | "number" | "limit" | "num" | "age" | "days" => {
            draw.between(1, 60).to_string()
        }
        "year" => draw.between(1998, 2025).to_string(),
        "percent" | "percentage" | "rate" => {
            format!("{}.{}", draw.between(0, 99), draw.at(1).below(10))
        }
        "weather" | "forecast" | "condition" | "conditions" => {
            of(&["clear sky", "light rain", "overcast", "scattered clouds", "fog", "heavy snow"])
        }
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
        "user" | "member" | "customer" | "person" | "contact" | "employee" | "patient"
        | "student" | "author" | "guest" | "driver" | "lead" | "candidate" | "player"
        | "teacher" | "doctor" | "passenger" | "recipient" | "client" | "profile"
        | "subscriber" | "agent" => full_name(cell.row),
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
        "" => plain(cell, ""),
        _ => format!("{} {last}", of(&ADJECTIVES)),
    }
}

/// What reads like a value though nothing is known of it.
fn plain(cell: &Cell<'_>, last: &str) -> String {
    let draw = cell.own();
    let noun = if last.is_empty() || 18 < last.len() {
        (*draw.at(1).from_list(&THINGS)).to_string()
    } else {
        last.to_string()
    };
    format!("{} {noun}", draw.from_list(&ADJECTIVES).to_lowercase())
}

fn person(row: Draw) -> (&'static str, &'static str) {
    let row = row.with("person");
    let (first, last) = (row.with("first"), row.with("last"));
    let first: &&'static str = first.from_list(EN::NAME_FIRST_NAME);
    let last: &&'static str = last.from_list(EN::NAME_LAST_NAME);
    (first, last)
}

fn full_name(row: Draw) -> String {
    let (first, last) = person(row);
    format!("{first} {last}")
}

fn user_name(row: Draw) -> String {
    let (first, last) = person(row);
    let year = row.with("person").with("year").between(70, 99);
    format!("{}{}{year}", letters(first).chars().next().unwrap_or('x'), letters(last))
}

fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase()
}

fn email(cell: &Cell<'_>) -> String {
    let (first, last) = person(cell.row);
    let domain = cell.row.with("person").with("mail").from_list(&DOMAINS);
    format!("{}.{}@{domain}", letters(first), letters(last))
}

fn phone(draw: Draw) -> String {
    format!("+1-{}-555-{:04}", draw.between(201, 989), draw.at(1).between(100, 9999))
}

fn company(draw: Draw) -> String {
    let name: &&str = draw.with("company").from_list(EN::NAME_LAST_NAME);
    format!("{name} {}", draw.with("end").from_list(&COMPANY_ENDS))
}

fn url(cell: &Cell<'_>) -> String {
    let draw = cell.own();
    format!("https://{}/{}", draw.from_list(&DOMAINS), slug(draw.at(1)))
}

fn host(draw: Draw) -> String {
    format!("{}.{}", slug(draw), draw.with("domain").from_list(&DOMAINS))
}

fn address_of_machine(draw: Draw) -> String {
    format!("10.{}.{}.{}", draw.below(256), draw.at(1).below(256), draw.at(2).between(1, 254))
}

fn clock(draw: Draw) -> String {
    format!("{:02}:{:02}", draw.between(7, 21), draw.at(1).between(0, 3) * 15)
}

fn slug(draw: Draw) -> String {
    let thing = draw.with("thing").from_list(&THINGS);
    format!("{}-{thing}", draw.with("adjective").from_list(&ADJECTIVES).to_lowercase())
}

/// A name as people give machines: `amber-harbor-41`.
pub(in crate::materialize) fn identifier(draw: Draw) -> String {
    format!("{}-{}", slug(draw), draw.with("digits").between(10, 99))
}

fn spelled(value: &Value) -> String {
    value.as_text().unwrap_or_default().into()
}
