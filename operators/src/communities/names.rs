//! Short human names for domains.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schemas::{Tool, Weights};

use crate::encode::log2;
use crate::encode::words::{spoken, words};

/// Most words of a name about what its tools are about.
const TOPICS_MAX: usize = 2;
/// Most characters of a word, and fewest.
const CHARS_MAX: usize = 20;
const CHARS_MIN: usize = 2;
/// Most words heard of one text.
const HEARD_MAX: usize = 60;
/// What a word counts in a name or a path, where it counts one in a description.
const NAMED: u64 = 4;
/// What any word says is told by about so many bits less than it has, and by so many at most.
const BITS_OFF: u64 = 1 << 16;
const BITS_MAX: u64 = 7 << 16;

/// Verbs and fillers, which say what a tool does but not what it is about, and count a quarter.
const COMMON: &str = "able abort about above accept access according acknowledge acquire across \
                      action activate add additional adjust advance after against allocate allow \
                      allowed already alt always analyse analyze another app append application \
                      apply approve archive arrange ask assign associate async attach attempt \
                      authenticate authorize available await back base based basic batch before \
                      begin between bind blank body boolean both bulk but calculate call cancel \
                      case categorize certain change check choose clear click clone close cloud \
                      collect com combine common compare complete compute configuration configure \
                      confirm consume contain context convert copy core count create current \
                      currently custom customize data deactivate debug decline decode decrease \
                      decrypt define delete deliver demote deny deprecate deregister derive \
                      describe description destroy detach detail detect determine different \
                      directly disable disassociate disconnect dismiss display don download drop \
                      during easily edit either eject element empty enable enabled encode encrypt \
                      end enroll ensure enter entire entity entry enumerate etc evaluate even \
                      every examine example exclude execute exist existing expand expire explain \
                      extend extract false fetch fill find finish first fix flush follow \
                      following force format four full function further gain general generate get \
                      give given global grant handle help here hide html http https id identifier \
                      identify ignore improve include including increase indicate info \
                      information initialize initiate inner input insert inspect install integer \
                      internal invalidate invoke item its itself join json just keep kill kind \
                      know last latest launch least leave let level like list load local locate \
                      long lookup main make manage mark max maximum me mean measure merge method \
                      microsoft migrate min minimum mode modify most move multiple my name need \
                      next non none note notify null number object obtain off ok old once online \
                      open operation optimize option optional org otherwise our out output over \
                      overwrite own param parameter parse part particular pass patch path pause \
                      per perform ping populate possible post predict prepare present preview \
                      previous process promote property provide provider provision public publish \
                      purge put python query quit raise rate raw re reach read rebuild receive \
                      recommend recover redirect refresh register reject related reload remove \
                      rename renew reopen reorder replace reply request require required resend \
                      reset resize resolve resource resourcegroup respective respond response \
                      rest restart restore restrict result resume retire retrieve retry return \
                      reverse revert revoke root rotate run same sample save scan search second \
                      section see select send separate service set show shut simple simply \
                      simulate since single size skip so some sort source specific specified \
                      specify split start still stop string sub submit subscribe subscription \
                      suggest summarize support supported suspend swap switch sync synchronize \
                      take target tell terminate than them they thing three through toggle tool \
                      top total trigger true truncate try turn two type unassign unbind unblock \
                      under undo uninstall unique unless unlink unlock unpublish unregister \
                      unsubscribe untag until up update upgrade upload upsert url us useful valid \
                      validate value variable various verify version via view visit vs wait want \
                      way we well what where whether while who whole whose withdraw within \
                      without work would write xml year yes yet";

/// Words of hosts and services that name no vendor.
const NO_VENDOR: &str = "api app client cloud com data dev developer developers docs gateway \
                         github integration io main management mcp net open openapi org platform \
                         portal public rest sandbox server service suite test tool tools v v1 v2 \
                         web www";

