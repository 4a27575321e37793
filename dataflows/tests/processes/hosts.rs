//! Hosts with networks of their own, behind a switch: namespaces of this machine's kernel.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Some hosts; they are gone with it.
pub(super) struct Hosts {
    switch: String,
    names: Vec<String>,
}

impl Hosts {
    /// So many hosts, on a network where they see one another and nobody else; none where this user
    /// may not make them, which is told.
    pub(super) fn new(count: usize) -> Option<Hosts> {
        static GIVEN: AtomicU32 = AtomicU32::new(0);
        let (process, ordinal) = (std::process::id(), GIVEN.fetch_add(1, Ordering::Relaxed));
        let name = |what: &str| format!("as-{process}-{ordinal}-{what}");
        let names = (1..=count).map(|it| name(&it.to_string())).collect();
        let hosts = Hosts { switch: name("switch"), names };
        if hosts.set_up() {
            return Some(hosts);
        }
        eprintln!("SKIPPED: network namespaces cannot be made here (`ip netns add` wants root)");
        None
    }

    fn set_up(&self) -> bool {
        let switch = self.switch.as_str();
        let is_there = ip(&["netns", "add", switch])
            && ip(&["-n", switch, "link", "add", "bridge", "type", "bridge"])
            && ip(&["-n", switch, "link", "set", "bridge", "up"]);
        is_there
            && self.names.iter().enumerate().all(|(place, name)| {
                let (port, address) = (port(place), format!("{}/24", address(place)));
                let inside = |words: &[&str]| ip(&[&["-n", name.as_str()], words].concat());
                let pair = ["type", "veth", "peer", "name", "eth0", "netns", name];
                ip(&["netns", "add", name])
                    && ip(&[&["-n", switch, "link", "add", &port], &pair[..]].concat())
                    && ip(&["-n", switch, "link", "set", &port, "master", "bridge", "up"])
                    && inside(&["addr", "add", &address, "dev", "eth0"])
                    && inside(&["link", "set", "eth0", "up"])
                    && inside(&["link", "set", "lo", "up"])
            })
    }

    /// The lines of a hosts file.
    pub(super) fn lines(&self) -> String {
        (0..self.names.len()).map(|place| format!("{}:2101  # a port\n", address(place))).collect()
    }

    /// The command as given on one of the hosts.
    pub(super) fn on(&self, place: usize, command: &Command) -> Command {
        let mut there = Command::new("ip");
        there.args(["netns", "exec", &self.names[place]]);
        there.arg(command.get_program()).args(command.get_args());
        there.stdout(Stdio::piped()).stderr(Stdio::piped());
        there
    }

    /// Pulls a host's cable out.
    pub(super) fn unplug(&self, place: usize) {
        assert!(ip(&["-n", &self.switch, "link", "set", &port(place), "down"]));
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in self.names.iter().chain([&self.switch]) {
            ip(&["netns", "del", name]);
        }
    }
}

fn address(place: usize) -> String {
    format!("10.77.0.{}", place + 1)
}

fn port(place: usize) -> String {
    format!("port{place}")
}

/// Whether it was done.
fn ip(words: &[&str]) -> bool {
    let mut command = Command::new("ip");
    let done = command.args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}