/// A short name in kebab case from what the members' names, paths and descriptions have in common
/// and other tools have not, such as `hotel-bookings`; after the vendor's, if all are of one.
///
/// A function of the members, whatever their order. Two domains may get one name; their ids tell
/// them apart.
pub fn domain_name(members: &[&Tool], weights: &Weights) -> String {
    let said = Said::by(members);
    let vendor = vendor(members);
    let mut chosen: Vec<&str> = Vec::new();
    let mut best = 0;
    while chosen.len() < TOPICS_MAX + usize::from(vendor.is_none()) {
        let barred = vendor.as_ref().map(|(word, _)| word.as_str());
        let Some((score, word)) = said.next(&chosen, barred, weights) else { break };
        best = best.max(score);
        // The first counted double: a quarter as much as it, and the third more.
        let enough = match chosen.len() {
            0 => 0,
            1 => best / 8,
            _ => best / 3,
        };
        if score < enough {
            break;
        }
        chosen.push(word);
    }
    said.arrange(&mut chosen);
    let last = chosen.len().saturating_sub(1);
    let topics = chosen.iter().enumerate().map(|(place, word)| said.written(word, place == last));
    let words: Vec<String> = vendor.into_iter().map(|(_, name)| name).chain(topics).collect();
    match words.is_empty() {
        true => "tools".into(),
        false => words.join("-"),
    }
}

/// Whether a name that a domain had before still says what its members are about: each word, the
/// vendor's apart, is said by a fourth of them, where a new name wants more.
pub fn still_fits(name: &str, members: &[&Tool]) -> bool {
    let said = Said::by(members);
    let vendor = vendor(members).map(|(_, written)| format!("{written}-"));
    let topics = vendor.and_then(|vendor| name.strip_prefix(&vendor)).unwrap_or(name);
    let is_said = |(word, heard): (&String, &Word), topic: &str| {
        let is_it = word == topic || heard.written.contains_key(topic);
        is_it && members.len() <= 4 * heard.members.len()
    };
    topics.split('-').all(|topic| said.words.iter().any(|word| is_said(word, topic)))
}

/// What the members of a domain say.
struct Said {
    members: usize,
    common: BTreeSet<&'static str>,
    /// By word.
    words: BTreeMap<String, Word>,
    /// The words of each name and each path, in their order.
    texts: Vec<Vec<String>>,
}

#[derive(Default)]
struct Word {
    /// How loud each member that says it says it.
    members: BTreeMap<usize, u64>,
    /// How often it is written how.
    written: BTreeMap<String, usize>,
}

impl Said {
    fn by(members: &[&Tool]) -> Said {
        let mut said = Said {
            members: members.len(),
            common: COMMON.split(' ').collect(),
            words: BTreeMap::new(),
            texts: Vec::new(),
        };
        for (member, tool) in members.iter().enumerate() {
            let path = tool.path.as_deref().unwrap_or_default().split('/');
            let (holes, nouns): (Vec<&str>, Vec<&str>) =
                path.partition(|segment| segment.contains('{'));
            // A name made of its path says the path's parameters too: they are no topics.
            let nouns = nouns.join(" ");
            let mut holes: BTreeSet<String> = words(&holes.join(" ")).into_iter().collect();
            for noun in words(&nouns) {
                holes.remove(&noun);
            }
            for text in [tool.name.as_str(), &nouns] {
                said.hear(member, text, |word| if holes.contains(word) { 1 } else { NAMED });
                said.texts.push(words(text));
            }
            said.hear(member, &tool.description, |_| 1);
        }
        said
    }

    fn hear(&mut self, member: usize, text: &str, loudness: impl Fn(&str) -> u64) {
        for (word, written) in spoken(text).into_iter().take(HEARD_MAX) {
            let chars = word.chars().count();
            if !(CHARS_MIN..=CHARS_MAX).contains(&chars) {
                continue;
            }
            let loudness = loudness(&word);
            let word = self.words.entry(word).or_default();
            let heard = word.members.entry(member).or_default();
            *heard = loudness.max(*heard);
            *word.written.entry(written).or_default() += 1;
        }
    }

    /// The word that tells most of these members, beside those chosen and one that is barred.
    /// Members that say none of those chosen count double.
    fn next(
        &self,
        chosen: &[&str],
        barred: Option<&str>,
        weights: &Weights,
    ) -> Option<(u64, &str)> {
        let heard: BTreeSet<usize> = chosen
            .iter()
            .filter_map(|word| self.words.get(*word))
            .flat_map(|word| word.members.keys().copied())
            .collect();
        let score = |said: &str, word: &Word| {
            let sum: u64 = word
                .members
                .iter()
                .map(|(member, loudness)| loudness * if heard.contains(member) { 1 } else { 2 })
                .sum();
            sum * tells(weights, said) / if self.is_topic(said) { 1 } else { 4 }
        };
        let script = chosen.first().map(|word| word.is_ascii());
        let covers = |said: &str, word: &Word| {
            let named = word.members.values().filter(|loudness| **loudness == NAMED).count();
            // What descriptions alone say is the writer's turn of phrase more often than a topic.
            2 * self.members <= 5 * word.members.len()
                && (!said.is_ascii() || self.members <= 5 * named)
        };
        // `actor-act` says one thing twice.
        let again =
            |said: &str| chosen.iter().any(|word| word.starts_with(said) || said.starts_with(word));
        self.words
            .iter()
            .filter(|(said, _)| !again(said) && barred != Some(said.as_str()))
            .filter(|(said, word)| {
                script.is_none_or(|ascii| ascii == said.is_ascii() && covers(said, word))
            })
            .map(|(said, word)| {
                let (broad, topic) = (covers(said, word), self.is_topic(said));
                let ranked = (broad && topic, topic, broad);
                (ranked, score(said, word), Reverse(said.as_str()))
            })
            .filter(|(_, score, _)| 0 < *score)
            .max()
            .map(|(_, score, said)| (score, said.0))
    }

    /// Whether a word may be what tools are about. Names become names of files: words of other
    /// scripts are for domains that have no other word.
    fn is_topic(&self, word: &str) -> bool {
        word.is_ascii() && !self.common.contains(word)
    }

    /// Puts words in the order in which most names and paths have them.
    fn arrange(&self, chosen: &mut [&str]) {
        let precedes = |one: &str, other: &str| {
            let place = |text: &[String], word: &str| text.iter().position(|said| said == word);
            let compare = |text: &Vec<String>| Some(place(text, one)?.cmp(&place(text, other)?));
            let orders: Vec<_> = self.texts.iter().filter_map(compare).collect();
            2 * orders.iter().filter(|order| order.is_lt()).count() > orders.len()
        };
        let words = chosen.to_vec();
        chosen.sort_by_cached_key(|word| {
            Reverse(words.iter().filter(|other| precedes(word, other)).count())
        });
    }

    /// How a word is written here: the last of a name in the plural, if that is not rare.
    fn written(&self, word: &str, last: bool) -> String {
        let written = &self.words[word].written;
        let often = written.values().sum::<usize>() / 4;
        let forms = written.iter().filter(|(_, times)| often <= **times).map(|(form, _)| form);
        let form = match last {
            true => forms.max_by_key(|form| (form.len(), Reverse(form.as_str()))),
            false => forms.min_by_key(|form| (form.len(), form.as_str())),
        };
        form.cloned().unwrap_or_else(|| word.to_string())
    }
}

/// How much a word tells.
fn tells(weights: &Weights, word: &str) -> u64 {
    let occurrences = weights.occurrences.get(word).copied().unwrap_or(1);
    let bits = log2(weights.tools.saturating_add(1)).saturating_sub(log2(occurrences));
    bits.saturating_sub(BITS_OFF).min(BITS_MAX) >> 8
}

/// The vendor of all members in a word, as it is compared and as it is written, if they have one
/// in common: the service if it is a word, or else the provider.
fn vendor(members: &[&Tool]) -> Option<(String, String)> {
    let first = members.first()?;
    if members.iter().any(|tool| tool.provider != first.provider) {
        return None;
    }
    let names_none = |word: &str| NO_VENDOR.split(' ').any(|other| other == word);
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let host = first.provider.contains('.') && !first.provider.contains(['/', ' ']);
    // A benchmark that offers its own tools is a collection and no vendor.
    if !host && plain(&first.source).starts_with(&plain(&first.provider)) {
        return None;
    }
    let own = match host {
        true => first.provider.split('.').find(|label| !names_none(label)),
        false => first.provider.rsplit('/').next(),
    };
    let service = members.iter().all(|tool| tool.service == first.service);
    let service = service.then_some(first.service.as_str());
    [service, own].into_iter().flatten().find_map(|text| {
        let mut words = spoken(text);
        words.retain(|(word, _)| !names_none(word));
        let [word] = <[_; 1]>::try_from(words).ok()?;
        let fits = word.1.is_ascii() && (2..=14).contains(&word.1.len());
        fits.then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use schemas::{Basis, Digest, Encoder, Output, Shape, Tool, ToolId, Weights};

    use super::{domain_name, still_fits};
    use crate::encode::fit;

    fn tool(name: &str) -> Tool {
        Tool {
            id: ToolId::of([name]),
            revision: Digest::of(name.as_bytes()),
            identity: name.into(),
            name: name.into(),
            description: String::new(),
            source: "listing".into(),
            provider: String::new(),
            service: String::new(),
            category: String::new(),
            license: String::new(),
            method: None,
            path: None,
            input: Vec::new(),
            output: Output { shape: Shape::Any, basis: Basis::Inferred },
        }
    }

    /// The name of these tools among a hundred others.
    fn named(members: &[Tool]) -> String {
        let others: Vec<Tool> = (0..100).map(|_| tool("list_parcels")).collect();
        let weights: Weights = fit(members.iter().chain(&others), Encoder::Terms);
        domain_name(&members.iter().collect::<Vec<_>>(), &weights)
    }

    #[test]
    fn the_last_word_is_plural_where_tools_write_it_so() {
        let names = ["getHotelBooking", "list_hotel_bookings", "cancel_hotel_booking"];
        assert_eq!(named(&names.map(tool)), "hotel-bookings");
        assert_eq!(named(&["getHotelStatus", "setHotelStatus"].map(tool)), "hotel-status");
    }

    #[test]
    fn words_stand_in_the_order_of_paths() {
        let members = ["create_tag", "amend_tag", "cancel_tag"].map(|name| {
            let path = Some("/zoo/{zoo}/animals/{tag}".into());
            Tool { path, ..tool(name) }
        });
        assert_eq!(named(&members), "zoo-animals");
    }

    #[test]
    fn one_vendor_lends_its_name_and_several_do_not() {
        let of = |provider: &str, service: &str| {
            ["create_invoice", "void_invoice", "send_invoice"].map(|name| Tool {
                provider: provider.into(),
                service: service.into(),
                ..tool(name)
            })
        };
        assert_eq!(named(&of("api.acme.com", "main")), "acme-invoice");
        assert_eq!(named(&of("acme.com", "ledger")), "ledger-invoice");
        assert_eq!(named(&of("@someone/acme-mcp", "Acme Office Suite Server")), "acme-invoice");
        // A collection of examples offers nothing itself.
        assert_eq!(named(&of("list", "")), "invoice");
        let mixed = [of("acme.com", "main"), of("other.com", "main")].concat();
        assert_eq!(named(&mixed), "invoice");
    }

    #[test]
    fn a_word_that_few_say_names_nobody_else() {
        let names = ["scan_harbour", "paint_harbour", "rent_harbour", "close_harbour_zeppelin"];
        assert_eq!(named(&names.map(tool)), "harbour");
    }

    #[test]
    fn turns_of_phrase_and_repetitions_are_no_topics() {
        let members = ["list_actors", "start_actor", "stop_actor", "list_actor_acts"];
        let members = members.map(|name| Tool { description: "combined act".into(), ..tool(name) });
        assert_eq!(named(&members), "actors");
    }

    #[test]
    fn a_name_fits_while_a_fourth_of_the_members_say_its_words() {
        let hotel = ["getHotelBooking", "list_hotel_bookings", "cancel_hotel_booking"].map(tool);
        let with = |strangers: usize| {
            let strangers = (0..strangers).map(|it| tool(&format!("park_trailer_{it}")));
            hotel.iter().cloned().chain(strangers).collect::<Vec<Tool>>()
        };
        let fits =
            |name: &str, members: &[Tool]| still_fits(name, &members.iter().collect::<Vec<_>>());
        assert!(fits("hotel-bookings", &with(9)));
        assert!(!fits("hotel-bookings", &with(10)));
        assert!(!fits("hotel-rooms", &with(0)));
        // A vendor's name is no topic, and stays as long as all are of that vendor.
        let of = |provider: &str| {
            let own = |it| Tool { provider: provider.into(), ..it };
            with(0).into_iter().map(own).collect::<Vec<_>>()
        };
        assert!(fits("acme-hotel-bookings", &of("api.acme.com")));
        let mixed = [of("api.acme.com"), of("other.com")].concat();
        assert!(!fits("acme-hotel-bookings", &mixed));
    }

    #[test]
    fn another_script_names_a_domain_that_says_nothing_else() {
        let members =
            ["get", "set", "list"].map(|name| Tool { description: "酒店".into(), ..tool(name) });
        assert_eq!(named(&members), "酒店");
    }
}
